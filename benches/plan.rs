//! How long it takes to check and plan 2,000 conditions whose prompts have several KB.

use convoke::design::check::{KnownServer, check};
use convoke::design::folder::Files;
use criterion::{Criterion, criterion_group, criterion_main};
use std::fmt::Write;
use std::hint::black_box;

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

fn plan(c: &mut Criterion) {
    let files = files();
    let servers = [KnownServer { name: "ollama".to_owned(), lacks: &[], refused: None }];
    let mut group = c.benchmark_group("2,000 conditions");
    group.sample_size(10);
    group.bench_function("check and plan", |b| b.iter(|| check(black_box(&files), &servers)));
    let checked = check(&files, &servers);
    if let Some(plan) = checked.plan {
        group.bench_function("20,000 keys", |b| b.iter(|| black_box(&plan).cells()));
    }
    group.finish();
}

criterion_group!(benches, plan);
criterion_main!(benches);
