//! Timing of a piece of work: each of several runs, then the best, the median and the worst.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::time::Duration;

/// Prints the seconds of a work's runs; `run` does the work once and returns the time that counts.
pub fn report_runs(name: &str, runs: usize, mut run: impl FnMut() -> Duration) {
    // `cargo test --benches` runs every bench once, to see that it works.
    let runs = if std::env::args().any(|a| a == "--bench") { runs } else { 1 };
    let mut times: Vec<Duration> = (0..runs.max(1)).map(|_| run()).collect();
    times.sort();
    let (best, median, worst) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    println!("{name}: {best:.3?} at best, {median:.3?} median, {worst:.3?} at worst, of {} runs", times.len());
}
