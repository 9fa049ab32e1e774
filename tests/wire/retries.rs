//! Retries over the wire: the wait that the server requested is kept.

use super::support::{Fake, Step, response};
use super::*;
use convoke::model::retry::send_call;
use convoke::model::{Bounds, CallEnd, CallOutcome, Gates, PendingCall, Retry, Slots};
use std::convert::Infallible;
use tokio_util::sync::CancellationToken;

const QUICK: Retry = Retry {
    max_retries: 2,
    base: Duration::from_millis(10),
    cap: Duration::from_millis(20),
    longest: Duration::from_mins(1),
};

pub(super) async fn retried(kind: ServerKind, streamed: bool, fake: &Fake) -> CallOutcome<Infallible> {
    let connection = Connection::open(&server(kind, fake.port)).unwrap();
    let (model, request) = (connection.model(ModelFacts::default()), request(&streaming(kind, streamed)));
    let (slots, gates, token) = (Slots::new(&Bounds::of(None, &[], &[])), Gates::default(), CancellationToken::new());
    let pending = PendingCall {
        model: model.as_ref(),
        request: &request,
        server: "lab",
        retry: QUICK,
        slots: &slots,
        gates: &gates,
        order: 0,
        watches: false,
        is_first_contact: false,
        stop: &token,
        abort: &token,
        clock: &|| 7,
    };
    send_call(&pending, |_| async { Ok(()) }, |_| ()).await
}

fn good(kind: ServerKind) -> Vec<Step> {
    response(200, "", said(kind, "Good day.").as_bytes())
}

#[tokio::test]
async fn retry_after_in_its_three_forms() {
    let date = "retry-after: Thu, 01 Jan 2026 00:00:11 GMT\r\ndate: Thu, 01 Jan 2026 00:00:10 GMT\r\n";
    let asked = [("retry-after: 1\r\n", 1000), (date, 1000), ("retry-after-ms: 400\r\nretry-after: 9\r\n", 400)];
    let all = asked.map(|(header, asked)| async move {
        let fake = Fake::start(vec![response(429, header, b"{}"), good(ServerKind::OpenAi)]).await;
        let result = retried(ServerKind::OpenAi, false, &fake).await;
        assert!(matches!(result.end, CallEnd::Answered(_)), "{:?}", result.end);
        assert_eq!(result.attempts[0].waited, Some(asked));
        let seen = fake.seen();
        let (gap, asked) = (seen[1].at - seen[0].at, Duration::from_millis(asked));
        // The upper bound is R7's, with room for a busy machine; `retry` tests the exact one on a paused clock.
        assert!(gap >= asked && gap < asked.mul_f64(1.1) + Duration::from_secs(1), "{header} {gap:?}");
    });
    futures_util::future::join_all(all).await;
}

#[tokio::test]
async fn an_error_then_an_answer() {
    for kind in KINDS {
        for bad in [response(500, "", b"{}"), response(200, "", b"<html>"), vec![]] {
            let fake = Fake::start(vec![bad, good(kind)]).await;
            let result = retried(kind, false, &fake).await;
            assert!(
                matches!(&result.end, CallEnd::Answered(reply) if reply.content == "Good day."),
                "{:?}",
                result.end
            );
            assert_eq!(result.attempts.len(), 2);
            assert!(result.attempts[0].error.is_some() && result.attempts[0].possible_spend);
            let seen = fake.seen();
            assert_eq!(seen[0].body, seen[1].body, "a retry sends the same bytes");
        }
    }
}

#[tokio::test]
async fn without_hope_there_is_one_attempt() {
    for (status, attempts) in [(401, 1), (404, 1), (400, 1), (500, 3), (429, 3)] {
        let fake = Fake::start(vec![response(status, "", b"{\"error\": {\"message\": \"odd\"}}")]).await;
        let result = retried(ServerKind::OpenAi, false, &fake).await;
        assert!(matches!(result.end, CallEnd::Failed(_)));
        assert_eq!((result.attempts.len(), fake.seen().len()), (attempts, attempts), "{status}");
    }
}
