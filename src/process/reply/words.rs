//! Words and sentences of a text, folded for comparison: case, markup and punctuation do not count.

use std::borrow::Cow;
use std::ops::Range;

/// A word and its place.
#[derive(Debug, Clone)]
pub(super) struct Word<'a> {
    /// Lower case, without apostrophes.
    pub(super) fold: Cow<'a, str>,
    /// Range of its bytes in the text.
    pub(super) at: Range<usize>,
}

/// A text read as words.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) text: &'a str,
    pub(super) words: Vec<Word<'a>>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut words = Vec::new();
        let mut at = 0;
        while let Some(skip) = text[at..].find(is_letter) {
            let start = at + skip;
            at = start + length(&text[start..]);
            words.push(Word { fold: fold(&text[start..at]), at: start..at });
        }
        Self { text, words }
    }

    /// Returns the folded word at `index`; empty beyond the end.
    pub(super) fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", |word| &word.fold)
    }

    /// Returns the text before word `index`; at the end, the text after the last word.
    pub(super) fn gap(&self, index: usize) -> &'a str {
        let start = index.checked_sub(1).and_then(|i| self.words.get(i)).map_or(0, |word| word.at.end);
        let end = self.words.get(index).map_or(self.text.len(), |word| word.at.start);
        self.text.get(start..end).unwrap_or("")
    }

    /// True if only spaces and emphasis precede word `index`.
    pub(super) fn joined(&self, index: usize) -> bool {
        self.gap(index).chars().all(|c| matches!(c, ' ' | '\t' | '*' | '_' | '\\' | '#'))
    }

    /// True if `phrase` begins at word `index` without punctuation inside it.
    pub(super) fn reads(&self, index: usize, phrase: &[Cow<'_, str>]) -> bool {
        let end = index + phrase.len();
        end <= self.words.len()
            && self.words[index..end].iter().zip(phrase).all(|(word, known)| word.fold == *known)
            && (index + 1..end).all(|i| self.joined(i))
    }

    /// Returns the sentences, as ranges of words.
    pub(super) fn sentences(&self) -> Vec<Range<usize>> {
        let mut sentences = Vec::new();
        let mut start = 0;
        for index in 1..=self.words.len() {
            if index == self.words.len() || ends_sentence(self.gap(index)) {
                sentences.push(start..index);
                start = index;
            }
        }
        sentences
    }

    /// Returns a number for each word, equal for equal words (FNV-1a: the same on every machine).
    pub(super) fn keys(&self) -> Vec<u64> {
        self.words.iter().map(|word| key(&word.fold)).collect()
    }
}

/// Returns the words of a name or a role.
pub(super) fn phrase(name: &str) -> Vec<Cow<'_, str>> {
    Reading::of(name).words.into_iter().map(|word| word.fold).collect()
}

/// True if the text between two words ends a sentence. A lone full stop is part of a number or a name.
pub(super) fn ends_sentence(gap: &str) -> bool {
    gap != "." && gap.contains(['.', '!', '?', '…', '\n', '\r', '。', '！', '？'])
}

fn key(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Letters, digits, and the marks that scripts of India and others put on letters.
fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36f}')
}

/// True for scripts without spaces between words: each character counts as one.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{a4cf}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Length in bytes of the word at the start of `text`, which begins with a letter.
fn length(text: &str) -> usize {
    let mut end = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if is_ideograph(c) {
            return if at == 0 { c.len_utf8() } else { at };
        }
        let inside = is_letter(c) || (is_apostrophe(c) && chars.peek().is_some_and(|(_, next)| is_letter(*next)));
        if !inside {
            break;
        }
        end = at + c.len_utf8();
    }
    end
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’')
}

fn fold(word: &str) -> Cow<'_, str> {
    if word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(word.chars().filter(|c| !is_apostrophe(*c)).flat_map(char::to_lowercase).collect())
}
