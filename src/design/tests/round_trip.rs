//! Folder → document → folder.

use super::*;
use crate::design::{arbitrary, write};
use proptest::prelude::*;
use serde_json::Value as Json;

fn from_files(files: &Files) -> Experiment {
    let mut problems = problem::Problems::default();
    let (experiment, _) = folder::read(files, &mut problems);
    let text: Vec<String> = problems.sorted().iter().map(ToString::to_string).collect();
    assert!(text.is_empty(), "{}", text.join("\n"));
    experiment.expect("no problem, so an experiment")
}

/// Returns true if no array is directly inside an array, and no null could have been a NaN.
fn is_storable(json: &Json) -> bool {
    match json {
        Json::Array(items) => items.iter().all(|i| !i.is_array() && is_storable(i)),
        Json::Object(fields) => fields.values().all(is_storable),
        Json::Null => false,
        _ => true,
    }
}

/// Compares two experiments. On failure it prints only the first lines that differ, since the whole texts are long.
fn assert_same(left: &Experiment, right: &Experiment) {
    let (l, r) = (format!("{left:#?}"), format!("{right:#?}"));
    let differ: Vec<_> = l.lines().zip(r.lines()).filter(|(a, b)| a != b).take(5).collect();
    assert!(left == right, "{differ:?}");
}

pub(super) fn assert_returns(experiment: &Experiment) {
    let files = write::write_files(experiment);
    assert_same(&from_files(&files), experiment);
    assert_eq!(write::write_files(&from_files(&files)), files);
    let document = serde_json::to_string(experiment).expect("a document");
    assert_same(&serde_json::from_str(&document).expect("an experiment"), experiment);
    assert!(is_storable(&serde_json::from_str(&document).expect("JSON")), "{document}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_experiment_returns_from_its_folder_and_from_its_document(experiment in arbitrary::any_experiment(4)) {
        assert_returns(&experiment);
    }
}

#[test]
fn cells_and_comments_return() {
    let toml = "# a comment\nname = 'e'\nmodels = ['ollama/m']\n[protocol]\nmessages = 4\n\
                agents = { a = 1, b = 1 }\n[roles.a]\nplural='as'\npronouns='he/his'\n[roles.b]\nplural='bs'\n\
                pronouns='he/his'\n[factors]\nday = [2020-01-01, 2020-01-02]\nx = [1.0, 2.5]\nbig = [9007199254740993]\n\
                [design]\ncells = [{ day = '2020-01-01', x = 1.0 }, { day = '2020-01-02', x = 2.5 }]\n";
    let experiment = read_experiment(toml, &[("roles/a.md", "## T {x=1.0}\n"), ("roles/b.md", "")]);
    assert_eq!(experiment.factors[2].levels, [Value::Int(9_007_199_254_740_993)]);
    assert_eq!(plan_experiment(&experiment).conditions.len(), 2);
    assert_returns(&experiment);
}
