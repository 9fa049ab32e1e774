//! The machine: finds the next step from a setting and the log so far.
//!
//! `next` and `answer` depend only on setting, log and reply, so every prefix of a log continues to the same end
//! (contract R5). The machine has no memory besides the log.

use super::agent::{Agent, Helper};
use super::asking::{Ask, EndedBy, Growth, Next, Process, Reply, Sitting};
use super::judge::{self, Verdict};
use super::log::{CallRef, Entry, Flag, Kind, Purpose};
use super::prompt::{Ending, View};
use super::random::Stream;
use super::reply::{self, Said};
use super::selector;
use super::setting::Setting;
use crate::design::plan::SCRIPTED;
use crate::design::{Chooser, Ends, ModelSpec, Speakers};
use std::sync::Arc;

/// Speaker of each day's opening.
pub const RESEARCHER: &str = "Researcher";
/// Speaker of summaries.
pub const SUMMARIZER: &str = "summarizer";
/// Speaker of selections.
pub const SELECTOR: &str = "selector";
/// Number of times that a choice is requested again after it named nobody.
const CHOICES: u32 = 2;

/// A conversation: its setting and its log.
#[derive(Debug, Clone)]
pub struct Conversation {
    setting: Arc<Setting>,
    log: Vec<Entry>,
    /// Place of today's opening in the log.
    today: usize,
    /// Number of rejected replies that failed the conversation by a `fail` policy. Each retry of the conversation
    /// ignores one of them.
    failures: u32,
}

impl Process for Conversation {
    fn key(&self) -> &str {
        &self.setting.key
    }

    fn log(&self) -> &[Entry] {
        &self.log
    }

    fn push(&mut self, entry: Entry) {
        match entry.kind {
            Kind::Opening => self.today = self.log.len(),
            Kind::Rejected if self.verdict_of(&entry) == Verdict::Fail => self.failures += 1,
            Kind::Speech
            | Kind::Selection
            | Kind::Summary
            | Kind::Rejected
            | Kind::Question
            | Kind::Answer
            | Kind::Turn
            | Kind::Thought
            | Kind::Action
            | Kind::State
            | Kind::Move => {}
        }
        self.log.push(entry);
    }

    fn next(&self) -> Next {
        let Some(last) = self.log.last() else { return Next::Note(self.opening(1)) };
        if last.kind == Kind::Rejected && self.failures > self.setting.retries && self.last_failed() {
            return Next::Failed(judge::failure(last));
        }
        if let Some(note) = self.next_note() {
            return Next::Note(note);
        }
        let Some(ended_by) = self.day_ended_by(last.day) else { return self.speech() };
        let summarised = self.today().iter().any(|e| e.kind == Kind::Summary);
        match &self.setting.summarizer {
            Some(helper) if !summarised && self.wants_summary(last.day) => self.summary(helper),
            _ if self.has_another_day(last.day) => Next::Note(self.opening(last.day + 1)),
            _ => Next::Done(ended_by),
        }
    }

    fn answer(&self, ask: &Ask, reply: &Reply<'_>) -> Entry {
        if let Some(form) = &ask.form {
            return self.take_turn(ask, reply, form);
        }
        let (kind, content, flags) = match ask.call.purpose {
            purpose if ask.model.is_human() => self.take_typed(ask, reply.content.trim(), purpose),
            Purpose::Speech | Purpose::Answer | Purpose::Turn => self.take_speech(ask, reply),
            Purpose::Selection => self.take_selection(ask, reply),
            Purpose::Summary => return judge::take_summary(&self.setting, ask, reply, &self.log),
        };
        judge::entry(ask, reply, kind, content, flags)
    }

    fn left(&self) -> u32 {
        self.setting.calls.saturating_sub(self.answered())
    }

    fn sitting(&self, ask: &Ask) -> Sitting {
        Sitting {
            days: self.setting.protocol.days,
            messages: self.setting.messages_of(ask.day),
            next: self.next_agent().name.clone(),
        }
    }
}

