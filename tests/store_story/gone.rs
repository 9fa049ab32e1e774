//! The part of the story that tells of processes that ended without ending their conversations.

use crate::fixtures::*;
use convoke::store::{ConversationRecord, End, Filter, Lease, ProcessKind, Status, Store};
use std::fs;

fn read(name: &str) -> String {
    fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default().trim().to_owned()
}

/// A lease of a process of this machine.
pub fn lease_here(pid: u32) -> Lease {
    Lease { host: read("hostname"), boot: read("random/boot_id"), pid, ..lease("a run") }
}

/// Statuses as each verb that reads gives them, and the reasons.
async fn shown(store: &dyn Store, experiment: &str, id: &str) -> (Vec<Status>, Option<String>) {
    let filter = Filter { experiment: Some(experiment.to_owned()), ..Filter::default() };
    let of = |found: Vec<ConversationRecord>| found.into_iter().find(|c| c.id == id).unwrap();
    let listed = of(store.conversations(&filter).await.unwrap().into_iter().map(|(c, _)| c).collect());
    let page = of(store.page(&filter, "", 100).await.unwrap().into_iter().map(|(c, _)| c).collect());
    let found = of(store.find_conversations(id).await.unwrap());
    let news = store.news(&[(id.to_owned(), 0)]).await.unwrap().remove(0).0;
    let standing = store.standing(experiment, ProcessKind::Conversation).await.unwrap();
    let standing = standing.into_iter().find(|s| s.id == id).unwrap().status;
    let waiting = store.unfinished(experiment).await.unwrap().others;
    let waiting = waiting.into_iter().find(|w| w.id == id).unwrap().status;
    let reasons = [&listed, &page, &found, &news].map(|c| c.reason.clone());
    assert!(reasons.iter().all(|reason| *reason == reasons[0]), "{reasons:?}");
    (vec![listed.status, page.status, found.status, news.status, standing, waiting], reasons[0].clone())
}

/// Told to every implementation.
pub async fn tell(store: &dyn Store) {
    let ids = planned(store, "gone", 3).await;
    let experiment = store.experiment("ada", "gone").await.unwrap().unwrap().id;
    let [killed, far, alive] = &ids[..] else { panic!("{ids:?}") };
    let mut epochs = Vec::new();
    for (id, lease) in [(killed, lease_here(u32::MAX)), (far, lease("far")), (alive, lease_here(std::process::id()))] {
        let epoch = store.claim(id, lease, false).await.unwrap().lease.unwrap().epoch;
        let mut log = vec![opening()];
        store.append(id, epoch, log.clone(), None).await.unwrap();
        turn(store, id, epoch, &mut log, "Stand up.").await;
        epochs.push(epoch);
    }
    for running in [far, alive] {
        assert_eq!(shown(store, &experiment, running).await, (vec![Status::Running; 6], None));
    }
    let reason = format!("its process ended (pid {} on {})", u32::MAX, read("hostname"));
    assert_eq!(shown(store, &experiment, killed).await, (vec![Status::Interrupted; 6], Some(reason)));

    // Nothing of that is stored: whoever claims it goes on with it, and its end is its own.
    store.finish(killed, epochs[0], End::new(Status::Failed, Some("why".to_owned()))).await.unwrap();
    assert_eq!(shown(store, &experiment, killed).await, (vec![Status::Failed; 6], Some("why".to_owned())));
    assert_eq!(store.said(&[killed.clone(), "none".to_owned()]).await.unwrap(), [2, 0]);
}
