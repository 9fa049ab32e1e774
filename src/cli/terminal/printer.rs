//! The only door to the terminal. Standard output is data, standard error is talk.
//!
//! Everything that passes is made harmless first ([`harmless`]): model text, names from databases and servers' words
//! may hold escape sequences, and none of them reaches a terminal (contract S1). Colour is added here and only here.

use crate::process::harmless::{harmless, harmless_json};
use console::{Style, Term};
use serde_json::{Value as Json, json};
use std::io::{self, Write};

/// Writes to the two streams.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of one stream")]
pub struct Printer {
    /// Colour on standard output.
    pub colour: bool,
    /// Colour on standard error.
    pub colour_err: bool,
    /// One JSON document, or JSON lines, on standard output.
    pub json: bool,
    /// Little talk.
    pub quiet: bool,
}

/// A piece of a line with its style.
#[derive(Debug, Clone)]
pub struct Piece<'a>(pub &'a str, pub Look);

/// How a piece looks. Colour never is the only sign of anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As it is.
    Plain,
    /// Strong.
    Bold,
    /// Weak.
    Dim,
    /// An error.
    Red,
    /// A warning.
    Yellow,
    /// All well.
    Green,
    /// A speaker, by a stable number.
    Speaker(usize),
}

impl Printer {
    /// One without colour.
    pub fn plain(json: bool) -> Self {
        Self { colour: false, colour_err: false, json, quiet: false }
    }

    /// A line of data.
    pub fn out(&self, line: &str) -> io::Result<()> {
        self.pieces(&[Piece(line, Look::Plain)])
    }

    /// A line of data in pieces.
    pub fn pieces(&self, pieces: &[Piece<'_>]) -> io::Result<()> {
        forgive_closed(self.heard(pieces))
    }

    /// The same to somebody who may leave in the middle: that the reader has closed is told.
    pub fn heard(&self, pieces: &[Piece<'_>]) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{}", painted(pieces, self.colour))
    }

    /// One JSON line to somebody who may leave in the middle.
    pub fn json_line_heard(&self, value: &Json) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", harmless_json(&value.to_string())).and_then(|()| stdout.flush())
    }

    /// Bytes of data as they are, for exports: to a terminal they go through [`Self::out`] instead. That the reader
    /// has closed is told, so that nothing more is read for nobody.
    pub fn raw(&self, bytes: &[u8]) -> io::Result<()> {
        io::stdout().lock().write_all(bytes)
    }

    /// Columns of the terminal that standard output is; none where it is no terminal, and nothing is wrapped.
    pub fn width(&self) -> Option<usize> {
        let (_, columns) = Term::stdout().size_checked()?;
        Some(usize::from(columns).max(20))
    }

    /// The same of standard error.
    pub fn talk_width(&self) -> Option<usize> {
        let (_, columns) = Term::stderr().size_checked()?;
        Some(usize::from(columns).max(20))
    }

    /// A line of talk.
    pub fn say(&self, line: &str) {
        self.say_pieces(&[Piece(line, Look::Plain)]);
    }

    /// A line of talk that `--quiet` drops.
    pub fn chat(&self, line: &str) {
        if !self.quiet {
            self.say(line);
        }
    }

    /// A line of talk in pieces.
    pub fn say_pieces(&self, pieces: &[Piece<'_>]) {
        // Talk that nobody can hear any more is no reason to fail.
        let _ = writeln!(io::stderr().lock(), "{}", painted(pieces, self.colour_err));
    }

    /// A warning.
    pub fn warn(&self, message: &str) {
        self.say_pieces(&[Piece("warning: ", Look::Yellow), Piece(message, Look::Plain)]);
    }

    /// `error:`, `caused by:`, `hint:`.
    pub fn error(&self, message: &str, causes: &[String], hint: Option<&str>) {
        self.say_pieces(&[Piece("error: ", Look::Red), Piece(message, Look::Plain)]);
        for cause in causes {
            self.say_pieces(&[Piece("caused by: ", Look::Dim), Piece(cause, Look::Plain)]);
        }
        if let Some(hint) = hint {
            self.say_pieces(&[Piece("hint: ", Look::Green), Piece(hint, Look::Plain)]);
        }
    }

    /// The document of `--json`: `{"status": "ok", "data": …}`.
    pub fn json_ok(&self, data: &Json) -> io::Result<()> {
        self.json_line(&json!({ "status": "ok", "data": data }))
    }

    /// The document of `--json` where something is wrong: `{"status": "error", "error": …}`, and what there is to
    /// tell all the same.
    pub fn json_error(&self, error: &Json, data: Option<&Json>) -> io::Result<()> {
        let mut document = json!({ "status": "error", "error": error });
        if let (Some(data), Some(map)) = (data, document.as_object_mut()) {
            map.insert("data".to_owned(), data.clone());
        }
        self.json_line(&document)
    }

    /// One JSON line.
    pub fn json_line(&self, value: &Json) -> io::Result<()> {
        forgive_closed(self.json_line_heard(value))
    }
}

/// A reader who has seen enough (`| head`) is no error.
fn forgive_closed(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn painted(pieces: &[Piece<'_>], colour: bool) -> String {
    pieces.iter().map(|Piece(text, look)| paint(&harmless(text), *look, colour)).collect()
}

fn paint(text: &str, look: Look, colour: bool) -> String {
    /// Distinct on dark and light grounds; a speaker's name always stands beside its colour.
    const SPEAKERS: [u8; 8] = [33, 166, 64, 125, 37, 136, 61, 160];
    let style = Style::new().force_styling(colour);
    match look {
        Look::Plain => return text.to_owned(),
        Look::Bold => style.bold(),
        Look::Dim => style.dim(),
        Look::Red => style.red().bold(),
        Look::Yellow => style.yellow(),
        Look::Green => style.green(),
        Look::Speaker(n) => style.color256(SPEAKERS[n % SPEAKERS.len()]).bold(),
    }
    .apply_to(text)
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_added_only_where_wanted() {
        let pieces = [Piece("a\u{1b}", Look::Red)];
        assert_eq!(painted(&pieces, false), "a␛");
        assert!(painted(&pieces, true).starts_with("\u{1b}[31m"));
    }
}
