//! Properties of cleaning for any string.

use super::super::{clean_plain, clean_speech, health};
use super::{CROWD, GUARD, PRISONER};
use crate::process::Flag;
use proptest::prelude::*;

/// Strings of dangerous pieces in any order, nested and overlapping.
fn dangerous() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<think>",
        "</think>",
        "<thi",
        "nk>",
        "</thi",
        "[THINK]",
        "[/THINK]",
        "<thought>",
        "</thought>",
        "<|channel|>",
        "analysis",
        "final<|message|>",
        "<reasoning>",
        "</reasoning>",
        "<|im",
        "_end|>",
        "<|im_end|>",
        "<|im_start|>",
        "assistant",
        "user",
        "<|user|>",
        "<|",
        "|>",
        "<s>",
        "</s>",
        "<",
        ">",
        "/",
        "[INST]",
        "[/IN",
        "ST]",
        "<<SYS>>",
        "Guard",
        "_117",
        "Guard_117:",
        "Prisoner:",
        "**Prisoner:**",
        "Prison_guard_482:",
        "Guard:",
        "prison guard:",
        "**",
        "_",
        "[",
        "]",
        "#",
        ":",
        "：",
        "\n",
        "\r\n",
        " ",
        ".",
        "?",
        "system",
        "\nsystem",
        "?system",
        "sys",
        "tem",
        "Häftling:",
        "İ",
        "囚人_555",
        "\u{301}",
        "\u{a0}",
        "\u{85}",
        "\"",
        "”",
        "I am the ",
        "the prisoner says, \"",
        "…",
    ]);
    prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cleaning_twice_is_cleaning_once(raw in dangerous()) {
        for scene in [GUARD, PRISONER, CROWD] {
            let once = clean_speech(&raw, &scene);
            let twice = clean_speech(&once.text, &scene);
            prop_assert_eq!(&twice.text, &once.text);
            prop_assert!(twice.flags.iter().all(|flag| *flag == Flag::ThinkingLeft));
        }
        let once = clean_plain(&raw);
        prop_assert_eq!(clean_plain(&once.text).text, once.text);
    }

    #[test]
    fn flags_are_sorted_and_say_whether_anything_changed(raw in dangerous()) {
        let cleaned = clean_speech(&raw, &GUARD);
        prop_assert!(cleaned.flags.is_sorted_by(|a, b| a < b));
        let is_changed = cleaned.flags.iter().any(|flag| *flag != Flag::ThinkingLeft);
        prop_assert_eq!(is_changed, cleaned.text != raw.trim());
    }

    #[test]
    fn health_reads_any_string(raw in prop_oneof![dangerous(), any::<String>()]) {
        let flags = health(&raw, &CROWD);
        prop_assert!(flags.is_sorted_by(|a, b| a < b));
        prop_assert_eq!(flags.contains(&Flag::Empty), raw.trim().is_empty());
    }

    #[test]
    fn any_string_cleans_to_a_fixed_point(raw in any::<String>()) {
        let once = clean_speech(&raw, &CROWD);
        prop_assert_eq!(clean_speech(&once.text, &CROWD).text, once.text);
    }
}
