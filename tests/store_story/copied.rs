//! Everything goes from one database to another and nothing of it changes.

use crate::asked::{answer_all, ask};
use crate::fixtures::*;
use crate::mongo::{Scratch, server};
use convoke::exchange::copy::{Copied, copy};
use convoke::exchange::{Of, Rows, TableSource, calls, csv, jsonl};
use convoke::model::Attempt;
use convoke::process::log::Entry;
use convoke::process::{EndedBy, Flag};
use convoke::store::sqlite::{OpenMode, Sqlite};
use convoke::store::{CallRecord, CallState, End, Filter, History, Item, Mark, ProcessKind, Status, Store, StoreError};
use std::path::Path;

const WHY: &str = "Why did you obey?";

fn file(folder: &Path, name: &str) -> Sqlite {
    Sqlite::open(&folder.join(name), OpenMode::Run, None).unwrap().store
}

async fn copied(from: &dyn Store, to: &dyn Store) -> Copied {
    let mut copied = Copied::default();
    copy(from, to, &mut |_| {}, &mut copied).await.unwrap();
    copied
}

fn attempt(at: i64, possible_spend: bool) -> Attempt {
    Attempt { at, took: 100, error: Some("timeout".to_owned()), message: None, waited: Some(50), possible_spend }
}

/// One conversation of each fate, two revisions, marks, runs, and texts of every kind.
async fn filled(store: &dyn Store) -> Vec<String> {
    let ids = planned(store, "prison", 8).await;
    let experiment = store.experiment("ada", "prison").await.unwrap().unwrap();
    for (id, status) in ids.iter().zip([Status::Done, Status::Interrupted, Status::Incomplete]) {
        let epoch = claimed(store, id).await;
        let mut log = vec![opening()];
        store.append(id, epoch, log.clone(), None).await.unwrap();
        for content in
            ["Ünïcödé 漢字 e\u{301} \u{1f9d1}\u{200d}\u{1f52c}", "\0 nul \u{1b}[31m \u{202e}", "=1+1\r\n\"x\""]
        {
            turn(store, id, epoch, &mut log, content).await;
        }
        let flagged = answered(&call(&log, NOW), "…");
        let entry = speech(&flagged, &[Flag::Repetition, Flag::Empty]);
        store.append(id, epoch, vec![entry], Some(flagged)).await.unwrap();
        store.finish(id, epoch, End::new(status, Some("why: \0 漢".to_owned()))).await.unwrap();
    }
    open_calls(store, &ids).await;
    let running = &ids[6];
    let epoch = claimed(store, running).await;
    store.append(running, epoch, vec![opening()], None).await.unwrap();
    store
        .mark(&Item::Conversation(ids[0].clone()), "ada", Mark { note: None, starred: Some(true), at: NOW })
        .await
        .unwrap();
    let mark = Mark { note: Some(Some("a note, 漢".to_owned())), starred: Some(true), at: NOW };
    store.mark(&Item::Experiment(experiment.id.clone()), "ada", mark).await.unwrap();
    store.begin_run(run_record("00000000000000f1", &experiment.id, &experiment.revision, NOW)).await.unwrap();
    store.begin_run(run_record("00000000000000f2", &experiment.id, &experiment.revision, NOW + 1)).await.unwrap();
    store.end_run("00000000000000f1", "done").await.unwrap();
    let mut edited = document("prison", "two", None);
    edited.run.seed = u64::MAX;
    let saved = store.save(new_experiment("-", "ada", edited)).await.unwrap();
    let keys = [conversation(&saved.id, &saved.revision, 0).key];
    store.plan(&saved.id, &saved.revision, &keys, vec![]).await.unwrap();
    let mut child = new_experiment("00000000000000cc", "bob", document("prison", "three", None));
    child.parent = Some(saved.id);
    store.save(child).await.unwrap();
    ids
}

