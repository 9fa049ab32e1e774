//! Tests of keys: the golden key, changes that must give another key, and changes that must not.

use super::*;
use crate::design::{arbitrary, key, write};
use proptest::prelude::*;
use std::collections::BTreeSet;

const TOML: &str = r#"
name = "golden"
note = "in no hash"
starting_message = "Begin, <GUARD_NOUN>"
sections = ["Rules", "Goal"]
models = [
  { id = "ollama/m", temperature = 0.7, top_p = 0.9, top_k = 40, max_tokens = 400, stop = ["\n\n"], num_ctx = 4096, seed = 9007199254740993 },
  { id = "openai/n", as = "gpt", temperature = 1.0, seed = { fixed = 3 }, keep_alive = "30m", stream = true, concurrency = 3 },
]
[protocol]
messages = 12
days = 2
agents = { guard = 2, "prison warden" = 1 }
speakers = "auto"
labels = "always"
merge = false
stop_phrases = ["[END]"]
final_summary = true
[roles.guard]
plural = "guards"
pronouns = "he/his"
model = ["gpt", "ollama/m"]
[roles."prison warden"]
plural = "prison wardens"
pronouns = "she/her"
[selector]
model = "gpt"
[summarizer]
model = "ollama/m"
[factors]
goal = ["escape", "yard-time"]
risks = { levels = [true, false], was = false }
weight = [1.0, 2.5]
"agents.guard" = [2, 1]
top_p = [0.5, 0.9]
model = ["ollama/m", "gpt"]
[design]
zip = [["goal", "weight"]]
[health]
empty = { ask = 2, then = "fail" }
[run]
replicates = 2
seed = 20241009
"#;

const PROMPTS: [(&str, &str); 4] = [
    ("shared.md", "Shared é <!-- gone -->.\n\n## Rules\nNone.\n\n## Risk {risks=true}\nMuch.\n"),
    ("roles/guard.md", "You are <AGENT_NAME>.\n\n## Goal {goal=escape}\nKeep them in.\n"),
    ("roles/prison warden.md", "## Goal {goal=escape|yard-time weight=1.0}\nWatch.\n"),
    ("summarizer.md", "Summarise.\n\n## Form {goal=escape}\nShort.\n"),
];

fn golden_experiment() -> Experiment {
    read_experiment(TOML, &PROMPTS)
}

/// These keys must never change, since they name conversations that were paid for. If this test fails, the code is
/// wrong, or the texts in `prompts/selector*.md` were changed. Those texts must stay, since keys include them.
#[test]
fn the_golden_keys_never_change() {
    let plan = plan_experiment(&golden_experiment());
    assert_eq!(plan.conditions[0].name(), "goal=escape risks=true weight=1.0 agents.guard=2 top_p=0.5 model=ollama/m");
    assert_eq!(plan.conditions[0].key, "ee705023f572e7c1cd4979e990b9c4a64d545faff196f19c13634bb428e20836");
    assert_eq!(plan.cells()[0].key, "d1d4ae415c475742f667afa20d4ca582dea34de3bfb7313364d8b13705f6ae89");
    assert_eq!(key::conversation_id("0123456789abcdef", &plan.cells()[0].key), "94150d63e9005f6e");
}

/// The key of the smallest experiment that can be written must never change.
#[test]
fn the_plain_key_never_changes() {
    let plan = plan_experiment(&small_experiment(""));
    assert_eq!(plan.conditions[0].key, "5b630d486fd7c30936f25a9c8b2ec941fcf2d044602893543b4f49fff0f0e774");
}

fn small_experiment(rest: &str) -> Experiment {
    small_with(rest, "Start.\n\n## Goal {goal=a}\nOne.\n\n## Other {mood=x}\nTwo.\n")
}

/// Returns a small experiment. `rest` lists changes separated by `;;`: `OLD=>NEW` replaces a part of the TOML, other
/// text is appended.
fn small_with(rest: &str, guard: &str) -> Experiment {
    let mut toml =
        "name='e'\nmodels=['ollama/m']\nstarting_message='Go'\n[protocol]\nmessages=6\nagents={guard=1,prisoner=1}\n\
        [roles.guard]\nplural='guards'\npronouns='he/his'\n[roles.prisoner]\nplural='prisoners'\npronouns='he/his'\n\
        [factors]\ngoal=['a','b']\nmood=['x']\n"
            .to_owned();
    for change in rest.split(";;").filter(|c| !c.is_empty()) {
        match change.split_once("=>") {
            Some((old, new)) => {
                assert!(toml.contains(old), "{old}");
                toml = toml.replace(old, new);
            }
            None => toml.push_str(change),
        }
    }
    read_experiment(&toml, &[("roles/guard.md", guard), ("roles/prisoner.md", "Prisoner."), ("summarizer.md", "Sum.")])
}

