//! A turn that a person types. No request leaves this machine, so nothing is stored before the person has answered.

use crate::design::HUMAN;
use crate::design::key::sha256;
use crate::model::person::{Answer, Scene};
use crate::model::{Attempt, ChatReply, body};
use crate::process::prompt::View;
use crate::process::{Ask, Conversation, Message, Purpose};
use crate::run::leave::{Leave, STOPPED};
use crate::run::shared::Shared;
use crate::store::{CallRecord, CallState};
use serde_json::Map;
use std::collections::BTreeMap;

/// A person's turns in one conversation, from its claim to the end of this run's work on it.
pub(super) struct Sitting<'a> {
    shared: &'a Shared,
    /// The conversation's id.
    id: &'a str,
    /// Messages already shown to each name: their day and their number.
    shown: BTreeMap<String, (u32, usize)>,
}

impl<'a> Sitting<'a> {
    pub(super) fn new(shared: &'a Shared, id: &'a str) -> Self {
        Self { shared, id, shown: BTreeMap::new() }
    }

    /// Asks the person, and returns the call with the answer; the caller stores it with its entry.
    pub(super) async fn typed(&mut self, conversation: &Conversation, ask: &Ask) -> Result<CallRecord, Leave> {
        let stop = &self.shared.options.stop;
        if stop.is_cancelled() {
            return Err(Leave::Interrupted(STOPPED.to_owned()));
        }
        let messages = turns(&ask.view, conversation);
        let began = (self.shared.options.clock)();
        let answer = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(Leave::Interrupted("stopped while a person typed".to_owned())),
            answer = self.answer(conversation, ask, &messages) => answer,
        };
        self.shown.insert(ask.speaker.clone(), (ask.day, messages.len()));
        match answer {
            Answer::Typed(text) => Ok(self.typed_call(conversation, ask, text, began)),
            Answer::Left(why) => {
                self.shared.options.leave.cancel();
                self.shared.options.stop.cancel();
                Err(Leave::Interrupted(why))
            }
        }
    }

    async fn answer(&self, conversation: &Conversation, ask: &Ask, messages: &[Message]) -> Answer {
        let Some(person) = &self.shared.work.person else {
            return Answer::Left("nobody is here to type".to_owned());
        };
        let setting = conversation.setting();
        let is_choice = ask.call.purpose == Purpose::Selection;
        let shown = self.shown.get(&ask.speaker).filter(|(day, _)| *day == ask.day).map_or(0, |(_, shown)| *shown);
        let scene = Scene {
            conversation: self.id,
            seq: ask.seq,
            purpose: ask.call.purpose,
            again: ask.call.ask > 0,
            name: &ask.speaker,
            role: &ask.role,
            day: (ask.day, setting.days),
            message: (ask.index + 1, setting.messages_of(ask.day)),
            messages,
            shown,
            candidates: if is_choice { &ask.others } else { &[] },
            next: conversation.next_in_order(),
        };
        if is_choice { person.choose(&scene).await } else { person.write(&scene).await }
    }

    fn typed_call(&self, conversation: &Conversation, ask: &Ask, text: String, began: i64) -> CallRecord {
        let ended = (self.shared.options.clock)();
        let took = u64::try_from(ended - began).unwrap_or_default();
        let sent = body(HUMAN, &ask.view.messages(conversation.log()), &Map::new());
        CallRecord {
            seq: ask.seq,
            call: ask.call,
            state: CallState::Answered,
            server: HUMAN.to_owned(),
            model: HUMAN.to_owned(),
            parameters: Map::new(),
            view: ask.view.clone(),
            body_sha256: sha256(sent),
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

/// Returns the messages of a view, one for each turn: a person needs no joined turns, and no instructions for a choice.
fn turns(view: &View, conversation: &Conversation) -> Vec<Message> {
    View { merge: false, ending: Vec::new(), ..view.clone() }.messages(conversation.log())
}
