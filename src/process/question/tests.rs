//! Tests of the three laws of a process (`asking`), for questions to agents of generated conversations.

use super::*;
use crate::design::{Overrides, Plan, arbitrary};
use crate::process::setting::Draw;
use crate::process::{Conversation, PromptSize};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

/// Generates a setting without people, with its finished log.
fn subjects() -> impl Strategy<Value = (Arc<Setting>, Vec<Entry>)> {
    arbitrary::any_experiment(1).prop_map(|mut experiment| {
        experiment.design.exclude.clear();
        experiment.models.truncate(1);
        let overrides = Overrides { offline: true, ..Overrides::default() };
        let plan = Plan::new(&experiment, &overrides).expect("a plan");
        let mut setting =
            Setting::new(&experiment, &plan.conditions[0], Draw { key: &plan.cells()[0].key, seed: 0, replicate: 1 });
        let health = std::mem::take(&mut setting.health);
        let log = finished(setting.clone());
        setting.health = health;
        (Arc::new(setting), log)
    })
}

fn finished(setting: Setting) -> Vec<Entry> {
    let mut conversation = Conversation::replay(Arc::new(setting), Vec::new()).expect("an empty log");
    loop {
        let entry = match conversation.next() {
            Next::Note(entry) => entry,
            Next::Ask(asks) => conversation.answer(&asks[0], &reply(&format!("I say {}.", asks[0].seq))),
            Next::Done(_) | Next::Failed(_) => return conversation.log().to_vec(),
        };
        conversation.push(entry);
    }
}

fn reply(content: &str) -> Reply<'_> {
    let prompt = PromptSize { bytes: 10, tokens: None };
    Reply { content, thinking: false, refused: false, length: false, filtered: false, prompt, context: None }
}

/// Returns a reply that depends only on salt, seq and repeat: empty, under another agent's name, or plain.
fn odd(salt: u8, ask: &Ask) -> String {
    let digest = Sha256::digest(format!("{salt} {} {}", ask.seq, ask.call.ask));
    match digest[0] % 4 {
        0 => String::new(),
        1 => format!("{}: I am another.", ask.others.first().map_or("Nobody", String::as_str)),
        _ => format!("I answer {}.", hex::encode(digest)),
    }
}

fn question(setting: &Arc<Setting>, subject: &[Entry], log: Vec<Entry>) -> Question {
    let names: Vec<String> = setting.agents.iter().map(|agent| agent.name.clone()).collect();
    let identity = ("key".to_owned(), "Why?".to_owned());
    Question::replay(identity, Arc::clone(setting), (&names, None), subject.to_vec(), log)
        .expect("a log of this question")
}

/// Drives a log to its end. Returns it with the end and the number of rounds.
fn go_on(setting: &Arc<Setting>, subject: &[Entry], log: Vec<Entry>, salt: u8) -> (Vec<Entry>, Next) {
    let mut question = question(setting, subject, log);
    loop {
        match question.next() {
            Next::Note(entry) => question.push(entry),
            Next::Ask(asks) => {
                for ask in asks {
                    let entry = question.answer(&ask, &reply(&odd(salt, &ask)));
                    question.push(entry);
                }
            }
            end => return (question.log, end),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn any_prefix_continues_to_the_same_end((setting, subject) in subjects(), salt in any::<u8>(), retries in 0..3_u32) {
        let setting = Arc::new(Setting { retries, ..(*setting).clone() });
        let whole = go_on(&setting, &subject, Vec::new(), salt);
        for cut in 0..=whole.0.len() {
            let part = go_on(&setting, &subject, whole.0[..cut].to_vec(), salt);
            prop_assert_eq!(&part, &whole, "cut at {}", cut);
        }
    }

    // The three laws of a round (`asking`).
    #[test]
    fn a_prefix_of_a_round_asks_exactly_what_is_missing((setting, subject) in subjects(), salt in any::<u8>()) {
        let mut log = question(&setting, &subject, Vec::new());
        if let Next::Note(entry) = log.next() {
            log.push(entry);
        }
        while let Next::Ask(asks) = log.next() {
            for (place, ask) in asks.iter().enumerate() {
                prop_assert_eq!(ask.seq as usize, log.log.len());
                prop_assert_eq!(&log.next(), &Next::Ask(asks[place..].to_vec()));
                prop_assert!(ask.view.subject && ask.view.to as usize == subject.len());
                let entry = log.answer(ask, &reply(&odd(salt, ask)));
                let mut shorter = log.clone();
                shorter.log.truncate(ask.base as usize);
                prop_assert_eq!(&shorter.answer(ask, &reply(&odd(salt, ask))), &entry);
                log.push(entry);
            }
        }
    }

    #[test]
    fn an_agent_reads_what_its_next_turn_would_have_shown((setting, subject) in subjects()) {
        let mut log = question(&setting, &subject, Vec::new());
        if let Next::Note(entry) = log.next() {
            log.push(entry);
        }
        let Next::Ask(asks) = log.next() else { return Err(TestCaseError::fail("no round")) };
        prop_assert_eq!(asks.len(), setting.agents.len());
        for ask in &asks {
            let messages = ask.view.messages(&log.log, &subject);
            let last = messages.last().expect("a message");
            prop_assert!(last.content.ends_with("Why?"));
            let whole = View { ending: Vec::new(), ..ask.view.clone() }.messages(&log.log, &subject);
            let shown = whole.iter().any(|m| m.content.contains(&setting.starting_message));
            prop_assert!(shown, "the day's opening is read");
        }
    }
}

#[test]
fn a_key_leaves_out_what_is_not_given() {
    let first = Asked { subject: "s", log: "l", role: "r", text: "Why?", model: None, again: None };
    let made = r#"{"log":"l","process":"question","question":"Why?","role":"r","subject":"s"}"#;
    assert_eq!(first.key(), key::sha256(made));
    let scripted = ModelSpec::bare("scripted");
    let other = Asked { model: Some(&scripted), again: Some(2), ..first };
    let made = r#"{"again":2,"log":"l","model":{"id":"scripted"},"process":"question","question":"Why?","role":"r","subject":"s"}"#;
    assert_eq!(other.key(), key::sha256(made));
}
