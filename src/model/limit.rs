//! Slots limit the requests in flight, over all servers and at each. `schedule` decides who gets the next.
//!
//! One lock holds both counts, so that no caller ever holds one kind of slot while waiting for the other.

use super::schedule::{Bounds, Grant, Schedule};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The slots of a run. Clones share them.
#[derive(Debug, Clone)]
pub struct Slots {
    state: Arc<Mutex<State>>,
}

/// A slot in use; dropping it frees it, or keeps it for the next call of a critical chain.
#[derive(Debug)]
pub struct Slot {
    slots: Slots,
    server: String,
    order: u32,
}

#[derive(Debug)]
struct State {
    schedule: Schedule,
    /// Waiting callers, by the numbers of their calls.
    waiting: BTreeMap<u64, oneshot::Sender<Slot>>,
}

impl Slots {
    /// Creates free slots within these bounds.
    pub fn new(bounds: &Bounds) -> Self {
        let state = State { schedule: Schedule::new(bounds), waiting: BTreeMap::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Waits for a slot at `server`, in the order of the schedule, for a call of the conversation at this place in the
    /// plan. Dropping the future leaves the queue.
    pub async fn take_slot(&self, server: &str, order: u32) -> Slot {
        loop {
            let waiting = self.join_queue(server, order);
            self.hand_out();
            // A sender is dropped without a grant only when the slots themselves are dropped.
            if let Ok(slot) = waiting.await {
                return slot;
            }
        }
    }

    /// Changes the order of work, then gives the slots that became free to waiting callers.
    pub fn reschedule<T>(&self, change: impl FnOnce(&mut Schedule) -> T) -> T {
        let changed = change(&mut self.lock().schedule);
        self.hand_out();
        changed
    }

    /// Number of free slots of the total.
    pub fn free(&self) -> u32 {
        self.lock().schedule.count_free()
    }

    fn join_queue(&self, server: &str, order: u32) -> oneshot::Receiver<Slot> {
        let (grant, granted) = oneshot::channel();
        let mut state = self.lock();
        if state.schedule.take_kept(order, server) {
            drop(state);
            // The receiver is returned below, so the slot is delivered.
            drop(grant.send(Slot { slots: self.clone(), server: server.to_owned(), order }));
        } else {
            let ticket = state.schedule.wait(order, server);
            state.waiting.insert(ticket, grant);
        }
        granted
    }

    /// Gives free slots to waiting callers. An undeliverable slot frees itself again, outside the lock.
    fn hand_out(&self) {
        loop {
            let next = self.lock().next_waiter();
            let Some((Grant { order, server, .. }, waiter)) = next else { return };
            drop(waiter.send(Slot { slots: self.clone(), server, order }));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes a slot for the first waiting caller whose server has a free one.
    fn next_waiter(&mut self) -> Option<(Grant, oneshot::Sender<Slot>)> {
        loop {
            let grant = self.schedule.grant()?;
            match self.waiting.remove(&grant.ticket) {
                Some(waiter) if !waiter.is_closed() => return Some((grant, waiter)),
                _ => self.schedule.free_slot(&grant.server),
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.reschedule(|schedule| schedule.give_back(self.order, &self.server));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn open_slots(servers: &[(&str, u32)], total: u32) -> Slots {
        Slots::new(&Bounds {
            total,
            servers: servers.iter().map(|(n, b)| ((*n).to_owned(), *b)).collect(),
            may_stop: false,
        })
    }

    #[tokio::test]
    async fn the_order_of_the_plan_then_the_order_of_asking() {
        let slots = open_slots(&[("a", 1)], 9);
        let held = slots.take_slot("a", 0).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = [(9, "late"), (5, "early"), (7, "first"), (7, "second")]
            .map(|(place, name)| {
                let (slots, order) = (slots.clone(), Arc::clone(&order));
                tokio::spawn(async move {
                    let _slot = slots.take_slot("a", place).await;
                    order.lock().unwrap().push(name);
                })
            })
            .into();
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["early", "first", "second", "late"]);
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
