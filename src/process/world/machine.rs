//! The machine of a world: it takes the log entry by entry, keeps each agent's memory as it grows, and names what comes
//! next: notes, a round of asks, or the end.

use super::ears::Ears;
use super::scene::Scene;
use crate::design::Ends;
use crate::process::asking::{Ask, EndedBy, Next, Process, Reply, Sitting};
use crate::process::judge::{self, Verdict};
use crate::process::log::{Entry, Kind, Purpose};
use crate::process::setting::Setting;
use crate::process::turn::data;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A world: its setting and its log.
#[derive(Debug, Clone)]
pub struct World {
    pub(super) setting: Arc<Setting>,
    pub(super) scene: Arc<Scene>,
    pub(super) log: Vec<Entry>,
    pub(super) ears: Option<Ears>,
    pub(super) minds: Vec<Mind>,
    pub(super) day: u32,
    pub(super) step: u32,
    pub(super) todo: Todo,
    phase: Phase,
    groups: VecDeque<Vec<usize>>,
    lanes: Vec<Lane>,
    facts: Facts,
    /// Number of quiet steps in a row.
    quiet: u32,
    /// Number of replies that failed the world. Each retry ignores one of them.
    failures: u32,
    ended_by: EndedBy,
}

/// Knowledge of an agent besides its prompt.
#[derive(Debug, Clone, Default)]
pub(super) struct Mind {
    /// Events that it perceived and own turns, in order.
    pub(super) items: Vec<Item>,
    /// Events that it perceived in this group, which it remembers behind its own turn.
    heard: Vec<u32>,
    /// Texts of its state by title.
    pub(super) kept: BTreeMap<String, String>,
    /// Results of its last actions, and reasons why one failed.
    pub(super) back: Vec<String>,
}

/// An item of a memory: entries of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) from: u32,
    pub(super) to: u32,
    /// True for an own turn.
    pub(super) is_own: bool,
}

/// One agent's turn in a round.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) agent: usize,
    /// Places of its rejected replies.
    pub(super) rejected: Vec<u32>,
    /// Number of turns that it took in this step.
    pub(super) turns: u32,
}

/// Work that comes next.
#[derive(Debug, Clone)]
pub(super) enum Todo {
    /// Append these entries.
    Notes(VecDeque<Entry>),
    /// Ask for turns.
    Turns {
        /// Length of the log when the round began.
        base: u32,
        /// The turns.
        lanes: Vec<Lane>,
    },
    /// Ask for the day's summary.
    Summary {
        /// Length of the log when the round began.
        base: u32,
    },
    /// The end.
    Done(EndedBy),
    /// A reply failed the world.
    Failed(String),
}

/// Part of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Step,
    Group,
    Turns,
    TurnsAnswered,
    EndOfStep,
    EndOfDay,
    SummaryAnswered,
    NextDay,
}

/// Events of a step that decide whether the day goes on.
#[derive(Debug, Clone, Default)]
struct Facts {
    /// True if somebody said or did something.
    is_loud: bool,
    /// True if a speech contains a stop phrase.
    is_stopped: bool,
    /// The greatest part of the conversation that an action ended.
    ends: Option<Ends>,
}

impl Process for World {
    fn key(&self) -> &str {
        &self.setting.key
    }

    fn log(&self) -> &[Entry] {
        &self.log
    }

    fn next(&self) -> Next {
        match &self.todo {
            Todo::Notes(notes) => notes.front().map_or(Next::Done(self.ended_by), |note| Next::Note(note.clone())),
            Todo::Turns { base, lanes } => {
                let missing = lanes.iter().enumerate().skip(self.log.len() - *base as usize);
                Next::Ask(missing.map(|(i, lane)| self.ask(*base, *base + i as u32, lane)).collect())
            }
            Todo::Summary { base } => {
                self.ask_summary(*base).map_or(Next::Done(self.ended_by), |ask| Next::Ask(vec![ask]))
            }
            Todo::Done(ended_by) => Next::Done(*ended_by),
            Todo::Failed(why) => Next::Failed(why.clone()),
        }
    }

    fn answer(&self, ask: &Ask, reply: &Reply<'_>) -> Entry {
        match ask.call.purpose {
            Purpose::Summary => judge::take_summary(&self.setting, ask, reply, &self.log),
            Purpose::Speech | Purpose::Selection | Purpose::Answer | Purpose::Turn => self.take_turn(ask, reply),
        }
    }

    fn push(&mut self, entry: Entry) {
        let length = self.log.len() as u32 + 1;
        let is_over = match &mut self.todo {
            Todo::Notes(notes) => {
                notes.pop_front();
                let is_over = notes.is_empty();
                self.take_note(&entry);
                is_over
            }
            Todo::Turns { base, lanes } => length == *base + lanes.len() as u32,
            Todo::Summary { base } => length == *base + 1,
            Todo::Done(_) | Todo::Failed(_) => false,
        };
        self.log.push(entry);
        if is_over {
            self.advance();
        }
    }

