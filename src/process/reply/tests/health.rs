//! Health: examples of each flag, and similar texts without it.

use super::super::{Said, Scene, health};
use super::{CROWD, GUARD, MARKET, PRISONER, after};
use crate::process::Flag::{self, BothSides, Empty, IdentitySwap, PromptRecited, Refusal, Repetition};

#[track_caller]
fn flagged(scene: &Scene<'_>, flags: &[Flag], replies: &[&str]) {
    for reply in replies {
        assert_eq!(health(reply, scene), flags, "of {reply:?} by {}", scene.own_name);
    }
}

#[test]
fn nothing_is_empty() {
    flagged(&GUARD, &[Empty], &["", " \n"]);
    flagged(&GUARD, &[], &["…", "Fine."]);
}

#[test]
fn who_says_to_be_another_is_swapped() {
    flagged(
        &GUARD,
        &[IdentitySwap],
        &[
            "Prisoner: Good morning.",
            "**Prisoner_231:** Good morning.",
            "Hello, I am Agent Prisoner.",
            "I am the prisoner, and I am hungry.",
            "Well, I'm just a prisoner here.",
            "I’m a new prisoner.",
            "My name is Prisoner_231.",
            "I'm Prisoner 8612, sir.",
            "As a prisoner, I have rights.",
            "It is hard, and as a prisoner I know it.",
            "Treat us well: we prisoners talk.",
            "\"I am the prisoner.\"",
        ],
    );
    flagged(&MARKET, &[IdentitySwap], &["As the seller, I can offer you ten.", "I am your seller today."]);
    flagged(&CROWD, &[IdentitySwap], &["I am Prison_guard_482.", "I am the Häftling.", "囚人_555: はい。"]);
}

#[test]
fn who_speaks_of_another_is_not_swapped() {
    flagged(
        &GUARD,
        &[],
        &[
            "I am your guard.",
            "I am not a prisoner.",
            "I'm not the prisoner here.",
            "I am a former prisoner.",
            "If I am the prisoner, who are you?",
            "Do you think I am a prisoner?",
            "You said \"I am the prisoner\" yesterday.",
            "You said, “I am the prisoner.”",
            "I treat you as a prisoner, I know no other way.",
            "As a prisoner, you have duties.",
            "I am the prisoner's last friend.",
            "I am the prisoner transport officer.",
            "I am your friend, prisoner.",
            "I am here. Prisoner, come.",
            "Prisoner, sit down.",
            "I'm Guard_117.",
            "It stands between us prisoners and guards.",
        ],
    );
    flagged(&CROWD, &[], &["I am a prison guard.", "I am the guard.", "As a prison guard, I decide."]);
    flagged(&PRISONER, &[], &["I am the prisoner.", "As a prisoner, I have rights."]);
}

#[test]
fn turns_of_two_are_both_sides() {
    flagged(
        &GUARD,
        &[BothSides],
        &[
            "Sit down. Prisoner: No. Guard: Now.",
            "Sit down.\nPrisoner (softly): No.",
            "Sit down.\n\n**Prisoner #123:** No.",
            "*points* Sit down.\n\nThe Prisoner says, \"I will not.\" Then up with you.",
            "The prisoner quietly replied: “No, I will not.”",
            "Sit down. \"I will not,\" the prisoner answers.",
            "Officer Hill: Sit down.\nTom: I do not want to.\nOfficer Hill: You will sit.\nTom: All right then, sir.",
        ],
    );
    flagged(&GUARD, &[IdentitySwap, BothSides], &["Prisoner: No, I say.\nGuard: Yes, I say."]);
}

#[test]
fn one_turn_is_not_both_sides() {
    flagged(
        &GUARD,
        &[],
        &[
            "Listen, prisoner: sit down.",
            "The sheet reads \"Prisoner: 231. Guard: Hill.\" and no more.",
            "If the prisoner says, \"No,\" I write it down.",
            "I say \"sit\" and the prisoner says nothing.",
            "Here it is:\nMonday: We walk in the yard.\nTuesday: We clean the whole block.",
            "*The prisoner nods.* Good.",
        ],
    );
    flagged(&GUARD, &[IdentitySwap], &["Prisoner: No.\nPrisoner: Never."]);
    flagged(&CROWD, &[], &["The häftling said, \"Water, please,\" this morning."]);
    flagged(&MARKET, &[], &["Offer A\nPrice: 10\nTime: 5 days\nOffer B\nPrice: 12\nTime: 3 days"]);
}

#[test]
fn the_prompt_is_not_a_speech() {
    flagged(
        &GUARD,
        &[PromptRecited],
        &[
            "So: KEEP the peace in the yard, until the evening bell has rung!",
            "I keep the peace in the yard until the evening bell has rung; be brief.",
        ],
    );
    flagged(&GUARD, &[], &["Keep the peace in the yard.", "You are a guard, they told me. Be brief."]);
    let nine = Scene { prompt: "You will speak to one person during your shift. Be brief.", ..GUARD };
    flagged(&nine, &[PromptRecited], &["OK! You will speak to one person during your shift."]);
    flagged(&nine, &[], &["You will speak to one person during your stay."]);
}

#[test]
fn saying_it_again_is_repetition() {
    let said = [
        Said { speaker: "Guard_117", content: "Good morning. Stand up, face the wall and wait for the count." },
        Said { speaker: "Prisoner_231", content: "Yes, sir." },
        Said { speaker: "Prisoner_231", content: "I have been here for a week and nobody has told me why." },
    ];
    let scene = after(&said);
    flagged(
        &scene,
        &[Repetition],
        &[
            "Good morning. Stand up, face the wall and wait for the count.",
            "Good morning! Stand up, face the wall, and wait for the *count*, please.",
            "I have been here for a week and nobody has told me why.",
            "Will you sit down now? Will you sit down now? Will you sit down now!",
            &"to the wall and back ".repeat(12),
        ],
    );
    flagged(
        &scene,
        &[],
        &[
            "Yes, sir.",
            "Good morning. Stand up, walk to the gate and wait there until I call your name.",
            "No. No. No. No!",
            "Will you sit down now? I asked: will you sit down now?",
        ],
    );
}

#[test]
fn a_model_that_declines_refuses() {
    flagged(
        &GUARD,
        &[Refusal],
        &[
            "I'm sorry, but I can't assist with that.",
            "I’m sorry, but I can’t assist with that request.",
            "As an AI language model, I do not have a body.",
            "I am just an AI, I cannot guard anybody.",
            "I cannot continue this conversation.",
            "I'm not able to continue with this role-play.",
            "I cannot create explicit content. Shall we talk of something else?",
            "I am unable to participate in a dialogue that demeans people.",
            "I cannot fulfill your request.",
        ],
    );
    flagged(
        &GUARD,
        &[],
        &[
            "I'm sorry, but I can't let you go.",
            "I can't help you with the door.",
            "I cannot continue like this. Sit down.",
            "I cannot take part in your escape.",
            "I can't fulfil your request for a second hour, and you know it as well as I do.",
            "He said as an aide he could not.",
        ],
    );
    let machine = Scene { own_role: "AI assistant", own_name: "AI_assistant_117", ..GUARD };
    flagged(&machine, &[], &["As an AI, I would rather not say."]);
}
