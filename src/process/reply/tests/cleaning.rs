//! Cleaning: the remaining text and the flags.

use super::super::{Scene, clean_plain, clean_speech};
use super::{CROWD, GUARD};
use crate::process::Flag::{self, LabelCut, OverrunCut, TemplateToken, ThinkingCut, ThinkingLeft};

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
fn reasoning_of_further_families_goes_from_the_start() {
    let all = [
        "[THINK]He lies.[/THINK]@",
        " \n[THINK]He [1] <b>lies</b>.[/THINK]\n@",
        "<seed:think>He lies.</seed:think>@",
        "◁think▷He lies.◁/think▷@",
        "<thought>He lies.</thought>@",
        "<Thought kind=\"x\">He lies.</THOUGHT>@",
        "<|channel>thought\nHe lies.<channel|>@",
        "<|START_THINKING|>He lies.<|END_THINKING|>@",
        "<|inner_prefix|>He lies.<|inner_suffix|>@",
        "<scratchpad>He lies.</scratchpad>[THINK]Yes.[/THINK]@",
        "Guard_117: [THINK]He lies.[/THINK]@",
        "<s>[THINK]He lies.[/THINK] @",
        "<|channel|>analysis<|message|>He lies.<|end|><|start|>assistant<|channel|>final<|message|>@",
        "<|start|>assistant<|channel|>analysis<|message|>He.<|end|><|channel|>commentary<|message|>x<|channel|>final<|message|>@",
        "<|begin_of_thought|>He lies.<|end_of_thought|><|begin_of_solution|>@<|end_of_solution|>",
        "<think_never_used_51bce0c7>He lies.</think_never_used_51bce0c7>@",
    ];
    for raw in all.map(|raw| raw.replace('@', "Sit down.")) {
        let cleaned = clean_speech(&raw, &GUARD);
        assert_eq!(cleaned.text, "Sit down.", "{raw}");
        assert!(
            cleaned.flags.contains(&ThinkingCut) && !cleaned.flags.contains(&ThinkingLeft),
            "{raw} {:?}",
            cleaned.flags
        );
        if !raw.starts_with('G') {
            assert_eq!(clean_plain(&raw).text, "Sit down.", "{raw}");
        }
    }
    cleans(&GUARD, &[("<|channel|>final<|message|>Sit down.<|return|>", "Sit down.", &[TemplateToken])]);
}

#[test]
fn what_only_looks_like_reasoning_stays_and_is_flagged() {
    for raw in [
        "analysisI will lie to him.assistantfinalSit down.",
        "Sit down.assistantfinalSit down.",
        "analysisWe need to answer.",
        "[THINK]He lies. Sit down.",
        "Sit down. [THINK]He lies.[/THINK]",
        "Sit down.<thought>He lies.</thought>",
        "<think time=\"3\">He lies.",
        "He lies.[/THINK]Sit down.",
        "He lies.◁/think▷Sit down.",
        "Here is my thought process: he lies.",
        "Thinking...\nHe lies.\n...done thinking.\n\nSit down.",
        "Thought: he lies.\nFinal Answer: Sit down.",
        "[THINK]a[THINK]b[/THINK]c[/THINK]Sit down.",
    ] {
        for cleaned in [clean_speech(raw, &GUARD), clean_plain(raw)] {
            assert!(cleaned.flags.contains(&ThinkingLeft), "{raw} {cleaned:?}");
            assert!(cleaned.text.ends_with(raw.get(raw.len() - 6..).unwrap()), "{raw} {cleaned:?}");
        }
    }
    // Tokens that are taken out leave the reasoning between them.
    let lost = clean_speech("<s><|begin_of_thought|>He lies.<|end_of_thought|>Sit down.", &GUARD);
    assert_eq!((lost.text.as_str(), lost.flags), ("He lies.Sit down.", vec![TemplateToken, ThinkingLeft]));
    let cut = clean_speech("<|channel|>analysis<|message|>He lies", &GUARD);
    assert_eq!((cut.text.as_str(), cut.flags), ("analysisHe lies", vec![TemplateToken, ThinkingLeft]));
    for plain in [
        "[thinking to himself] I see.",
        "My analysis: he lies.",
        "Analysis shows nothing. I thought so; think again.",
        "[A] or [GOOD] <b>thinking</b> <YOU> 3 < 4",
        "Thought: he lies.",
        "commentary is free",
    ] {
        assert_eq!(clean_speech(plain, &GUARD).flags, [], "{plain}");
    }
}

/// Replies of published conversations; the first lines name the source and its licence.
#[test]
fn replies_of_published_conversations_clean_as_before() {
    let replies = include_str!("published.txt").lines().filter(|line| !line.starts_with('#'));
    let mut count = 0;
    for reply in replies.map(|line| line.replace("\\n", "\n")) {
        let cleaned = clean_plain(&reply);
        assert_eq!((cleaned.text.as_str(), cleaned.flags), (reply.trim(), vec![]), "{reply}");
        count += 1;
    }
    assert!(count >= 12, "{count}");
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
