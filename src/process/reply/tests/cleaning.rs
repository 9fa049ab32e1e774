//! Cleaning: the remaining text and the flags.

use super::super::{Scene, clean_plain, clean_speech};
use super::{CROWD, GUARD};
use crate::process::Flag::{self, LabelCut, OverrunCut, TemplateToken, ThinkingCut};

type Row<'a> = (&'a str, &'a str, &'a [Flag]);

#[track_caller]
fn cleans(scene: &Scene<'_>, rows: &[Row<'_>]) {
    for (raw, text, flags) in rows {
        let cleaned = clean_speech(raw, scene);
        assert_eq!((cleaned.text.as_str(), cleaned.flags.as_slice()), (*text, *flags), "of {raw:?}");
    }
}

#[test]
fn reasoning_goes() {
    cleans(
        &GUARD,
        &[
            ("<think>He lies.</think>\n\nSit down.", "Sit down.", &[ThinkingCut]),
            ("<thinking>Hm.</thinking>Sit <reasoning>so</reasoning>down.", "Sit down.", &[ThinkingCut]),
            ("<THINK>Hm.</Think>Sit down.", "Sit down.", &[ThinkingCut]),
            ("Sit down. <think>Will he?", "Sit down.", &[ThinkingCut]),
            ("He may lie.\n</think>\nSit down.", "Sit down.", &[ThinkingCut]),
            ("<think>a <think>b</think> c</think> Sit down.", "Sit down.", &[ThinkingCut]),
            ("<think></think>", "", &[ThinkingCut]),
            ("<thi<think>x</think>nk>y</think>Sit down.", "Sit down.", &[ThinkingCut]),
            ("I think <you> lie. 3 < 4 > 2.", "I think <you> lie. 3 < 4 > 2.", &[]),
        ],
    );
}

#[test]
fn template_tokens_go() {
    cleans(
        &GUARD,
        &[
            ("Sit down.<|im_end|>", "Sit down.", &[TemplateToken]),
            ("<|im_start|>assistant\nSit down.<|im_end|>\n", "Sit down.", &[TemplateToken]),
            ("<|start_header_id|>assistant<|end_header_id|>\n\nSit down.<|eot_id|>", "Sit down.", &[TemplateToken]),
            ("<s>[INST] <<SYS>>x<</SYS>> [/INST] Sit down.</s>", "x  Sit down.", &[TemplateToken]),
            ("<start_of_turn>model\nSit down.<end_of_turn>", "Sit down.", &[TemplateToken]),
            ("Sit down.<｜end▁of▁sentence｜>", "Sit down.", &[TemplateToken]),
            ("Sit <|im<|im_end|>_end|>down.", "Sit down.", &[TemplateToken]),
            ("Sit down.<|im_end|>\n<|im_start|>user\nNo.", "Sit down.", &[OverrunCut, TemplateToken]),
            ("Sit down.\n<|user|>\nNo.", "Sit down.", &[OverrunCut, TemplateToken]),
            ("<|im_start|>user\nNo.", "No.", &[TemplateToken]),
            ("Cells [3] and [4] <b>now</b>, a <| b |> c.", "Cells [3] and [4] <b>now</b>, a <| b |> c.", &[]),
        ],
    );
}

#[test]
fn a_leaked_system_goes_off_the_end() {
    cleans(
        &GUARD,
        &[
            ("How are you today?system", "How are you today?", &[TemplateToken]),
            ("How are you?\nsystem\n", "How are you?", &[TemplateToken]),
            ("Good.system\nsystem", "Good.", &[TemplateToken]),
            ("“Good.”system", "“Good.”", &[TemplateToken]),
            ("system", "", &[TemplateToken]),
            ("Good.system\nPrisoner: Hm.", "Good.", &[OverrunCut, TemplateToken]),
            ("You cannot beat the system", "You cannot beat the system", &[]),
            ("I know. The system.", "I know. The system.", &[]),
            ("Learn the ecosystem", "Learn the ecosystem", &[]),
        ],
    );
}

