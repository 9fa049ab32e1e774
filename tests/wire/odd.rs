//! Answers as odd servers send them: read where nothing must be guessed, else an error in the server's words. Each case
//! counts the requests and the possible spend.

use super::support::{Fake, Step, chunk, chunked, last_chunk, response};
use super::*;
use convoke::model::{CallEnd, Finish};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use std::io::Write;

/// End of a call, number of its requests, and possible spend.
type Outcome = (String, usize, usize);

/// Calls a server that always answers so, with two retries.
async fn call(kind: ServerKind, streamed: bool, script: Vec<Step>) -> Outcome {
    let fake = Fake::start(vec![script]).await;
    let outcome = retries::retried(kind, streamed, &fake).await;
    let spend = outcome.attempts.iter().filter(|attempt| attempt.possible_spend).count();
    let end = match outcome.end {
        CallEnd::Answered(reply) => format!("{:?}: {}", reply.finish, reply.content),
        CallEnd::Failed(error) => format!("{}: {error}", error.word()),
        other => panic!("{other:?}"),
    };
    (end, fake.seen().len(), spend)
}

fn events(events: &[&str]) -> Vec<Step> {
    let pieces = events.iter().map(|event| chunk(event.as_bytes()));
    [vec![chunked()], pieces.collect(), vec![last_chunk()]].concat()
}

#[track_caller]
fn assert_outcome(case: &str, (end, requests, spend): Outcome, words: &str, counts: (usize, usize)) {
    assert!(end.contains(words), "{case}: {end}");
    assert_eq!((requests, spend), counts, "{case}: {end}");
}

const ONE: &str = r#"{"choices":[{"delta":{"content":"Good "}}]}"#;
const TWO: &str = r#"{"choices":[{"delta":{"content":"day."},"finish_reason":"stop"}]}"#;
const DONE: &str = "data: [DONE]\n\n";

#[tokio::test]
async fn streams_in_other_shapes_are_read() {
    let (one, two) = (format!("data: {ONE}\n\n"), format!("data: {TWO}\n\n"));
    let pretty = |text: &str| {
        let json: Json = serde_json::from_str(text).unwrap();
        let lines: Vec<String> = format!("{json:#}").lines().map(|line| format!("data: {line}\n")).collect();
        format!("{}\n", lines.concat())
    };
    let null = |text: &str| format!("data: {}\n\n", text.replacen('{', "{\"error\": null, ", 1));
    let empty =
        |text: &str| format!("data: {}\n\n", text.replacen('{', "{\"error\": {\"message\": \"\", \"code\": 0}, ", 1));
    let message = TWO.replace("delta", "message").replace("day", "Good day");
    for (case, pieces) in [
        ("BOM", vec![format!("\u{feff}{one}"), two.clone(), DONE.into()]),
        ("BOM before each event", vec![format!("\u{feff}{one}"), format!("\u{feff}{two}"), DONE.into()]),
        ("several data lines", vec![pretty(ONE), pretty(TWO), DONE.into()]),
        ("several data lines, CRLF", vec![pretty(ONE).replace('\n', "\r\n"), pretty(TWO).replace('\n', "\r\n")]),
        ("error: null", vec![null(ONE), null(TWO), DONE.into()]),
        ("an error of empty fields", vec![empty(ONE), empty(TWO), DONE.into()]),
        ("CR only", vec![one.replace('\n', "\r"), two.replace('\n', "\r"), DONE.replace('\n', "\r")]),
        ("no blank lines", vec![one.trim_end().to_owned() + "\n", two.trim_end().to_owned() + "\n", DONE.into()]),
        ("a blank before the field", vec![format!(" {one}"), format!("\t{two}"), DONE.into()]),
        ("no choices", vec!["data: {\"id\":\"x\"}\n\n".into(), one.clone(), "data: {\"choices\":[]}\n\n".into(), two]),
        ("[DONE] without a finish reason", vec![one.clone(), one.replace("Good ", "day."), DONE.into()]),
        ("the whole message in one event", vec![format!("data: {message}\n\n"), DONE.into()]),
        ("lines without fields", vec![format!("{ONE}\n"), format!("{TWO}\n")]),
    ] {
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        // A server may stream unasked.
        for streamed in [true, false] {
            assert_outcome(case, call(ServerKind::OpenAi, streamed, events(&pieces)).await, ": Good day.", (1, 0));
        }
    }
}

