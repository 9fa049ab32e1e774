//! The part of the story that colleagues tell: whose something is, two who change it at once, and its end.

use crate::fixtures::*;
use convoke::design::{PromptText, Section};
use convoke::store::{
    Counts, End, ExperimentRecord, Filter, Item, Mark, MarkRecord, NewExperiment, ProcessKind, RunRecord, Status,
    Store, StoreError, TransferItem,
};

/// Told to every implementation, after runs are recorded.
pub async fn tell(store: &dyn Store) {
    experiments_are_made_once(store).await;
    only_the_creator_revises(store).await;
    marks_change_what_is_given(store).await;
    a_deleted_conversation_leaves_the_others(store).await;
    a_deleted_experiment_leaves_nothing(store).await;
    two_editors_lose_nothing(store, store, 20).await;
}

#[track_caller]
fn unknown<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Unknown { .. })), "{result:?}");
}

#[track_caller]
fn not_yours<T: std::fmt::Debug>(result: &Result<T, StoreError>, whose: &str) {
    assert!(matches!(&result, Err(StoreError::NotYours { creator, .. }) if creator == whose), "{result:?}");
}

async fn make(store: &dyn Store, creator: &str, name: &str, text: &str) -> ExperimentRecord {
    let id = sha256(&format!("{creator} {name}"))[..16].to_owned();
    store.create(new_experiment(&id, creator, document(name, text, None))).await.unwrap()
}

async fn record(store: &dyn Store, id: &str) -> ExperimentRecord {
    let all = store.experiments().await.unwrap();
    all.into_iter().map(|(e, _)| e).find(|e| e.id == id).unwrap()
}

async fn experiments_are_made_once(store: &dyn Store) {
    let mut new = new_experiment("00000000000000c1", "grace", document("made", "one", Some("copied note")));
    new.parent = Some("0123456789abcdef".to_owned());
    let made = store.create(new.clone()).await.unwrap();
    let expected = ExperimentRecord {
        id: "00000000000000c1".to_owned(),
        name: "made".to_owned(),
        creator: "grace".to_owned(),
        created: NOW,
        starred: false,
        note: Some("copied note".to_owned()),
        version: 1,
        parent: Some("0123456789abcdef".to_owned()),
        revision: new.revision.clone(),
        run: new.document.run,
    };
    assert_eq!(made, expected);
    assert_eq!(store.experiment("grace", "made").await.unwrap(), Some(expected));
    let again = NewExperiment { id: "00000000000000c2".to_owned(), ..new };
    let exists = StoreError::Exists { creator: "grace".to_owned(), name: "made".to_owned() };
    assert_eq!(store.create(again.clone()).await, Err(exists));
    let of_another = NewExperiment { creator: "bob".to_owned(), ..again };
    assert_eq!(store.create(of_another).await.unwrap().creator, "bob", "another creator's is another");
}

