//! Replies of a world: names and places are matched, words are cleaned, and flags are judged.

use super::machine::World;
use crate::design::mind::Builtin;
use crate::people::name::fold_name;
use crate::process::asking::{Ask, Reply};
use crate::process::judge::{self, Verdict};
use crate::process::log::{Entry, Flag, Kind};
use crate::process::reply::Said;
use crate::process::turn::TurnForm;
use crate::process::turn::data;
use crate::process::turn::read::{Act, ReadTurn};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

/// Maximum number of names in a message.
const MOST_NAMED: usize = 20;
/// Number of items of its memory with which an agent's words are compared.
const COMPARED: usize = 40;

impl World {
    /// Turns a reply into the entry of a turn.
    pub(super) fn take_turn(&self, ask: &Ask, reply: &Reply<'_>) -> Entry {
        let Some(agent) = self.ears.as_ref().and_then(|ears| ears.agent(&ask.speaker)) else {
            return judge::entry(ask, reply, Kind::Rejected, reply.content.to_owned(), Vec::new());
        };
        let Some(form) = &ask.form else { return self.take_plain(ask, reply, agent) };
        let (text, mut flags, turn) = judge::read_turn(ask, reply, form, &self.log);
        let mut of_texts = Vec::new();
        let data = match turn {
            Ok(turn) => {
                let actions = self.resolve_all(ask, agent, &turn.actions, &mut of_texts);
                flags.extend((actions.len() < turn.actions.len()).then_some(Flag::ActionsCut));
                contents(&turn, form, actions)
            }
            Err(why) => Map::from_iter([
                ("malformed".to_owned(), json!(why)),
                ("actions".to_owned(), json!([{ "do": Builtin::Wait.word() }])),
            ]),
        };
        let mut more = self.here(agent);
        more.extend(data::wrap(Json::Object(data)));
        judge::turn_entry(&self.setting, (ask, reply), flags, (data::shorten(&text), of_texts), more)
    }

    /// Resolves the actions of a turn up to a move, which is its last.
    fn resolve_all(&self, ask: &Ask, agent: usize, acts: &[Act], of_texts: &mut Vec<Flag>) -> Vec<Json> {
        let mut actions = Vec::new();
        for act in acts {
            let action = self.resolve(ask, agent, act, of_texts);
            let is_move = action.get("do") == Some(&json!(Builtin::Go.word())) && !action.contains_key("failed");
            actions.push(Json::Object(action));
            if is_move {
                break;
            }
        }
        actions
    }

    fn take_plain(&self, ask: &Ask, reply: &Reply<'_>, agent: usize) -> Entry {
        let (text, mut flags) = self.clean(ask, agent, reply.content);
        flags.extend(judge::server_flags(ask, reply, &self.log));
        let flags = judge::sorted(flags);
        let kind = match self.setting.verdict(&flags, ask.call) {
            Verdict::Keep => Kind::Speech,
            Verdict::Again | Verdict::Fail => Kind::Rejected,
        };
        let more = self.here(agent);
        let more = (!more.is_empty()).then(|| Box::new(more));
        Entry { more, ..judge::entry(ask, reply, kind, text, flags) }
    }

    /// Returns an action with names and places as they are, or with the reason why it fails.
    fn resolve(&self, ask: &Ask, agent: usize, act: &Act, of_texts: &mut Vec<Flag>) -> Map<String, Json> {
        let failed = |name: &str, why: String| {
            Map::from_iter([("do".to_owned(), json!(name)), ("failed".to_owned(), json!(why))])
        };
        let (name, values) = match act {
            Act::Failed { name, why } => return failed(name, why.clone()),
            Act::Done { name, values } => (name, values),
        };
        let text = |key: &str| values.get(key).and_then(Json::as_str).unwrap_or_default();
        let builtin =
            ask.form.as_deref().map(TurnForm::builtins).and_then(|all| all.iter().find(|one| one.word() == name));
        let mut action = Map::from_iter([("do".to_owned(), json!(name))]);
        match builtin {
            Some(Builtin::Say | Builtin::Whisper) => {
                if values.contains_key("to") {
                    match choose(text("to"), &ask.others) {
                        Ok(to) => drop(action.insert("to".to_owned(), json!(to))),
                        Err(why) => return failed(name, format!("{why} within hearing")),
                    }
                }
                let (said, flags) = self.clean(ask, agent, text("text"));
                action.insert("text".to_owned(), json!(said));
                if !flags.is_empty() {
                    action.insert("flags".to_owned(), json!(flags));
                }
                of_texts.extend(flags);
            }
            Some(Builtin::Go) => {
                let here = self.ears.as_ref().and_then(|ears| ears.place_of(agent)).map(str::to_owned);
                let open = self.scene.places.iter().filter(|place| self.scene.may_enter(agent, place));
                let open: Vec<String> = open.map(|place| place.name.clone()).collect();
                match choose(text("place"), &open) {
                    Ok(place) if here.as_deref() == Some(place) => return failed(name, format!("you are in {place}")),
                    Ok(place) => drop(action.insert("place".to_owned(), json!(place))),
                    Err(why) => return failed(name, format!("{why} where you may go")),
                }
            }
            Some(Builtin::Wait | Builtin::Directory) | None => action.extend(values.clone()),
        }
        action
    }

