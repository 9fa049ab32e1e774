//! The only place that asks a person a question.

mod theme;

use crate::cli::error::{CliError, Exit};
use crate::cli::settings::holds_secret;
use crate::cli::terminal::printer::Printer;
use crate::cli::terminal::text::wrap;
use crate::cli::terminal::typing::Typing;
use crate::process::harmless::{harmless, one_line};
use console::Term;
use dialoguer::theme::{ColorfulTheme, Theme};
use dialoguer::{Confirm, Editor, FuzzySelect, MultiSelect, Select};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::{Cmd, Event, EventContext, KeyCode, RepeatCount};
use secrecy::SecretString;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use theme::{Coloured, Plain, end_question};
use unicode_width::UnicodeWidthStr;

/// A terminal that can ask a person.
#[derive(Debug)]
pub struct Terminal {
    /// True if questions may be asked.
    pub may_ask: bool,
    /// `--yes`: accepts every confirmation without asking.
    pub yes: bool,
    /// Environment variables; one names the editor.
    pub env: BTreeMap<String, String>,
    /// Printer for long questions.
    pub printer: Printer,
    /// Saves unfinished lines.
    pub typing: Typing,
    /// Flags that would have given the confirmations that the person gave.
    pub agreed: Mutex<Vec<&'static str>>,
}

/// Asks for a confirmation. If questions are not allowed, returns an error that names the flag to use instead.
pub async fn confirm(terminal: &Terminal, question: &str, flag: &'static str) -> Result<bool, CliError> {
    if terminal.yes {
        return Ok(true);
    }
    let hint = format!("add {flag} to say yes");
    let question = harmless(question);
    let shown = question.clone();
    let answer = ask_terminal(terminal, &shown, &hint, move |theme| {
        Confirm::with_theme(theme).with_prompt(question).default(false).interact_opt()
    });
    let yes = answer.await?.unwrap_or(false);
    if yes {
        terminal.agreed.lock().unwrap_or_else(PoisonError::into_inner).push(flag);
    }
    Ok(yes)
}

/// Asks for yes or no; `None` on Esc.
pub async fn ask_yes_no(
    terminal: &Terminal,
    question: &str,
    usual: bool,
    hint: &str,
) -> Result<Option<bool>, CliError> {
    let question = fit_line(question, QUESTION);
    let shown = question.clone();
    let answer = ask_terminal(terminal, &shown, hint, move |theme| {
        Confirm::with_theme(theme).with_prompt(question).default(usual).interact_opt()
    });
    answer.await
}

/// Asks for a line, which the person edits from `text`; `None` on Esc. `hint` is the remedy if questions are not
/// allowed.
pub async fn ask_line(terminal: &Terminal, question: &str, text: &str, hint: &str) -> Result<Option<String>, CliError> {
    let (typing, shown) = (terminal.typing.clone(), harmless(text).replace('\n', " "));
    let kept = FieldDraft { typing, question: one_line(question), shown };
    let saved = kept.typing.saved_line(&kept.question).map(|text| harmless(&text).replace('\n', " "));
    let (label, text) = (field_label(terminal, question), saved.unwrap_or_else(|| kept.shown.clone()));
    let answer = ask_terminal(terminal, question, hint, move |_| Field::new(Some(kept))?.read(&label, &text));
    // Pasted text may contain line breaks.
    Ok(answer.await?.map(|line| line.trim().replace(['\r', '\n'], " ")))
}

