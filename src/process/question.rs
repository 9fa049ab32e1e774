//! A question. Each agent of a finished conversation answers it alone, after its own context. All agents are asked at
//! once.
//!
//! The log begins with the question; each agent's answer follows in speaking order, in one round. If `[health]` rejects
//! answers, the next round repeats their asks.

use super::agent::Agent;
use super::asking::{Ask, EndedBy, Growth, Next, Process, Reply};
use super::judge::{self, Verdict};
use super::log::{CallRef, Entry, Kind, Purpose};
use super::prompt::{Ending, View};
use super::reply::Said;
use super::setting::Setting;
use super::state::{Conversation, RESEARCHER};
use super::world::World;
use crate::design::{ModelSpec, Speakers, key};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;

/// Input of a question's key.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Key of the conversation.
    pub subject: &'a str,
    /// Hash of the conversation's log, by [`log_hash`].
    pub log: &'a str,
    /// Role of the asked agents.
    pub role: &'a str,
    /// The question as typed.
    pub text: &'a str,
    /// Model that answers instead of each agent's own model.
    pub model: Option<&'a ModelSpec>,
    /// 2, 3, … if the same question is asked again; `None` the first time.
    pub again: Option<u32>,
}

impl Asked<'_> {
    /// Returns the key: SHA-256 over canonical JSON. The JSON omits `model` and `again` if they are `None`.
    pub fn key(&self) -> String {
        let Self { subject, log, role, text, model, again } = self;
        let mut made = Map::new();
        let mut insert = |name: &str, value: Json| made.insert(name.to_owned(), value);
        insert("process", json!("question"));
        insert("subject", json!(subject));
        insert("log", json!(log));
        insert("role", json!(role));
        insert("question", json!(text));
        if let Some(model) = model {
            insert("model", key::describe_model(model));
        }
        if let Some(again) = again {
            insert("again", json!(again));
        }
        key::hash(Json::Object(made))
    }
}

/// Returns the SHA-256 over the canonical JSON of a log's `[seq, kind, speaker, content]` list.
pub fn log_hash(log: &[Entry]) -> String {
    key::hash(log.iter().map(|e| json!([e.seq, e.kind.word(), e.speaker, e.content])).collect())
}

/// A question to the agents of one role, and their answers so far.
#[derive(Debug, Clone)]
pub struct Question {
    key: String,
    text: String,
    /// Setting of the conversation. Its `retries` are replaced by the retries of the question.
    setting: Arc<Setting>,
    /// Asked agents, in speaking order.
    agents: Vec<Agent>,
    /// Text that only each of them knew at the end of the conversation.
    known: Vec<Option<String>>,
    /// Prompt of each of them before the question, if the conversation is a world.
    views: Vec<Option<View>>,
    subject: Vec<Entry>,
    log: Vec<Entry>,
}

/// A round: the log's length at its start, and the asked agents, each with the number of its rejected replies.
struct Round {
    base: usize,
    lanes: Vec<(usize, u32)>,
}

impl Question {
    /// Continues the log of a question about the finished log `subject`. `model` replaces each agent's own model.
    ///
    /// # Errors
    /// The conversation has no such agents, or the log belongs to another question.
    pub fn replay(
        (key, text): (String, String),
        setting: Arc<Setting>,
        (names, model): (&[String], Option<&ModelSpec>),
        subject: Vec<Entry>,
        log: Vec<Entry>,
    ) -> Result<Self, String> {
        let is_asked = |agent: &&Agent| names.contains(&agent.name);
        let answering = |agent: &Agent| Agent { model: model.unwrap_or(&agent.model).clone(), ..agent.clone() };
        let agents: Vec<Agent> = setting.agents.iter().filter(is_asked).map(answering).collect();
        if agents.len() != names.len() {
            return Err(format!("the conversation has no agents {}", names.join(", ")));
        }
        if let Some(place) = log.iter().enumerate().find(|(place, e)| e.seq as usize != *place).map(|(place, _)| place)
        {
            return Err(format!("entry {place} of the log is numbered {}", log[place].seq));
        }
        let known = find_known(&setting, &agents, &subject);
        let world = setting.world.as_ref().and_then(|_| World::replay(Arc::clone(&setting), subject.clone()).ok());
        let views = agents.iter().map(|agent| world.as_ref()?.view_afterwards(&agent.name)).collect();
        Ok(Self { key, text, setting, agents, known, views, subject, log })
    }

    /// Returns the current round, or the rejected reply that made the question fail.
    fn round(&self) -> Result<Round, &Entry> {
        let mut round = Round { base: 1, lanes: (0..self.agents.len()).map(|agent| (agent, 0)).collect() };
        let mut failures = vec![0; self.agents.len()];
        loop {
            let end = round.base + round.lanes.len();
            if round.lanes.is_empty() || self.log.len() < end {
                return Ok(round);
            }
            let mut next = Vec::new();
            for ((agent, ask), entry) in round.lanes.iter().zip(&self.log[round.base..end]) {
                match self.verdict_of(entry) {
                    Verdict::Keep => continue,
                    Verdict::Again => {}
                    Verdict::Fail => failures[*agent] += 1,
                }
                if failures[*agent] > self.setting.retries {
                    return Err(entry);
                }
                next.push((*agent, ask + 1));
            }
            round = Round { base: end, lanes: next };
        }
    }