    /// Cleans what an agent says, and flags it.
    fn clean(&self, ask: &Ask, agent: usize, text: &str) -> (String, Vec<Flag>) {
        let items = &self.minds[agent].items;
        let last = &items[items.len().saturating_sub(COMPARED)..];
        let entries = last.iter().flat_map(|item| &self.log[item.from as usize..item.to as usize]);
        let earlier: Vec<Said<'_>> = entries
            .filter(|e| e.kind == Kind::Speech)
            .map(|e| Said { speaker: &e.speaker, content: &e.content })
            .collect();
        // In a large world only those whom it hears or has heard.
        let is_small = self.setting.agents.len() <= MOST_NAMED;
        let all = self.setting.agents.iter().filter(|_| is_small).map(|other| other.name.as_str());
        let names = ask.others.iter().map(String::as_str).chain(earlier.iter().map(|said| said.speaker)).chain(all);
        let known: BTreeSet<usize> = names.filter_map(|name| self.ears.as_ref()?.agent(name)).collect();
        let others = known.into_iter().filter(|other| *other != agent).map(|other| &self.setting.agents[other]);
        let others: Vec<(&str, &str)> = others.map(|a| (a.name.as_str(), a.role.as_str())).collect();
        judge::said_among(ask, text, &earlier, &others)
    }
}

/// Returns the contents of a turn, as its entry keeps them.
fn contents(turn: &ReadTurn, form: &TurnForm, actions: Vec<Json>) -> Map<String, Json> {
    let mut data = Map::new();
    if form.thought {
        data.insert("thought".to_owned(), json!(turn.thought));
    }
    data.insert("actions".to_owned(), Json::Array(actions));
    if !turn.state.is_empty() {
        let state = turn.state.iter().map(|s| (s.name.clone(), json!(s.value))).collect();
        data.insert("state".to_owned(), Json::Object(state));
    }
    data
}

/// Finds the one name that a text means: the same without case, else the only one that it contains or that contains it.
///
/// # Errors
/// A description of the mistake, with the names that there are.
fn choose<'a>(text: &str, names: &'a [String]) -> Result<&'a str, String> {
    let wanted = fold_name(text);
    if let Some(exact) = names.iter().find(|name| fold_name(name) == wanted) {
        return Ok(exact);
    }
    let words = |text: &str| {
        text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let asked = words(&wanted);
    let holds =
        |long: &[String], short: &[String]| !short.is_empty() && long.windows(short.len()).any(|part| part == short);
    let is_meant = |name: &&String| {
        let name = words(&fold_name(name));
        holds(&asked, &name) || holds(&name, &asked)
    };
    let meant: Vec<&String> = names.iter().filter(is_meant).collect();
    if let [one] = meant[..] {
        return Ok(one);
    }
    let found = if meant.is_empty() { "nobody or nothing" } else { "more than one" };
    Err(format!("{found} of the name {:?} ({})", data::shorten_to(text, 60), list_known(names)))
}

fn list_known(names: &[String]) -> String {
    let known: Vec<&str> = names.iter().take(MOST_NAMED).map(String::as_str).collect();
    if known.is_empty() { "there is none".to_owned() } else { format!("there are: {}", known.join(", ")) }
}
