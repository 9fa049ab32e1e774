//! Tests of laws that hold for all replies: any prefix continues to the same end, prompts only grow, the whole log
//! rebuilds each request, and calls equal the estimate.

use super::*;
use crate::design::{Overrides, Plan, arbitrary, estimate};
use crate::process::TurnForm;
use crate::process::setting::{Draw, Setting};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

/// Generates a setting with policies, days, stop phrases and speakers of all kinds.
fn settings() -> impl Strategy<Value = (Setting, (estimate::Calls, u64))> {
    arbitrary::any_experiment(1).prop_map(|mut experiment| {
        experiment.design.exclude.clear();
        experiment.models.truncate(1);
        let plan = Plan::new(&experiment, &Overrides::default()).expect("a plan");
        let condition = &plan.conditions[0];
        let calls = (estimate::count_calls(&experiment, condition), estimate::count_typed(&experiment, condition));
        let draw = Draw { key: &plan.cells()[0].key, seed: plan.seed, replicate: 1 };
        (Setting::new(&experiment, condition, draw), calls)
    })
}

/// Returns a reply that depends only on salt, seq, purpose and ask. It is plain, empty, with a stop phrase, a good or
/// bad choice, or flagged by the server.
fn odd_reply(salt: u8, ask: &Ask) -> Answer {
    let digest = Sha256::digest(format!("{salt} {} {:?} {}", ask.seq, ask.call.purpose, ask.call.ask));
    let pick = |n: usize| digest[0] as usize % n;
    let content = match (ask.call.purpose, digest[1] % 8) {
        (Purpose::Selection, 0..5) => ask.others[pick(ask.others.len())].clone(),
        (_, 0) => String::new(),
        (_, 1) => format!("Enough [END] {}", ask.seq),
        (_, 2) => format!("{}: I am another.", ask.others.first().map_or("Nobody", String::as_str)),
        (_, 3) => format!("<think>hm</think> {}", hex::encode(digest)),
        _ => format!("I say {}.", hex::encode(digest)),
    };
    let content = if ask.call.purpose == Purpose::Turn { odd_turn(ask, &content, &digest) } else { content };
    let is = |at: usize| digest[at] % 11 == 0;
    let tokens = (digest[6] % 3 == 0).then(|| u32::from(digest[7]));
    Answer { content, refused: is(2), length: is(3), filtered: is(4), tokens, context: is(5).then_some(100) }
}

/// Returns a turn as JSON: whole, cut in its middle, without a key, or with actions of any kind.
fn odd_turn(ask: &Ask, text: &str, digest: &[u8]) -> String {
    let form = ask.form.as_ref().expect("a form");
    let mut turn = good_turn(form, text);
    let names: Vec<&str> = form.actions.iter().map(|a| a.name.as_str()).chain(["fly", "wait"]).collect();
    let actions = (0..digest[9] % 5)
        .map(|i| json!({ "do": names[(usize::from(digest[10]) + usize::from(i)) % names.len()], "f0": i }));
    turn["actions"] = actions.collect();
    if form.thought {
        turn["thought"] = json!(format!("thought-of-{}", ask.speaker));
    }
    turn["state"] =
        if digest[11].is_multiple_of(2) { Json::Null } else { json!({ "goals": format!("goal-of-{}", ask.speaker) }) };
    let whole = turn.to_string();
    match digest[12] % 6 {
        0 => whole[..whole.len() / 2].to_owned(),
        1 => json!({ "thought": "no text" }).to_string(),
        2 => format!("```json\n{whole}\n```"),
        _ => whole,
    }
}

fn good_turn(form: &TurnForm, text: &str) -> Json {
    let mut turn = json!({ "text": text, "actions": [], "state": null });
    if form.thought {
        turn["thought"] = json!("I think.");
    }
    turn
}

/// Returns a reply without a fault.
fn good_reply(ask: &Ask) -> Answer {
    match ask.call.purpose {
        Purpose::Turn => {
            let text = hex::encode(Sha256::digest(ask.seq.to_string()));
            good_turn(ask.form.as_ref().expect("a form"), &text).to_string().into()
        }
        Purpose::Selection => ask.others[ask.seq as usize % ask.others.len()].clone().into(),
        _ => hex::encode(Sha256::digest(ask.seq.to_string())).into(),
    }
}

