//! A stored answer without its entry is used, and not requested again (R3).

use crate::place::{Place, SMALL};
use crate::server::Server;
use convoke::model::{ChatReply, Finish, Usage};
use convoke::store::sqlite::{OpenMode, Sqlite};
use convoke::store::{CallRecord, CallState, Filter, Lease, Status, Store};
use std::time::Duration;

/// Text of the stored answer.
const SAID: &str = "This answer was kept without its entry.";

#[test]
fn an_answer_without_its_entry_is_used() {
    let server = Server::start(Duration::from_secs(5));
    let place = Place::new(&server, SMALL);
    let mut run = place.start("run e --limit 1");
    server.wait_for(1, || run.is_over());
    run.kill();
    answer_what_was_sent(&place);
    server.delay(Duration::ZERO);
    let end = place.run("run e --json --limit 1").exits(0).end();
    assert_eq!((&end["done"], &end["possible_spend"]), (&1.into(), &0.into()), "{end}");
    assert_eq!(server.count(), 3, "one before the kill, and the two turns after it");
    assert!(place.transcripts().contains(SAID));
    place.is_sound();
}

/// Stores an answer, as a run does before its entry.
fn answer_what_was_sent(place: &Place) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = Sqlite::open(&place.path().join("convoke.db"), OpenMode::Run, None).unwrap().store;
        let all = store.conversations(&Filter::default()).await.unwrap();
        let (begun, _) = all.iter().find(|(c, _)| c.status != Status::Pending).unwrap();
        let lease = Lease {
            owner: "another".to_owned(),
            host: "host".to_owned(),
            boot: "boot".to_owned(),
            pid: 1,
            epoch: 0,
            until: begun.created + 60_000,
        };
        let epoch = store.claim(&begun.id, lease, false).await.unwrap().lease.unwrap().epoch;
        let mut open = store.history(&begun.id).await.unwrap().open;
        assert_eq!(open.len(), 1, "{open:?}");
        let sent = open.remove(0);
        assert_eq!(sent.state, CallState::Sent);
        let reply = ChatReply {
            content: SAID.to_owned(),
            finish: Finish::Stop,
            usage: Usage { prompt: Some(90), completion: Some(9), cached: None },
            raw: format!(r#"{{"content": "{SAID}"}}"#),
            ..ChatReply::default()
        };
        let answered = Some(sent.sent + 5);
        let call = CallRecord { state: CallState::Answered, answered, reply: Some(reply), ..sent };
        store.settle(&begun.id, epoch, call).await.unwrap();
    });
}
