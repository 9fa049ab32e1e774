//! The session of the guide: it runs commands, reads from the database, and reports results.

use crate::cli::args::{Cli, Command};
use crate::cli::context::Context;
use crate::cli::dispatch::{is_busy, run_command};
use crate::cli::error::{CliError, Exit};
use crate::cli::global::Global;
use crate::cli::shell::{insert_flags, resume_line};
use crate::cli::terminal::pager::page_output;
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::prompt::{self, Paths};
use crate::cli::terminal::text::wrap;
use crate::design::Problem;
use crate::lab::Lab;
use clap::Parser;
use console::Term;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError};

/// Without questions there is no guide, so no flag can answer.
pub const HINT: &str = "`convoke --help` lists the commands that ask nothing";

/// Code that ends the guide after a command was interrupted and has reported it.
pub const LEFT: &str = "left";

/// The session of the guide.
pub struct Guide {
    /// The context, which names the database and the creator.
    pub context: Context,
    /// True while a command handles signals itself.
    pub busy: Arc<AtomicBool>,
}

impl Guide {
    /// Runs a command and prints it. An error is reported, and the guide continues unless it was interrupted. The
    /// person can start an unreachable server and retry.
    pub async fn run_words<W: AsRef<str>>(&mut self, words: &[W]) -> Result<Exit, CliError> {
        loop {
            let exit = self.run_once(words).await?;
            if !matches!(exit, Exit::Store | Exit::Model) || !self.ask_retry().await? {
                return Ok(exit);
            }
        }
    }

    /// Asks whether to retry.
    async fn ask_retry(&self) -> Result<bool, CliError> {
        let items = ["try again, once it is mended or started".to_owned(), "back".to_owned()];
        Ok(prompt::ask_one_of(&self.context.terminal, "what now?", &items, 0, HINT).await? == Some(0))
    }

    async fn run_once<W: AsRef<str>>(&mut self, words: &[W]) -> Result<Exit, CliError> {
        Ok(self.try_words(words).await?.unwrap_or_else(|error| {
            self.report_error(&error);
            error.exit
        }))
    }

