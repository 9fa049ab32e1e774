//! The machine, driven by replies that are functions of the ask.

use super::*;
use crate::design::{Policy, Protocol};
use crate::process::PromptSize;
use crate::process::prompt::{Author, Message};

mod days;
mod health;
mod laws;
mod people;
mod reading;
mod speakers;
mod turns;

/// Reply of a fake model.
#[derive(Clone, Default)]
struct Answer {
    content: String,
    refused: bool,
    length: bool,
    filtered: bool,
    tokens: Option<u32>,
    context: Option<u32>,
}

impl From<&str> for Answer {
    fn from(content: &str) -> Self {
        Self { content: content.to_owned(), ..Self::default() }
    }
}

impl From<String> for Answer {
    fn from(content: String) -> Self {
        Self { content, ..Self::default() }
    }
}

/// Course of a conversation: its log, every ask with its messages, and its end.
struct Run {
    log: Vec<Entry>,
    asked: Vec<(Ask, Vec<Message>)>,
    end: Next,
}

/// Drives a log to its end.
fn go_on(setting: &Setting, log: Vec<Entry>, reply: &mut dyn FnMut(&Ask) -> Answer) -> Run {
    let mut conversation = Conversation::replay(Arc::new(setting.clone()), log).expect("a log of this setting");
    let mut asked = Vec::new();
    loop {
        assert!(asked.len() < 10_000, "the conversation does not end");
        match conversation.next() {
            Next::Note(entry) => conversation.push(entry),
            Next::Ask(mut asks) => {
                assert_eq!(asks.len(), 1, "a conversation has one lane");
                let ask = asks.remove(0);
                let said = reply(&ask);
                let messages = ask.view.messages(conversation.log(), &[]);
                let bytes = messages.iter().map(|m| m.content.len() as u64).sum();
                let prompt = PromptSize { bytes, tokens: said.tokens };
                let Answer { content, refused, length, filtered, context, .. } = &said;
                let reply = Reply {
                    content,
                    thinking: false,
                    refused: *refused,
                    length: *length,
                    filtered: *filtered,
                    prompt,
                    context: *context,
                };
                let entry = conversation.answer(&ask, &reply);
                conversation.push(entry);
                asked.push((ask, messages));
            }
            end => return Run { log: conversation.log().to_vec(), asked, end },
        }
    }
}

fn run<R: Into<Answer>>(setting: &Setting, mut reply: impl FnMut(&Ask) -> R) -> Run {
    go_on(setting, Vec::new(), &mut |ask| reply(ask).into())
}

impl Run {
    fn speakers(&self) -> Vec<&str> {
        self.of(Kind::Speech).map(|e| e.speaker.as_str()).collect()
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        self.log.iter().filter(move |e| e.kind == kind)
    }

    fn kinds(&self) -> Vec<Kind> {
        self.log.iter().map(|e| e.kind).collect()
    }

    /// Author and text of each message of ask number `n`.
    fn sent(&self, n: usize) -> Vec<(Author, &str)> {
        self.asked[n].1.iter().map(|m| (m.author, m.content.as_str())).collect()
    }
}

/// A setting with these agents, whose names are roles with a number.
fn setting(names: &[&str], messages: u32) -> Setting {
    let agents = names
        .iter()
        .map(|name| Agent {
            name: (*name).to_owned(),
            role: name.split('_').next().unwrap_or_default().to_lowercase(),
            model: ModelSpec::bare("ollama/m"),
            prompt: format!("You are {name}."),
            ..Agent::default()
        })
        .collect();
    Setting {
        key: "key".to_owned(),
        agents,
        starting_message: "Begin.".to_owned(),
        protocol: Protocol { messages, ..Protocol::default() },
        labels: names.len() > 2,
        health: Vec::new(),
        selector: None,
        summarizer: None,
        world: None,
        retries: 0,
        calls: 0,
    }
}

/// Setting with a changed protocol.
fn under(mut setting: Setting, change: impl FnOnce(&mut Protocol)) -> Setting {
    change(&mut setting.protocol);
    setting
}

fn helper(prompt: &str) -> Helper {
    Helper { model: ModelSpec::bare("ollama/h"), prompt: prompt.to_owned() }
}

/// Two guards and a prisoner, chosen by a model.
fn auto(messages: u32) -> Setting {
    let three = setting(&["Guard_1", "Guard_2", "Prisoner_3"], messages);
    Setting { selector: Some(helper("Choose.")), ..under(three, |p| p.speakers = Speakers::Auto) }
}

fn policy(setting: Setting, flag: Flag, ask: u32, fail: bool) -> Setting {
    Setting { health: vec![(flag, Policy { ask, fail })], ..setting }
}

/// Words that differ in each turn, so that no repetition is flagged.
fn words(ask: &Ask) -> String {
    let list = ["river", "stone", "bread", "lamp", "winter", "garden", "letter", "window", "horse", "music"];
    let at = (ask.seq + 3 * ask.call.ask) as usize;
    format!("{} {} {}", list[at % 10], list[at / 10 % 10], list[at * 7 / 3 % 10])
}
