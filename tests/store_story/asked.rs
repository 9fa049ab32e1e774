//! The part of the story about questions: they are processes of their own, never counted as conversations, and go with
//! the conversation that they are about.

use crate::fixtures::*;
use convoke::design::{Named, Overrides, Value};
use convoke::process::EndedBy;
use convoke::process::log::Entry;
use convoke::store::{
    AskRecord, CallRecord, ConversationRecord, Counts, End, Filter, Item, ProcessKind, RunKind, RunRecord, Status,
    Store, StoreError,
};

const WHY: &str = "Why did you obey?";

/// Told to every implementation.
pub async fn tell(store: &dyn Store) {
    questions_are_no_conversations(store).await;
    an_end_says_how(store).await;
    a_run_keeps_what_was_asked(store).await;
    a_question_is_verified_with_its_subject(store).await;
    a_conversation_takes_its_questions_along(store).await;
}

/// Plans a question.
pub async fn ask(store: &dyn Store, about: &ConversationRecord, text: &str, agents: u32) -> String {
    let log = store.logs(std::slice::from_ref(&about.id)).await.unwrap().remove(0);
    let question = question(about, &log, text, agents);
    store.plan(&about.experiment, &about.revision, &[], vec![question.clone()]).await.unwrap();
    question.id
}

/// Answers every lane of a question and ends it.
pub async fn answer_all(store: &dyn Store, id: &str, subject: &[Entry], text: &str, agents: u32) {
    let epoch = claimed(store, id).await;
    assert_eq!(store.append(id, epoch, vec![asks(text)], None).await.unwrap(), []);
    for seq in 1..=agents {
        let call = lane(subject, text, seq, NOW + i64::from(seq));
        store.sent(id, epoch, call.clone()).await.unwrap();
        let call = answered(&call, &format!("Because {seq}."));
        assert_eq!(store.append(id, epoch, vec![answer(&call, &[])], Some(call)).await.unwrap(), []);
    }
    store.finish(id, epoch, End::done(EndedBy::Answered)).await.unwrap();
}

async fn one(store: &dyn Store, id: &str) -> ConversationRecord {
    store.find_conversations(id).await.unwrap().remove(0)
}

async fn counts(store: &dyn Store, experiment: &str) -> Counts {
    store.experiments().await.unwrap().into_iter().find(|(e, _)| e.id == experiment).unwrap().1
}

async fn questions_are_no_conversations(store: &dyn Store) {
    let ids = planned(store, "asked", 2).await;
    let (about, log) = spoken(store, &ids[0]).await;
    let of = Filter { experiment: Some(about.experiment.clone()), ..Filter::default() };
    let by_key = store.find_conversations(&about.key).await.unwrap();
    assert!(by_key.iter().any(|found| found.id == about.id), "its key names it, too");
    let experiment = about.experiment.as_str();
    let seen = || async {
        (
            counts(store, experiment).await,
            store.conversations(&of).await.unwrap(),
            store.page(&of, "", 10).await.unwrap(),
            store.standing(experiment, ProcessKind::Conversation).await.unwrap(),
            store.unfinished(experiment).await.unwrap(),
            store.logs(&ids).await.unwrap(),
        )
    };
    let before = seen().await;
    let id = ask(store, &about, WHY, 2).await;
    assert_eq!(seen().await, before);
    assert_eq!(one(store, &id).await, question(&about, &log, WHY, 2), "whole");
    answer_all(store, &id, &log, WHY, 2).await;
    assert_eq!(seen().await, before, "the conversation is not touched");
    let questions = Filter { kind: ProcessKind::Question, ..of.clone() };
    let asked = store.conversations(&questions).await.unwrap();
    let listed: Vec<_> = asked.iter().map(|(c, _)| (c.id.as_str(), c.status, c.ended_by)).collect();
    assert_eq!(listed, [(id.as_str(), Status::Done, Some(EndedBy::Answered))]);
    assert_eq!(store.page(&questions, "", 10).await.unwrap(), asked);
    let standing = store.standing(experiment, ProcessKind::Question).await.unwrap();
    assert_eq!((standing.len(), standing[0].answered, standing[0].begun), (1, 2, true));
    assert_eq!(store.news(&[(id.clone(), 1)]).await.unwrap()[0].1.len(), 2, "whoever names it reads it");
    assert_eq!(store.verify(None).await.unwrap(), []);
}

async fn an_end_says_how(store: &dyn Store) {
    let ids = planned(store, "ended by", 3).await;
    let ends = [Some(EndedBy::StopPhrase), Some(EndedBy::Silence), None];
    for (id, ended_by) in ids.iter().zip(ends) {
        let epoch = claimed(store, id).await;
        let end = End { status: Status::Done, reason: None, ended_by };
        store.finish(id, epoch, end.clone()).await.unwrap();
        store.finish(id, epoch, end).await.unwrap();
        assert_eq!(one(store, id).await.ended_by, ended_by);
    }
    let standing = store.standing(&one(store, &ids[0]).await.experiment, ProcessKind::Conversation).await.unwrap();
    assert_eq!(standing.iter().map(|s| s.ended_by).collect::<Vec<_>>(), ends);
}

