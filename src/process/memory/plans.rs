//! Plans: what an agent will do, where, for how long, and until when. A turn decides what becomes of the first one.

use super::request::{Answer, Unit, objects, plan_schema, read_line, read_object, read_whole, wrong_kind};
use crate::design::words::words;
use crate::process::selector::filled;
use crate::process::turn::schema::{nullable, object, text};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use std::collections::VecDeque;

/// Longest duration of a plan, in its unit.
const LONGEST: i64 = 1_000_000;
/// Maximum number of characters of a reason, in the full dialect.
const BECAUSE: u32 = 200;

const TEXT: &str = include_str!("../../../prompts/plans.md");

/// One plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The activity, on one line.
    pub what: String,
    /// Name of the place; `None` if it does not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Minutes, or steps without a clock, after which it goes; `None` for no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts: Option<u32>,
    /// Sign by which the agent knows that it is done; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub until: String,
}

words! {
    /// Decision of a turn about the first plan.
    pub enum Decision {
        /// It goes on.
        Continue = "continue",
        /// Another plan goes first.
        Postpone = "postpone",
        /// It is given up.
        Cancel = "cancel",
        /// It is finished.
        Done = "done",
    }
}

/// A decision as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// The reason; empty for none.
    pub because: String,
    /// The plan that goes first, if the decision is to postpone.
    pub new: Option<Plan>,
}

impl Plan {
    /// Returns the line that the agent reads.
    pub fn describe(&self, unit: Unit) -> String {
        let place = self.place.as_ref().map(|place| format!(", at {place}"));
        let lasts = self.lasts.map(|lasts| format!(", at most {lasts} {}", unit.word()));
        let until = Some(&self.until).filter(|until| !until.is_empty()).map(|until| format!(", until: {until}"));
        let parts = [place, lasts, until].into_iter().flatten().collect::<String>();
        format!("{}{parts}", self.what)
    }
}

/// Returns the text that requests at most `number` plans.
pub fn request(name: &str, number: u32, unit: Unit) -> String {
    filled(TEXT, &[("name", name), ("number", &number.to_string()), ("unit", unit.word())])
}

/// Reads at most `number` plans; one that says nothing is left out.
///
/// # Errors
/// A description of the mistake, if the reply has no object.
pub fn read(reply: &str, was_cut: bool, number: u32, unit: Unit) -> Result<Answer<Vec<Plan>>, String> {
    read_object(reply, was_cut, |fields, is_repaired| {
        objects(fields, "plans").filter_map(|plan| read_plan(plan, unit, is_repaired)).take(number as usize).collect()
    })
}

fn read_plan(fields: &Map<String, Json>, unit: Unit, is_repaired: &mut bool) -> Option<Plan> {
    let lasts = fields.get(unit.word()).and_then(|n| read_whole(n, 1, LONGEST, is_repaired));
    Some(Plan {
        what: read_line(fields, "what")?,
        place: read_line(fields, "place"),
        lasts: lasts.map(|n| n as u32),
        until: read_line(fields, "until").unwrap_or_default(),
    })
}

/// Returns the schema of the property `plan` of a turn. `longest` is the bound of a text in the full dialect.
pub fn decision_schema(unit: Unit, longest: Option<u32>) -> Json {
    let decision = json!({ "type": "string", "enum": Decision::WORDS });
    let properties = Map::from_iter([
        ("decision".to_owned(), decision),
        ("because".to_owned(), text(longest.map(|most| most.min(BECAUSE)))),
        ("new".to_owned(), nullable(&plan_schema(unit, longest))),
    ]);
    nullable(&object(&properties))
}

