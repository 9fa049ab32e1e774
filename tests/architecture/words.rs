//! Words of the code: sentences that begin with a noun or a verb, and names of functions that are more than one word.

use super::source::src;
use std::fs;
use std::path::Path;

/// Beginnings of sentences whose subject a reader must guess.
const HEADLESS: &[&str] =
    &["What", "Who", "Whose", "Whether", "That", "So many", "So much", "How", "One in which", "Those"];
/// Maximum number of headless sentences for each 1,000 lines of comment.
const MOST_HEADLESS: usize = 10;
/// Maximum share of one-word names among functions, in percent.
const MOST_ONE_WORD: usize = 45;

/// Every file of `src`, by path, with its text.
fn texts(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The comments of a text, each with the number of its lines: lines of one kind that follow each other are one comment.
fn comments(text: &str) -> Vec<(usize, String)> {
    let mut comments: Vec<(usize, String)> = Vec::new();
    let mut before = "";
    for line in text.lines().map(str::trim_start) {
        let mark = ["///", "//!", "//"].into_iter().find(|mark| line.starts_with(mark)).unwrap_or("");
        let words = line[mark.len()..].trim();
        let is_new = mark != before || words.is_empty();
        before = mark;
        match comments.last_mut() {
            _ if mark.is_empty() => {}
            Some((lines, comment)) if !is_new => {
                *lines += 1;
                comment.push(' ');
                comment.push_str(words);
            }
            _ => comments.push((1, words.to_owned())),
        }
    }
    comments
}

/// The sentences of a comment that are headless.
fn headless(comment: &str) -> impl Iterator<Item = &str> {
    let begins = |sentence: &str, word: &str| {
        sentence.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '\''))
    };
    let sentences = comment.split_inclusive(". ").map(|sentence| sentence.trim_start_matches(['-', '*', ' ']));
    sentences.filter(move |sentence| HEADLESS.iter().any(|word| begins(sentence, word)))
}

/// The name of a function whose head begins on this line.
fn function(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    loop {
        if let Some(name) = rest.strip_prefix("fn ") {
            return Some(name.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default());
        }
        let modifiers = ["pub ", "pub(crate) ", "pub(super) ", "const ", "async "];
        rest = modifiers.iter().find_map(|modifier| rest.strip_prefix(modifier))?;
    }
}

#[test]
fn sentences_begin_with_a_noun_or_a_verb() {
    let (mut files, mut lines, mut found) = (Vec::new(), 0, Vec::new());
    texts(&src(), &mut files);
    for (path, text) in &files {
        for (number, comment) in comments(text) {
            lines += number;
            found.extend(headless(&comment).map(|sentence| format!("{path}: {sentence}")));
        }
    }
    assert!(found.len() * 1000 <= MOST_HEADLESS * lines, "{} in {lines} lines:\n{}", found.len(), found.join("\n"));
}

#[test]
fn most_functions_are_named_by_more_than_one_word() {
    let (mut files, mut all, mut one_word) = (Vec::new(), 0, 0);
    texts(&src(), &mut files);
    for name in files.iter().flat_map(|(_, text)| text.lines()).filter_map(function) {
        all += 1;
        one_word += usize::from(!name.trim_matches('_').contains('_'));
    }
    assert!(one_word * 100 <= MOST_ONE_WORD * all, "{one_word} of {all}");
}

#[test]
fn headless_sentences_are_found() {
    let found = |text: &str| comments(text).iter().flat_map(|(_, c)| headless(c).map(str::to_owned)).count();
    assert_eq!(found("/// What it does.\n/// A sentence. That\n/// is another.\nlet a = 1;\n// Who knows"), 3);
    assert_eq!(found("/// Whatever. Thatch. The one that speaks.\n//! However it is."), 0);
    assert_eq!(function("    pub(super) async fn next_lane(&self)"), Some("next_lane"));
    assert_eq!(function("let x = fn_of(y);"), None);
}
