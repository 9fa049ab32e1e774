//! A key is sent to its server only: it is in no output, database, log or export (S2).

use crate::support::database::SMALL;
use crate::support::server::{Fake, Seen, completion, respond};
use crate::support::{Outcome, Place};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

const KEY: &str = "sk-canary-0a1b2c3d/4e5f\"6g7h";

/// The small experiment, and `fake` at an address with its key in `FAKE_KEY`.
fn with_server(address: &str) -> Place {
    let place = Place::new();
    place.folder("small", SMALL);
    configure(&place, &format!("http://{address}/v1"));
    place
}

fn configure(place: &Place, url: &str) {
    place.write(
        "configuration/convoke/config.toml",
        &format!("[servers.fake]\nkind = \"openai\"\nbase_url = \"{url}\"\napi_key_env = \"FAKE_KEY\"\n"),
    );
}

/// The key as the server received it.
fn given(seen: &Seen) -> Option<String> {
    let line = seen.head.lines().find(|l| l.to_lowercase().starts_with("authorization:"))?;
    line.split_once("Bearer ").map(|(_, key)| key.trim().to_owned())
}

/// Repeats the key wherever it can: in headers, in an error's body, in a reply's text.
fn evil() -> Fake {
    let chats = AtomicUsize::new(0);
    Fake::start(move |seen, stream| {
        let key = given(seen).unwrap_or_default();
        let headers = format!("x-request-id: {key}\r\nset-cookie: key={key}\r\nretry-after: 0\r\n");
        let error = serde_json::json!({ "error": { "message": format!("{key} is slow"), "type": key, "code": key } });
        if !seen.is_chat() {
            let models = serde_json::json!({ "data": [{ "id": format!("model-of-{key}") }] });
            return respond(stream, 200, &headers, models.to_string().as_bytes());
        }
        match chats.fetch_add(1, Ordering::Relaxed) {
            0 => respond(stream, 503, &headers, error.to_string().as_bytes()),
            1 => respond(stream, 429, &headers, format!("<html><title>{key}</title>").as_bytes()),
            2 => respond(stream, 200, &headers, format!("{{\"half\": \"{key}").as_bytes()),
            n if n % 2 == 1 => {
                let mut reply: serde_json::Value =
                    serde_json::from_str(&completion(&format!("Your key is {key}, is it not?"))).unwrap();
                reply["model"] = key.clone().into();
                reply["system_fingerprint"] = key.clone().into();
                reply["choices"][0]["finish_reason"] = key.clone().into();
                reply["choices"][0]["message"]["reasoning_content"] = key.into();
                respond(stream, 200, &headers, reply.to_string().as_bytes());
            }
            _ => respond(stream, 200, &headers, completion("Well.").as_bytes()),
        }
    })
}

#[track_caller]
fn silent(outcome: &Outcome) {
    assert!(!outcome.out.contains("canary") && !outcome.err.contains("canary"), "{}", outcome.screen());
}

/// Only these files hold it: database with its journal, logs, lock, exports.
#[track_caller]
fn kept_nowhere(place: &Place, but: &[&str]) {
    for file in place.files(".").iter().filter(|f| !but.contains(&f.as_str())) {
        let bytes = fs::read(place.path().join(file)).unwrap();
        assert!(!bytes.windows(6).any(|w| w == b"canary"), "{file} holds the key");
    }
}

/// Runs every command that could show it.
fn everywhere(place: &Place, variables: &[(&str, &str)]) {
    for line in [
        "check small",
        "check small --preview",
        "plan small --model fake/m",
        "doctor",
        "doctor --config",
        "models",
        "list",
        "list small",
        "show small",
        "export small --format jsonl",
        "export small --format csv",
        "export small --format md -o pages",
        "export small --format jsonl -o data.jsonl --calls",
        "export small --format folder -o again",
        "verify",
    ] {
        silent(&place.run_with(line, variables));
        if !line.starts_with("export") {
            silent(&place.run_with(&format!("{line} --json -v"), variables));
        }
    }
    let listed = place.run_with("list small --json", variables);
    for conversation in listed.json()["data"].as_array().into_iter().flatten() {
        let id = conversation["id"].as_str().unwrap();
        silent(&place.run_with(&format!("show {id} --calls --raw"), variables));
        silent(&place.run_with(&format!("show {id} --calls --raw --json"), variables));
    }
}

