//! Tests of people: their text stays unchanged, and their choices are used.

use super::*;
use crate::design::HUMAN;

/// Makes the agent with this name a person.
fn person(mut setting: Setting, name: &str) -> Setting {
    for agent in setting.agents.iter_mut().filter(|a| a.name == name) {
        agent.model = ModelSpec::bare(HUMAN);
    }
    setting
}

/// Three agents; a person chooses the speaker.
fn manual(messages: u32) -> Setting {
    let selector = Helper { model: ModelSpec::bare(HUMAN), prompt: "Choose.".to_owned() };
    let three = setting(&["A_1", "B_2", "C_3"], messages);
    Setting { selector: Some(selector), ..under(three, |p| p.speakers = Speakers::Manual) }
}

#[test]
fn what_a_person_types_is_trimmed_and_nothing_else() {
    let typed = " \n A_1: I think <think>so</think>\nB_2: you say that?\n as an AI I cannot. <|im_end|>  \n";
    let setting = person(setting(&["A_1", "B_2"], 3), "A_1");
    let run = run(&setting, |ask| if ask.speaker == "A_1" { typed.to_owned() } else { words(ask) });
    let first = run.of(Kind::Speech).next().expect("a speech");
    assert_eq!((first.content.as_str(), first.raw.as_deref()), (typed.trim(), Some(typed)));
    assert_eq!((first.flags.as_slice(), first.model.as_deref()), ([].as_slice(), Some(HUMAN)));
    assert_eq!(run.sent(0)[0], (Author::System, "You are A_1."), "they see what an agent sees");
    assert_eq!(run.sent(1)[1], (Author::User, format!("Begin.\n\n{}", typed.trim()).as_str()));
}

#[test]
fn an_empty_turn_is_flagged_and_policies_hold() {
    let two = || person(setting(&["A_1", "B_2"], 3), "A_1");
    let silent = |ask: &Ask| if ask.speaker == "A_1" { " \n".to_owned() } else { words(ask) };
    let kept = run(&two(), silent);
    assert_eq!(kept.log[1].flags, [Flag::Empty]);
    assert_eq!(kept.kinds(), [Kind::Opening, Kind::Speech, Kind::Speech]);
    let asked = run(&policy(two(), Flag::Empty, 2, true), silent);
    assert_eq!(asked.kinds(), [Kind::Opening, Kind::Rejected, Kind::Rejected, Kind::Rejected]);
    assert!(matches!(asked.end, Next::Failed(_)));
    let heeded = run(&policy(two(), Flag::Empty, 2, true), |ask| {
        if ask.speaker == "A_1" && ask.call.ask == 0 { String::new() } else { words(ask) }
    });
    assert_eq!(heeded.kinds(), [Kind::Opening, Kind::Rejected, Kind::Speech, Kind::Speech]);
}

#[test]
fn flags_of_models_are_none_of_a_person() {
    let two = person(setting(&["A_1", "B_2"], 3), "A_1");
    let run = run(&two, |ask| Answer { refused: true, length: true, tokens: Some(0), ..words(ask).into() });
    assert!(run.log[1].flags.is_empty() && !run.log[2].flags.is_empty());
}

#[test]
fn a_person_may_choose_anybody_also_who_spoke_last() {
    let choices = ["C_3", "C_3", "", "B_2"];
    let mut chosen = choices.iter();
    let run = run(&manual(5), |ask| match ask.call.purpose {
        Purpose::Selection => (*chosen.next().expect("a choice")).to_owned(),
        _ => words(ask),
    });
    assert_eq!(run.speakers(), ["C_3", "C_3", "A_1", "B_2"], "nothing typed is the next in order");
    let selections: Vec<&Entry> = run.of(Kind::Selection).collect();
    assert_eq!(selections.iter().map(|e| e.content.as_str()).collect::<Vec<_>>(), ["C_3", "C_3", "A_1", "B_2"]);
    assert!(selections.iter().all(|e| e.speaker == SELECTOR && e.call.is_some() && e.flags.is_empty()));
    let candidates = run.asked.iter().filter(|(a, _)| a.call.purpose == Purpose::Selection);
    assert!(candidates.into_iter().all(|(a, _)| a.others == ["A_1", "B_2", "C_3"]));
}