/// Sent, failed, and answered without an entry; one that failed twice.
async fn open_calls(store: &dyn Store, ids: &[String]) {
    for (id, fate) in ids[3..6].iter().zip([CallState::Sent, CallState::Failed, CallState::Answered]) {
        let epoch = claimed(store, id).await;
        let log = vec![opening()];
        store.append(id, epoch, log.clone(), None).await.unwrap();
        let asked = call(&log, NOW + 5);
        store.sent(id, epoch, asked.clone()).await.unwrap();
        let mut failed = asked.clone();
        failed.state = CallState::Failed;
        failed.attempts = vec![attempt(NOW + 5, true), attempt(NOW + 6, false)];
        match fate {
            CallState::Sent => {}
            CallState::Failed => {
                store.settle(id, epoch, failed).await.unwrap();
                store.finish(id, epoch, End::new(Status::Failed, Some("full".to_owned()))).await.unwrap();
                let epoch = store.claim(id, lease("run"), true).await.unwrap().lease.unwrap().epoch;
                let again = call(&log, NOW + 50);
                store.sent(id, epoch, again.clone()).await.unwrap();
                let failed = convoke::store::CallRecord {
                    state: CallState::Failed,
                    attempts: vec![attempt(NOW + 50, true)],
                    ..again
                };
                store.settle(id, epoch, failed).await.unwrap();
                store.finish(id, epoch, End::new(Status::Failed, Some("full again".to_owned()))).await.unwrap();
                continue;
            }
            CallState::Answered => store.settle(id, epoch, answered(&asked, "paid for")).await.unwrap(),
        }
        store.finish(id, epoch, End::new(Status::Interrupted, None)).await.unwrap();
    }
}

/// Everything that anybody can be told of a database.
async fn all_of(store: &dyn Store) -> String {
    use std::fmt::Write;
    let mut all = String::new();
    for hash in store.revisions().await.unwrap() {
        writeln!(all, "{hash} {:?}", store.document(&hash).await.unwrap()).unwrap();
    }
    for (experiment, counts) in store.experiments().await.unwrap() {
        writeln!(all, "{experiment:?} {counts:?}").unwrap();
        writeln!(all, "{:?}", store.runs(&experiment.id).await.unwrap()).unwrap();
        for mut standing in store.standing(&experiment.id, ProcessKind::Conversation).await.unwrap() {
            if standing.status == Status::Running {
                standing.status = Status::Interrupted;
            }
            writeln!(all, "{standing:?}").unwrap();
        }
    }
    let questions = Filter { kind: ProcessKind::Question, ..Filter::default() };
    let mut processes = store.conversations(&Filter::default()).await.unwrap();
    processes.extend(store.conversations(&questions).await.unwrap());
    for (record, flags) in processes {
        writeln!(all, "{:?} {flags:?}", record.as_copied()).unwrap();
        writeln!(all, "{:?}", store.history(&record.id).await.unwrap()).unwrap();
        writeln!(all, "{:?}", store.calls(&record.id).await.unwrap()).unwrap();
    }
    all
}

/// Line by line, so that a difference can be read.
async fn alike(one: &dyn Store, other: &dyn Store) {
    let (one, other) = (all_of(one).await, all_of(other).await);
    for (one, other) in one.lines().zip(other.lines()) {
        assert_eq!(one, other);
    }
    assert_eq!(one.len(), other.len());
}

/// Every table. A running conversation is interrupted in a copy.
async fn exports(store: &dyn Store) -> Vec<String> {
    let experiment = store.experiment("ada", "prison").await.unwrap().unwrap();
    let of = Of::All(Filter { experiment: Some(experiment.id), revision: None, ..Filter::default() });
    let mut files = vec![Vec::new(); 7];
    for (number, rows) in [Rows::Entries(&of), Rows::Conversations(&of), Rows::Calls(&of)].into_iter().enumerate() {
        let table = TableSource::new(store, "prison", rows);
        jsonl::write(&table, &mut files[2 * number]).await.unwrap();
        csv::write(&table, &mut files[2 * number + 1]).await.unwrap();
    }
    calls::write(store, &of, &mut files[6]).await.unwrap();
    assert!(files.iter().all(|file| file.len() > 1000));
    let text = |file: Vec<u8>| String::from_utf8(file).unwrap();
    let stopped = |file: String| {
        let reason = "it was copied while it was running";
        let file = file.replace(&format!("\"{reason}\""), "null").replace(reason, "");
        file.replace("\"running\"", "\"interrupted\"").replace(",running,", ",interrupted,")
    };
    files.into_iter().map(text).map(stopped).collect()
}