/// Reads the property `plan` of a turn; `None` if the agent leaves its plan as it is.
///
/// # Errors
/// A description of the mistake, which the agent reads next.
pub fn read_decision(value: Option<&Json>, unit: Unit, is_repaired: &mut bool) -> Result<Option<Decided>, String> {
    let fields = match value {
        None | Some(Json::Null) => return Ok(None),
        Some(Json::Object(fields)) => fields,
        Some(other) => return Err(wrong_kind("plan", Some(other), "an object")),
    };
    let word = fields.get("decision").and_then(Json::as_str).map(|word| word.trim().to_lowercase());
    let wrong = || format!("\"decision\" must be one of {}", Decision::WORDS.join(", "));
    let decision = word.as_deref().and_then(Decision::of).ok_or_else(wrong)?;
    let new = fields.get("new").and_then(Json::as_object).and_then(|plan| read_plan(plan, unit, is_repaired));
    if decision == Decision::Postpone && new.is_none() {
        return Err("\"new\" must be the plan that goes first where the decision is to postpone".to_owned());
    }
    let new = new.filter(|_| decision == Decision::Postpone);
    Ok(Some(Decided { decision, because: read_line(fields, "because").unwrap_or_default(), new }))
}

/// The plans of an agent, the first one in force, and the time for which it has been in force.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Agenda {
    plans: VecDeque<Plan>,
    spent: u32,
}

impl Agenda {
    /// Makes the agenda of these plans.
    pub fn new(plans: impl IntoIterator<Item = Plan>) -> Self {
        Self { plans: plans.into_iter().collect(), spent: 0 }
    }

    /// Returns the plan in force.
    pub fn first(&self) -> Option<&Plan> {
        self.plans.front()
    }

