//! The shipped experiments, run offline as their users do.

use crate::support::Place;
use serde_json::Value as Json;

/// Runs one, and returns the rows of its export as JSON lines.
fn run(name: &str, conversations: usize) -> (Place, Vec<Json>) {
    let place = Place::new();
    place.run(&format!("new it --from {name}")).exits(0);
    assert_eq!(place.run("check it --json").exits(0).json()["data"], Json::Array(Vec::new()), "{name}");
    let ran = place.run("run it --offline --jobs 8").exits(0);
    assert!(ran.err.contains(&format!("{conversations} done, 0 failed, 0 left")), "{name}: {}", ran.err);
    place.run("verify").exits(0);
    let rows = place.run("export it --format jsonl").exits(0).out;
    (place, rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn of_kind<'r>(rows: &'r [Json], kind: &str) -> Vec<&'r Json> {
    rows.iter().filter(|row| row["kind"] == kind).collect()
}

#[test]
fn interview_has_a_person_with_a_state_and_thoughts_in_half_of_its_conditions() {
    let (_place, rows) = run("interview", 12);
    let thinks = |row: &&Json| row["condition"]["roles.interviewee.mind.thoughts"] == true;
    let thoughts = of_kind(&rows, "thought");
    assert!(!thoughts.is_empty() && thoughts.iter().all(thinks));
    let states = of_kind(&rows, "state");
    assert!(states.iter().any(|row| !thinks(row)) && states.iter().all(|row| row["role"] == "interviewee"));
}

#[test]
fn ad_evaluation_counts_private_choices() {
    let (place, rows) = run("ad-evaluation", 8);
    let chosen: Vec<&Json> = of_kind(&rows, "action").into_iter().filter(|row| row["data"]["do"] == "choose").collect();
    assert!(!chosen.is_empty());
    for choice in chosen {
        assert!(["harbour", "garden"].contains(&choice["data"]["advertisement"].as_str().unwrap()), "{choice}");
        assert_eq!(choice["content"], "", "heard by nobody");
    }
    let header = place.run("export it --format csv").exits(0).out.lines().next().unwrap().to_owned();
    assert!(header.contains("choose.advertisement") && header.contains("choose.price_seems"), "{header}");
}

#[test]
fn market_research_rates_a_price_by_the_same_shoppers_in_every_condition() {
    let (_place, rows) = run("market-research", 16);
    let rated: Vec<&Json> = of_kind(&rows, "action").into_iter().filter(|row| row["data"]["do"] == "rate").collect();
    assert!(!rated.is_empty());
    assert!(rated.iter().all(|row| (0..=10).contains(&row["data"]["likelihood"].as_i64().unwrap())));
    let names = |price: &str| {
        let shoppers = rows.iter().filter(|row| row["role"] == "shopper" && row["condition"]["price"] == price);
        let mut names: Vec<&str> = shoppers.map(|row| row["speaker"].as_str().unwrap()).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    assert_eq!(names("2.49"), names("3.99"));
    assert_eq!(names("2.49").len(), 4);
}

#[test]
fn office_is_heard_by_place_under_a_clock() {
    let (_place, rows) = run("office", 8);
    let of = |name: &'static str| rows.iter().filter(move |row| row["speaker"] == name);
    let first = of("Matteo Brandt").find(|row| row["position"] == 1 && row["kind"] == "thought").unwrap();
    assert_eq!((&first["place"], &first["time"]), (&"Kitchen".into(), &"2025-03-14T14:00:00".into()), "{first}");
    assert!(of("Hana Kovar").any(|row| row["position"] == 1 && row["place"] == "Office"));
    assert!(!of_kind(&rows, "thought").is_empty() && !of_kind(&rows, "state").is_empty());
}

#[test]
fn rumour_has_private_beliefs_of_neighbours_on_links() {
    let (_place, rows) = run("rumour", 6);
    let stated: Vec<&Json> =
        of_kind(&rows, "action").into_iter().filter(|row| row["data"]["do"] == "believes").collect();
    assert!(!stated.is_empty());
    assert!(stated.iter().all(|row| row["data"]["yes"].is_boolean() && row["content"] == ""));
    let speeches = of_kind(&rows, "speech");
    let hears_less = |row: &&Json| row["heard_by"].as_array().is_some_and(|heard| heard.len() < 7);
    assert!(speeches.iter().any(hears_less), "links keep a speech from somebody");
}