    /// Runs a command and prints it; the inner error is not reported. Only an interruption is an outer error.
    pub async fn try_words<W: AsRef<str>>(&mut self, words: &[W]) -> Result<Result<Exit, CliError>, CliError> {
        let line = self.build_line(words);
        let cli = match Cli::try_parse_from(["convoke".to_owned()].iter().chain(&line)) {
            Ok(cli) => cli,
            Err(error) => {
                let text = error.to_string();
                let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
                return Ok(Err(CliError::usage(message)));
            }
        };
        let Some(command) = cli.command else { return Ok(Ok(Exit::Done)) };
        let yes = self.context.global.yes || cli.global.yes;
        let mut context = self.context.with_line(line.clone(), Global { yes, ..self.context.global.clone() });
        if matches!(command, Command::Login(_)) {
            context.identity = OnceLock::new();
        }
        self.busy.store(is_busy(&command), Ordering::Relaxed);
        let done = Box::pin(run_command(&context, &command)).await;
        self.busy.store(false, Ordering::Relaxed);
        match done {
            Ok(exit @ (Exit::Interrupt | Exit::Terminate)) => Err(CliError::new(exit, LEFT, "")),
            Ok(exit) => {
                // With these flags the printed line asks no questions.
                let agreed =
                    std::mem::take(&mut *context.terminal.agreed.lock().unwrap_or_else(PoisonError::into_inner));
                self.print_command(&insert_flags(line, agreed));
                self.keep_identity(&command, &context)?;
                Ok(Ok(exit))
            }
            Err(error) if error.exit == Exit::Interrupt => Err(error),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Builds the same command for a shell.
    fn build_line<W: AsRef<str>>(&self, words: &[W]) -> Vec<String> {
        let line: Vec<String> = words.iter().map(|w| w.as_ref().to_owned()).collect();
        let is_login = line.first().is_some_and(|word| word == "login");
        if let Some(store) = self.context.global.store.as_ref().filter(|_| !is_login) {
            return insert_flags(line, ["--store", store]);
        }
        line
    }

    fn print_command(&self, line: &[String]) {
        let pieces = [Piece("the same by hand: ", Look::Dim), Piece(&resume_line(line), Look::Plain)];
        self.context.printer.say_pieces(&pieces);
    }

    /// Keeps the identity of a command that signed in; after `login`, the guide continues in that database.
    fn keep_identity(&mut self, command: &Command, context: &Context) -> Result<(), CliError> {
        let Some(identity) = context.identity.get() else { return Ok(()) };
        if matches!(command, Command::Login(_)) {
            self.context = self.context.signed_in(identity.clone())?;
        } else {
            let _ = self.context.identity.set(identity.clone());
        }
        Ok(())
    }

    /// Prints a text, wrapped to the terminal.
    pub fn say(&self, text: &str) {
        for line in wrap(text, terminal_width()) {
            self.context.printer.say(&line);
        }
    }

    /// Prints an explanation.
    pub fn say_dim(&self, text: &str) {
        for line in wrap(text, terminal_width()) {
            self.context.printer.say_pieces(&[Piece(&line, Look::Dim)]);
        }
    }

    /// Prints lines, wrapped to the terminal; page by page if they do not fit it.
    pub async fn page_lines(&self, lines: &[String]) -> Result<(), CliError> {
        let printer = &self.context.printer;
        let mut wrapped = lines.iter().flat_map(|line| wrap(line, terminal_width()));
        let print = async { Ok(wrapped.try_for_each(|line| printer.out(&line))?) };
        page_output(&self.context.terminal, print).await
    }

    /// Prints problems, each below its line, in the width of the terminal.
    pub fn say_problems(&self, problems: &[Problem]) {
        for problem in problems {
            for line in problem.shown(terminal_width()).lines() {
                // A line of the text has its caret below it, and was cut to fit.
                let lines = if line.contains(" | ") { vec![line.to_owned()] } else { wrap(line, terminal_width()) };
                for line in &lines {
                    self.context.printer.say(line);
                }
            }
        }
    }

    /// Prints the error of a command. A declined confirmation is not an error. A remedy that is a flag is left out,
    /// since nobody can give one here.
    pub fn report_error(&self, error: &CliError) {
        if error.code == "declined" {
            return self.say(&error.message);
        }
        let hint = error.hint.as_deref().filter(|hint| !names_flag(hint));
        self.context.printer.error(&error.message, &error.causes, hint);
    }

    /// Shows mistakes that an answer makes; true if there are none, or the person keeps the answer.
    pub async fn agree_to(&self, wrong: &[Problem]) -> Result<bool, CliError> {
        if wrong.is_empty() {
            return Ok(true);
        }
        self.say_problems(wrong);
        let items = ["answer again", "keep it, and mend the rest later"].map(str::to_owned);
        Ok(prompt::ask_one_of(&self.context.terminal, "what now?", &items, 0, HINT).await? == Some(1))
    }

    /// Asks for a path, which may begin with `~`, and which Tab completes; `None` on Esc or for an empty line.
    pub async fn ask_path(&self, question: &str, text: &str) -> Result<Option<String>, CliError> {
        let typed = prompt::ask_path(&self.context.terminal, self.paths(), question, text, HINT).await?;
        Ok(typed.filter(|path| !path.is_empty()))
    }

    /// Replaces a leading `~` by the home folder.
    pub fn expand_home(&self, path: &str) -> String {
        self.paths().expand_home(path)
    }

    fn paths(&self) -> Paths {
        let home = self.context.world.env.get("HOME").filter(|home| !home.is_empty()).cloned();
        Paths { folder: self.context.world.folder.clone(), home }
    }

    /// Reads from the database; `None` after a reported error. The person can start an unreachable server and retry.
    pub async fn read<T>(&self, read: impl AsyncFn(&Lab) -> Result<T, CliError>) -> Result<Option<T>, CliError> {
        loop {
            let tried = match self.context.reader().await {
                Ok(lab) => read(&lab).await,
                Err(error) => Err(error),
            };
            match tried {
                Ok(found) => return Ok(Some(found)),
                Err(error) if error.exit == Exit::Interrupt => return Err(error),
                Err(error) => {
                    self.report_error(&error);
                    if error.exit != Exit::Store || !self.ask_retry().await? {
                        return Ok(None);
                    }
                }
            }
        }
    }
}

/// Width of the terminal at standard error.
pub fn terminal_width() -> Option<usize> {
    Term::stderr().size_checked().map(|(_, columns)| usize::from(columns).max(20))
}

/// True for a remedy that names a flag outside of a whole command.
fn names_flag(hint: &str) -> bool {
    let outside = hint.split('`').enumerate().filter(|(at, part)| at % 2 == 0 || !part.starts_with("convoke "));
    let mut words = outside.flat_map(|(_, part)| part.split_whitespace());
    words.any(|word| word.starts_with("--") || word == "-o")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_that_is_a_flag_is_of_no_use_here() {
        assert!(names_flag("--force replaces a file; -o PATH names another place"));
        assert!(names_flag("add --yes to say yes") && names_flag("name the user by `--user`"));
        assert!(!names_flag("choose another name or folder"));
        assert!(!names_flag("`convoke run x --retry-failed` tries again"));
    }
}
