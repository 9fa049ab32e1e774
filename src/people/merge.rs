//! Merging of fragments into a person.

use super::fact::{Fact, Facts};

/// Adds the facts of a fragment: tables merge, lists grow, and what is lacking is filled. Different values stay, unless
/// the fragment `replaces` them. Returns the paths at which the two have different values.
pub fn merge_facts(into: &mut Facts, fragment: &Facts, replaces: bool) -> Vec<String> {
    let mut conflicts = Vec::new();
    merge_tables(into, fragment, replaces, "", &mut conflicts);
    conflicts
}

fn merge_tables(into: &mut Facts, fragment: &Facts, replaces: bool, at: &str, conflicts: &mut Vec<String>) {
    for (name, new) in fragment {
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        match into.iter_mut().find(|(known, _)| known == name) {
            None => into.push((name.clone(), new.clone())),
            Some((_, old)) => merge_fact(old, new, replaces, &path, conflicts),
        }
    }
}

fn merge_fact(old: &mut Fact, new: &Fact, replaces: bool, path: &str, conflicts: &mut Vec<String>) {
    if lacks_value(new) || old == new {
        return;
    }
    match (&mut *old, new) {
        (Fact::Table(old), Fact::Table(new)) => merge_tables(old, new, replaces, path, conflicts),
        (Fact::List(old), Fact::List(new)) => {
            for item in new {
                if !old.contains(item) {
                    old.push(item.clone());
                }
            }
        }
        (
            Fact::Null | Fact::Bool(_) | Fact::Number(_) | Fact::Text(_) | Fact::List(_) | Fact::Table(_),
            Fact::Null | Fact::Bool(_) | Fact::Number(_) | Fact::Text(_) | Fact::List(_) | Fact::Table(_),
        ) => {
            if replaces || lacks_value(old) {
                *old = new.clone();
            } else {
                conflicts.push(path.to_owned());
            }
        }
    }
}

fn lacks_value(fact: &Fact) -> bool {
    match fact {
        Fact::Null => true,
        Fact::Text(text) => text.trim().is_empty(),
        Fact::Bool(_) | Fact::Number(_) | Fact::List(_) | Fact::Table(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::fact::to_json;
    use crate::people::json::read_json;

    fn merged(person: &str, fragment: &str, replaces: bool) -> (String, Vec<String>) {
        let mut facts = read_json(person).unwrap();
        let conflicts = merge_facts(&mut facts, &read_json(fragment).unwrap(), replaces);
        (to_json(&facts), conflicts)
    }

    #[test]
    fn tables_merge_lists_grow_and_gaps_are_filled() {
        let person = r#"{"name":"A","age":28,"likes":["x","y"],"job":{"title":"T"},"home":null,"style":""}"#;
        let fragment =
            r#"{"likes":["y",{"z":1}],"job":{"title":"T","place":"P"},"home":"H","style":"S","age":28,"new":[1]}"#;
        let expected = r#"{"name":"A","age":28,"likes":["x","y",{"z":1}],"job":{"title":"T","place":"P"},"home":"H","style":"S","new":[1]}"#;
        assert_eq!(merged(person, fragment, false), (expected.to_owned(), Vec::new()));
    }

    #[test]
    fn different_values_conflict_unless_the_fragment_replaces() {
        let (person, fragment) = (r#"{"age":28,"a":{"b":"x","c":[1]}}"#, r#"{"age":70,"a":{"b":"y","c":"z"}}"#);
        let conflicts = vec!["age".to_owned(), "a.b".to_owned(), "a.c".to_owned()];
        assert_eq!(merged(person, fragment, false), (person.to_owned(), conflicts));
        assert_eq!(merged(person, fragment, true), (fragment.to_owned(), Vec::new()));
        assert_eq!(merged(person, r#"{"age":null}"#, true).0, person);
    }
}
