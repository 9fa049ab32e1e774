//! Whole runs under a clock of their own, as time over the bound that no order can undercut.

use super::*;
use std::collections::BinaryHeap;

const SLOTS: u32 = 50;
/// Time of a reply, in microseconds.
const LATENCY: u64 = 500_000;

/// Figures of a whole run.
#[derive(Debug)]
struct Figures {
    /// Time over the bound: the longest conversation with its stores, or all calls over all slots.
    ratio: f64,
    /// Conversations that are finished, and that have begun, when half of the calls are answered.
    at_half: (usize, usize),
}

/// Runs conversations of these numbers of calls. Storing a turn takes `store` microseconds.
struct Run<'a> {
    schedule: Schedule,
    chains: &'a [u32],
    left: Vec<u32>,
    /// Time of each conversation's replies and stores.
    spent: Vec<u64>,
    /// Ends of replies (true) and of stores, by time.
    events: BinaryHeap<Reverse<(u64, bool, u32)>>,
    latency: &'a mut dyn FnMut() -> u64,
    running: usize,
    now: u64,
}

impl Run<'_> {
    fn admit(&mut self) {
        while self.running < 2 * SLOTS as usize + 4
            && let Some(order) = self.schedule.admit()
        {
            self.running += 1;
            self.ask(order);
        }
    }

    fn ask(&mut self, order: u32) {
        self.schedule.begin_round(order, self.left[order as usize], 1, Some("s"));
        if self.schedule.take_kept(order, "s") {
            self.send(order);
        } else {
            self.schedule.wait(order, "s");
        }
    }

    fn send(&mut self, order: u32) {
        let took = (self.latency)();
        self.spent[order as usize] += took;
        self.events.push(Reverse((self.now + took, true, order)));
    }

    fn grant(&mut self) {
        while let Some(grant) = self.schedule.grant() {
            self.send(grant.order);
        }
    }

    fn is_done(&self, order: u32) -> bool {
        self.left[order as usize] == 0
    }
}

fn figures(chains: &[u32], store: u64, latency: &mut dyn FnMut() -> u64) -> Figures {
    figures_of(false, chains, store, latency)
}

fn figures_of(may_stop: bool, chains: &[u32], store: u64, latency: &mut dyn FnMut() -> u64) -> Figures {
    let mut schedule = Schedule::new(&Bounds { total: SLOTS, servers: [("s".to_owned(), SLOTS)].into(), may_stop });
    for (order, calls) in chains.iter().enumerate() {
        let chain = Chain { servers: vec!["s".to_owned()], calls: *calls, has_begun: false };
        schedule.add(order as u32, chain, true);
    }
    let (left, spent, events) = (chains.to_vec(), vec![0; chains.len()], BinaryHeap::new());
    let mut run = Run { schedule, chains, left, spent, events, latency, running: 0, now: 0 };
    let (mut answered, mut stores, mut at_half) = (0, 0, (0, 0));
    let all: u32 = chains.iter().sum();
    run.admit();
    run.grant();
    while let Some(Reverse((now, is_reply, order))) = run.events.pop() {
        run.now = now;
        if is_reply {
            run.left[order as usize] -= 1;
            run.schedule.give_back(order, "s");
            run.events.push(Reverse((now + store, false, order)));
            answered += 1;
            if answered == all / 2 {
                let begun = run.left.iter().zip(run.chains).filter(|(left, all)| left < all).count();
                at_half = (run.left.iter().filter(|left| **left == 0).count(), begun);
            }
        } else if run.is_done(order) {
            run.schedule.remove(order);
            run.running -= 1;
            run.admit();
        } else {
            stores += store;
            run.spent[order as usize] += store;
            run.ask(order);
        }
        if run.events.peek().is_none_or(|Reverse((next, ..))| *next > now) {
            run.grant();
        }
    }
    assert!(run.left.iter().all(|left| *left == 0) && run.schedule.count_free() == SLOTS);
    assert!(run.schedule.calls.abs() < 1e-6, "calls are left: {}", run.schedule.calls);
    let longest = run.spent.iter().max().copied().unwrap_or(0);
    let bound = longest.max((run.spent.iter().sum::<u64>() - stores) / u64::from(SLOTS));
    Figures { ratio: (run.now - store) as f64 / bound as f64, at_half }
}

