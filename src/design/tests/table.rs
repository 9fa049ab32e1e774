//! Tests of the table of keys: every field has a key. Every key is in folder, document, differences, factors and the
//! condition key.

use super::*;
use crate::design::keys::kind::{KeyKind, KeyValue};
use crate::design::keys::{Key, MIND, MODEL, PROTOCOL, ROLE, WORLD, key_names};
use crate::design::world::World;
use crate::design::{diff, write};
use crate::people::Source;
use serde_json::json;

/// Lists the names of a struct's fields. A list that omits a field does not compile.
macro_rules! fields {
    ($name:ident { $($field:ident),* }) => {{
        let $name { $($field: _),* } = $name::default();
        vec![$(stringify!($field)),*]
    }};
}

/// A field without a row would be silently lost. If this does not compile, add the row in `design/keys.rs` first.
#[test]
fn every_field_has_a_key() {
    let protocol = fields!(Protocol { messages, days, speakers, labels, merge, stop_phrases, final_summary });
    assert_eq!(key_names(PROTOCOL).collect::<Vec<_>>(), protocol);
    let role = fields!(Role { name, agents, plural, pronouns, model, people, fragments, deal, mind, prompt });
    assert_eq!([vec!["name", "agents"], key_names(ROLE).collect(), vec!["mind", "prompt"]].concat(), role);
    let model = fields!(ModelSpec { id, alias, sampling, keep_alive, stream, concurrency, structured });
    let sampling = fields!(Sampling { temperature, top_p, top_k, max_tokens, stop, num_ctx, seed });
    let mind = fields!(Mind { thoughts, state, memory, actions, max_actions, turns });
    let world = fields!(World { steps, order, hearing, clock, quiet, start, places, links });
    assert_eq!(key_names(WORLD).collect::<Vec<_>>(), world);
    assert_eq!(key_names(MIND).collect::<Vec<_>>(), mind);
    assert_eq!(key_names(MODEL).collect::<Vec<_>>(), [sampling, model[3..].to_vec()].concat());
}

fn small_experiment() -> Experiment {
    let toml = "name='e'\nmodels=['ollama/m','openai/n']\n[protocol]\nmessages=6\nagents={guard=1,prisoner=1}\n\
        [roles.guard]\nplural='guards'\npronouns='he/his'\n[roles.prisoner]\nplural='prisoners'\npronouns='he/his'\n\
        [factors]\nmodel=['ollama/m']\n";
    read_experiment(
        toml,
        &[("roles/guard.md", "Guard."), ("roles/prisoner.md", "Prisoner."), ("summarizer.md", "Sum.")],
    )
}

fn an_action() -> Action {
    Action {
        name: "offer".to_owned(),
        text: "Offer a price.".to_owned(),
        fields: Vec::new(),
        who: Vec::new(),
        result: String::new(),
        heard: false,
        says: String::new(),
        ends: None,
    }
}

fn sample_value(kind: KeyKind) -> Value {
    match kind {
        KeyKind::Bool => Value::Bool(true),
        KeyKind::Count { from, .. } => Value::Int(i64::from(from) + 1),
        KeyKind::Number { from, to, .. } => Value::Float(f64::midpoint(from, to)),
        KeyKind::Word(words) => Value::Text(words[words.len() - 1].to_owned()),
        KeyKind::Pronouns => Value::Text("she/her".to_owned()),
        KeyKind::Text
        | KeyKind::Scalar
        | KeyKind::Phrases
        | KeyKind::Texts
        | KeyKind::Titles
        | KeyKind::Words(_)
        | KeyKind::Seed => Value::Text("5m".to_owned()),
        KeyKind::Tree(kind) => Value::Text(kind.levels.last().copied().unwrap_or_default().to_owned()),
        KeyKind::Models => Value::Text("openai/n".to_owned()),
        KeyKind::People => Value::Text("people/a.json + people/b.json".to_owned()),
        KeyKind::Fragments => Value::Text("people/f.json".to_owned()),
    }
}

