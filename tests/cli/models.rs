//! `convoke models` and `convoke doctor` without reachable servers.

use crate::assert_screen;
use crate::support::Place;
use crate::support::database::{FRIENDLY, Fate, SMALL};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

/// Starts an Ollama with one model that answers look-ups only. Returns its address.
fn ollama() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut length) = (String::new(), 0);
            reader.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(n) = line.to_lowercase().strip_prefix("content-length:") {
                    length = n.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            reader.take(length).read_to_end(&mut Vec::new()).unwrap();
            let body = answer(first.split(' ').nth(1).unwrap_or_default());
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    address
}

fn answer(path: &str) -> &'static str {
    match path {
        "/api/tags" => {
            r#"{"models":[{"name":"llama3.1:latest","model":"llama3.1:latest","modified_at":"2026-01-02T03:04:05Z","size":4661224676,"digest":"46e0c10c039e019119339687c3c1757cc81b9da49709a3b3924863ba87ca666e","details":{"parameter_size":"8.0B","quantization_level":"Q4_K_M"}}]}"#
        }
        "/api/show" => {
            r#"{"license":"","modelfile":"","parameters":"","template":"","model_info":{"llama.context_length":131072},"capabilities":[]}"#
        }
        "/api/version" => r#"{"version":"0.12.3"}"#,
        "/api/pull" => {
            "{\"status\":\"pulling manifest\"}\n{\"status\":\"pulling 46e0\",\"digest\":\"sha256:46e0\",\"total\":4661224676,\"completed\":4661224676}\n{\"status\":\"success\"}\n"
        }
        _ => "{}",
    }
}

#[test]
fn servers_that_do_not_answer() {
    let place = Place::new();
    assert_screen!(place.run("models").exits(5));
    let json = place.run("models --json").exits(5).json();
    assert_eq!(json["error"]["code"], "model-unusable");
    let keys: Vec<&str> = json["data"][0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["server", "kind", "address", "error", "models"]);
    assert!(place.files(".").is_empty());
}

#[test]
fn a_server_that_answers() {
    let place = Place::new();
    let address = ollama();
    let outcome = place.run_with("models", &[("OLLAMA_HOST", &address)]).exits(0);
    insta::assert_snapshot!(outcome.screen().replace(&address, "[ADDRESS]"));
    let json = place.run_with("models --json", &[("OLLAMA_HOST", &address)]).exits(0).json();
    assert_eq!(json["data"][1]["models"][0]["context"], 131_072);
    let pulled = place.run_with("models pull ollama/llama3.1", &[("OLLAMA_HOST", &address)]).exits(0);
    insta::assert_snapshot!(pulled.screen());
    let doctor = place.run_with("doctor", &[("OLLAMA_HOST", &address)]).exits(0);
    assert!(doctor.out.contains("1 model, version 0.12.3"), "{}", doctor.screen());
    assert!(doctor.out.contains("ollama/llama3.1:latest: context 131072 tokens"), "{}", doctor.screen());
}

#[test]
fn a_model_that_a_flag_nearly_names_is_asked_about_before_it_is_fetched() {
    let place = Place::new();
    place.folder("small", SMALL);
    let address = ollama();
    let run = |flags: &str| place.run_with(&format!("run small --limit 1 {flags}"), &[("OLLAMA_HOST", &address)]);
    for near in [
        "ollama/lama3.1",
        "ollama/llama3.11:latest",
        "ollama/lamma3.1",
        "ollama/llama3.1:latets",
        "ollama/llama3.1:lates",
        "ollama/llama31:latestt",
        "ollama/LAMA3.1",
    ] {
        let refused = run(&format!("--model {near}")).exits(2).err;
        assert!(refused.contains(near) && refused.contains("`ollama/llama3.1:latest`"), "{refused}");
        assert!(refused.contains("--yes"), "{refused}");
    }
    assert!(place.files(".").iter().all(|file| !file.contains("convoke.db")), "nothing is stored");
    // This Ollama reports success and has no other model afterwards; `run` says so, and asks nothing.
    for (flags, fetched) in [
        ("--model ollama/lama3.1 --yes", true),
        ("--model ollama/qwen3", true),
        ("--model ollama/llama3.1:70b", true),
        ("--model ollama/lama3.1 --no-pull", false),
    ] {
        let ran = run(flags);
        assert_ne!(ran.code, 2, "{}", ran.screen());
        assert_eq!(ran.err.contains("fetching ollama"), fetched, "{flags}: {}", ran.screen());
    }
    let asked = place.run_with("ask small Why? --model ollama/lama3.1", &[("OLLAMA_HOST", &address)]);
    assert_ne!(asked.code, 0);
}

#[test]
fn a_context_above_that_of_the_model_is_reported_before_the_first_request() {
    let place = Place::new();
    place.folder("small", SMALL);
    let text = place.read("small/experiment.toml");
    place.write("small/experiment.toml", &text.replace("temperature = 0.7", "num_ctx = 200000"));
    let ran = place.run_with("run small --limit 1 --max-retries 0", &[("OLLAMA_HOST", &ollama())]);
    let said = "num_ctx = 200000 is more than the model has (131072)";
    assert_eq!(ran.err.matches(said).count(), 1, "{}", ran.screen());
}

#[test]
fn what_cannot_be_fetched() {
    let place = Place::new();
    assert_screen!(place.run("models pull llama3.1").exits(2));
    assert_screen!(place.run("models pull olama/llama3.1").exits(2));
    assert_screen!(place.run("models pull openai/gpt-4.1").exits(2));
    place.run("models pull ollama/llama3.1").exits(5);
}

#[test]
fn a_doctor_fails_only_what_was_asked_for() {
    let place = Place::new();
    place.database(&[Fate::Done], FRIENDLY);
    let outcome = place.run_with("doctor", &[("OLLAMA_HOST", "")]);
    assert!(outcome.out.contains("note openai"), "{}", outcome.screen());
    let failed = place.run("doctor").exits(5);
    assert!(failed.out.contains("fail ollama"), "{}", failed.screen());
    let json = place.run("doctor --json").exits(5).json();
    assert!(json["data"].as_array().unwrap().iter().any(|f| f["what"] == "integrity" && f["standing"] == "ok"));
    place.write("convoke.db", &"x".repeat(300));
    place.run("doctor").exits(4);
}

#[test]
fn settings_are_shown_without_secrets() {
    let place = Place::new();
    place.write(".env", "OPENAI_API_KEY=sk-canary-1234567890\n");
    let outcome = place.run("doctor --config").exits(0);
    assert!(!outcome.out.contains("canary") && !outcome.err.contains("canary"), "{}", outcome.screen());
    assert_screen!(outcome);
    let json = place.run("doctor --config --json").exits(0).json();
    let key = json["data"].as_array().unwrap().iter().find(|s| s["name"] == "openai.key").unwrap().clone();
    assert_eq!(key["value"], "OPENAI_API_KEY is set");
    assert_eq!(key["from"], ".env");
}