impl Conversation {
    /// Continues a log. Returns an error if its entries are not numbered from 0.
    pub fn replay(setting: Arc<Setting>, log: Vec<Entry>) -> Result<Self, String> {
        let mut conversation = Self { setting, log: Vec::with_capacity(log.len() + 8), today: 0, failures: 0 };
        for (place, entry) in log.into_iter().enumerate() {
            if entry.seq as usize != place {
                return Err(format!("entry {place} of the log is numbered {}", entry.seq));
            }
            conversation.push(entry);
        }
        Ok(conversation)
    }

    fn today(&self) -> &[Entry] {
        &self.log[self.today..]
    }

    fn speeches(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.today().iter().filter(|e| e.kind == Kind::Speech)
    }

    fn messages_today(&self) -> u32 {
        self.today().iter().filter(|e| e.kind.is_message()).count() as u32
    }

    /// Number of rejected replies to the current ask.
    fn rejected(&self) -> u32 {
        self.log.iter().rev().take_while(|e| e.kind == Kind::Rejected).count() as u32
    }

    fn wants_summary(&self, day: u32) -> bool {
        self.has_another_day(day) || self.setting.protocol.final_summary
    }

    fn has_another_day(&self, day: u32) -> bool {
        day < self.setting.protocol.days && self.ended_by_action() != Some(Ends::Conversation)
    }

    /// Returns the reason why a day is over, or `None` while it continues. A stop phrase takes precedence over other
    /// reasons, since it is an outcome of the experiment.
    fn day_ended_by(&self, day: u32) -> Option<EndedBy> {
        if self.stopped() {
            Some(EndedBy::StopPhrase)
        } else if self.ended_by_action().is_some() {
            Some(EndedBy::Action)
        } else if self.everybody_is_silent() {
            Some(EndedBy::Silence)
        } else {
            (self.messages_today() >= self.setting.messages_of(day)).then_some(EndedBy::Messages)
        }
    }

    fn stopped(&self) -> bool {
        let said =
            |e: &Entry| self.setting.protocol.stop_phrases.iter().any(|phrase| e.content.contains(phrase.as_str()));
        self.speeches().next_back().is_some_and(said)
    }

    /// True if empty speeches of every agent end the day. An agent that acts is not silent.
    fn everybody_is_silent(&self) -> bool {
        let silent: Vec<&str> = self
            .speeches()
            .rev()
            .take_while(|e| e.content.is_empty() && !self.has_acted(e))
            .map(|e| e.speaker.as_str())
            .collect();
        silent.len() >= self.setting.agents.len()
            && self.setting.agents.iter().all(|a| silent.contains(&a.name.as_str()))
    }

    fn opening(&self, day: u32) -> Entry {
        open_day(&self.setting, &self.log, day)
    }

    fn ask(&self, purpose: Purpose, view: View, who: (&str, &str, &ModelSpec), others: Vec<String>) -> Ask {
        let seq = self.log.len() as u32;
        Ask {
            base: seq,
            seq,
            growth: Growth::New,
            day: self.log.last().map_or(1, |e| e.day),
            index: self.messages_today(),
            call: CallRef { purpose, ask: self.rejected() },
            view,
            speaker: who.0.to_owned(),
            role: who.1.to_owned(),
            model: who.2.clone(),
            others,
            form: None,
        }
    }

    /// Returns the entry whose prompt begins the next prompt of a speaker, since within a day prompts only grow.
    fn growth(&self, speaker: &str) -> Growth {
        let has_size = |e: &&Entry| e.speaker == speaker && e.prompt.is_some_and(|p| p.tokens.is_some());
        self.today().iter().rev().find(has_size).map_or(Growth::New, |e| Growth::From(e.seq))
    }

