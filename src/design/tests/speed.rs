//! How long planning takes: 2,000 conditions with prompts of 3 KB.

use super::*;
use crate::design::check::{KnownServer, check};
use crate::design::write;
use std::fmt::Write;
use std::time::Instant;

#[test]
#[ignore = "a measurement: cargo test --release --lib design::tests::speed -- --ignored --nocapture"]
fn two_thousand_conditions() {
    let levels = |n: usize| (0..n).map(|i| Value::Text(format!("level-{i}"))).collect::<Vec<_>>();
    let factor = |name: &str, n| Factor { name: name.to_owned(), levels: levels(n), was: None };
    let text = |topic: &str| {
        let mut text = String::new();
        for i in 0..20 {
            for level in 0..5 {
                let _ = write!(
                    text,
                    "## {topic} {i} {{a=level-{level}|level-9 b=level-{}}}\n{}\n\n",
                    i % 10,
                    "A sentence with <GUARD_NOUN>. ".repeat(25)
                );
            }
        }
        text
    };
    let toml = "name='e'\nmodels=['ollama/m']\n[protocol]\nmessages=20\nagents={guard=1,prisoner=1}\n[roles.guard]\nplural='g'\n\
        pronouns='he/his'\n[roles.prisoner]\nplural='x'\npronouns='he/his'\n";
    let mut experiment = read(toml, &[("roles/guard.md", &text("Guard")), ("roles/prisoner.md", &text("Prisoner"))]);
    experiment.factors = vec![factor("a", 10), factor("b", 10), factor("c", 20)];
    let exclude =
        |i: usize| Expression { all: vec![When { factor: "c".to_owned(), any: vec![format!("nothing-{i}")] }] };
    experiment.design.exclude = (0..50).map(exclude).collect();
    experiment.run.replicates = 10;
    let started = Instant::now();
    let plan = plan(&experiment);
    println!("plan: {} conditions in {:?}", plan.conditions.len(), started.elapsed());
    let started = Instant::now();
    println!("cells: {} in {:?}", plan.cells().len(), started.elapsed());
    let files = write::write(&experiment);
    let started = Instant::now();
    let servers = [KnownServer { name: "ollama".to_owned(), lacks: &[], refused: None }];
    let checked = check(&files, &servers);
    println!("check: {} problems in {:?}", checked.problems.len(), started.elapsed());
    assert!(started.elapsed().as_secs() < 5);
}
