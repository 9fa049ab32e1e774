//! Generators of experiments for property tests. A folder can hold each experiment, and a plan can expand it.

use super::*;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Text with characters that tend to break writers: quotes, newlines, backslashes, other scripts, control characters.
pub fn any_text() -> impl Strategy<Value = String> {
    let pieces =
        ["a", "word ", "\"", "'", "\"\"\"", "'''", "\\", "\n", "\t", "é", "字", "🙂", "<b>", "{x}", "#", "\u{1}", "="];
    vec(select(pieces.to_vec()), 0..8).prop_map(|pieces| pieces.concat())
}

/// Lines of a prompt file under one heading. They contain no heading, and every comment and code fence is closed.
fn any_body() -> impl Strategy<Value = String> {
    let lines = [
        "",
        "One line.",
        "  # three",
        "### deep",
        "\"quoted\" 'too' \\",
        "é 字 🙂",
        "```\n## no heading\n<!--\n```",
        "<!-- a\nb -->",
        "<B_NUM> <AGENTS_NUM>",
        "\t",
    ];
    vec(select(lines.to_vec()), 0..5).prop_map(|lines| lines.iter().flat_map(|l| [*l, "\n"]).collect())
}

fn any_when(factors: &[Factor]) -> BoxedStrategy<Vec<When>> {
    let factors: Vec<Factor> = factors.to_vec();
    if factors.is_empty() {
        return Just(Vec::new()).boxed();
    }
    let some = subsequence(factors.clone(), 0..=factors.len().min(2));
    some.prop_flat_map(|factors| {
        let each: Vec<_> = factors
            .into_iter()
            .map(|f| {
                let levels = f.levels.len();
                (Just(f.name), subsequence(f.levels, 1..=levels))
                    .prop_map(|(factor, any)| When { factor, any: any.iter().map(ToString::to_string).collect() })
            })
            .collect();
        each
    })
    .boxed()
}

fn any_prompt(factors: &[Factor]) -> impl Strategy<Value = PromptText> + use<> {
    let titles = ["Goal", "Rôle \"x\"", "Risks <AGENTS_NUM>", "字", "A {b} c"];
    let section = (select(titles.to_vec()), any_when(factors), any_body()).prop_map(|(title, when, text)| Section {
        title: title.to_owned(),
        when,
        text,
    });
    (any_body(), vec(section, 0..4)).prop_map(|(start, sections)| PromptText { start, sections })
}

fn any_level() -> impl Strategy<Value = Vec<Value>> {
    let whole = subsequence(vec![0, 1, -7, i64::MAX, i64::MIN, 1 << 53, (1 << 53) + 1], 1..4)
        .prop_map(|l| l.into_iter().map(Value::Int).collect());
    let point = vec(any::<f64>().prop_filter("finite", |x| x.is_finite()), 1..4).prop_map(|mut l| {
        l.push(1.0);
        l.sort_by(f64::total_cmp);
        l.dedup_by_key(|x| x.to_bits());
        l.into_iter().map(Value::Float).collect()
    });
    let words = ["a", "two words", "é=字", "\"q\"", "true", "1", "x|y", "", "{z}"];
    let words =
        subsequence(words.to_vec(), 1..4).prop_map(|l| l.into_iter().map(|t| Value::Text(t.to_owned())).collect());
    let flags = subsequence(vec![true, false], 1..=2).prop_map(|l| l.into_iter().map(Value::Bool).collect());
    prop_oneof![whole, point, words, flags]
}

/// Factors that are labels, some with `was`.
fn any_labels(most: usize) -> impl Strategy<Value = Vec<Factor>> {
    let names = ["goal", "manner-guard", "über", "x1", "risks"];
    let one = (any_level(), option::of(any::<prop::sample::Index>()));
    vec(one, 0..=most).prop_map(move |factors| {
        let factors = factors.into_iter().enumerate();
        factors
            .map(|(i, (levels, was))| Factor {
                name: names[i].to_owned(),
                was: was.map(|at| at.get(&levels).clone()),
                levels,
            })
            .collect()
    })
}

fn any_sampling() -> impl Strategy<Value = Sampling> {
    (
        option::of(0.0..=2.0_f64),
        option::of(select(vec![1.0, 0.9, 0.123_456_789_012_345_67])),
        option::of(1..500_u32),
        option::of(1..500_u32),
        vec(any_text().prop_filter("something", |t| !t.is_empty()), 0..2),
        option::of(prop_oneof![
            (0..=i64::MAX as u64).prop_map(Seed::Base),
            (0..=i64::MAX as u64).prop_map(|fixed| Seed::Fixed { fixed })
        ]),
    )
        .prop_map(|(temperature, top_p, top_k, max_tokens, stop, seed)| Sampling {
            temperature,
            top_p,
            top_k,
            max_tokens,
            stop,
            num_ctx: top_k,
            seed,
        })
}

fn any_models() -> impl Strategy<Value = Vec<ModelSpec>> {
    let keep =
        option::of(prop_oneof![Just(Value::Int(-1)), Just(Value::Text("30m".to_owned())), Just(Value::Float(1.0))]);
    vec((any_sampling(), any::<bool>(), keep, option::of(any::<bool>()), option::of(1..9_u32)), 1..3).prop_map(
        |specs| {
            let specs = specs.into_iter().enumerate();
            specs
                .map(|(i, (sampling, named, keep_alive, stream, concurrency))| ModelSpec {
                    id: format!("ollama/m{i}:é"),
                    alias: named.then(|| format!("name \"{i}\"")),
                    sampling,
                    keep_alive,
                    stream,
                    concurrency,
                    structured: (i == 1).then_some(Structured::Prompt),
                })
                .collect()
        },
    )
}

