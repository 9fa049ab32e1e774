//! The machine: given a setting and the log so far, what comes next.
//!
//! `next` and `answer` are functions of setting, log and reply alone, so that any prefix of a log continues to the
//! same end (contract R5). Nothing is remembered that the log does not say.

use super::agent::{Agent, Helper};
use super::log::{CallRef, Entry, Flag, Kind, PromptSize, Purpose};
use super::prompt::{Ending, View};
use super::random::Stream;
use super::reply::{self, Said, Scene};
use super::selector;
use super::setting::Setting;
use crate::design::{ModelSpec, Speakers};
use std::sync::Arc;

/// Who opens each day.
pub const RESEARCHER: &str = "Researcher";
/// Who summarises a day.
pub const SUMMARIZER: &str = "summarizer";
/// Who chooses the next speaker.
pub const SELECTOR: &str = "selector";
/// Further askings after a choice that names nobody.
const CHOICES: u32 = 2;

/// A conversation: its setting and what has happened.
#[derive(Debug, Clone)]
pub struct Conversation {
    setting: Arc<Setting>,
    log: Vec<Entry>,
    /// Where today's opening stands in the log.
    today: usize,
    /// Rejected replies that a `fail` policy made the end, each of which a retry may pass over.
    failures: u32,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Append this; nobody is asked.
    Note(Entry),
    /// Ask a model.
    Ask(Box<Ask>),
    /// Nothing: the conversation is at its end.
    Done,
    /// Nothing: a reply was refused for good; why.
    Failed(String),
}

/// A question to a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// Where its entry will stand.
    pub seq: u32,
    /// Day, from 1.
    pub day: u32,
    /// Messages that the day had before.
    pub index: u32,
    /// What is asked for and which asking.
    pub call: CallRef,
    /// What the model sees.
    pub view: View,
    /// Who answers: an agent's name, `summarizer`, `selector`.
    pub speaker: String,
    /// Its role.
    pub role: String,
    /// Its model.
    pub model: ModelSpec,
    /// Who may be chosen, for a selection; else the other agents.
    pub others: Vec<String>,
}

/// What the machine needs of a reply.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that a server tells or does not")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The text as the model gave it.
    pub content: &'a str,
    /// Reasoning came apart from the text.
    pub thinking: bool,
    /// The server said that this is a refusal.
    pub refused: bool,
    /// Cut at the length limit.
    pub length: bool,
    /// Filtered by the server.
    pub filtered: bool,
    /// The prompt's size.
    pub prompt: PromptSize,
    /// The context in tokens, where it is known.
    pub context: Option<u32>,
}

/// What becomes of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Keep,
    Again,
    Fail,
}

impl Conversation {
    /// Continues a log. Errors when it is not a log of this setting: its entries are not numbered from 0.
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

    /// The setting.
    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// What has happened.
    pub fn log(&self) -> &[Entry] {
        &self.log
    }

    /// Calls whose reply is in the log.
    pub fn answered(&self) -> u32 {
        self.log.iter().filter(|e| e.call.is_some()).count() as u32
    }

    /// Appends an entry that `next` or `answer` gave, or that was read from the store.
    pub fn push(&mut self, entry: Entry) {
        match entry.kind {
            Kind::Opening => self.today = self.log.len(),
            Kind::Rejected if self.verdict_of(&entry) == Verdict::Fail => self.failures += 1,
            _ => {}
        }
        self.log.push(entry);
    }

    /// What comes next.
    pub fn next(&self) -> Next {
        let Some(last) = self.log.last() else { return Next::Note(self.opening(1)) };
        if last.kind == Kind::Rejected && self.failures > self.setting.retries && self.last_failed() {
            return Next::Failed(failure(last));
        }
        if !self.day_is_over(last.day) {
            return self.speech();
        }
        let summarised = self.today().iter().any(|e| e.kind == Kind::Summary);
        match &self.setting.summarizer {
            Some(helper) if !summarised && self.wants_summary(last.day) => self.summary(helper),
            _ if last.day < self.setting.days => Next::Note(self.opening(last.day + 1)),
            _ => Next::Done,
        }
    }

