//! A turn that a person types. No request leaves this machine, so nothing is stored before the person has answered.

use crate::design::HUMAN;
use crate::design::key::sha256;
use crate::model::person::{Answer, Scene};
use crate::model::{Attempt, ChatReply, body};
use crate::process::{Ask, Message, Process, Purpose, Sitting as Facts, View};
use crate::run::leave::Leave;
use crate::run::shared::Shared;
use crate::store::{CallRecord, CallState};
use serde_json::Map;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

/// A person's turns in one process, from its claim to the end of this run's work on it.
pub(super) struct Sitting<'a> {
    shared: &'a Shared,
    /// The process's id.
    id: &'a str,
    /// Messages already shown to each name: their day and their number.
    shown: BTreeMap<String, (u32, usize)>,
}

/// The contents of one turn, read from the process before its round begins.
pub(super) struct Turn {
    /// One message for each turn: a person needs no joined turns, and no instructions for a choice.
    messages: Vec<Message>,
    facts: Facts,
    /// Hash of the body of the request that a model would have received.
    body_sha256: String,
}

impl Turn {
    pub(super) fn new(process: &dyn Process, ask: &Ask) -> Self {
        let plain = View { merge: false, alternate: false, ending: Vec::new(), ..ask.view.clone() };
        let sent = ask.view.messages(process.log(), process.subject());
        Self {
            messages: plain.messages(process.log(), process.subject()),
            facts: process.sitting(ask),
            body_sha256: sha256(body(HUMAN, &sent, &Map::new())),
        }
    }
}

impl<'a> Sitting<'a> {
    pub(super) fn new(shared: &'a Shared, id: &'a str) -> Self {
        Self { shared, id, shown: BTreeMap::new() }
    }

    /// Requests a turn from the person, and returns the call with the answer. The caller stores it with its entry.
    pub(super) async fn typed(&mut self, ask: &Ask, turn: Turn, halt: &CancellationToken) -> Result<CallRecord, Leave> {
        if halt.is_cancelled() {
            return Err(self.shared.leave_halted());
        }
        let began = (self.shared.options.clock)();
        let answer = tokio::select! {
            biased;
            () = halt.cancelled() => return Err(self.shared.leave_cut("stopped while a person typed")),
            answer = self.answer(ask, &turn) => answer,
        };
        self.shown.insert(ask.speaker.clone(), (ask.day, turn.messages.len()));
        match answer {
            Answer::Typed(text) => Ok(self.call(ask, turn, text, began)),
            Answer::Left(why) => {
                self.shared.options.leave.cancel();
                self.shared.options.stop.cancel();
                Err(Leave::Interrupted(why))
            }
        }
    }

    async fn answer(&self, ask: &Ask, turn: &Turn) -> Answer {
        let Some(person) = &self.shared.work.person else {
            return Answer::Left("nobody is here to type".to_owned());
        };
        let is_choice = ask.call.purpose == Purpose::Selection;
        let shown = self.shown.get(&ask.speaker).filter(|(day, _)| *day == ask.day).map_or(0, |(_, shown)| *shown);
        let scene = Scene {
            conversation: self.id,
            seq: ask.seq,
            purpose: ask.call.purpose,
            again: ask.call.ask > 0,
            name: &ask.speaker,
            role: &ask.role,
            day: (ask.day, turn.facts.days),
            message: (ask.index + 1, turn.facts.messages),
            messages: &turn.messages,
            shown,
            candidates: if is_choice { &ask.others } else { &[] },
            next: &turn.facts.next,
        };
        if is_choice { person.choose(&scene).await } else { person.write(&scene).await }
    }

    fn call(&self, ask: &Ask, turn: Turn, text: String, began: i64) -> CallRecord {
        let ended = (self.shared.options.clock)();
        let took = u64::try_from(ended - began).unwrap_or_default();
        CallRecord {
            seq: ask.seq,
            call: ask.call,
            state: CallState::Answered,
            server: HUMAN.to_owned(),
            model: HUMAN.to_owned(),
            parameters: Map::new(),
            view: ask.view.clone(),
            body_sha256: turn.body_sha256,
            attempts: vec![Attempt {
                at: began,
                took,
                error: None,
                message: None,
                waited: None,
                possible_spend: false,
            }],
            sent: began,
            answered: Some(ended),
            reply: Some(ChatReply { raw: text.clone(), content: text, ..ChatReply::default() }),
        }
    }
}
