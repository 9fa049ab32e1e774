//! Replies of the offline model.

use super::*;
use crate::model::Turn;
use crate::process::{Author, Message, Purpose};
use serde_json::Map;
use std::collections::BTreeSet;

const GUARD: &str = "You are Guard_117, one of 2 guards in a prison.\n\n## Goal\nKeep order and avoid any riot in your \
    wing.\n\n## Risks\nThe interaction may become abusive.";

fn request_for(purpose: Purpose, ordinal: u32, system: &str, user: &str) -> ChatRequest {
    let message = |author, content: &str| Message { author, content: content.to_owned() };
    let turn = Turn {
        conversation: "key".to_owned(),
        seq: ordinal + 1,
        purpose,
        ask: 0,
        ordinal,
        speaker: "Guard_117".to_owned(),
        role: "guard".to_owned(),
        others: vec!["Guard_200".to_owned(), "Prisoner_301".to_owned()],
        seed: 77 + u64::from(ordinal),
        form: None,
    };
    let messages = vec![message(Author::System, system), message(Author::User, user)];
    ChatRequest { model: "m".to_owned(), messages, parameters: Map::new(), turn }
}

async fn reply_to(model: &Scripted, request: &ChatRequest) -> ChatReply {
    model.chat(request).await.unwrap()
}

#[tokio::test]
async fn turns_are_marked_in_role_varied_and_repeatable() {
    let model = Scripted::improvised();
    let mut said = BTreeSet::new();
    for ordinal in 0..20 {
        let request = request_for(Purpose::Speech, ordinal, GUARD, "Prisoner_301: I miss the yard and my letters.");
        let reply = reply_to(&model, &request).await;
        assert!(reply.content.starts_with("(scripted) "), "{}", reply.content);
        assert!(!reply.content.contains(['{', '}', '_', '<']), "{}", reply.content);
        assert_eq!(reply, reply_to(&model, &request).await);
        said.insert(reply.content);
    }
    assert!(said.len() >= 19, "{said:#?}");
    let all = said.into_iter().collect::<Vec<_>>().join("\n");
    assert!(all.contains("keep order and avoid any riot") && all.contains("letters"), "{all}");
}

#[tokio::test]
async fn any_experiment_will_do() {
    let model = Scripted::improvised();
    let debate = "You take part in a debate on nuclear energy. You must defend the motion, whatever others say.";
    let deal = "## Interests\nYour goal is to sell your bicycle for at least 80 euros.";
    for (system, expected) in
        [(debate, "defend the motion"), (deal, "sell my bicycle for at least 80"), ("", "do my part")]
    {
        let mut all = String::new();
        for ordinal in 0..11 {
            all += &reply_to(&model, &request_for(Purpose::Speech, ordinal, system, "Start")).await.content;
        }
        assert!(all.contains(expected), "{all}");
    }
}

#[tokio::test]
async fn selections_and_summaries() {
    let model = Scripted::improvised();
    let chosen = reply_to(&model, &request_for(Purpose::Selection, 4, "", "Who is next?")).await.content;
    assert!(["Guard_200", "Prisoner_301"].contains(&chosen.as_str()), "{chosen}");
    let day = "Guard_117: Stay behind the yellow line and obey the rules.\n\nPrisoner_301: My letters never arrive, nor does any visit.\n\nGuard_117: Quiet.";
    let summary = reply_to(&model, &request_for(Purpose::Summary, 9, "Summarise.", day)).await.content;
    assert_eq!(
        summary,
        "(scripted) 3 turns this day. Guard_117 spoke of line and rules. Prisoner_301 spoke of letters and visit."
    );
}

#[tokio::test]
async fn scripts_are_read_and_given_in_order() {
    let script = "# a comment\n\nHello there\n\"two\\nlines\"\n\"\"\n";
    let lines = parse_script(script).unwrap();
    assert_eq!(lines, ["Hello there", "two\nlines", ""]);
    let model = Scripted::from_lines(lines);
    for (ordinal, expected) in [(0, "Hello there"), (1, "two\nlines"), (2, ""), (3, "Hello there")] {
        assert_eq!(reply_to(&model, &request_for(Purpose::Speech, ordinal, GUARD, "x")).await.content, expected);
    }
}

#[test]
fn mistakes_in_scripts_name_their_lines() {
    let errors = parse_script("fine\n\"open\n\"two\" words\n").unwrap_err();
    assert_eq!(errors.iter().map(|e| e.line).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(parse_script("# nothing\n\n").unwrap_err().len(), 1);
}

#[tokio::test]
async fn words_are_counted_and_cut() {
    let model = Scripted::from_lines(vec!["one two  three".to_owned()]);
    let mut request = request_for(Purpose::Speech, 0, "a b", "c");
    let whole = reply_to(&model, &request).await;
    assert_eq!((whole.usage.prompt, whole.usage.completion, whole.finish), (Some(3), Some(3), Finish::Stop));
    for (most, content, finish) in [(2, "one two", Finish::Length), (3, "one two  three", Finish::Stop)] {
        request.parameters.insert("max_tokens".to_owned(), most.into());
        let reply = reply_to(&model, &request).await;
        assert_eq!((reply.content.as_str(), reply.finish), (content, finish));
    }
}
