//! The order of a run's calls, as a pure machine: which conversation begins, and which call gets the next slot.
//!
//! Calls of one conversation follow each other: they are its *chain*. Conversations run depth-first, in the order of the
//! plan: one that has begun goes before one that has not, so a run that is cut short has finished conversations. The
//! exception removes the tail: a *critical* chain decides when the run ends, and so goes first and keeps its slot.
//! A run with a bound of its own has no end to shorten: there every chain keeps its slot and none is critical, so that the
//! bound leaves as many finished conversations as it can. No clock and no channel enters; `limit` adds them.

use super::ServerKind;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Share of the time that all calls take, from which on a chain of calls is critical.
///
/// Few conversations are nearly all critical, so a run of them that is killed half-way may have finished none. Other
/// rules were simulated as in `schedule_tests.rs`. None that finishes more of them by half of the calls keeps both bounds,
/// 1.01 with equal latencies and 1.06 with log-normal ones. Time over the bound with equal and with log-normal
/// latencies, and conversations finished at half, of `calls × conversations / slots`:
///
/// | rule | 19 × 200 / 50 | 8 × 24 / 16 | 8 × 32 / 16 | 19 × 48 / 16 |
/// |---|---|---|---|---|
/// | this one | 1.00 1.05 50 % | 1.00 1.16 0 | 1.00 1.16 0 | 1.01 1.04 0 |
/// | share 0.9 | 1.00 1.07 50 % | 1.00 1.18 0 | 1.00 1.24 0 | 1.01 1.07 0 |
/// | share 1 | 1.00 1.10 50 % | 1.00 1.24 0 | 1.00 1.26 0 | 1.01 1.09 0 |
/// | only in the last third | 1.00 1.05 50 % | 1.00 1.43 0 | 1.00 1.29 0 | 1.01 1.07 0 |
/// | every chain keeps its slot | 1.04 1.18 50 % | 1.38 1.55 0 | 1.03 1.29 50 % | 1.04 1.13 33 % |
/// | ⅛ more are admitted than slots | 1.13 1.14 29 % | 1.52 1.43 0 | 1.15 1.28 0 | 1.17 1.15 42 % |
///
/// With equal latencies 8 × 24 calls on 16 slots take 12 rounds, of which one conversation needs 8: at half none can be
/// at its end. A run that shall be worth something when it is cut gets a bound (`Bounds::may_stop`).
const CRITICAL: f64 = 0.75;

/// Maximum numbers of requests in flight.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bounds {
    /// Over all servers.
    pub total: u32,
    /// At each server, by name.
    pub servers: BTreeMap<String, u32>,
    /// True if a bound on calls or time may stop the run before its end.
    pub may_stop: bool,
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
        Self { total: jobs.unwrap_or(sum).max(1), servers, may_stop: false }
    }
}

/// Calls that a conversation has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Servers of its models.
    pub servers: Vec<String>,
    /// Number of its calls.
    pub calls: u32,
    /// True if one of its calls was made before.
    pub has_begun: bool,
}

/// A conversation that takes part.
#[derive(Debug)]
struct Member {
    chain: Chain,
    /// Number of calls that must follow each other.
    length: u32,
    /// True if its current call is its only one in flight, and another follows.
    may_keep: bool,
    /// Server of the slot that it keeps between two calls.
    kept: Option<String>,
}

/// One server: its slots, its calls, and the conversations and calls that wait.
#[derive(Debug)]
struct Desk {
    slots: u32,
    free: u32,
    /// Calls left. A conversation with several servers counts evenly at each.
    calls: f64,
    /// Conversations that wait for admission, the longest first.
    longest: BTreeSet<(Reverse<u32>, u32)>,
    waiting: Line,
}

/// A waiting call: true if its conversation has not begun, its place in the plan, number of the call, length of the chain.
type Waiter = (bool, u32, u64, u32);
/// Rank of a call among all servers; the lowest goes first.
type Rank = (bool, Reverse<u32>, bool, u32);

/// Waiting calls. Each is known by a number that grows.
#[derive(Debug, Default)]
struct Line {
    by_order: BTreeSet<Waiter>,
    /// The longest chain first; then as above.
    by_length: BTreeSet<(Reverse<u32>, u32, u64, bool)>,
}

