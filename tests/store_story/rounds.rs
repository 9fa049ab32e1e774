//! The part of the story about rounds: several calls of one process in flight, answered in any order.

use crate::asked::ask;
use crate::fixtures::*;
use convoke::model::Attempt;
use convoke::process::log::Entry;
use convoke::process::{EndedBy, Flag};
use convoke::store::{CallRecord, CallState, ConversationRecord, End, Filter, ProcessKind, Status, Store};
use futures_util::future::join_all;
use std::collections::BTreeSet;

const LANES: u32 = 8;
/// Orders that are tried.
const ORDERS: u64 = 6;

/// Told to every implementation.
pub async fn tell(store: &dyn Store) {
    let id = planned(store, "rounds", 1).await.remove(0);
    let (about, log) = spoken(store, &id).await;
    for order in 0..ORDERS {
        let round = Round::new(store, &about, &log, order).await;
        round.first_half().await;
        round.second_half().await;
    }
}

/// Numbers that look random, always the same.
fn shuffled(mut numbers: Vec<u32>, seed: u64) -> Vec<u32> {
    let mut state = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    for last in (1..numbers.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        numbers.swap(last, (state >> 33) as usize % (last + 1));
    }
    numbers
}

fn entry(call: &CallRecord) -> Entry {
    let flags = [Flag::Repetition, Flag::Empty, Flag::Refusal];
    answer(call, &flags[..(call.seq % 4) as usize])
}

struct Round<'a> {
    store: &'a dyn Store,
    about: &'a ConversationRecord,
    subject: &'a [Entry],
    text: String,
    id: String,
    order: u64,
}

impl<'a> Round<'a> {
    async fn new(store: &'a dyn Store, about: &'a ConversationRecord, subject: &'a [Entry], order: u64) -> Self {
        let text = format!("In order {order}?");
        let id = ask(store, about, &text, LANES).await;
        Self { store, about, subject, text, id, order }
    }

    fn lane(&self, seq: u32, later: i64) -> CallRecord {
        lane(self.subject, &self.text, seq, NOW + i64::from(seq) + later)
    }

    /// An answer, after an attempt that may have been paid for where the lane is even.
    fn answered(&self, seq: u32, later: i64) -> CallRecord {
        let attempt = |at: i64, possible_spend: bool| {
            let error = possible_spend.then(|| "timeout".to_owned());
            Attempt { at, took: 5, error, message: None, waited: None, possible_spend }
        };
        let sent = self.lane(seq, later);
        let mut attempts = vec![attempt(sent.sent + 1, false)];
        if seq.is_multiple_of(2) {
            attempts.insert(0, attempt(sent.sent, true));
        }
        CallRecord { attempts, ..answered(&sent, &format!("I am {seq}.")) }
    }

    /// All leave at once; five are answered in any order, while those that are next are appended; three are lost, one
    /// of them for good.
    async fn first_half(&self) {
        let epoch = claimed(self.store, &self.id).await;
        self.store.append(&self.id, epoch, vec![asks(&self.text)], None).await.unwrap();
        join_all((1..=LANES).map(|seq| self.store.sent(&self.id, epoch, self.lane(seq, 0)))).await;
        let order = shuffled((1..=LANES).collect(), self.order);
        let (kept, lost) = order.split_at(5);
        let settled = kept.iter().map(|seq| self.store.settle(&self.id, epoch, self.answered(*seq, 0)));
        let gave_up = CallRecord { state: CallState::Failed, ..self.answered(lost[0], 0) };
        let gave_up = CallRecord { reply: None, answered: None, ..gave_up };
        let failed = self.store.settle(&self.id, epoch, gave_up);
        let (settled, failed, ()) =
            futures_util::join!(join_all(settled), failed, self.append(epoch, |seq| kept.contains(&seq), 0));
        assert!(settled.into_iter().chain([failed]).all(|result| result.is_ok()));
        assert_eq!(self.store.verify(Some(&self.id)).await.unwrap(), []);
        self.store.finish(&self.id, epoch, End::new(Status::Interrupted, None)).await.unwrap();
        self.counts().await;
    }

    /// Whoever goes on uses what is answered, and asks the others anew.
    async fn second_half(&self) {
        let epoch = claimed(self.store, &self.id).await;
        let history = self.store.history(&self.id).await.unwrap();
        let done = history.log.len() as u32;
        let open: BTreeSet<u32> =
            history.open.iter().filter(|c| c.state == CallState::Answered).map(|c| c.seq).collect();
        let left: Vec<u32> = (done..=LANES).filter(|seq| !open.contains(seq)).collect();
        assert_eq!(left.len(), 3);
        join_all(left.iter().map(|seq| self.store.sent(&self.id, epoch, self.lane(*seq, 1000)))).await;
        let order = shuffled(left.clone(), self.order + 1);
        join_all(order.iter().map(|seq| self.store.settle(&self.id, epoch, self.answered(*seq, 1000)))).await;
        self.append(epoch, |_| true, 1000).await;
        self.store.finish(&self.id, epoch, End::done(EndedBy::Answered)).await.unwrap();
        self.counts().await;
        let spent = self.store.calls_of(std::slice::from_ref(&self.id)).await.unwrap();
        assert_eq!(spent[0].len() as u32, LANES, "each lane has one call");
    }

    /// Appends what is answered from the end of the log on.
    async fn append(&self, epoch: u64, is_answered: impl Fn(u32) -> bool, later: i64) {
        let history = self.store.history(&self.id).await.unwrap();
        for seq in history.log.len() as u32..=LANES {
            if !is_answered(seq) {
                return;
            }
            let stored = history.open.iter().find(|c| c.seq == seq && c.state == CallState::Answered);
            let call = stored.cloned().unwrap_or_else(|| self.answered(seq, later));
            let entry = entry(&call);
            assert_eq!(self.store.append(&self.id, epoch, vec![entry], Some(call)).await.unwrap(), []);
        }
    }

    /// What is counted is what the log and the calls say.
    async fn counts(&self) {
        assert_eq!(self.store.verify(Some(&self.id)).await.unwrap(), []);
        let log = self.store.history(&self.id).await.unwrap().log;
        let calls = self.store.calls_of(std::slice::from_ref(&self.id)).await.unwrap().remove(0);
        let lost = calls.iter().flat_map(|c| &c.attempts).filter(|a| a.possible_spend).count();
        let spend = lost + calls.iter().filter(|c| c.state == CallState::Sent).count();
        let standing = self.store.standing(&self.about.experiment, ProcessKind::Question).await.unwrap();
        let standing = standing.into_iter().find(|s| s.id == self.id).unwrap();
        let answered = log.iter().filter(|e| e.call.is_some()).count();
        assert_eq!((standing.answered as usize, standing.possible_spend as usize), (answered, spend));
        let flags: BTreeSet<Flag> = log.iter().flat_map(|e| e.flags.clone()).collect();
        let questions =
            Filter { experiment: Some(self.about.experiment.clone()), revision: None, kind: ProcessKind::Question };
        let listed = self.store.page(&questions, "", 100).await.unwrap();
        let listed = listed.into_iter().find(|(c, _)| c.id == self.id).unwrap();
        assert_eq!(listed.1, flags.into_iter().collect::<Vec<_>>());
    }
}