    /// The entry that a reply becomes. Pure; append it with [`Self::push`].
    pub fn answer(&self, ask: &Ask, reply: &Reply<'_>) -> Entry {
        let (kind, content, flags) = match ask.call.purpose {
            purpose if ask.model.is_human() => self.take_typed(ask, reply.content.trim(), purpose),
            Purpose::Speech => self.take_speech(ask, reply),
            Purpose::Selection => self.take_selection(ask, reply),
            Purpose::Summary => self.take_summary(ask, reply),
        };
        Entry {
            seq: ask.seq,
            day: ask.day,
            index: ask.index,
            kind,
            speaker: ask.speaker.clone(),
            role: Some(ask.role.clone()),
            model: Some(ask.model.id.clone()),
            content,
            raw: Some(reply.content.to_owned()),
            flags,
            call: Some(ask.call),
            prompt: Some(reply.prompt),
        }
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

    /// Replies to the same question that were not taken.
    fn rejected(&self) -> u32 {
        self.log.iter().rev().take_while(|e| e.kind == Kind::Rejected).count() as u32
    }

    fn wants_summary(&self, day: u32) -> bool {
        day < self.setting.days || self.setting.final_summary
    }

    fn day_is_over(&self, day: u32) -> bool {
        self.messages_today() >= self.setting.messages_of(day) || self.stopped() || self.everybody_is_silent()
    }

    fn stopped(&self) -> bool {
        let said = |e: &Entry| self.setting.stop_phrases.iter().any(|phrase| e.content.contains(phrase.as_str()));
        self.speeches().next_back().is_some_and(said)
    }

    /// Whether the speeches at the end of the day are empty and each agent has one among them.
    fn everybody_is_silent(&self) -> bool {
        let silent: Vec<&str> =
            self.speeches().rev().take_while(|e| e.content.is_empty()).map(|e| e.speaker.as_str()).collect();
        silent.len() >= self.setting.agents.len()
            && self.setting.agents.iter().all(|a| silent.contains(&a.name.as_str()))
    }

    fn opening(&self, day: u32) -> Entry {
        let mut content = self.setting.starting_message.clone();
        for summary in self.log.iter().filter(|e| e.kind == Kind::Summary) {
            content.extend(["\n\nDay ", &summary.day.to_string(), " summary:\n", &summary.content]);
        }
        Entry {
            seq: self.log.len() as u32,
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
        }
    }

    fn ask(&self, purpose: Purpose, view: View, who: (&str, &str, &ModelSpec), others: Vec<String>) -> Next {
        Next::Ask(Box::new(Ask {
            seq: self.log.len() as u32,
            day: self.log.last().map_or(1, |e| e.day),
            index: self.messages_today(),
            call: CallRef { purpose, ask: self.rejected() },
            view,
            speaker: who.0.to_owned(),
            role: who.1.to_owned(),
            model: who.2.clone(),
            others,
        }))
    }

    fn speech(&self) -> Next {
        let agent = match self.speaker() {
            Speaker::Is(agent) => agent,
            Speaker::AmongOf(candidates, helper) => return self.selection(&candidates, helper),
        };
        let view = View {
            system: agent.prompt.clone(),
            from: self.today as u32,
            to: self.log.len() as u32 - self.rejected(),
            reader: Some(agent.name.clone()),
            labels: self.setting.labels,
            merge: self.setting.merge,
            ending: Vec::new(),
        };
        let others = self.setting.agents.iter().filter(|a| a.name != agent.name).map(|a| a.name.clone()).collect();
        self.ask(Purpose::Speech, view, (&agent.name, &agent.role, &agent.model), others)
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
        self.ask(Purpose::Selection, view, (SELECTOR, SELECTOR, &helper.model), names)
    }

    fn summary(&self, helper: &Helper) -> Next {
        let view = self.transcript(helper, self.log.len() as u32 - self.rejected(), Vec::new());
        self.ask(Purpose::Summary, view, (SUMMARIZER, SUMMARIZER, &helper.model), Vec::new())
    }

    /// What somebody reads who stands outside: the day's turns, always labelled, as one text.
    fn transcript(&self, helper: &Helper, to: u32, ending: Vec<Ending>) -> View {
        let from = self.today as u32;
        View { system: helper.prompt.clone(), from, to, reader: None, labels: true, merge: true, ending }
    }

    /// Who speaks next, or who is to be chosen from.
    fn speaker(&self) -> Speaker<'_> {
        let agents = &self.setting.agents;
        let turn = self.log.len() as u32 - self.rejected();
        if let Some(choice) = self.log[..turn as usize].last().filter(|e| e.kind == Kind::Selection) {
            return Speaker::Is(self.chosen(choice));
        }
        let candidates = self.candidates();
        match (self.setting.speakers, &self.setting.selector) {
            (Speakers::RoundRobin, _) => Speaker::Is(self.next_agent()),
            (Speakers::Manual, Some(helper)) => Speaker::AmongOf(candidates, helper),
            _ if candidates.len() == 1 => Speaker::Is(candidates[0]),
            (Speakers::Auto, Some(helper)) => Speaker::AmongOf(candidates, helper),
            _ if candidates.is_empty() => Speaker::Is(&agents[0]),
            _ => {
                let drawn = Stream::new(&self.setting.key, turn, "speaker", 0).below(candidates.len() as u64);
                Speaker::Is(candidates[drawn as usize])
            }
        }
    }