impl Line {
    fn add(&mut self, (unbegun, order, ticket, length): Waiter) {
        self.by_order.insert((unbegun, order, ticket, length));
        self.by_length.insert((Reverse(length), order, ticket, unbegun));
    }

    fn remove(&mut self, (unbegun, order, ticket, length): Waiter) {
        self.by_order.remove(&(unbegun, order, ticket, length));
        self.by_length.remove(&(Reverse(length), order, ticket, unbegun));
    }
}

/// A call that gets a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Number of the call.
    pub ticket: u64,
    /// Place of its conversation.
    pub order: u32,
    /// The server.
    pub server: String,
}

/// The order of a run's calls. A conversation is known by its place in the plan.
#[derive(Debug)]
pub struct Schedule {
    slots: u32,
    may_stop: bool,
    free: u32,
    calls: f64,
    desks: BTreeMap<String, Desk>,
    members: BTreeMap<u32, Member>,
    /// Conversations that wait for admission: begun or not, then in the order of the plan.
    queue: BTreeSet<(bool, u32)>,
    tickets: u64,
}

impl Schedule {
    /// Creates a schedule without conversations. A server without a bound is limited by the total only.
    pub fn new(bounds: &Bounds) -> Self {
        let desks = bounds.servers.iter().map(|(name, slots)| (name.clone(), Desk::new(*slots))).collect();
        let Bounds { total: slots, may_stop, .. } = *bounds;
        let (calls, members, queue) = (0.0, BTreeMap::new(), BTreeSet::new());
        Self { slots, may_stop, free: slots, calls, desks, members, queue, tickets: 0 }
    }

    /// Number of free slots of the total.
    pub fn count_free(&self) -> u32 {
        self.free
    }

    /// Adds a conversation. With `in_queue` it waits until [`Self::admit`] returns it.
    pub fn add(&mut self, order: u32, chain: Chain, in_queue: bool) {
        self.remove(order);
        let length = chain.calls;
        if in_queue {
            self.queue.insert((!chain.has_begun, order));
            for server in &chain.servers {
                self.desk(server).longest.insert((Reverse(length), order));
            }
        }
        self.count(&chain, f64::from(chain.calls));
        self.members.insert(order, Member { chain, length, may_keep: false, kept: None });
    }

    /// Removes a conversation with its calls and the slot that it keeps.
    pub fn remove(&mut self, order: u32) {
        self.release(order);
        let Some(Member { chain, .. }) = self.members.remove(&order) else { return };
        self.leave_queue(order, &chain);
        self.count(&chain, -f64::from(chain.calls));
    }

    /// Returns the next conversation to begin: the longest critical one, else the first.
    pub fn admit(&mut self) -> Option<u32> {
        let critical = self.desks.values().filter_map(|desk| {
            let (Reverse(length), order) = *desk.longest.first()?;
            self.is_critical(desk, length).then_some((length, Reverse(order)))
        });
        let order = match critical.max() {
            Some((_, Reverse(order))) => order,
            None => self.queue.first()?.1,
        };
        let chain = self.members.get(&order)?.chain.clone();
        self.leave_queue(order, &chain);
        Some(order)
    }

    /// Counts the calls of a conversation before `lanes` of them leave together. If it keeps a slot at another server
    /// than that of its only next call, it gives it back.
    pub fn begin_round(&mut self, order: u32, calls: u32, lanes: u32, server: Option<&str>) {
        let Some(member) = self.members.get_mut(&order) else { return };
        let change = f64::from(calls) - f64::from(member.chain.calls);
        member.chain.calls = calls;
        member.length = calls.saturating_sub(lanes.saturating_sub(1));
        member.may_keep = lanes == 1 && member.length > 1;
        let chain = member.chain.clone();
        if lanes != 1 || member.kept.as_deref() != server {
            self.release(order);
        }
        self.count(&chain, change);
    }

    /// Takes the slot that a conversation keeps at a server.
    pub fn take_kept(&mut self, order: u32, server: &str) -> bool {
        let kept = self.members.get_mut(&order).map(|member| &mut member.kept);
        kept.is_some_and(|kept| kept.take_if(|at| at == server).is_some())
    }

