//! The part of the story that somebody who watches is told: what is not done yet, and what was said since.

use crate::fixtures::*;
use convoke::store::{End, Status, Store, Waiting};

/// Told to every implementation.
pub async fn tell(store: &dyn Store) {
    let mut ids = planned(store, "watched", 4).await;
    let experiment = store.experiment("ada", "watched").await.unwrap().unwrap();
    let waiting = |id: &str, status| Waiting { id: id.to_owned(), revision: experiment.revision.clone(), status };
    let begun = store.unfinished(&experiment.id).await.unwrap();
    assert!(begun.done.is_empty());
    ids.sort();
    assert_eq!(begun.others, ids.iter().map(|id| waiting(id, Status::Pending)).collect::<Vec<_>>());

    let [one, two, ..] = &ids[..] else { panic!("{ids:?}") };
    let mut logs = Vec::new();
    for id in [one, two] {
        let epoch = claimed(store, id).await;
        let mut log = vec![opening()];
        store.append(id, epoch, log.clone(), None).await.unwrap();
        turn(store, id, epoch, &mut log, "Stand up.").await;
        turn(store, id, epoch, &mut log, "No.").await;
        logs.push(log);
    }
    let of = [(two.clone(), 2), ("0".repeat(16), 0), (one.clone(), 0), (ids[3].clone(), 0)];
    let news = store.news(&of).await.unwrap();
    let told: Vec<_> = news.iter().map(|(c, log)| (c.id.as_str(), c.status, log.len())).collect();
    let expected = [(two, Status::Running, 1), (one, Status::Running, 3), (&ids[3], Status::Pending, 0)];
    assert_eq!(
        told,
        expected.map(|(id, status, entries)| (id.as_str(), status, entries)),
        "what is not there is left out"
    );
    assert_eq!((&news[0].1[..], &news[1].1), (&logs[1][2..], &logs[0]));
    assert_eq!(store.news(&[(one.clone(), 3)]).await.unwrap()[0].1, []);
    assert_eq!(store.news(&[]).await.unwrap(), []);

    store.finish(one, 1, End::new(Status::Done, None)).await.unwrap();
    store.finish(two, 1, End::new(Status::Failed, Some("why".to_owned()))).await.unwrap();
    let left = store.unfinished(&experiment.id).await.unwrap();
    assert_eq!(left.done.into_iter().collect::<Vec<_>>(), [(experiment.revision.clone(), 1)]);
    let expected = [(two, Status::Failed), (&ids[2], Status::Pending), (&ids[3], Status::Pending)];
    assert_eq!(left.others, expected.map(|(id, status)| waiting(id, status)));
    let ended = store.news(&[(one.clone(), 2), (two.clone(), 3)]).await.unwrap();
    assert_eq!((ended[0].0.status, &ended[0].1[..]), (Status::Done, &logs[0][2..]));
    assert_eq!((ended[1].0.reason.as_deref(), &ended[1].1[..]), (Some("why"), &[][..]));
    assert_eq!(store.unfinished("none").await.unwrap(), convoke::store::Unfinished::default());
}