fn condition_keys(experiment: &Experiment) -> Vec<String> {
    plan_experiment(experiment).cells().into_iter().map(|c| c.key).collect()
}

#[test]
fn adding_leaves_every_older_key() {
    let older = condition_keys(&small_experiment(""));
    let additions = [
        "goal=['a','b']=>goal=['c','a','b']",
        "mood=['x']=>mood=['x','y']",
        "'ollama/m'=>'ollama/m','openai/n'",
        "'ollama/m'=>'openai/n',{id='ollama/m',as='z'}",
        "goal=['a','b']=>risk={levels=[true,false],was=true}\ngoal=['a','b']",
        "model=['ollama/m']\n",
        "messages=[6,8]\n",
        "days=[1,2]\n",
        "'agents.guard'=[1,2]\n",
        "speakers=['random','round-robin']\n",
        "starting_message=['Go','Stay']\n",
        "[run]\nreplicates=3\n",
        "[design]\nzip=[['goal']]\n",
        "[health]\nempty='keep'\n",
    ];
    for addition in additions {
        let newer: BTreeSet<String> = condition_keys(&small_experiment(addition)).into_iter().collect();
        assert!(older.iter().all(|key| newer.contains(key)), "{addition}");
    }
}

#[test]
fn what_is_not_said_to_anybody_moves_no_key() {
    let all = condition_keys(&small_experiment(""));
    let changes = [
        "'ollama/m'=>{id='ollama/m',as='z'}",
        "'ollama/m'=>{id='ollama/m',concurrency=3,stream=false,keep_alive='5m'}",
        "name='e'=>name='f'\nnote='n'",
        "messages=6=>messages=6 # comment",
        "messages=6=>messages = 0x6\ndays=1\nlabels='auto'\nmerge=true\nfinal_summary=false\nstop_phrases=[]\nstyle='convoke'",
        "messages=[6]\n",
        "speakers=['round-robin']\n",
        "'agents.guard'=[1]\n",
        "[health]\nempty={ask=0,then='keep'}\n",
        "[selector]\nmodel='ollama/m'\n[summarizer]\nmodel='ollama/m'\n",
    ];
    for change in changes {
        assert_eq!(condition_keys(&small_experiment(change)), all, "{change}");
    }
    let layouts = [
        "\n\nStart.  \n\n\n## Goal {goal=a}\n\nOne.\n<!-- no -->\n## Other {mood=x}\nTwo.",
        "Start.\n## Never {mood=y}\nThree.\n## Goal {mood=x goal=a|c}\nOne.\n## Other {mood=x|y}\nTwo.\n",
    ];
    for layout in layouts {
        assert_eq!(condition_keys(&small_with("", layout)), all, "{layout}");
    }
    let tables = "[run]\nseed=0\n[roles.prisoner]\npronouns='he/his'\nplural='prisoners'\n[factors]\ngoal=['a','b']\nmood=['x']\n\
        [roles.guard]\nplural='guards'\npronouns='he/his'\n[protocol]\nagents={guard=1,prisoner=1}\nmessages=6\n";
    let moved = format!("starting_message='Go'\nmodels=['ollama/m']\nname='e'\n{tables}");
    let guard = "Start.\n\n## Goal {goal=a}\nOne.\n\n## Other {mood=x}\nTwo.\n";
    assert_eq!(
        condition_keys(&read_experiment(&moved, &[("roles/guard.md", guard), ("roles/prisoner.md", "Prisoner.")])),
        all
    );
}

