//! Questions that several parts of the guide share: titles and texts.
//!
//! Each receives the previous answer and returns the new one; `None` if the person goes back.

use super::session::{Guide, HINT, terminal_width};
use crate::cli::commands::show::placeholders;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::prompt::{self, LineEffect};
use crate::design::{Problem, Role, Severity, markdown};
use std::sync::{Arc, Mutex, PoisonError};

/// Splits a line at commas.
pub fn split_list(line: &str) -> Vec<String> {
    line.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// Asks for section titles in one line, starting with `before`.
pub async fn titles(guide: &Guide, question: &str, before: &[String]) -> Result<Option<Vec<String>>, CliError> {
    let mut written = before.join(", ");
    loop {
        let Some(line) = prompt::ask_line(&guide.context.terminal, question, &written, HINT).await? else {
            return Ok(None);
        };
        match parse_titles(&line) {
            Ok(titles) => return Ok(Some(titles)),
            Err(why) => guide.say(&why),
        }
        written = line;
    }
}

/// Parses the titles of a line: trimmed, `_` replaced by a space, the first letter in upper case.
pub fn parse_titles(line: &str) -> Result<Vec<String>, String> {
    let mut titles: Vec<String> = Vec::new();
    for title in split_list(line).iter().map(|written| format_title(written)) {
        if let Some(why) = bad_title(&title) {
            return Err(format!("`{title}` cannot be a title: {why}"));
        }
        if titles.contains(&title) {
            return Err(format!("`{title}` stands twice: name each section once"));
        }
        titles.push(title);
    }
    if titles.is_empty() {
        Err("at least one title is needed, as in: goal, personality".to_owned())
    } else {
        Ok(titles)
    }
}

fn format_title(written: &str) -> String {
    let spaced = written.replace('_', " ");
    let mut letters = spaced.trim().chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}", letters.as_str())
}

/// Explains why a flag could not name a section with this title; `None` if it could.
fn bad_title(title: &str) -> Option<&'static str> {
    if title.contains('=') {
        return Some("it holds `=`");
    }
    let parsed = markdown::parse(&format!("## {title}\n"));
    let same = parsed.text.sections.first().is_some_and(|s| s.title == title && s.when.is_empty());
    (!same || !parsed.problems.is_empty() || title.contains(['{', '}'])).then_some("it could not be read back")
}

/// A function that saves lines.
pub type Keep = Arc<dyn Fn(&[String]) + Send + Sync>;

/// A question for a text.
#[expect(clippy::struct_field_names, reason = "it is the text of a text")]
pub struct Text<'a> {
    /// Its name, as in `guard: Goal`.
    pub name: &'a str,
    /// The current text.
    pub text: &'a str,
    /// True if the person left it empty before, on purpose.
    pub left_empty: bool,
    /// Unfinished lines of an earlier attempt.
    pub typed: Option<Vec<String>>,
    /// Menu item with which the person makes versions of the text; `None` if the text cannot have versions.
    pub versions: Option<&'static str>,
    /// The roles whose placeholders the text may use.
    pub roles: &'a [Role],
    /// True if its reader has a name (`<AGENT_NAME>`).
    pub named: bool,
    /// Returns the mistakes of a text; lines are counted within it.
    pub check: &'a (dyn Fn(&str) -> Vec<Problem> + Sync),
    /// Saves the lines of an unfinished text.
    pub keep: Keep,
}

/// The answer to a question for a text.
pub enum Written {
    /// The text.
    Text(String),
    /// The text, of which versions are wanted.
    Versions(String),
    /// The person goes back; these lines are unfinished.
    Back(Vec<String>),
}

/// A way to enter a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Keep,
    GoOn,
    Type,
    Add,
    Correct,
    Editor,
    Empty,
    Versions,
    Tags,
}

