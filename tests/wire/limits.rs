//! Time and size: every wait ends, and every reply has a limit.

use super::support::{Fake, Step, chunk, chunked};
use super::*;
use std::time::Instant;

const SHORT: Duration = Duration::from_millis(150);

/// The error of a request under these limits, and how long it took.
async fn limited(kind: ServerKind, streamed: bool, limits: Limits, script: Vec<Step>) -> (ModelError, Duration) {
    let fake = Fake::start(vec![script]).await;
    let start = Instant::now();
    let error = ask(&Server { limits, ..server(kind, fake.port) }, streamed).await.unwrap_err();
    (error, start.elapsed())
}

fn what(error: &ModelError) -> &'static str {
    let ModelError::Timeout { what, .. } = error else { panic!("{error:?}") };
    what
}

#[tokio::test]
async fn silence_ends_at_the_first_byte_limit() {
    for kind in KINDS {
        let limits = Limits { first_byte: SHORT, ..limits() };
        // Headers alone are no answer.
        for script in [vec![Step::Silence], vec![chunked(), Step::Silence]] {
            let (error, took) = limited(kind, true, limits, script).await;
            assert_eq!(what(&error), "first byte");
            assert!(took >= SHORT && took < Duration::from_secs(3), "{took:?}");
            assert!(error.possible_spend());
        }
    }
}

#[tokio::test]
async fn a_stream_that_stalls_ends_at_the_idle_limit() {
    for kind in KINDS {
        let limits = Limits { idle: SHORT, ..limits() };
        let body = streamed(kind, "a", "b");
        let line = &body.as_bytes()[..=body.find('\n').unwrap()];
        let (error, _) = limited(kind, true, limits, vec![chunked(), chunk(line), Step::Silence]).await;
        assert_eq!(what(&error), "next byte");
    }
}

#[tokio::test]
async fn an_answer_that_trickles_ends_at_the_whole_limit() {
    for kind in KINDS {
        let limits = Limits { attempt: 3 * SHORT, idle: 2 * SHORT, ..limits() };
        let mut script = vec![chunked()];
        for _ in 0..40 {
            script.extend([chunk(b" "), Step::Pause(Duration::from_millis(30))]);
        }
        for streamed in [false, true] {
            let (error, _) = limited(kind, streamed, limits, script.clone()).await;
            assert_eq!(what(&error), "whole answer");
        }
    }
}

#[tokio::test]
async fn replies_over_the_limit_are_refused_while_reading() {
    for kind in KINDS {
        let endless = vec![chunked(), Step::Endless([b"2000\r\n", vec![b'x'; 0x2000].as_slice(), b"\r\n"].concat())];
        let announced =
            vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 4294967296\r\n\r\n".to_vec()), Step::Silence];
        for script in [endless, announced] {
            for streamed in [false, true] {
                let (error, took) = limited(kind, streamed, limits(), script.clone()).await;
                assert!(matches!(error, ModelError::TooLarge { limit: 100_000, .. }), "{error:?}");
                assert!(took < Duration::from_secs(3), "{took:?}");
            }
        }
    }
}