    fn left(&self) -> u32 {
        self.setting.calls.saturating_sub(self.answered())
    }

    fn sitting(&self, _ask: &Ask) -> Sitting {
        Sitting { days: self.setting.protocol.days, messages: self.scene.steps, next: String::new() }
    }
}

impl World {
    /// Continues a log.
    ///
    /// # Errors
    /// The setting has no world, or the entries are not numbered from 0.
    pub fn replay(setting: Arc<Setting>, log: Vec<Entry>) -> Result<Self, String> {
        let Some(scene) = setting.world.clone() else { return Err("it is no world".to_owned()) };
        let minds = vec![Mind::default(); setting.agents.len()];
        let mut world = Self {
            scene,
            log: Vec::with_capacity(log.len() + 8),
            ears: None,
            minds,
            day: 1,
            step: 0,
            todo: Todo::Notes(VecDeque::new()),
            phase: Phase::Step,
            groups: VecDeque::new(),
            lanes: Vec::new(),
            facts: Facts::default(),
            quiet: 0,
            failures: 0,
            ended_by: EndedBy::Steps,
            setting,
        };
        world.todo = Todo::Notes(VecDeque::from([world.opening()]));
        for (place, entry) in log.into_iter().enumerate() {
            if entry.seq as usize != place {
                return Err(format!("entry {place} of the log is numbered {}", entry.seq));
            }
            world.push(entry);
        }
        Ok(world)
    }

    /// Finds what comes next, phase by phase, until there is something to do.
    fn advance(&mut self) {
        loop {
            let todo = match self.phase {
                Phase::Step => self.begin_step(),
                Phase::Group => self.begin_group(),
                Phase::Turns => self.ask_turns(),
                Phase::TurnsAnswered => self.end_round(),
                Phase::EndOfStep => self.end_step(),
                Phase::EndOfDay => self.ask_for_summary(),
                Phase::SummaryAnswered => self.end_summary(),
                Phase::NextDay => Some(self.begin_day()),
            };
            if let Some(todo) = todo {
                self.todo = todo;
                return;
            }
        }
    }

    fn begin_step(&mut self) -> Option<Todo> {
        self.step += 1;
        self.facts = Facts::default();
        if let Some(ears) = &mut self.ears {
            ears.settle();
        }
        self.groups = self.scene.groups(&self.setting.key, self.day, self.step).into();
        self.phase = Phase::Group;
        None
    }

    fn begin_group(&mut self) -> Option<Todo> {
        match self.groups.pop_front() {
            Some(group) => {
                self.lanes = group.into_iter().map(|agent| Lane { agent, rejected: Vec::new(), turns: 0 }).collect();
                self.phase = Phase::Turns;
            }
            None => self.phase = Phase::EndOfStep,
        }
        None
    }

    fn ask_turns(&mut self) -> Option<Todo> {
        if self.lanes.is_empty() {
            self.remember();
            self.phase = Phase::Group;
            return None;
        }
        self.phase = Phase::TurnsAnswered;
        Some(Todo::Turns { base: self.log.len() as u32, lanes: std::mem::take(&mut self.lanes) })
    }

    /// Adds what was perceived in a group behind the own turns.
    fn remember(&mut self) {
        for mind in &mut self.minds {
            mind.items.extend(mind.heard.drain(..).map(|seq| Item { from: seq, to: seq + 1, is_own: false }));
        }
    }

    /// Reads the replies of a round, and derives the notes of those that were taken.
    fn end_round(&mut self) -> Option<Todo> {
        let Todo::Turns { base, lanes } = std::mem::replace(&mut self.todo, Todo::Notes(VecDeque::new())) else {
            return None;
        };
        let mut notes = VecDeque::new();
        let mut failed = None;
        let mut moves = Vec::new();
        for (i, mut lane) in lanes.into_iter().enumerate() {
            let entry = self.log[base as usize + i].clone();
            match self.verdict_of(&entry) {
                Verdict::Again | Verdict::Fail => {
                    let is_failed = self.verdict_of(&entry) == Verdict::Fail;
                    self.failures += u32::from(is_failed);
                    if is_failed && self.failures > self.setting.retries {
                        failed = failed.or_else(|| Some(judge::failure(&entry)));
                    }
                    lane.rejected.push(entry.seq);
                    self.lanes.push(lane);
                }
                Verdict::Keep => {
                    self.minds[lane.agent].back.clear();
                    lane.turns += 1;
                    lane.rejected.clear();
                    if entry.kind == Kind::Speech {
                        self.take_note(&entry);
                        continue;
                    }
                    let first = self.log.len() as u32 + notes.len() as u32;
                    let derived = self.derive_notes(&entry, lane.agent, first, &mut moves);
                    let has_result =
                        derived.iter().any(|note| data::data(note).is_some_and(|d| d.contains_key("result")));
                    notes.extend(derived);
                    if has_result && lane.turns < self.setting.agents[lane.agent].turns {
                        self.lanes.push(lane);
                    }
                }
            }
        }
        self.phase = Phase::Turns;
        match failed {
            Some(why) => Some(Todo::Failed(why)),
            None => (!notes.is_empty()).then_some(Todo::Notes(notes)),
        }
    }

