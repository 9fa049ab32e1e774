//! Prompts of a world. The system prompt and the beginning of the memory stay the same bytes for as long as possible;
//! only `Now`, at the end, changes with each step.

use super::lines::Lines;
use super::machine::{Item, Lane, World};
use super::window::window;
use crate::process::Agent;
use crate::process::asking::{Ask, Growth};
use crate::process::log::{CallRef, Entry, Kind, Purpose};
use crate::process::prompt::{Ending, Part, Range, View};
use crate::process::state::{SUMMARIZER, open_day};
use crate::process::turn::data;
use serde_json::{Map, Value as Json, json};

/// Maximum number of names in `Now`.
const MOST_NAMED: usize = 20;
/// Line in place of what the window leaves out.
const LEFT_OUT: &str = "[… earlier events are not shown]";
/// Request for the object after a reply that could not be read.
const AGAIN: &str = include_str!("../../../prompts/turn-again.md");
/// Request for a turn as JSON.
const ASK: &str = include_str!("../../../prompts/world-ask.md");
/// Request for a turn as plain text.
const ASK_PLAIN: &str = include_str!("../../../prompts/world-ask-plain.md");

impl World {
    /// Returns the ask of one lane of a round.
    pub(super) fn ask(&self, base: u32, seq: u32, lane: &Lane) -> Ask {
        let agent = &self.setting.agents[lane.agent];
        let form = agent.form_of_turns();
        let within = self.ears.as_ref().map(|ears| ears.within_hearing(lane.agent)).unwrap_or_default();
        Ask {
            base,
            seq,
            growth: lane.rejected.last().map_or(Growth::Unknown, |seq| Growth::From(*seq)),
            day: self.day,
            index: self.step,
            call: CallRef {
                purpose: if form.is_some() { Purpose::Turn } else { Purpose::Speech },
                ask: lane.rejected.len() as u32,
            },
            view: self.view(lane, agent),
            speaker: agent.name.clone(),
            role: agent.role.clone(),
            model: agent.model.clone(),
            others: within.into_iter().map(|other| self.setting.agents[other].name.clone()).collect(),
            form: form.cloned(),
        }
    }

    /// Returns what an agent reads when it is asked about the finished world, without the form of an answer: its texts, its
    /// memory, and its last moment.
    pub fn view_afterwards(&self, name: &str) -> Option<View> {
        let index = self.ears.as_ref()?.agent(name)?;
        let agent = &self.setting.agents[index];
        let lane = Lane { agent: index, rejected: Vec::new(), turns: 0 };
        let texts = [agent.prompt.clone(), agent.surroundings.clone()];
        let system = texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n");
        let ending = vec![Ending::Text(self.moment(index, agent))];
        Some(View { system, ending, subject: true, ..self.view(&lane, agent) })
    }

    fn lines(&self) -> Lines {
        Lines { dates: self.scene.has_dates(self.setting.protocol.days) }
    }

    fn view(&self, lane: &Lane, agent: &Agent) -> View {
        let items = &self.minds[lane.agent].items;
        let (first, last) = window(items.len(), agent.memory);
        let is_cut = last.start > first.end;
        let mut parts = vec![entries(&items[first])];
        if is_cut {
            parts.push(Part::Text(LEFT_OUT.to_owned()));
        }
        parts.push(entries(&items[last]));
        parts.retain(|part| !matches!(part, Part::Entries { ranges } if ranges.is_empty()));
        let again = lane.rejected.iter().filter_map(|seq| {
            let why = data::malformed(self.log.get(*seq as usize)?)?;
            Some([Ending::Rejected(*seq), Ending::Text(AGAIN.trim_end().replace("{{reason}}", why))])
        });
        let ending = std::iter::once(Ending::Text(self.now(lane.agent, agent))).chain(again.flatten()).collect();
        View {
            system: agent.system(),
            from: 0,
            to: 0,
            reader: Some(agent.name.clone()),
            labels: true,
            merge: true,
            alternate: false,
            filled: false,
            turns: agent.form_of_turns().is_some(),
            world: Some(self.lines()),
            parts,
            subject: false,
            ending,
        }
    }

