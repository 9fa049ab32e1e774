//! The form of an answer and what is read of replies, against values written by hand.

use super::data;
use super::read::{Act, ReadTurn, read};
use super::schema::Dialect;
use super::*;
use crate::design::{Ends, FieldKind, Named};
use crate::process::log::{CallRef, Entry, Flag, Kind, Purpose};
use serde_json::{Value as Json, json};

fn offer() -> Action {
    Action {
        name: "offer".to_owned(),
        text: "Offer a price.".to_owned(),
        fields: vec![
            Named::new("price", FieldKind::Number),
            Named::new("n", FieldKind::Integer),
            Named::new("final", FieldKind::Boolean),
            Named::new("why", FieldKind::Text),
            Named::new("choice", FieldKind::Choice(vec!["cooperate".to_owned(), "defect".to_owned()])),
            Named::new("rate", FieldKind::Range { from: 0.0, to: 10.0 }),
        ],
        who: Vec::new(),
        result: "Your offer was heard.".to_owned(),
        heard: true,
        says: "offers <price> (<why>)".to_owned(),
        ends: None,
    }
}

fn leave() -> Action {
    Action {
        name: "leave".to_owned(),
        text: "Leave the table.".to_owned(),
        fields: Vec::new(),
        who: vec!["seller".to_owned()],
        result: String::new(),
        heard: false,
        says: String::new(),
        ends: Some(Ends::Conversation),
    }
}

fn form() -> TurnForm {
    TurnForm {
        thought: true,
        state: vec!["goals".to_owned()],
        builtins: None,
        actions: vec![offer(), leave()],
        max_actions: 2,
    }
}

#[test]
fn the_schema_has_these_bytes() {
    let strict = form().schema(Dialect::Strict).to_string();
    assert_eq!(
        strict,
        r#"{"type":"object","additionalProperties":false,"required":["thought","text","actions","state"],"properties":{"thought":{"type":"string"},"text":{"type":"string"},"actions":{"type":"array","items":{"anyOf":[{"type":"object","additionalProperties":false,"required":["do","price","n","final","why","choice","rate"],"properties":{"do":{"type":"string","enum":["offer"]},"price":{"type":"number"},"n":{"type":"integer"},"final":{"type":"boolean"},"why":{"type":"string"},"choice":{"type":"string","enum":["cooperate","defect"]},"rate":{"type":"integer"}}},{"type":"object","additionalProperties":false,"required":["do"],"properties":{"do":{"type":"string","enum":["leave"]}}}]}},"state":{"anyOf":[{"type":"object","additionalProperties":false,"required":["goals"],"properties":{"goals":{"type":"string"}}},{"type":"null"}]}}}"#
    );
    let bare = TurnForm { actions: Vec::new(), ..form() };
    assert_eq!(
        bare.schema(Dialect::Full { max_tokens: None })["properties"].to_string(),
        r#"{"thought":{"type":"string","maxLength":400},"text":{"type":"string","maxLength":2000},"state":{"anyOf":[{"type":"object","additionalProperties":false,"required":["goals"],"properties":{"goals":{"type":"string","maxLength":200}}},{"type":"null"}]}}"#
    );
    let short = form().schema(Dialect::Full { max_tokens: Some(130) });
    assert_eq!(short["properties"]["text"]["maxLength"], 200, "260 of 2,600 characters: a tenth of each");
    assert_eq!(short["properties"]["actions"]["maxItems"], 2);
    for word in ["const", "oneOf", "$ref", "format", "pattern", "default"] {
        assert!(!strict.contains(&format!("\"{word}\"")), "{word}");
    }
}