    fn verdict_of(&self, entry: &Entry) -> Verdict {
        let rejected = entry.call.filter(|_| entry.kind == Kind::Rejected);
        rejected.map_or(Verdict::Keep, |call| self.setting.verdict(&entry.flags, call))
    }

    /// Decides whether the day goes on, once the step is stored.
    fn end_step(&mut self) -> Option<Todo> {
        self.quiet = if self.facts.is_loud { 0 } else { self.quiet + 1 };
        let ended_by = if self.facts.is_stopped {
            Some(EndedBy::StopPhrase)
        } else if self.facts.ends.is_some() {
            Some(EndedBy::Action)
        } else if self.scene.quiet.is_some_and(|most| self.quiet >= most) {
            Some(EndedBy::Quiet)
        } else {
            (self.step >= self.scene.steps).then_some(EndedBy::Steps)
        };
        self.phase = match ended_by {
            Some(ended_by) => {
                self.ended_by = ended_by;
                Phase::EndOfDay
            }
            None => Phase::Step,
        };
        None
    }

    fn has_another_day(&self) -> bool {
        self.day < self.setting.protocol.days && self.facts.ends != Some(Ends::Conversation)
    }

    fn ask_for_summary(&mut self) -> Option<Todo> {
        if self.setting.summarizer.is_none() || !self.has_another_day() {
            self.phase = Phase::NextDay;
            return None;
        }
        self.phase = Phase::SummaryAnswered;
        Some(Todo::Summary { base: self.log.len() as u32 })
    }

    fn end_summary(&mut self) -> Option<Todo> {
        let last = self.log.last().cloned()?;
        self.phase = Phase::NextDay;
        if self.verdict_of(&last) == Verdict::Fail {
            self.failures += 1;
            self.phase = Phase::EndOfDay;
            return (self.failures > self.setting.retries).then(|| Todo::Failed(judge::failure(&last)));
        }
        None
    }

    fn begin_day(&mut self) -> Todo {
        if !self.has_another_day() {
            return Todo::Done(self.ended_by);
        }
        self.day += 1;
        (self.step, self.quiet, self.phase) = (0, 0, Phase::Step);
        Todo::Notes(VecDeque::from([self.opening()]))
    }

    /// Takes an entry that is no reply, or a speech as plain text: who perceives it, and what its owner keeps.
    fn take_note(&mut self, entry: &Entry) {
        if entry.kind == Kind::Opening && self.ears.is_none() {
            self.ears = Ears::of_opening(entry);
        }
        let Some(ears) = &mut self.ears else { return };
        let owner = ears.agent(&entry.speaker);
        for agent in ears.perceive(entry).unwrap_or_default() {
            match (self.minds.get_mut(agent), entry.kind) {
                (Some(mind), Kind::Opening) => {
                    mind.items.push(Item { from: entry.seq, to: entry.seq + 1, is_own: false });
                }
                (Some(mind), _) => mind.heard.push(entry.seq),
                (None, _) => {}
            }
        }
        if let Some(agent) = owner {
            self.keep_own(entry, agent);
        }
    }

    fn keep_own(&mut self, entry: &Entry, agent: usize) {
        let form = self.setting.agents[agent].form.clone();
        let Some(mind) = self.minds.get_mut(agent) else { return };
        match mind.items.last_mut().filter(|item| item.is_own && item.to == entry.seq) {
            Some(item) => item.to += 1,
            None => mind.items.push(Item { from: entry.seq, to: entry.seq + 1, is_own: true }),
        }
        match entry.kind {
            Kind::Speech => {
                self.facts.is_loud |= !entry.content.is_empty();
                let stops = &self.setting.protocol.stop_phrases;
                self.facts.is_stopped |= stops.iter().any(|phrase| entry.content.contains(phrase.as_str()));
            }
            Kind::Move => self.facts.is_loud = true,
            Kind::Action => {
                self.facts.is_loud |= data::is_done(entry);
                if let Some(form) = &form {
                    self.facts.ends = self.facts.ends.max(data::ended_by(entry, form));
                    mind.back.extend(data::came_back(entry, form));
                }
            }
            Kind::State => {
                for (title, text) in data::data(entry).into_iter().flatten() {
                    mind.kept.insert(title.clone(), text.as_str().unwrap_or_default().to_owned());
                }
            }
            Kind::Opening
            | Kind::Selection
            | Kind::Summary
            | Kind::Rejected
            | Kind::Question
            | Kind::Answer
            | Kind::Turn
            | Kind::Thought => {}
        }
    }
}
