//! Refusals that name no cause (contract R8): one prompt never stops a model, and a model never fails conversations.

use crate::support::Place;
use crate::support::server::{Fake, Seen, completion, respond};
use serde_json::Value as Json;

const MODELS: &str = r#"models = ["fake/big", "fake/small"]"#;

/// An experiment with these lines in place of its models, and further lines.
fn experiment(server: &Fake, models: &str, more: &str) -> Place {
    let place = Place::new();
    let toml = format!(
        "name = \"x\"\n{models}\n[protocol]\nmessages = 5\nagents = {{ guard = 1, prisoner = 1 }}\n[roles.guard]\n\
         plural = \"guards\"\npronouns = \"he/his\"\n[roles.prisoner]\nplural = \"prisoners\"\npronouns = \"he/his\"\n{more}"
    );
    let story = "A prison.\n\n## Story {length=long}\nLONGSTORY\n\n## Story {length=short}\nbrief\n";
    let shared = if more.contains("length") { story } else { "A prison.\n" };
    let files = [
        ("experiment.toml", toml.as_str()),
        ("shared.md", shared),
        ("roles/guard.md", "Guard."),
        ("roles/prisoner.md", "P."),
    ];
    place.folder("x", &files);
    place.write(
        "configuration/convoke/config.toml",
        &format!("[servers.fake]\nkind = \"openai\"\nbase_url = \"http://{}/v1\"\n", server.address),
    );
    place
}

/// A server that refuses some requests with this status and body.
fn refusing(status: u16, body: &'static str, which: fn(&Seen) -> bool) -> Fake {
    Fake::start(move |seen, stream| match seen.is_chat() {
        true if which(seen) => respond(stream, status, "", body.as_bytes()),
        true => respond(stream, 200, "", completion("All is quiet.").as_bytes()),
        false => respond(stream, 404, "", b"{}"),
    })
}

fn chats(server: &Fake) -> usize {
    server.seen().iter().filter(|seen| seen.is_chat()).count()
}

/// The ends of a run: `done`, `failed`, `left` and `possible_spend`.
fn counts(out: &str) -> [u64; 4] {
    let end: Json = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    ["done", "failed", "left", "possible_spend"].map(|key| end[key].as_u64().unwrap_or_else(|| panic!("{key}: {end}")))
}

fn messages(seen: &Seen) -> usize {
    let body: Json = serde_json::from_str(&seen.body).unwrap();
    body["messages"].as_array().unwrap().len()
}

const LONG: &str = "[factors]\nlength = [\"long\", \"short\"]\n";

