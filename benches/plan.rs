//! Time to check and plan 2,000 conditions whose prompts have several KB.

mod timing;

use convoke::design::check::{KnownServer, check};
use convoke::design::folder::Files;
use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;
use timing::report_runs;

fn files() -> Files {
    let levels = |name: &str, n: usize| {
        let levels: Vec<String> = (0..n).map(|i| format!("\"level-{i}\"")).collect();
        format!("{name} = [{}]\n", levels.join(", "))
    };
    let toml = format!(
        "name = \"bench\"\nmodels = [\"ollama/m\"]\n[protocol]\nmessages = 20\nagents = {{ guard = 1, prisoner = 1 }}\n\
         [factors]\n{}{}{}[run]\nreplicates = 10\n",
        levels("a", 10),
        levels("b", 10),
        levels("c", 20)
    );
    let mut files = Files::from([("experiment.toml".to_owned(), toml.into_bytes())]);
    for role in ["guard", "prisoner"] {
        let mut text = String::new();
        for i in 0..100 {
            let body = "A sentence with <GUARD_NOUN>. ".repeat(25);
            let _ = write!(text, "## Part {i} {{a=level-{}|level-9 b=level-{}}}\n{body}\n\n", i % 5, i % 10);
        }
        files.insert(format!("roles/{role}.md"), text.into_bytes());
    }
    files
}

fn main() {
    let files = files();
    let servers = [KnownServer { name: "ollama".to_owned(), lacks: &[], refused: None }];
    report_runs("2,000 conditions checked and planned", 10, || {
        let started = Instant::now();
        black_box(check(black_box(&files), &servers));
        started.elapsed()
    });
    let Some(plan) = check(&files, &servers).plan else { return };
    report_runs("20,000 keys", 10, || {
        let started = Instant::now();
        black_box(black_box(&plan).cells());
        started.elapsed()
    });
}