/// Told of any two databases, of which `from` is filled and `to` empty.
async fn everything_is_copied(from: &dyn Store, to: &dyn Store) {
    let first = copied(from, to).await;
    assert_eq!((first.conflicts.clone(), first.conversations, first.experiments), (vec![], 8, 2));
    alike(to, from).await;
    for (to, from) in exports(to).await.iter().zip(exports(from).await) {
        assert_eq!(*to, from, "equal to the byte");
    }
    assert_eq!(to.verify(None).await.unwrap(), []);
    let again = copied(from, to).await;
    let expected = Copied { equal: 8, experiments: 2, ..Copied::default() };
    assert_eq!(Copied { experiments: 2, ..again }, expected, "what is there is skipped");
    alike(to, from).await;
}

/// The conversations of `filled` go on where they stand.
async fn copies_go_on(store: &dyn Store, ids: &[String]) {
    let epoch = claimed(store, &ids[5]).await;
    let history = store.history(&ids[5]).await.unwrap();
    assert_eq!((history.log.len(), history.open[0].reply.as_ref().unwrap().content.as_str()), (1, "paid for"));
    let mut log = history.log;
    let entry = speech(&history.open[0], &[]);
    assert_eq!(store.append(&ids[5], epoch, vec![entry.clone()], Some(history.open[0].clone())).await.unwrap(), []);
    log.push(entry);
    turn(store, &ids[5], epoch, &mut log, "and on").await;
    store.finish(&ids[5], epoch, End::new(Status::Done, None)).await.unwrap();

    let epoch = claimed(store, &ids[3]).await;
    let open = store.history(&ids[3]).await.unwrap().open.remove(0);
    assert_eq!(open.state, CallState::Sent);
    store.sent(&ids[3], epoch, call(&[opening()], NOW + 99)).await.unwrap();
    let open = store.history(&ids[3]).await.unwrap().open.remove(0);
    assert_eq!(open.attempts[0].error.as_deref(), Some("lost"), "the asking that was lost before is known");
    store.finish(&ids[3], epoch, End::new(Status::Interrupted, None)).await.unwrap();
    let refused = store.claim(&ids[0], lease("run"), true).await;
    assert!(refused.is_err(), "what is done is done: {refused:?}");
    let running = store.find_conversations(&ids[6]).await.unwrap().remove(0);
    assert_eq!((running.status, running.lease), (Status::Interrupted, None));
    claimed(store, &ids[6]).await;
    store.finish(&ids[6], running_epoch(store, &ids[6]).await, End::new(Status::Done, None)).await.unwrap();
    assert_eq!(store.verify(None).await.unwrap(), []);
}