fn default_of<T: Default>(key: &Key<T>) -> KeyValue {
    let one = || KeyValue::One(sample_value(key.kind));
    match key.kind {
        KeyKind::Phrases | KeyKind::Texts | KeyKind::Titles => {
            KeyValue::List(vec!["[END]".to_owned(), "\"".to_owned()])
        }
        // Without places, a world is heard by everyone where it does not say otherwise.
        KeyKind::Word(words) if key.name == "hearing" => KeyValue::One(Value::Text(words[1].to_owned())),
        KeyKind::Words(words) => KeyValue::List(vec![words[0].to_owned(), words[1].to_owned()]),
        KeyKind::Tree(_) => KeyValue::Tree(match key.name {
            "memory" => json!({ "first": 2, "last": 9 }),
            "order" => json!("shuffled"),
            "clock" => json!({ "start": "2024-05-16T09:00:00", "step": "15 min" }),
            "start" => json!({ "guard": "Park" }),
            "places" => json!([{ "name": "Park", "text": "Trees." }, { "name": "Gate", "who": ["guard"], "room": 1 }]),
            "links" => json!({ "kind": "ring", "k": 2 }),
            other => panic!("no sample of `{other}`"),
        }),
        KeyKind::Seed => KeyValue::Seed(Seed::Fixed { fixed: 7 }),
        KeyKind::People => {
            KeyValue::Sources(vec![Source::all_of("people/a.json"), Source { from: "b".to_owned(), first: Some(2) }])
        }
        KeyKind::Fragments => KeyValue::Sources(vec![Source::all_of("people/f.json")]),
        KeyKind::Bool if key.default_value() == Some(one()) => KeyValue::One(Value::Bool(false)),
        KeyKind::Bool
        | KeyKind::Count { .. }
        | KeyKind::Number { .. }
        | KeyKind::Word(_)
        | KeyKind::Text
        | KeyKind::Pronouns
        | KeyKind::Scalar
        | KeyKind::Models => one(),
    }
}

fn condition_key(experiment: &Experiment) -> String {
    plan_experiment(experiment).conditions[0].key.clone()
}

/// Sets each key to a value that is not its default, and looks for the key in every place that uses the table.
/// `path` is what the name of a factor has before the key's own name.
fn is_everywhere<T: Default>(keys: &'static [Key<T>], path: &str, part: fn(&mut Experiment) -> &mut T) {
    // The condition key includes `max_actions` by its effect, which it has on agents with actions, and keys of a world by
    // theirs, which they have in one.
    let world = || World { steps: 5, ..World::default() };
    let is_of_world = path.contains("mind.") || path == "world.";
    let acting = || {
        let base = Experiment { actions: vec![an_action()], ..small_experiment() };
        if is_of_world { Experiment { world: Some(world()), protocol: Protocol::default(), ..base } } else { base }
    };
    let before = acting();
    // Keys of people need files, and have tests of their own.
    for key in keys.iter().filter(|key| !matches!(key.name, "people" | "fragments" | "deal")) {
        let mut after = acting();
        (key.set)(part(&mut after), default_of(key));
        assert_eq!((key.get)(part(&mut after)), Some(default_of(key)), "{} is not what was set", key.name);
        assert_ne!(after, before, "{} is in no document", key.name);
        super::round_trip::assert_returns(&after);
        let lines = diff::describe_differences(&before, &after);
        assert!(lines.len() == 1 && lines[0].contains(&format!("{}`", key.name)), "{}: {lines:?}", key.name);
        // The condition key includes a role's model by its effect.
        let counts = key.counts || key.name == "model";
        assert_eq!(condition_key(&after) != condition_key(&before), counts, "{} in the key", key.name);
        if key.factor && key.name != "model" {
            let Some(level) = default_of(key).into_scalar() else { panic!("{} cannot be a factor", key.name) };
            let mut by_factor = acting();
            by_factor.factors.push(Factor {
                name: format!("{path}{}", key.name),
                levels: vec![level.clone()],
                was: None,
            });
            assert_eq!(condition_key(&by_factor), condition_key(&after), "{} as a factor", key.name);
        }
    }
}

#[test]
fn every_key_is_in_folder_document_differences_factors_and_key() {
    is_everywhere(PROTOCOL, "", |e| &mut e.protocol);
    is_everywhere(ROLE, "", |e| &mut e.roles[0]);
    is_everywhere(MODEL, "", |e| &mut e.models[0]);
    is_everywhere(MIND, "mind.", |e| &mut e.mind);
    is_everywhere(MIND, "roles.guard.mind.", |e| &mut e.roles[0].mind);
    is_everywhere(WORLD, "world.", |e| e.world.get_or_insert_default());
}

/// No document contains a default, except the seven keys that convoke 0.1 always wrote.
#[test]
fn a_new_key_is_left_out_at_its_default() {
    let document = serde_json::to_value(Protocol::default()).expect("a document");
    let written: Vec<&String> = document.as_object().expect("a table").keys().collect();
    assert_eq!(written, ["messages", "days", "speakers", "labels", "merge", "stop_phrases", "final_summary"]);
    let bare = serde_json::to_value(ModelSpec::bare("ollama/m")).expect("a document");
    assert_eq!(bare, serde_json::json!({ "id": "ollama/m", "sampling": {} }));
}

