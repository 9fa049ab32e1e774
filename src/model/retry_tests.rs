//! The retry loop against models with scripted failures, on a paused clock.

use super::*;
use crate::model::{Bounds, Turn};
use crate::process::Purpose;
use async_trait::async_trait;
use serde_json::Map;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// Returns these results in order, each after a delay; then answers.
struct Fake {
    results: Mutex<VecDeque<Result<ChatReply, ModelError>>>,
    takes: Duration,
    asked: Mutex<Vec<Instant>>,
}

impl Fake {
    fn failing_with(errors: Vec<ModelError>) -> Self {
        let results = Mutex::new(errors.into_iter().map(Err).collect());
        Self { results, takes: Duration::from_millis(100), asked: Mutex::new(Vec::new()) }
    }

    /// Times between one request and the next.
    fn request_gaps(&self) -> Vec<Duration> {
        self.asked.lock().unwrap().windows(2).map(|w| w[1] - w[0]).collect()
    }
}

#[async_trait]
impl ChatModel for Fake {
    async fn chat(&self, _: &ChatRequest) -> Result<ChatReply, ModelError> {
        self.asked.lock().unwrap().push(Instant::now());
        tokio::time::sleep(self.takes).await;
        self.results.lock().unwrap().pop_front().unwrap_or_else(|| Ok(ChatReply::default()))
    }
}

fn busy_error(status: u16, retry_after: Option<Duration>) -> ModelError {
    ModelError::Busy { server: "s".to_owned(), status, message: String::new(), retry_after, is_unclear: false }
}

fn request_of(conversation: &str) -> ChatRequest {
    let turn = Turn {
        conversation: conversation.to_owned(),
        seq: 3,
        purpose: Purpose::Speech,
        ask: 0,
        ordinal: 2,
        speaker: "A".to_owned(),
        role: "a".to_owned(),
        others: Vec::new(),
        seed: 1,
        form: None,
    };
    ChatRequest { model: "m".to_owned(), messages: Vec::new(), parameters: Map::new(), turn }
}

struct World {
    slots: Slots,
    gates: Gates,
    stop: CancellationToken,
    abort: CancellationToken,
    retry: Retry,
    is_first_contact: bool,
    saved: AtomicU32,
    seen: Mutex<Vec<Duration>>,
}

impl World {
    fn new(slots: u32) -> Self {
        let bounds = Bounds { total: slots, servers: [("s".to_owned(), slots)].into(), may_stop: false };
        Self {
            slots: Slots::new(&bounds),
            gates: Gates::default(),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            retry: Retry::default(),
            is_first_contact: false,
            saved: AtomicU32::new(0),
            seen: Mutex::new(Vec::new()),
        }
    }

