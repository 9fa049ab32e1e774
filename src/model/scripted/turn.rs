//! Turns as JSON without a language model: a speech, now and then an action or a new state, all of them drawn.

use super::improvise::{MARK, draw_seeded, find_topics, improvise_reply};
use crate::design::mind::Builtin;
use crate::design::{Action, FieldKind};
use crate::model::ChatRequest;
use crate::process::{Author, TurnForm};
use serde_json::{Map, Value as Json, json};

/// Returns the whole reply to a request: a turn as JSON if it has a form, else plain text.
pub(super) fn improvise_turn(request: &ChatRequest) -> String {
    let Some(form) = &request.turn.form else { return improvise_reply(request) };
    // The speech is made of the researcher's words, not of the description of the answer.
    let mut plain = request.clone();
    for message in plain.messages.iter_mut().filter(|m| m.author == Author::System) {
        let own = message.content.replace(&form.describe(), "");
        own.trim_end().clone_into(&mut message.content);
    }
    let mut turn = Map::new();
    if form.thought {
        turn.insert("thought".to_owned(), json!(format!("{MARK} I think about {}.", draw_topic(&plain, "thought"))));
    }
    if form.builtins.is_none() {
        turn.insert("text".to_owned(), json!(improvise_reply(&plain)));
    }
    if form.has_actions() {
        let mut actions: Vec<Json> = improvise_actions(&plain, form);
        actions.extend(improvise_builtin(&plain, form));
        turn.insert("actions".to_owned(), Json::Array(actions));
    }
    if !form.state.is_empty() {
        let text = |title: &String| (title.clone(), json!(format!("{MARK} {}", draw_topic(&plain, title))));
        let is_new = draw_seeded(request, "state", 2) == 0;
        let state = is_new.then(|| form.state.iter().map(text).collect());
        turn.insert("state".to_owned(), state.map_or(Json::Null, Json::Object));
    }
    Json::Object(turn).to_string()
}

fn draw_topic(request: &ChatRequest, what: &str) -> String {
    let system = request.messages.iter().find(|m| m.author == Author::System).map_or("", |m| m.content.as_str());
    let topics = find_topics(system);
    let place = draw_seeded(request, what, topics.len().max(1));
    topics.get(place).cloned().unwrap_or_else(|| "this".to_owned())
}

/// Returns one action, or none.
fn improvise_actions(request: &ChatRequest, form: &TurnForm) -> Vec<Json> {
    let place = draw_seeded(request, "action", form.actions.len() + 1);
    let action = place.checked_sub(1).and_then(|place| form.actions.get(place));
    action.map(|action| improvise_action(request, action)).into_iter().collect()
}

/// Returns one of the program's own actions: most often words, now and then a way to another place.
fn improvise_builtin(request: &ChatRequest, form: &TurnForm) -> Option<Json> {
    /// Number of turns of which one is another action than saying something.
    const OTHERS: usize = 4;
    let all = form.builtins();
    let others: Vec<Builtin> = all.iter().copied().filter(|one| *one != Builtin::Say).collect();
    let is_other = !all.contains(&Builtin::Say) || draw_seeded(request, "builtin", OTHERS) == 0;
    let drawn = if is_other { others.get(draw_seeded(request, "other", others.len())).copied() } else { None };
    let action = drawn.or_else(|| all.first().copied())?;
    let name = action.word();
    match action {
        Builtin::Say => Some(json!({ "do": name, "to": null, "text": improvise_reply(request) })),
        Builtin::Whisper => {
            let to = draw_line(request, "- here: ").or_else(|| draw_line(request, "## Others"))?;
            Some(json!({ "do": name, "to": to, "text": improvise_reply(request) }))
        }
        Builtin::Go => Some(json!({ "do": name, "place": draw_line(request, "## Places")? })),
        Builtin::Wait => Some(json!({ "do": name })),
        Builtin::Directory => Some(json!({ "do": name, "page": 1 })),
    }
}

/// Draws a name from a list of the prompt: one below a heading, or one on a line.
fn draw_line(request: &ChatRequest, head: &str) -> Option<String> {
    let text = request.messages.iter().map(|m| m.content.as_str()).collect::<Vec<_>>().join("\n");
    let (_, list) = text.rsplit_once(head)?;
    let names: Vec<&str> = if head.starts_with('#') {
        let lines = list.lines().skip(1).take_while(|line| line.starts_with("- "));
        lines.filter_map(|line| line[2..].split([':', '(']).next()).map(str::trim).collect()
    } else {
        list.lines().next()?.split(", ").filter(|name| *name != "nobody else").collect()
    };
    names.get(draw_seeded(request, head, names.len())).map(|name| (*name).to_owned())
}

fn improvise_action(request: &ChatRequest, action: &Action) -> Json {
    let name = std::iter::once(("do".to_owned(), json!(action.name)));
    let values =
        action.fields.iter().map(|field| (field.name.clone(), improvise_value(request, &field.name, &field.value)));
    Json::Object(name.chain(values).collect())
}

fn improvise_value(request: &ChatRequest, name: &str, field: &FieldKind) -> Json {
    /// Number of steps in which a range is drawn.
    const STEPS: usize = 100;
    let draw = |n: usize| draw_seeded(request, name, n);
    match field {
        FieldKind::Boolean => json!(draw(2) == 0),
        FieldKind::Integer | FieldKind::Number => json!(draw(STEPS)),
        FieldKind::Text => json!(format!("{MARK} {}", draw_topic(request, name))),
        FieldKind::Choice(words) => json!(words.get(draw(words.len().max(1)))),
        FieldKind::Range { from, to } if field.is_whole() => {
            json!((from + draw((to - from) as usize + 1) as f64) as i64)
        }
        FieldKind::Range { from, to } => json!(from + (to - from) * draw(STEPS + 1) as f64 / STEPS as f64),
    }
}