/// Numbers that look random, from 0 to 1.
fn numbers(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Log-normal numbers of median 1.
fn log_normal(seed: u64, sigma: f64) -> impl FnMut() -> f64 {
    let mut number = numbers(seed);
    move || {
        let radius = (-2.0 * (1.0 - number()).ln()).sqrt();
        (sigma * radius * (std::f64::consts::TAU * number()).cos()).exp()
    }
}

fn workloads() -> [(&'static str, Vec<u32>); 5] {
    let (mut number, mut many) = (numbers(1), log_normal(2, 0.8));
    [
        ("200 of 19", vec![19; 200]),
        ("199 of 9 and one of 99", [vec![9; 199], vec![99]].concat()),
        ("200 of 1 to 60", (0..200).map(|_| 1 + (number() * 60.0) as u32).collect()),
        ("100 of 9 and 100 of 99", [vec![9; 100], vec![99; 100]].concat()),
        ("300 log-normal", (0..300).map(|_| 1 + (14.0 * many()) as u32).collect()),
    ]
}

#[test]
fn with_equal_latencies_no_tail_is_left() {
    for (name, chains) in workloads() {
        for store in [5_000, 20_000] {
            let got = figures(&chains, store, &mut || LATENCY);
            assert!(got.ratio <= 1.01, "{name}, {store} µs between turns: {got:?}");
        }
    }
}

#[test]
fn with_log_normal_latencies_the_tail_is_short() {
    for (name, chains) in workloads() {
        let mut ratios: Vec<f64> = (0..3)
            .map(|seed| {
                let mut times = log_normal(10 + seed, 0.5);
                figures(&chains, 20_000, &mut || (times() * 441_000.0) as u64).ratio
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        assert!(ratios[1] <= 1.06, "{name}: {ratios:?}");
    }
}

/// Few and short conversations, which would all be critical.
#[test]
fn a_run_with_a_bound_finishes_one_after_another() {
    for chains in [vec![8; 100], vec![4; 200]] {
        let got = figures_of(true, &chains, 5_000, &mut || LATENCY);
        assert!(got.at_half.0 + 4 >= chains.len() / 2, "{got:?} of {}", chains.len());
        assert!(got.at_half.1 <= got.at_half.0 + SLOTS as usize, "{got:?}");
    }
}

#[test]
fn half_of_the_calls_finish_about_half_of_the_conversations() {
    let got = figures(&[19; 200], 5_000, &mut || LATENCY);
    assert!(got.at_half.0 >= 98 && got.at_half.1 <= 104, "{got:?}");
    let mut times = log_normal(4, 0.5);
    let got = figures(&[19; 200], 5_000, &mut || (times() * 441_000.0) as u64);
    assert!(got.at_half.0 >= 60 && got.at_half.1 <= 130, "{got:?}");
}

/// A schedule of one server "s" with these slots, and conversations as their calls and whether they have begun.
fn schedule(slots: u32, chains: &[(u32, bool)]) -> Schedule {
    let mut schedule =
        Schedule::new(&Bounds { total: slots, servers: [("s".to_owned(), slots)].into(), may_stop: false });
    for (order, (calls, has_begun)) in chains.iter().enumerate() {
        let chain = Chain { servers: vec!["s".to_owned()], calls: *calls, has_begun: *has_begun };
        schedule.add(order as u32, chain, true);
    }
    schedule
}

#[test]
fn the_begun_go_first_then_the_order_of_the_plan() {
    let mut schedule = schedule(1, &[(5, false), (5, true), (5, false), (5, true)]);
    let order: Vec<u32> = std::iter::from_fn(|| schedule.admit()).collect();
    assert_eq!(order, [1, 3, 0, 2]);
    for order in [2, 0, 3, 1] {
        schedule.wait(order, "s");
    }
    let mut granted = Vec::new();
    while let Some(grant) = schedule.grant() {
        granted.push(grant.order);
        schedule.give_back(grant.order, "s");
    }
    assert_eq!(granted, [1, 3, 0, 2]);
}

#[test]
fn a_critical_chain_goes_first_and_keeps_its_slot_for_its_next_call_alone() {
    let mut schedule = schedule(2, &[(2, true), (2, true), (9, false)]);
    assert_eq!(schedule.admit(), Some(2), "9 of 13 calls on two slots");
    assert_eq!((schedule.admit(), schedule.admit(), schedule.admit()), (Some(0), Some(1), None));
    for order in [0, 1, 2] {
        schedule.begin_round(order, [2, 2, 9][order as usize], 1, Some("s"));
        schedule.wait(order, "s");
    }
    assert_eq!((schedule.grant().unwrap().order, schedule.grant().unwrap().order), (2, 0));
    schedule.give_back(2, "s");
    assert_eq!(schedule.grant(), None, "it is kept");
    schedule.begin_round(2, 8, 1, Some("s"));
    assert!(schedule.take_kept(2, "s") && !schedule.take_kept(2, "s"));
    schedule.give_back(2, "s");
    schedule.release(2);
    assert_eq!(schedule.grant().unwrap().order, 1);
    schedule.give_back(1, "s");
    schedule.begin_round(2, 1, 1, Some("s"));
    schedule.wait(2, "s");
    assert_eq!(schedule.grant().unwrap().order, 2);
    schedule.give_back(2, "s");
    assert_eq!(schedule.count_free(), 1, "its last call keeps nothing; one slot is that of the first conversation");
}

#[test]
fn a_kept_slot_is_given_back_before_a_call_to_another_server_and_before_several() {
    for (lanes, server) in [(1, Some("t")), (1, None), (2, Some("s")), (2, None)] {
        let mut schedule = schedule(1, &[(9, true)]);
        schedule.begin_round(0, 9, 1, Some("s"));
        schedule.wait(0, "s");
        schedule.grant().unwrap();
        schedule.give_back(0, "s");
        assert_eq!(schedule.count_free(), 0);
        schedule.begin_round(0, 8, lanes, server);
        assert_eq!(schedule.count_free(), 1, "{lanes} {server:?}");
    }
}

#[test]
fn each_server_has_its_own_critical_chains() {
    let mut schedule =
        Schedule::new(&Bounds { total: 4, servers: [("a".into(), 2), ("b".into(), 2)].into(), may_stop: false });
    let chain = |server: &str, calls| Chain { servers: vec![server.to_owned()], calls, has_begun: false };
    for order in 0..10 {
        schedule.add(order, chain("a", 10), true);
    }
    schedule.add(10, chain("b", 20), true);
    assert_eq!(schedule.admit(), Some(0), "100 calls on two slots: none of 10 or 20 calls decides the end");
    for order in 1..7 {
        schedule.remove(order);
    }
    assert_eq!(schedule.admit(), Some(10));
    assert_eq!(schedule.admit(), Some(7));
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
