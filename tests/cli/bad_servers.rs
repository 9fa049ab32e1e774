//! Misbehaving servers and wrong keys: exit code 5, and the same command resumes.

use crate::assert_screen;
use crate::support::database::SMALL;
use crate::support::server::{Fake, completion, respond, whole};
use crate::support::{Outcome, Place};
use std::io::Write;
use std::time::Duration;

const RUN: &str = "run small --model fake/m --limit 1 --max-retries 0";

/// The small experiment, and a server `fake` at this address, with its key in `FAKE_KEY`.
fn with_server(address: &str) -> Place {
    let place = Place::new();
    place.folder("small", SMALL);
    serve(&place, address);
    place
}

fn serve(place: &Place, address: &str) {
    place.write(
        "configuration/convoke/config.toml",
        &format!("[servers.fake]\nkind = \"openai\"\nbase_url = \"http://{address}/v1\"\napi_key_env = \"FAKE_KEY\"\n"),
    );
}

fn statuses(place: &Place) -> Vec<String> {
    let listed = place.run("list small --json").exits(0).json();
    listed["data"].as_array().unwrap().iter().map(|c| c["status"].as_str().unwrap().to_owned()).collect()
}

/// The run ends with exit code 5, and the same command resumes it once the server works.
#[track_caller]
fn fails_and_resumes(server: &Fake, words: &str) -> Outcome {
    let place = with_server(&server.address);
    let outcome = place.run(RUN).exits(5);
    assert!(outcome.err.contains(words), "`{words}` is not in\n{}", outcome.screen());
    assert!(outcome.err.trim_end().ends_with("--max-retries 0"), "{}", outcome.screen());
    assert!(statuses(&place).iter().all(|s| s != "failed" && s != "done"), "{:?}", statuses(&place));
    let well = Fake::saying("All well.");
    serve(&place, &well.address);
    place.run(RUN).exits(0);
    assert!(statuses(&place).contains(&"done".to_owned()));
    outcome
}

#[test]
fn a_server_that_is_not_declared() {
    let place = Place::new();
    place.folder("small", SMALL);
    let at = |line: &str, code: i32| place.run(line).exits(code);
    for line in ["plan small --model campus/m", "run small --limit 1 --model campus/m --offline"] {
        at(line, 0);
    }
    let planned = at("plan small --model campus/m", 0).err;
    assert!(planned.contains("the server `campus` is not declared"), "{planned}");
    let place = Place::new();
    place.folder("small", SMALL);
    let text = place.read("small/experiment.toml");
    let other = "\"campus/m\", \"opnai/m\"";
    place.write(
        "small/experiment.toml",
        &text.replace("{ id = \"ollama/llama3.1\", as = \"llama\", temperature = 0.7 }", other),
    );
    let checked = place.run("check small --json").exits(0).json();
    let codes: Vec<&str> = checked["data"].as_array().unwrap().iter().map(|p| p["code"].as_str().unwrap()).collect();
    assert_eq!(codes.iter().filter(|code| **code == "undeclared-server").count(), 2, "{codes:?}");
    place.run("plan small").exits(0);
    let refused = place.run("run small --limit 1").exits(5);
    for part in ["is not declared", "[servers.campus]", "kind = \"openai\"", "base_url = \"http", "config.toml"] {
        assert!(refused.err.contains(part), "{part}: {}", refused.screen());
    }
    let lines = place.run("run small --limit 1 --json").exits(5).out;
    assert!(lines.lines().last().unwrap().contains("undeclared-server"), "{lines}");
    assert!(place.files(".").iter().all(|file| !file.contains("convoke.db")), "nothing is stored");
    place.run("run small --limit 1 --offline").exits(0);
}

/// Removes text that changes from run to run.
#[track_caller]
fn snapshot(outcome: &Outcome, server: &Fake) {
    insta::with_settings!({
        filters => vec![
            (r"\b[0-9a-f]{8}\b", "[ID]"),
            (r"127\.0\.0\.1:\d+", "[ADDRESS]"),
        ],
        omit_expression => true,
    }, {
        insta::assert_snapshot!(outcome.screen().replace(&server.address, "[ADDRESS]"));
    });
}

#[test]
fn html() {
    let server = Fake::sending(whole(200, "", b"<!doctype html><title>Log in</title>"));
    let outcome = fails_and_resumes(&server, "no usable answer");
    snapshot(&outcome, &server);
}

