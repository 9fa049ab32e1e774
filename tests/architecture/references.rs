//! References lead somewhere: promises, tests, pages, headings and paths that comments and documents name.

use crate::source::{files, src};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Files of an experiment, which are no pages of the project.
const OF_EXPERIMENTS: &[&str] = &["shared.md", "summarizer.md", "guard.md"];

/// Documents whose paths and tests must exist.
const GUIDED: &[&str] = &["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/contract.md"];

fn root() -> PathBuf {
    src().join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn is_markdown(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "md")
}

/// The documents of the project, by their path.
fn documents() -> Vec<String> {
    let within = |folder: &str| {
        let names = fs::read_dir(root().join(folder)).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        let pages = names.filter(|name| is_markdown(name));
        let mut pages: Vec<String> = pages.map(|name| folder.to_owned() + &name).collect();
        pages.sort();
        pages
    };
    [within(""), within("docs/")].concat()
}

/// The comments of a file: each block as one line, with the number of its first line.
fn comments(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut within = false;
    for (i, line) in text.lines().enumerate() {
        let is_whole = line.trim_start().starts_with("//");
        let comment = if is_whole { Some(line.trim_start()) } else { line.find(" // ").map(|at| &line[at + 1..]) };
        let Some(comment) = comment.map(|c| c.trim_start_matches(['/', '!']).trim()) else {
            within = false;
            continue;
        };
        match found.last_mut().filter(|_| within && is_whole) {
            Some((_, block)) => *block = format!("{block} {comment}"),
            None => found.push((i + 1, comment.to_owned())),
        }
        within = is_whole;
    }
    found
}

/// Comments of all code and lines of all documents, each with its place.
fn texts() -> Vec<(String, String)> {
    let folders = [src(), root().join("tests"), root().join("benches")];
    let mut found = Vec::new();
    for path in folders.iter().flat_map(|folder| files(folder)).filter(|path| !path.ends_with("references.rs")) {
        let place = path.strip_prefix(root()).or_else(|_| path.strip_prefix(src().parent().unwrap())).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        found.extend(comments(&text).into_iter().map(|(n, c)| (format!("{}:{n}", place.display()), c)));
    }
    for page in documents() {
        found.extend(read(&page).lines().enumerate().map(|(i, line)| (format!("{page}:{}", i + 1), line.to_owned())));
    }
    found
}

/// Words of letters and digits that name a promise: `R3a`, `K2`.
fn promises(text: &str) -> Vec<&str> {
    let is_promise = |word: &&str| {
        let digits = word.strip_prefix(['R', 'K', 'S', 'P']).map(|rest| rest.strip_suffix('a').unwrap_or(rest));
        digits.is_some_and(|d| (1..=2).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit()))
    };
    text.split(|c: char| !c.is_alphanumeric()).filter(is_promise).collect()
}

/// The headings of a page without marks and numbers.
fn headings(page: &str) -> BTreeSet<String> {
    let titles = page
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    titles.map(|title| title.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').trim().to_owned()).collect()
}

/// The place of a heading in a link.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect()
}

/// True if a file has a test of this name.
fn has_test(code: &str, name: &str) -> bool {
    let lines: Vec<&str> = code.lines().map(str::trim_start).collect();
    let is_head =
        |line: &&str| line.starts_with(&format!("fn {name}(")) || line.starts_with(&format!("async fn {name}("));
    lines.iter().position(is_head).is_some_and(|at| {
        let above = lines[..at].iter().rev().take_while(|l| l.starts_with("#[") || l.starts_with("//"));
        above.filter(|l| l.starts_with("#[")).any(|l| l.contains("test"))
    })
}

