//! A world driven by hand: who hears what, what a prompt holds, and the laws of a process.

use super::*;
use crate::design::check::{KnownServer, check};
use crate::design::folder::Files;
use crate::process::setting::Draw;
use crate::process::{Ask, Author, EndedBy, Entry, Kind, Message, Next, Process, PromptSize, Reply, Setting};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Replies by agent and number of the turn.
type Script = BTreeMap<&'static str, Vec<&'static str>>;

const WORLD: &str = "steps=3\nclock={start=2024-05-16T09:00:00,step='15 min'}\nplaces=[{name='Office',text='Two desks.'},{name='Hallway'}]\n\
    start={Marty='Hallway'}\n";

fn setting(world: &str, mind: &str, names: &[&str]) -> Arc<Setting> {
    let toml = format!(
        "name='e'\nmodels=[{{id='ollama/m',max_tokens=300}}]\nstarting_message='Good morning.'\n[protocol]\nagents={{worker={}}}\n\
         stop_phrases=['GOODBYE']\n[roles.worker]\nplural='workers'\npronouns='they/their'\npeople='people/*.json'\ndeal='in-order'\n\
         [mind]\n{mind}\n[world]\n{world}",
        names.len()
    );
    let mut files = Files::from([
        ("experiment.toml".to_owned(), toml.into_bytes()),
        ("roles/worker.md".to_owned(), b"You work here.".to_vec()),
    ]);
    for (i, name) in names.iter().enumerate() {
        files.insert(
            format!("people/{i}.json"),
            json!({ "name": name, "public": format!("{name} is known.") }).to_string().into_bytes(),
        );
    }
    let servers = [KnownServer { name: "ollama".into(), lacks: &[], refused: None }];
    let checked = check(&files, &servers);
    let plan = checked
        .plan
        .unwrap_or_else(|| panic!("{:?}", checked.problems.iter().map(ToString::to_string).collect::<Vec<_>>()));
    let draw = Draw { key: &plan.cells()[0].key, seed: 0, replicate: 1 };
    Arc::new(Setting::new(&checked.experiment.expect("an experiment"), &plan.conditions[0], draw))
}

fn say(text: &str) -> String {
    json!({ "actions": [{ "do": "say", "to": null, "text": text }] }).to_string()
}

fn reply(content: &str) -> Reply<'_> {
    let prompt = PromptSize { bytes: 100, tokens: None };
    Reply { content, thinking: false, refused: false, length: false, filtered: false, prompt, context: None }
}

/// Takes a world to its end with the replies of `answer`; returns the world and each ask with its messages.
fn drive(
    setting: &Arc<Setting>,
    log: Vec<Entry>,
    answer: impl Fn(&Ask) -> String,
) -> (World, Vec<(Ask, Vec<Message>)>) {
    let mut world = World::replay(Arc::clone(setting), log).expect("a world");
    let mut asked = Vec::new();
    loop {
        match world.next() {
            Next::Note(entry) => world.push(entry),
            Next::Ask(asks) => {
                let messages: Vec<_> = asks.iter().map(|ask| ask.view.messages(world.log(), &[])).collect();
                let entries: Vec<Entry> = asks.iter().map(|ask| world.answer(ask, &reply(&answer(ask)))).collect();
                asked.extend(asks.into_iter().zip(messages));
                for entry in entries {
                    world.push(entry);
                }
            }
            Next::Done(_) | Next::Failed(_) => return (world, asked),
        }
    }
}

fn scripted(script: &Script) -> impl Fn(&Ask) -> String + '_ {
    let step = |ask: &Ask| (ask.index as usize).saturating_sub(1);
    move |ask| {
        let of = script.get(ask.speaker.as_str()).and_then(|list| list.get(step(ask)));
        of.map_or_else(|| json!({ "actions": [] }).to_string(), |text| (*text).to_owned())
    }
}

fn heard(world: &World) -> Vec<String> {
    let perceivers = find_perceivers(world.log());
    let line = |(entry, who): (&Entry, Option<Vec<String>>)| {
        let who = who.map_or("-".to_owned(), |who| who.join("+"));
        format!("{} {} {} [{}] {who}", entry.index, entry.kind, entry.speaker, entry.content)
    };
    let shown = world.log().iter().zip(perceivers).filter(|(e, _)| e.kind != Kind::Turn && e.kind != Kind::Opening);
    shown.map(line).collect()
}