/// Asks for lines, which are appended to `already`, until a typed line that is only `.`; `None` on Esc. After each line,
/// `keep` receives all lines.
pub async fn ask_lines(
    terminal: &Terminal,
    question: &str,
    already: Vec<String>,
    mut keep: impl FnMut(&[String]) -> LineEffect + Send + 'static,
) -> Result<Option<Vec<String>>, CliError> {
    let mut lines = already;
    let kept = FieldDraft { typing: terminal.typing.clone(), question: one_line(question), shown: String::new() };
    let mut half = kept.typing.saved_line(&kept.question).map(|half| harmless(&half)).unwrap_or_default();
    ask_terminal(terminal, question, "run it on a terminal", move |_| {
        let mut field = Field::new(Some(kept))?;
        loop {
            let Some(typed) = field.read("  ", &std::mem::take(&mut half))? else { return Ok(None) };
            let typed = typed.replace("\r\n", "\n").replace('\r', "\n");
            let mut new: Vec<&str> = typed.split('\n').map(str::trim_end).collect();
            // A pasted point is text.
            let is_end = new.last() == Some(&".") && !field.pasted.load(Ordering::Relaxed);
            new.truncate(new.len() - usize::from(is_end));
            for line in new {
                lines.push(line.to_owned());
                match keep(&lines) {
                    LineEffect::Keep => {}
                    LineEffect::Replace(left) => lines = left,
                    LineEffect::Stop => return Ok(None),
                }
            }
            if is_end {
                return Ok(Some(lines));
            }
        }
    })
    .await
}

/// Effect of a typed line.
pub enum LineEffect {
    /// The line is added.
    Keep,
    /// These lines replace all lines.
    Replace(Vec<String>),
    /// No more lines are read.
    Stop,
}

/// Asks for a password without showing it; an empty password is valid; `None` on Esc.
pub async fn ask_password(terminal: &Terminal, question: &str, hint: &str) -> Result<Option<SecretString>, CliError> {
    let label = field_label(terminal, question);
    let answer = ask_terminal(terminal, question, hint, move |_| Field::new(None)?.read(&label, ""));
    Ok(answer.await?.map(SecretString::from))
}

/// Asks for one of several items and returns its index; `None` on Esc.
pub async fn ask_one_of(
    terminal: &Terminal,
    question: &str,
    items: &[String],
    usual: usize,
    hint: &str,
) -> Result<Option<usize>, CliError> {
    let (question, items, rows) = (fit_line(question, QUESTION), fit_items(items), visible_rows());
    let label = question.clone();
    let answer = ask_terminal(terminal, &label, hint, move |theme| {
        Select::with_theme(theme)
            .with_prompt(question)
            .items(&items)
            .default(usual.min(items.len().saturating_sub(1)))
            .max_length(rows)
            .interact_opt()
    });
    answer.await
}

/// Asks for one of many items. Typed characters narrow the list.
pub async fn ask_search(
    terminal: &Terminal,
    question: &str,
    items: &[String],
    hint: &str,
) -> Result<Option<usize>, CliError> {
    ask_search_from(terminal, question, items, 0, hint).await
}

/// Asks for one of many items. The cursor starts on the item at index `usual`.
pub async fn ask_search_from(
    terminal: &Terminal,
    question: &str,
    items: &[String],
    usual: usize,
    hint: &str,
) -> Result<Option<usize>, CliError> {
    let (question, items, rows) = (fit_line(question, QUESTION), fit_items(items), visible_rows());
    let label = question.clone();
    let (coloured, items_in_colour) = (terminal.printer.colour_err, ColorfulTheme::default());
    let answer = ask_terminal(terminal, &label, hint, move |theme| {
        let chosen = FuzzySelect::with_theme(if coloured { &items_in_colour } else { theme })
            .with_prompt(question.as_str())
            .items(&items)
            .default(usual.min(items.len().saturating_sub(1)))
            .highlight_matches(false)
            .max_length(rows)
            .report(false)
            .interact_opt()?;
        if let Some(at) = chosen {
            let mut answered = String::new();
            // Writing into a string cannot fail.
            let _ = theme.format_select_prompt_selection(&mut answered, &question, &items[at]);
            Term::stderr().write_line(&answered)?;
        }
        Ok(chosen)
    });
    answer.await
}

/// Asks for any number of items and returns their indexes; `None` on Esc. `ticked` lists the items that are chosen at
/// first.
pub async fn ask_several(
    terminal: &Terminal,
    question: &str,
    items: &[String],
    ticked: &[bool],
    hint: &str,
) -> Result<Option<Vec<usize>>, CliError> {
    let question = fit_line(&format!("{question} (space ticks)"), QUESTION);
    let (items, ticked, rows) = (fit_items(items), ticked.to_vec(), visible_rows());
    let label = question.clone();
    let answer = ask_terminal(terminal, &label, hint, move |theme| {
        MultiSelect::with_theme(theme)
            .with_prompt(question)
            .items(&items)
            .defaults(&ticked)
            .max_length(rows)
            .interact_opt()
    });
    answer.await
}

