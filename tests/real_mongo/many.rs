//! Four processes work on one experiment, and one of them is killed again and again.

use crate::base::{Base, CALLS, design, on_sqlite};
use crate::place::Running;
use crate::server::Server;
use std::time::{Duration, Instant};

const PROCESSES: usize = 4;
const JOBS: usize = 2;
/// A server that reads a whole collection for each query needs seconds for the data that each kill leaves.
const KILLS: usize = 6;
const CONVERSATIONS: usize = 400;

/// R1, R3, R4, R5
#[test]
fn four_processes_one_of_them_killed_again_and_again() {
    let Some(base) = Base::new("CONVOKE_TEST_MONGODB_URI") else { return };
    let server = Server::start(Duration::ZERO);
    let design = design(CONVERSATIONS);
    let (transcripts, needed) = on_sqlite(&server, &design);
    assert_eq!(needed, CONVERSATIONS * CALLS);

    server.delay(Duration::from_millis(250));
    let place = base.place(&server, &design);
    let command = format!("run e --jobs {JOBS}");
    let (began, mut kills, mut said) = (Instant::now(), 0, String::new());
    let mut runs: Vec<Running> = (0..PROCESSES).map(|_| place.start(&command)).collect();
    while kills < KILLS {
        let mut victim = runs.remove(0);
        victim.says("to do · database");
        std::thread::sleep(Duration::from_secs(4));
        if victim.is_over() {
            runs.insert(0, victim);
            break;
        }
        said.push_str(&victim.said());
        victim.kill();
        kills += 1;
        // The same command again; the others continue.
        runs.insert(0, place.start(&command));
    }
    for run in runs {
        said.push_str(&run.wait().exits(0).err);
    }
    let took = began.elapsed();
    assert!(kills >= 4, "only {kills} kills");
    assert!(said.contains("are in use by tester (process "), "{said}");
    assert!(place.transcripts() == transcripts, "the transcripts differ");
    place.is_sound();
    base.is_at_rest();
    let end = place.run("run e --json").exits(0).end();
    let (extra, spend) = ((server.count() - 2 * needed) as u64, end["possible_spend"].as_u64().unwrap());
    // An answer that waits to be stored has released its slot to another.
    let most = (2 * JOBS + 4) * kills;
    assert!(extra <= spend && spend <= most as u64, "{extra} ≤ {spend} ≤ {most}");
    eprintln!("{CONVERSATIONS} conversations, {kills} kills, {took:.1?}, {extra} calls more, possible spend {spend}");
}
