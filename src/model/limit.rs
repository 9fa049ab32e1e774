//! Slots limit the requests in flight, over all servers and at each; the longest chains go first.
//!
//! One lock holds both counts, so that no caller ever holds one kind of slot while waiting for the other.

use super::ServerKind;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Maximum numbers of requests in flight.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bounds {
    /// Over all servers.
    pub total: u32,
    /// At each server, by name.
    pub servers: BTreeMap<String, u32>,
}

impl Bounds {
    /// Computes the bounds of a run. `--jobs N` is the total and replaces each server's default, which
    /// is 4 for Ollama and 16 for others. It does not replace a configured `concurrency`. Without it the total is the
    /// sum. For several models of one server the smallest `concurrency` applies.
    pub fn of(jobs: Option<u32>, servers: &[(String, ServerKind)], written: &[(String, u32)]) -> Self {
        let bound = |name: &str, kind: ServerKind| {
            let smallest = written.iter().filter(|(server, _)| server == name).map(|(_, bound)| *bound).min();
            smallest.or(jobs).unwrap_or(if kind == ServerKind::Ollama { 4 } else { 16 }).max(1)
        };
        let servers: BTreeMap<_, _> = servers.iter().map(|(name, kind)| (name.clone(), bound(name, *kind))).collect();
        let sum = servers.values().fold(0_u32, |sum, bound| sum.saturating_add(*bound));
        Self { total: jobs.unwrap_or(sum).max(1), servers }
    }
}

/// The slots of a run. Clones share them.
#[derive(Debug, Clone)]
pub struct Slots {
    state: Arc<Mutex<State>>,
}

/// A slot in use; dropping it frees it.
#[derive(Debug)]
pub struct Slot {
    slots: Slots,
    server: String,
}

#[derive(Debug)]
struct State {
    free: u32,
    servers: BTreeMap<String, Desk>,
    asked: u64,
}

/// One server's slots and the callers waiting for them.
#[derive(Debug)]
struct Desk {
    free: u32,
    waiting: BinaryHeap<Waiter>,
}

/// A waiting caller: ordered by priority, then by time of arrival.
#[derive(Debug)]
struct Waiter {
    rank: (u32, Reverse<u64>),
    grant: oneshot::Sender<Slot>,
}

impl PartialEq for Waiter {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}
impl Eq for Waiter {}
impl PartialOrd for Waiter {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Waiter {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl Slots {
    /// Creates free slots within these bounds.
    pub fn new(bounds: &Bounds) -> Self {
        let desk = |free: &u32| Desk { free: *free, waiting: BinaryHeap::new() };
        let servers = bounds.servers.iter().map(|(name, free)| (name.clone(), desk(free))).collect();
        Self { state: Arc::new(Mutex::new(State { free: bounds.total, servers, asked: 0 })) }
    }

    /// Waits for a slot at `server`: the waiting caller with the highest priority gets the next free one. Dropping the
    /// future leaves the queue. A server without a bound is limited by the total only.
    pub async fn take_slot(&self, server: &str, priority: u32) -> Slot {
        loop {
            let waiting = self.join_queue(server, priority);
            self.hand_out();
            // A sender is dropped without a grant only when the slots themselves are dropped.
            if let Ok(slot) = waiting.await {
                return slot;
            }
        }
    }

    /// Number of free slots of the total.
    pub fn free(&self) -> u32 {
        self.lock().free
    }

    fn join_queue(&self, server: &str, priority: u32) -> oneshot::Receiver<Slot> {
        let (grant, granted) = oneshot::channel();
        let mut state = self.lock();
        state.asked += 1;
        let rank = (priority, Reverse(state.asked));
        let desk = state.servers.entry(server.to_owned());
        let desk = desk.or_insert_with(|| Desk { free: u32::MAX, waiting: BinaryHeap::new() });
        desk.waiting.push(Waiter { rank, grant });
        granted
    }

    /// Gives free slots to waiting callers. An undeliverable slot frees itself again, outside the lock.
    fn hand_out(&self) {
        loop {
            let next = self.lock().next_waiter();
            let Some((server, waiter)) = next else { return };
            drop(waiter.grant.send(Slot { slots: self.clone(), server }));
        }
    }

