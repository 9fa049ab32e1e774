//! Turns as JSON in a conversation: one reply brings one entry, and the notes that follow it.

use super::{Conversation, judge};
use crate::design::Ends;
use crate::process::Agent;
use crate::process::asking::{Ask, Growth, Reply};
use crate::process::log::{Entry, Flag, Kind};
use crate::process::prompt::Ending;
use crate::process::reply::Said;
use crate::process::turn::read::{Act, ReadTurn};
use crate::process::turn::{TurnForm, data};

/// Request for the object after a reply that could not be read.
const AGAIN: &str = include_str!("../../../prompts/turn-again.md");
/// Request for the next turn of an agent that has a state, or whose actions came back.
const NOW: &str = include_str!("../../../prompts/turn-now.md");

impl Conversation {
    /// Returns the next note of the last turn, or `None` if all its notes are in the log.
    pub(super) fn next_note(&self) -> Option<Entry> {
        let is_note = |e: &&Entry| e.call.is_none() && e.kind != Kind::Opening;
        let made = self.log.iter().rev().take_while(is_note).count();
        let turn = self.log[..self.log.len() - made].last().filter(|e| e.kind == Kind::Turn)?;
        data::notes(turn, self.form_of(&turn.speaker)?).into_iter().nth(made)
    }

    fn form_of(&self, agent: &str) -> Option<&TurnForm> {
        self.setting.agents.iter().find(|a| a.name == agent)?.form.as_deref()
    }

    /// Returns the greatest part of the conversation that an action of today ended.
    pub(super) fn ended_by_action(&self) -> Option<Ends> {
        let actions = self.today().iter().filter(|e| e.kind == Kind::Action);
        actions.filter_map(|e| data::ended_by(e, self.form_of(&e.speaker)?)).max()
    }

    /// Returns true if the speaker did something beside this speech.
    pub(super) fn has_acted(&self, speech: &Entry) -> bool {
        let behind = self.log.get(speech.seq as usize + 1..).unwrap_or_default();
        behind.iter().take_while(|e| e.kind == Kind::Action).any(data::is_done)
    }

    /// Returns what follows the entries in the prompt of an agent: what only it knows, then its replies that could not
    /// be read.
    pub(super) fn turn_ending(&self, agent: &Agent, form: &TurnForm) -> Vec<Ending> {
        let now = self.now(agent, form).map(Ending::Text);
        let rejected = &self.log[self.log.len() - self.rejected() as usize..];
        let again = rejected.iter().filter_map(|bad| {
            let why = data::malformed(bad)?;
            Some([Ending::Rejected(bad.seq), Ending::Text(AGAIN.trim_end().replace("{{reason}}", why))])
        });
        now.into_iter().chain(again.flatten()).collect()
    }

    /// Returns what only an agent knows: its state, and what came back of its last actions.
    pub(in crate::process) fn now(&self, agent: &Agent, form: &TurnForm) -> Option<String> {
        let now: Vec<String> = self.kept(agent, form).chain(self.came_back(agent, form)).collect();
        (!now.is_empty()).then(|| format!("{}\n{}", NOW.trim_end(), now.join("\n")))
    }

    /// Returns the texts of an agent's state, which it keeps through all days.
    fn kept<'a>(&'a self, agent: &'a Agent, form: &'a TurnForm) -> impl Iterator<Item = String> + 'a {
        let states = move || self.log.iter().rev().filter(|e| e.kind == Kind::State && e.speaker == agent.name);
        form.state.iter().filter_map(move |title| {
            let text = states().find_map(|e| data::data(e)?.get(title)?.as_str())?;
            Some(format!("- {title}: {text}"))
        })
    }

    /// Returns what came back of the actions of the agent's last turn of the day.
    fn came_back<'a>(&'a self, agent: &'a Agent, form: &'a TurnForm) -> impl Iterator<Item = String> + 'a {
        let is_last = |e: &&Entry| e.kind == Kind::Turn && e.speaker == agent.name;
        let turn = self.today().iter().rev().find(is_last).map_or(self.log.len(), |e| e.seq as usize + 1);
        let notes = self.log[turn..].iter().take_while(|e| e.call.is_none() && e.speaker == agent.name);
        notes
            .filter(|e| e.kind == Kind::Action)
            .filter_map(|e| data::came_back(e, form))
            .map(|line| format!("- {line}"))
    }

    /// Returns the relation of a turn's prompt to the agent's last one. It is known where nothing but entries follows
    /// the system prompt.
    pub(super) fn turn_growth(&self, agent: &Agent, form: &TurnForm) -> Growth {
        let has_plain_end = |seq: u32| self.log[seq as usize].call.is_some_and(|call| call.ask == 0);
        match self.growth(&agent.name) {
            Growth::From(seq)
                if form.state.is_empty() && form.actions.is_empty() && self.rejected() == 0 && has_plain_end(seq) =>
            {
                Growth::From(seq)
            }
            Growth::New => Growth::New,
            Growth::From(_) | Growth::Unknown => Growth::Unknown,
        }
    }

    /// Reads a turn. An agent whose reply is rejected reads it again; `raw` has all of it.
    pub(super) fn take_turn(&self, ask: &Ask, reply: &Reply<'_>, form: &TurnForm) -> Entry {
        let (text, flags, turn) = judge::read_turn(ask, reply, form, &self.log);
        let (said, more) = match turn {
            Ok(turn) => {
                let (said, of_text) = self.take_said(ask, &turn);
                let more = data::of_turn(&turn, form, &said, &of_text);
                ((said, of_text), more)
            }
            Err(why) => ((data::shorten(&text), Vec::new()), data::of_malformed(form, &why)),
        };
        judge::turn_entry(&self.setting, (ask, reply), flags, said, more)
    }

    /// Cleans what is said, and flags it as a speech. An agent that acts may be silent.
    fn take_said(&self, ask: &Ask, turn: &ReadTurn) -> (String, Vec<Flag>) {
        let earlier: Vec<Said<'_>> =
            self.speeches().map(|e| Said { speaker: &e.speaker, content: &e.content }).collect();
        let (said, mut flags) = judge::said(&self.setting, ask, &turn.text, &earlier);
        if turn.actions.iter().any(|act| matches!(act, Act::Done { .. })) {
            flags.retain(|flag| *flag != Flag::Empty);
        }
        (said, flags)
    }
}