async fn only_the_creator_revises(store: &dyn Store) {
    let made = make(store, "grace", "revised", "one").await;
    make(store, "grace", "taken", "one").await;
    let note = Mark { note: Some(Some("a note".to_owned())), starred: Some(true), at: NOW };
    store.mark(&Item::Experiment(made.id.clone()), "grace", note).await.unwrap();
    let made = record(store, &made.id).await;
    let mut changed = document("renamed", "two", Some("not this note"));
    changed.run.replicates = 9;
    let revise = |id: &str, creator: &str, version, name: &str| {
        let mut changed = changed.clone();
        name.clone_into(&mut changed.name);
        let (id, creator, revision) = (id.to_owned(), creator.to_owned(), sha256(&format!("{name} two")));
        async move { store.revise(&id, &creator, version, changed, revision).await }
    };
    not_yours(&revise(&made.id, "bob", made.version, "renamed").await, "grace");
    unknown(&revise("0000000000000000", "grace", 1, "renamed").await);
    let taken = revise(&made.id, "grace", made.version, "taken").await;
    assert!(matches!(&taken, Err(StoreError::Exists { name, .. }) if name == "taken"), "{taken:?}");
    assert_eq!(record(store, &made.id).await, made, "nothing of what was refused is kept");

    let revised = revise(&made.id, "grace", made.version, "renamed").await.unwrap();
    let expected = ExperimentRecord {
        name: "renamed".to_owned(),
        version: made.version + 1,
        revision: sha256("renamed two"),
        run: changed.run,
        ..made.clone()
    };
    assert_eq!(revised, expected, "note and star stay");
    assert_eq!(record(store, &made.id).await, expected);
    assert_eq!(store.document(&revised.revision).await.unwrap().unwrap().shared.start, "two");
    assert!(store.document(&made.revision).await.unwrap().is_some(), "what conversations were made from stays");
    let late = revise(&made.id, "grace", made.version, "renamed").await;
    let (expected, found) = (made.version, revised.version);
    assert!(
        matches!(&late, Err(StoreError::Changed { expected: e, found: f, .. }) if (*e, *f) == (expected, found)),
        "{late:?}"
    );
    let same_name = revise(&made.id, "grace", revised.version, "renamed").await.unwrap();
    assert_eq!(same_name.version, revised.version + 1, "its own name is not taken");
}

/// Anybody marks; the record stays, and the later mark of a person holds.
async fn marks_of_others_are_apart(store: &dyn Store, item: &Item) {
    let (Item::Experiment(id) | Item::Conversation(id)) = item;
    let version = async || store.records().await.unwrap().into_iter().find(|e| e.id == *id).map(|e| e.version);
    let before = version().await;
    let of = |person: &str, starred, note: Option<&str>, at| MarkRecord {
        item: id.clone(),
        person: person.to_owned(),
        starred,
        note: note.map(str::to_owned),
        at,
    };
    let here = async || store.marks().await.unwrap().into_iter().filter(|m| m.item == *id).collect::<Vec<_>>();
    let star = Mark { starred: Some(true), at: NOW, ..Mark::default() };
    store.mark(item, "bob", star.clone()).await.unwrap();
    let note = Mark { note: Some(Some("seen".to_owned())), at: NOW + 5, ..Mark::default() };
    store.mark(item, "bob", note.clone()).await.unwrap();
    store.mark(item, "eve", note).await.unwrap();
    assert_eq!(here().await, [of("bob", true, Some("seen"), NOW + 5), of("eve", false, Some("seen"), NOW + 5)]);
    assert_eq!(version().await, before, "no new version");
    for (at, note) in [(NOW, Some("earlier")), (NOW + 5, Some("same")), (NOW + 9, None)] {
        store.receive(TransferItem::Mark(of("bob", false, note, at))).await.unwrap();
    }
    store.receive(TransferItem::Mark(of("dan", true, None, NOW))).await.unwrap();
    let nowhere = MarkRecord { item: "nowhere".to_owned(), ..of("bob", true, None, NOW) };
    store.receive(TransferItem::Mark(nowhere)).await.unwrap();
    let received =
        [of("bob", false, None, NOW + 9), of("dan", true, None, NOW), of("eve", false, Some("seen"), NOW + 5)];
    assert_eq!(here().await, received);
    assert!(store.marks().await.unwrap().iter().all(|m| m.item != "nowhere"));
    let unknown = store.mark(&Item::Conversation("f".repeat(16)), "bob", star).await;
    assert!(matches!(unknown, Err(StoreError::Unknown { .. })), "{unknown:?}");
}