    fn give_back(&self, server: &str) {
        let mut state = self.lock();
        state.free += 1;
        if let Some(desk) = state.servers.get_mut(server) {
            desk.free = desk.free.saturating_add(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes a slot for the first waiting caller whose server has a free one.
    fn next_waiter(&mut self) -> Option<(String, Waiter)> {
        if self.free == 0 {
            return None;
        }
        for desk in self.servers.values_mut() {
            while desk.waiting.peek().is_some_and(|w| w.grant.is_closed()) {
                desk.waiting.pop();
            }
        }
        let open = self.servers.iter().filter(|(_, desk)| desk.free > 0);
        let first = open.filter_map(|(name, desk)| Some((desk.waiting.peek()?.rank, name))).max()?;
        let name = first.1.clone();
        let desk = self.servers.get_mut(&name)?;
        let waiter = desk.waiting.pop()?;
        desk.free -= 1;
        self.free -= 1;
        Some((name, waiter))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.give_back(&self.server);
        self.slots.hand_out();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn open_slots(servers: &[(&str, u32)], total: u32) -> Slots {
        Slots::new(&Bounds { total, servers: servers.iter().map(|(n, b)| ((*n).to_owned(), *b)).collect() })
    }

    #[test]
    fn bounds_of_a_run() {
        let servers = [("ollama".to_owned(), ServerKind::Ollama), ("openai".to_owned(), ServerKind::OpenAi)];
        let bounds = |jobs, written: &[(&str, u32)]| {
            let written: Vec<_> = written.iter().map(|(n, b)| ((*n).to_owned(), *b)).collect();
            let bounds = Bounds::of(jobs, &servers, &written);
            (bounds.total, bounds.servers["ollama"], bounds.servers["openai"])
        };
        assert_eq!(bounds(None, &[]), (20, 4, 16));
        assert_eq!(bounds(Some(50), &[]), (50, 50, 50));
        assert_eq!(bounds(Some(50), &[("openai", 8), ("openai", 3)]), (50, 50, 3));
        assert_eq!(bounds(None, &[("ollama", 2)]), (18, 2, 16));
        assert_eq!(bounds(Some(0), &[]), (1, 1, 1));
    }

    #[tokio::test]
    async fn the_highest_priority_first_then_the_order_of_asking() {
        let slots = open_slots(&[("a", 1)], 9);
        let held = slots.take_slot("a", 0).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = [(1, "low"), (5, "high"), (3, "first"), (3, "second")]
            .map(|(priority, name)| {
                let (slots, order) = (slots.clone(), Arc::clone(&order));
                tokio::spawn(async move {
                    let _slot = slots.take_slot("a", priority).await;
                    order.lock().unwrap().push(name);
                })
            })
            .into();
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["high", "first", "second", "low"]);
    }

    #[tokio::test]
    async fn a_full_server_holds_up_no_other() {
        let slots = open_slots(&[("a", 1), ("b", 1)], 2);
        let _held = slots.take_slot("a", 0).await;
        let waiting = tokio::spawn({
            let slots = slots.clone();
            async move { drop(slots.take_slot("a", 9).await) }
        });
        tokio::task::yield_now().await;
        let other = tokio::time::timeout(Duration::from_secs(1), slots.take_slot("b", 0)).await;
        assert!(other.is_ok(), "the server's waiter must hold no slot of the total");
        waiting.abort();
    }

    #[tokio::test]
    async fn the_total_holds_over_servers() {
        let slots = open_slots(&[("a", 5), ("b", 5)], 1);
        let held = slots.take_slot("a", 0).await;
        let soon = tokio::time::timeout(Duration::from_millis(20), slots.take_slot("b", 0)).await;
        assert!(soon.is_err());
        drop(held);
        assert!(tokio::time::timeout(Duration::from_secs(1), slots.take_slot("b", 0)).await.is_ok());
    }

    #[tokio::test]
    async fn waiting_futures_that_are_dropped_lose_no_slot() {
        let slots = open_slots(&[("a", 2)], 2);
        for round in 0..200 {
            let held = slots.take_slot("a", 0).await;
            let also = slots.take_slot("a", 0).await;
            let tasks: Vec<_> = (0..5)
                .map(|i| {
                    let slots = slots.clone();
                    tokio::spawn(async move { drop(slots.take_slot("a", i).await) })
                })
                .collect();
            tokio::task::yield_now().await;
            if round % 2 == 0 {
                drop((held, also));
                tasks.iter().for_each(tokio::task::JoinHandle::abort);
            } else {
                tasks.iter().for_each(tokio::task::JoinHandle::abort);
                drop((held, also));
            }
            for task in tasks {
                let _ended = task.await;
            }
            assert_eq!(slots.free(), 2, "round {round}");
        }
    }

    #[tokio::test]
    async fn a_grant_that_nobody_takes_goes_on_to_the_next() {
        let slots = open_slots(&[("a", 1)], 1);
        let held = slots.take_slot("a", 0).await;
        let granted = slots.join_queue("a", 9);
        let next = slots.join_queue("a", 1);
        drop(held);
        drop(granted);
        assert!(tokio::time::timeout(Duration::from_secs(1), next).await.unwrap().is_ok());
    }
}
