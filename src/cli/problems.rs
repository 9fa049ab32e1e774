//! Mistakes of an experiment as people read them.

use super::context::Context;
use super::terminal::printer::{Look, Piece};
use crate::design::{Problem, Severity};
use std::path::Path;

/// The problems with their paths as seen from the working folder.
pub fn placed(context: &Context, folder: &Path, problems: &[Problem]) -> Vec<Problem> {
    let folder = folder.strip_prefix(&context.world.folder).unwrap_or(folder);
    let folder = folder.strip_prefix(".").unwrap_or(folder);
    let path = |problem: &Problem| folder.join(Path::new(&problem.path)).display().to_string();
    problems.iter().map(|problem| Problem { path: path(problem), ..problem.clone() }).collect()
}

/// Says problems as talk: errors always, warnings unless `--quiet`.
pub fn say_problems(context: &Context, problems: &[Problem]) {
    for problem in problems.iter().filter(|p| p.severity == Severity::Error || !context.printer.quiet) {
        context.printer.say_pieces(&pieces(problem, &problem.to_string()));
    }
}

/// A problem with its first word in colour.
pub fn pieces<'a>(problem: &Problem, text: &'a str) -> [Piece<'a>; 2] {
    let (look, length) = if problem.severity == Severity::Error { (Look::Red, 6) } else { (Look::Yellow, 8) };
    let (word, rest) = text.split_at_checked(length).unwrap_or(("", text));
    [Piece(word, look), Piece(rest, Look::Plain)]
}
