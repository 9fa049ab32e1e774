//! Vectors that a process wants: given before its next step, fetched once, and no call of a conversation.

use crate::panel::{Panels, model};
use crate::place::{Home, Run, Study};
use crate::server::Gated;
use convoke::process::{Ask, EndedBy, Entry, Next, Process, Reply, TextVector, Wanted, text_hash};
use convoke::run::{Event, Job, Replay};
use convoke::store::{ConversationRecord, Status};
use std::sync::Arc;

const TEXTS: [&str; 3] = ["a cake for the birthday", "the birthday cake", "rain in the valley"];

/// Makes processes that note which text is nearest to the first.
struct Seekers;

impl Replay for Seekers {
    fn replay(&self, record: &ConversationRecord, log: Vec<Entry>, _: Vec<Entry>) -> Result<Box<dyn Process>, String> {
        Ok(Box::new(Seeker { key: record.key.clone(), log, given: Vec::new() }))
    }
}

struct Seeker {
    key: String,
    log: Vec<Entry>,
    given: Vec<TextVector>,
}

impl Seeker {
    fn vector(&self, text: &str) -> Option<&TextVector> {
        self.given.iter().find(|vector| vector.hash == text_hash("scripted/v", text))
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
        if texts.is_empty() { Vec::new() } else { vec![Wanted { model: model("scripted/v"), texts }] }
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

#[tokio::test(flavor = "multi_thread")]
async fn vectors_are_fetched_once_and_are_no_calls() {
    let (home, server) = (Home::folder(), Gated::start().await);
    let store = home.place("vectors").open().await;
    let study = Study::plan(store.as_ref(), "seek", Panels::default(), 1..=2).await;
    let job = |job: Job| Job { members: Arc::from([model("scripted/v")]), replay: Arc::new(Seekers), ..job };
    let mut embedded = Vec::new();
    for one in study.jobs(false) {
        let run = Run::new(1);
        let summary = run.work(&store, &server, vec![job(one)]).await;
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