#[test]
fn an_evil_server_repeats_the_key() {
    let server = evil();
    let place = with_server(&server.address);
    let variables = [("FAKE_KEY", KEY)];
    let outcome = place.run_with("run small --model fake/m --limit 2 -v", &variables);
    silent(&outcome);
    silent(&place.run_with("run small --model fake/m --json -v", &variables));
    let chats: Vec<Seen> = server.seen().into_iter().filter(Seen::is_chat).collect();
    assert!(chats.len() > 20 && chats.iter().all(|c| given(c).as_deref() == Some(KEY)), "it was given to its server");
    let listed = place.run("list small --json").json();
    assert!(listed["data"].as_array().unwrap().iter().any(|c| c["status"] == "done"), "{}", outcome.screen());
    everywhere(&place, &variables);
    let said = place.run("export small --format jsonl").exits(0).out;
    assert!(said.contains("Your key is [redacted], is it not?"), "{said}");
    kept_nowhere(&place, &[]);
}

#[test]
fn a_wrong_key_is_not_repeated() {
    let server = Fake::start(|seen, stream| {
        let key = given(seen).unwrap_or_default();
        let error = serde_json::json!({ "error": { "message": format!("Incorrect API key provided: {key}") } });
        respond(stream, 401, "", error.to_string().as_bytes());
    });
    let place = with_server(&server.address);
    for line in ["run small --model fake/m --limit 1", "run small --model fake/m --limit 1 --json", "models", "doctor"]
    {
        silent(&place.run_with(line, &[("FAKE_KEY", KEY)]).exits(5));
    }
    everywhere(&place, &[("FAKE_KEY", KEY)]);
    kept_nowhere(&place, &[]);
}

#[test]
fn a_key_from_a_dotenv() {
    let server = evil();
    let place = Place::new();
    place.folder("small", SMALL);
    let key = "sk-canary-from-a-file";
    place.write(".env", &format!("OPENAI_BASE_URL=http://{}/v1\nOPENAI_API_KEY={key}\n", server.address));
    let outcome = place.run("run small --model openai/m --limit 1");
    silent(&outcome);
    #[cfg(unix)]
    assert!(
        outcome.err.contains("warning: others can read ") && outcome.err.contains("chmod 600"),
        "{}",
        outcome.screen()
    );
    assert!(server.seen().iter().all(|s| given(s).as_deref() == Some(key)));
    everywhere(&place, &[]);
    kept_nowhere(&place, &[".env"]);
}

#[cfg(unix)]
#[test]
fn a_dotenv_of_ones_own_is_not_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let path = place.write(".env", "OPENAI_API_KEY=sk-canary\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(!place.run("doctor --config").exits(0).err.contains("warning"));
}