/// The version of these words counts in keys: a change raises `design::mind::TURNS`.
#[test]
fn the_description_has_these_words() {
    assert_eq!(crate::design::mind::TURNS, 1);
    assert_eq!(
        form().describe(),
        "## Your answer\n\nAnswer with one JSON object and nothing else. It has these keys, in this order:\n\
         - \"thought\": what you think now. Nobody else reads it.\n\
         - \"text\": what you say aloud, \"\" for nothing.\n\
         - \"actions\": what you do, at most 2, [] for nothing. Each is one of:\n  \
         - {\"do\": \"offer\", \"price\": …, \"n\": …, \"final\": …, \"why\": …, \"choice\": …, \"rate\": …} – Offer a price.\n    \
         \"price\" is a number.\n    \"n\" is a whole number.\n    \"final\" is true or false.\n    \"why\" is a text.\n    \
         \"choice\" is one of \"cooperate\", \"defect\".\n    \"rate\" is a whole number from 0 to 10.\n  \
         - {\"do\": \"leave\"} – Leave the table.\n\
         - \"state\": what you keep in mind, an object with a short text for each of \"goals\"; null if nothing changed."
    );
}

fn turn_of(reply: &Json) -> Result<ReadTurn, String> {
    read(&reply.to_string(), false, &form())
}

#[test]
fn a_turn_is_read_as_its_form_says() {
    let offered = json!({ "do": "offer", "price": 4.5, "n": 3.0, "final": "true", "why": " fair ", "choice": "Defect", "rate": "7", "x": 1 });
    let reply = json!({ "thought": "Hm.", "text": " Hello. ", "actions": [offered, { "do": "leave" }, { "do": "leave" }], "state": { "goals": "sell" }, "mood": 1 });
    let turn = turn_of(&reply).unwrap();
    assert_eq!((turn.thought.as_str(), turn.text.as_str()), ("Hm.", "Hello."));
    assert!(turn.is_repaired && turn.is_cut, "a boolean and a number as text; three actions");
    let Act::Done { name, values } = &turn.actions[0] else { panic!("{turn:?}") };
    assert_eq!(name, "offer");
    assert_eq!(
        Json::Object(values.clone()).to_string(),
        r#"{"price":4.5,"n":3,"final":true,"why":"fair","choice":"defect","rate":7}"#
    );
    assert_eq!(turn.state, [Named::new("goals", "sell".to_owned())]);
    let calm = turn_of(&json!({ "thought": "", "text": "", "actions": [] })).unwrap();
    assert_eq!(calm, ReadTurn::default(), "a state that lacks is unchanged");
}

#[test]
fn what_is_wrong_with_an_action_fails_it_alone() {
    let whole = json!({ "do": "offer", "price": 1, "n": 1, "final": true, "why": "", "choice": "defect", "rate": 0 });
    let with = |key: &str, value: Json| {
        let mut action = whole.clone();
        action[key] = value;
        action
    };
    let mut lacking = whole.clone();
    lacking.as_object_mut().unwrap().shift_remove("why");
    for (action, why) in [
        (with("do", json!("fly")), "there is no such action; there are: offer, leave"),
        (with("rate", json!(11)), "\"rate\" is 11; it must be a whole number from 0 to 10"),
        (with("rate", json!(7.5)), "\"rate\" is 7.5; it must be a whole number from 0 to 10"),
        (with("price", json!("cheap")), "\"price\" is \"cheap\"; it must be a number"),
        (with("choice", json!("wait")), "\"choice\" is \"wait\"; it must be one of \"cooperate\", \"defect\""),
        (with("why", json!(5)), "\"why\" is 5; it must be a text"),
        (lacking, "\"why\" is missing"),
        (json!("leave"), "an action is an object with \"do\", not a text"),
        (json!({ "action": "leave" }), "the action has no \"do\""),
    ] {
        let turn =
            turn_of(&json!({ "thought": "", "text": "Hi.", "actions": [action.clone(), { "do": "leave" }] })).unwrap();
        assert!(matches!(&turn.actions[0], Act::Failed { why: said, .. } if said == why), "{action}: {turn:?}");
        assert!(matches!(&turn.actions[1], Act::Done { name, .. } if name == "leave"));
    }
}