    fn speech(&self) -> Next {
        let agent = match self.speaker() {
            Speaker::Is(agent) => agent,
            Speaker::AmongOf(candidates, helper) => return self.selection(&candidates, helper),
        };
        // Only a server refuses two turns in a row; offline transcripts of 0.1 have no silence.
        let is_served = !agent.model.is_human() && agent.model.id != SCRIPTED;
        let form = agent.form_of_turns();
        let view = View {
            system: agent.system(),
            from: self.today as u32,
            to: self.log.len() as u32 - self.rejected(),
            reader: Some(agent.name.clone()),
            labels: self.setting.labels,
            merge: self.setting.protocol.merge,
            alternate: self.setting.protocol.speakers == Speakers::Manual && is_served,
            filled: self.log.get(self.today).is_some_and(|opening| opening.content.is_empty()),
            turns: form.is_some(),
            world: None,
            parts: Vec::new(),
            subject: false,
            ending: form.map(|form| self.turn_ending(agent, form)).unwrap_or_default(),
        };
        let others = self.setting.agents.iter().filter(|a| a.name != agent.name).map(|a| a.name.clone()).collect();
        let (purpose, growth) = match form {
            Some(form) => (Purpose::Turn, self.turn_growth(agent, form)),
            None => (Purpose::Speech, self.growth(&agent.name)),
        };
        let ask = self.ask(purpose, view, (&agent.name, &agent.role, &agent.model), others);
        Next::Ask(vec![Ask { growth, form: form.cloned(), ..ask }])
    }

    fn selection(&self, candidates: &[&Agent], helper: &Helper) -> Next {
        let names: Vec<String> = candidates.iter().map(|a| a.name.clone()).collect();
        let rejected = self.rejected();
        let end = self.log.len() as u32 - rejected;
        let mut ending = vec![Ending::Text(selector::question(&names))];
        for bad in end..self.log.len() as u32 {
            ending.extend([Ending::Rejected(bad), Ending::Text(selector::again(&names))]);
        }
        let view = self.transcript(helper, end, ending);
        Next::Ask(vec![self.ask(Purpose::Selection, view, (SELECTOR, SELECTOR, &helper.model), names)])
    }

    fn summary(&self, helper: &Helper) -> Next {
        let view = self.transcript(helper, self.log.len() as u32 - self.rejected(), Vec::new());
        Next::Ask(vec![self.ask(Purpose::Summary, view, (SUMMARIZER, SUMMARIZER, &helper.model), Vec::new())])
    }

    fn transcript(&self, helper: &Helper, to: u32, ending: Vec<Ending>) -> View {
        View { ending, ..View::transcript(&helper.prompt, self.today as u32, to) }
    }