    fn verdict_of(&self, entry: &Entry) -> Verdict {
        let rejected = entry.call.filter(|_| entry.kind == Kind::Rejected);
        rejected.map_or(Verdict::Keep, |call| self.setting.verdict(&entry.flags, call))
    }

    fn opening(&self) -> Entry {
        Entry {
            seq: 0,
            day: 1,
            index: 0,
            kind: Kind::Question,
            speaker: RESEARCHER.to_owned(),
            role: None,
            model: None,
            content: self.text.clone(),
            raw: None,
            flags: Vec::new(),
            call: None,
            prompt: None,
            more: None,
        }
    }

    fn ask(&self, round: &Round, lane: usize) -> Ask {
        let (place, ask) = round.lanes[lane];
        let agent = &self.agents[place];
        let others = self.setting.agents.iter().filter(|a| a.name != agent.name).map(|a| a.name.clone()).collect();
        Ask {
            base: round.base as u32,
            seq: (round.base + lane) as u32,
            growth: Growth::Unknown,
            day: 1,
            index: 0,
            call: CallRef { purpose: Purpose::Answer, ask },
            view: self.view_in_world(place).unwrap_or_else(|| self.view(agent, self.known[place].as_ref())),
            speaker: agent.name.clone(),
            role: agent.role.clone(),
            model: agent.model.clone(),
            others,
            form: None,
        }
    }

    /// Returns what an agent of a world reads: its memory and its last moment, then the question.
    fn view_in_world(&self, place: usize) -> Option<View> {
        let mut view = self.views[place].clone()?;
        view.ending.push(Ending::Text(self.text.clone()));
        Some(view)
    }

    /// Returns the messages of the agent's next turn on the last day, then the question.
    fn view(&self, agent: &Agent, known: Option<&String>) -> View {
        View {
            system: agent.prompt.clone(),
            from: self.last_opening() as u32,
            to: self.subject.len() as u32,
            reader: Some(agent.name.clone()),
            labels: self.setting.labels,
            merge: self.setting.protocol.merge,
            alternate: self.setting.protocol.speakers == Speakers::Manual,
            filled: self.subject.get(self.last_opening()).is_some_and(|opening| opening.content.is_empty()),
            turns: agent.form_of_turns().is_some(),
            world: None,
            parts: Vec::new(),
            subject: true,
            ending: known.cloned().into_iter().chain([self.text.clone()]).map(Ending::Text).collect(),
        }
    }

    fn last_opening(&self) -> usize {
        self.subject.iter().rposition(|e| e.kind == Kind::Opening).unwrap_or(0)
    }
}

/// Returns the text that only each agent knew at the end of a conversation. An agent that is asked answers with plain text,
/// so its prompt has no form of an answer.
fn find_known(setting: &Arc<Setting>, agents: &[Agent], subject: &[Entry]) -> Vec<Option<String>> {
    if setting.world.is_some() || agents.iter().all(|agent| agent.form_of_turns().is_none()) {
        return vec![None; agents.len()];
    }
    let conversation = Conversation::replay(Arc::clone(setting), subject.to_vec()).ok();
    agents.iter().map(|agent| conversation.as_ref()?.now(agent, agent.form_of_turns()?)).collect()
}

impl Process for Question {
    fn key(&self) -> &str {
        &self.key
    }

    fn log(&self) -> &[Entry] {
        &self.log
    }

    fn subject(&self) -> &[Entry] {
        &self.subject
    }

    fn next(&self) -> Next {
        if self.log.is_empty() {
            return Next::Note(self.opening());
        }
        match self.round() {
            Err(rejected) => Next::Failed(judge::failure(rejected)),
            Ok(round) if round.lanes.is_empty() => Next::Done(EndedBy::Answered),
            Ok(round) => {
                let missing = self.log.len() - round.base..round.lanes.len();
                Next::Ask(missing.map(|lane| self.ask(&round, lane)).collect())
            }
        }
    }

    fn answer(&self, ask: &Ask, reply: &Reply<'_>) -> Entry {
        let today = self.subject[self.last_opening()..].iter().filter(|e| e.kind == Kind::Speech);
        let earlier: Vec<Said<'_>> = today.map(|e| Said { speaker: &e.speaker, content: &e.content }).collect();
        let (content, flags) = judge::speech(&self.setting, ask, reply, &earlier, &self.log[..ask.base as usize]);
        let kind = match self.setting.verdict(&flags, ask.call) {
            Verdict::Keep => Kind::Answer,
            Verdict::Again | Verdict::Fail => Kind::Rejected,
        };
        judge::entry(ask, reply, kind, content, flags)
    }

    fn push(&mut self, entry: Entry) {
        self.log.push(entry);
    }

    fn left(&self) -> u32 {
        let answered = self.log.iter().filter(|e| e.kind == Kind::Answer).count();
        self.agents.len().saturating_sub(answered) as u32
    }
}

#[cfg(test)]
mod tests;