impl Way {
    fn describe_way(self, text: &str, typed: usize, versions: &str) -> String {
        match self {
            Self::Keep => format!("keep it: {}", text.split_whitespace().collect::<Vec<_>>().join(" ")),
            Self::GoOn => format!("go on typing (lines so far: {typed})"),
            Self::Type if text.is_empty() => "type it here".to_owned(),
            Self::Type => "type it anew".to_owned(),
            Self::Add => "add lines to it".to_owned(),
            Self::Correct => "correct a line".to_owned(),
            Self::Editor => "in your editor".to_owned(),
            Self::Empty if text.is_empty() => "leave empty".to_owned(),
            Self::Empty => "make it empty".to_owned(),
            Self::Versions => versions.to_owned(),
            Self::Tags => "show the placeholders".to_owned(),
        }
    }
}

/// Asks for a text: typed as lines up to a lone `.`, or in the person's editor. Mistakes are shown at once and offered
/// for correction.
pub async fn text(guide: &Guide, asked: Text<'_>) -> Result<Written, CliError> {
    let mut typed = asked.typed.clone().filter(|lines| !lines.is_empty());
    let mut now = asked.text.to_owned();
    let lines_of = |text: &str| text.lines().map(str::to_owned).collect::<Vec<String>>();
    loop {
        let Some(way) = ask_way(guide, &asked, &now, typed.as_ref().map_or(0, Vec::len)).await? else {
            let wrong = if now == asked.text { Vec::new() } else { lines_of(&now) };
            return Ok(Written::Back(typed.unwrap_or(wrong)));
        };
        let written = match way {
            Way::Keep => Some(now.clone()),
            Way::Empty => Some(String::new()),
            Way::Versions => return Ok(Written::Versions(now)),
            Way::Tags => {
                guide.page_lines(&list_placeholders(asked.roles, asked.named)).await?;
                None
            }
            Way::Editor => edit_text(guide, &now).await?,
            Way::Correct => correct_line(guide, &now).await?,
            Way::Type | Way::Add | Way::GoOn => {
                let already = if way == Way::GoOn { typed.take().unwrap_or_default() } else { lines_of(&now) };
                let already = if way == Way::Type { Vec::new() } else { already };
                match ask_lines(guide, &asked, already).await? {
                    Ok(text) => Some(text),
                    Err(so_far) => {
                        typed = Some(so_far).filter(|lines| !lines.is_empty());
                        None
                    }
                }
            }
        };
        let Some(written) = written else { continue };
        typed = None;
        match correct_problems(guide, &asked, written.trim_end().to_owned()).await? {
            Ok(right) => return Ok(Written::Text(right)),
            Err(wrong) => now = wrong,
        }
        (asked.keep)(&lines_of(&now));
    }
}

async fn ask_way(guide: &Guide, asked: &Text<'_>, text: &str, typed: usize) -> Result<Option<Way>, CliError> {
    let first: &[Way] = if text.is_empty() {
        &[Way::Type, Way::Editor, Way::Empty]
    } else {
        &[Way::Keep, Way::Correct, Way::Add, Way::Editor, Way::Type, Way::Empty]
    };
    let mut ways: Vec<Way> = (typed > 0).then_some(Way::GoOn).into_iter().chain(first.iter().copied()).collect();
    ways.extend(asked.versions.map(|_| Way::Versions).into_iter().chain([Way::Tags]));
    let versions = asked.versions.unwrap_or_default();
    let items: Vec<String> = ways.iter().map(|way| way.describe_way(text, typed, versions)).collect();
    let empty = ways.iter().position(|way| *way == Way::Empty).filter(|_| asked.left_empty && typed == 0);
    let chosen = prompt::ask_one_of(&guide.context.terminal, asked.name, &items, empty.unwrap_or(0), HINT).await?;
    Ok(chosen.map(|at| ways.swap_remove(at)))
}

