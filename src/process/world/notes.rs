//! Notes that follow a turn as JSON: a thought, then each action in its order as a speech, a move or an action, then the
//! state.

use super::machine::World;
use crate::process::log::{Entry, Kind};
use crate::process::turn::data;
use serde_json::{Map, Value as Json, json};

impl World {
    /// Returns the notes of a turn; the first has place `first` in the log. `moves` holds the moves of the group so far:
    /// who comes first to a place with too little room gets it.
    pub(super) fn derive_notes(
        &self,
        turn: &Entry,
        agent: usize,
        first: u32,
        moves: &mut Vec<(usize, String)>,
    ) -> Vec<Entry> {
        let Some(data) = data::data(turn) else { return Vec::new() };
        let mut notes = Vec::new();
        if let Some(thought) = data.get("thought").and_then(Json::as_str).filter(|text| !text.is_empty()) {
            notes.push(self.note(turn, agent, Kind::Thought, thought.to_owned()));
        }
        let before = notes.len();
        for action in data.get("actions").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_object) {
            notes.push(self.derive_action(turn, agent, action, moves));
        }
        if notes.len() == before {
            let wait = data::wrap(json!({ "do": "wait" }));
            notes.push(with(self.note(turn, agent, Kind::Action, String::new()), wait));
        }
        if let Some(state) = data.get("state").and_then(Json::as_object) {
            let lines: Vec<String> =
                state.iter().map(|(title, text)| format!("{title}: {}", text.as_str().unwrap_or_default())).collect();
            let state = data::wrap(Json::Object(state.clone()));
            notes.push(with(self.note(turn, agent, Kind::State, lines.join("\n")), state));
        }
        for (i, note) in notes.iter_mut().enumerate() {
            note.seq = first + i as u32;
        }
        notes
    }

    fn derive_action(
        &self,
        turn: &Entry,
        agent: usize,
        action: &Map<String, Json>,
        moves: &mut Vec<(usize, String)>,
    ) -> Entry {
        let text = |key: &str| action.get(key).and_then(Json::as_str).unwrap_or_default();
        let is_failed = action.contains_key("failed");
        match text("do") {
            "say" | "whisper" if !is_failed => {
                let mut said = self.note(turn, agent, Kind::Speech, text("text").to_owned());
                said.flags = data::flags_of(action);
                let mut more = said.more.take().map(|more| *more).unwrap_or_default();
                if let Some(to) = action.get("to").and_then(Json::as_str) {
                    more.insert("to".to_owned(), json!(to));
                }
                if text("do") == "whisper" {
                    more.extend(data::wrap(json!({ "do": "whisper" })));
                }
                said.more = (!more.is_empty()).then(|| Box::new(more));
                said
            }
            "go" if !is_failed => self.derive_move(turn, agent, text("place"), moves),
            _ => {
                let form = self.setting.agents[agent].form.as_deref();
                let content = form.map_or_else(String::new, |form| data::heard(&Json::Object(action.clone()), form));
                let note = self.note(turn, agent, Kind::Action, content);
                with(note, data::wrap(Json::Object(self.with_result(action.clone()))))
            }
        }
    }

    /// Returns a move, or a failed action where the place is full.
    fn derive_move(&self, turn: &Entry, agent: usize, to: &str, moves: &mut Vec<(usize, String)>) -> Entry {
        let here = self.ears.as_ref().and_then(|ears| ears.place_of(agent));
        let room = self.scene.places.iter().find(|place| place.name == to).and_then(|place| place.room);
        let inside = self.count_inside(to, moves);
        if room.is_some_and(|room| inside >= room as usize) {
            let failed = json!({ "do": "go", "place": to, "failed": format!("there is no room in {to}") });
            return with(self.note(turn, agent, Kind::Action, String::new()), data::wrap(failed));
        }
        moves.push((agent, to.to_owned()));
        let content = match here {
            Some(here) => format!("goes from {here} to {to}."),
            None => format!("goes to {to}."),
        };
        with(self.note(turn, agent, Kind::Move, content), data::wrap(json!({ "do": "go", "place": to })))
    }

    /// Counts the agents that are in a place once the moves of the group so far have taken effect.
    fn count_inside(&self, place: &str, moves: &[(usize, String)]) -> usize {
        let Some(ears) = &self.ears else { return 0 };
        let comes = moves.iter().filter(|(_, to)| to == place).count();
        let goes = moves.iter().filter(|(agent, _)| ears.place_of(*agent) == Some(place)).count();
        (ears.count_inside(place) + comes).saturating_sub(goes)
    }

    /// Adds what comes back of an action of the program's own.
    fn with_result(&self, mut action: Map<String, Json>) -> Map<String, Json> {
        if action.get("do").and_then(Json::as_str) == Some("directory") && !action.contains_key("failed") {
            let page = action.get("page").and_then(Json::as_u64).unwrap_or(1);
            action.insert("result".to_owned(), json!(self.directory(page)));
        }
        action
    }

    /// Returns a page of the list of all agents.
    fn directory(&self, page: u64) -> String {
        /// Number of agents of a page.
        const PAGE: usize = 20;
        let figures = &self.scene.figures;
        let pages = figures.len().div_ceil(PAGE).max(1);
        let start = usize::try_from(page.saturating_sub(1)).unwrap_or(usize::MAX).saturating_mul(PAGE);
        let line = |(agent, figure): (usize, &super::scene::Figure)| {
            let place = self.ears.as_ref().and_then(|ears| ears.place_of(agent));
            let place = place.map(|place| format!(", in {place}")).unwrap_or_default();
            let public = if figure.public.is_empty() { String::new() } else { format!(": {}", figure.public) };
            format!("{} ({}{place}){public}", figure.name, figure.role)
        };
        let lines: Vec<String> = figures.iter().enumerate().skip(start).take(PAGE).map(line).collect();
        if lines.is_empty() {
            format!("there is no page {page}; the last is {pages}")
        } else {
            format!("page {page} of {pages}\n{}", lines.join("\n"))
        }
    }

    /// Returns a note of a turn, with time and place.
    fn note(&self, turn: &Entry, agent: usize, kind: Kind, content: String) -> Entry {
        let more = self.here(agent);
        Entry {
            kind,
            content,
            raw: None,
            flags: Vec::new(),
            call: None,
            prompt: None,
            more: (!more.is_empty()).then(|| Box::new(more)),
            ..turn.clone()
        }
    }

    /// Returns the place of an agent and the time, as fields of an entry.
    pub(super) fn here(&self, agent: usize) -> Map<String, Json> {
        let place = self.ears.as_ref().and_then(|ears| ears.place_of(agent));
        let time = self.scene.clock.as_ref().and_then(|clock| clock.time(self.day, self.step.max(1)));
        let fields = [("place", place.map(str::to_owned)), ("time", time.map(|time| time.to_string()))];
        fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value?)))).collect()
    }
}

/// Adds fields to an entry.
fn with(mut entry: Entry, fields: Map<String, Json>) -> Entry {
    let mut more = entry.more.take().map(|more| *more).unwrap_or_default();
    more.extend(fields);
    entry.more = Some(Box::new(more));
    entry
}
