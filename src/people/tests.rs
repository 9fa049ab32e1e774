//! Tests on persons and fragments as `TinyTroupe` publishes them.

use super::fact::{Fact, follow_path};
use super::merge::merge_facts;
use super::person::{Person, Shape, Written, read_file};
use super::render::render_person;

/// The population of the documentation.
pub const BRAZIL: &str = r#"
number  = 100
seed    = 7
context = ["brazil.json"]
writer  = "openai/gpt-4.1"
brief   = "Adults who shop for groceries themselves."
quota   = true
[dimensions]
gender = { Male = 0.492, Female = 0.508 }
age    = { from = 18, to = 90, shares = { "18-24" = 0.18, "25-54" = 0.54, "55-64" = 0.12, "65-90" = 0.16 } }
income = { given = "region", Southeast = { low = 0.3, high = 0.7 }, "*" = { low = 0.6, high = 0.4 } }
region = { Southeast = 0.418, Northeast = 0.269, South = 0.147, North = 0.086, Central-West = 0.08 }
height = { mean = 168, sd = 9, from = 140, to = 210 }
weight = { mean = 70, sd = 12, from = 40, to = 150, step = 0.1 }
"#;

macro_rules! published {
    ($($path:literal),*) => { [$(($path, include_str!(concat!("../../tests/tinytroupe/", $path)))),*] };
}

const AGENTS: [(&str, &str); 4] = published!(
    "agents/Lisa.agent.json",
    "agents/Marcos.agent.json",
    "agents/Oscar.agent.json",
    "agents/Sophie_Lefevre.agent.json"
);
const FRAGMENTS: [(&str, &str); 4] = published!(
    "fragments/leftwing.agent.fragment.json",
    "fragments/loving_parent.agent.fragment.json",
    "fragments/picky_customer.agent.fragment.json",
    "fragments/rightwing.agent.fragment.json"
);
/// The texts of the four, in the same order. They never change within a version of the rendering.
const RENDERED: [(&str, &str); 4] =
    published!("rendered/lisa.md", "rendered/marcos.md", "rendered/oscar.md", "rendered/sophie.md");

fn read((path, text): (&str, &str)) -> Written {
    read_file(path, text).unwrap()
}

fn lisa() -> Person {
    Person::new(read(AGENTS[0]).persona).unwrap()
}

/// Returns Lisa with a fragment, and the paths at which they conflict.
fn lisa_with(fragments: &[&str]) -> (Person, Vec<String>) {
    let (mut persona, mut conflicts) = (lisa().persona, Vec::new());
    for text in fragments {
        let Written { shape: Shape::Fragment { replaces }, persona: more, .. } = read(("x.json", text)) else {
            panic!("no fragment: {text}")
        };
        conflicts.extend(merge_facts(&mut persona, &more, replaces));
    }
    (Person::new(persona).unwrap(), conflicts)
}

#[test]
fn the_published_files_are_read_unchanged() {
    let names = AGENTS.map(|file| Person::new(read(file).persona).unwrap().name);
    assert_eq!(names, ["Lisa Carter", "Marcos Almeida", "Oscar", "Sophie Lefevre"]);
    assert!(AGENTS.iter().all(|file| read(*file).shape == Shape::Person && read(*file).ignored.is_empty()));
    assert!(FRAGMENTS.iter().all(|file| read(*file).shape == Shape::Fragment { replaces: false }));
    assert_eq!(lisa().hash, "7b0204579f44e8fa98abc39564b252783a1fdb6fc7c180b51ff445390c023d67");
}

#[test]
fn the_rendering_of_the_four_is_golden() {
    for (file, (golden, expected)) in AGENTS.into_iter().zip(RENDERED) {
        let text = render_person(&Person::new(read(file).persona).unwrap());
        assert_eq!(format!("{text}\n"), expected, "{golden}");
    }
}

#[test]
fn contradicting_fragments_both_count() {
    let (person, conflicts) = lisa_with(&[FRAGMENTS[0].1, FRAGMENTS[3].1]);
    assert_eq!(conflicts, [""; 0]);
    let Some(Fact::List(beliefs)) = follow_path(&person.persona, "beliefs") else { panic!("no list") };
    let says = |start: &str| beliefs.iter().any(|b| matches!(b, Fact::Text(text) if text.starts_with(start)));
    assert!(
        says("Economic systems should prioritize equality") && says("Economic growth is best achieved"),
        "{beliefs:?}"
    );
    assert_eq!(beliefs.len(), 5 + 7 + 7);
}

#[test]
fn another_age_names_its_path_and_wins_if_it_replaces() {
    let age =
        |more: &str| format!("{{\"type\": \"Fragment\"{more}, \"persona\": {{\"age\": 70, \"name\": \"Lisa Old\"}}}}");
    let (person, conflicts) = lisa_with(&[&age("")]);
    assert_eq!((person.hash, conflicts), (lisa().hash, vec!["age".to_owned(), "name".to_owned()]));
    let (person, conflicts) = lisa_with(&[&age(", \"on_conflict\": \"replace\"")]);
    assert!(conflicts.is_empty() && person.name == "Lisa Old");
    assert_eq!(follow_path(&person.persona, "age"), Some(&Fact::Number("70".to_owned())));
}
