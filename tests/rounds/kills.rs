//! Every order of the answers of a round, and every place at which a run can end: what is done again afterwards is the
//! same, nothing that is stored is asked twice, and what was paid for in vain is counted.

use crate::panel::{CALLS, FOUR, LAST, Panels};
use crate::place::{Home, MANY, Place, Run, Stored, Study};
use crate::server::Gated;
use convoke::exchange::copy::{Copied, copy};
use convoke::run::Event;
use convoke::store::Status;
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

/// Panels that are worked on at a time.
const BATCH: usize = 22;

/// The way in which the first run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Killed while it waits for answers.
    Killed,
    /// Killed while it stores some.
    Racing,
    /// Stopped, and what is in flight is dropped.
    Aborted,
    /// Stopped, and what is in flight is awaited.
    Stopped,
}

/// An order of answers, and how many of them are there when the run ends.
#[derive(Debug, Clone, Copy)]
struct Case {
    number: u32,
    order: [usize; 4],
    prefix: usize,
}

/// All orders of four.
fn orders() -> Vec<[usize; 4]> {
    let mut orders = Vec::new();
    for code in 0..256_usize {
        let order = [code >> 6, code >> 4 & 3, code >> 2 & 3, code & 3];
        if (0..4).all(|lane| order.contains(&lane)) {
            orders.push(order);
        }
    }
    orders
}

/// Each prefix of each order, once: two orders that begin alike are one case until they part.
fn cases() -> Vec<Case> {
    let all = orders().into_iter().flat_map(|order| (0..=4).map(move |prefix| (order, prefix)));
    let mut known = BTreeSet::new();
    let new = all.filter(|(order, prefix)| known.insert(order[..*prefix].to_vec()));
    new.zip(0..).map(|((order, prefix), number)| Case { number, order, prefix }).collect()
}

#[test]
fn every_prefix_of_every_order_is_a_case() {
    let of = |prefix: usize| cases().iter().filter(|case| case.prefix == prefix).count();
    assert_eq!((orders().len(), [0, 1, 2, 3, 4].map(of)), (24, [1, 4, 12, 24, 24]));
}

impl Case {
    /// Places of the lanes whose answers are there.
    fn stored(self) -> impl Iterator<Item = u32> + Clone {
        self.order.into_iter().take(self.prefix).map(|lane| lane as u32 + 1)
    }

    /// What is told when the answers come in this order: an entry as soon as all before it are there, else an answer.
    fn told(self) -> Vec<(&'static str, u32)> {
        let (mut told, mut next, mut early) = (vec![("entry", 0)], 1, Vec::new());
        for seq in self.stored() {
            early.push(seq);
            if seq > next {
                told.push(("answered", seq));
            }
            while early.contains(&next) {
                told.push(("entry", next));
                next += 1;
            }
        }
        told
    }

    /// Releases the answers one by one, each as soon as the one before it is stored; the last one's request follows.
    async fn answer(self, server: &Gated, run: &Run, (id, key): &(String, String), way: Way) {
        join_all(FOUR.map(|who| server.asked(key, who))).await;
        for seq in self.stored() {
            server.release(key, FOUR[seq as usize - 1]);
            if way != Way::Racing {
                run.stored(id, seq).await;
            }
        }
        if way != Way::Racing {
            let has_all = |events: &Vec<Event>| told(events).get(id).is_some_and(|t| t.len() >= self.told().len());
            run.events.subscribe().wait_for(has_all).await.unwrap();
            if self.prefix == 4 {
                server.asked(key, LAST).await;
            }
        }
    }
}

/// What was told of the conversations, in order.
fn told(events: &[Event]) -> BTreeMap<String, Vec<(&'static str, u32)>> {
    let mut told: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for event in events {
        match event {
            Event::Answered { conversation, seq, .. } => {
                told.entry(conversation.clone()).or_default().push(("answered", *seq));
            }
            Event::Entry { conversation, seq, .. } => {
                told.entry(conversation.clone()).or_default().push(("entry", *seq));
            }
            _ => {}
        }
    }
    told
}

/// What nobody disturbed.
async fn undisturbed(folder: &Path) -> Vec<Stored> {
    let (server, store) = (Gated::start().await, Place::File(folder.join("undisturbed.db")).open().await);
    server.release_all();
    let study = Study::plan(&*store, "undisturbed", Panels::default(), cases().iter().map(|case| case.number)).await;
    let summary = Run::new(64).work(&store, &server, study.jobs(false)).await;
    assert_eq!((summary.done, summary.calls), (study.all.len(), (study.all.len() * CALLS) as u64));
    study.recount(&*store).await;
    study.read(&*store).await
}