/// Asks for lines up to a lone `.`, after the `already` typed ones; `Err` returns the lines if the person goes back.
async fn ask_lines(
    guide: &Guide,
    asked: &Text<'_>,
    already: Vec<String>,
) -> Result<Result<String, Vec<String>>, CliError> {
    guide.say("Type the text. A line with nothing but . ends it; Esc goes back.");
    for line in &already {
        guide.context.printer.say(&format!("  {line}"));
    }
    let keep = Arc::clone(&asked.keep);
    let so_far = Arc::new(Mutex::new(already.clone()));
    let seen = Arc::clone(&so_far);
    let kept = move |lines: &[String]| {
        keep(lines);
        *seen.lock().unwrap_or_else(PoisonError::into_inner) = lines.to_vec();
        LineEffect::Keep
    };
    let text =
        prompt::ask_lines(&guide.context.terminal, asked.name, already, kept).await?.map(|lines| lines.join("\n"));
    Ok(text.ok_or_else(|| so_far.lock().unwrap_or_else(PoisonError::into_inner).clone()))
}

/// Asks for one line of a text and changes it. Esc at the line goes back to the choice of the line.
async fn correct_line(guide: &Guide, text: &str) -> Result<Option<String>, CliError> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut at = 0;
    loop {
        if lines.len() > 1 {
            match prompt::ask_one_of(&guide.context.terminal, "which line?", &lines, at, HINT).await? {
                Some(chosen) => at = chosen,
                None => return Ok(None),
            }
        }
        let question = format!("line {}", at + 1);
        match prompt::ask_line(&guide.context.terminal, &question, &lines[at], HINT).await? {
            Some(line) => {
                lines[at] = line;
                return Ok(Some(lines.join("\n")));
            }
            None if lines.len() > 1 => {}
            None => return Ok(None),
        }
    }
}

/// Opens the person's editor on a text; `None` without a change, or after a reported failure.
async fn edit_text(guide: &Guide, text: &str) -> Result<Option<String>, CliError> {
    match prompt::open_editor(&guide.context.terminal, text, HINT).await {
        Err(error) if error.exit != Exit::Interrupt => {
            guide.report_error(&error);
            Ok(None)
        }
        edited => edited,
    }
}

/// Shows mistakes and asks for the faulty line until the text is right. `Err` returns the text if the person gives up.
async fn correct_problems(
    guide: &Guide,
    asked: &Text<'_>,
    mut text: String,
) -> Result<Result<String, String>, CliError> {
    loop {
        let problems = (asked.check)(&text);
        guide.say_problems(&problems);
        let Some(wrong) = problems.into_iter().find(|p| p.severity == Severity::Error) else { return Ok(Ok(text)) };
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let at = wrong.line.checked_sub(1).filter(|at| *at < lines.len());
        let Some(at) = at.or((lines.len() == 1).then_some(0)) else { return Ok(Err(text)) };
        (asked.keep)(&lines);
        let question = format!("line {}", at + 1);
        let Some(line) = prompt::ask_line(&guide.context.terminal, &question, &lines[at], HINT).await? else {
            return Ok(Err(text));
        };
        lines[at] = line;
        lines.join("\n").trim_end().clone_into(&mut text);
    }
}

/// Lists all placeholders of these roles, with their replacement for one and for several agents.
pub fn list_placeholders(roles: &[Role], named: bool) -> Vec<String> {
    let mut lines = vec!["What a text may hold, and what is read in its place:".to_owned()];
    lines.extend(placeholders(roles, terminal_width()));
    lines.extend(named.then(|| "<AGENT_NAME> is the agent's own name.".to_owned()));
    lines.push("Any verb may stand for `make`, in its base form. \\<X> is the text <X> itself.".to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_trimmed_and_begin_with_a_capital() {
        assert_eq!(
            parse_titles("goal, personality, communication_rules, AI rules, élan, 規則"),
            Ok(["Goal", "Personality", "Communication rules", "AI rules", "Élan", "規則"].map(str::to_owned).to_vec())
        );
        assert!(parse_titles("goal, Goal").is_err_and(|why| why.contains("twice")));
        for wrong in ["", " , ", "a=b", "goal {x=y}", "goal {x}"] {
            assert!(parse_titles(wrong).is_err(), "{wrong}");
        }
    }
}