/// Quotations of code in a document outside of blocks: the odd pieces between backticks.
fn quoted(page: &str) -> Vec<String> {
    let outside: Vec<&str> = page.split("\n```").step_by(2).collect();
    outside.iter().flat_map(|text| text.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn every_promise_that_is_cited_holds() {
    let contract = read("docs/contract.md");
    let held = contract.split("\n## Not yet").next().unwrap_or_default();
    let held: BTreeSet<String> =
        headings(held).iter().filter_map(|h| promises(h).first().map(|p| (*p).to_owned())).collect();
    assert!(held.len() > 15, "{held:?}");
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (place, text) in texts().iter().filter(|(place, _)| !place.starts_with("docs/contract.md")) {
        for promise in promises(text) {
            seen += 1;
            wrong.extend((!held.contains(promise)).then(|| format!("{place}: {promise}")));
        }
    }
    assert!(wrong.is_empty(), "docs/contract.md does not hold\n{}", wrong.join("\n"));
    assert!(seen > 50, "only {seen} citations were seen");
}

#[test]
fn every_promise_that_holds_names_a_test() {
    let contract = read("docs/contract.md");
    let held = contract.split("\n## Not yet").next().unwrap_or_default();
    for part in held.split("\n### ").skip(1) {
        let shown = part.split("\n- `").skip(1).count();
        assert!(shown > 0, "nothing shows {}", part.lines().next().unwrap_or_default());
    }
}

#[test]
fn every_path_and_test_that_a_document_names_exists() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in GUIDED {
        for quotation in quoted(&read(page)) {
            let (path, test) = quotation.split_once("::").unwrap_or((&quotation, ""));
            let is_path = path.contains('/') || is_markdown(path);
            if !is_path || path.contains(|c: char| !c.is_ascii() || " :<>*$!".contains(c)) {
                continue;
            }
            seen += 1;
            let found = [root().join(path), src().join(path)].into_iter().find(|path| path.exists());
            let is_there = match &found {
                Some(file) => test.is_empty() || has_test(&fs::read_to_string(file).unwrap(), test),
                None => false,
            };
            wrong.extend((!is_there).then(|| format!("{page}: `{quotation}`")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(seen > 100, "only {seen} paths were seen");
}

#[test]
fn every_page_that_is_named_exists() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (place, text) in texts() {
        let folder = Path::new(&place).parent().unwrap_or(Path::new("")).to_owned();
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
        for word in text.split(|c: char| !is_part(c)).map(|word| word.trim_end_matches('.')) {
            let is_page = word.len() > 3 && is_markdown(word) && !word.contains("roles/") && !word.contains("NAME");
            if !is_page || OF_EXPERIMENTS.iter().any(|file| Path::new(word).ends_with(file)) {
                continue;
            }
            seen += 1;
            let is_there = [root().join(word), root().join(folder.join(word))].iter().any(|path| path.exists());
            wrong.extend((!is_there).then(|| format!("{place}: {word}")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(seen > 20, "only {seen} names were seen");
}

/// A heading is named as `docs/format.md, "Title"`. Numbers of sections are within their own page only.
#[test]
fn every_heading_that_is_named_exists() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (place, text) in texts() {
        for (at, page) in text.match_indices(".md, \"") {
            let name = text[..at].rsplit(|c: char| c.is_whitespace() || "(`".contains(c)).next().unwrap_or_default();
            let title = text[at + page.len()..].split('"').next().unwrap_or_default();
            seen += 1;
            let is_there = headings(&read(&format!("{name}.md"))).contains(title);
            wrong.extend((!is_there).then(|| format!("{place}: {name}.md, \"{title}\"")));
        }
        for number in text.split('§').skip(1).map(|after| after.split(|c: char| !c.is_ascii_digit()).next()) {
            let heading = format!("\n## {}. ", number.unwrap_or_default());
            let is_own =
                place.starts_with("docs/") && read(place.split(':').next().unwrap_or_default()).contains(&heading);
            wrong.extend((!is_own && !text.contains("CommonMark")).then(|| format!("{place}: a section's number")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(seen > 5, "only {seen} headings were named");
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut wrong = Vec::new();
    for page in documents() {
        let text = read(&page);
        for link in text.split("](").skip(1).filter_map(|after| after.split(')').next()) {
            if link.contains("://") || link.is_empty() {
                continue;
            }
            let (file, place) = link.split_once('#').unwrap_or((link, ""));
            let folder = Path::new(&page).parent().unwrap_or(Path::new("")).to_owned();
            let target = if file.is_empty() { root().join(&page) } else { root().join(folder.join(file)) };
            let known = || -> BTreeSet<String> {
                let text = fs::read_to_string(&target).unwrap();
                let titles = text.lines().filter(|line| line.starts_with('#'));
                titles.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
            };
            let is_there = target.exists() && (place.is_empty() || known().contains(place));
            wrong.extend((!is_there).then(|| format!("{page}: {link}")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Plans and orders of work are no part of the project, so no text refers to their numbers.
#[test]
fn no_comment_names_a_plan() {
    let names_number = |text: &str, word: &str| {
        text.to_lowercase().split(word).skip(1).any(|after| {
            let after = after.strip_prefix('s').unwrap_or(after).trim_start();
            after.starts_with(|c: char| c.is_ascii_digit())
        })
    };
    let named = |text: &str| names_number(text, "decision ") || names_number(text, "issue ");
    let wrong: Vec<String> =
        texts().into_iter().filter(|(_, text)| named(text)).map(|(p, t)| format!("{p}: {t}")).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn references_are_read() {
    assert_eq!(promises("contract R3a, (S1–S3); SHA256 of P, R, K12x"), ["R3a", "S1", "S3"]);
    let code = "//! One\n//! two.\nfn f() {} // three\n    // four\n    // five\n";
    let found: Vec<_> = comments(code).into_iter().map(|(line, text)| format!("{line} {text}")).collect();
    assert_eq!(found, ["1 One two.", "3 three", "4 four five"]);
    assert_eq!(
        headings("# A\n## 11. What is kept\n####x\n"),
        BTreeSet::from(["A".to_owned(), "What is kept".to_owned()])
    );
    assert_eq!(anchor("11. What is kept"), "11-what-is-kept");
    assert!(
        has_test("#[test]\n/// Why.\nfn a() {}\nfn b() {}", "a") && !has_test("#[test]\nfn a() {}\nfn b() {}", "b")
    );
    assert_eq!(quoted("`a/b`, x `c`\n```sh\n`no`\n```\n`d`"), ["a/b", "c", "d"]);
}
