//! Text fields: the cursor moves by visible characters, pasted text is accepted, Tab completes a path, and Esc leaves.

use super::paths::Paths;
use super::theme::end_question;
use crate::cli::terminal::printer::Printer;
use crate::cli::terminal::text::wrap;
use crate::cli::terminal::typing::Typing;
use crate::process::harmless::{harmless, one_line};
use console::Term;
use rustyline::completion::Pair;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::{Cmd, Event, EventContext, KeyCode, KeyEvent, Modifiers, Movement, RepeatCount};
use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use unicode_width::UnicodeWidthStr;

/// Returns the text before a field. A long question is printed on separate lines before it.
pub fn field_label(printer: &Printer, question: &str) -> String {
    let question = one_line(question);
    let columns = usize::from(Term::stderr().size().1).max(20);
    if question.width() * 2 <= columns {
        return format!("{} ", end_question(&question));
    }
    for line in wrap(&question, Some(columns)) {
        printer.say(&line);
    }
    "> ".to_owned()
}

/// Joins the lines of an answer of one line by blanks, since a pasted text may hold line breaks.
pub fn join_lines(text: &str) -> String {
    let lines = text.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

/// A text field.
pub struct Field {
    editor: rustyline::Editor<FieldObserver, rustyline::history::MemHistory>,
    escaped: Arc<AtomicBool>,
    /// True if the last line was pasted.
    pub pasted: Arc<AtomicBool>,
}

impl Field {
    /// Creates a field that saves its content in `kept`. Without `kept`, the content is hidden. With `paths`, Tab
    /// completes a path.
    pub fn new(kept: Option<FieldDraft>, paths: Option<Paths>) -> io::Result<Self> {
        /// Milliseconds to wait for the rest of a key code, since some key codes begin like Esc.
        const KEY: u16 = 50;
        let config = rustyline::Config::builder()
            .behavior(rustyline::Behavior::PreferTerm)
            .keyseq_timeout(Some(KEY))
            .auto_add_history(false)
            .completion_type(rustyline::CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            .color_mode(if kept.is_none() { rustyline::ColorMode::Forced } else { rustyline::ColorMode::Disabled })
            .build();
        let history = rustyline::history::MemHistory::new();
        let mut editor = rustyline::Editor::with_history(config, history).map_err(io_error)?;
        editor.set_helper(Some(FieldObserver { kept, paths }));
        let escaped = Arc::new(AtomicBool::new(false));
        let leave = Leave(Arc::clone(&escaped));
        let esc = KeyEvent(KeyCode::Esc, Modifiers::NONE);
        editor.bind_sequence(esc, rustyline::EventHandler::Conditional(Box::new(leave)));
        editor.bind_sequence(KeyEvent(KeyCode::Char('U'), Modifiers::CTRL), Cmd::Kill(Movement::WholeBuffer));
        let pasted = Arc::new(AtomicBool::new(false));
        for (key, by_paste) in [(KeyCode::Char('.'), false), (KeyCode::BracketedPasteStart, true)] {
            let observer = PointObserver { pasted: Arc::clone(&pasted), by_paste };
            let key = KeyEvent(key, Modifiers::NONE);
            editor.bind_sequence(key, rustyline::EventHandler::Conditional(Box::new(observer)));
        }
        Ok(Self { editor, escaped, pasted })
    }

    /// Reads a line; `None` on Esc.
    pub fn read(&mut self, label: &str, text: &str) -> io::Result<Option<String>> {
        self.pasted.store(text.contains('\n'), Ordering::Relaxed);
        match self.editor.readline_with_initial(label, (text, "")) {
            Ok(line) => {
                if let Some(kept) = self.editor.helper().and_then(|look| look.kept.as_ref()) {
                    kept.typing.remove_line();
                }
                Ok(Some(line))
            }
            Err(ReadlineError::Interrupted) if self.escaped.swap(false, Ordering::Relaxed) => Ok(None),
            // The end of input has the same effect as Esc.
            Err(ReadlineError::Eof) => Ok(None),
            Err(error) => Err(io_error(error)),
        }
    }
}

fn io_error(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        ReadlineError::Interrupted => io::ErrorKind::Interrupted.into(),
        other => io::Error::other(other.to_string()),
    }
}

/// Leaves a field and records that Esc was pressed.
struct Leave(Arc<AtomicBool>);

impl rustyline::ConditionalEventHandler for Leave {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, _: &EventContext<'_>) -> Option<Cmd> {
        self.0.store(true, Ordering::Relaxed);
        Some(Cmd::Interrupt)
    }
}

/// Records whether a paste or a typed point began the current line.
struct PointObserver {
    pasted: Arc<AtomicBool>,
    by_paste: bool,
}

impl rustyline::ConditionalEventHandler for PointObserver {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        let begins_line =
            context.line().get(..context.pos()).is_none_or(|left| left.is_empty() || left.ends_with('\n'));
        if self.by_paste || begins_line {
            self.pasted.store(self.by_paste, Ordering::Relaxed);
        }
        None
    }
}

/// File in which the content of a field is saved, and the question of the field.
pub struct FieldDraft {
    typing: Typing,
    question: String,
    /// Proposed content, which is not saved.
    pub shown: String,
}

impl FieldDraft {
    /// Creates the draft of the field of a question.
    pub fn new(typing: &Typing, question: &str, shown: String) -> Self {
        Self { typing: typing.clone(), question: one_line(question), shown }
    }

    /// Returns the content that an earlier process saved.
    pub fn saved_line(&self) -> Option<String> {
        self.typing.saved_line(&self.question).map(|text| harmless(&text))
    }
}

/// Observer of a field, which is called at every key. It saves the content, completes paths, and hides a password.
struct FieldObserver {
    kept: Option<FieldDraft>,
    paths: Option<Paths>,
}

impl Highlighter for FieldObserver {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        if self.kept.is_none() { " ".repeat(line.width()).into() } else { line.into() }
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        self.kept.is_none() && kind != CmdKind::MoveCursor
    }
}

impl rustyline::completion::Completer for FieldObserver {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &rustyline::Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (from, names) = match &self.paths {
            Some(paths) => paths.complete_path(line.get(..at).unwrap_or_default()),
            None => (at, Vec::new()),
        };
        let pair = |name: String| Pair { display: name.clone(), replacement: name };
        Ok((from, names.into_iter().map(pair).collect()))
    }
}

impl rustyline::hint::Hinter for FieldObserver {
    type Hint = String;

    fn hint(&self, line: &str, _: usize, _: &rustyline::Context<'_>) -> Option<String> {
        if let Some(FieldDraft { typing, question, shown }) = &self.kept {
            typing.save_line(question, if line == shown { "" } else { line });
        }
        None
    }
}

impl rustyline::validate::Validator for FieldObserver {}
impl rustyline::Helper for FieldObserver {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_lines_become_one() {
        assert_eq!(join_lines("  one\r\n\r\ntwo  words\n three "), "one two  words three");
    }
}