    fn last_speaker(&self) -> Option<usize> {
        let last = self.speeches().next_back()?;
        self.setting.agents.iter().position(|a| a.name == last.speaker)
    }

    /// Who may speak next: not who spoke last, unless a person chooses.
    fn candidates(&self) -> Vec<&Agent> {
        let last = self.last_speaker().filter(|_| self.setting.speakers != Speakers::Manual);
        self.setting.agents.iter().enumerate().filter(|(i, _)| Some(*i) != last).map(|(_, a)| a).collect()
    }

    /// The name of the agent who follows the last speaker of the day in order.
    pub fn next_in_order(&self) -> &str {
        &self.next_agent().name
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
        let others: Vec<(&str, &str)> = self
            .setting
            .agents
            .iter()
            .filter(|a| a.name != ask.speaker)
            .map(|a| (a.name.as_str(), a.role.as_str()))
            .collect();
        let earlier: Vec<Said<'_>> =
            self.speeches().map(|e| Said { speaker: &e.speaker, content: &e.content }).collect();
        let scene = Scene {
            own_name: &ask.speaker,
            own_role: &ask.role,
            others: &others,
            prompt: &ask.view.system,
            earlier: &earlier,
        };
        let cleaned = reply::clean_speech(reply.content, &scene);
        let mut flags = cleaned.flags;
        flags.extend(reply::health(&cleaned.text, &scene));
        flags.extend(self.server_flags(ask, reply));
        let flags = sorted(flags);
        let kind = match self.verdict(&flags, ask.call) {
            Verdict::Keep => Kind::Speech,
            Verdict::Again | Verdict::Fail => Kind::Rejected,
        };
        (kind, cleaned.text, flags)
    }

    fn take_selection(&self, ask: &Ask, reply: &Reply<'_>) -> (Kind, String, Vec<Flag>) {
        let cleaned = reply::clean_plain(reply.content);
        let mut flags = cleaned.flags;
        flags.extend(self.server_flags(ask, reply));
        let found = selector::choice(&cleaned.text, &self.candidates()).is_some();
        let is_last = ask.call.ask >= CHOICES;
        if !found && is_last {
            flags.push(Flag::ChoiceFallback);
        }
        let flags = sorted(flags);
        let taken = (found || is_last) && self.verdict(&flags, ask.call) != Verdict::Fail;
        (if taken { Kind::Selection } else { Kind::Rejected }, cleaned.text, flags)
    }

