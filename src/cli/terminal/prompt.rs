//! The only place that asks a person a question.
//!
//! | file | come here to change |
//! |---|---|
//! | `list`, `yes_no` | lists, and questions for yes or no |
//! | `field`, `paths` | text fields, and the completion of paths in them |
//! | `theme` | the look of questions and answers |
//! | `screen`, `keys` | how lines follow a person's keys |

mod field;
mod keys;
mod list;
mod paths;
mod screen;
mod theme;
mod yes_no;

use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::printer::Printer;
use crate::cli::terminal::programs::edit_text;
use crate::cli::terminal::typing::Typing;
use crate::process::harmless::{harmless, one_line};
use console::Term;
use field::{Field, FieldDraft, field_label, join_lines};
use list::{Kind, List};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use theme::Theme;
use yes_no::YesNo;

pub use paths::Paths;
pub use screen::{Size, View, count_rows};

/// A terminal that can ask a person.
#[derive(Debug)]
pub struct Terminal {
    /// True if questions may be asked.
    pub may_ask: bool,
    /// `--yes`: accepts every confirmation without asking.
    pub yes: bool,
    /// Environment variables; some name the editor and the pager.
    pub env: BTreeMap<String, String>,
    /// Printer for long questions.
    pub printer: Printer,
    /// Saves unfinished lines.
    pub typing: Typing,
    /// Flags that would have given the confirmations that the person gave.
    pub agreed: Mutex<Vec<&'static str>>,
    /// True while another program has the terminal and handles its signals.
    pub is_lent: Arc<AtomicBool>,
}

impl Terminal {
    fn theme(&self) -> Theme {
        Theme { colour: self.printer.colour_err }
    }
}

/// Asks for a confirmation. If questions are not allowed, returns an error that names the flag to use instead.
pub async fn confirm(terminal: &Terminal, question: &str, flag: &'static str) -> Result<bool, CliError> {
    if terminal.yes {
        return Ok(true);
    }
    let yes = ask_yes_no(terminal, question, false, &format!("add {flag} to say yes")).await?.unwrap_or(false);
    if yes {
        terminal.agreed.lock().unwrap_or_else(PoisonError::into_inner).push(flag);
    }
    Ok(yes)
}

/// Asks for yes or no: `y`, `n`, or Enter for the answer that is shown; `None` on Esc.
pub async fn ask_yes_no(
    terminal: &Terminal,
    question: &str,
    usual: bool,
    hint: &str,
) -> Result<Option<bool>, CliError> {
    let (theme, question) = (terminal.theme(), one_line(question));
    let shown = question.clone();
    let answer = ask_terminal(terminal, &shown, hint, move |left| {
        let answer = screen::show(&mut YesNo { theme, question: question.clone(), usual }, left)?;
        if let Some(yes) = answer {
            print_answer(&theme.answered(&question, if yes { "yes" } else { "no" }, columns()))?;
        }
        Ok(answer)
    });
    answer.await
}

/// Asks for a line, which the person edits from `text`; `None` on Esc. `hint` is the remedy if questions are not
/// allowed.
pub async fn ask_line(terminal: &Terminal, question: &str, text: &str, hint: &str) -> Result<Option<String>, CliError> {
    read_line(terminal, question, text, None, hint).await
}

/// Asks for a path, which Tab completes.
pub async fn ask_path(
    terminal: &Terminal,
    paths: Paths,
    question: &str,
    text: &str,
    hint: &str,
) -> Result<Option<String>, CliError> {
    read_line(terminal, question, text, Some(paths), hint).await
}