#[test]
fn what_the_object_lacks_makes_the_reply_malformed() {
    for (reply, why) in [
        (json!({ "thought": "", "actions": [] }), "\"text\" is missing"),
        (json!({ "text": "", "actions": [] }), "\"thought\" is missing"),
        (json!({ "thought": "", "text": "" }), "\"actions\" is missing"),
        (json!({ "thought": null, "text": "", "actions": [] }), "\"thought\" is null, not a text"),
        (json!({ "thought": "", "text": "", "actions": {} }), "\"actions\" is an object, not a list"),
        (
            json!({ "thought": "", "text": "", "actions": [], "state": "x" }),
            "\"state\" is a text, not an object or null",
        ),
        (
            json!({ "thought": "", "text": "", "actions": [], "state": { "goals": 1 } }),
            "\"goals\" of \"state\" is a number, not a text",
        ),
    ] {
        assert_eq!(turn_of(&reply), Err(why.to_owned()), "{reply}");
    }
}

fn entry(turn: &ReadTurn, said: &str, flags: &[Flag]) -> Entry {
    Entry {
        seq: 7,
        day: 1,
        index: 3,
        kind: Kind::Turn,
        speaker: "Seller_1".to_owned(),
        role: Some("seller".to_owned()),
        model: Some("ollama/m".to_owned()),
        content: String::new(),
        raw: Some("{}".to_owned()),
        flags: vec![Flag::Repaired],
        call: Some(CallRef { purpose: Purpose::Turn, ask: 0 }),
        prompt: None,
        more: Some(Box::new(data::of_turn(turn, &form(), said, flags))),
    }
}

#[test]
fn notes_follow_a_turn_in_order() {
    let offered =
        json!({ "do": "offer", "price": 4, "n": 1, "final": true, "why": "<price>", "choice": "defect", "rate": 0 });
    let reply =
        json!({ "thought": "Hm.", "text": "x", "actions": [{ "do": "fly" }, offered], "state": { "goals": "sell" } });
    let turn = entry(&turn_of(&reply).unwrap(), "Hello.", &[Flag::LabelCut]);
    let notes = data::notes(&turn, &form());
    let told: Vec<(u32, Kind, &str)> = notes.iter().map(|n| (n.seq, n.kind, n.content.as_str())).collect();
    assert_eq!(
        told,
        [
            (8, Kind::Thought, "Hm."),
            (9, Kind::Speech, "Hello."),
            (10, Kind::Action, ""),
            (11, Kind::Action, "offers 4 (<price>)"),
            (12, Kind::State, "goals: sell"),
        ],
        "a value that looks like a placeholder is not replaced"
    );
    assert!(notes.iter().all(|n| n.call.is_none() && n.raw.is_none()));
    assert_eq!(notes.iter().map(|n| n.index).collect::<Vec<_>>(), [3, 3, 4, 4, 4], "behind the speech it counts");
    assert_eq!(notes[1].flags, [Flag::LabelCut]);
    let back: Vec<Option<String>> = notes.iter().map(|n| data::came_back(n, &form())).collect();
    assert_eq!(back[2].as_deref(), Some("\"fly\" failed: there is no such action; there are: offer, leave"));
    assert_eq!(back[3].as_deref(), Some("\"offer\": Your offer was heard."));
    assert_eq!(
        data::as_said(&turn).as_deref(),
        Some(
            r#"{"thought":"Hm.","text":"Hello.","actions":[{"do":"offer","price":4,"n":1,"final":true,"why":"<price>","choice":"defect","rate":0}]}"#
        )
    );
    assert_eq!(data::describe(&notes[2]), "fly failed: there is no such action; there are: offer, leave");
}

#[test]
fn a_role_has_the_actions_that_name_it() {
    let form = |role: &str| TurnForm::of_role(&Mind::default(), &[offer(), leave()], role, None).unwrap();
    assert_eq!(form("seller").actions.len(), 2);
    assert_eq!(form("buyer").actions, [offer()]);
    assert_eq!(TurnForm::of_role(&Mind::default(), &[leave()], "buyer", None), None, "a turn as plain text");
    let off = Mind { thoughts: Some(false), state: Some(Vec::new()), max_actions: Some(9), ..Mind::default() };
    assert_eq!(TurnForm::of_role(&off, &[], "buyer", None), None);
}