#[test]
fn ones_own_label_goes_off_the_front() {
    for label in [
        "Guard_117:",
        "**Guard_117:**",
        "**Guard_117**:",
        "**Guard**:",
        "[Guard]:",
        "[Guard:]",
        "Guard:",
        "GUARD:",
        "guard:",
        "_Guard:_",
        "### Guard_117:",
        "**[Guard_117]:**",
        "Guard\\_117:",
        "Guard 117:",
        "\n  Guard :",
        "Guard：",
        "Guard: Guard_117:",
    ] {
        cleans(&GUARD, &[(&format!("{label} Sit **down**."), "Sit **down**.", &[LabelCut])]);
    }
    cleans(
        &GUARD,
        &[
            ("Guard: **Stop!** Now.", "**Stop!** Now.", &[LabelCut]),
            ("**Guard**: **Stop!**", "**Stop!**", &[LabelCut]),
            ("Guard_117:", "", &[LabelCut]),
            ("Guards: sit down.", "Guards: sit down.", &[]),
            ("Guard 118: your post.", "Guard 118: your post.", &[]),
            ("Guard duty: at noon.", "Guard duty: at noon.", &[]),
            ("Guard\n: no", "Guard\n: no", &[]),
        ],
    );
}

#[test]
fn a_speech_ends_where_anothers_turn_begins() {
    for label in
        ["Prisoner_231:", "Prisoner:", "**Prisoner:**", "**Prisoner**:", "  [Prisoner]:", "PRISONER:", "## Prisoner:"]
    {
        let raw = format!("Hello.\n\n{label} Hi.\nGuard: Good.");
        cleans(&GUARD, &[(&raw, "Hello.", &[OverrunCut])]);
        let raw = format!("Guard_117: Hello.\r\n{label} Hi.");
        cleans(&GUARD, &[(&raw, "Hello.", &[LabelCut, OverrunCut])]);
    }
    cleans(
        &GUARD,
        &[
            ("The note says \"Prisoner: run\" in red.", "The note says \"Prisoner: run\" in red.", &[]),
            ("Listen, prisoner: sit down.", "Listen, prisoner: sit down.", &[]),
            ("Rules:\n- Prisoner: sit.", "Rules:\n- Prisoner: sit.", &[]),
            ("Hello.\nPrisoners: sit.", "Hello.\nPrisoners: sit.", &[]),
            ("Hello.\nGuard: And more.", "Hello.\nGuard: And more.", &[]),
        ],
    );
}

#[test]
fn a_reply_that_begins_with_anothers_label_stays_whole() {
    cleans(
        &GUARD,
        &[
            ("Prisoner: Hi.\nGuard: Good.", "Prisoner: Hi.\nGuard: Good.", &[]),
            ("**Prisoner_231:** Hi.\nPrisoner: Good.", "**Prisoner_231:** Hi.\nPrisoner: Good.", &[]),
            ("Guard: Prisoner: Hi.\nPrisoner: x", "Prisoner: Hi.\nPrisoner: x", &[LabelCut]),
        ],
    );
}

#[test]
fn a_shared_role_is_ones_own_at_the_front_and_nobodys_later() {
    cleans(
        &CROWD,
        &[
            ("Prison guard: Sit.", "Sit.", &[LabelCut]),
            ("Prison_guard_117: Sit.\nPrison Guard: Up.", "Sit.\nPrison Guard: Up.", &[LabelCut]),
            ("Sit.\nPrison_guard_482: Up.", "Sit.", &[OverrunCut]),
            ("Prison_guard_482: Up.", "Prison_guard_482: Up.", &[]),
            ("Sit.\n**HÄFTLING**: Nein.", "Sit.", &[OverrunCut]),
            ("Sit.\n囚人_555：いいえ。", "Sit.", &[OverrunCut]),
            ("Sit.\nGuard: Up.", "Sit.\nGuard: Up.", &[]),
        ],
    );
}

#[test]
fn summaries_keep_labels() {
    let cleaned = clean_plain("<think>x</think> Guard: hello.\nPrisoner: hi.<|im_end|>system\n");
    assert_eq!(cleaned.text, "Guard: hello.\nPrisoner: hi.");
    assert_eq!(cleaned.flags, [TemplateToken, ThinkingCut]);
    assert_eq!(clean_plain("One.<|im_start|>user\nTwo.").text, "One.\nTwo.");
}