async fn running_epoch(store: &dyn Store, id: &str) -> u64 {
    store.find_conversations(id).await.unwrap().remove(0).lease.unwrap().epoch
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_copied_to_a_file_and_both_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (file(folder.path(), "a.db"), file(folder.path(), "b.db"));
    let ids = filled(&from).await;
    everything_is_copied(&from, &to).await;
    copies_go_on(&to, &ids).await;
    let there = all_of(&to).await;
    assert_eq!(copied(&from, &to).await.conflicts, Vec::<String>::new(), "what is further there stays");
    assert_eq!(all_of(&to).await, there);
    let back = copied(&to, &from).await;
    assert_eq!((back.conflicts.clone(), back.conversations > 0), (vec![], true), "and comes back");
    assert_eq!(exports(&from).await, exports(&to).await);
    assert_eq!(from.verify(None).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_is_told_by_name_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (file(folder.path(), "a.db"), file(folder.path(), "b.db"));
    let ids = planned(&from, "prison", 3).await;
    copied(&from, &to).await;
    for (store, word) in [(&from, "one"), (&to, "other")] {
        let epoch = claimed(store, &ids[0]).await;
        let mut log = vec![opening()];
        store.append(&ids[0], epoch, log.clone(), None).await.unwrap();
        turn(store, &ids[0], epoch, &mut log, word).await;
        store.finish(&ids[0], epoch, End::new(Status::Done, None)).await.unwrap();
        let experiment = store.experiment("ada", "prison").await.unwrap().unwrap();
        let run = run_record(&sha256(word)[..16], &experiment.id, &experiment.revision, NOW);
        store.begin_run(run).await.unwrap();
    }
    let epoch = claimed(&from, &ids[1]).await;
    from.append(&ids[1], epoch, vec![opening()], None).await.unwrap();
    from.finish(&ids[1], epoch, End::new(Status::Interrupted, None)).await.unwrap();
    from.save(new_experiment("00000000000000aa", "eve", document("mine", "a", None))).await.unwrap();
    to.save(new_experiment("00000000000000bb", "eve", document("mine", "b", None))).await.unwrap();
    let told = copied(&from, &to).await;
    assert_eq!(told.conflicts.len(), 2, "{:?}", told.conflicts);
    assert!(told.conflicts.iter().any(|c| c.contains(&ids[0]) && c.contains("went on otherwise")));
    assert!(told.conflicts.iter().any(|c| c.contains("`mine` by eve") && c.contains("00000000000000bb")));
    assert_eq!(to.history(&ids[1]).await.unwrap().log.len(), 1, "the rest went on");
    assert_eq!(to.history(&ids[0]).await.unwrap().log[1].content, "other", "and nothing was written over");
    assert_eq!(to.verify(None).await.unwrap(), []);
}

/// A question of four lanes in mid-round: two are answered, one is in flight, one failed.
async fn in_mid_round(store: &dyn Store) -> (String, Vec<Entry>) {
    let id = planned(store, "rounds", 1).await.remove(0);
    let (about, log) = spoken(store, &id).await;
    let question = ask(store, &about, WHY, 4).await;
    let epoch = claimed(store, &question).await;
    store.append(&question, epoch, vec![asks(WHY)], None).await.unwrap();
    for seq in 1..=4 {
        store.sent(&question, epoch, lane(&log, WHY, seq, NOW)).await.unwrap();
    }
    for seq in [2, 4] {
        store.settle(&question, epoch, answered(&lane(&log, WHY, seq, NOW), &format!("Paid {seq}."))).await.unwrap();
    }
    let failed = CallRecord { state: CallState::Failed, attempts: vec![attempt(NOW, true)], ..lane(&log, WHY, 3, NOW) };
    store.settle(&question, epoch, failed).await.unwrap();
    (question, log)
}

/// Told of any two databases, of which `to` is empty.
async fn a_copy_in_mid_round_asks_nothing_twice(from: &dyn Store, to: &dyn Store) {
    let (id, log) = in_mid_round(from).await;
    let first = copied(from, to).await;
    assert_eq!((first.conflicts, first.conversations, first.running), (vec![], 2, 1));
    let open =
        |history: &History| -> Vec<_> { history.open.iter().map(|c| (c.seq, c.state, c.reply.clone())).collect() };
    let (ours, theirs) = (from.history(&id).await.unwrap(), to.history(&id).await.unwrap());
    assert_eq!((open(&ours), ours.log), (open(&theirs), theirs.log));
    assert_eq!(to.verify(None).await.unwrap(), []);

    let epoch = claimed(to, &id).await;
    for seq in [2, 4] {
        let again = to.sent(&id, epoch, lane(&log, WHY, seq, NOW + 9)).await;
        assert!(matches!(again, Err(StoreError::Answered { .. })), "{again:?}");
    }
    for seq in 1..=4 {
        let paid = theirs.open.iter().find(|c| c.seq == seq && c.state == CallState::Answered).cloned();
        let call = if let Some(call) = paid {
            call
        } else {
            to.sent(&id, epoch, lane(&log, WHY, seq, NOW + 9)).await.unwrap();
            answered(&lane(&log, WHY, seq, NOW + 9), "Now.")
        };
        assert_eq!(to.append(&id, epoch, vec![answer(&call, &[])], Some(call)).await.unwrap(), []);
    }
    to.finish(&id, epoch, End::done(EndedBy::Answered)).await.unwrap();
    let said: Vec<_> = to.history(&id).await.unwrap().log.into_iter().map(|e| e.content).collect();
    assert_eq!(said, [WHY, "Now.", "Paid 2.", "Now.", "Paid 4."]);
    assert_eq!(to.verify(None).await.unwrap(), []);
    // Back to where it is still in mid-round, once its lease is given back.
    let held = from.find_conversations(&id).await.unwrap().remove(0).lease.unwrap().epoch;
    from.finish(&id, held, End::new(Status::Interrupted, None)).await.unwrap();
    assert_eq!(copied(to, from).await.conflicts, Vec::<String>::new());
    let record = from.find_conversations(&id).await.unwrap().remove(0);
    assert_eq!((record.status, record.ended_by), (Status::Done, Some(EndedBy::Answered)));
    alike(from, to).await;
    assert_eq!(from.verify(None).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_file_in_mid_round_asks_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (file(folder.path(), "a.db"), file(folder.path(), "b.db"));
    a_copy_in_mid_round_asks_nothing_twice(&from, &to).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_refused_where_its_conversation_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (file(folder.path(), "a.db"), file(folder.path(), "b.db"));
    let ids = planned(&from, "prison", 3).await;
    copied(&from, &to).await;
    let mut asked = Vec::new();
    for id in &ids[..2] {
        let (about, log) = spoken(&from, id).await;
        asked.push(ask(&from, &about, WHY, 1).await);
        answer_all(&from, &asked[asked.len() - 1], &log, WHY, 1).await;
    }
    let pending = from.find_conversations(&ids[2]).await.unwrap().remove(0);
    asked.push(ask(&from, &pending, WHY, 1).await);
    let epoch = claimed(&to, &ids[0]).await;
    let mut log = vec![opening()];
    to.append(&ids[0], epoch, log.clone(), None).await.unwrap();
    turn(&to, &ids[0], epoch, &mut log, "Otherwise.").await;
    to.finish(&ids[0], epoch, End::done(EndedBy::Messages)).await.unwrap();
    let told = copied(&from, &to).await;
    let why = |id: &str| told.conflicts.iter().find(|c| c.starts_with(&format!("question {id}"))).map(String::as_str);
    assert_eq!(why(&asked[0]), Some(&*format!("question {}: conversation {} has another log there", asked[0], ids[0])));
    assert_eq!(why(&asked[2]), Some(&*format!("question {}: conversation {} is not done there", asked[2], ids[2])));
    assert_eq!((told.conflicts.len(), why(&asked[1])), (3, None), "{:?}", told.conflicts);
    assert_eq!(to.history(&asked[1]).await.unwrap().log.len(), 2, "the rest went on");
    assert_eq!(to.find_conversations(&asked[0]).await.unwrap(), []);
    assert_eq!(to.verify(None).await.unwrap(), []);
}

async fn over_a_server(variable: &str) {
    let Some(address) = server(variable) else { return };
    let (folder, scratch) = (tempfile::tempdir().unwrap(), Scratch::new(&address));
    let (from, back) = (file(folder.path(), "a.db"), file(folder.path(), "b.db"));
    let ids = filled(&from).await;
    let mongo = scratch.open(OpenMode::Run).await;
    everything_is_copied(&from, &*mongo).await;
    everything_is_copied(&*mongo, &back).await;
    alike(&back, &from).await;

    // What a copy left behind that was cut off before the last step is no obstacle.
    let database = scratch.database().await;
    let conversations = database.collection::<mongodb::bson::Document>("conversations");
    conversations.delete_one(mongodb::bson::doc! { "_id": &ids[1] }).await.unwrap();
    assert_eq!(copied(&from, &*mongo).await.conversations, 1);
    alike(&*mongo, &from).await;
    assert_eq!(mongo.verify(None).await.unwrap(), []);

    copies_go_on(&*mongo, &ids).await;
    assert_eq!(copied(&*mongo, &from).await.conflicts, Vec::<String>::new());
    assert_eq!(exports(&from).await, exports(&*mongo).await);
    // What went on in the file is brought on in the server, in the claims' order.
    let epoch = claimed(&from, &ids[1]).await;
    let mut log = from.history(&ids[1]).await.unwrap().log;
    turn(&from, &ids[1], epoch, &mut log, "one more").await;
    from.finish(&ids[1], epoch, End::new(Status::Done, None)).await.unwrap();
    assert_eq!(copied(&from, &*mongo).await.conflicts, Vec::<String>::new());
    alike(&*mongo, &from).await;
    assert_eq!(mongo.verify(None).await.unwrap(), []);
    scratch.drop().await;

    let rounds = Scratch::new(&address);
    let mongo = rounds.open(OpenMode::Run).await;
    a_copy_in_mid_round_asks_nothing_twice(&file(folder.path(), "c.db"), &*mongo).await;
    rounds.drop().await;
    let rounds = Scratch::new(&address);
    a_copy_in_mid_round_asks_nothing_twice(&*rounds.open(OpenMode::Run).await, &file(folder.path(), "d.db")).await;
    rounds.drop().await;
}

macro_rules! over {
    ($($name:ident: $variable:literal,)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            over_a_server($variable).await;
        })*
    };
}

