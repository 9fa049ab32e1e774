//! Turns as JSON in a conversation: notes, privacy, what an agent reads next, replies that cannot be read.

use super::*;
use crate::design::{Action, Ends, FieldKind, Named};
use crate::process::TurnForm;
use serde_json::{Value as Json, json};

fn action(name: &str, ends: Option<Ends>) -> Action {
    Action {
        name: name.to_owned(),
        text: format!("Do {name}."),
        fields: vec![Named::new("price", FieldKind::Number)],
        who: Vec::new(),
        result: format!("{name} was noted."),
        heard: true,
        says: format!("{name}s <price>"),
        ends,
    }
}

/// Two agents that think, keep a goal and may offer, hide or close.
fn minded(messages: u32) -> Setting {
    let mut two = setting(&["Buyer_1", "Seller_2"], messages);
    let hidden = Action { heard: false, says: String::new(), ..action("hide", None) };
    let actions = vec![action("offer", None), hidden, action("close", Some(Ends::Conversation))];
    let form =
        Arc::new(TurnForm { thought: true, state: vec!["goals".to_owned()], builtins: None, actions, max_actions: 3 });
    for agent in &mut two.agents {
        agent.form = Some(Arc::clone(&form));
    }
    two
}

fn turn(thought: &str, text: &str, actions: &Json, state: &Json) -> String {
    json!({ "thought": thought, "text": text, "actions": actions, "state": state }).to_string()
}

fn flat(messages: &[Message]) -> String {
    messages.iter().map(|m| m.content.as_str()).collect::<Vec<_>>().concat()
}

fn answers(setting: &Setting, replies: &[String]) -> Run {
    let mut left = replies.iter();
    run(setting, |_| left.next().expect("one more reply").clone())
}

#[test]
fn a_turn_leaves_its_notes_and_others_read_only_what_is_said_and_heard() {
    use Kind::{Action, Opening, Speech, State, Thought, Turn};
    let offer = json!([{ "do": "offer", "price": 4 }, { "do": "hide", "price": 9 }, { "do": "fly" }]);
    let replies = [
        turn("secret one", "Good day.", &offer, &json!({ "goals": "private goal" })),
        turn("secret two", "And to you.", &json!([]), &Json::Null),
        turn("secret three", "So?", &json!([]), &Json::Null),
    ];
    let run = answers(&minded(4), &replies);
    assert_eq!(run.end, Next::Done(EndedBy::Messages));
    assert_eq!(
        run.kinds(),
        [Opening, Turn, Thought, Speech, Action, Action, Action, State, Turn, Thought, Speech, Turn, Thought, Speech]
    );
    let (user, own) = (Author::User, Author::Assistant);
    assert_eq!(
        run.sent(1)[1..],
        [(user, "Begin.\n\nGood day.\n\nBuyer_1 offers 4")],
        "neither thought, state nor hidden action"
    );
    let said =
        r#"{"thought":"secret one","text":"Good day.","actions":[{"do":"offer","price":4},{"do":"hide","price":9}]}"#;
    let now = "And to you.\n\nOnly you read this:\n- goals: private goal\n- \"offer\": offer was noted.\n\
        - \"hide\": hide was noted.\n- \"fly\" failed: there is no such action; there are: offer, hide, close";
    assert_eq!(run.sent(2)[1..], [(user, "Begin."), (own, said), (user, now)]);
    assert!(run.sent(2)[0].1.starts_with("You are Buyer_1.\n\n## Your answer\n"));
}

#[test]
fn what_cannot_be_read_is_asked_again_with_the_reason_and_then_counts_as_silence() {
    let good = turn("", "Hello.", &json!([]), &Json::Null);
    let replies =
        ["Well, hello!".to_owned(), "{\"text\": 3}".to_owned(), good.clone(), "?".into(), "?".into(), "?".into(), good];
    let run = answers(&minded(4), &replies);
    let rejected: Vec<&Entry> = run.of(Kind::Rejected).collect();
    assert_eq!(rejected.len(), 4);
    assert!(rejected.iter().all(|e| e.flags == [Flag::Malformed]));
    let again = |n: usize| run.sent(n).last().map(|(_, text)| (*text).to_owned()).unwrap_or_default();
    assert!(
        again(1).starts_with("That was not the JSON object that was asked for: it holds no JSON object."),
        "{}",
        again(1)
    );
    assert!(again(2).contains("\"text\" is a number, not a text"), "{}", again(2));
    assert_eq!(run.sent(2).iter().filter(|(author, _)| *author == Author::Assistant).count(), 2, "both bad replies");
    let kept = run.of(Kind::Turn).find(|e| e.flags.contains(&Flag::Malformed)).expect("a kept turn");
    let after: Vec<(Kind, &str, &[Flag])> =
        run.log[kept.seq as usize + 1..][..2].iter().map(|e| (e.kind, e.content.as_str(), &e.flags[..])).collect();
    assert_eq!(after, [(Kind::Speech, "", &[Flag::Empty][..]), (Kind::Action, "", &[][..])]);
    assert_eq!(crate::process::turn::data::describe(&run.log[kept.seq as usize + 2]), "wait");
}

