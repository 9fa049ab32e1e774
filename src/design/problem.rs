//! Mistakes in an experiment, each with its file, line, column, a caret and a remedy. An obstacle is a mistake that
//! prevents planning.

use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::ops::Range;
use unicode_width::UnicodeWidthChar;

/// The severity of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The experiment cannot be run.
    Error,
    /// The experiment can be run, but this part is probably not intended.
    Warning,
}

/// One mistake or probable mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Its severity.
    pub severity: Severity,
    /// A stable word for programs.
    pub code: &'static str,
    /// File within the experiment's folder.
    pub path: String,
    /// Number of the line, from 1; 0 = the file as a whole.
    pub line: usize,
    /// Number of the character in the line, from 1; 0 = the line as a whole.
    pub column: usize,
    /// The mistake, as a fragment of a sentence.
    pub message: String,
    /// The remedy.
    pub hint: Option<String>,
    /// The line and the number of wrong characters, for the caret.
    #[serde(skip)]
    pub excerpt: Option<(String, usize)>,
}

/// Writes the problem as text: `error: …`, the place, the line with a caret, the remedy.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(None))
    }
}

impl Problem {
    /// Returns the problem as text for a screen with this number of columns. A long line is cut to the part around the
    /// caret.
    pub fn shown(&self, columns: Option<usize>) -> String {
        const WIDEST: usize = 160;
        let word = if self.severity == Severity::Error { "error" } else { "warning" };
        let mut shown = format!("{word}: {}\n  --> {}", self.message, self.path);
        if self.line > 0 {
            let _ = write!(shown, ":{}:{}", self.line, self.column);
        }
        if let Some((line, width)) = &self.excerpt {
            let number = self.line.to_string();
            let gutter = " ".repeat(number.len());
            // A space, ` | ` and an ellipsis at each end need room beside the line number.
            let room = columns.map_or(WIDEST, |columns| columns.saturating_sub(number.len() + 7).clamp(8, WIDEST));
            let Window { line, indent, width } = cut_window(line, self.column.saturating_sub(1), (*width).max(1), room);
            let _ = write!(shown, "\n {gutter} |\n {number} | {line}\n {gutter} | {indent}{}", "^".repeat(width));
        }
        if let Some(hint) = &self.hint {
            let _ = write!(shown, "\n  hint: {hint}");
        }
        shown
    }
}

struct Window {
    line: String,
    /// White space as wide as the text before the mistake.
    indent: String,
    width: usize,
}

/// Cuts a line to `room` columns around the `width` characters at `start`. A character may need two columns, or none if
/// it combines with the character before it.
fn cut_window(line: &str, start: usize, width: usize, room: usize) -> Window {
    let columns = |c: &char| c.width().unwrap_or(1);
    let all: Vec<char> = line.chars().collect();
    let start = start.min(all.len());
    let mut from = 0;
    if all.iter().map(columns).sum::<usize>() > room {
        // The mistake is left of the middle, so that more of the text after it is shown.
        let mut before = 0;
        from = start;
        while from > 0 && before + columns(&all[from - 1]) <= room * 3 / 8 {
            from -= 1;
            before += columns(&all[from]);
        }
    }
    let mut to = from;
    let mut used = 0;
    while to < all.len() && used + columns(&all[to]) <= room {
        used += columns(&all[to]);
        to += 1;
    }
    let (head, tail) = (if from > 0 { "…" } else { "" }, if to < all.len() { "…" } else { "" });
    let under = |c: &char| if *c == '\t' { "\t".to_owned() } else { " ".repeat(columns(c)) };
    let indent: String = all[from..start].iter().map(under).collect();
    let meant: usize = all[start..(start + width).min(to).max(start)].iter().map(columns).sum();
    Window {
        line: format!("{head}{}{tail}", all[from..to].iter().collect::<String>()),
        indent: format!("{}{indent}", if from > 0 { " " } else { "" }),
        width: meant.max(1),
    }
}

/// A list of problems. A problem that occurs again at the same place is not added.
#[derive(Debug, Default)]
pub struct Problems {
    list: Vec<Problem>,
    seen: BTreeSet<(String, usize, usize, &'static str, String)>,
}

impl Problems {
    /// Adds a problem at bytes `span` of `text`, the text of `path`.
    pub fn at(
        &mut self,
        severity: Severity,
        code: &'static str,
        (path, text, span): (&str, &str, Range<usize>),
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        let place = Place::from_span(text, span);
        self.push(Problem {
            severity,
            code,
            path: path.to_owned(),
            line: place.line,
            column: place.column,
            message: message.into(),
            hint: hint.into(),
            excerpt: Some((place.excerpt, place.width)),
        });
    }