/// Keys do not depend on the file's format number. If only the format number is higher, all keys stay the same.
#[test]
fn every_format_gives_one_key() {
    let silent = small_experiment();
    assert_eq!(silent.format, SILENT);
    for format in [1, 2] {
        let written = Experiment { format, ..small_experiment() };
        assert_eq!(condition_key(&written), condition_key(&silent), "format = {format}");
    }
    assert!(
        !String::from_utf8(write::write_files(&silent)["experiment.toml"].clone())
            .expect("text")
            .contains("format = 2")
    );
}

/// Returns the rows of the table under a heading of `docs/format.md`: the name in the first column, and the last
/// column.
fn documented_keys(heading: &str) -> Vec<(String, String)> {
    let page = include_str!("../../../docs/format.md");
    let after = page.split_once(&format!("\n{heading}\n")).expect("the heading").1;
    let rows = after.lines().skip_while(|line| !line.starts_with("| `")).take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        (cells[0].trim_matches('`').to_owned(), cells[cells.len() - 1].trim_matches('`').to_owned())
    };
    rows.map(row).collect()
}

fn as_documented(key: &Key<Protocol>) -> String {
    match key.default_value() {
        Some(KeyValue::One(Value::Text(word))) => format!("\"{word}\""),
        Some(KeyValue::One(value)) => value.to_string(),
        Some(KeyValue::List(texts)) => format!("{texts:?}"),
        Some(KeyValue::Seed(_) | KeyValue::Sources(_) | KeyValue::Tree(_)) => panic!("no key of [protocol] is one"),
        None if key.name == "messages" => "needed".to_owned(),
        None => "none".to_owned(),
    }
}

/// `docs/format.md` has the keys of the table in its order, with the defaults, and with what the condition key
/// includes.
#[test]
fn the_page_has_the_keys() {
    let without = |rows: Vec<(String, String)>, by_hand: &[&str]| -> Vec<(String, String)> {
        rows.into_iter().filter(|(name, _)| !by_hand.contains(&name.as_str())).collect()
    };
    let protocol = PROTOCOL.iter().map(|key| (key.name.to_owned(), as_documented(key)));
    assert_eq!(without(documented_keys("### `[protocol]`"), &["agents"]), protocol.collect::<Vec<_>>());
    let roles: Vec<String> = documented_keys("### `[roles.NAME]`").into_iter().map(|(name, _)| name).collect();
    assert_eq!(roles, key_names(ROLE).collect::<Vec<_>>());
    let minds = MIND.iter().map(|key| key.name.to_owned());
    let written = documented_keys("### `[mind]`").into_iter().map(|(name, _)| name);
    assert_eq!(written.collect::<Vec<_>>(), minds.collect::<Vec<_>>());
    let written = documented_keys("### `[world]`").into_iter().map(|(name, _)| name);
    assert_eq!(written.collect::<Vec<_>>(), key_names(WORLD).collect::<Vec<_>>());
    let counts = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let models = MODEL.iter().map(|key| (key.name.to_owned(), counts(key.counts)));
    assert_eq!(without(documented_keys("## 7. Models and servers"), &["id", "as"]), models.collect::<Vec<_>>());
}

#[test]
fn a_word_has_a_line_for_people() {
    assert_eq!(Speakers::Random.line(), "drawn, never the last speaker");
}

/// The page lists every word that a key accepts.
#[test]
fn the_page_has_the_words() {
    let page = include_str!("../../../docs/format.md");
    for key in PROTOCOL {
        if let KeyKind::Word(words) = key.kind {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", key.name))).expect("a row");
            assert!(words.iter().all(|word| row.contains(&format!("`\"{word}\"`"))), "{row}");
        }
    }
    let factors = PROTOCOL.iter().filter(|key| key.factor).map(|key| format!("`{}`", key.name));
    let factors = factors.collect::<Vec<_>>().join(", ");
    assert!(page.contains(&format!("| {factors} | sets that key of `[protocol]` |")), "{factors}");
    let parameters = MODEL.iter().filter(|key| key.factor).map(|key| format!("`{}`", key.name));
    let parameters = parameters.collect::<Vec<_>>().join(", ");
    assert!(page.contains(&format!("| {parameters} | sets that parameter of the models |")), "{parameters}");
    let flags = Flag::WORDS.iter().filter(|word| !page.contains(&format!("`{word}`")));
    assert_eq!(flags.collect::<Vec<_>>(), [&""; 0]);
}