/// The surprise party: what is said in the office stays there, and a move takes effect when the step ends.
#[test]
fn a_speech_is_heard_where_it_is_said() {
    let setting = setting(WORLD, "", &["Ricardo", "Rebecca", "Marty"]);
    let script = Script::from([
        (
            "Ricardo",
            vec![
                r#"{"actions":[{"do":"say","to":"rebecca","text":"Marty has a birthday."}]}"#,
                r#"{"actions":[{"do":"go","place":"the hallway"}]}"#,
                r#"{"actions":[{"do":"say","to":null,"text":"Surprise!"}]}"#,
            ],
        ),
        (
            "Rebecca",
            vec![
                r#"{"actions":[{"do":"say","to":"Marty","text":"Come here."}]}"#,
                r#"{"actions":[{"do":"say","to":null,"text":"I bake a cake."}]}"#,
            ],
        ),
    ]);
    let (world, _) = drive(&setting, Vec::new(), scripted(&script));
    let mut lines = heard(&world);
    lines.sort();
    assert_eq!(
        lines,
        [
            "1 action Marty [] -",
            "1 action Rebecca [] -",
            "1 speech Ricardo [Marty has a birthday.] Rebecca",
            "2 action Marty [] -",
            "2 move Ricardo [goes from Office to Hallway.] Rebecca+Marty",
            "2 speech Rebecca [I bake a cake.] Ricardo",
            "3 action Marty [] -",
            "3 action Rebecca [] -",
            "3 speech Ricardo [Surprise!] Marty",
        ],
        "Ricardo still hears what is said in the step in which it goes"
    );
    let failed =
        world.log().iter().find(|e| e.kind == Kind::Action && e.speaker == "Rebecca").expect("a failed action");
    let why = failed.more.as_ref().and_then(|more| more["data"]["failed"].as_str()).expect("a reason").to_owned();
    assert_eq!(why, "nobody or nothing of the name \"Marty\" (there are: Ricardo) within hearing");
    assert_eq!(world.next(), Next::Done(EndedBy::Steps));
}

