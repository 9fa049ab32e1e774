//! The glossary defines terms that are in use, each once.

use crate::source::{files, src};
use std::fs;
use std::path::{Path, PathBuf};

/// The terms that the glossary defines: lines that begin `**term**: `.
fn read_terms(glossary: &str) -> Vec<&str> {
    glossary.lines().filter_map(|line| line.strip_prefix("**")?.split_once("**: ")).map(|(term, _)| term).collect()
}

/// True if a text holds a term as whole words, in the singular or the plural.
fn uses_term(text: &str, term: &str) -> bool {
    let is_end = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(term).any(|(at, _)| {
        let after = &text[at + term.len()..];
        is_end(text[..at].chars().next_back()) && is_end(after.strip_prefix('s').unwrap_or(after).chars().next())
    })
}

/// The texts that use terms: the code, and the documents beside the glossary.
fn read_users(docs: &Path) -> Vec<String> {
    let pages = fs::read_dir(docs).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.is_file() && !path.ends_with("glossary.md"));
    let all: Vec<PathBuf> = files(&src()).into_iter().chain(pages).collect();
    all.iter().map(|path| fs::read_to_string(path).unwrap().to_lowercase()).collect()
}

#[test]
fn every_term_of_the_glossary_is_used() {
    let docs = src().join("../docs");
    let glossary = fs::read_to_string(docs.join("glossary.md")).unwrap();
    let terms = read_terms(&glossary);
    assert!(terms.len() > 40, "{terms:?}");
    assert!(terms.is_sorted_by(|a, b| a < b), "each term once, in alphabetical order: {terms:?}");
    let users = read_users(&docs);
    let unused: Vec<_> = terms.into_iter().filter(|term| !users.iter().any(|text| uses_term(text, term))).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn a_term_is_found_as_whole_words() {
    assert_eq!(read_terms("# G\n\n**lane**: a place.\n**not one** of them\n"), ["lane"]);
    assert!(uses_term("four lanes, all", "lane") && uses_term("a `lane`.", "lane"));
    assert!(!uses_term("a planet of planes", "lane") && !uses_term("lane_of", "possible spend"));
}