#[tokio::test]
async fn errors_inside_a_stream_are_told_and_nothing_looks_whole() {
    for (case, piece, words, counts) in [
        ("named event", "event: error\ndata: {\"message\":\"overloaded\"}\n\n", "overloaded", (3, 3)),
        ("bare line", "{\"error\":{\"message\":\"boom\",\"code\":503}}\n", "busy (503): boom", (3, 0)),
        ("status and words", "data: {\"status\":\"429\",\"msg\":\"slow down\"}\n\n", "slow down", (3, 0)),
        ("code of its own", "data: {\"code\":1302,\"message\":\"concurrency\"}\n\n", "concurrency", (3, 3)),
        (
            "base_resp",
            "data: {\"choices\":null,\"base_resp\":{\"status_code\":1002,\"status_msg\":\"rate\"}}\n\n",
            "rate",
            (3, 3),
        ),
        ("wrong key", "data: {\"error\":\"Incorrect API key provided\"}\n\n", "key", (1, 0)),
        ("in the choice", "data: {\"choices\":[{\"delta\":{},\"error\":{\"message\":\"lost\"}}]}\n\n", "lost", (3, 3)),
        ("only [DONE]", DONE, "broken", (3, 3)),
        (
            "no text, [DONE]",
            "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\ndata: [DONE]\n\n",
            "broken",
            (3, 3),
        ),
        ("no choice at all", "data: {\"id\":\"x\"}\n\ndata: [DONE]\n\n", "`choices`", (2, 2)),
        ("a lost field name", "xdata: {\"choices\":[]}\n\n", "not JSON", (2, 2)),
    ] {
        assert_outcome(case, call(ServerKind::OpenAi, true, events(&[piece])).await, words, counts);
    }
    for case in ["error", "insufficient_system_resource", "ABORTED", "network_error"] {
        let cut = format!("data: {}\n\n{DONE}", TWO.replace("stop", case));
        assert_outcome(case, call(ServerKind::OpenAi, true, events(&[&cut])).await, "broke off", (3, 3));
    }
}

