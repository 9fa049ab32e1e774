//! The server is killed in the middle of a run and restarted: the run waits, reports this, and resumes.

use crate::base::{Base, CALLS, design, on_sqlite, variable};
use crate::server::Server;
use std::process::{Command, Stdio};
use std::time::Duration;

const CONVERSATIONS: usize = 200;
const JOBS: usize = 4;

/// A shell's command line.
fn shell(line: &str) {
    let status = Command::new("bash").args(["-c", line]).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{line}: {status}");
}

/// R8. Variables name a server of its own, and the commands that kill and start it.
#[test]
fn a_run_outlives_its_server() {
    let Some(address) = variable("CONVOKE_TEST_MONGODB_KILL_URI") else { return };
    let (kill, start) =
        (variable("CONVOKE_TEST_MONGODB_KILL").unwrap(), variable("CONVOKE_TEST_MONGODB_START").unwrap());
    let (base, server) = (Base::at(&address), Server::start(Duration::ZERO));
    let design = design(CONVERSATIONS);
    let (transcripts, needed) = on_sqlite(&server, &design);
    server.delay(Duration::from_millis(100));
    let place = base.place(&server, &design);
    let mut run = place.start(&format!("run e --jobs {JOBS}"));
    server.wait_for(needed + 60, || run.is_over());
    shell(&kill);
    run.says("paused:");
    std::thread::sleep(Duration::from_secs(3));
    shell(&start);
    run.says("the database is back; continuing");
    let said = run.wait().exits(0);
    assert!(said.err.contains("200 done, 0 failed, 0 left"), "{}", said.err);
    assert!(place.transcripts() == transcripts, "the transcripts differ");
    place.is_sound();
    base.is_at_rest();
    assert_eq!(
        server.count() - needed,
        CONVERSATIONS * CALLS,
        "a request that was under way is waited for, not repeated"
    );
}

/// After the maximum wait the run ends with exit code 4, and the same command resumes it.
#[test]
fn a_run_that_waited_long_enough_is_continued_later() {
    let Some(address) = variable("CONVOKE_TEST_MONGODB_KILL_URI") else { return };
    let (kill, start) =
        (variable("CONVOKE_TEST_MONGODB_KILL").unwrap(), variable("CONVOKE_TEST_MONGODB_START").unwrap());
    let (base, server) = (Base::at(&address), Server::start(Duration::ZERO));
    let (transcripts, needed) = on_sqlite(&server, &design(8));
    server.delay(Duration::from_millis(300));
    let place = base.place(&server, &design(8));
    let mut run = place.start("run e --jobs 2 --store-wait 2s");
    server.wait_for(needed + 4, || run.is_over());
    shell(&kill);
    let said = run.wait().exits(4);
    assert!(said.err.contains("to continue:\nconvoke run e --jobs 2 --store-wait 2s"), "{}", said.err);
    let refused = place.run("run e").exits(4);
    assert!(refused.err.contains("refused"), "{}", refused.err);
    shell(&start);
    place.run("run e").exits(0);
    assert!(place.transcripts() == transcripts, "the transcripts differ");
    place.is_sound();
    base.is_at_rest();
}