    /// Returns what an agent knows of this moment, and what is asked.
    fn now(&self, index: usize, agent: &Agent) -> String {
        let asked = if agent.form_of_turns().is_some() { ASK } else { ASK_PLAIN };
        format!("{}\n{}", self.moment(index, agent), asked.trim_end())
    }

    /// Returns what an agent knows of this moment: time, place, who is here, its state, what came back.
    fn moment(&self, index: usize, agent: &Agent) -> String {
        let mind = &self.minds[index];
        let mut lines = vec!["Now".to_owned()];
        match self.scene.clock.as_ref().and_then(|clock| clock.time(self.day, self.step)) {
            Some(time) => lines.push(format!("- time: {}", time.strftime("%A, %-d %B %Y, %H:%M"))),
            None => lines.push(format!("- step: {} of {}", self.step, self.scene.steps)),
        }
        if let Some(ears) = &self.ears
            && let Some(place) = ears.place_of(index)
        {
            lines.push(format!("- place: {place}"));
            lines.push(format!("- here: {}", self.some_names(&ears.others_in(Some(place), index))));
        }
        let form = agent.form_of_turns();
        for title in form.iter().flat_map(|form| &form.state) {
            lines.extend(mind.kept.get(title).map(|text| format!("- {title}: {text}")));
        }
        lines.extend(mind.back.iter().map(|line| format!("- {line}")));
        lines.join("\n")
    }

    fn some_names(&self, agents: &[usize]) -> String {
        let names: Vec<&str> =
            agents.iter().take(MOST_NAMED).map(|agent| self.setting.agents[*agent].name.as_str()).collect();
        match (names.is_empty(), agents.len().saturating_sub(MOST_NAMED)) {
            (true, _) => "nobody else".to_owned(),
            (false, 0) => names.join(", "),
            (false, more) => format!("{} and {more} more", names.join(", ")),
        }
    }

    /// Returns the ask for the day's summary, which reads what everybody heard.
    pub(super) fn ask_summary(&self, base: u32) -> Option<Ask> {
        let helper = self.setting.summarizer.as_ref()?;
        let today = self.log.iter().rposition(|e| e.kind == Kind::Opening).unwrap_or_default() as u32;
        let view = View { world: Some(self.lines()), ..View::transcript(&helper.prompt, today, base) };
        Some(Ask {
            base,
            seq: base,
            growth: Growth::New,
            day: self.day,
            index: self.step,
            call: CallRef { purpose: Purpose::Summary, ask: 0 },
            view,
            speaker: SUMMARIZER.to_owned(),
            role: SUMMARIZER.to_owned(),
            model: helper.model.clone(),
            others: Vec::new(),
            form: None,
        })
    }

    /// Returns the time of the day's opening; on the first day also who starts where, and who hears whom.
    fn more_of_opening(&self) -> Map<String, Json> {
        let time = self.scene.clock.as_ref().and_then(|clock| clock.time(self.day, 1));
        let time = time.map(|time| ("time".to_owned(), json!(time.to_string())));
        let beginning = self.ears.is_none().then(|| data::wrap(json!(self.scene.beginning())));
        time.into_iter().chain(beginning.into_iter().flatten()).collect()
    }

    /// Returns the opening of the day.
    pub(super) fn opening(&self) -> Entry {
        let more = self.more_of_opening();
        let more = (!more.is_empty()).then(|| Box::new(more));
        Entry { more, ..open_day(&self.setting, &self.log, self.day) }
    }
}

fn entries(items: &[Item]) -> Part {
    Part::Entries { ranges: items.iter().map(|item| Range { from: item.from, to: item.to }).collect() }
}