/// One run that ends on its way, and one that goes on to the end.
struct Batch<'a> {
    place: &'a Place,
    way: Way,
    study: Study,
    cases: &'a [Case],
    /// What each case is to become.
    undisturbed: Vec<Stored>,
    /// The database is verified in mid-round too.
    verifies: bool,
    server: Gated,
}

impl Batch<'_> {
    /// The first run; returns what it left.
    async fn begin(&self) -> Vec<Stored> {
        let (run, store) = (Run::new(MANY), self.place.open().await);
        let work = run.work(&store, &self.server, self.study.jobs(false));
        let answers = async {
            let each = self.cases.iter().zip(&self.study.all);
            join_all(each.map(|(case, panel)| case.answer(&self.server, &run, panel, self.way))).await;
        };
        match self.way {
            Way::Killed | Way::Racing => tokio::select! {
                _ = work => panic!("it ended before it was killed"),
                () = answers => {}
            },
            Way::Aborted | Way::Stopped => {
                let end = async {
                    answers.await;
                    run.stop.cancel();
                    if self.way == Way::Aborted { run.abort.cancel() } else { self.server.release_all() }
                };
                let (summary, ()) = tokio::join!(work, end);
                assert_eq!((summary.failed.len(), summary.store), (0, None));
            }
        }
        if matches!(self.way, Way::Killed | Way::Aborted) {
            self.check_events(&run.events.borrow());
        }
        drop(store);
        let store = self.place.open().await;
        if self.verifies {
            assert_eq!(store.verify(None).await.unwrap(), [], "{:?} in mid-round", self.way);
        }
        self.study.read(&*store).await
    }

    fn check_events(&self, events: &[Event]) {
        let told = told(events);
        for (case, (id, _)) in self.cases.iter().zip(&self.study.all) {
            assert_eq!(told[id], case.told(), "{case:?}");
        }
        #[cfg(feature = "cli")]
        {
            let mut tally = convoke::report::tally::Tally::default();
            for event in events {
                tally.count_event(event);
            }
            let answered: usize = self.cases.iter().map(|case| case.prefix).sum();
            assert_eq!(tally.all_calls(), answered as u64, "each answer is counted once, early or not");
        }
    }

    /// The second run, and what must hold afterwards.
    async fn go_on(&self, left: &[Stored]) {
        let asked_before = self.server.seen().len();
        self.server.release_all();
        let store = self.place.open().await;
        let summary = Run::new(64).work(&store, &self.server, self.study.jobs(false)).await;
        assert!(summary.failed.is_empty() && summary.interrupted.is_empty() && summary.store.is_none(), "{summary:?}");
        let seen = self.server.seen();
        let done = self.study.read(&*store).await;
        self.check_end(&done);
        for (number, case) in self.cases.iter().enumerate() {
            let ((_, key), left, done) = (&self.study.all[number], &left[number], &done[number]);
            let place = format!("{:?} {case:?}", self.way);
            let of_it = |from: usize| seen[from..].iter().filter(move |seen| seen.lane.0 == *key);
            let twice = of_it(asked_before).find(|seen| left.answered().contains(&place_of(seen.lane.1)));
            assert_eq!(twice, None, "{place}: answered, stored and asked again");
            let again = of_it(0).find(|one| of_it(0).any(|other| one.lane == other.lane && one.body != other.body));
            assert_eq!(again, None, "{place}: the same lane, asked otherwise");
            let (extra, spend) = (of_it(0).count() - CALLS, done.standing.possible_spend as usize);
            assert!(extra <= spend, "{place}: {extra} requests too many, {spend} counted");
            self.check_prefix(*case, left, extra, spend);
        }
        self.study.recount(&*store).await;
    }

    /// The end is that of an undisturbed run, byte for byte.
    fn check_end(&self, done: &[Stored]) {
        for ((case, done), undisturbed) in self.cases.iter().zip(done).zip(&self.undisturbed) {
            let place = format!("{:?} {case:?}", self.way);
            assert_eq!(done.standing.status, Status::Done, "{place}");
            assert_eq!(done.text(), undisturbed.text(), "{place}");
            assert_eq!(done.said(), undisturbed.said(), "{place}");
        }
    }

    /// What is known exactly where the run ended while it only waited.
    fn check_prefix(&self, case: Case, left: &Stored, extra: usize, spend: usize) {
        let lost = if case.prefix == 4 { 1 } else { 4 - case.prefix };
        match self.way {
            Way::Killed | Way::Aborted => {
                assert_eq!(left.answered(), case.stored().collect(), "{case:?}");
                assert_eq!((extra, spend), (lost, lost), "{case:?}");
            }
            Way::Stopped => {
                let all = if case.prefix == 4 { 1..=5 } else { 1..=4 };
                assert_eq!(left.answered(), all.collect(), "{case:?}");
                assert_eq!((extra, spend), (0, 0), "{case:?}");
            }
            Way::Racing => {}
        }
    }
}

