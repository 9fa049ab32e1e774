//! Entries as agents of a world read them: what others did as lines, own turns as the objects that they were.

use crate::process::log::{Entry, Kind};
use crate::process::turn::data;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

/// Form of the lines of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines {
    /// True if a line has the date or the day, since the world has more than one.
    pub dates: bool,
}

/// Text that stands for an empty speech.
const SILENCE: &str = "…";

impl Lines {
    /// Returns what precedes an event: `[09:15 Park]`, or `[step 3, Park]` in a world without a clock.
    pub fn header(self, entry: &Entry) -> String {
        let place = entry.field("place");
        let Some(time) = entry.field("time") else {
            let day = self.dates.then(|| format!("day {}", entry.day));
            let step = (entry.index > 0).then(|| format!("step {}", entry.index));
            let parts = [day, step, place.map(str::to_owned)].into_iter().flatten();
            return format!("[{}]", parts.collect::<Vec<_>>().join(", "));
        };
        let (date, clock) = time.split_once('T').unwrap_or(("", time));
        let clock = clock.strip_suffix(":00").unwrap_or(clock);
        let date = Some(date).filter(|_| self.dates);
        format!("[{}]", [date, Some(clock), place].into_iter().flatten().collect::<Vec<_>>().join(" "))
    }

    /// Returns the line of an event for somebody else; `None` for an event that has none.
    pub fn line(self, entry: &Entry, reader: Option<&str>) -> Option<String> {
        let who = &entry.speaker;
        let text = match entry.kind {
            Kind::Opening => return Some(entry.content.clone()),
            Kind::Speech => {
                let said = if entry.content.is_empty() { SILENCE } else { &entry.content };
                let to = match (entry.field("to"), is_whisper(entry)) {
                    (Some(to), true) if reader == Some(to) => " whispers to you".to_owned(),
                    (Some(to), true) => format!(" whispers to {to}"),
                    (Some(to), false) if reader == Some(to) => " to you".to_owned(),
                    (Some(to), false) => format!(" to {to}"),
                    (None, _) => String::new(),
                };
                format!("{who}{to}: {said}")
            }
            Kind::Move | Kind::Action if entry.content.is_empty() => return None,
            Kind::Move | Kind::Action => format!("{who} {}", entry.content),
            Kind::Selection
            | Kind::Summary
            | Kind::Rejected
            | Kind::Question
            | Kind::Answer
            | Kind::Turn
            | Kind::Thought
            | Kind::State => return None,
        };
        // A further line of a text is no event of its own.
        Some(format!("{} {}", self.header(entry), text.replace('\n', "\n  ")))
    }
}

/// Returns true if only the addressee hears a speech.
pub fn is_whisper(entry: &Entry) -> bool {
    data::data(entry).is_some_and(|data| data.get("do").and_then(Json::as_str) == Some("whisper"))
}

/// Returns an own turn as its agent reads it: the words of a plain turn, or the object of the notes that follow a turn as
/// JSON, without failed actions.
pub fn own_turn(notes: &[Entry]) -> String {
    if let [plain] = notes
        && plain.call.is_some()
    {
        return if plain.content.is_empty() { SILENCE.to_owned() } else { plain.content.clone() };
    }
    let mut object = Map::new();
    let thought = notes.iter().find(|e| e.kind == Kind::Thought);
    object.extend(thought.map(|e| ("thought".to_owned(), json!(e.content))));
    object.insert("actions".to_owned(), notes.iter().filter_map(own_action).collect());
    Json::Object(object).to_string()
}

fn own_action(note: &Entry) -> Option<Json> {
    match note.kind {
        Kind::Speech => {
            let name = if is_whisper(note) { "whisper" } else { "say" };
            Some(json!({ "do": name, "to": note.field("to"), "text": note.content }))
        }
        Kind::Move => Some(json!({ "do": "go", "place": data::data(note)?.get("place")? })),
        Kind::Action => data::as_done(note),
        Kind::Opening
        | Kind::Selection
        | Kind::Summary
        | Kind::Rejected
        | Kind::Question
        | Kind::Answer
        | Kind::Turn
        | Kind::Thought
        | Kind::State => None,
    }
}

/// Returns the title of an entry's step for people, such as `Step 3 · 09:30`; `None` for an opening.
pub fn step_title(entry: &Entry) -> Option<String> {
    let minutes = |time: &str| time.strip_suffix(":00").unwrap_or(time).replace('T', " ");
    let time = entry.field("time").map(|time| format!(" · {}", minutes(time)));
    (entry.index > 0).then(|| format!("Step {}{}", entry.index, time.unwrap_or_default()))
}

/// Returns whom an entry of a world addresses and where its speaker was, such as ` to Rebecca in Park`, for people.
pub fn circumstances(entry: &Entry) -> String {
    let to =
        entry.field("to").map(|to| if is_whisper(entry) { format!(" whispers to {to}") } else { format!(" to {to}") });
    let place = entry.field("place").map(|place| format!(" in {place}"));
    [to, place].into_iter().flatten().collect()
}