#[test]
fn between_ones_own_turns_stands_a_silence() {
    for choices in
        [["A_1", "A_1", "A_1", "B_2", "A_1"], ["B_2", "A_1", "A_1", "A_1", "C_3"], ["C_3", "C_3", "B_2", "C_3", "C_3"]]
    {
        for merge in [true, false] {
            let setting = under(manual(6), |p| p.merge = merge);
            let mut chosen = choices.iter();
            let run = run(&setting, |ask| match ask.call.purpose {
                Purpose::Selection => (*chosen.next().expect("a choice")).to_owned(),
                _ => words(ask),
            });
            let mut before: Vec<(String, Vec<Message>)> = Vec::new();
            for (ask, sent) in run.asked.iter().filter(|(ask, _)| ask.call.purpose == Purpose::Speech) {
                assert_eq!(sent.last().unwrap().author, Author::User, "{choices:?}");
                assert!(!merge || sent.windows(2).all(|pair| pair[0].author != pair[1].author), "{choices:?} {sent:?}");
                assert!(sent.windows(2).all(|pair| [&pair[0], &pair[1]].iter().any(|m| m.author != Author::Assistant)));
                // R9: a view without the field, as 0.1 stored it, is built as before.
                let old = View { alternate: false, ..ask.view.clone() };
                assert!(old.messages(&run.log, &[]).iter().all(|m| m.content != "…"));
                // P5
                if let Some((_, earlier)) = before.iter().rev().find(|(who, _)| *who == ask.speaker) {
                    assert!(sent.starts_with(earlier), "{earlier:?}\n{sent:?}");
                }
                before.push((ask.speaker.clone(), sent.clone()));
            }
        }
    }
}

#[test]
fn an_empty_opening_is_sent_as_a_silence() {
    let run = run(&Setting { starting_message: String::new(), ..setting(&["A_1", "B_2"], 3) }, words);
    assert_eq!(run.log[0].content, "");
    for (ask, sent) in &run.asked {
        assert!(ask.view.filled && sent.iter().all(|m| !m.content.is_empty()) && sent[1].content.starts_with('…'));
        assert_eq!(
            View { filled: false, ..ask.view.clone() }.messages(&run.log, &[])[1].content.chars().next(),
            sent[1].content.get(3..).unwrap().chars().next()
        );
    }
}

#[test]
fn with_two_agents_a_person_is_asked_all_the_same() {
    let two = Setting { agents: manual(4).agents[..2].to_vec(), ..manual(4) };
    let run = run(&two, |ask| if ask.call.purpose == Purpose::Selection { String::new() } else { words(ask) });
    assert_eq!(run.of(Kind::Selection).count(), 3);
    assert_eq!(run.speakers(), ["A_1", "B_2", "A_1"]);
}

#[test]
fn a_model_that_stands_in_for_the_person_chooses_as_in_auto() {
    let offline = Setting { selector: Some(helper("Choose.")), ..manual(3) };
    let run =
        run(&offline, |ask| if ask.call.purpose == Purpose::Selection { "nobody".to_owned() } else { words(ask) });
    let turn = [Kind::Rejected, Kind::Rejected, Kind::Selection, Kind::Speech];
    assert_eq!(run.kinds(), [&[Kind::Opening][..], &turn, &turn].concat());
    assert_eq!(run.speakers(), ["A_1", "B_2"]);
}

#[test]
fn a_person_may_sum_up() {
    let summarizer = Helper { model: ModelSpec::bare(HUMAN), prompt: "Sum.".to_owned() };
    let days = Setting { summarizer: Some(summarizer), ..under(setting(&["A_1", "B_2"], 6), |p| p.days = 2) };
    let run =
        run(&days, |ask| if ask.call.purpose == Purpose::Summary { " They met. ".to_owned() } else { words(ask) });
    assert_eq!(run.of(Kind::Summary).map(|e| e.content.as_str()).collect::<Vec<_>>(), ["They met."]);
}
