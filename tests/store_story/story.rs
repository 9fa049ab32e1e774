//! The story: what any store must do, told once. It starts with an empty one.

use crate::fixtures::*;
use convoke::design::Experiment;
use convoke::design::person_file::PersonFile;
use convoke::model::Attempt;
use convoke::process::{Flag, TextVector, text_hash};
use convoke::store::sqlite::{OpenMode, Sqlite};
use convoke::store::{CallState, Counts, End, Filter, History, ProcessKind, Status, Store, StoreError};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_tells_the_story() {
    let folder = tempfile::tempdir().unwrap();
    let opened = Sqlite::open(&folder.path().join("convoke.db"), OpenMode::Run, None).unwrap();
    the_story(Arc::new(opened.store)).await;
}

/// Told to every implementation, in this order.
pub async fn the_story(store: Arc<dyn Store>) {
    let store = store.as_ref();
    assert_eq!(store.experiments().await.unwrap(), []);
    experiments_are_saved_once(store).await;
    cells_are_planned_and_planned_again(store).await;
    a_conversation_grows_turn_by_turn(store).await;
    the_first_writer_of_a_turn_wins(store).await;
    what_was_claimed_in_vain_is_pending_again(store).await;
    what_a_kill_leaves_is_found(store).await;
    earlier_attempts_are_kept(store).await;
    only_the_holder_writes(store).await;
    any_text_comes_back(store).await;
    runs_are_recorded(store).await;
    crate::watching::tell(store).await;
    crate::gone::tell(store).await;
    crate::colleagues::tell(store).await;
    crate::asked::tell(store).await;
    crate::rounds::tell(store).await;
    texts_of_people_are_stored_once(store).await;
    vectors_of_texts_are_stored_once(store).await;
    what_is_not_there_is_said(store).await;
    assert_eq!(store.verify(None).await.unwrap(), []);
}

async fn experiments_are_saved_once(store: &dyn Store) {
    let first = new_experiment("0123456789abcdef", "ada", document("prison", "one", Some("the first note")));
    let saved = store.save(first.clone()).await.unwrap();
    assert_eq!((saved.id.as_str(), saved.version, saved.created), ("0123456789abcdef", 1, NOW));
    assert_eq!((saved.note.as_deref(), saved.run.replicates, saved.starred), (Some("the first note"), 2, false));
    let again = new_experiment("ffffffffffffffff", "ada", document("prison", "one", Some("another note")));
    assert_eq!(store.save(again).await.unwrap(), saved, "the same again changes nothing, not even by a new id or note");

    let mut edited = document("prison", "two", None);
    edited.run.replicates = 5;
    let second = store.save(new_experiment("ffffffffffffffff", "ada", edited.clone())).await.unwrap();
    assert_eq!((second.version, second.run.replicates, second.note.as_deref()), (2, 5, Some("the first note")));
    assert_ne!(second.revision, saved.revision);
    assert_eq!(store.document(&second.revision).await.unwrap(), Some(edited));
    assert_eq!(store.document(&saved.revision).await.unwrap(), Some(first.document.clone()));
    assert_eq!(store.document("none").await.unwrap(), None);

    let back = store.save(first).await.unwrap();
    assert_eq!((back.revision, back.version), (saved.revision, 3), "the last one stored is current");
    let other = store.save(new_experiment("00000000000000aa", "bob", document("prison", "one", None))).await.unwrap();
    assert_eq!((other.id.as_str(), other.note), ("00000000000000aa", None), "another creator's is another");
    assert_eq!(store.experiment("ada", "prison").await.unwrap().unwrap().version, 3);
    assert_eq!(store.experiment("eve", "prison").await.unwrap(), None);
    let counted: Vec<_> = store.experiments().await.unwrap().into_iter().map(|(e, _)| e).collect();
    assert_eq!(store.records().await.unwrap(), counted);
    let ids: Vec<_> = counted.into_iter().map(|e| e.id).collect();
    assert_eq!(ids, ["00000000000000aa", "0123456789abcdef"], "of one age, by id");
}

