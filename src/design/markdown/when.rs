//! Conditions such as `a=x|y b="two words"`: in the braces of a heading, in `exclude` and after `--only`.

use super::super::experiment::{Expression, When};
use super::span::{Problem, WhenSpan};
use std::ops::Range;

const CODE: &str = "heading-condition";

/// Conditions that were read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) when: Vec<When>,
    pub(super) spans: Vec<WhenSpan>,
    pub(super) problems: Vec<Problem>,
}

impl Read {
    /// Returns true if the text was blank.
    pub(super) fn is_blank(&self) -> bool {
        self.when.is_empty() && self.problems.is_empty()
    }
}

/// Reads conditions of `exclude` and `--only`: the grammar of headings without braces.
pub fn expression(text: &str) -> Result<Expression, (Range<usize>, String)> {
    let read = read(text, 0);
    if read.is_blank() {
        return Err((0..text.len(), "no condition is written: write `factor=level`".to_owned()));
    }
    match read.problems.into_iter().next() {
        Some(problem) => Err((problem.span, format!("{}: {}", problem.message, problem.hint))),
        None => Ok(Expression { all: read.when }),
    }
}

/// Writes conditions, with quotes where the reader needs them.
pub fn write_when(when: &[When]) -> String {
    let written = when.iter().map(|one| {
        let levels: Vec<String> = one.any.iter().map(|level| quote_word(level, level_needs_quotes(level))).collect();
        format!("{}={}", quote_word(&one.factor, key_needs_quotes(&one.factor)), levels.join("|"))
    });
    written.collect::<Vec<_>>().join(" ")
}