    async fn ask(&self, model: &(dyn ChatModel + 'static), conversation: &str) -> CallOutcome<&'static str> {
        let request = request_of(conversation);
        let pending = PendingCall {
            model,
            request: &request,
            server: "s",
            retry: self.retry,
            slots: &self.slots,
            gates: &self.gates,
            order: 1,
            watches: false,
            is_first_contact: self.is_first_contact,
            stop: &self.stop,
            abort: &self.abort,
            clock: &|| 1000,
        };
        let before = |_: &[Attempt]| async {
            self.saved.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        send_call(&pending, before, |w| self.seen.lock().unwrap().push(w.wait)).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_retried_is_recorded() {
    let world = World::new(1);
    let model = Fake::failing_with(vec![busy_error(503, None), busy_error(500, None)]);
    let asked = world.ask(&model, "c").await;
    assert_eq!(asked.end, CallEnd::Answered(ChatReply::default()));
    let words: Vec<_> = asked.attempts.iter().map(|a| (a.error.as_deref(), a.possible_spend)).collect();
    assert_eq!(words, [(Some("busy"), false), (Some("busy"), true), (None, false)]);
    assert_eq!(world.saved.load(Ordering::SeqCst), 3);
    assert_eq!(world.gates.last_success("s"), Some(1000));
    let waited: Vec<_> = asked.attempts.iter().map(|a| a.waited).collect();
    assert!((250..=500).contains(&waited[0].unwrap()) && (500..=1000).contains(&waited[1].unwrap()));
    assert_eq!(waited[2], None);
    assert_eq!(world.slots.free(), 1);
}

#[tokio::test(start_paused = true)]
async fn retries_are_used_up() {
    let world = World { retry: Retry { max_retries: 2, ..Retry::default() }, ..World::new(1) };
    let asked = world.ask(&Fake::failing_with(vec![busy_error(500, None); 9]), "c").await;
    assert!(matches!(asked.end, CallEnd::Failed(ModelError::Busy { .. })));
    assert_eq!(asked.attempts.len(), 3);
    assert_eq!(world.gates.last_success("s"), None);
}

#[tokio::test(start_paused = true)]
async fn what_is_hopeless_is_not_retried() {
    for (error, meaning) in [
        (ModelError::Key { server: "s".into(), message: "m".into(), variable: "K".into() }, Verdict::StopServer),
        (ModelError::Quota { server: "s".into(), message: "m".into() }, Verdict::StopServer),
        (ModelError::NoModel { server: "s".into(), model: "m".into(), message: String::new() }, Verdict::StopModel),
        (ModelError::ContextFull { model: "m".into(), message: String::new() }, Verdict::Fail),
    ] {
        assert_eq!(verdict(&error), meaning);
        let asked = World::new(1).ask(&Fake::failing_with(vec![error.clone()]), "c").await;
        assert_eq!((asked.end, asked.attempts.len()), (CallEnd::Failed(error), 1));
    }
}

// Contract R7.
#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed_and_holds_for_everybody() {
    let world = World::new(4);
    let asked = Duration::from_secs(7);
    let model = Fake::failing_with(vec![busy_error(429, Some(asked))]);
    let other = Fake::failing_with(Vec::new());
    let late = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.ask(&other, "d").await
    };
    let start = Instant::now();
    let (first, second) = tokio::join!(world.ask(&model, "c"), late);
    assert!(matches!(first.end, CallEnd::Answered(_)) && matches!(second.end, CallEnd::Answered(_)));
    let gap = model.request_gaps()[0].saturating_sub(model.takes);
    assert!(gap >= asked && gap <= asked.mul_f64(1.1) + Duration::from_millis(100), "{gap:?}");
    let left = other.asked.lock().unwrap()[0] - start;
    assert!(left >= asked, "the other conversation asked after {left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_too_short_is_prolonged_and_one_that_is_too_long_stops_the_server() {
    for asked in [0, 1, 200].map(Duration::from_millis) {
        let world = World::new(1);
        let model = Fake::failing_with(vec![busy_error(429, Some(asked)); 9]);
        let outcome = world.ask(&model, "c").await;
        assert!(matches!(outcome.end, CallEnd::Failed(ModelError::Busy { .. })));
        let waited: Vec<u64> = outcome.attempts.iter().filter_map(|a| a.waited).collect();
        assert_eq!((waited.len(), outcome.attempts.len()), (5, 6), "{asked:?}");
        let own = [250, 500, 1000, 2000, 4000];
        assert!(waited.iter().zip(own).all(|(waited, least)| *waited >= least), "{asked:?} {waited:?}");
        assert!(outcome.attempts.iter().all(|a| !a.possible_spend));
    }
    for asked in [Duration::from_secs(3601), Duration::MAX] {
        let model = Fake::failing_with(vec![busy_error(429, Some(asked))]);
        let outcome = World::new(1).ask(&model, "c").await;
        let CallEnd::Failed(error) = &outcome.end else { panic!("{:?}", outcome.end) };
        assert_eq!((error.word(), verdict(error), outcome.attempts.len()), ("busy", Verdict::StopServer, 1));
        assert!(error.to_string().contains(" until "), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_waiting_call_holds_no_slot() {
    let world = World::new(1);
    let failing = Fake::failing_with(vec![busy_error(500, None)]);
    let quick = Fake::failing_with(Vec::new());
    let (_, _) = tokio::join!(world.ask(&failing, "c"), world.ask(&quick, "d"));
    let (failed, answered) = (failing.asked.lock().unwrap(), quick.asked.lock().unwrap());
    assert!(answered[0] < failed[1], "the slot must serve the other call while this one waits");
}

#[tokio::test(start_paused = true)]
async fn stop_ends_a_wait_and_not_a_flight() {
    let world = World::new(1);
    let model = Fake::failing_with(vec![busy_error(429, Some(Duration::from_hours(1)))]);
    let stop = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.stop.cancel();
    };
    let start = Instant::now();
    let (asked, ()) = tokio::join!(world.ask(&model, "c"), stop);
    assert_eq!((asked.end, asked.attempts.len()), (CallEnd::Stopped, 1));
    assert!(start.elapsed() < Duration::from_secs(2));
    let none = world.ask(&model, "c").await;
    assert_eq!((none.end, none.attempts.len()), (CallEnd::Stopped, 0));

    let world = World::new(1);
    let slow = Fake { takes: Duration::from_secs(5), ..Fake::failing_with(Vec::new()) };
    let stop = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.stop.cancel();
    };
    let (asked, ()) = tokio::join!(world.ask(&slow, "c"), stop);
    assert!(matches!(asked.end, CallEnd::Answered(_)));
}

#[tokio::test(start_paused = true)]
async fn abort_drops_what_is_in_flight() {
    let world = World::new(1);
    let slow = Fake { takes: Duration::from_hours(1), ..Fake::failing_with(Vec::new()) };
    let abort = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.abort.cancel();
    };
    let (asked, ()) = tokio::join!(world.ask(&slow, "c"), abort);
    assert_eq!(asked.end, CallEnd::Aborted);
    assert_eq!(asked.attempts[0].error.as_deref(), Some("lost"));
    assert!(asked.attempts[0].possible_spend);
    assert_eq!(world.slots.free(), 1);
}

#[test]
fn the_wait_comes_from_the_call() {
    let retry = Retry::default();
    let error = busy_error(500, None);
    let wait = |c: &str, attempt| retry.next_wait(&error, &request_of(c), attempt);
    assert_eq!(wait("c", 1), wait("c", 1));
    assert_ne!(wait("c", 1), wait("d", 1));
    assert!(wait("c", 40) <= retry.cap && wait("c", 40) >= retry.cap / 2);
}

/// The caller's tasks move between threads.
#[test]
fn the_loop_is_send() {
    fn is_send<T: Send>(_: &T) {}
    let (model, world, request) = (Fake::failing_with(Vec::new()), World::new(1), request_of("c"));
    let pending = PendingCall {
        model: &model as &dyn ChatModel,
        request: &request,
        server: "s",
        retry: Retry::default(),
        slots: &world.slots,
        gates: &world.gates,
        order: 0,
        watches: false,
        is_first_contact: false,
        stop: &world.stop,
        abort: &world.abort,
        clock: &|| 0,
    };
    is_send(&send_call(&pending, |_| async { Ok::<(), ()>(()) }, |_| ()));
}

/// A server that was never reached has 15 seconds, whatever an attempt takes.
#[tokio::test(start_paused = true)]
async fn the_first_contact_ends_after_15_seconds() {
    let gone = || ModelError::Unreachable { server: "s".to_owned(), cause: "refused".to_owned() };
    let slow = || ModelError::Timeout { server: "s".to_owned(), what: "connection", limit: Duration::from_secs(10) };
    for (takes, error, least) in
        [(1, gone(), 14_990), (3000, gone(), 12_000), (6000, gone(), 12_000), (10_000, slow(), 10_000)]
    {
        let retry = Retry { max_retries: 60, ..Retry::default() };
        let world = World { retry, is_first_contact: true, ..World::new(1) };
        let model = Fake { takes: Duration::from_millis(takes), ..Fake::failing_with(vec![error.clone(); 99]) };
        let began = Instant::now();
        let asked = world.ask(&model, "c").await;
        assert_eq!(asked.end, CallEnd::Failed(error));
        let took = began.elapsed().as_millis();
        assert!((least..=15_010).contains(&took), "{takes} ms: {took} ms, {} attempts", asked.attempts.len());
    }
    // Another call may reach the server meanwhile.
    let world = World { is_first_contact: true, ..World::new(1) };
    world.gates.record_contact("s");
    let slow = Fake { takes: Duration::from_secs(6), ..Fake::failing_with(vec![gone(); 9]) };
    assert_eq!(world.ask(&slow, "c").await.attempts.len(), 6);
    // Its answer, even an error, is a contact.
    let world = World { is_first_contact: true, ..World::new(1) };
    let asked = world.ask(&Fake::failing_with(vec![busy_error(503, None); 5]), "c").await;
    assert_eq!((asked.end, asked.attempts.len()), (CallEnd::Answered(ChatReply::default()), 6));
}