/// Vectors return as they were, bit for bit, and the first of two stays.
async fn vectors_of_texts_are_stored_once(store: &dyn Store) {
    let vector = |text: &str, numbers: &[f32]| TextVector { hash: text_hash("lab/m", text), numbers: numbers.into() };
    let hashes = |texts: &[&str]| texts.iter().map(|text| text_hash("lab/m", text)).collect::<Vec<_>>();
    assert_eq!(store.vectors(&hashes(&["a"])).await.unwrap(), [], "nothing is stored yet");
    store.keep_vectors(Vec::new()).await.unwrap();
    let a = vector("a", &[1.0, -0.0, f32::MIN_POSITIVE, 0.1]);
    store.keep_vectors(vec![a.clone(), vector("b", &[0.5; 4])]).await.unwrap();
    let many = (0..2500).map(|n| vector(&format!("{n}"), &[n as f32])).collect::<Vec<_>>();
    store.keep_vectors([vec![vector("a", &[9.0])], many].concat()).await.unwrap();
    let found = store.vectors(&hashes(&["a", "none"])).await.unwrap();
    assert_eq!(found, [a]);
    assert!(found[0].numbers[1].is_sign_negative());
    assert_eq!(store.vectors(&[text_hash("lab/other", "a")]).await.unwrap(), [], "another model has another vector");
    let all: Vec<String> = (0..2500).map(|n| text_hash("lab/m", &format!("{n}"))).collect();
    assert_eq!(store.vectors(&all).await.unwrap().len(), 2500);
}

/// A document names files of people by their hashes; their texts return with it. More files than one batch holds.
async fn texts_of_people_are_stored_once(store: &dyn Store) {
    let text = |n: usize| format!("{{\"name\": \"Person {n}\", \"about\": \"\u{1b} é\\u0000 {}\"}}\r\n", "x".repeat(n));
    let file = |n: usize| PersonFile::new(&format!("people/{n:03}.json"), text(n));
    let mut first = document("crowd", "one", None);
    first.people = (0..100).map(file).collect();
    let mut second = document("crowd", "two", None);
    second.people = vec![file(7), PersonFile::new("people/other name.json", text(7)), file(101)];
    for document in [&first, &second, &first] {
        let saved = store.save(new_experiment("00000000000000cc", "ada", document.clone())).await.unwrap();
        let found = store.document(&saved.revision).await.unwrap().unwrap();
        assert_eq!(found, *document);
        let texts = |e: &Experiment| e.people.iter().map(|f| f.text().map(str::to_owned)).collect::<Vec<_>>();
        assert_eq!(texts(&found), texts(document), "byte for byte");
        assert!(texts(&found).iter().all(Option::is_some));
    }
    assert_eq!(store.verify(None).await.unwrap(), []);
}