/// An address from a folder gets no key of the user.
#[test]
fn an_address_of_a_dotenv_gets_no_key_of_the_environment() {
    let server = Fake::saying("Hand it over.");
    let place = Place::new();
    place.folder("small", SMALL);
    place.write(".env", &format!("OPENAI_BASE_URL=http://{}/v1\n", server.address));
    let outcome = place.run_with("run small --model openai/m --limit 1", &[("OPENAI_API_KEY", KEY)]);
    assert!(
        outcome.err.contains("warning: ") && outcome.err.contains("the key is not sent there"),
        "{}",
        outcome.screen()
    );
    silent(&outcome);
    silent(&place.run_with("models", &[("OPENAI_API_KEY", KEY)]));
    silent(&place.run_with("doctor", &[("OPENAI_API_KEY", KEY)]));
    assert!(!server.seen().is_empty());
    assert!(
        server.seen().iter().all(|s| given(s).is_none() && !s.head.contains("canary") && !s.body.contains("canary"))
    );
    kept_nowhere(&place, &[]);
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Fake::saying("Thank you for the key.");
    let place_of_other = other.address.clone();
    let server = Fake::start(move |seen, stream| {
        let key = given(seen).unwrap_or_default();
        let headers = format!("location: http://{place_of_other}{}?key={key}\r\n", seen.path);
        respond(stream, 307, &headers, b"");
    });
    let place = with_server(&server.address);
    let variables = [("FAKE_KEY", KEY)];
    let outcome = place.run_with("run small --model fake/m --limit 1", &variables).exits(5);
    assert!(outcome.err.contains("redirected"), "{}", outcome.screen());
    silent(&outcome);
    silent(&place.run_with("models", &variables));
    silent(&place.run_with("doctor", &variables));
    assert!(!server.seen().is_empty() && other.seen().is_empty());
    kept_nowhere(&place, &[]);
}

#[test]
fn a_password_in_an_address() {
    let place = with_server("127.0.0.1:9");
    let url = "http://ann:canary@127.0.0.1:9/v1";
    for (variable, lines) in [
        ("OPENAI_BASE_URL", ["run small --offline", "doctor --config", "models"]),
        ("OLLAMA_HOST", ["run small --offline --json", "doctor --json", "list"]),
        ("CONVOKE_STORE", ["run small --offline", "run small --json", "doctor"]),
    ] {
        for line in lines {
            let outcome = place.run_with(line, &[(variable, url)]).exits(2);
            silent(&outcome);
        }
    }
    for line in ["run small --json --store mongodb://ann:canary@host/d", "list --store http://ann:canary@host"] {
        silent(&place.run(line));
    }
    silent(&place.run("run small --fast --json --store mongodb://ann:canary@host/d").exits(2));
    kept_nowhere(&place, &[]);
    configure(&place, url);
    silent(&place.run("run small --offline").exits(2));
    silent(&place.run("doctor --config --json").exits(2));
}

/// The password of a database, given each way. (`tests/real_mongo_login.rs` covers a successful sign-in.)
#[test]
fn a_password_of_a_mongodb() {
    let whole = "mongodb://ann:canary%40x@127.0.0.1:9/d";
    let parts: &[_] = &[("DB_CLUSTER_URL", "127.0.0.1:9"), ("DB_PASSWORD", "canary@x"), ("DB_NAME", "d")];
    for (flag, variables) in [
        ("--store mongodb://ann:canary%40x@127.0.0.1:9/d", &[][..]),
        ("--store mongodb://ann:canary@x@127.0.0.1:9/d", &[][..]),
        ("", &[("CONVOKE_STORE", whole)][..]),
        ("", &[("DB_CLUSTER_URL", whole)][..]),
        ("", parts),
    ] {
        let place = Place::new();
        place.folder("small", SMALL);
        for line in
            ["run small", "run small --json -v", "run absent", "list", "list --json", "doctor", "doctor --config"]
        {
            let outcome = place.run_with(&format!("{line} {flag}"), variables);
            silent(&outcome);
            if line == "run small --json -v" {
                let end: serde_json::Value = serde_json::from_str(outcome.out.lines().last().unwrap()).unwrap();
                let resume = end["resume"].as_str().unwrap();
                assert_eq!(resume.contains("DB_PASSWORD"), !flag.is_empty(), "{resume}");
            }
        }
        for line in ["login", "login --json", "login --save", "login --url mongodb://ann:canary@127.0.0.1:9/d"] {
            silent(&place.run_with(line, variables));
        }
        kept_nowhere(&place, &[]);
    }
}