#[tokio::test]
async fn after_a_finish_reason_two_seconds_are_enough() {
    let text = format!("data: {ONE}\n\ndata: {TWO}\n\n");
    let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7}}\n\n";
    let beats: Vec<Step> =
        (0..30).flat_map(|_| [chunk(b": ping\n\n"), Step::Pause(Duration::from_millis(200))]).collect();
    let start = vec![chunked(), chunk(text.as_bytes())];
    for (case, script) in [
        ("silence", [start.clone(), vec![Step::Silence]].concat()),
        ("heartbeats", [start.clone(), beats].concat()),
        ("usage, then silence", [start.clone(), vec![chunk(usage.as_bytes()), Step::Silence]].concat()),
        ("no end of the chunks", start),
    ] {
        let begun = std::time::Instant::now();
        assert_outcome(case, call(ServerKind::OpenAi, true, script).await, "Stop: Good day.", (1, 0));
        assert!(begun.elapsed() < Duration::from_secs(4), "{case}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn bodies_that_other_clients_read() {
    let plain = said(ServerKind::OpenAi, "Good day.");
    let with = |from: &str, to: &str| plain.replacen(from, to, 1);
    for (case, body, words) in [
        ("BOM", format!("\u{feff}{plain}"), "Stop: Good day."),
        ("BOM and blank lines", format!("\u{feff}\r\n\r\n{plain}"), "Stop: Good day."),
        ("lone surrogate", with("day", "\\ud83d"), "Stop: Good \u{fffd}."),
        ("lone second surrogate", with("day", "\\ude00 day"), "Stop: Good \u{fffd} day."),
        ("raw newline", with("d d", "d\nd"), "Stop: Good\nday."),
        ("raw bell and return", with("d d", "d\u{7}\r\nd"), "Stop: Good\u{7}\r\nday."),
        ("-Infinity", with("{", "{\"logprob\": -Infinity, "), "Stop: Good day."),
        ("NaN beside a raw tab", with("{", "{\"a\": NaN, \"b\": \"\t\", "), "Stop: Good day."),
        ("empty error", with("{", "{\"error\": \"\", "), "Stop: Good day."),
        ("error: {}", with("{", "{\"error\": {}, "), "Stop: Good day."),
        ("error: false", with("{", "{\"error\": false, "), "Stop: Good day."),
        ("error: []", with("{", "{\"error\": [], "), "Stop: Good day."),
        (
            "status of success",
            with("{", "{\"base_resp\": {\"status_code\": 0, \"status_msg\": \"success\"}, "),
            "Stop: Good day.",
        ),
        ("MAX_TOKENS", with("stop", "MAX_TOKENS"), "Length: Good day."),
        ("SAFETY", with("stop", "SAFETY"), "Filtered: Good day."),
        ("an unknown finish reason", with("stop", "odd"), "Other: Good day."),
        ("no finish reason", with(",\"finish_reason\":\"stop\"", ""), "Other: Good day."),
    ] {
        assert_outcome(case, call(ServerKind::OpenAi, false, response(200, "", body.as_bytes())).await, words, (1, 0));
    }
}

#[tokio::test]
async fn bodies_that_nobody_can_read_are_not_paid_for_again_and_again() {
    let plain = said(ServerKind::OpenAi, "Good day.");
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(plain.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let latin1: Vec<u8> = plain.bytes().map(|b| if b == b'y' { 0xfc } else { b }).collect();
    for (case, body, words, counts) in [
        ("Latin-1", latin1, "not UTF-8", (2, 2)),
        ("UTF-16", utf16, "UTF-16", (2, 2)),
        ("a page", b"<title>Sign in</title>".to_vec(), "Sign in", (2, 2)),
        ("half a text", plain.as_bytes()[..30].to_vec(), "not JSON", (2, 2)),
        ("nothing", Vec::new(), "empty", (3, 3)),
        (
            "status 449",
            br#"{"status":"449","msg":"You exceeded your current rate limit"}"#.to_vec(),
            "rate limit",
            (3, 0),
        ),
        (
            "base_resp",
            br#"{"choices":null,"base_resp":{"status_code":1004,"status_msg":"login fail: check the API secret key"}}"#
                .to_vec(),
            "key",
            (1, 0),
        ),
        ("errors", br#"{"errors":[{"message":"try later","code":503}]}"#.to_vec(), "busy (503): try later", (3, 0)),
        ("detail", br#"{"detail":"worker lost"}"#.to_vec(), "worker lost", (3, 3)),
        ("finish reason error", plain.replace("stop", "error").into_bytes(), "broke off", (3, 3)),
    ] {
        assert_outcome(case, call(ServerKind::OpenAi, false, response(200, "", &body)).await, words, counts);
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn compressed_bodies() {
    let plain = said(ServerKind::OpenAi, "Good day.");
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(plain.as_bytes()).unwrap();
    raw.write_all(plain.as_bytes()).unwrap();
    let (zlib, raw) = (zlib.finish().unwrap(), raw.finish().unwrap());
    // One uncompressed metablock of brotli: a window of 16 bits, then the length in 16 bits, then the text.
    let length = (plain.len() - 1) as u32;
    let head = (length << 4) | (1 << 20);
    let brotli = [&head.to_le_bytes()[..3], plain.as_bytes(), &[0x03]].concat();
    let bomb = gzip(&vec![b' '; 50_000_000]);
    for (encoding, body, words, counts) in [
        ("gzip", gzip(plain.as_bytes()), "Stop: Good day.", (1, 0)),
        ("X-GZIP", gzip(plain.as_bytes()), "Stop: Good day.", (1, 0)),
        ("deflate", zlib, "Stop: Good day.", (1, 0)),
        ("deflate", raw, "Stop: Good day.", (1, 0)),
        ("br", brotli, "Stop: Good day.", (1, 0)),
        ("identity", plain.clone().into_bytes(), "Stop: Good day.", (1, 0)),
        ("gzip", bomb, "over 100000 bytes", (3, 3)),
        ("gzip", plain.clone().into_bytes(), "Content-Encoding", (2, 2)),
        ("zstd", b"\x28\xb5\x2f\xfd".to_vec(), "`zstd`", (1, 1)),
        ("gzip, gzip", gzip(&gzip(plain.as_bytes())), "`gzip, gzip`", (1, 1)),
    ] {
        let header = format!("content-encoding: {encoding}\r\n");
        assert_outcome(encoding, call(ServerKind::OpenAi, false, response(200, &header, &body)).await, words, counts);
    }
    // A stream is inflated as it arrives.
    let text = gzip(format!("data: {ONE}\n\ndata: {TWO}\n\n{DONE}").as_bytes());
    let head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let (first, second) = text.split_at(text.len() / 2);
    let script =
        vec![Step::Send(head), chunk(first), Step::Pause(Duration::from_millis(15)), chunk(second), Step::Silence];
    assert_outcome("stream", call(ServerKind::OpenAi, true, script).await, "Stop: Good day.", (1, 0));
    // The words of a refusal are inflated too.
    let refusal = response(401, "content-encoding: gzip\r\n", &gzip(b"{\"error\": \"no such key\"}"));
    assert_outcome("401", call(ServerKind::OpenAi, false, refusal).await, "no such key", (1, 0));
}

#[tokio::test]
async fn odd_answers_of_ollama() {
    let plain = said(ServerKind::Ollama, "Good day.");
    let with = |from: &str, to: &str| plain.replacen(from, to, 1);
    for (case, body, words, counts) in [
        ("BOM", format!("\u{feff}{plain}"), "Stop: Good day.", (1, 0)),
        ("raw newline", with("d d", "d\nd"), "Stop: Good\nday.", (1, 0)),
        ("lone surrogate", with("day", "\\ud83d"), "Stop: Good \u{fffd}.", (1, 0)),
        ("count as text", with("{", "{\"eval_count\": \"3\", "), "Stop: Good day.", (1, 0)),
        (
            "count with a point",
            with("{", "{\"eval_count\": 3.5, \"prompt_eval_count\": -1, "),
            "Stop: Good day.",
            (1, 0),
        ),
        ("empty error", with("{", "{\"error\": null, "), "Stop: Good day.", (1, 0)),
        ("spaces", with("\"done\":true", "\"done\" : true"), "Stop: Good day.", (1, 0)),
        ("broken off", with("\"stop\"", "\"error\""), "broke off", (3, 3)),
    ] {
        for streamed in [false, true] {
            let script = vec![chunked(), chunk(body.as_bytes()), chunk(b"\n"), last_chunk()];
            assert_outcome(case, call(ServerKind::Ollama, streamed, script).await, words, counts);
        }
    }
}

#[tokio::test]
async fn the_word_of_the_server_is_kept() {
    let body = said(ServerKind::OpenAi, "x").replace("stop", "Odd");
    let reply = once(ServerKind::OpenAi, false, response(200, "", body.as_bytes())).await.unwrap();
    assert_eq!((reply.finish, reply.finish_reason.as_deref()), (Finish::Other, Some("Odd")));
}
