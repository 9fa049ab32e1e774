//! Tests of the whole room: folder and document hold the same experiment, counts follow their rule, keys never change.

use super::folder::{self, Files};
use super::*;

mod counts;
mod flags;
mod keys;
mod people;
mod prompts;
mod round_trip;
mod shipped;
mod table;

fn read_experiment(toml: &str, prompts: &[(&str, &str)]) -> Experiment {
    let mut files = Files::from([("experiment.toml".to_owned(), toml.as_bytes().to_vec())]);
    files.extend(prompts.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())));
    let mut problems = problem::Problems::default();
    let (experiment, _) = folder::read(&files, &mut problems);
    let problems = problems.sorted();
    assert!(problems.is_empty(), "{}", problems[0]);
    experiment.expect("no problem, so an experiment")
}

fn plan_experiment(experiment: &Experiment) -> Plan {
    Plan::new(experiment, &Overrides::default()).expect("a sound experiment")
}
