//! Tests of the experiments that ship. Each has no problem, has the number of conditions that it states, and is
//! unchanged after it is written and read.

use super::*;
use crate::design::check::{KnownServer, check};
use std::path::{Path, PathBuf};

fn files_of(folder: &str) -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<PathBuf> = ["experiment.toml", "shared.md", "summarizer.md"].map(|f| root.join(f)).into();
    for folder in ["roles", "people", "people/fragments"] {
        let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten();
        paths.extend(entries.map(|entry| entry.expect("a file").path()));
    }
    let name = |path: &Path| path.strip_prefix(&root).expect("within").to_string_lossy().into_owned();
    paths.iter().filter_map(|path| Some((name(path), std::fs::read(path).ok()?))).collect()
}

#[test]
fn they_have_no_problem_and_as_many_conditions_as_they_say() {
    let server = |name: &str, lacks| KnownServer { name: name.to_owned(), lacks, refused: None };
    let servers = [server("openai", &["top_k", "num_ctx"] as &[&str]), server("ollama", &[])];
    let shipped = [
        ("experiments/prison", 40),
        ("experiments/debate", 2),
        ("experiments/negotiation", 6),
        ("experiments/focus-group", 4),
        ("experiments/interview", 4),
        ("experiments/ad-evaluation", 2),
        ("experiments/market-research", 4),
        ("experiments/office", 4),
        ("experiments/rumour", 2),
        ("prompts/starter", 2),
    ];
    for (folder, conditions) in shipped {
        let checked = check(&files_of(folder), &servers);
        let told: Vec<String> = checked.problems.iter().map(ToString::to_string).collect();
        assert!(told.is_empty(), "{folder}: {}", told.join("\n"));
        assert_eq!(checked.plan.expect("a plan").conditions.len(), conditions, "{folder}");
        super::round_trip::assert_returns(&checked.experiment.expect("an experiment"));
    }
}