async fn cells_are_planned_and_planned_again(store: &dyn Store) {
    let e = store.experiment("ada", "prison").await.unwrap().unwrap();
    // Written out of order: the order is that of creation.
    let cells: Vec<_> = [2, 0, 1].map(|n| conversation(&e.id, &e.revision, n)).to_vec();
    store.plan(&e.id, &e.revision, &[], cells.clone()).await.unwrap();
    store.plan(&e.id, &e.revision, &[], cells.clone()).await.unwrap();
    let listed = store.conversations(&Filter::default()).await.unwrap();
    let expected: Vec<_> = [1, 2, 0].map(|i| (cells[i].clone(), vec![])).to_vec();
    assert_eq!(listed, expected);
    assert_eq!(counts(store, &e.id).await, Counts { done: 0, failed: 0, left: 3, ..Counts::default() });

    let new = store.save(new_experiment("-", "ada", document("prison", "three", None))).await.unwrap();
    let only_older = Counts { older: 3, ..Counts::default() };
    assert_eq!(counts(store, &e.id).await, only_older, "nothing of the new revision is planned");
    let keys = [cells[0].key.clone(), cells[1].key.clone(), "of nothing".to_owned()];
    store.plan(&e.id, &new.revision, &keys, vec![conversation(&e.id, &new.revision, 3)]).await.unwrap();
    assert_eq!(counts(store, &e.id).await.left, 3, "two marked, one new");
    let of_new = Filter { experiment: Some(e.id.clone()), revision: Some(new.revision.clone()), ..Filter::default() };
    assert_eq!(store.conversations(&of_new).await.unwrap().len(), 3);
    let of_other = Filter { experiment: Some("00000000000000aa".to_owned()), revision: None, ..Filter::default() };
    assert_eq!(store.conversations(&of_other).await.unwrap(), []);
    let standing = store.standing(&e.id, ProcessKind::Conversation).await.unwrap();
    assert_eq!(standing.iter().map(|s| s.replicate).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(standing.iter().filter(|s| s.revision == new.revision).count(), 3);
    assert!(standing.iter().all(|s| s.status == Status::Pending && !s.begun && s.seed > u64::MAX - 9));
    prefixes_find(store, &cells[0].id).await;
}

async fn prefixes_find(store: &dyn Store, id: &str) {
    let found = store.find_conversations(&id[..10]).await.unwrap();
    assert_eq!(found.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), [id]);
    let all = store.find_conversations("").await.unwrap();
    assert_eq!(all.len(), 4);
    let by_key = store.find_conversations(&all[0].key).await.unwrap();
    assert!(by_key.iter().any(|c| c.id == all[0].id), "its key names it, too");
    for wrong in ["%", "_", "*", "?", "'", "$", ".*", "\u{10ffff}", &format!("{id}0")] {
        assert_eq!(store.find_conversations(wrong).await.unwrap(), [], "{wrong}");
    }
}

async fn counts(store: &dyn Store, experiment: &str) -> Counts {
    let all = store.experiments().await.unwrap();
    all.into_iter().find(|(e, _)| e.id == experiment).unwrap().1
}