/// Opens the person's editor on a text; `None` if the editor was closed without saving.
pub async fn open_editor(terminal: &Terminal, text: &str, hint: &str) -> Result<Option<String>, CliError> {
    let command = editor_command(&terminal.env);
    let text = text.to_owned();
    ask_terminal(terminal, "a text", hint, move |_| Editor::new().executable(command).extension(".md").edit(&text))
        .await
}

/// Builds the editor command from `VISUAL` or `EDITOR`, without the secrets in the environment.
fn editor_command(env: &BTreeMap<String, String>) -> String {
    let named = ["VISUAL", "EDITOR"].iter().find_map(|name| env.get(*name).filter(|v| !v.trim().is_empty()));
    let editor = named.map_or("vi", String::as_str);
    let secrets: Vec<String> =
        env.iter().filter(|(name, value)| holds_secret(name, value)).map(|(name, _)| format!("-u {name}")).collect();
    if cfg!(unix) && !secrets.is_empty() { format!("env {} {editor}", secrets.join(" ")) } else { editor.to_owned() }
}

/// Columns that a theme adds to a question.
const QUESTION: usize = 8;
/// Columns that a theme adds to an item.
const ITEM: usize = 6;

/// Shortens a text to one line of the screen, and leaves `beside` columns free. A wrapped line would make the count of
/// rows wrong.
fn fit_line(text: &str, beside: usize) -> String {
    let columns = usize::from(Term::stderr().size().1).max(20).saturating_sub(beside);
    console::truncate_str(&one_line(text), columns, "…").into_owned()
}

/// Formats the items of a list as single lines, since names from a database may have line breaks.
fn fit_items(items: &[String]) -> Vec<String> {
    items.iter().map(|item| fit_line(item, ITEM)).collect()
}

/// Number of items of a list shown at once.
fn visible_rows() -> usize {
    usize::from(Term::stderr().size().0).saturating_sub(4).clamp(3, 20)
}

/// Returns the text before a field. A long question is printed on separate lines before it.
fn field_label(terminal: &Terminal, question: &str) -> String {
    let question = one_line(question);
    let columns = usize::from(Term::stderr().size().1).max(20);
    if question.width() * 2 <= columns {
        return format!("{} ", end_question(&question));
    }
    for line in wrap(&question, Some(columns)) {
        terminal.printer.say(&line);
    }
    "> ".to_owned()
}

/// A text field. The cursor moves by visible characters, pasted text is accepted, and Esc leaves the field.
struct Field {
    editor: rustyline::Editor<FieldObserver, rustyline::history::MemHistory>,
    escaped: Arc<AtomicBool>,
    /// True if the last line was pasted.
    pasted: Arc<AtomicBool>,
}

impl Field {
    /// Creates a field that saves its content in `kept`. Without `kept`, the content is hidden.
    fn new(kept: Option<FieldDraft>) -> dialoguer::Result<Self> {
        /// Milliseconds to wait for the rest of a key code, since some key codes begin like Esc.
        const KEY: u16 = 50;
        let config = rustyline::Config::builder()
            .behavior(rustyline::Behavior::PreferTerm)
            .keyseq_timeout(Some(KEY))
            .auto_add_history(false)
            .color_mode(if kept.is_none() { rustyline::ColorMode::Forced } else { rustyline::ColorMode::Disabled })
            .build();
        let history = rustyline::history::MemHistory::new();
        let mut editor = rustyline::Editor::with_history(config, history).map_err(io_error)?;
        editor.set_helper(Some(FieldObserver { kept }));
        let escaped = Arc::new(AtomicBool::new(false));
        let leave = Leave(Arc::clone(&escaped));
        let esc = rustyline::KeyEvent(KeyCode::Esc, rustyline::Modifiers::NONE);
        editor.bind_sequence(esc, rustyline::EventHandler::Conditional(Box::new(leave)));
        let pasted = Arc::new(AtomicBool::new(false));
        for (key, by_paste) in [(KeyCode::Char('.'), false), (KeyCode::BracketedPasteStart, true)] {
            let observer = PointObserver { pasted: Arc::clone(&pasted), by_paste };
            let key = rustyline::KeyEvent(key, rustyline::Modifiers::NONE);
            editor.bind_sequence(key, rustyline::EventHandler::Conditional(Box::new(observer)));
        }
        Ok(Self { editor, escaped, pasted })
    }

