//! Mistakes of an experiment, printed for people.

use super::context::Context;
use super::error::CliError;
use super::terminal::printer::{Look, Piece};
use crate::design::{Problem, Severity};
use crate::lab::LabError;

/// Prints problems to standard error: errors always, warnings unless `--quiet`.
pub fn say_problems(context: &Context, problems: &[Problem]) {
    for problem in problems.iter().filter(|p| p.severity == Severity::Error || !context.printer.quiet) {
        context.printer.say_pieces(&pieces(problem, &problem.to_string()));
    }
}

/// Colours the first word of a problem.
pub fn pieces<'a>(problem: &Problem, text: &'a str) -> [Piece<'a>; 2] {
    let (look, length) = if problem.severity == Severity::Error { (Look::Red, 6) } else { (Look::Yellow, 8) };
    let (word, rest) = text.split_at_checked(length).unwrap_or(("", text));
    [Piece(word, look), Piece(rest, Look::Plain)]
}

impl Context {
    /// Converts an error of a use case. Mistakes of an experiment are printed first. With `--json` the error includes
    /// them too, since a program reads only the error.
    pub fn refused(&self, error: LabError) -> CliError {
        let LabError::Wrong { subject, problems } = error else { return error.into() };
        say_problems(self, &problems);
        let all = problems.iter().filter(|_| self.printer.json);
        all.fold(CliError::invalid(format!("{subject}; nothing was written")), |error, p| {
            error.cause(format!("{}:{}:{}: {}", p.path, p.line, p.column, p.message))
        })
    }
}