async fn a_conversation_grows_turn_by_turn(store: &dyn Store) {
    let ids = planned(store, "growth", 2).await;
    let id = &ids[0];
    let claimed = store.claim(id, lease("run-1"), false).await.unwrap();
    assert_eq!((claimed.status, claimed.retries), (Status::Running, 0));
    let held = claimed.lease.unwrap();
    assert_eq!((held.owner.as_str(), held.pid, held.epoch), ("run-1", GONE, 1));
    assert!(held.until >= NOW + 60_000, "by the clock of the database, if it has one");
    assert_eq!(store.history(id).await.unwrap(), History::default());

    let mut log = vec![opening()];
    assert_eq!(store.append(id, 1, log.clone(), None).await.unwrap(), []);
    for content in ["Stand up.", "No.", ""] {
        turn(store, id, 1, &mut log, content).await;
    }
    let flagged = answered(&call(&log, NOW), "…");
    log.push(speech(&flagged, &[Flag::Repetition, Flag::Empty]));
    store.append(id, 1, vec![log[4].clone()], Some(flagged)).await.unwrap();
    assert_eq!(store.history(id).await.unwrap(), History { log: log.clone(), open: vec![] });
    let standing = &store.standing(&claimed.experiment, ProcessKind::Conversation).await.unwrap()[0];
    assert_eq!((standing.begun, standing.answered, standing.possible_spend), (true, 4, 0));

    let calls = store.calls(id).await.unwrap();
    assert_eq!(calls.len(), 4);
    assert_eq!(calls[1], answered(&call(&log[..2], NOW + 2000), "No."), "whole, its texts put back");
    store.finish(id, 1, End::new(Status::Done, None)).await.unwrap();
    store.finish(id, 1, End::new(Status::Done, None)).await.unwrap();
    let (record, flags) = &store.conversations(&Filter::default()).await.unwrap()[0].clone();
    assert_eq!((record.id != *id, flags.len()), (true, 0), "older experiments come first");
    let of = Filter { experiment: Some(claimed.experiment.clone()), revision: None, ..Filter::default() };
    let (record, flags) = store.conversations(&of).await.unwrap().swap_remove(0);
    assert_eq!((record.status, record.lease, record.reason), (Status::Done, None, None));
    assert_eq!(
        flags,
        [Flag::Repetition, Flag::Empty]
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
    assert_eq!(counts(store, &claimed.experiment).await, Counts { done: 1, failed: 0, left: 1, ..Counts::default() });
    assert!(matches!(store.claim(id, lease("run-2"), true).await, Err(StoreError::Ended { .. })), "it is done");
}

async fn what_was_claimed_in_vain_is_pending_again(store: &dyn Store) {
    let id = &planned(store, "vain", 1).await[0];
    let before = store.find_conversations(id).await.unwrap().remove(0);
    for _ in 0..2 {
        let epoch = claimed(store, id).await;
        store.finish(id, epoch, End::new(Status::Pending, None)).await.unwrap();
        assert_eq!(store.find_conversations(id).await.unwrap(), std::slice::from_ref(&before));
        let standing = &store.standing(&before.experiment, ProcessKind::Conversation).await.unwrap()[0];
        assert_eq!((standing.status, standing.begun), (Status::Pending, false));
    }
    let unfinished = store.unfinished(&before.experiment).await.unwrap();
    assert_eq!(unfinished.others[0].status, Status::Pending);
}

async fn the_first_writer_of_a_turn_wins(store: &dyn Store) {
    let id = &planned(store, "first", 1).await[0];
    let epoch = claimed(store, id).await;
    let mut log = vec![opening()];
    let sent = call(&log, NOW);
    let (one, other) = (answered(&sent, "one"), answered(&sent, "other"));
    let gap = store.append(id, epoch, vec![speech(&one, &[])], Some(one.clone())).await;
    assert_eq!(gap, Err(StoreError::Gap { conversation: id.clone(), length: 0, seq: 1 }));
    assert_eq!(store.calls(id).await.unwrap(), [], "nothing of a refused write is kept");

    store.append(id, epoch, log.clone(), None).await.unwrap();
    store.append(id, epoch, vec![speech(&one, &[])], Some(one.clone())).await.unwrap();
    log.push(speech(&one, &[]));
    let twice = store.append(id, epoch, vec![speech(&one, &[])], Some(one.clone())).await.unwrap();
    assert_eq!(twice, [], "the same again is no news");
    let next = answered(&call(&log, NOW), "follows from other");
    let adopted = store.append(id, epoch, vec![speech(&other, &[]), speech(&next, &[])], Some(other)).await.unwrap();
    assert_eq!(adopted, [log[1].clone()], "what is stored is adopted, and what followed from the other is not written");
    assert_eq!(store.history(id).await.unwrap().log, log);
    assert_eq!(store.calls(id).await.unwrap(), [one]);
    let with_gap = store
        .append(
            id,
            epoch,
            vec![log[1].clone(), speech(&answered(&call(&[log.clone(), log.clone()].concat(), NOW), "x"), &[])],
            None,
        )
        .await;
    assert!(matches!(with_gap, Err(StoreError::Gap { length: 2, seq: 4, .. })));
    let whole = [log.clone(), vec![speech(&next, &[])]].concat();
    assert_eq!(store.append(id, epoch, whole.clone(), Some(next)).await.unwrap(), [], "what is missing is added");
    assert_eq!(store.history(id).await.unwrap().log, whole);
}

async fn what_a_kill_leaves_is_found(store: &dyn Store) {
    let id = &planned(store, "killed", 1).await[0];
    let epoch = claimed(store, id).await;
    let log = vec![opening()];
    store.append(id, epoch, log.clone(), None).await.unwrap();
    let first = call(&log, NOW + 1);
    store.sent(id, epoch, first.clone()).await.unwrap();
    store.sent(id, epoch, first.clone()).await.unwrap();
    assert_eq!(store.history(id).await.unwrap().open, std::slice::from_ref(&first), "the same asking counts once");
    assert_eq!(spend(store, id).await, 1);

    // Killed before the answer: the next claim asks again, and the first asking was lost.
    let epoch = claimed(store, id).await;
    let again = call(&log, NOW + 9000);
    store.sent(id, epoch, again.clone()).await.unwrap();
    let open = store.history(id).await.unwrap().open.remove(0);
    let lost = &open.attempts[0];
    assert_eq!((lost.at, lost.error.as_deref(), lost.possible_spend), (NOW + 1, Some("lost"), true));
    assert_eq!(
        (open.attempts.len(), open.sent, open.state, spend(store, id).await),
        (1, NOW + 9000, CallState::Sent, 2)
    );

    // Killed between the answer and its entry: it is used, not asked again.
    store.settle(id, epoch, answered(&again, "here")).await.unwrap();
    store.settle(id, epoch, answered(&again, "there")).await.unwrap();
    let epoch = claimed(store, id).await;
    let open = store.history(id).await.unwrap().open.remove(0);
    assert_eq!(open.reply.as_ref().unwrap().content, "here");
    let refused = store.sent(id, epoch, call(&log, NOW)).await;
    assert_eq!(refused, Err(StoreError::Answered { conversation: id.clone(), seq: 1, call: open.call }));
    store.append(id, epoch, vec![speech(&open, &[])], Some(open.clone())).await.unwrap();
    assert_eq!(store.history(id).await.unwrap().open, []);
    assert_eq!(store.calls(id).await.unwrap(), [open], "the attempts are not doubled");
    assert_eq!(spend(store, id).await, 1, "only the lost one");
}

async fn spend(store: &dyn Store, id: &str) -> u32 {
    let conversation = store.find_conversations(id).await.unwrap().remove(0);
    let standing = store.standing(&conversation.experiment, ProcessKind::Conversation).await.unwrap();
    standing.iter().find(|s| s.id == id).unwrap().possible_spend
}

async fn earlier_attempts_are_kept(store: &dyn Store) {
    let id = &planned(store, "attempts", 1).await[0];
    let attempt = |at: i64, error: Option<&str>, possible_spend: bool| Attempt {
        at,
        took: 100,
        error: error.map(str::to_owned),
        message: None,
        waited: Some(50),
        possible_spend,
    };
    let epoch = claimed(store, id).await;
    let log = vec![opening()];
    store.append(id, epoch, log.clone(), None).await.unwrap();
    let mut asked = call(&log, NOW);
    store.sent(id, epoch, asked.clone()).await.unwrap();
    asked.state = CallState::Failed;
    asked.attempts = vec![attempt(1, Some("busy"), false), attempt(2, Some("timeout"), true)];
    store.settle(id, epoch, asked.clone()).await.unwrap();
    store.finish(id, epoch, End::new(Status::Failed, Some("its context is full".to_owned()))).await.unwrap();
    assert_eq!(store.history(id).await.unwrap().open, [asked], "why it failed");
    assert!(matches!(store.claim(id, lease("run"), false).await, Err(StoreError::Ended { .. })));
    let record = store.claim(id, lease("run"), true).await.unwrap();
    assert_eq!((record.retries, record.reason, record.status), (1, None, Status::Running));

    let epoch = record.lease.unwrap().epoch;
    let again = call(&log, NOW + 7);
    store.sent(id, epoch, again.clone()).await.unwrap();
    let mut answer = answered(&again, "at last");
    answer.attempts = vec![attempt(3, None, false)];
    store.append(id, epoch, vec![speech(&answer, &[])], Some(answer)).await.unwrap();
    let kept: Vec<_> = store.calls(id).await.unwrap().remove(0).attempts.iter().map(|a| a.at).collect();
    assert_eq!((kept, spend(store, id).await), (vec![1, 2, 3], 1));
    store.finish(id, epoch, End::new(Status::Failed, Some("again".to_owned()))).await.unwrap();
    assert_eq!(counts(store, &record.experiment).await, Counts { done: 0, failed: 1, left: 0, ..Counts::default() });
}

async fn only_the_holder_writes(store: &dyn Store) {
    let id = &planned(store, "held", 1).await[0];
    let superseded = || Err(StoreError::Superseded { conversation: id.clone() });
    let log = vec![opening()];
    assert_eq!(store.append(id, 0, log.clone(), None).await, Err(StoreError::Superseded { conversation: id.clone() }));
    let (old, new) = (claimed(store, id).await, claimed(store, id).await);
    assert_eq!((old, new), (1, 2));
    let sent = call(&log, NOW);
    assert!(matches!(store.append(id, old, log.clone(), None).await, Err(StoreError::Superseded { .. })));
    assert_eq!(store.sent(id, old, sent.clone()).await, superseded());
    assert_eq!(store.settle(id, old, answered(&sent, "late")).await, superseded());
    assert_eq!(store.finish(id, old, End::new(Status::Done, None)).await, superseded());
    assert_eq!(store.history(id).await.unwrap(), History::default(), "nothing of it is kept");
    store.append(id, new, log, None).await.unwrap();
    store.finish(id, new, End::new(Status::Interrupted, Some("unreachable".to_owned()))).await.unwrap();
    assert_eq!(store.sent(id, new, sent).await, superseded(), "after its end too");
    assert_eq!(store.finish(id, new, End::new(Status::Done, None)).await, superseded());
    let record = store.find_conversations(id).await.unwrap().remove(0);
    assert_eq!((record.status, record.reason.as_deref()), (Status::Interrupted, Some("unreachable")));
}

async fn any_text_comes_back(store: &dyn Store) {
    let id = &planned(store, "texts \u{1f980} 漢字 'and' \"quotes\"", 1).await[0];
    let epoch = claimed(store, id).await;
    let mut log = vec![opening()];
    store.append(id, epoch, log.clone(), None).await.unwrap();
    let mebibyte = "0123456789abcde\u{e9}".repeat(64 * 1024);
    let texts = [
        "a\0b\0",
        "\u{1f469}\u{200d}\u{1f680} 漢字 e\u{301}",
        "'; drop table messages; --",
        "\"\\ \r\n\t\u{1b}[31m",
        "$set {\"a.b\": 1}",
        &mebibyte,
    ];
    for text in texts {
        turn(store, id, epoch, &mut log, text).await;
    }
    assert!(store.history(id).await.unwrap().log == log, "byte for byte");
    let replies: Vec<_> = store.calls(id).await.unwrap().into_iter().filter_map(|c| c.reply).collect();
    assert!(replies.iter().map(|r| r.content.as_str()).eq(texts));
    assert!(replies[5].raw.len() > 1024 * 1024);
    assert_eq!(store.verify(Some(id)).await.unwrap(), []);
}

async fn runs_are_recorded(store: &dyn Store) {
    let e = store.experiment("ada", "prison").await.unwrap().unwrap();
    let (second, first) = (run_record("b", &e.id, &e.revision, NOW + 5), run_record("a", &e.id, &e.revision, NOW));
    store.begin_run(second.clone()).await.unwrap();
    store.begin_run(first.clone()).await.unwrap();
    store.begin_run(first.clone()).await.unwrap();
    store.end_run("a", "interrupted").await.unwrap();
    let mut ended = first;
    ended.ended = Some("interrupted".to_owned());
    assert_eq!(store.runs(&e.id).await.unwrap(), [ended, second]);
    assert_eq!(store.runs("none").await.unwrap(), []);
}

async fn what_is_not_there_is_said(store: &dyn Store) {
    let unknown =
        |result: Result<(), StoreError>| assert!(matches!(result, Err(StoreError::Unknown { .. })), "{result:?}");
    unknown(store.claim("none", lease("run"), false).await.map(drop));
    unknown(store.history("none").await.map(drop));
    unknown(store.calls("none").await.map(drop));
    unknown(store.append("none", 1, vec![opening()], None).await.map(drop));
    unknown(store.finish("none", 1, End::new(Status::Done, None)).await);
    unknown(store.end_run("none", "done").await);
    unknown(store.verify(Some("none")).await.map(drop));
    assert_eq!(store.standing("none", ProcessKind::Conversation).await.unwrap(), []);
}