    /// Returns the next speaker, or the candidates for a choice.
    fn speaker(&self) -> Speaker<'_> {
        let agents = &self.setting.agents;
        let turn = self.log.len() as u32 - self.rejected();
        if let Some(choice) = self.log[..turn as usize].last().filter(|e| e.kind == Kind::Selection) {
            return Speaker::Is(self.chosen(choice));
        }
        let candidates = self.candidates();
        match self.setting.protocol.speakers.chooser() {
            Chooser::Program => {}
            Chooser::Model if candidates.len() == 1 => {}
            Chooser::Model | Chooser::Person => {
                if let Some(helper) = &self.setting.selector {
                    return Speaker::AmongOf(candidates, helper);
                }
            }
        }
        match self.setting.protocol.speakers {
            Speakers::RoundRobin => Speaker::Is(self.next_agent()),
            Speakers::Random | Speakers::Auto | Speakers::Manual => {
                let drawn = Stream::new(&self.setting.key, turn, "speaker", 0).below(candidates.len() as u64);
                Speaker::Is(candidates.get(drawn as usize).copied().unwrap_or(&agents[0]))
            }
        }
    }

    fn last_speaker(&self) -> Option<usize> {
        let last = self.speeches().next_back()?;
        self.setting.agents.iter().position(|a| a.name == last.speaker)
    }

    /// Returns the candidates: all but the last speaker, unless a person chooses.
    fn candidates(&self) -> Vec<&Agent> {
        let last = self.last_speaker().filter(|_| self.setting.protocol.speakers.chooser() != Chooser::Person);
        self.setting.agents.iter().enumerate().filter(|(i, _)| Some(*i) != last).map(|(_, a)| a).collect()
    }

    fn next_agent(&self) -> &Agent {
        let next = self.last_speaker().map_or(0, |last| last + 1);
        &self.setting.agents[next % self.setting.agents.len()]
    }

    fn chosen(&self, choice: &Entry) -> &Agent {
        let candidates = self.candidates();
        let named = selector::choice(&choice.content, &candidates);
        match named {
            Some(agent) if !choice.flags.contains(&Flag::ChoiceFallback) => agent,
            _ => self.next_agent(),
        }
    }

    fn take_speech(&self, ask: &Ask, reply: &Reply<'_>) -> (Kind, String, Vec<Flag>) {
        let earlier: Vec<Said<'_>> =
            self.speeches().map(|e| Said { speaker: &e.speaker, content: &e.content }).collect();
        let (content, flags) = judge::speech(&self.setting, ask, reply, &earlier, &self.log);
        let kind = match self.setting.verdict(&flags, ask.call) {
            Verdict::Keep => Kind::Speech,
            Verdict::Again | Verdict::Fail => Kind::Rejected,
        };
        (kind, content, flags)
    }

    fn take_selection(&self, ask: &Ask, reply: &Reply<'_>) -> (Kind, String, Vec<Flag>) {
        let cleaned = reply::clean_plain(reply.content);
        let mut flags = cleaned.flags;
        flags.extend(judge::server_flags(ask, reply, &self.log));
        let found = selector::choice(&cleaned.text, &self.candidates()).is_some();
        let is_last = ask.call.ask >= CHOICES;
        if !found && is_last {
            flags.push(Flag::ChoiceFallback);
        }
        let flags = judge::sorted(flags);
        let taken = (found || is_last) && self.setting.verdict(&flags, ask.call) != Verdict::Fail;
        (if taken { Kind::Selection } else { Kind::Rejected }, cleaned.text, flags)
    }

    /// Keeps a person's text unchanged. An empty choice selects the next agent in order.
    fn take_typed(&self, ask: &Ask, typed: &str, purpose: Purpose) -> (Kind, String, Vec<Flag>) {
        if purpose == Purpose::Selection {
            let candidates = self.candidates();
            let next = || typed.is_empty().then(|| self.next_agent());
            return match selector::choice(typed, &candidates).or_else(next) {
                Some(agent) => (Kind::Selection, agent.name.clone(), Vec::new()),
                None if ask.call.ask >= CHOICES => (Kind::Selection, typed.to_owned(), vec![Flag::ChoiceFallback]),
                None => (Kind::Rejected, typed.to_owned(), Vec::new()),
            };
        }
        let flags = if typed.is_empty() { vec![Flag::Empty] } else { Vec::new() };
        let kind = match (self.setting.verdict(&flags, ask.call), purpose) {
            (Verdict::Fail, _) | (Verdict::Again, Purpose::Speech | Purpose::Turn) => Kind::Rejected,
            (_, Purpose::Speech | Purpose::Turn) => Kind::Speech,
            (_, Purpose::Selection | Purpose::Summary | Purpose::Answer) => Kind::Summary,
        };
        (kind, typed.to_owned(), flags)
    }

    fn verdict_of(&self, rejected: &Entry) -> Verdict {
        rejected.call.map_or(Verdict::Keep, |call| self.setting.verdict(&rejected.flags, call))
    }

    fn last_failed(&self) -> bool {
        self.log.last().is_some_and(|e| self.verdict_of(e) == Verdict::Fail)
    }
}

/// Returns the opening of a day, with the summaries of the days before.
pub(super) fn open_day(setting: &Setting, log: &[Entry], day: u32) -> Entry {
    let mut content = setting.starting_message.clone();
    for summary in log.iter().filter(|e| e.kind == Kind::Summary) {
        content.extend(["\n\nDay ", &summary.day.to_string(), " summary:\n", &summary.content]);
    }
    Entry {
        seq: log.len() as u32,
        day,
        index: 0,
        kind: Kind::Opening,
        speaker: RESEARCHER.to_owned(),
        role: None,
        model: None,
        content,
        raw: None,
        flags: Vec::new(),
        call: None,
        prompt: None,
        more: None,
    }
}

#[cfg(test)]
mod tests;
mod turns;

enum Speaker<'a> {
    Is(&'a Agent),
    AmongOf(Vec<&'a Agent>, &'a Helper),
}
