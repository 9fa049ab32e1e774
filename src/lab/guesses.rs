//! Guessed plurals and pronouns, written into `experiment.toml`. Comments and layout are preserved.

use super::error::LabError;
use super::files;
use crate::design::folder::Guess;
use std::io;
use std::path::Path;
use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// Writes guesses into the `experiment.toml` of a folder.
pub fn write_guesses(folder: &Path, guessed: &[Guess]) -> Result<(), LabError> {
    files::rewrite_file(&folder.join("experiment.toml"), |text| fix_text(text, guessed))
}

/// Guessed keys, each with its word.
pub fn guessed_words(guess: &Guess) -> impl Iterator<Item = (&'static str, &str)> {
    let words = [("plural", guess.plural.as_deref()), ("pronouns", guess.pronouns.as_deref())];
    words.into_iter().filter_map(|(key, word)| Some((key, word?)))
}

fn fix_text(text: &str, guessed: &[Guess]) -> io::Result<String> {
    let mut document: DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| io::Error::other(e))?;
    let not_a_table = |what: &str| io::Error::other(format!("`{what}` is no table"));
    for guess in guessed {
        let roles = document.entry("roles").or_insert_with(implicit_table);
        let inline = roles.is_inline_table();
        let roles = roles.as_table_like_mut().ok_or_else(|| not_a_table("roles"))?;
        if roles.get(&guess.role).is_none() {
            let empty = if inline {
                Item::Value(Value::InlineTable(InlineTable::default()))
            } else {
                Item::Table(Table::new())
            };
            roles.insert(&guess.role, empty);
        }
        let role: Option<&mut dyn TableLike> = roles.get_mut(&guess.role).and_then(Item::as_table_like_mut);
        let role = role.ok_or_else(|| not_a_table(&format!("roles.{}", guess.role)))?;
        for (key, word) in guessed_words(guess) {
            role.insert(key, Item::Value(Value::from(word)));
        }
    }
    Ok(document.to_string())
}

/// Only the tables in `[roles]` are written, not `[roles]` itself.
fn implicit_table() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(role: &str, plural: Option<&str>) -> Guess {
        Guess { role: role.into(), plural: plural.map(Into::into), pronouns: Some("they/their".into()) }
    }

    #[test]
    fn guesses_are_written_and_nothing_else_is_touched() {
        let text = "# first\nname = \"x\"  # its name\n\n[protocol]\nmessages = 2\n\n[roles.guard]\nplural = \"guards\" # mine\n\n[run]\nseed = 1\n";
        let fixed = fix_text(text, &[guess("guard", None), guess("prison cook", Some("prison cooks"))]).unwrap();
        insta::assert_snapshot!(fixed);
    }

    #[test]
    fn other_ways_to_write_a_table_are_met() {
        for text in
            ["roles = { guard = { plural = \"gs\" } }\n", "roles.guard.plural = \"gs\"\n", "[roles]\nguard = {}\n"]
        {
            let fixed = fix_text(text, &[guess("guard", None), guess("cook", Some("cooks"))]).unwrap();
            let read: toml::Table = toml::from_str(&fixed).unwrap();
            assert_eq!(read["roles"]["guard"]["pronouns"].as_str(), Some("they/their"), "{fixed}");
            assert_eq!(read["roles"]["cook"]["plural"].as_str(), Some("cooks"), "{fixed}");
        }
        assert!(fix_text("roles = 3\n", &[guess("guard", None)]).is_err());
    }
}
