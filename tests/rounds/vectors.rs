//! Vectors that a process wants: given before its next step, fetched once, and no call of a conversation.

use crate::panel::{Panels, model};
use crate::place::{Home, Run, Study};
use crate::server::Gated;
use crate::support::{Fake, response};
use convoke::process::{Ask, EndedBy, Entry, Next, Process, Reply, TextVector, Wanted, text_hash};
use convoke::run::{Event, Job, Replay};
use convoke::store::{ConversationRecord, Status};
use serde_json::json;
use std::sync::Arc;

const TEXTS: [&str; 3] = ["a cake for the birthday", "the birthday cake", "rain in the valley"];

/// Makes processes that note which text is nearest to the first.
struct Seekers(&'static str);

impl Replay for Seekers {
    fn replay(&self, record: &ConversationRecord, log: Vec<Entry>, _: Vec<Entry>) -> Result<Box<dyn Process>, String> {
        Ok(Box::new(Seeker { key: record.key.clone(), log, given: Vec::new(), by: self.0 }))
    }
}

struct Seeker {
    key: String,
    log: Vec<Entry>,
    given: Vec<TextVector>,
    by: &'static str,
}

impl Seeker {
    fn vector(&self, text: &str) -> Option<&TextVector> {
        self.given.iter().find(|vector| vector.hash == text_hash(self.by, text))
    }
}

impl Process for Seeker {
    fn key(&self) -> &str {
        &self.key
    }

    fn log(&self) -> &[Entry] {
        &self.log
    }

    fn wants(&self) -> Vec<Wanted> {
        let missing = TEXTS.iter().filter(|text| self.vector(text).is_none()).map(|text| (*text).to_owned());
        let texts: Vec<String> = missing.collect();
        if texts.is_empty() { Vec::new() } else { vec![Wanted { model: model(self.by), texts }] }
    }

    fn give(&mut self, vectors: Vec<TextVector>) {
        self.given.extend(vectors);
    }

    fn next(&self) -> Next {
        if self.log.len() == 1 {
            return Next::Done(EndedBy::Answered);
        }
        let near = |text: &str| {
            let (a, b) = (self.vector(TEXTS[0]).unwrap(), self.vector(text).unwrap());
            a.numbers.iter().zip(&*b.numbers).map(|(a, b)| a * b).sum::<f32>()
        };
        let content = if near(TEXTS[1]) > near(TEXTS[2]) { TEXTS[1] } else { TEXTS[2] };
        Next::Note(Entry { content: content.to_owned(), ..crate::fixtures::opening() })
    }

    fn answer(&self, ask: &Ask, _: &Reply<'_>) -> Entry {
        panic!("nobody is asked: {ask:?}")
    }

    fn push(&mut self, entry: Entry) {
        self.log.push(entry);
    }

    fn left(&self) -> u32 {
        0
    }
}

fn seeking(job: Job, by: &'static str) -> Job {
    Job { members: Arc::from([model(by)]), replay: Arc::new(Seekers(by)), ..job }
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_are_fetched_once_and_are_no_calls() {
    let (home, server) = (Home::folder(), Gated::start().await);
    let store = home.place("vectors").open().await;
    let study = Study::plan(store.as_ref(), "seek", Panels::default(), 1..=2).await;
    let mut embedded = Vec::new();
    for one in study.jobs(false) {
        let run = Run::new(1);
        let summary = run.work(&store, &server, vec![seeking(one, "scripted/v")]).await;
        assert_eq!((summary.done, summary.calls), (1, 0));
        let told = run.events.borrow().iter().filter(|event| matches!(event, Event::Embedded { .. })).count();
        embedded.push((summary.embedded, summary.tokens.prompt, told));
    }
    assert_eq!(embedded, [(3, 12, 1), (0, 0, 0)], "the second finds the vectors of the first");
    for stored in study.read(store.as_ref()).await {
        assert_eq!((stored.standing.status, stored.calls.len()), (Status::Done, 0));
        assert_eq!(stored.log[0].content, TEXTS[1]);
    }
}

/// Lets two processes seek by a server that answers so; the first stored vector has one number.
async fn seek_at(status: u16, body: &serde_json::Value) -> (Vec<(Status, String)>, usize, Vec<String>) {
    let home = Home::folder();
    let fake = Fake::start(vec![response(status, "", body.to_string().as_bytes())]).await;
    let store = home.place("vectors").open().await;
    store.keep_vectors(vec![TextVector { hash: text_hash("lab/v", TEXTS[0]), numbers: [1.0].into() }]).await.unwrap();
    let study = Study::plan(store.as_ref(), "seek", Panels::default(), 1..=2).await;
    let jobs = study.jobs(false).into_iter().map(|job| seeking(job, "lab/v")).collect();
    let summary = Run::new(1).work_at(&store, fake.port, jobs).await;
    let standing = study.read(store.as_ref()).await.into_iter().map(|stored| stored.standing.status);
    let reasons = summary.interrupted.iter().map(|(_, why)| why.clone());
    let stopped = summary.stopped.iter().map(ToString::to_string).collect();
    (standing.zip(reasons).collect(), fake.seen().len(), stopped)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_embeds_nothing_stops_that_model() {
    let (ends, requests, stopped) = seek_at(400, &json!({ "error": "this model does not support embeddings" })).await;
    let why = "model `v` of lab embeds no texts: this model does not support embeddings";
    assert_eq!(ends, vec![(Status::Interrupted, why.to_owned()); 2]);
    assert_eq!((requests, stopped), (1, vec![why.to_owned()]), "the second process requests nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn vectors_of_two_lengths_are_of_two_models() {
    let two = json!({ "data": [{ "embedding": [1, 0] }, { "embedding": [0, 1] }] });
    let (ends, requests, _) = seek_at(200, &two).await;
    for (status, why) in &ends {
        assert_eq!(*status, Status::Interrupted);
        assert!(why.starts_with("lab/v gives vectors of 2 numbers, and gave vectors of 1 before"), "{why}");
    }
    assert_eq!((ends.len(), requests), (2, 2), "nothing of the wrong length is stored");
}