async fn marks_change_what_is_given(store: &dyn Store) {
    let made = make(store, "grace", "marked", "one").await;
    let ids = planned(store, "marks", 1).await;
    let (experiment, conversation) = (Item::Experiment(made.id.clone()), Item::Conversation(ids[0].clone()));
    let text = "'; drop table x; -- {\"$set\": 1} \u{1f9d1}\u{200d}\u{1f52c}\u{1b}[31m";
    let (noted, starred) = (
        Mark { note: Some(Some(text.to_owned())), starred: None, at: NOW },
        Mark { note: None, starred: Some(true), at: NOW },
    );
    let dropped = Mark { note: Some(None), starred: None, at: NOW };
    for (item, creator) in [(&experiment, "grace"), (&conversation, "ada")] {
        let marks = async || match item {
            Item::Experiment(id) => {
                let found = record(store, id).await;
                (found.note, found.starred)
            }
            Item::Conversation(id) => {
                let found = store.find_conversations(id).await.unwrap().remove(0);
                (found.note, found.starred)
            }
        };
        marks_of_others_are_apart(store, item).await;
        assert_eq!(marks().await, (None, false));
        store.mark(item, creator, noted.clone()).await.unwrap();
        assert_eq!(marks().await, (Some(text.to_owned()), false));
        store.mark(item, creator, starred.clone()).await.unwrap();
        assert_eq!(marks().await, (Some(text.to_owned()), true));
        store.mark(item, creator, dropped.clone()).await.unwrap();
        assert_eq!(marks().await, (None, true));
    }
    assert!(record(store, &made.id).await.version > made.version, "a change is seen by whoever compares versions");
    unknown(&store.mark(&Item::Experiment("none".to_owned()), "ada", noted.clone()).await);
    unknown(&store.mark(&Item::Conversation("none".to_owned()), "ada", noted).await);
}

/// A conversation with an opening, a turn, and a call that was sent.
async fn spoken(store: &dyn Store, id: &str, end: Option<Status>) {
    let epoch = claimed(store, id).await;
    let mut log = vec![opening()];
    store.append(id, epoch, log.clone(), None).await.unwrap();
    turn(store, id, epoch, &mut log, "Stand up.").await;
    if end != Some(Status::Done) {
        store.sent(id, epoch, call(&log, NOW)).await.unwrap();
    }
    if let Some(status) = end {
        store.finish(id, epoch, End::new(status, None)).await.unwrap();
    }
}

async fn a_deleted_conversation_leaves_the_others(store: &dyn Store) {
    let ids = planned(store, "one of three", 3).await;
    spoken(store, &ids[0], Some(Status::Interrupted)).await;
    spoken(store, &ids[1], Some(Status::Done)).await;
    spoken(store, &ids[2], None).await;
    let item = Item::Conversation(ids[0].clone());
    not_yours(&store.delete(&item, "bob").await, "ada");
    let held = store.delete(&Item::Conversation(ids[2].clone()), "ada").await;
    assert!(matches!(held, Err(StoreError::Held { .. })), "somebody works on it: {held:?}");
    assert_eq!(store.history(&ids[2]).await.unwrap().log.len(), 2);
    store.delete(&item, "ada").await.unwrap();
    unknown(&store.history(&ids[0]).await);
    unknown(&store.calls(&ids[0]).await);
    unknown(&store.delete(&item, "ada").await);
    assert_eq!(store.find_conversations(&ids[0]).await.unwrap(), []);
    assert_eq!(store.history(&ids[1]).await.unwrap().log.len(), 2);
    assert_eq!(store.verify(Some(&ids[1])).await.unwrap(), [], "texts that it shared stay");
    let experiment = store.find_conversations(&ids[1]).await.unwrap().remove(0).experiment;
    let counts = store.experiments().await.unwrap().into_iter().find(|(e, _)| e.id == experiment).unwrap().1;
    assert_eq!(counts, Counts { done: 1, failed: 0, left: 1, ..Counts::default() });
}