    /// Returns all plans, the one in force first.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        self.plans.iter()
    }

    /// Carries out a decision. Without a plan, only a new one has an effect.
    pub fn decide(&mut self, decided: &Decided) {
        match decided.decision {
            Decision::Continue => return,
            Decision::Postpone => {
                for plan in decided.new.iter().cloned() {
                    self.plans.push_front(plan);
                }
            }
            Decision::Cancel | Decision::Done => drop(self.plans.pop_front()),
        }
        self.spent = 0;
    }

    /// Lets time pass. Returns the plan whose time is over; it goes.
    pub fn pass(&mut self, time: u32) -> Option<Plan> {
        let lasts = self.first()?.lasts;
        self.spent = self.spent.saturating_add(time);
        if lasts.is_none_or(|lasts| self.spent < lasts) {
            return None;
        }
        self.spent = 0;
        self.plans.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::memory::Form;
    use crate::process::turn::schema::Dialect;

    fn plan(what: &str, lasts: Option<u32>) -> Plan {
        Plan { what: what.to_owned(), place: None, lasts, until: String::new() }
    }

    fn decided(decision: Decision, new: Option<Plan>) -> Decided {
        Decided { decision, because: String::new(), new }
    }

    #[test]
    fn plans_are_read_and_described() {
        let reply = "{\"plans\": [\
            {\"what\": \"Bake a\\ncake\", \"place\": \"Kitchen\", \"minutes\": \"45\", \"until\": \"it is brown\"},\
            {\"what\": \"\", \"place\": null, \"minutes\": 5, \"until\": \"x\"},\
            {\"what\": \"Rest\", \"place\": null, \"minutes\": 0},\
            {\"what\": \"Sing\"}]}";
        let answer = read(reply, false, 2, Unit::Minutes).unwrap();
        let lines: Vec<String> = answer.value.iter().map(|plan| plan.describe(Unit::Minutes)).collect();
        assert_eq!(lines, ["Bake a cake, at Kitchen, at most 45 minutes, until: it is brown", "Rest"]);
        assert!(answer.is_repaired);
        assert!(read("I rest.", false, 2, Unit::Steps).is_err());
        assert!(request("Ada", 5, Unit::Steps).contains("\"steps\": how many steps it takes"));
    }

    #[test]
    fn a_decision_is_read() {
        let read = |text: &str| {
            let json: Json = serde_json::from_str(text).unwrap();
            read_decision(Some(&json), Unit::Steps, &mut false)
        };
        assert_eq!(read("null"), Ok(None));
        assert_eq!(read_decision(None, Unit::Steps, &mut false), Ok(None));
        let new = "{\"what\": \"Help Ben\", \"steps\": 2, \"place\": null, \"until\": \"\"}";
        let postponed = read(&format!("{{\"decision\": \"Postpone\", \"because\": \"Ben calls\", \"new\": {new}}}"));
        let postponed = postponed.unwrap().unwrap();
        assert_eq!((postponed.decision, postponed.because.as_str()), (Decision::Postpone, "Ben calls"));
        assert_eq!(postponed.new, Some(plan("Help Ben", Some(2))));
        let done = read(&format!("{{\"decision\": \"done\", \"new\": {new}}}")).unwrap().unwrap();
        assert_eq!(done, decided(Decision::Done, None), "a new plan counts only where the first is postponed");
        assert!(read("{\"decision\": \"postpone\", \"new\": null}").unwrap_err().contains("\"new\" must be"));
        assert!(read("{\"decision\": \"stop\"}").unwrap_err().contains("continue, postpone, cancel, done"));
        assert_eq!(read("[]").unwrap_err(), "\"plan\" is a list, not an object");
    }

    #[test]
    fn decisions_change_the_agenda() {
        let mut agenda = Agenda::new([plan("bake", Some(3)), plan("rest", None)]);
        let firsts = |agenda: &Agenda| agenda.plans().map(|plan| plan.what.clone()).collect::<Vec<_>>();
        agenda.decide(&decided(Decision::Continue, None));
        assert_eq!(firsts(&agenda), ["bake", "rest"]);
        agenda.decide(&decided(Decision::Postpone, Some(plan("help", Some(1)))));
        assert_eq!(firsts(&agenda), ["help", "bake", "rest"]);
        agenda.decide(&decided(Decision::Done, None));
        agenda.decide(&decided(Decision::Cancel, None));
        assert_eq!(firsts(&agenda), ["rest"]);
        agenda.decide(&decided(Decision::Done, None));
        agenda.decide(&decided(Decision::Done, None));
        assert_eq!((agenda.first().cloned(), agenda.pass(9)), (None, None));
    }

    #[test]
    fn a_plan_goes_when_its_time_is_over() {
        let mut agenda = Agenda::new([plan("bake", Some(30)), plan("walk", Some(10)), plan("rest", None)]);
        assert_eq!(agenda.pass(15), None);
        agenda.decide(&decided(Decision::Continue, None));
        assert_eq!(agenda.pass(15).map(|plan| plan.what), Some("bake".to_owned()), "after 30 minutes");
        assert_eq!(agenda.pass(15).map(|plan| plan.what), Some("walk".to_owned()));
        assert_eq!((agenda.pass(1_000), agenda.pass(u32::MAX)), (None, None), "a plan without a limit stays");
        let mut agenda = Agenda::new([plan("bake", Some(3))]);
        agenda.pass(2);
        agenda.decide(&decided(Decision::Postpone, Some(plan("help", None))));
        agenda.decide(&decided(Decision::Done, None));
        assert_eq!(
            (agenda.pass(2), agenda.pass(1).is_some()),
            (None, true),
            "a postponed plan has its whole time again"
        );
    }

    #[test]
    fn schemas_of_plans() {
        let strict = decision_schema(Unit::Minutes, None);
        let object = &strict["anyOf"][0];
        assert_eq!(object["required"], json!(["decision", "because", "new"]));
        assert_eq!(object["properties"]["decision"]["enum"], json!(["continue", "postpone", "cancel", "done"]));
        assert_eq!(object["properties"]["new"]["anyOf"][0]["required"], json!(["what", "place", "minutes", "until"]));
        assert!(!strict.to_string().contains("maxLength"));
        let full = Form::Plans { number: 5, unit: Unit::Steps }.schema(Dialect::Full { max_tokens: None });
        assert_eq!(full["properties"]["plans"]["maxItems"], json!(5));
    }
}
