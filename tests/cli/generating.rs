//! `people generate`: values drawn by shares, texts of a writer, growth, names that are taken, and replies that are no person.

use crate::support::Place;
use crate::support::server::{Fake, Seen, completion, respond};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

const TOWN: &str = r#"number = 16
seed = 7
context = ["town.txt"]
brief = "Adults who shop. <AGENT_NAME> is text."
[dimensions]
gender = { Male = 0.5, Female = 0.5 }
age = { from = 18, to = 90, shares = { "18-40" = 0.25, "41-90" = 0.75 } }
"#;

fn town() -> Place {
    let place = Place::new();
    place.write("populations/town.toml", TOWN);
    place.write("populations/town.txt", "## No heading\n<!-- no comment -->\n```\nno end\n");
    place
}

fn people(place: &Place) -> Vec<String> {
    let files = place.files("people/town");
    files.iter().map(|file| fs::read_to_string(place.path().join(file)).unwrap()).collect()
}

/// A place with this server as the writer.
fn with_server(server: &Fake) -> Place {
    let place = town();
    let config = format!("[servers.fake]\nkind = \"openai\"\nbase_url = \"http://{}/v1\"\n", server.address);
    place.write("configuration/convoke/config.toml", &config);
    place
}

/// The system prompt of a request.
fn system(seen: &Seen) -> String {
    let body: Json = serde_json::from_str(&seen.body).unwrap();
    body["messages"][0]["content"].as_str().unwrap().to_owned()
}

fn number(system: &str) -> u32 {
    system.lines().find_map(|line| line.strip_prefix("Number: ")).unwrap().parse().unwrap()
}

/// A server that answers each request for a person after a pause.
fn writer(pause: Duration, reply: impl Fn(&str) -> String + Send + Sync + 'static) -> Fake {
    Fake::start(move |seen: &Seen, socket| {
        if !seen.is_chat() {
            return respond(socket, 404, "", b"{}");
        }
        std::thread::sleep(pause);
        respond(socket, 200, "", completion(&reply(&system(seen))).as_bytes());
    })
}