#[test]
fn what_is_said_moves_the_keys_that_it_is_said_in() {
    let older = condition_keys(&small_experiment(""));
    let changes = [
        "'Go'=>'Go!'",
        "guard=1,prisoner=1=>prisoner=1,guard=1",
        "prisoner=1}=>prisoner=2}",
        "plural='guards'=>plural='guardians'",
        "plural='guards'\npronouns='he/his'=>plural='guards'\npronouns='she/her'",
        "'ollama/m'=>'ollama/n'",
        "'ollama/m'=>{id='ollama/m',temperature=0.0}",
        "'ollama/m'=>{id='ollama/m',seed=9007199254740993}",
        "messages=6=>messages=7",
        "messages=6=>messages=6\ndays=2",
        "messages=6=>messages=6\nspeakers='random'",
        "messages=6=>messages=6\nspeakers='auto'",
        "messages=6=>messages=6\nlabels='never'",
        "messages=6=>messages=6\nmerge=false",
        "messages=6=>messages=6\nstop_phrases=['x']",
        "messages=6=>messages=6\nfinal_summary=true",
        "[health]\nempty='fail'\n",
        "[run]\nseed=1\n",
    ];
    let mut seen: BTreeSet<String> = older.iter().cloned().collect();
    for change in changes {
        for key in condition_keys(&small_experiment(change)) {
            assert!(seen.insert(key), "{change} leaves a key, or gives one that another change gave");
        }
    }
    let large = |seed: &str| condition_keys(&small_experiment(&format!("'ollama/m'=>{{id='ollama/m',seed={seed}}}")));
    assert_ne!(large("9007199254740993"), large("9007199254740992"), "numbers that a double does not tell apart");
    assert_ne!(
        condition_keys(&small_experiment("[run]\nseed=9007199254740993")),
        condition_keys(&small_experiment("[run]\nseed=9007199254740992"))
    );
}

#[test]
fn a_section_moves_only_the_conditions_that_read_it() {
    let older = condition_keys(&small_experiment(""));
    let newer = condition_keys(&small_with("", "Start.\n\n## Goal {goal=a}\nAnother.\n\n## Other {mood=x}\nTwo.\n"));
    assert_ne!(older[0], newer[0]);
    assert_eq!(older[1], newer[1]);
}

#[test]
fn a_factor_and_a_declaration_of_one_parameter_are_one_thing() {
    let swept = condition_keys(&small_experiment("temperature=[0.5,1.0]\n"));
    assert_eq!(condition_keys(&small_experiment("'ollama/m'=>{id='ollama/m',temperature=0.5}"))[0], swept[0]);
    assert_eq!(condition_keys(&small_experiment("'ollama/m'=>{id='ollama/m',temperature=1}"))[0], swept[1]);
    assert_eq!(condition_keys(&small_experiment("temperature=[1]\n"))[0], swept[1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Keys are the same whether an experiment was created, edited or imported. A factor with `was` changes no key.
    #[test]
    fn keys_survive_the_database_and_a_later_factor(experiment in arbitrary::any_experiment(3), at in 0..3_usize, yes in any::<bool>()) {
        let mut experiment = experiment;
        experiment.roles[0].model = RoleModel::Condition;
        experiment.design.exclude.clear();
        let older = condition_keys(&experiment);
        let document = serde_json::to_string(&experiment).expect("a document");
        prop_assert_eq!(&condition_keys(&serde_json::from_str(&document).expect("an experiment")), &older);
        prop_assert_eq!(&condition_keys(&from_folder(&experiment)), &older);
        let later = Factor {
            name: "later".to_owned(),
            levels: vec![Value::Bool(yes), Value::Bool(!yes)],
            was: Some(Value::Bool(true)),
        };
        let mut newer = experiment.clone();
        newer.factors.insert(at.min(newer.factors.len()), later);
        newer.shared.sections.push(Section {
            title: "Later".to_owned(),
            when: vec![When { factor: "later".to_owned(), any: vec!["false".to_owned()] }],
            text: "New.".to_owned(),
        });
        newer.run.replicates += 1;
        let newer: BTreeSet<String> = condition_keys(&newer).into_iter().collect();
        prop_assert!(older.iter().all(|key| newer.contains(key)));
        prop_assert_eq!(newer.len(), 2 * older.len() / experiment.run.replicates as usize * (experiment.run.replicates as usize + 1));
    }

    /// A revision includes everything except the note and `[run]`.
    #[test]
    fn a_revision_is_the_document_without_note_and_run(experiment in arbitrary::any_experiment(2)) {
        let revision = key::hash_revision(&experiment);
        let quiet = Experiment { note: Some("another".to_owned()), run: RunDefaults { replicates: 99, seed: 1 }, ..experiment.clone() };
        prop_assert_eq!(key::hash_revision(&quiet), revision.clone());
        prop_assert_eq!(key::hash_revision(&from_folder(&experiment)), revision.clone());
        let renamed = Experiment { name: "another".to_owned(), ..experiment };
        prop_assert_ne!(key::hash_revision(&renamed), revision);
    }
}

fn from_folder(experiment: &Experiment) -> Experiment {
    let (read, _) = folder::read(&write::write_files(experiment), &mut problem::Problems::default());
    read.expect("an experiment")
}