#[test]
fn half_a_json() {
    let whole_reply = completion("Good morning");
    let server = Fake::sending(whole(200, "", &whole_reply.as_bytes()[..40]));
    fails_and_resumes(&server, "fake");
    // And a server that breaks off before the promised length.
    let mut bytes = whole(200, "", whole_reply.as_bytes());
    bytes.truncate(bytes.len() - 30);
    fails_and_resumes(&Fake::sending(bytes), "fake");
}

#[test]
fn an_endless_reply() {
    let server = Fake::start(|seen, stream| {
        if !seen.is_chat() {
            return respond(stream, 404, "", b"{}");
        }
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{\"x\":\"");
        while stream.write_all(&[b'a'; 16_000]).is_ok() {}
    });
    fails_and_resumes(&server, "is over 8388608 bytes");
}

#[test]
fn invalid_utf8() {
    let reply = completion("Good morning").replace("Good", "G\u{1}d").into_bytes();
    let reply: Vec<u8> = reply.into_iter().map(|b| if b == b'G' { 0xff } else { b }).collect();
    fails_and_resumes(&Fake::sending(whole(200, "", &reply)), "UTF-8");
}

#[test]
fn a_character_cut_in_two() {
    let reply = completion("Schön, daß Sie da sind 🙂").into_bytes();
    let server = Fake::start(move |seen, stream| {
        if !seen.is_chat() {
            return respond(stream, 404, "", b"{}");
        }
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
        let _ = stream.write_all(head);
        let cuts = reply.iter().position(|b| *b == 0xc3).unwrap() + 1;
        let smile = reply.iter().position(|b| *b == 0xf0).unwrap() + 2;
        for piece in [&reply[..cuts], &reply[cuts..smile], &reply[smile..]] {
            let _ = stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes());
            let _ = stream.write_all(piece);
            let _ = stream.write_all(b"\r\n");
            let _ = stream.flush();
            std::thread::sleep(Duration::from_millis(15));
        }
        let _ = stream.write_all(b"0\r\n\r\n");
    });
    let place = with_server(&server.address);
    place.run(RUN).exits(0);
    let out = place.run("export small --format jsonl").exits(0).out;
    assert_eq!(out.matches("Schön, daß Sie da sind 🙂").count(), 2 * 4, "content and raw of four turns: {out}");
}

#[test]
fn a_server_that_is_not_there() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let place = with_server(&gone);
    let outcome = place.run(RUN).exits(5);
    assert!(outcome.err.contains("cannot reach fake"), "{}", outcome.screen());
    let json = place.run(&format!("{RUN} --json")).exits(5);
    let end: serde_json::Value = serde_json::from_str(json.out.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&end["status"], &end["error"]["code"], &end["left"]),
        (&"error".into(), &"model-unusable".into(), &1.into())
    );
    serve(&place, &Fake::saying("Good.").address);
    place.run(RUN).exits(0);
}

#[test]
fn keys_that_do_not_fit() {
    let refusing = || {
        Fake::start(|_, stream| {
            respond(stream, 401, "", br#"{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}"#);
        })
    };
    let server = refusing();
    let outcome = fails_and_resumes(&server, "FAKE_KEY");
    snapshot(&outcome, &server);
    let place = with_server(&server.address);
    let outcome = place.run_with(RUN, &[("FAKE_KEY", "sk-wrong")]).exits(5);
    assert!(
        outcome.err.contains("does not accept the key") && !outcome.err.contains("sk-wrong"),
        "{}",
        outcome.screen()
    );
    let json = place.run_with(&format!("{RUN} --json"), &[("FAKE_KEY", "sk-wrong")]).exits(5);
    let end: serde_json::Value = serde_json::from_str(json.out.lines().last().unwrap()).unwrap();
    assert_eq!(end["status"], "error", "{}", json.screen());
}

#[test]
fn openai_without_a_key() {
    let place = Place::new();
    place.folder("small", SMALL);
    let outcome = place.run("run small --model openai/gpt-4.1 --limit 1 --max-retries 0").exits(5);
    assert!(outcome.err.contains("OPENAI_API_KEY"), "{}", outcome.screen());
    insta::with_settings!({ filters => vec![(r"\b[0-9a-f]{8}\b", "[ID]")], omit_expression => true }, {
        assert_screen!(outcome);
    });
}
