//! Matches over enums of the crate: each variant is named, so that the compiler lists the places of a new one.

use crate::source::Source;
use std::collections::BTreeSet;

/// The variants of these files' enums, each as `Enum::Variant`, and those of enums with words.
#[derive(Default)]
pub struct Variants {
    all: BTreeSet<String>,
    of_words: BTreeSet<String>,
}

impl Variants {
    pub fn new(sources: &[Source]) -> Self {
        let mut variants = Self::default();
        for words in sources.iter().map(Source::words) {
            for at in (0..words.len()).filter(|at| words[*at] == "enum") {
                let has_words =
                    words[..at].rsplit(|word| word == "}").next().is_some_and(|w| w.contains(&"!".to_owned()));
                let Some(open) = words[at..].iter().position(|word| word == "{") else { continue };
                for variant in variants_of(&words[at + open + 1..]) {
                    let variant = format!("{}::{variant}", words[at + 1]);
                    variants.of_words.extend(has_words.then(|| variant.clone()));
                    variants.all.insert(variant);
                }
            }
        }
        variants
    }

    pub fn count(&self) -> (usize, usize) {
        (self.all.len(), self.of_words.len())
    }
}

/// The names of variants in an enum's braces, which are open.
fn variants_of(words: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = words;
    while let Some(first) = rest.first().filter(|word| *word != "}") {
        if first == "#" {
            rest = &rest[1 + at_depth_0(&rest[1..], |words| words[0] != "[").unwrap_or(0).max(1)..];
            rest = &rest[rest.iter().position(|word| word == "]").map_or(0, |at| at + 1)..];
            continue;
        }
        found.push(first.clone());
        let Some(end) = at_depth_0(rest, |words| words[0] == "," || words[0] == "}") else { break };
        rest = &rest[end..];
        rest = rest.strip_prefix(&[",".to_owned()]).unwrap_or(rest);
    }
    found
}

/// Matches with an arm for all else beside arms of these variants: the patterns of each. All else is `_`; of an enum
/// with words a name too.
pub fn catch_alls(source: &Source, variants: &Variants) -> Vec<String> {
    let words = source.words();
    let starts = (0..words.len()).filter(|at| words[*at] == "match");
    let names = |pattern: &[String], known: &BTreeSet<String>| {
        let pattern = pattern.split(|word| word == "if").next().unwrap_or_default();
        let is_foreign = pattern.iter().any(|word| word == "toml");
        !is_foreign && pattern.windows(3).any(|three| three[1] == "::" && known.contains(&three.concat()))
    };
    let mut found = Vec::new();
    for start in starts {
        let patterns = patterns(&words[start + 1..]);
        let any = |known: &BTreeSet<String>| patterns.iter().any(|pattern| names(pattern, known));
        let has = |takes: fn(&str) -> bool| patterns.iter().any(|p| matches!(&p[..], [word] if takes(word)));
        let is_name = |word: &str| word.starts_with(|c: char| c == '_' || c.is_lowercase());
        if any(&variants.all) && has(|word| word == "_") || any(&variants.of_words) && has(is_name) {
            found.push(patterns.iter().map(|p| p.concat()).collect::<Vec<_>>().join(" "));
        }
    }
    found
}

/// The patterns of a match whose value begins here.
fn patterns(words: &[String]) -> Vec<Vec<String>> {
    let Some(open) = at_depth_0(words, |words| words[0] == "{") else { return Vec::new() };
    let mut rest = &words[open + 1..];
    let mut found = Vec::new();
    while rest.first().is_some_and(|word| word != "}") {
        let is_arrow = |words: &[String]| words.len() > 1 && words[0] == "=" && words[1] == ">";
        let Some(arrow) = at_depth_0(rest, is_arrow) else { break };
        found.push(rest[..arrow].to_vec());
        rest = &rest[arrow + 2..];
        if rest.first().is_some_and(|word| word == "{") {
            let end = at_depth_0(&rest[1..], |words| words[0] == "}").map_or(rest.len(), |end| end + 2);
            rest = &rest[end..];
            rest = rest.strip_prefix(&[",".to_owned()]).unwrap_or(rest);
        } else {
            let end = at_depth_0(rest, |words| words[0] == "," || words[0] == "}").unwrap_or(rest.len());
            rest = &rest[end..];
            rest = rest.strip_prefix(&[",".to_owned()]).unwrap_or(rest);
        }
    }
    found
}

/// The first place outside of all brackets at which something holds.
fn at_depth_0(words: &[String], holds: impl Fn(&[String]) -> bool) -> Option<usize> {
    let mut depth = 0_usize;
    for at in 0..words.len() {
        if depth == 0 && holds(&words[at..]) {
            return Some(at);
        }
        match words[at].as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

#[test]
fn arms_for_all_else_are_found() {
    let of = |body: &str| {
        let code = "enum Own { A, #[default] B(u8, u8), C { d: u8 } } words! { pub enum Word { D, E } }";
        let source = Source::of("x.rs", &format!("{code} fn f() {{ {body} }}"));
        let variants = Variants::new(std::slice::from_ref(&source));
        assert_eq!(variants.count(), (5, 2));
        catch_alls(&source, &variants).len()
    };
    assert_eq!(of("match x { Own::A => 1, _ => 2 }"), 1);
    assert_eq!(of("match (x, y) { (Some(Own::B(..)), true) => { 1 } _ => other }"), 1);
    assert_eq!(of("match x { Word::D => 1, other => other.number() }"), 1);
    assert_eq!(of("match x { Own::A => 1, other => other.number() }"), 0, "it passes on what it is");
    assert_eq!(of("match x { Own::A => f(Foreign { a, b }), Own::C { .. } => 2 }"), 0);
    assert_eq!(of("match x { Foreign::A => match y { Own::A => 1, Own::B(..) => 2 }, _ => 2 }"), 0);
    assert_eq!(of("match word { \"a\" => Own::A, _ => Own::B(1, 2) }"), 0);
}
