//! The only module that writes to the terminal. Standard output carries data, standard error carries messages.
//!
//! All output is escaped first ([`harmless`]). Texts of models, databases and servers may hold escape sequences, which
//! must never reach a terminal (contract S1). Colour is added only here.

use crate::process::harmless::{harmless, harmless_json};
use console::{Style, Term};
use serde_json::{Value as Json, json};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Writes to the two streams.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of one stream")]
pub struct Printer {
    /// Colour on standard output.
    pub colour: bool,
    /// Colour on standard error.
    pub colour_err: bool,
    /// True if standard output carries one JSON document or JSON lines.
    pub json: bool,
    /// True if informative messages are dropped.
    pub quiet: bool,
    /// Lines of data that are kept for a pager, if they are. Clones share them.
    pub page: Page,
}

/// Lines that are kept instead of printed; `None` while lines are printed.
pub type Page = Arc<Mutex<Option<Vec<String>>>>;

/// A piece of a line with its style.
#[derive(Debug, Clone)]
pub struct Piece<'a>(pub &'a str, pub Look);

/// Style of a piece. Anything that colour shows is shown in another way too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Unstyled.
    Plain,
    /// Emphasised.
    Bold,
    /// Less important.
    Dim,
    /// An error.
    Red,
    /// A warning.
    Yellow,
    /// Success.
    Green,
    /// A speaker, by a stable number.
    Speaker(usize),
}

impl Printer {
    /// Creates a printer without colour.
    pub fn plain(json: bool) -> Self {
        Self { colour: false, colour_err: false, json, quiet: false, page: Page::default() }
    }

    /// Prints a line of data.
    pub fn out(&self, line: &str) -> io::Result<()> {
        self.pieces(&[Piece(line, Look::Plain)])
    }

    /// Prints a line of data that consists of pieces.
    pub fn pieces(&self, pieces: &[Piece<'_>]) -> io::Result<()> {
        forgive_closed(self.try_pieces(pieces))
    }

    /// Prints a line of data, and fails if the reader closed the pipe.
    pub fn try_pieces(&self, pieces: &[Piece<'_>]) -> io::Result<()> {
        let line = paint_pieces(pieces, self.colour);
        match &mut *self.lock_page() {
            Some(page) => page.extend(line.split('\n').map(str::to_owned)),
            None => writeln!(io::stdout().lock(), "{line}")?,
        }
        Ok(())
    }

    fn lock_page(&self) -> std::sync::MutexGuard<'_, Option<Vec<String>>> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps lines of data from now on instead of printing them.
    pub fn begin_page(&self) {
        *self.lock_page() = Some(Vec::new());
    }

    /// Returns the lines that were kept, each escaped and painted. Lines are printed from now on.
    pub fn end_page(&self) -> Vec<String> {
        self.lock_page().take().unwrap_or_default()
    }

    /// Prints a line that was kept.
    pub fn print_painted(&self, line: &str) -> io::Result<()> {
        forgive_closed(writeln!(io::stdout().lock(), "{line}"))
    }

    /// Prints one JSON line, and fails if the reader closed the pipe.
    pub fn json_line_heard(&self, value: &Json) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{}", harmless_json(&value.to_string())).and_then(|()| stdout.flush())
    }

    /// Writes raw bytes of an export to a pipe or a file; terminals get [`Self::out`] instead. Fails if the reader
    /// closed the pipe, so that the export stops reading from the database.
    pub fn raw(&self, bytes: &[u8]) -> io::Result<()> {
        io::stdout().lock().write_all(bytes)
    }

    /// Returns the width of the terminal at standard output. Returns `None` if standard output is not a terminal, so
    /// that no line is wrapped.
    pub fn width(&self) -> Option<usize> {
        let (_, columns) = Term::stdout().size_checked()?;
        Some(usize::from(columns).max(20))
    }

    /// Width of the terminal at standard error.
    pub fn talk_width(&self) -> Option<usize> {
        let (_, columns) = Term::stderr().size_checked()?;
        Some(usize::from(columns).max(20))
    }

    /// Prints a message.
    pub fn say(&self, line: &str) {
        self.say_pieces(&[Piece(line, Look::Plain)]);
    }

    /// Prints a message that `--quiet` drops.
    pub fn chat(&self, line: &str) {
        if !self.quiet {
            self.say(line);
        }
    }

    /// Prints a message in pieces.
    pub fn say_pieces(&self, pieces: &[Piece<'_>]) {
        // A command does not fail because a message could not be written.
        let _ = writeln!(io::stderr().lock(), "{}", paint_pieces(pieces, self.colour_err));
    }

    /// Prints a warning.
    pub fn warn(&self, message: &str) {
        self.say_pieces(&[Piece("warning: ", Look::Yellow), Piece(message, Look::Plain)]);
    }

    /// Prints an error with its causes and its remedy: `error:`, `caused by:`, `hint:`.
    pub fn error(&self, message: &str, causes: &[String], hint: Option<&str>) {
        self.say_pieces(&[Piece("error: ", Look::Red), Piece(message, Look::Plain)]);
        for cause in causes {
            self.say_pieces(&[Piece("caused by: ", Look::Dim), Piece(cause, Look::Plain)]);
        }
        if let Some(hint) = hint {
            self.say_pieces(&[Piece("hint: ", Look::Green), Piece(hint, Look::Plain)]);
        }
    }

    /// Prints the document of `--json`: `{"status": "ok", "data": …}`.
    pub fn json_ok(&self, data: &Json) -> io::Result<()> {
        self.json_line(&json!({ "status": "ok", "data": data }))
    }

    /// Prints the error document of `--json`: `{"status": "error", "error": …}`, with any data that is available.
    pub fn json_error(&self, error: &Json, data: Option<&Json>) -> io::Result<()> {
        let mut document = json!({ "status": "error", "error": error });
        if let (Some(data), Some(map)) = (data, document.as_object_mut()) {
            map.insert("data".to_owned(), data.clone());
        }
        self.json_line(&document)
    }

    /// Prints one JSON line.
    pub fn json_line(&self, value: &Json) -> io::Result<()> {
        forgive_closed(self.json_line_heard(value))
    }
}

/// Treats a closed pipe (`| head`) as success, since its reader needs no more.
fn forgive_closed(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn paint_pieces(pieces: &[Piece<'_>], colour: bool) -> String {
    pieces.iter().map(|Piece(text, look)| paint_text(&harmless(text), *look, colour)).collect()
}

fn paint_text(text: &str, look: Look, colour: bool) -> String {
    /// Colours that are readable on dark and light backgrounds. A speaker's name is always printed beside the colour.
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
    fn a_kept_line_is_escaped_and_shared_by_clones() {
        let printer = Printer::plain(false);
        printer.begin_page();
        printer.clone().out("a\u{1b}[2J\nb").unwrap();
        assert_eq!(printer.end_page(), ["a␛[2J", "b"]);
    }

    #[test]
    fn colour_is_added_only_where_wanted() {
        let pieces = [Piece("a\u{1b}", Look::Red)];
        assert_eq!(paint_pieces(&pieces, false), "a␛");
        assert!(paint_pieces(&pieces, true).starts_with("\u{1b}[31m"));
    }
}
