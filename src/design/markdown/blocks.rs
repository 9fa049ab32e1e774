//! Places of headings, code fences and comments in a text. All other readers use them.

use std::ops::Range;

/// A part of a text that is not plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    /// A line `## …` outside fences, without its line end.
    Heading(Range<usize>),
    /// `<!-- … -->` outside fences.
    Comment(Range<usize>),
    /// A code fence.
    Fence,
    /// A `<!--` that does not end before the next heading.
    Unclosed(usize),
}

/// Returns the blocks of a file in order. Byte `from`, at which it starts, must begin a line.
pub(super) fn of_file(text: &str, from: usize) -> impl Iterator<Item = Block> {
    Scanner { text, at: from, begins_line: true, headings: true }
}

/// Returns the comments of one section's text, in which a line `## …` opens no section.
pub fn find_comments(text: &str) -> impl Iterator<Item = Range<usize>> {
    Scanner { text, at: 0, begins_line: true, headings: false }.filter_map(|block| match block {
        Block::Comment(span) => Some(span),
        Block::Heading(_) | Block::Fence | Block::Unclosed(_) => None,
    })
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// True if `at` begins a line; false after a comment.
    begins_line: bool,
    headings: bool,
}

impl Iterator for Scanner<'_> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        while self.at < self.text.len() {
            let end = line_end(self.text, self.at);
            let whole_line = std::mem::replace(&mut self.begins_line, true);
            if let Some((block, end)) = self.at_line_start(end).filter(|_| whole_line) {
                self.at = end + 1;
                return Some(block);
            }
            if let Some(open) = comment_start(&self.text[self.at..end]) {
                return Some(self.read_comment(self.at + open));
            }
            self.at = end + 1;
        }
        None
    }
}

impl Scanner<'_> {
    /// Returns the heading or fence that the line up to `end` opens, and the end of its last line.
    fn at_line_start(&self, end: usize) -> Option<(Block, usize)> {
        let line = &self.text[self.at..end];
        if self.headings && line.starts_with("## ") {
            return Some((Block::Heading(self.at..end), end));
        }
        let end = fence_end(self.text, end, opening_fence(line)?);
        Some((Block::Fence, end))
    }

    /// Returns the comment that opens at `open`, or [`Block::Unclosed`].
    fn read_comment(&mut self, open: usize) -> Block {
        self.begins_line = false;
        let end = comment_end(self.text, open).filter(|&end| !self.headings || !self.text[open..end].contains("\n## "));
        self.at = end.unwrap_or(open + 4);
        end.map_or(Block::Unclosed(open), |end| Block::Comment(open..end))
    }
}

/// Returns the offset at which the line that contains byte `at` ends, before its line break.
fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end)
}

/// Finds the first `<!--` without a backslash before it.
fn comment_start(line: &str) -> Option<usize> {
    line.match_indices("<!--").map(|(at, _)| at).find(|&at| !line[..at].ends_with('\\'))
}

/// Finds the end of the comment that opens at `open`. `<!-->` is a complete comment.
fn comment_end(text: &str, open: usize) -> Option<usize> {
    text[open + 2..].find("-->").map(|end| open + 2 + end + 3)
}

/// Returns the mark of a fence (`CommonMark` §4.5): three or more of one character, up to three spaces from the margin.
/// No backtick may follow a fence of backticks.
fn opening_fence(line: &str) -> Option<&str> {
    let (mark, info) = fence_mark(line)?;
    (!mark.starts_with('`') || !info.contains('`')).then_some(mark)
}

fn fence_mark(line: &str) -> Option<(&str, &str)> {
    let unindented = line.trim_start_matches(' ');
    let sign = unindented.chars().next().filter(|&c| c == '`' || c == '~')?;
    let info = unindented.trim_start_matches(sign);
    let mark = &unindented[..unindented.len() - info.len()];
    (line.len() - unindented.len() <= 3 && mark.len() >= 3).then_some((mark, info))
}

/// Finds the end of a fence whose first line ends at `first_end`: the line that closes it, or the end of the text.
fn fence_end(text: &str, first_end: usize, mark: &str) -> usize {
    let mut at = first_end + 1;
    while at < text.len() {
        let end = line_end(text, at);
        let closes = |(other, info): (&str, &str)| other.starts_with(mark) && info.trim_matches([' ', '\t']).is_empty();
        if fence_mark(&text[at..end]).is_some_and(closes) {
            return end;
        }
        at = end + 1;
    }
    text.len()
}