    /// Lets a call wait for a slot, and returns its number.
    pub fn wait(&mut self, order: u32, server: &str) -> u64 {
        self.tickets += 1;
        let member = self.members.get(&order).map(|m| (!m.chain.has_begun, m.length));
        let (unbegun, length) = member.unwrap_or((true, 0));
        let waiter = (unbegun, order, self.tickets, length);
        self.desk(server).waiting.add(waiter);
        self.tickets
    }

    /// Takes a slot for the call that goes first, if one can have it.
    pub fn grant(&mut self) -> Option<Grant> {
        if self.free == 0 {
            return None;
        }
        let open = self.desks.iter().filter(|(_, desk)| desk.free > 0);
        let (_, waiter, name) = open.filter_map(|(name, desk)| self.first_of(name, desk)).min()?;
        let (server, (_, order, ticket, _)) = (name.clone(), waiter);
        let desk = self.desks.get_mut(&server)?;
        desk.waiting.remove(waiter);
        desk.free -= 1;
        self.free -= 1;
        if let Some(member) = self.members.get_mut(&order) {
            member.chain.has_begun = true;
        }
        Some(Grant { ticket, order, server })
    }

    /// Returns a server's next call with its rank: a critical call goes before all others, the longest first.
    fn first_of<'a>(&self, name: &'a String, desk: &Desk) -> Option<(Rank, Waiter, &'a String)> {
        let longest = desk.waiting.by_length.first().filter(|(length, ..)| self.is_critical(desk, length.0));
        if let Some(&(length, order, ticket, unbegun)) = longest {
            return Some(((false, length, unbegun, order), (unbegun, order, ticket, length.0), name));
        }
        let waiter @ (unbegun, order, ..) = *desk.waiting.by_order.first()?;
        Some(((true, Reverse(0), unbegun, order), waiter, name))
    }

    /// Gives a slot back after a call. A critical chain keeps it for its next call, while its turn is stored.
    pub fn give_back(&mut self, order: u32, server: &str) {
        let keeps = |member: &&Member| {
            let desk = self.desks.get(server);
            let is_critical = || desk.is_some_and(|desk| self.is_critical(desk, member.length - 1));
            member.may_keep && (self.may_stop || is_critical())
        };
        if self.members.get(&order).as_ref().is_none_or(|member| !keeps(member)) {
            self.free_slot(server);
        } else if let Some(member) = self.members.get_mut(&order) {
            member.kept = Some(server.to_owned());
        }
    }

    /// Frees the slot that a conversation keeps.
    pub fn release(&mut self, order: u32) {
        if let Some(server) = self.members.get_mut(&order).and_then(|member| member.kept.take()) {
            self.free_slot(&server);
        }
    }

    /// Frees a slot.
    pub fn free_slot(&mut self, server: &str) {
        self.free += 1;
        if let Some(desk) = self.desks.get_mut(server) {
            desk.free = desk.free.saturating_add(1);
        }
    }

    /// True if a chain of this length takes about as long as all calls together, at its server or over all.
    fn is_critical(&self, desk: &Desk, length: u32) -> bool {
        let all = self.calls / f64::from(self.slots.max(1));
        let here = desk.calls / f64::from(desk.slots.min(self.slots).max(1));
        !self.may_stop && length > 0 && f64::from(length) >= CRITICAL * all.max(here)
    }

    fn count(&mut self, chain: &Chain, calls: f64) {
        self.calls += calls;
        for server in &chain.servers {
            self.desk(server).calls += calls / chain.servers.len() as f64;
        }
    }

    fn leave_queue(&mut self, order: u32, chain: &Chain) {
        self.queue.remove(&(!chain.has_begun, order));
        for server in &chain.servers {
            self.desk(server).longest.remove(&(Reverse(chain.calls), order));
        }
    }

    fn desk(&mut self, server: &str) -> &mut Desk {
        self.desks.entry(server.to_owned()).or_insert_with(|| Desk::new(u32::MAX))
    }
}

impl Desk {
    fn new(slots: u32) -> Self {
        Self { slots, free: slots, calls: 0.0, longest: BTreeSet::new(), waiting: Line::default() }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