async fn read_line(
    terminal: &Terminal,
    question: &str,
    text: &str,
    paths: Option<Paths>,
    hint: &str,
) -> Result<Option<String>, CliError> {
    let shown = harmless(&join_lines(text));
    let kept = FieldDraft::new(&terminal.typing, question, shown.clone());
    let saved = kept.saved_line().map(|text| join_lines(&text));
    let (label, start) = (field_label(&terminal.printer, question), saved.unwrap_or_else(|| shown.clone()));
    let answer = ask_terminal(terminal, question, hint, move |_| Field::new(Some(kept), paths)?.read(&label, &start));
    // An answer that was left as it is keeps its line breaks.
    Ok(answer.await?.map(|line| join_lines(&line)).map(|line| if line == shown { text.to_owned() } else { line }))
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
    let kept = FieldDraft::new(&terminal.typing, question, String::new());
    let mut half = kept.saved_line().unwrap_or_default();
    ask_terminal(terminal, question, "run it on a terminal", move |_| {
        let mut field = Field::new(Some(kept), None)?;
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
    let label = field_label(&terminal.printer, question);
    let answer = ask_terminal(terminal, question, hint, move |_| Field::new(None, None)?.read(&label, ""));
    // A pasted password may bring the end of its line.
    Ok(answer.await?.map(|line| SecretString::from(line.trim_end_matches(['\r', '\n']))))
}

/// Asks for one of several items and returns its index; `None` on Esc.
pub async fn ask_one_of(
    terminal: &Terminal,
    question: &str,
    items: &[String],
    usual: usize,
    hint: &str,
) -> Result<Option<usize>, CliError> {
    let list = List::new(terminal.theme(), one_line(question), fit_items(items), Kind::One, usual);
    Ok(ask_list(terminal, list, question, hint).await?.and_then(|chosen| chosen.first().copied()))
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
    let list = List::new(terminal.theme(), one_line(question), fit_items(items), Kind::Search, usual);
    Ok(ask_list(terminal, list, question, hint).await?.and_then(|chosen| chosen.first().copied()))
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
    let list = List::new(terminal.theme(), one_line(question), fit_items(items), Kind::Several, 0).tick(ticked);
    ask_list(terminal, list, question, hint).await
}

async fn ask_list(
    terminal: &Terminal,
    mut list: List,
    question: &str,
    hint: &str,
) -> Result<Option<Vec<usize>>, CliError> {
    let answer = ask_terminal(terminal, question, hint, move |left| {
        let chosen = screen::show(&mut list, left)?;
        if let Some(chosen) = &chosen {
            print_answer(&list.answer(chosen, columns()))?;
        }
        Ok(chosen)
    });
    answer.await
}

/// Shows a view until a key of the person ends it. `what` describes it where nothing may be shown.
pub async fn show_view<V>(terminal: &Terminal, what: &str, mut view: V) -> Result<V::Answer, CliError>
where
    V: View<Answer: Send + 'static> + Send + 'static,
{
    ask_terminal(terminal, what, "run it on a terminal", move |left| screen::show(&mut view, left)).await
}

/// Opens the person's editor on a text; `None` if the editor was left without saving.
pub async fn open_editor(terminal: &Terminal, text: &str, hint: &str) -> Result<Option<String>, CliError> {
    let (env, text) = (terminal.env.clone(), text.to_owned());
    let edited = ask_terminal(terminal, "a text", hint, move |_| Ok(edit_text(&env, &text))).await?;
    edited.map_err(|error| {
        CliError::usage("the editor failed").cause(error).hint("VISUAL or EDITOR names another editor")
    })
}

/// Formats the items of a list as single lines, since names from a database may have line breaks.
fn fit_items(items: &[String]) -> Vec<String> {
    items.iter().map(|item| one_line(item)).collect()
}

fn print_answer(text: &str) -> io::Result<()> {
    Term::stderr().write_line(text)
}

/// Width of the window.
fn columns() -> usize {
    Size::of(&Term::stderr()).columns
}

/// Asks on a blocking thread, so that Ctrl-C is received meanwhile. The terminal is always restored afterwards. `ask`
/// receives a flag that is true once nobody waits for the answer.
async fn ask_terminal<T: Send + 'static>(
    terminal: &Terminal,
    question: &str,
    hint: &str,
    ask: impl FnOnce(&AtomicBool) -> io::Result<T> + Send + 'static,
) -> Result<T, CliError> {
    if !terminal.may_ask {
        return Err(unanswered_error(question, hint));
    }
    let left = Arc::new(AtomicBool::new(false));
    let found = TerminalState::save_state(Arc::clone(&left));
    let asking = async { tokio::task::spawn_blocking(move || ask(&left)).await };
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
        Ok(Err(e)) if e.kind() == io::ErrorKind::Interrupted => Err(interrupted_error()),
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
    /// Stops the thread.
    left: Arc<AtomicBool>,
    #[cfg(unix)]
    found: Option<nix::sys::termios::Termios>,
}

impl TerminalState {
    #[cfg(unix)]
    fn save_state(left: Arc<AtomicBool>) -> Self {
        Self { left, found: nix::sys::termios::tcgetattr(std::io::stdin()).ok() }
    }

    #[cfg(not(unix))]
    fn save_state(left: Arc<AtomicBool>) -> Self {
        Self { left }
    }
}

impl Drop for TerminalState {
    fn drop(&mut self) {
        self.left.store(true, Ordering::Relaxed);
        // A failure is ignored: a terminal that cannot be restored is closed.
        #[cfg(unix)]
        if let Some(found) = &self.found {
            use nix::sys::termios::{SetArg, tcsetattr};
            let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, found);
        }
        let _ = console::Term::stderr().show_cursor();
    }
}