fn quote_word(word: &str, needed: bool) -> String {
    if needed { format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")) } else { word.to_owned() }
}

fn level_needs_quotes(level: &str) -> bool {
    level.is_empty()
        || level.starts_with(['!', '\''])
        || level.ends_with(',')
        || level.contains(|c: char| c.is_whitespace() || "\"|={}".contains(c))
}

fn key_needs_quotes(key: &str) -> bool {
    key.starts_with(['!', '#', '.'])
        || key.ends_with('!')
        || key.contains(|c: char| c.is_whitespace() || "\"|={}".contains(c))
}

/// Returns the number of bytes before the first `}` outside quotes.
pub(super) fn find_closing(text: &str) -> Option<usize> {
    let mut rest = text.char_indices();
    let mut in_quotes = false;
    while let Some((at, c)) = rest.next() {
        match c {
            '"' => in_quotes = !in_quotes,
            '\\' if in_quotes => {
                rest.next();
            }
            '}' if !in_quotes => return Some(at),
            _ => {}
        }
    }
    None
}

/// Reads conditions that begin at byte `offset` of the file. After a mistake it continues with the next word.
pub(super) fn read(text: &str, offset: usize) -> Read {
    let mut reader = Reader { text, offset, at: 0, read: Read::default() };
    while reader.skip_space() {
        let start = reader.at;
        match reader.read_condition() {
            Ok((when, span)) => reader.keep_condition(when, span),
            Err(problem) => {
                reader.read.problems.push(problem);
                reader.skip_word(start);
            }
        }
    }
    reader.read
}

struct Reader<'a> {
    text: &'a str,
    offset: usize,
    at: usize,
    read: Read,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Skips to the next word; false at the end.
    fn skip_space(&mut self) -> bool {
        self.at = self.text.len() - self.rest().trim_start().len();
        self.at < self.text.len()
    }

    /// Skips the whole word that contains the mistake, including a part in quotes.
    fn skip_word(&mut self, start: usize) {
        self.at = self.at.max(start);
        let mut in_quotes = false;
        let end = self.rest().find(|c: char| {
            in_quotes ^= c == '"';
            c.is_whitespace() && !in_quotes
        });
        self.at = end.map_or(self.text.len(), |end| self.at + end);
    }

    fn keep_condition(&mut self, when: When, span: WhenSpan) {
        if self.read.when.iter().any(|known| known.factor == when.factor) {
            let message = format!("`{}` stands twice, and all conditions must hold", when.factor);
            let hint = format!("write the levels once, `{}=a|b`", when.factor);
            self.read.problems.push(Problem::new(span.key, CODE, message, hint));
            return;
        }
        self.read.when.push(when);
        self.read.spans.push(span);
    }

    /// Reads `key=level|level`, ended by white space or the end.
    fn read_condition(&mut self) -> Result<(When, WhenSpan), Problem> {
        let (factor, key) = self.read_key()?;
        let mut when = When { factor, any: Vec::new() };
        let mut span = WhenSpan { key, values: Vec::new() };
        loop {
            let (level, place) = self.read_level()?;
            when.any.push(level);
            span.values.push(place);
            match self.rest().chars().next() {
                Some('|') => self.at += 1,
                Some(c) if !c.is_whitespace() => return Err(self.unexpected_char(c)),
                _ => return Ok((when, span)),
            }
        }
    }

    fn read_key(&mut self) -> Result<(String, Range<usize>), Problem> {
        let start = self.at;
        if self.rest().starts_with('"') {
            let key = self.read_quoted()?;
            let span = self.span_from(start);
            return self.equals_sign(start).map(|()| (key, span));
        }
        let len = self.rest().find(|c: char| c.is_whitespace() || "=\"{}".contains(c));
        self.at = len.map_or(self.text.len(), |len| start + len);
        let key = self.text[start..self.at].to_owned();
        let span = self.span_from(start);
        if let Some((message, hint)) = wrong_key(&key) {
            return Err(Problem::new(span, CODE, message, hint));
        }
        self.equals_sign(start)?;
        Ok((key, span))
    }

    fn equals_sign(&mut self, start: usize) -> Result<(), Problem> {
        if self.rest().starts_with('=') && self.at > start {
            self.at += 1;
            return Ok(());
        }
        let word = self.text[start..].split_whitespace().next().unwrap_or_default();
        let span = self.span_of(start, word.len());
        let spaced = self.rest().trim_start().strip_prefix('=').map(|level| self.text.len() - level.trim_start().len());
        let hint = match spaced {
            Some(_) => "write `factor=level` without spaces around the `=`",
            None => "a condition is `factor=level`; quote a level that has spaces",
        };
        // The text after the stray `=` belongs to the same mistake.
        self.at = spaced.unwrap_or(self.at);
        Err(Problem::new(span, CODE, format!("`{word}` is not a condition"), hint))
    }

    fn read_level(&mut self) -> Result<(String, Range<usize>), Problem> {
        let start = self.at;
        if self.rest().starts_with('"') {
            return self.read_quoted().map(|level| (level, self.span_from(start)));
        }
        let len = self.rest().find(|c: char| c.is_whitespace() || "|=\"{}".contains(c));
        self.at = len.map_or(self.text.len(), |len| start + len);
        let level = self.text[start..self.at].to_owned();
        if let Some(c) = self.rest().chars().next().filter(|&c| level.is_empty() && "={}".contains(c)) {
            return Err(self.unexpected_char(c));
        }
        match wrong_level(&level) {
            Some((message, hint)) => Err(Problem::new(self.span_from(start), CODE, message, hint)),
            None => Ok((level, self.span_from(start))),
        }
    }

    /// Reads a word in double quotes, with `\"` and `\\`.
    fn read_quoted(&mut self) -> Result<String, Problem> {
        let start = self.at;
        let mut word = String::new();
        let mut chars = self.text[start + 1..].char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at = start + at + 2;
                    return Ok(word);
                }
                '\\' => match chars.next() {
                    Some((_, escaped @ ('"' | '\\'))) => word.push(escaped),
                    _ => return Err(self.wrong_escape(start + 1 + at)),
                },
                _ => word.push(c),
            }
        }
        let span = self.span_of(start, self.text.len() - start);
        self.at = self.text.len();
        Err(Problem::new(span, CODE, "the quotes are not closed", "write a `\"` at the end of the level"))
    }

    fn wrong_escape(&self, at: usize) -> Problem {
        let hint = "in quotes `\\\"` is a quote and `\\\\` a backslash";
        Problem::new(self.span_of(at, 1), CODE, "a backslash that escapes nothing", hint)
    }

    fn unexpected_char(&self, c: char) -> Problem {
        let message = format!("`{c}` may not stand here");
        let hint = "put the whole level in double quotes if it is part of it, else a space or `|` between";
        Problem::new(self.span_of(self.at, c.len_utf8()), CODE, message, hint)
    }

    fn span_from(&self, start: usize) -> Range<usize> {
        self.offset + start..self.offset + self.at
    }

    fn span_of(&self, start: usize, len: usize) -> Range<usize> {
        self.offset + start..self.offset + start + len
    }
}

fn wrong_key(key: &str) -> Option<(String, String)> {
    if key.starts_with('!') || key.ends_with('!') {
        return Some(no_negation());
    }
    if key.contains('|') {
        let hint = "put it between levels, without spaces: `factor=a|b`";
        return Some(("`|` is not part of a factor's name".to_owned(), hint.to_owned()));
    }
    let what = match key.chars().next()? {
        '#' => "an id",
        '.' => "a class",
        _ => return None,
    };
    Some((format!("`{key}` is {what}, which headings do not have"), "a condition is `factor=level`".to_owned()))
}

fn wrong_level(level: &str) -> Option<(String, String)> {
    if level.is_empty() {
        return Some((
            "a level is missing".to_owned(),
            "write `factor=level`, or `\"\"` for an empty level".to_owned(),
        ));
    }
    if level.starts_with('!') {
        return Some(no_negation());
    }
    if level.starts_with('\'') {
        let message = format!("`{level}` is not quoted");
        return Some((message, "quotes are double: `\"two words\"`".to_owned()));
    }
    level.ends_with(',').then(|| {
        let hint = "conditions are separated by a space; put the level in double quotes if the comma is part of it";
        (format!("`{level}` ends with a comma"), hint.to_owned())
    })
}

fn no_negation() -> (String, String) {
    ("there is no negation".to_owned(), "name the levels that are meant: `factor=a|b`".to_owned())
}