#[test]
fn people_are_drawn_by_a_quota_and_a_larger_number_keeps_those_who_are_written() {
    let place = town();
    let first = place.run("people generate populations/town.toml --offline").exits(0);
    assert!(
        first.out.starts_with("16 persons in people/town\n") && first.out.contains("distance 0.00"),
        "{}",
        first.out
    );
    let sixteen = people(&place);
    let read = |text: &String| serde_json::from_str::<Json>(text).unwrap();
    let all: Vec<Json> = sixteen.iter().map(read).collect();
    let count = |keep: &dyn Fn(&Json) -> bool| all.iter().filter(|person| keep(&person["persona"])).count();
    assert_eq!(count(&|persona| persona["gender"] == "Male"), 8);
    assert_eq!(count(&|persona| persona["age"].as_u64().unwrap() <= 40), 4);
    let names: BTreeSet<&str> = all.iter().map(|person| person["persona"]["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 16, "no name twice");
    assert_eq!((&all[0]["from"]["index"], &all[0]["from"]["values"]["age"]), (&json!(1), &all[0]["persona"]["age"]));

    place.run("people generate populations/town.toml --offline --number 17").exits(0);
    let seventeen = people(&place);
    assert_eq!((&seventeen[..16], seventeen.len()), (&sixteen[..], 17), "the sixteen stay");
    let calls = |place: &Place| place.run("export people-town --rows calls --format jsonl --all").out.lines().count();
    let before = calls(&place);
    place.run("people generate populations/town.toml --offline").exits(0);
    assert_eq!(calls(&place), before, "nobody is requested twice");
    place.run("verify").exits(0);
    assert_eq!(place.run("people list people/town --json").exits(0).json()["data"].as_array().unwrap().len(), 17);
}

#[test]
fn texts_of_a_population_are_texts_in_the_prompt() {
    let server = writer(Duration::ZERO, |system| json!({ "name": format!("P {}", number(system)) }).to_string());
    let place = with_server(&server);
    place.run("people generate populations/town.toml --model fake/m --number 1").exits(0);
    let prompt = system(server.seen().iter().find(|seen| seen.is_chat()).unwrap());
    assert!(prompt.contains("<AGENT_NAME> is text."), "{prompt}");
    assert!(prompt.contains("## No heading\n<!-- no comment -->\n```\nno end"), "{prompt}");
}

#[test]
fn a_taken_name_and_a_reply_that_is_no_person_are_requested_again_in_the_order_of_numbers() {
    let server = writer(Duration::ZERO, |system| {
        let number = number(system);
        match (number, system.contains("An earlier reply could not be used")) {
            (4, false) => "I would rather not.".to_owned(),
            (3, false) => {
                "<think>{}</think>```json\n{\"name\": \"ana silva\", \"age\": 3, \"bio\": \"x\",}\n```".to_owned()
            }
            (1, _) => "{\"name\": \"Ana Silva\", \"age\": 3}".to_owned(),
            (_, _) => json!({ "name": format!("P {number}") }).to_string(),
        }
    });
    let place = with_server(&server);
    place.run("people generate populations/town.toml --model fake/m --number 4").exits(0);
    let names: Vec<String> = people(&place)
        .iter()
        .map(|text| serde_json::from_str::<Json>(text).unwrap()["persona"]["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["Ana Silva", "P 2", "P 3", "P 4"]);
    let again: Vec<String> = server.seen().iter().filter(|seen| seen.is_chat()).map(system).collect();
    let again: Vec<&String> = again.iter().filter(|prompt| prompt.contains("could not be used")).collect();
    assert_eq!(again.len(), 2);
    assert!(again.iter().any(|prompt| prompt.contains("the name ana silva is taken. Taken names: Ana Silva")));
    assert!(again.iter().any(|prompt| prompt.contains("it holds no JSON object")));
    assert!(!people(&place)[0].contains("\"age\": 3"), "drawn values win");
}

#[test]
fn who_is_never_written_is_an_error_that_names_the_number() {
    let server = writer(Duration::ZERO, |_| "No.".to_owned());
    let place = with_server(&server);
    let run = place.run("people generate populations/town.toml --model fake/m --number 2").exits(1);
    assert!(run.err.contains("2 persons could not be written; number 1: it holds no JSON object"), "{}", run.err);
    assert_eq!(server.seen().iter().filter(|seen| seen.is_chat()).count(), 8, "each is requested four times");
}

#[test]
fn sixteen_people_at_a_second_a_call_take_less_than_four_seconds() {
    let server =
        writer(Duration::from_secs(1), |system| json!({ "name": format!("P {}", number(system)) }).to_string());
    let place = with_server(&server);
    let start = Instant::now();
    place.run("people generate populations/town.toml --model fake/m").exits(0);
    let time = start.elapsed();
    assert!(time < Duration::from_secs(4), "{time:?}");
    assert_eq!(people(&place).len(), 16);
}

#[test]
fn a_file_that_differs_is_kept_without_replace() {
    let place = town();
    place.run("people generate populations/town.toml --offline --number 2").exits(0);
    place.write("people/town/002.json", "{\"name\": \"Mine\"}");
    let run = place.run("people generate populations/town.toml --offline").exits(2);
    assert!(run.err.contains("people/town/002.json holds another person"), "{}", run.err);
    assert_eq!(place.files("people/town").len(), 2, "nothing is half written");
    place.run("people generate populations/town.toml --offline --replace").exits(0);
    assert_eq!(place.files("people/town").len(), 16);
    assert!(!people(&place)[1].contains("Mine"));
}

#[test]
fn people_are_described_by_a_sentence() {
    let place = Place::new();
    let run = place
        .words(
            &[
                "people",
                "generate",
                "--describe",
                "A doctor who likes metal",
                "--number",
                "3",
                "--offline",
                "-o",
                "staff",
            ],
            &[],
        )
        .exits(0);
    assert!(run.out.starts_with("3 persons in staff\n"), "{}", run.out);
    assert_eq!(place.files("staff"), ["staff/001.json", "staff/002.json", "staff/003.json"]);
    place.run("people generate --describe Doctors").exits(2);
    place.run("people generate").exits(2);
}

#[test]
fn each_bad_population_is_one_clear_error_and_nothing_is_stored() {
    let place = town();
    for (toml, message) in [
        ("number = 3\n", "the population has no dimensions"),
        ("number = 3\n[dimensions]\na = { x = 0.5, y = 0.4 }\n", "the shares of `dimensions.a` sum to 0.9, not to 1"),
        ("number = \n", "not TOML"),
        ("number = 3\ncontext = [\"gone.txt\"]\n[dimensions]\na = { x = 1.0 }\n", "gone.txt"),
        ("number = 3\n[dimensions]\na = { x = 1.0 }\n", "no model writes"),
    ] {
        place.write("populations/bad.toml", toml);
        let run = place.run("people generate populations/bad.toml");
        assert!(run.err.contains(message), "{toml}\n{}", run.err);
        assert_ne!(run.code, 0);
    }
    place.run("people generate populations/town.toml").exits(2);
    place.run("people generate populations/town.toml --offline --number 0").exits(2);
    assert!(!place.files("").iter().any(|file| file.contains("convoke.db")), "{:?}", place.files(""));
}

#[test]
fn a_generation_that_was_stopped_continues_and_requests_nobody_twice() {
    let server = writer(Duration::ZERO, |system| json!({ "name": format!("P {}", number(system)) }).to_string());
    let place = with_server(&server);
    place.run("people generate populations/town.toml --model fake/m --jobs 1 --max-calls 5").exits(8);
    assert_eq!(people(&place).len(), 5, "those who are written have files");
    place.run("people generate populations/town.toml --model fake/m").exits(0);
    assert_eq!(people(&place).len(), 16);
    assert_eq!(server.seen().iter().filter(|seen| seen.is_chat()).count(), 16);
}
