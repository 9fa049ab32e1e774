//! Contents of the entries that the faculties leave in a log. They are read again from the log alone, so that a process
//! which continues knows what it knew: a recall needs no vector once its entry is stored.

use super::plans::{Decision, Plan};
use super::recall::Recalled;
use super::reflection::Insight;
use crate::design::words::words;
use crate::process::log::Entry;
use crate::process::turn::data::{data, wrap};
use serde_json::{Map, Value as Json, json};

/// Returns the further fields of a recall: its query, and each recalled entry with its score.
pub fn of_recall(query: &str, recalled: &[Recalled]) -> Map<String, Json> {
    let one = |recalled: &Recalled| json!({ "seq": recalled.seq, "score": recalled.score });
    wrap(json!({ "query": query, "recalled": recalled.iter().map(one).collect::<Vec<_>>() }))
}

/// Reads what a recall brought back, in the order of the log.
pub fn recalled(entry: &Entry) -> Vec<Recalled> {
    let read = |one: &Json| Some(Recalled { seq: number(one.get("seq")?)?, score: one.get("score")?.as_f64()? });
    list(entry, "recalled").filter_map(read).collect()
}

/// Returns the further fields of an appraisal: the importance of each event that has one, by its place in the log.
pub fn of_appraisal(events: &[u32], importance: &[Option<u32>]) -> Map<String, Json> {
    let rated = events.iter().zip(importance).filter_map(|(seq, n)| n.map(|n| json!({ "seq": seq, "importance": n })));
    wrap(json!({ "events": rated.collect::<Vec<_>>() }))
}

/// Reads the importance of events, each with its place in the log.
pub fn appraised(entry: &Entry) -> Vec<(u32, u32)> {
    let read = |one: &Json| Some((number(one.get("seq")?)?, number(one.get("importance")?)?));
    list(entry, "events").filter_map(read).collect()
}

/// Returns the further fields of the questions of a reflection.
pub fn of_questions(questions: &[String]) -> Map<String, Json> {
    wrap(json!({ "questions": questions }))
}

/// Reads the questions of a reflection.
pub fn questions(entry: &Entry) -> Vec<String> {
    list(entry, "questions").filter_map(Json::as_str).map(str::to_owned).collect()
}

/// Returns the further fields of the insights of one question.
pub fn of_insights(question: &str, insights: &[Insight]) -> Map<String, Json> {
    let one = |i: &Insight| json!({ "insight": i.text, "because": i.because, "importance": i.importance });
    wrap(json!({ "question": question, "insights": insights.iter().map(one).collect::<Vec<_>>() }))
}

/// Reads insights, each of which is a note of its own.
pub fn insights(entry: &Entry) -> Vec<Insight> {
    let read = |one: &Json| {
        let because = one.get("because")?.as_array()?.iter().filter_map(number).collect();
        Some(Insight {
            text: one.get("insight")?.as_str()?.to_owned(),
            because,
            importance: number(one.get("importance")?)?,
        })
    };
    list(entry, "insights").filter_map(read).collect()
}

words! {
    /// Outcome of a plan.
    pub enum Outcome {
        /// It was made.
        Made = "made",
        /// Another plan went before it.
        Postponed = "postponed",
        /// It was given up.
        Cancelled = "cancelled",
        /// It was finished.
        Done = "done",
        /// Its time is over.
        Over = "over",
    }
}

impl Outcome {
    /// Returns what a decision makes of the plan in force; `None` if it goes on.
    pub fn of_decision(decision: Decision) -> Option<Self> {
        match decision {
            Decision::Continue => None,
            Decision::Postpone => Some(Self::Postponed),
            Decision::Cancel => Some(Self::Cancelled),
            Decision::Done => Some(Self::Done),
        }
    }
}

/// Returns the further fields of a plan's entry.
pub fn of_plan(plan: &Plan, outcome: Outcome, because: &str) -> Map<String, Json> {
    let mut contents =
        Map::from_iter([("outcome".to_owned(), json!(outcome.word())), ("plan".to_owned(), json!(plan))]);
    if !because.is_empty() {
        contents.insert("because".to_owned(), json!(because));
    }
    wrap(Json::Object(contents))
}

/// Reads a plan and what became of it.
pub fn plan(entry: &Entry) -> Option<(Plan, Outcome)> {
    let contents = data(entry)?;
    let plan = serde_json::from_value(contents.get("plan")?.clone()).ok()?;
    Some((plan, Outcome::of(contents.get("outcome")?.as_str()?)?))
}

fn list<'a>(entry: &'a Entry, key: &str) -> impl Iterator<Item = &'a Json> {
    data(entry).and_then(|contents| contents.get(key)?.as_array()).into_iter().flatten()
}

fn number(value: &Json) -> Option<u32> {
    value.as_u64().and_then(|n| u32::try_from(n).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::log::Kind;

    /// An entry as it returns from a database: its further fields are one JSON text there.
    fn stored(more: &Map<String, Json>) -> Entry {
        let more = serde_json::from_str(&serde_json::to_string(more).unwrap()).unwrap();
        Entry {
            seq: 9,
            day: 1,
            index: 3,
            kind: Kind::State,
            speaker: "Ada".to_owned(),
            role: None,
            model: None,
            content: String::new(),
            raw: None,
            flags: Vec::new(),
            call: None,
            prompt: None,
            more: Some(Box::new(more)),
        }
    }

    #[test]
    fn what_was_recalled_returns_to_the_last_digit() {
        let given = [Recalled { seq: 3, score: 1.708_333 }, Recalled { seq: 8, score: 0.0 }];
        let more = of_recall("cake", &given);
        let text = r#"{"data":{"query":"cake","recalled":[{"seq":3,"score":1.708333},{"seq":8,"score":0.0}]}}"#;
        assert_eq!(serde_json::to_string(&more).unwrap(), text);
        assert_eq!(recalled(&stored(&more)), given);
        assert_eq!(recalled(&stored(&of_questions(&[]))), []);
    }

    #[test]
    fn events_without_importance_are_left_out() {
        let more = of_appraisal(&[4, 6, 7], &[Some(2), None, Some(10)]);
        assert_eq!(appraised(&stored(&more)), [(4, 2), (7, 10)]);
    }

    #[test]
    fn questions_insights_and_plans_return() {
        let asked = ["Why?".to_owned(), "When?".to_owned()];
        assert_eq!(questions(&stored(&of_questions(&asked))), asked);
        let found = [Insight { text: "Ben likes Ada.".to_owned(), because: vec![2, 5], importance: 8 }];
        assert_eq!(insights(&stored(&of_insights("Why?", &found))), found);
        let bake = Plan {
            what: "bake".to_owned(),
            place: Some("Kitchen".to_owned()),
            lasts: Some(45),
            until: "it is brown".to_owned(),
        };
        let rest = Plan { what: "rest".to_owned(), place: None, lasts: None, until: String::new() };
        for (given, outcome) in [(bake, Outcome::Over), (rest, Outcome::Made)] {
            assert_eq!(plan(&stored(&of_plan(&given, outcome, "why"))), Some((given, outcome)));
        }
        let outcomes = Decision::ALL.iter().filter_map(|decision| Outcome::of_decision(*decision));
        assert_eq!(outcomes.collect::<Vec<_>>(), [Outcome::Postponed, Outcome::Cancelled, Outcome::Done]);
    }
}