    /// Adds a problem of a file as a whole.
    pub fn of_file(
        &mut self,
        severity: Severity,
        code: &'static str,
        path: &str,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        let (message, hint) = (message.into(), hint.into());
        self.push(Problem { severity, code, path: path.to_owned(), line: 0, column: 0, message, hint, excerpt: None });
    }

    fn push(&mut self, problem: Problem) {
        let name = (problem.path.clone(), problem.line, problem.column, problem.code, problem.message.clone());
        if self.seen.insert(name) {
            self.list.push(problem);
        }
    }

    /// Returns true if any problem is an error.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|p| p.severity == Severity::Error)
    }

    /// Returns all problems: errors first, then by file and place.
    pub fn sorted(mut self) -> Vec<Problem> {
        self.list.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        self.list
    }
}

fn sort_key(p: &Problem) -> (Severity, bool, &str, usize, usize) {
    (p.severity, p.path != "experiment.toml", &p.path, p.line, p.column)
}

struct Place {
    line: usize,
    column: usize,
    excerpt: String,
    width: usize,
}

impl Place {
    fn from_span(text: &str, span: Range<usize>) -> Self {
        let start = char_boundary(text, span.start);
        let end = char_boundary(text, span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        Self {
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            excerpt: text[line_start..line_end].to_owned(),
            width: text[start..end.min(line_end).max(start)].chars().count(),
        }
    }
}

fn char_boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

/// An error that prevents planning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// A stable word for programs.
    pub code: &'static str,
    /// Dotted path in `experiment.toml`; empty if a flag is wrong.
    pub at: String,
    /// The error, as a fragment of a sentence.
    pub message: String,
    /// The remedy.
    pub hint: Option<String>,
    /// True if the mistake is in a flag, not in the experiment.
    pub usage: bool,
}

impl Obstacle {
    /// Creates an error of the experiment.
    pub fn new(code: &'static str, at: impl Into<String>, message: String, hint: impl Into<Option<String>>) -> Self {
        Self { code, at: at.into(), message, hint: hint.into(), usage: false }
    }

    /// Creates an error of a flag.
    pub fn usage(message: String, hint: impl Into<Option<String>>) -> Self {
        Self { code: "usage", at: String::new(), message, hint: hint.into(), usage: true }
    }
}

/// Returns `did you mean …?` for the nearest known word; `None` if no known word is near.
pub fn did_you_mean<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    find_nearest(word, known).map(|near| format!("did you mean `{near}`?"))
}

/// Finds the known word that is nearest to a word; `None` if no known word is near.
pub fn find_nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_lowercase();
    known
        .map(|k| (strsim::damerau_levenshtein(&folded, &k.to_lowercase()), k))
        .filter(|(distance, k)| *distance <= 1 + k.chars().count() / 3 && *distance < folded.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_width::UnicodeWidthStr;

    #[test]
    fn a_problem_shows_its_place() {
        let mut problems = Problems::default();
        let text = "a = 1\nßß = \"x\"\n";
        let at = text.find('=').map_or(0, |_| text.find("\"x\"").unwrap_or(0));
        problems.at(Severity::Error, "c", ("f.toml", text, at..at + 3), "wrong", Some("right".to_owned()));
        problems.at(Severity::Error, "c", ("f.toml", text, at..at + 3), "wrong", None);
        let all = problems.sorted();
        assert_eq!(all.len(), 1);
        insta::assert_snapshot!(all[0].to_string());
    }

    #[test]
    fn a_caret_stands_under_what_is_meant_on_a_narrow_screen_too() {
        let line = format!("{} e\u{301}漢字 <GAURD_NOUN> {}", "wide 漢字 ".repeat(9), "and more ".repeat(9));
        for columns in [40, 60, 80, 400] {
            let mut problems = Problems::default();
            let at = line.find('<').map_or(0..0, |at| at..at + 12);
            problems.at(Severity::Error, "c", ("f.md", &line, at), "unknown", None);
            let shown = problems.sorted()[0].shown(Some(columns));
            let lines: Vec<&str> = shown.lines().collect();
            let (text, caret) = (lines[3], lines[4]);
            assert!(text.width() <= columns, "{shown}");
            let before = text.find('<').map(|at| text[..at].width());
            assert_eq!(before, caret.find('^'), "{shown}");
            assert_eq!(caret.matches('^').count(), 12, "{shown}");
        }
    }

    #[test]
    fn the_nearest_word_is_offered_only_when_it_is_near() {
        let known = ["messages", "days", "speakers"];
        assert_eq!(find_nearest("mesages", known.into_iter()), Some("messages"));
        assert_eq!(find_nearest("Speaker", known.into_iter()), Some("speakers"));
        assert_eq!(find_nearest("frobnicate", known.into_iter()), None);
    }
}
