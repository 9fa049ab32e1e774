//! Headings: `## Title {conditions}`.

use super::super::experiment::{Section, When};
use super::span::{Problem, WhenSpan};
use super::when::{self, write_when};
use std::ops::Range;

/// A heading that was read. Spans are bytes of the file.
pub(super) struct Heading {
    pub(super) title: Range<usize>,
    pub(super) when: Vec<When>,
    pub(super) spans: Vec<WhenSpan>,
    pub(super) problems: Vec<Problem>,
}

/// Reads the line of a heading, which begins at byte `offset` of the file with `## `.
pub(super) fn read(line: &str, offset: usize) -> Heading {
    let whole = trim_range(line, 3..line.len());
    let braces = last_braces(line, whole.clone());
    let title = trim_range(line, whole.start..braces.as_ref().map_or(whole.end, |braces| braces.start));
    let mut problems = title_problems(line, title.clone(), offset);
    let mut read = when::Read::default();
    if let Some(braces) = braces {
        read = when::read(&line[braces.start + 1..braces.end - 1], offset + braces.start + 1);
        if read.is_blank() {
            let span = offset + braces.start..offset + braces.end;
            let hint = "write `{factor=level}`, or leave the braces out";
            problems.push(Problem::new(span, "heading-condition", "the braces hold no condition", hint));
        }
    }
    problems.append(&mut read.problems);
    let title = offset + title.start..offset + title.end;
    Heading { title, when: read.when, spans: read.spans, problems }
}

/// Writes a heading's line, line end included.
pub(super) fn write(section: &Section) -> String {
    if section.when.is_empty() {
        return format!("## {}\n", section.title);
    }
    format!("## {} {{{}}}\n", section.title, write_when(&section.when))
}

fn trim_range(line: &str, part: Range<usize>) -> Range<usize> {
    let text = &line[part.clone()];
    let start = part.start + text.len() - text.trim_start().len();
    start..start + text.trim().len()
}

/// Finds the braces that end a heading: the first `{` whose `}` outside quotes is the last character.
fn last_braces(line: &str, whole: Range<usize>) -> Option<Range<usize>> {
    let text = &line[whole.clone()];
    let opens = text.match_indices('{').map(|(at, _)| at);
    let found = opens
        .into_iter()
        .find(|&open| when::find_closing(&text[open + 1..]).is_some_and(|len| open + len + 2 == text.len()));
    found.map(|open| whole.start + open..whole.end)
}

fn title_problems(line: &str, title: Range<usize>, offset: usize) -> Vec<Problem> {
    let text = &line[title.clone()];
    let span = offset + title.start..offset + title.end;
    let mut problems = Vec::new();
    if text.is_empty() {
        let hint = "write a title after `## `";
        problems.push(Problem::new(offset..offset + line.len(), "heading-empty", "the heading has no title", hint));
    }
    if let Some(at) = text.find("<!--") {
        let span = span.start + at..span.start + at + 4;
        let hint = "put the comment under the heading";
        problems.push(Problem::new(span, "heading-comment", "a comment in a heading would be sent", hint));
    }
    if let Some((at, message)) = wrong_brace(text) {
        let span = span.start + at..span.start + at + 1;
        let hint = "conditions are one `{factor=level}` at the end of the heading, quotes closed";
        problems.push(Problem::new(span, "heading-braces", message, hint));
    }
    problems
}

/// Returns the reason why conditions were read as a part of the title.
fn unread_conditions(rest: &str) -> &'static str {
    let quotes = rest.matches('"').count() - rest.matches("\\\"").count();
    if quotes % 2 == 1 { "conditions with a quote that is not closed" } else { "conditions before the heading's end" }
}

/// Finds a brace that a title may not contain. A title may contain only pairs of braces without `=` inside.
fn wrong_brace(title: &str) -> Option<(usize, &'static str)> {
    let mut open = Vec::new();
    for (at, c) in title.char_indices() {
        match c {
            '{' => open.push(at),
            '}' if open.pop().is_none() => return Some((at, "a `}` without its `{`")),
            '=' if !open.is_empty() => return open.pop().map(|at| (at, unread_conditions(&title[at..]))),
            _ => {}
        }
    }
    open.pop().map(|at| (at, "a `{` that is not closed"))
}
