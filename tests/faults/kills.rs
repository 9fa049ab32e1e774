//! `kill -9` at any moment, and the same command again.

use crate::place::{DESIGN, Place};
use crate::server::Server;
use std::time::Duration;

const LATENCY: Duration = Duration::from_millis(35);
const JOBS: usize = 4;

/// Pseudo-random numbers that are equal in every run of the test.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

#[test]
fn killed_again_and_again_it_comes_to_the_same_end() {
    // R1, R3, R4, R5
    let server = Server::start(LATENCY);
    let undisturbed = Place::new(&server, DESIGN);
    let end = undisturbed.run("run e --json --jobs 7").exits(0).end();
    assert_eq!((&end["done"], &end["possible_spend"]), (&24.into(), &0.into()), "{end}");
    let needed = server.count();

    let killed = Place::new(&server, DESIGN);
    let (mut dice, mut kills) = (Dice(20_260_101), 0);
    let command = format!("run e --json --jobs {JOBS}");
    while kills < 10 {
        let mut run = killed.start(&command);
        // At any moment: during the start, with turns in flight, or while they are stored.
        server.wait_for(server.count() + dice.below(30) as usize, || run.is_over());
        std::thread::sleep(Duration::from_millis(dice.below(40)));
        assert!(!run.is_over(), "all was done after {kills} kills");
        run.kill();
        kills += 1;
        killed.each_was_recorded("conversation", (server.count() - needed, kills, JOBS));
    }
    let end = killed.run(&command).exits(0).end();
    let spend = end["possible_spend"].as_u64().unwrap() as usize;
    let recorded = killed.each_was_recorded("conversation", (server.count() - needed, kills, JOBS));
    assert_eq!((recorded.answered, recorded.spend), (needed, spend), "what is printed is what is stored");
    assert!(spend > 0, "no kill met a turn in flight");
    assert!(killed.transcripts() == undisturbed.transcripts(), "the transcripts differ");
    killed.is_sound();

    let before = server.count();
    let again = killed.run(command.trim_end_matches(" --jobs 4").replace(" --json", "").as_str()).exits(0);
    assert!(again.err.contains("nothing is missing"), "{}", again.err);
    assert_eq!(server.count(), before, "nothing was asked");
}