#[test]
fn a_prompt_has_the_world_the_memory_and_now() {
    let setting = setting(WORLD, "thoughts=true\nstate=['goals']", &["Ricardo", "Rebecca", "Marty"]);
    let script = Script::from([
        (
            "Ricardo",
            vec![
                r#"{"thought":"A cake!","actions":[{"do":"say","to":"Rebecca","text":"Hello.\nMarty: Hi"},{"do":"fly"}],"state":{"goals":"bake"}}"#,
            ],
        ),
        ("Rebecca", vec![r#"{"thought":"","actions":[{"do":"say","to":null,"text":"Morning."}],"state":null}"#]),
    ]);
    let (world, asked) = drive(&setting, Vec::new(), scripted(&script));
    assert_eq!(world.next(), Next::Done(EndedBy::Quiet), "one loud step, then two quiet ones");
    let (_, messages) =
        asked.iter().find(|(ask, _)| ask.speaker == "Ricardo" && ask.index == 2).expect("its second turn");
    let all: Vec<String> = messages.iter().skip(1).map(|m| format!("<{:?}> {}", m.author, m.content)).collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    <User> Good morning.
    [09:00 Office]
    <Assistant> {"thought":"A cake!","actions":[{"do":"say","to":"Rebecca","text":"Hello."}]}
    <User> [09:00 Office] Rebecca: Morning.

    Now
    - time: Thursday, 16 May 2024, 09:15
    - place: Office
    - here: Rebecca
    - goals: bake
    - "fly" failed: there is no such action; there are: say, go, wait
    What do you do now? Answer with the JSON object that is described above.
    "#);
    assert!(messages[0].content.ends_with("## Places\n- Office: Two desks.\n- Hallway\n\n## Others\n- Rebecca (worker): Rebecca is known.\n- Marty (worker): Marty is known."), "{}", messages[0].content);
}

#[test]
fn a_whisper_is_heard_by_one_and_a_full_place_by_lot() {
    let world = "steps=2\nplaces=[{name='Hall'},{name='Booth',room=1}]\n";
    let setting = setting(world, "actions=['say','whisper','go']", &["Ann", "Bob", "Cy"]);
    let script = Script::from([
        (
            "Ann",
            vec![
                r#"{"actions":[{"do":"whisper","to":"Bob","text":"Follow me."}]}"#,
                r#"{"actions":[{"do":"go","place":"Booth"}]}"#,
            ],
        ),
        ("Bob", vec![r#"{"actions":[]}"#, r#"{"actions":[{"do":"go","place":"Booth"}]}"#]),
    ]);
    let (world, asked) = drive(&setting, Vec::new(), scripted(&script));
    assert!(heard(&world).contains(&"1 speech Ann [Follow me.] Bob".to_owned()), "{:?}", heard(&world));
    let moves = world.log().iter().filter(|e| e.kind == Kind::Move).count();
    let full = world
        .log()
        .iter()
        .filter(|e| e.more.as_ref().is_some_and(|m| m["data"]["failed"] == "there is no room in Booth"))
        .count();
    assert_eq!((moves, full), (1, 1), "the first of the order that is drawn for the step has it");
    let of_bob = asked.iter().find(|(ask, _)| ask.speaker == "Bob" && ask.index == 2).expect("a turn");
    assert!(of_bob.1[3].content.contains("Ann whispers to you: Follow me."), "{:?}", of_bob.1);
}

#[test]
fn a_day_ends_by_a_stop_phrase_by_an_action_and_when_it_is_quiet() {
    let names = ["Ann", "Bob"];
    let long = "steps=9\n";
    let quiet = drive(&setting(long, "", &names), Vec::new(), |_| json!({ "actions": [] }).to_string()).0;
    assert_eq!((quiet.next(), quiet.log().last().map(|e| e.index)), (Next::Done(EndedBy::Quiet), Some(2)));
    let stopped =
        drive(&setting(long, "", &names), Vec::new(), |ask| say(if ask.speaker == "Bob" { "GOODBYE" } else { "Hm." }))
            .0;
    assert_eq!((stopped.next(), stopped.log().last().map(|e| e.index)), (Next::Done(EndedBy::StopPhrase), Some(1)));
    assert_eq!(
        stopped.log().iter().filter(|e| e.kind == Kind::Speech).count(),
        2,
        "a round that has begun is finished"
    );
    let all = drive(&setting("steps=2\nquiet=0\n", "", &names), Vec::new(), |_| json!({ "actions": [] }).to_string()).0;
    assert_eq!(all.next(), Next::Done(EndedBy::Steps));
}

#[test]
fn agents_in_turn_hear_each_other_in_the_same_step() {
    for (order, hears) in [("together", false), ("in-turn", true)] {
        let setting = setting(&format!("steps=1\norder='{order}'\n"), "", &["Ann", "Bob"]);
        let (_, asked) = drive(&setting, Vec::new(), |ask| say(&format!("I am {}.", ask.speaker)));
        let last = &asked.iter().find(|(ask, _)| ask.speaker == "Bob").expect("a turn").1[1].content;
        assert_eq!(last.contains("I am Ann."), hears, "{order}: {last}");
    }
}

#[test]
fn a_reply_that_cannot_be_read_is_asked_for_again_and_then_the_agent_waits() {
    let setting = setting("steps=1\n", "", &["Ann", "Bob"]);
    let (world, asked) =
        drive(&setting, Vec::new(), |ask| if ask.speaker == "Ann" { "No.".to_owned() } else { say("Hm.") });
    let of_ann: Vec<u32> = asked.iter().filter(|(ask, _)| ask.speaker == "Ann").map(|(ask, _)| ask.call.ask).collect();
    assert_eq!(of_ann, [0, 1, 2]);
    let again = &asked.iter().find(|(ask, _)| ask.call.ask == 1).expect("a second ask").1;
    assert_eq!(again[again.len() - 2], Message { author: Author::Assistant, content: "No.".to_owned() });
    assert!(heard(&world).contains(&"1 action Ann [] -".to_owned()), "{:?}", heard(&world));
    assert_eq!(world.next(), Next::Done(EndedBy::Steps));
}

#[test]
fn a_rumour_spreads_along_links() {
    let world = "steps=4\nhearing='links'\nlinks={kind='ring',k=2}\n";
    let names = ["P0", "P1", "P2", "P3", "P4", "P5", "P6", "P7"];
    let setting = setting(world, "", &names);
    let place = |name: &str| setting.agents.iter().position(|agent| agent.name == name).expect("an agent");
    let (_, asked) = drive(&setting, Vec::new(), |ask| {
        say(if place(&ask.speaker) == 0 { "The king is gone." } else { "Nothing new." })
    });
    let first = |name: &str| {
        asked
            .iter()
            .find(|(ask, m)| {
                ask.speaker == name && m.iter().any(|m| m.author == Author::User && m.content.contains("king"))
            })
            .map(|(ask, _)| ask.index)
    };
    let known: Vec<Option<u32>> = setting.agents.iter().map(|agent| first(&agent.name)).collect();
    assert_eq!((known[1], known[7]), (Some(2), Some(2)), "the neighbours in the ring have heard it: {known:?}");
    assert_eq!(known[4], None, "nobody tells those who are further away");
}

/// Replies by a number: speeches with secrets, whispers, moves, nothing, and what cannot be read. No two have the same
/// words.
fn drawn_reply(ask: &Ask, number: u64) -> String {
    let mark = format!("{} at {}.", ask.speaker, ask.seq);
    let to = ask.others.first().cloned().unwrap_or_default();
    let secret = format!("secret of {mark}");
    let actions = match (number ^ (u64::from(ask.seq).wrapping_mul(0x9E37_79B9) >> 3)) % 6 {
        0 => json!([{ "do": "say", "to": null, "text": secret }]),
        1 => json!([{ "do": "whisper", "to": to, "text": secret }]),
        2 => json!([{ "do": "say", "to": null, "text": secret }, { "do": "go", "place": "Hallway" }]),
        3 => json!([{ "do": "go", "place": "Office" }]),
        4 => json!([{ "do": "directory", "page": 1 }]),
        _ => return format!("not JSON of {mark}"),
    };
    json!({ "thought": format!("thought of {mark}"), "actions": actions }).to_string()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any prefix of a log continues to the same end, and a prefix of a round asks exactly what is missing.
    #[test]
    fn any_prefix_continues_to_the_same_end(number in any::<u64>(), order in 0..3_usize, cut in 0.0..1.0_f64) {
        let order = ["together", "in-turn", "shuffled"][order];
        let setting = setting(&format!("{WORLD}order='{order}'\n"), "actions=['say','whisper','go','directory']\nturns=2", &["Ricardo", "Rebecca", "Marty"]);
        let (whole, asked) = drive(&setting, Vec::new(), |ask| drawn_reply(ask, number));
        let at = (whole.log().len() as f64 * cut) as usize;
        let (again, rest) = drive(&setting, whole.log()[..at].to_vec(), |ask| drawn_reply(ask, number));
        prop_assert_eq!(again.log(), whole.log());
        prop_assert_eq!(again.next(), whole.next());
        for (ask, messages) in &rest {
            let same = asked.iter().find(|(one, _)| one.seq == ask.seq && one.call == ask.call).expect("the same ask");
            prop_assert_eq!(&same.0, ask);
            prop_assert_eq!(&same.1, messages);
        }
    }

    /// No prompt of an agent holds text of an entry that it did not perceive.
    #[test]
    fn nobody_reads_what_it_did_not_perceive(number in any::<u64>(), order in 0..3_usize) {
        let order = ["together", "in-turn", "shuffled"][order];
        let setting = setting(&format!("{WORLD}order='{order}'\n"), "thoughts=true\nactions=['say','whisper','go']", &["Ricardo", "Rebecca", "Marty"]);
        let (world, asked) = drive(&setting, Vec::new(), |ask| drawn_reply(ask, number));
        let perceivers = find_perceivers(world.log());
        for (ask, messages) in &asked {
            let prompt: String = messages.iter().map(|m| m.content.as_str()).collect::<Vec<_>>().join("\n");
            for (entry, who) in world.log().iter().zip(&perceivers).filter(|(e, _)| e.speaker != ask.speaker && !e.content.is_empty()) {
                let perceives = who.as_ref().is_some_and(|who| who.contains(&ask.speaker));
                prop_assert!(perceives || !prompt.contains(entry.content.as_str()), "{} reads {:?}", ask.speaker, entry.content);
            }
        }
    }
}
