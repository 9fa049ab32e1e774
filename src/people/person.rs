//! A person, and a fragment of one, read from a file in any of three shapes.

use super::fact::{Fact, Facts, find_fact, follow_path, to_json};
use super::fault::Fault;
use super::json::read_json;
use super::name::{fold_name, refuse_name};
use super::toml::read_toml;
use sha2::{Digest, Sha256};

/// Keys beside `persona` that are understood, and not reported as ignored.
const KNOWN: [&str; 4] = ["type", "persona", "from", "on_conflict"];
/// Keys of a persona in which a name is looked for.
const NAMES: [&str; 2] = ["name", "full_name"];

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// A person or a part of one.
    pub shape: Shape,
    /// The facts.
    pub persona: Facts,
    /// Keys beside the persona, which are not read.
    pub ignored: Vec<String>,
}

/// The meaning of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A whole person.
    Person,
    /// A part of a person.
    Fragment {
        /// True if its values win over different values of the person.
        replaces: bool,
    },
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Trimmed name, unique in a conversation without case.
    pub name: String,
    /// Facts in the order of the file.
    pub persona: Facts,
    /// SHA-256 of the persona as compact JSON, in hex.
    pub hash: String,
}

/// Reads a file; its path decides between JSON and TOML.
///
/// # Errors
/// The text is neither a person nor a fragment.
pub fn read_file(path: &str, text: &str) -> Result<Written, Fault> {
    let is_toml = path.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("toml"));
    let mut facts = if is_toml { read_toml(text)? } else { read_json(text)? };
    let hint = "write {\"type\": \"TinyPerson\", \"persona\": {…}}, or an object with a `name`";
    let shape = match find_fact(&facts, "type") {
        Some(Fact::Text(word)) if word == "TinyPerson" => Shape::Person,
        Some(Fact::Text(word)) if word == "Fragment" => Shape::Fragment { replaces: read_conflict(&facts)? },
        Some(_) | None if NAMES.iter().any(|name| find_fact(&facts, name).is_some()) => {
            return Ok(Written { shape: Shape::Person, persona: facts, ignored: Vec::new() });
        }
        Some(_) | None => return Err(Fault::of_file("the file is no person: it has no `name`", hint)),
    };
    let ignored = facts.iter().map(|(key, _)| key).filter(|key| !KNOWN.contains(&key.as_str())).cloned().collect();
    let persona = facts.iter().position(|(key, _)| key == "persona").map(|at| facts.swap_remove(at).1);
    match persona {
        Some(Fact::Table(persona)) => Ok(Written { shape, persona, ignored }),
        Some(other) => Err(Fault::of_file(format!("`persona` is {}", other.kind()), "write a table of facts")),
        None => Err(Fault::of_file("the file has no `persona`", hint)),
    }
}

fn read_conflict(facts: &Facts) -> Result<bool, Fault> {
    let hint = "write \"on_conflict\": \"replace\", or leave it out";
    match find_fact(facts, "on_conflict") {
        None => Ok(false),
        Some(Fact::Text(word)) if word == "replace" => Ok(true),
        Some(Fact::Text(word)) => Err(Fault::of_file(format!("`on_conflict` cannot be `{word}`"), hint)),
        Some(other) => Err(Fault::of_file(format!("`on_conflict` is {}", other.kind()), hint)),
    }
}

impl Person {
    /// Creates a person from facts.
    ///
    /// # Errors
    /// The facts have no name, or one that cannot be a person's.
    pub fn new(persona: Facts) -> Result<Self, Fault> {
        let hint = "write `name` with 1 to 100 visible characters";
        let written = NAMES.iter().find_map(|key| Some((*key, find_fact(&persona, key)?)));
        let name = match written {
            Some((_, Fact::Text(name))) => name.trim().to_owned(),
            Some((key, other)) => return Err(Fault::of_file(format!("`{key}` is {}", other.kind()), hint)),
            None => return Err(Fault::of_file("the person has no `name`", hint)),
        };
        match refuse_name(&name) {
            Some(why) => Err(Fault::of_file(why, hint)),
            None => Ok(Self { name, hash: hash_persona(&persona), persona }),
        }
    }

    /// Returns what others may know of the person: a text, or the value at a path such as `occupation.title`.
    pub fn public(&self) -> Option<String> {
        let written = find_fact(&self.persona, "public")?.scalar()?;
        let at_path = follow_path(&self.persona, &written).and_then(Fact::scalar);
        Some(at_path.unwrap_or(written))
    }