fn any_protocol() -> impl Strategy<Value = Protocol> {
    let speakers = select(Speakers::ALL);
    let labels = select(Labels::ALL);
    let stops = select(vec![vec![], vec!["[END]".to_owned()], vec!["\"\n".to_owned(), "done".to_owned()]]);
    (1..4_u32, 0..9_u32, speakers, labels, any::<bool>(), stops, any::<bool>()).prop_map(
        |(days, more, speakers, labels, merge, stop_phrases, final_summary)| {
            let plain = Protocol { messages: 2 * days + more, days, speakers, labels, ..Protocol::default() };
            Protocol { merge, stop_phrases, final_summary, ..plain }
        },
    )
}

fn any_health() -> impl Strategy<Value = Vec<Named<Policy>>> {
    (subsequence(Flag::WORDS.to_vec(), 0..4), 0..3_u32, any::<bool>()).prop_map(|(flags, ask, fail)| {
        let fail = fail || ask == 0;
        let policies = flags.into_iter().map(|flag| Named::new(flag, Policy { ask, fail }));
        policies.filter(|p| Flag::of(&p.name).is_some_and(|flag| p.value != flag.usual_policy())).collect()
    })
}

/// Returns one of four minds.
fn any_mind_of(number: u8) -> Mind {
    let state = (number & 1 > 0).then(|| vec!["goals".to_owned(), "trust in the \"guard\"".to_owned()]);
    Mind {
        thoughts: (number & 2 > 0).then_some(number & 1 > 0),
        state,
        max_actions: (number == 3).then_some(7),
        ..Mind::default()
    }
}

fn any_actions() -> impl Strategy<Value = Vec<Action>> {
    let field = select(vec![
        FieldKind::Number,
        FieldKind::Integer,
        FieldKind::Boolean,
        FieldKind::Text,
        FieldKind::Choice(vec!["a b".to_owned(), "\"é\"".to_owned()]),
        FieldKind::Range { from: -0.5, to: 10.0 },
    ]);
    let ends = option::of(select(Ends::ALL));
    vec((vec(field, 0..3), any_text(), any_text(), any::<bool>(), ends), 0..3).prop_map(|actions| {
        let actions = actions.into_iter().enumerate();
        actions
            .map(|(i, (fields, text, result, heard, ends))| Action {
                name: format!("act_{i}"),
                text,
                fields: fields.into_iter().enumerate().map(|(i, f)| Named::new(format!("f{i}"), f)).collect(),
                who: if i == 1 { vec!["guard".to_owned()] } else { Vec::new() },
                result,
                heard,
                says: if heard && i == 0 { "acts < at once".to_owned() } else { String::new() },
                ends,
            })
            .collect()
    })
}

fn any_roles(factors: &[Factor]) -> impl Strategy<Value = Vec<Role>> + use<> {
    let names = ["guard", "b", "prison guard", "字"];
    vec((1..4_u32, any_prompt(factors), any_text(), 0..4_u8), 2..=4).prop_map(move |roles| {
        let roles = roles.into_iter().enumerate();
        roles
            .map(|(i, (agents, prompt, plural, model))| Role {
                name: names[i].to_owned(),
                agents,
                plural,
                pronouns: "he/his".to_owned(),
                model: match model {
                    0 => RoleModel::One("ollama/m0:é".to_owned()),
                    1 => RoleModel::Each(vec!["ollama/m0:é".to_owned(); agents as usize]),
                    2 if i > 0 => RoleModel::One(HUMAN.to_owned()),
                    _ => RoleModel::Condition,
                },
                mind: if agents == 2 { any_mind_of(model) } else { Mind::default() },
                prompt,
                ..Role::default()
            })
            .collect()
    })
}

/// Whole experiments with up to `most` labels.
pub fn any_experiment(most: usize) -> impl Strategy<Value = Experiment> {
    any_labels(most).prop_flat_map(|factors| {
        let zip = factors.len() > 1 && factors[0].levels.len() == factors[1].levels.len();
        let parts = (
            any_models(),
            any_protocol(),
            any_roles(&factors),
            any_prompt(&factors),
            any_prompt(&factors),
            any_health(),
            (0..4_u8, any_actions()),
        );
        let excluded = any_when(&factors);
        let run = (1..9_u32, 0..=i64::MAX as u64).prop_map(|(replicates, seed)| RunDefaults { replicates, seed });
        (parts, excluded, run, option::of(any_text()), any_text()).prop_map(
            move |(
                (models, protocol, roles, shared, summarizer, health, (mind, actions)),
                excluded,
                run,
                note,
                starting_message,
            )| {
                let zip = if zip {
                    vec![Zip { factors: vec![factors[0].name.clone(), factors[1].name.clone()] }]
                } else {
                    Vec::new()
                };
                let exclude = if excluded.is_empty() { Vec::new() } else { vec![Expression { all: excluded }] };
                Experiment {
                    format: 1,
                    name: "generated \"é\"".to_owned(),
                    note,
                    starting_message,
                    sections: vec!["Goal".to_owned(), "字".to_owned()],
                    selector_model: Some(models[0].name().to_owned()),
                    summarizer_model: None,
                    models,
                    protocol,
                    roles,
                    shared,
                    summarizer: Some(summarizer),
                    mind: any_mind_of(mind),
                    world: None,
                    actions,
                    factors: factors.clone(),
                    design: Design { zip, exclude, cells: Vec::new() },
                    health,
                    people: Vec::new(),
                    files: Vec::new(),
                    run,
                }
            },
        )
    })
}