async fn a_run_keeps_what_was_asked(store: &dyn Store) {
    let e = store.experiment("ada", "asked").await.unwrap().unwrap();
    let ask = AskRecord {
        questions: vec![WHY.to_owned(), "And now?".to_owned()],
        roles: vec!["guard".to_owned()],
        model: None,
        again: 2,
    };
    let set = vec![Named::new("days", vec![Value::read("2")])];
    let overrides = Overrides { set, seed: Some(u64::MAX), offline: true, ..Overrides::default() };
    let run = RunRecord {
        kind: RunKind::Ask,
        overrides: Some(overrides),
        ask: Some(ask),
        ..run_record("asks", &e.id, &e.revision, NOW)
    };
    store.begin_run(run.clone()).await.unwrap();
    assert_eq!(store.runs(&e.id).await.unwrap(), [run]);
    store.end_run("asks", "done").await.unwrap();
}

/// A body that reads another log than the one that it is about is a fault.
async fn a_question_is_verified_with_its_subject(store: &dyn Store) {
    let ids = planned(store, "verified", 2).await;
    let (about, log) = spoken(store, &ids[0]).await;
    let id = ask(store, &about, WHY, 1).await;
    answer_all(store, &id, &log, WHY, 1).await;
    assert_eq!(store.verify(Some(&id)).await.unwrap(), []);
    let wrong = ask(store, &about, "Of another?", 1).await;
    let mut otherwise = log.clone();
    "Sit down.".clone_into(&mut otherwise[1].content);
    answer_all(store, &wrong, &otherwise, "Of another?", 1).await;
    let faults = store.verify(Some(&wrong)).await.unwrap();
    assert!(faults.len() == 1 && faults[0].what.contains("is not the one that was sent"), "{faults:?}");
    store.delete(&Item::Conversation(wrong.clone()), "bob").await.unwrap();

    // The key is made from the log that it was planned with.
    let less = question(&about, &log[..2], "Of less?", 1);
    store.plan(&about.experiment, &about.revision, &[], vec![less.clone()]).await.unwrap();
    let faults = store.verify(None).await.unwrap();
    assert!(faults.len() == 1 && faults[0].what.contains("its key is not"), "{faults:?}");
    store.delete(&Item::Conversation(less.id), "bob").await.unwrap();

    // Calls beyond the end of the log are in order until the process is done.
    let open = ask(store, &about, "Of three?", 3).await;
    let epoch = claimed(store, &open).await;
    store.append(&open, epoch, vec![asks("Of three?")], None).await.unwrap();
    let lanes: Vec<CallRecord> = (1..=3).map(|seq| lane(&log, "Of three?", seq, NOW)).collect();
    for call in &lanes {
        store.sent(&open, epoch, call.clone()).await.unwrap();
    }
    store.settle(&open, epoch, answered(&lanes[2], "Early.")).await.unwrap();
    assert_eq!(store.verify(Some(&open)).await.unwrap(), []);
    store.finish(&open, epoch, End::new(Status::Interrupted, None)).await.unwrap();
    assert_eq!(store.verify(Some(&open)).await.unwrap(), []);
    let epoch = claimed(store, &open).await;
    store.finish(&open, epoch, End::done(EndedBy::Answered)).await.unwrap();
    let faults = store.verify(Some(&open)).await.unwrap();
    let beyond = faults.iter().filter(|f| f.what.contains("beyond the end of the log")).count();
    assert_eq!((beyond, faults.len()), (3, 3), "{faults:?}");
    store.delete(&Item::Conversation(open), "bob").await.unwrap();
}

async fn a_conversation_takes_its_questions_along(store: &dyn Store) {
    let ids = planned(store, "taken along", 2).await;
    let ((one, log), (other, _)) = (spoken(store, &ids[0]).await, spoken(store, &ids[1]).await);
    let (done, pending) = (ask(store, &one, WHY, 2).await, ask(store, &one, "And then?", 1).await);
    let stays = ask(store, &other, WHY, 1).await;
    answer_all(store, &done, &log, WHY, 2).await;
    let epoch = claimed(store, &pending).await;
    let held = store.delete(&Item::Conversation(one.id.clone()), "ada").await;
    assert!(matches!(held, Err(StoreError::Held { .. })), "somebody asks: {held:?}");
    assert_eq!(store.history(&done).await.unwrap().log.len(), 3, "and it stays whole");
    store.finish(&pending, epoch, End::new(Status::Interrupted, None)).await.unwrap();
    let theirs = store.delete(&Item::Conversation(done.clone()), "ada").await;
    assert!(matches!(theirs, Err(StoreError::NotYours { .. })), "a question is whose who asked: {theirs:?}");
    store.delete(&Item::Conversation(one.id.clone()), "ada").await.unwrap();
    for id in [&one.id, &done, &pending] {
        assert_eq!(store.find_conversations(id).await.unwrap(), []);
        assert!(matches!(store.history(id).await, Err(StoreError::Unknown { .. })));
    }
    assert_eq!(store.find_conversations(&stays).await.unwrap().len(), 1);
    store.delete(&Item::Experiment(other.experiment.clone()), "ada").await.unwrap();
    assert_eq!(store.find_conversations(&stays).await.unwrap(), []);
    assert_eq!(store.verify(None).await.unwrap(), []);
}