    /// Returns the place where the person starts.
    pub fn place(&self) -> Option<String> {
        find_fact(&self.persona, "place")?.scalar()
    }

    /// Returns the form of the name in which names are compared.
    pub fn folded_name(&self) -> String {
        fold_name(&self.name)
    }
}

/// Returns the SHA-256 of facts as compact JSON, in hex.
pub fn hash_persona(persona: &Facts) -> String {
    hex::encode(Sha256::digest(to_json(persona)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn person(path: &str, text: &str) -> Person {
        Person::new(read_file(path, text).unwrap().persona).unwrap()
    }

    #[test]
    fn three_shapes_of_one_persona_are_one_person() {
        let tiny =
            r#"{"type": "TinyPerson", "persona": {"name": " Lisa ", "age": 28}, "mental_faculties": [], "from": {}}"#;
        let written = read_file("a.json", tiny).unwrap();
        assert_eq!((written.shape, &written.ignored[..]), (Shape::Person, &["mental_faculties".to_owned()][..]));
        let lisa = person("a.json", tiny);
        assert_eq!(lisa.name, "Lisa");
        for (path, text) in [
            ("b.json", r#"{"name": " Lisa ", "age": 28}"#),
            ("c.toml", "name = ' Lisa '\nage = 28\n"),
            ("d.TOML", "type = 'TinyPerson'\n[persona]\nname = ' Lisa '\nage = 28\n"),
        ] {
            assert_eq!(person(path, text), lisa, "{path}");
        }
        assert_ne!(person("e.json", r#"{"age": 28, "name": " Lisa "}"#).hash, lisa.hash, "the order counts");
        assert_ne!(person("f.json", r#"{"name": " Lisa ", "age": 28.0}"#).hash, lisa.hash, "numbers count as written");
        assert_eq!(person("g.json", r#"{"type": "Human", "full_name": "Bo"}"#).name, "Bo");
    }

    #[test]
    fn a_file_that_is_no_person_is_refused() {
        for (text, message) in [
            (r#"{"title": "USA"}"#, "the file is no person: it has no `name`"),
            (r#"{"type": "TinyPerson"}"#, "the file has no `persona`"),
            (r#"{"type": "TinyPerson", "persona": []}"#, "`persona` is a list"),
            (r#"{"type": "Fragment", "persona": {}, "on_conflict": "keep"}"#, "`on_conflict` cannot be `keep`"),
            (r#"{"type": "Fragment", "persona": {}, "on_conflict": 1}"#, "`on_conflict` is a number"),
        ] {
            assert_eq!(read_file("x.json", text).unwrap_err().message, message, "{text}");
        }
        for (text, message) in [
            (r#"{"name": 7}"#, "`name` is a number"),
            (r#"{"name": "  "}"#, "its name is empty"),
            (r#"{"name": "a\u001b[31m"}"#, "its name holds the control character U+001B"),
            (r#"{"type": "TinyPerson", "persona": {"age": 1}}"#, "the person has no `name`"),
        ] {
            let persona = read_file("x.json", text).unwrap().persona;
            assert_eq!(Person::new(persona).unwrap_err().message, message, "{text}");
        }
    }

    proptest! {
        /// Keys of published personas are texts here, lists or tables there; all are read.
        #[test]
        fn every_published_shape_is_read(
            education in any_published(), style in any_published(), skills in any_published(), relationships in any_published()
        ) {
            let text = format!(
                "{{\"type\":\"TinyPerson\",\"persona\":{{\"name\":\"A\",\"age\":30,\"education\":{education},\
                 \"style\":{style},\"skills\":{skills},\"relationships\":{relationships}}},\"current_episode_event_count\":0}}"
            );
            let written = read_file("a.agent.json", &text).unwrap();
            prop_assert_eq!(&written.ignored, &["current_episode_event_count".to_owned()]);
            let person = Person::new(written.persona).unwrap();
            let json = serde_json::from_str::<serde_json::Value>(&text).unwrap();
            prop_assert_eq!(to_json(&person.persona), json["persona"].to_string());
        }
    }

    fn any_published() -> impl Strategy<Value = String> {
        let text = "\"[a-zé .]{0,12}\"";
        let named = text.prop_map(|t| format!("{{\"name\":{t},\"description\":\"x\"}}"));
        prop_oneof![
            text.prop_map(|t| t.clone()),
            prop::collection::vec(text, 0..4).prop_map(|l| format!("[{}]", l.join(","))),
            prop::collection::vec(named.clone(), 0..3).prop_map(|l| format!("[{}]", l.join(","))),
            named,
        ]
    }
}
