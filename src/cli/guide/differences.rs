//! The differences between two experiments, on the screen: a heading for each part, then its lines.

use super::session::Guide;
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::text::wrap;
use crate::design::Experiment;
use crate::design::diff::{Difference, Line, diff};
use crate::design::folder::{SHARED, SUMMARIZER};

impl Guide {
    /// Prints the differences: a heading for each part, then its lines.
    pub(super) fn say_differences(&self, old: &Experiment, new: &Experiment) {
        let mut parts: Vec<(String, Vec<Difference>)> = Vec::new();
        for difference in diff(old, new) {
            let part = part_of(&difference.what);
            match parts.iter_mut().find(|(name, _)| *name == part) {
                Some((_, of)) => of.push(difference),
                None => parts.push((part, vec![difference])),
            }
        }
        let note = |of: &Experiment| of.note.clone().unwrap_or_default();
        for (what, old, new) in [("name", old.name.clone(), new.name.clone()), ("note", note(old), note(new))] {
            if old != new {
                self.print_heading(what, Look::Bold);
                self.print_lines("", if new.is_empty() { "(none)" } else { &new }, Look::Plain);
            }
        }
        for (part, differences) in &parts {
            self.print_heading(part, Look::Bold);
            for difference in differences {
                let end = if difference.lines().is_empty() { "" } else { ":" };
                self.print_lines("", &format!("{}{end}", difference.line()), Look::Plain);
                for line in difference.lines() {
                    match line {
                        Line::Gone(text) => self.print_lines("  - ", &text, Look::Red),
                        Line::New(text) => self.print_lines("  + ", &text, Look::Green),
                    }
                }
            }
        }
    }

    fn print_heading(&self, name: &str, look: Look) {
        self.context.printer.say_pieces(&[Piece("└ ", Look::Dim), Piece(name, look)]);
    }

    fn print_lines(&self, sign: &str, text: &str, look: Look) {
        let width = self.context.printer.width().map(|w| w.saturating_sub(sign.len() + 4));
        for (i, line) in wrap(text, width).iter().enumerate() {
            let sign = if i == 0 { sign.to_owned() } else { " ".repeat(sign.len()) };
            self.context.printer.say_pieces(&[Piece("    ", Look::Plain), Piece(&sign, look), Piece(line, look)]);
        }
    }
}

/// Returns the part of an experiment that a difference belongs to.
fn part_of(what: &str) -> String {
    if let Some((file, _)) = what.split_once(".md") {
        let file = format!("{file}.md");
        return match file.as_str() {
            SHARED => "what all read".to_owned(),
            SUMMARIZER => "summariser".to_owned(),
            _ => format!("prompt of {}", file.trim_start_matches("roles/").trim_end_matches(".md")),
        };
    }
    let begins = |words: &[&str]| words.iter().any(|word| what.starts_with(word));
    let part = if begins(&["model ", "order of models"]) {
        "models"
    } else if begins(&["role ", "roles "]) {
        "roles"
    } else if begins(&["factor ", "order of factors", "`design."]) {
        "factors"
    } else if begins(&["`starting_message`"]) {
        "starting message"
    } else if begins(&["`sections`"]) {
        "order of sections"
    } else {
        "protocol"
    };
    part.to_owned()
}