#[test]
fn one_prompt_that_is_refused_fails_its_conversation_alone() {
    for (status, body, words) in [
        (400, r#"{"error": {"message": "zu viele Zeichen: 4970"}}"#, "refuses this prompt"),
        (422, r#"{"detail": "demande non acceptable"}"#, "refuses this prompt"),
        (403, "<html><title>Blocked by the firewall</title></html>", "refuses this prompt"),
        (403, r#"{"error": "so nicht"}"#, "refuses this prompt"),
        (400, r#"{"error": {"code": "1261", "message": "Prompt too long"}}"#, "does not fit the context"),
        (500, r#"{"detail": "[pid=2] prompt (length 4970) is longer than the maximum model length"}"#, "does not fit"),
    ] {
        let server = refusing(status, body, |seen| seen.body.contains("LONGSTORY"));
        let place = experiment(&server, r#"models = ["fake/m"]"#, LONG);
        let outcome = place.run("run x --jobs 1 --json").exits(1);
        assert_eq!(counts(&outcome.out), [1, 1, 0, 0], "{body}\n{}", outcome.screen());
        assert_eq!(chats(&server), 1 + 4, "{body}: the refused request, and the turns of the other");
        assert!(outcome.out.contains(words), "{body}\n{}", outcome.screen());
    }
}

#[test]
fn a_server_that_refuses_everything_fails_nothing_and_costs_two_requests() {
    for (status, body) in [
        (400, r#"{"error": {"message": "nein"}}"#),
        (403, "<html><title>Not here</title></html>"),
        (422, r#"{"message": "roles must alternate"}"#),
    ] {
        let server = refusing(status, body, |_| true);
        let place = experiment(&server, r#"models = ["fake/m"]"#, "[run]\nreplicates = 40\n");
        let outcome = place.run("run x --jobs 1 --json").exits(5);
        assert_eq!(counts(&outcome.out), [0, 0, 40, 0], "{body}\n{}", outcome.screen());
        assert_eq!(chats(&server), 2, "{body}");
        assert!(!outcome.out.contains("accept the key"), "{}", outcome.screen());
    }
}

#[test]
fn three_in_a_row_refused_by_the_same_words_stop_the_model() {
    let server = refusing(400, r#"{"error": {"message": "nein 17"}}"#, |seen| messages(seen) > 3);
    let place = experiment(&server, r#"models = ["fake/m"]"#, "[run]\nreplicates = 30\n");
    let outcome = place.run("run x --jobs 1 --json").exits(5);
    let [done, failed, left, spend] = counts(&outcome.out);
    assert_eq!((done, failed + left, spend), (0, 30, 0), "{}", outcome.screen());
    // Answers to turns before the refused one do not end the row: three conversations pay for two turns each, and those
    // that begin while a turn is stored for some.
    assert_eq!(failed, 0, "{}", outcome.screen());
    assert!((9..=15).contains(&chats(&server)), "{} requests", chats(&server));
}

#[test]
fn a_refusal_late_in_a_conversation_is_its_own() {
    // The first conversation that sends a request is refused at its third turn.
    let server = Fake::start({
        let first = std::sync::OnceLock::<String>::new();
        move |seen, stream| {
            if !seen.is_chat() {
                return respond(stream, 404, "", b"{}");
            }
            let body: Json = serde_json::from_str(&seen.body).unwrap();
            let opening = body["messages"][1]["content"].as_str().unwrap().to_owned() + &body["seed"].to_string();
            let is_first = *first.get_or_init(|| opening.clone()) == opening;
            if is_first && messages(seen) > 3 {
                return respond(stream, 400, "", br#"{"error": {"message": "nein"}}"#);
            }
            respond(stream, 200, "", completion("Good.").as_bytes());
        }
    });
    let place = experiment(&server, r#"models = ["fake/m"]"#, "");
    let outcome = place.run("run x --json").exits(1);
    assert_eq!(counts(&outcome.out), [0, 1, 0, 0], "{}", outcome.screen());
    assert_eq!(chats(&server), 3, "two turns and the refused one");
}

#[test]
fn a_model_that_the_key_may_not_use_stops_no_other() {
    for (status, body) in [
        (
            403,
            r#"{"error": {"message": "Project `p` does not have access to model `big`", "code": "model_not_found"}}"#,
        ),
        (401, r#"{"error": {"message": "Your organization must be verified to use big."}}"#),
        (403, r#"{"message": "big is not available in your country"}"#),
    ] {
        let server = refusing(status, body, |seen| seen.body.contains("\"big\""));
        let place = experiment(&server, MODELS, "");
        let outcome = place.run("run x --json").exits(5);
        assert_eq!(counts(&outcome.out), [1, 0, 1, 0], "{body}\n{}", outcome.screen());
        assert!(outcome.out.contains("gives no access to model `big`"), "{}", outcome.screen());
        assert_eq!(chats(&server), 1 + 4, "{body}");
    }
}

#[test]
fn a_filtered_prompt_is_for_health() {
    let body = r#"{"error": {"message": "no", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}"#;
    let server = refusing(400, body, |seen| seen.body.contains("LONGSTORY") && messages(seen) > 2);
    let place = experiment(&server, r#"models = ["fake/m"]"#, LONG);
    let outcome = place.run("run x --json").exits(0);
    assert_eq!(counts(&outcome.out), [2, 0, 0, 0], "{}", outcome.screen());
    assert_eq!(chats(&server), 8);
    assert!(place.run("export x --format jsonl").exits(0).out.contains("\"filtered\""));
}