async fn a_deleted_experiment_leaves_nothing(store: &dyn Store) {
    let ids = planned(store, "short-lived", 2).await;
    let kept = planned(store, "long-lived", 1).await;
    spoken(store, &kept[0], Some(Status::Done)).await;
    let experiment = store.find_conversations(&ids[0]).await.unwrap().remove(0).experiment;
    let made = record(store, &experiment).await;
    let copied = NewExperiment {
        id: "00000000000000d1".to_owned(),
        parent: Some(experiment.clone()),
        revision: made.revision.clone(),
        ..new_experiment("-", "bob", document("short-lived", "text", None))
    };
    let copy = store.create(copied).await.unwrap();
    let run: RunRecord = run_record("of short-lived", &experiment, &made.revision, NOW - 1);
    store.begin_run(run).await.unwrap();
    store.end_run("of short-lived", "done").await.unwrap();
    spoken(store, &ids[0], Some(Status::Done)).await;
    let epoch = claimed(store, &ids[1]).await;
    let item = Item::Experiment(experiment.clone());
    not_yours(&store.delete(&item, "bob").await, "ada");
    let held = store.delete(&item, "ada").await;
    assert!(matches!(held, Err(StoreError::Held { .. })), "somebody works on one of it: {held:?}");
    store.finish(&ids[1], epoch, End::new(Status::Interrupted, None)).await.unwrap();

    store.delete(&item, "ada").await.unwrap();
    assert_eq!(store.experiment("ada", "short-lived").await.unwrap(), None);
    assert_eq!(store.standing(&experiment, ProcessKind::Conversation).await.unwrap(), []);
    assert_eq!(store.runs(&experiment).await.unwrap(), []);
    let of = Filter { experiment: Some(experiment.clone()), revision: None, ..Filter::default() };
    assert_eq!(store.conversations(&of).await.unwrap(), []);
    for id in &ids {
        unknown(&store.history(id).await);
        unknown(&store.calls(id).await);
    }
    unknown(&store.delete(&item, "ada").await);
    assert_eq!(record(store, &copy.id).await, copy, "a copy stays, and remembers");
    assert!(store.document(&copy.revision).await.unwrap().is_some(), "its document too");
    assert_eq!(store.history(&kept[0]).await.unwrap().log.len(), 2);
    let again = make(store, "ada", "short-lived", "text").await;
    assert_eq!(again.version, 1, "its name is free again");
}

/// Two who each add sections of their own to one experiment, as fast as they can; whoever finds it changed adds to
/// what is there now. Nothing of either is lost.
pub async fn two_editors_lose_nothing(one: &dyn Store, other: &dyn Store, times: usize) {
    let made = make(one, "grace", "edited by two", "text").await;
    let (first, second) = tokio::join!(edits(one, &made.id, "one", times), edits(other, &made.id, "other", times));
    let now = record(one, &made.id).await;
    assert_eq!(now.version, 1 + 2 * times as u64, "each edit is one version ({first} and {second} were repeated)");
    let document = one.document(&now.revision).await.unwrap().unwrap();
    for who in ["one", "other"] {
        let titles: Vec<&str> =
            document.shared.sections.iter().map(|s| s.title.as_str()).filter(|t| t.starts_with(who)).collect();
        let expected: Vec<String> = (0..times).map(|n| format!("{who} {n}")).collect();
        assert_eq!(titles, expected, "in the order of writing");
    }
}

/// Adds sections, and says how often it had to begin anew.
async fn edits(store: &dyn Store, id: &str, who: &str, times: usize) -> usize {
    let mut repeated = 0;
    for number in 0..times {
        loop {
            let old = record(store, id).await;
            let mut document = store.document(&old.revision).await.unwrap().unwrap();
            let title = format!("{who} {number}");
            document.shared.sections.push(Section { title, when: Vec::new(), text: "Text.\n".to_owned() });
            let revision = revision_of(&document.shared);
            match store.revise(id, "grace", old.version, document, revision).await {
                Ok(_) => break,
                Err(StoreError::Changed { .. }) => repeated += 1,
                Err(error) => panic!("{error}"),
            }
        }
    }
    repeated
}

fn revision_of(text: &PromptText) -> String {
    sha256(&serde_json::to_string(text).unwrap())
}