    /// What a person typed is taken as it is. An empty choice is the next in order.
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
        let kind = match (self.verdict(&flags, ask.call), purpose) {
            (Verdict::Fail, _) | (Verdict::Again, Purpose::Speech) => Kind::Rejected,
            (_, Purpose::Speech) => Kind::Speech,
            _ => Kind::Summary,
        };
        (kind, typed.to_owned(), flags)
    }

    fn take_summary(&self, ask: &Ask, reply: &Reply<'_>) -> (Kind, String, Vec<Flag>) {
        let cleaned = reply::clean_plain(reply.content);
        let mut flags = cleaned.flags;
        flags.extend(self.server_flags(ask, reply));
        if cleaned.text.is_empty() {
            flags.push(Flag::Empty);
        }
        let flags = sorted(flags);
        let kind = if self.verdict(&flags, ask.call) == Verdict::Fail { Kind::Rejected } else { Kind::Summary };
        (kind, cleaned.text, flags)
    }

    /// Flags that the server's own words give.
    fn server_flags(&self, ask: &Ask, reply: &Reply<'_>) -> Vec<Flag> {
        [
            (Flag::ThinkingCut, reply.thinking),
            (Flag::Refusal, reply.refused),
            (Flag::Length, reply.length),
            (Flag::Filtered, reply.filtered),
            (Flag::PromptCut, self.prompt_was_cut(ask, reply)),
        ]
        .into_iter()
        .filter(|(_, set)| *set)
        .map(|(flag, _)| flag)
        .collect()
    }

    /// Whether the server counted fewer prompt tokens than can be explained. A prompt only grows within a day, so
    /// it has at least the tokens of this speaker's previous one and something for what was added; and a prompt
    /// that leaves no room in the context cannot have been read whole.
    fn prompt_was_cut(&self, ask: &Ask, reply: &Reply<'_>) -> bool {
        /// No tokenizer in use packs more bytes of a conversation into a token, on average.
        const MOST_BYTES_PER_TOKEN: u64 = 16;
        let Some(tokens) = reply.prompt.tokens.map(u64::from) else { return false };
        let before = self
            .today()
            .iter()
            .rev()
            .filter(|e| e.speaker == ask.speaker && ask.call.purpose == Purpose::Speech)
            .find_map(|e| e.prompt.filter(|p| p.tokens.is_some()));
        let (bytes_before, tokens_before) =
            before.map_or((0, 0), |p| (p.bytes, u64::from(p.tokens.unwrap_or_default())));
        let added = reply.prompt.bytes.saturating_sub(bytes_before) / MOST_BYTES_PER_TOKEN;
        let fits = reply.context.is_none_or(|context| tokens < u64::from(context));
        tokens < tokens_before + added || !fits
    }

    fn verdict_of(&self, rejected: &Entry) -> Verdict {
        rejected.call.map_or(Verdict::Keep, |call| self.verdict(&rejected.flags, call))
    }

    /// What the policies say of a reply with these flags. A flag that fails and may not be asked about again wins.
    fn verdict(&self, flags: &[Flag], call: CallRef) -> Verdict {
        let policies = || flags.iter().map(|f| self.setting.policy(*f));
        let spent = |ask: u32| call.purpose != Purpose::Speech || call.ask >= ask;
        if policies().any(|p| p.fail && spent(p.ask)) {
            Verdict::Fail
        } else if policies().any(|p| !spent(p.ask)) {
            Verdict::Again
        } else {
            Verdict::Keep
        }
    }

    fn last_failed(&self) -> bool {
        self.log.last().is_some_and(|e| self.verdict_of(e) == Verdict::Fail)
    }
}

#[cfg(test)]
mod tests;

enum Speaker<'a> {
    Is(&'a Agent),
    AmongOf(Vec<&'a Agent>, &'a Helper),
}

fn sorted(mut flags: Vec<Flag>) -> Vec<Flag> {
    flags.sort_unstable();
    flags.dedup();
    flags
}

fn failure(last: &Entry) -> String {
    let flags: Vec<&str> = last.flags.iter().map(|f| f.word()).collect();
    format!("a reply of {} on day {} was flagged {}", last.speaker, last.day, flags.join(", "))
}