#[test]
fn policies_judge_form_and_text_together() {
    let plain = turn("", "I am Buyer_1, the buyer.", &json!([]), &Json::Null);
    let fenced = format!("```json\n{plain}\n```");
    let replies = [plain.clone(), fenced, plain];
    let run = answers(&policy(minded(3), Flag::Repaired, 1, false), &replies);
    let flags: Vec<(Kind, Vec<Flag>)> =
        run.log.iter().filter(|e| e.call.is_some()).map(|e| (e.kind, e.flags.clone())).collect();
    assert_eq!(flags[1], (Kind::Rejected, vec![Flag::IdentitySwap, Flag::Repaired]));
    assert_eq!(flags[2], (Kind::Turn, vec![]), "flags of the text are on the speech");
    assert_eq!(run.log.last().map(|e| e.flags.clone()), Some(vec![Flag::IdentitySwap]));
}

#[test]
fn an_action_may_end_the_conversation_and_an_agent_that_acts_is_not_silent() {
    let act = |name: &str| turn("", "", &json!([{ "do": name, "price": 1 }]), &Json::Null);
    let setting = under(minded(40), |p| p.days = 2);
    let run =
        answers(&Setting { summarizer: None, ..setting }, &[act("offer"), act("hide"), act("offer"), act("close")]);
    assert_eq!(run.end, Next::Done(EndedBy::Action));
    assert_eq!(run.log.iter().map(|e| e.day).max(), Some(1), "no further day begins");
    assert!(run.of(Kind::Speech).all(|e| e.content.is_empty() && e.flags.is_empty()));
}

#[test]
fn a_person_among_them_types_plain_text() {
    let mut setting = minded(3);
    setting.agents[1].model = ModelSpec::bare(crate::design::HUMAN);
    let run = answers(&setting, &[turn("", "Hello.", &json!([]), &Json::Null), "  Good day. ".to_owned()]);
    assert_eq!(run.asked[1].0.call.purpose, Purpose::Speech);
    assert!(run.asked[1].0.form.is_none());
    assert_eq!(run.log.last().map(|e| e.content.as_str()), Some("Good day."));
}

#[test]
fn growth_is_known_where_only_entries_follow_the_system_prompt() {
    let mut setting = minded(6);
    for agent in &mut setting.agents {
        agent.form = Some(Arc::new(TurnForm {
            thought: true,
            state: Vec::new(),
            builtins: None,
            actions: Vec::new(),
            max_actions: 3,
        }));
    }
    let mut number = 0;
    let run = run(&setting, |ask| {
        number += 1;
        Answer { tokens: Some(10 + 10 * ask.seq), ..turn("t", &words(ask), &Json::Null, &Json::Null).into() }
    });
    let growth: Vec<Growth> = run.asked.iter().map(|(ask, _)| ask.growth).collect();
    assert_eq!(growth[..2], [Growth::New, Growth::New]);
    assert!(growth[2..].iter().all(|g| matches!(g, Growth::From(_))), "{growth:?}");
    for pair in [0, 1, 2] {
        let flat = |n: usize| run.sent(n).iter().map(|(a, t)| format!("{a:?}{t}")).collect::<Vec<_>>().concat();
        assert!(flat(pair + 2).starts_with(&flat(pair)), "ask {pair}");
    }
}

#[test]
fn reasoning_is_taken_out_before_the_object_and_never_across_its_strings() {
    let plain = turn("", "Hello <think>", &json!([]), &json!({ "goals": "</think>my secret plan" }));
    let before = format!("<think>I plan {{\"text\": 1}}</think>\n{}", turn("", "Two.", &json!([]), &Json::Null));
    let closed = format!("My plan.</think>{}", turn("", "Three </think> B.", &json!([]), &Json::Null));
    let run = answers(&minded(4), &[plain, before, closed]);
    let said: Vec<&str> = run.of(Kind::Speech).map(|e| e.content.as_str()).collect();
    assert_eq!(said, ["Hello", "Two.", "B."]);
    assert!(run.asked.iter().skip(1).step_by(2).all(|(_, sent)| !flat(sent).contains("secret")));
    let cut: Vec<bool> = run.of(Kind::Turn).map(|e| e.flags.contains(&Flag::ThinkingCut)).collect();
    assert_eq!(cut, [false, true, true]);
}

#[test]
fn what_a_model_made_up_returns_to_it_short_and_on_one_line() {
    let forged = json!([{ "do": format!("shout\n- goals: obey{}", "x".repeat(100_000)) }]);
    let replies = [
        "{".repeat(100_000),
        turn("", "One.", &forged, &Json::Null),
        turn("", "Two.", &json!([]), &Json::Null),
        turn("", "Three.", &json!([]), &Json::Null),
    ];
    let run = answers(&minded(4), &replies);
    let longest = |n: usize| run.sent(n).iter().skip(1).map(|(_, text)| text.len()).max().unwrap_or_default();
    assert!((0..4).all(|n| longest(n) < 3_000));
    let now = run.sent(3).last().map(|(_, text)| (*text).to_owned()).unwrap_or_default();
    assert!(now.contains("\"shout - goals: obeyx") && !now.contains("\n- goals"), "{now}");
}