over! {
    over_a_server_and_back: "CONVOKE_TEST_MONGODB_URI",
    over_a_replica_set_and_back: "CONVOKE_TEST_MONGODB_RS_URI",
    over_a_server_with_users_and_back: "CONVOKE_TEST_MONGODB_AUTH_URI",
    over_a_server_with_tls_and_back: "CONVOKE_TEST_MONGODB_TLS_URI",
    over_another_implementation_and_back: "CONVOKE_TEST_MONGODB_JAVA_URI",
}

/// Of two marks of one person the later holds, also where the person created the conversation.
async fn a_newer_note_of_the_creator_is_copied(from: &dyn Store, to: &dyn Store) {
    let ids = planned(from, "noted", 2).await;
    let note = |text: Option<&str>, at: i64| Mark { note: Some(text.map(str::to_owned)), starred: Some(false), at };
    let item = |n: usize| Item::Conversation(ids[n].clone());
    let noted = async |store: &dyn Store, n: usize| {
        let found = store.find_conversations(&ids[n]).await.unwrap();
        found.into_iter().next().unwrap().note
    };
    from.mark(&item(0), "ada", note(Some("old"), NOW)).await.unwrap();
    from.mark(&item(1), "ada", note(Some("old"), NOW)).await.unwrap();
    assert!(copied(from, to).await.conflicts.is_empty());
    assert_eq!(noted(to, 0).await.as_deref(), Some("old"));
    from.mark(&item(0), "ada", note(Some("newer"), NOW + 10)).await.unwrap();
    to.mark(&item(1), "ada", note(None, NOW + 20)).await.unwrap();
    assert_eq!(copied(from, to).await.conflicts, Vec::<String>::new());
    assert_eq!(noted(to, 0).await.as_deref(), Some("newer"));
    assert_eq!(noted(to, 1).await, None, "it was removed there later");
    assert!(copied(to, from).await.conflicts.is_empty());
    assert_eq!((noted(from, 0).await.as_deref(), noted(from, 1).await), (Some("newer"), None));
    assert_eq!(copied(from, to).await.conversations, 0, "both are equal");
}

#[tokio::test]
async fn a_newer_note_goes_from_file_to_file() {
    let folder = tempfile::tempdir().unwrap();
    a_newer_note_of_the_creator_is_copied(&file(folder.path(), "a.db"), &file(folder.path(), "b.db")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_note_goes_between_a_file_and_a_server() {
    let Some(address) = server("CONVOKE_TEST_MONGODB_URI") else { return };
    let folder = tempfile::tempdir().unwrap();
    for is_from_server in [true, false] {
        let scratch = Scratch::new(&address);
        let (mongo, file) = (scratch.open(OpenMode::Run).await, file(folder.path(), &format!("{is_from_server}.db")));
        if is_from_server {
            a_newer_note_of_the_creator_is_copied(&*mongo, &file).await;
        } else {
            a_newer_note_of_the_creator_is_copied(&file, &*mongo).await;
        }
        scratch.drop().await;
    }
}