fn flat(messages: &[Message]) -> String {
    messages.iter().map(|m| format!("{:?}:{}", m.author, m.content)).collect::<Vec<_>>().concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    // R5
    #[test]
    fn any_prefix_continues_to_the_same_end((setting, _) in settings(), salt in any::<u8>(), retries in 0..3_u32) {
        let setting = Setting { retries, ..setting };
        let mut reply = |ask: &Ask| odd_reply(salt, ask);
        let whole = go_on(&setting, Vec::new(), &mut reply);
        for cut in 0..=whole.log.len() {
            let part = go_on(&setting, whole.log[..cut].to_vec(), &mut reply);
            prop_assert_eq!(&part.log, &whole.log, "cut at {}", cut);
            prop_assert_eq!(&part.end, &whole.end);
        }
        let json = serde_json::to_string(&whole.log).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Vec<Entry>>(&json).expect("a log"), whole.log);
    }

    // P5
    #[test]
    fn within_a_day_a_prompt_only_grows_at_its_end((setting, _) in settings(), salt in any::<u8>()) {
        let run = run(&setting, |ask| odd_reply(salt, ask));
        let mut before: Vec<(String, u32, String)> = Vec::new();
        for (ask, messages) in run.asked.iter().filter(|(ask, _)| ask.call.purpose == Purpose::Speech) {
            let now = flat(messages);
            if let Some((_, _, earlier)) = before.iter().rev().find(|(who, day, _)| (who, *day) == (&ask.speaker, ask.day)) {
                prop_assert!(now.starts_with(earlier.as_str()), "{earlier}\n---\n{now}");
            }
            before.push((ask.speaker.clone(), ask.day, now));
        }
    }

    // S7
    #[test]
    fn nobody_reads_what_another_thinks_or_keeps_in_mind((setting, _) in settings(), salt in any::<u8>()) {
        let run = run(&setting, |ask| odd_reply(salt, ask));
        for (ask, messages) in &run.asked {
            let sent = flat(messages);
            for agent in setting.agents.iter().filter(|agent| agent.name != ask.speaker) {
                for private in ["thought-of-", "goal-of-"] {
                    prop_assert!(!sent.contains(&format!("{private}{}", agent.name)), "{}: {sent}", ask.speaker);
                }
            }
        }
    }

    // R9
    #[test]
    fn what_was_sent_is_built_again_from_the_whole_log((setting, _) in settings(), salt in any::<u8>()) {
        let run = run(&setting, |ask| odd_reply(salt, ask));
        for (ask, sent) in &run.asked {
            let stored = serde_json::to_string(&ask.view).expect("JSON");
            let view: View = serde_json::from_str(&stored).expect("a view");
            prop_assert_eq!(&view.messages(&run.log, &[]), sent);
            prop_assert!(sent.iter().all(|m| m.author != Author::System) || sent[0].author == Author::System);
        }
    }

    #[test]
    fn entries_are_numbered_and_days_have_their_length((setting, _) in settings(), salt in any::<u8>()) {
        let run = run(&setting, |ask| odd_reply(salt, ask));
        let mut counts = std::collections::BTreeMap::new();
        for (place, entry) in run.log.iter().enumerate() {
            prop_assert_eq!(entry.seq as usize, place);
            let today = counts.entry(entry.day).or_insert(0_u32);
            prop_assert_eq!(entry.index, *today);
            *today += u32::from(matches!(entry.kind, Kind::Opening | Kind::Speech));
        }
        prop_assert!(counts.iter().all(|(day, n)| *n <= setting.messages_of(*day)));
        for two in run.log.iter().filter(|e| e.kind == Kind::Speech).collect::<Vec<_>>().windows(2) {
            let is_free = setting.protocol.speakers == Speakers::Manual;
            prop_assert!(is_free || two[0].day != two[1].day || two[0].speaker != two[1].speaker);
        }
    }

    // R10
    #[test]
    fn calls_are_as_estimated((setting, (calls, people)) in settings()) {
        let speakers = setting.protocol.speakers;
        let run = run(&Setting { health: Vec::new(), ..setting }, good_reply);
        prop_assert_eq!(run.asked.len() as u64, calls.expected);
        let typed = run.asked.iter().filter(|(ask, _)| ask.model.is_human()).count() as u64;
        prop_assert!(speakers != Speakers::RoundRobin || typed == people, "{typed} typed, {people} expected");
        prop_assert!(people <= calls.expected);
        prop_assert!(calls.low <= calls.expected && calls.expected <= calls.high);
    }

    #[test]
    fn no_conversation_makes_more_calls_than_the_most((setting, (calls, _)) in settings(), salt in any::<u8>()) {
        prop_assert!(run(&setting, |ask| odd_reply(salt, ask)).asked.len() as u64 <= calls.high);
    }
}

#[test]
fn names_are_unique_and_follow_the_key() {
    proptest!(|((setting, _) in settings())| {
        let names: std::collections::BTreeSet<&str> = setting.agents.iter().map(|a| a.name.as_str()).collect();
        prop_assert_eq!(names.len(), setting.agents.len());
    });
}