fn place_of(who: &str) -> u32 {
    FOUR.iter().position(|name| *name == who).map_or(5, |lane| lane as u32 + 1)
}

/// Copies everything from one database to another.
async fn send(from: &Place, to: &Place) {
    let (from, to, mut copied) = (from.open().await, to.open().await, Copied::default());
    copy(&*from, &*to, &mut |_| {}, &mut copied).await.unwrap();
    assert!(copied.conflicts.is_empty(), "{copied:?}");
}

/// Each case in one way; `every` leaves out all cases but every so many. Where there is another home, what the first run
/// left is copied there, the second run goes on in the copy, and its end is copied back.
async fn end_in(home: &Home, way: Way, every: usize, elsewhere: Option<&Home>) {
    let folder = tempfile::tempdir().unwrap();
    let undisturbed = undisturbed(folder.path()).await;
    let cases: Vec<Case> = cases().into_iter().step_by(every).collect();
    for (number, cases) in cases.chunks(BATCH).enumerate() {
        let name = format!("{way:?}_{number}");
        let (place, there) = (home.place(&name), elsewhere.map(|home| home.place(&name)));
        let store = place.open().await;
        let study = Study::plan(&*store, &name, Panels::default(), cases.iter().map(|case| case.number)).await;
        drop(store);
        let undisturbed = cases.iter().map(|case| undisturbed[case.number as usize].clone()).collect();
        // A server takes its time to verify what is not at its end.
        let verifies = matches!(home, Home::Folder(_)) || number == 0;
        let server = Gated::start().await;
        let batch = Batch { place: &place, way, study, cases, undisturbed, verifies, server };
        let all = end_batch(batch, there.as_ref());
        assert!(tokio::time::timeout(Duration::from_mins(2), all).await.is_ok(), "{name} hangs");
    }
}

async fn end_batch<'a>(mut batch: Batch<'a>, elsewhere: Option<&'a Place>) {
    let (here, left) = (batch.place, batch.begin().await);
    if let Some(there) = elsewhere {
        send(here, there).await;
        batch.place = there;
    }
    batch.go_on(&left).await;
    if let Some(there) = elsewhere {
        send(there, here).await;
        batch.check_end(&batch.study.read(&*here.open().await).await);
    }
}

async fn in_file(way: Way) {
    end_in(&Home::folder(), way, 1, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copied_in_mid_round_from_a_file_to_a_file() {
    end_in(&Home::folder(), Way::Killed, 1, Some(&Home::folder())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_waits_in_a_file() {
    in_file(Way::Killed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_stores_in_a_file() {
    in_file(Way::Racing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_and_dropped_in_a_file() {
    in_file(Way::Aborted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_and_awaited_in_a_file() {
    in_file(Way::Stopped).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_waits_on_a_server() {
    let Some(home) = Home::server("killed") else { return };
    end_in(&home, Way::Killed, 1, None).await;
    home.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_in_other_ways_on_a_server() {
    let Some(home) = Home::server("ended") else { return };
    for way in [Way::Racing, Way::Aborted, Way::Stopped] {
        end_in(&home, way, 8, None).await;
    }
    home.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn copied_in_mid_round_to_a_server_and_from_it() {
    let Some(home) = Home::server("copied") else { return };
    // Not killed: the lease of a process that is gone keeps what is copied back out until it lapses.
    end_in(&home, Way::Aborted, 8, Some(&Home::folder())).await;
    end_in(&Home::folder(), Way::Killed, 9, Some(&home)).await;
    home.clear().await;
}