    /// Reads a line; `None` on Esc.
    fn read(&mut self, label: &str, text: &str) -> dialoguer::Result<Option<String>> {
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

fn io_error(error: ReadlineError) -> dialoguer::Error {
    dialoguer::Error::IO(match error {
        ReadlineError::Io(error) => error,
        ReadlineError::Interrupted => std::io::ErrorKind::Interrupted.into(),
        other => std::io::Error::other(other.to_string()),
    })
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
struct FieldDraft {
    typing: Typing,
    question: String,
    /// Proposed content, which is not saved.
    shown: String,
}

/// Observer of a field, which is called at every key. It saves the content, and hides a password.
struct FieldObserver {
    kept: Option<FieldDraft>,
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
    type Candidate = String;
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

/// Asks on a blocking thread, so that Ctrl-C is received meanwhile. The terminal is always restored afterwards.
async fn ask_terminal<T: Send + 'static>(
    terminal: &Terminal,
    question: &str,
    hint: &str,
    ask: impl FnOnce(&dyn Theme) -> dialoguer::Result<T> + Send + 'static,
) -> Result<T, CliError> {
    if !terminal.may_ask {
        return Err(unanswered_error(question, hint));
    }
    let colour = terminal.printer.colour_err;
    let found = TerminalState::save_state();
    let asking = async {
        let ask = move || if colour { ask(&Coloured::default()) } else { ask(&Plain) };
        tokio::task::spawn_blocking(ask).await
    };
    let answer = tokio::select! {
        // The signal is polled first, so that its handler is installed before the question appears. Without a handler,
        // Ctrl-C would kill the program.
        biased;
        _ = tokio::signal::ctrl_c() => {
            return Err(interrupted_error());
        }
        answer = asking => answer,
    };
    drop(found);
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(dialoguer::Error::IO(e))) if e.kind() == std::io::ErrorKind::Interrupted => Err(interrupted_error()),
        Ok(Err(e)) => Err(CliError::usage("cannot ask on this terminal").cause(e).hint(hint)),
        Err(e) => Err(CliError::usage("cannot ask on this terminal").cause(e)),
    }
}

/// Creates the error for a question that may not be asked.
pub fn unanswered_error(question: &str, hint: &str) -> CliError {
    CliError::new(Exit::Usage, "needs-answer", format!("this needs an answer: {question}")).hint(hint)
}

fn interrupted_error() -> CliError {
    CliError::new(Exit::Interrupt, "interrupted", "interrupted; nothing was done")
}

/// The terminal's state before a question. It is restored, since an abandoned thread may have hidden the cursor or the
/// input.
struct TerminalState {
    #[cfg(unix)]
    found: Option<nix::sys::termios::Termios>,
}

impl TerminalState {
    #[cfg(unix)]
    fn save_state() -> Self {
        Self { found: nix::sys::termios::tcgetattr(std::io::stdin()).ok() }
    }

    #[cfg(not(unix))]
    fn save_state() -> Self {
        Self {}
    }
}

impl Drop for TerminalState {
    fn drop(&mut self) {
        // A failure is ignored: a terminal that cannot be restored is closed.
        #[cfg(unix)]
        if let Some(found) = &self.found {
            use nix::sys::termios::{SetArg, tcsetattr};
            let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, found);
        }
        let _ = console::Term::stderr().show_cursor();
    }
}
