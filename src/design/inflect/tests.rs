//! Snapshots of guesses. A test fails if a new version of a library changes a guess.

use super::*;
use std::fmt::Write;

const NOUNS: &str = "guard prisoner nurse doctor patient teacher student pupil child man woman person officer \
    policeman policewoman fireman salesperson spokesman chairwoman wife husband thief witness boss hostess waitress \
    heiress actress judge jury juror lawyer attorney secretary deputy spy bully lady ally enemy employee trainee \
    refugee hero potato buffalo wolf elf dwarf chief chef staff police crew sheep fish ox mouse goose alumnus \
    alumna analyst crisis criterion bacterium nurses guards people boy monkey ex-wife bus fox coach hitch Guard GUARD \
    CEO MP human German Chinese Swiss Englishman roommate stepchild grandchild offspring llama AI bot agent2";

const PHRASES: [&str; 22] = [
    "prison guard",
    "prison_guard",
    "head of state",
    "member of staff",
    "person in charge",
    "mother-in-law",
    "Brother-in-Law",
    "commander-in-chief",
    "man-at-arms",
    "passer-by",
    "runner-up",
    "stand-in",
    "go-between",
    "stay-at-home parent",
    "vice-president",
    "union representative",
    "chief of police",
    "old  man",
    " guard ",
    "看守",
    "Wärter",
    "agent 007",
];

const VERBS: &str = "be have do go make say watch teach fix buzz pass carry fly try study play buy lie die tie \
    undergo echo veto forgo see agree guard obey believe persuade need dare use run sit cut read lead can may must \
    shall will should would could might ought BE Make double-check frobnicate quiz bus gas focus";

fn form_table<'a>(words: impl Iterator<Item = &'a str>, form: impl Fn(&str) -> String) -> String {
    words.fold(String::new(), |mut out, word| {
        writeln!(out, "{word} → {}", form(word)).unwrap();
        out
    })
}

#[test]
fn guessed_plurals() {
    insta::assert_snapshot!("plurals", form_table(NOUNS.split_whitespace(), guess_plural));
    insta::assert_snapshot!("plurals_of_phrases", form_table(PHRASES.into_iter(), guess_plural));
}

#[test]
fn guessed_verbs() {
    let both = |verb: &str| format!("{} / {}", third_person(verb), base_for_several(verb));
    insta::assert_snapshot!("verbs", form_table(VERBS.split_whitespace(), both));
}

#[test]
fn what_the_format_promises() {
    for (base, one) in [("make", "makes"), ("be", "is"), ("have", "has"), ("do", "does"), ("go", "goes")] {
        assert_eq!(third_person(base), one);
        assert_eq!(third_person(&base.to_uppercase()), one);
    }
    assert_eq!(third_person("watch"), "watches");
    assert_eq!(third_person("carry"), "carries");
    assert_eq!(third_person("frobnicate"), "frobnicates");
    assert_eq!(base_for_several("BE"), "are");
    assert_eq!(base_for_several("Make"), "make");
    for modal in MODALS {
        assert_eq!(third_person(modal), modal);
    }
}

#[test]
fn possessives_of_nouns() {
    assert_eq!(possessive_one("guard"), "guard's");
    assert_eq!(possessive_one("boss"), "boss's");
    assert_eq!(possessive_several("guards"), "guards'");
    assert_eq!(possessive_several("GUARDS"), "GUARDS'");
    assert_eq!(possessive_several("children"), "children's");
}

#[test]
fn pronouns_are_two() {
    assert_eq!(split_pronouns("he/his"), Some(("he", "his")));
    assert_eq!(split_pronouns(" she / her "), Some(("she", "her")));
    assert_eq!(split_pronouns(GUESSED_PRONOUNS), Some(("they", "their")));
    for wrong in ["he", "he/", "/his", "he/him/his", ""] {
        assert_eq!(split_pronouns(wrong), None, "{wrong}");
    }
}

#[test]
fn odd_words_are_left_standing() {
    assert_eq!(guess_plural(""), "");
    assert_eq!(guess_plural("-"), "-");
    assert_eq!(guess_plural(" - of "), " - ofs ");
    assert_eq!(guess_plural("agent 7"), "agent 7");
    assert_eq!(third_person("die_2"), "die_2s");
}
