//! Prompt files (docs/format.md, "Prompts: files, sections, headings"): a text before the first heading, then sections
//! with conditions; and the text of a section that is sent.
//!
//! This module reads and writes text only. It returns the bytes of each factor and title, and the caller checks that
//! these exist. Line ends are LF here ([`unix_lines`]).
//!
//! | file | come here to … |
//! |---|---|
//! | `span` | see where a section, a condition or a mistake is in a file |
//! | `blocks` | find headings, code fences and comments |
//! | `when` | read and write conditions |
//! | `heading` | read and write a heading |
//!
//! Decisions that docs/format.md leaves open:
//! - `## ` opens a section even inside a comment, so it is an error if a comment does not end within its section.
//! - `\<!--` opens no comment, just as `\<` opens no tag.
//! - A `{…}` without `=` before the end of a heading is part of the title; any other brace that is not the
//!   heading's last part is an error.

use super::experiment::{PromptText, Section};
use std::borrow::Cow;
use std::ops::Range;

mod blocks;
mod heading;
mod span;
#[cfg(test)]
mod tests;
mod when;

pub use blocks::find_comments;
pub use span::{Problem, SectionSpan, WhenSpan};
pub use when::{expression, write_when};

use blocks::Block;

/// A prompt file that was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parsed {
    /// Its text.
    pub text: PromptText,
    /// The place of each section of `text`, in the same order.
    pub sections: Vec<SectionSpan>,
    /// Offset of the starting prompt: 0, or after a byte order mark.
    pub start_offset: usize,
    /// Every mistake, in the order of the file.
    pub problems: Vec<Problem>,
}

/// Replaces CRLF by LF.
pub fn unix_lines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// Reads a prompt file. Every mistake is reported, and the rest of the file is read.
pub fn parse(text: &str) -> Parsed {
    let start_offset = text.len() - text.trim_start_matches('\u{feff}').len();
    let mut parsed = Parsed { start_offset, ..Parsed::default() };
    let mut from = start_offset;
    for block in blocks::of_file(text, start_offset) {
        match block {
            Block::Heading(line) => {
                parsed.close_text(&text[from..line.start]);
                from = text.len().min(line.end + 1);
                parsed.open_section(text, line, from);
            }
            Block::Unclosed(at) => parsed.problems.push(unclosed_comment(at)),
            Block::Comment(_) | Block::Fence => {}
        }
    }
    parsed.close_text(&text[from..]);
    parsed
}

impl Parsed {
    /// Gives the text after the last heading to the section of that heading, or to the starting prompt.
    fn close_text(&mut self, text: &str) {
        match self.text.sections.last_mut() {
            Some(section) => text.clone_into(&mut section.text),
            None => text.clone_into(&mut self.text.start),
        }
    }

    fn open_section(&mut self, file: &str, line: Range<usize>, text: usize) {
        let heading = heading::read(&file[line.clone()], line.start);
        let title = heading.title;
        self.problems.extend(heading.problems);
        self.text.sections.push(Section {
            title: file[title.clone()].to_owned(),
            when: heading.when,
            text: String::new(),
        });
        self.sections.push(SectionSpan { heading: line, title, when: heading.spans, text });
    }
}

fn unclosed_comment(at: usize) -> Problem {
    let hint = "write `-->` before the next `## ` heading, which opens a section even inside a comment \
                (indented by a space it does not); or write `\\<!--` if it is text";
    Problem::new(at..at + 4, "comment-unclosed", "the comment does not end within its section", hint)
}

/// Writes a prompt file. If a text was read without problems, [`parse`] of the written file returns the same text.
/// Before a heading, a missing line end is added.
pub fn render(text: &PromptText) -> String {
    let mut file = text.start.clone();
    for section in &text.sections {
        if !file.is_empty() && !file.ends_with('\n') {
            file.push('\n');
        }
        file.push_str(&heading::write(section));
        file.push_str(&section.text);
    }
    file
}

/// Returns a text as it is sent: without HTML comments, and without blank lines and white space at its edges.
///
/// A comment on lines of its own is removed with these lines. Within a line only the comment is removed, and the spaces
/// around it are kept. Inside a code fence a comment is text. If removal forms a new comment, that is removed too. So a
/// sent text contains no comment, and sending it again changes nothing.
pub fn sent_text(text: &str) -> String {
    let mut sent = Cow::Borrowed(text.trim());
    while let Some(shorter) = without_comments(&sent) {
        sent = Cow::Owned(shorter.trim().to_owned());
    }
    sent.into_owned()
}

/// Removes the comments of a text; `None` if there are none.
fn without_comments(text: &str) -> Option<String> {
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    let mut comments = find_comments(text).peekable();
    comments.peek()?;
    while let Some(comment) = comments.next() {
        kept.push_str(&text[from..comment.start]);
        from = comment.end;
        let line = &kept[kept.rfind('\n').map_or(0, |end| end + 1)..];
        let rest = text[from..].find('\n').map_or(text.len(), |end| from + end + 1);
        let another_follows = comments.peek().is_some_and(|next| next.start < rest);
        if !another_follows && line.trim().is_empty() && text[from..rest].trim().is_empty() {
            kept.truncate(kept.len() - line.len());
            from = rest;
        }
    }
    kept.push_str(&text[from..]);
    Some(kept)
}
