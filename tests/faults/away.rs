//! A model server that goes away (`--server-wait`): the run waits for it without a prompt.

use crate::place::{Place, SMALL};
use crate::server::{Answer, Server, usual};
use std::time::{Duration, Instant};

const DELAY: Duration = Duration::from_millis(150);

fn possible_spend(place: &Place) -> usize {
    place.run("run e --json").exits(0).end()["possible_spend"].as_u64().unwrap() as usize
}

#[test]
fn a_server_that_dies_and_comes_back_costs_no_prompt_while_it_is_away() {
    let server = Server::start(DELAY);
    let whole = Place::new(&server, SMALL);
    whole.run("run e").exits(0);
    let before = server.count();
    let place = Place::new(&server, SMALL);
    let mut run = place.start("run e --jobs 4 --max-retries 1");
    server.wait_for(before + 9, || run.is_over());
    server.die();
    run.says("gets no prompt until it lists its models again");
    let sent = server.count() - before;
    std::thread::sleep(Duration::from_secs(2));
    assert!(!run.is_over());
    assert_eq!((server.count() - before, server.looks()), (sent, 0), "nothing is sent to a server that is away");
    server.rise();
    let said = run.wait().exits(0).err;
    assert!(said.contains("fake is back; continuing"), "{said}");
    assert_eq!(server.looks(), 1, "one call watches for all");
    let seen = server.seen();
    let [first, second] = [&seen[before + sent], &seen[before + sent + 1]];
    assert!(second.at - first.at >= DELAY, "one call is sent first, the others follow its answer");
    assert_eq!(place.transcripts(), whole.transcripts());
    let spend = possible_spend(&place);
    let extra = server.count() - before - before;
    assert!(extra <= spend && spend <= 4, "{extra} ≤ {spend} ≤ 4 in flight");
    place.is_sound();
}

#[test]
fn a_server_that_lists_its_models_and_answers_no_prompt_is_stopped() {
    let server = Server::start(Duration::ZERO);
    server.habit(|seen| if seen.number < 3 { usual(seen) } else { Answer::Error(502, "", "broken") });
    let place = Place::new(&server, SMALL);
    let end = place.run("run e --jobs 1 --max-retries 0 --json").exits(5).end();
    assert_eq!(server.looks(), 3);
    assert_eq!(server.count(), 3 + 1 + 3, "one prompt for each time that it seemed to be back");
    assert_eq!((&end["status"], &end["possible_spend"]), (&"error".into(), &4.into()));
    server.habit(usual);
    place.run("run e").exits(0);
    place.is_sound();
}

#[test]
fn an_address_that_never_answered_is_not_waited_for_unless_the_flag_says_so() {
    let server = Server::start(Duration::ZERO);
    server.die();
    let place = Place::new(&server, SMALL);
    let began = Instant::now();
    let mut run = place.start("run e --max-retries 60");
    run.says("it has 15 s to answer");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let refused = run.wait().exits(5).err;
    let took = began.elapsed();
    assert!((14..16).contains(&took.as_secs()) && refused.contains("--server-wait 1h"), "{took:?} {refused}");
    let mut run = place.start("run e --max-retries 1 --server-wait 1m");
    run.says("gets no prompt until");
    server.rise();
    run.wait().exits(0);
    assert_eq!((server.count(), server.looks()), (24, 1));
    server.die();
    let began = Instant::now();
    place.run("run e --replicates 5 --max-retries 0 --server-wait 2s").exits(5);
    assert!(began.elapsed() >= Duration::from_secs(2));
}

#[test]
fn a_wait_beyond_the_limit_stops_the_server_at_once_and_says_until_when() {
    let server = Server::start(Duration::ZERO);
    server
        .habit(|seen| if seen.number < 3 { usual(seen) } else { Answer::Error(429, "retry-after: 7200\r\n", "slow") });
    let place = Place::new(&server, SMALL);
    let began = Instant::now();
    let said = place.run("run e --jobs 1").exits(5).err;
    assert!(began.elapsed() < Duration::from_secs(20) && server.count() == 4 && server.looks() == 0, "{said}");
    assert!(said.contains("fake is busy (429) until 20"), "{said}");
}

#[test]
fn a_key_that_is_refused_is_never_waited_for() {
    let server = Server::start(Duration::ZERO);
    server.habit(|seen| if seen.number < 3 { usual(seen) } else { Answer::Error(401, "", "invalid_api_key") });
    let place = Place::new(&server, SMALL);
    place.run("run e --jobs 1 --server-wait 1h").exits(5);
    assert_eq!((server.count(), server.looks()), (4, 0));
}

#[test]
fn questions_wait_too_and_a_bound_ends_the_wait() {
    let server = Server::start(DELAY);
    let place = Place::new(&server, SMALL);
    place.run("run e").exits(0);
    let before = server.count();
    let mut run = place.start("ask faults Why? --jobs 2 --max-retries 1");
    server.wait_for(before + 5, || run.is_over());
    server.die();
    run.says("gets no prompt until");
    server.rise();
    run.wait().exits(0);
    server.die();
    let began = Instant::now();
    place.run("run e --replicates 5 --max-retries 0 --server-wait 1h --max-time 2s").exits(8);
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_server_that_takes_long_to_answer_for_the_first_time_is_named() {
    let server = Server::start(Duration::from_secs(3));
    let place = Place::new(&server, SMALL);
    let began = Instant::now();
    let mut run = place.start("run e --jobs 4 --limit 4");
    run.says("waiting for the first answer of fake");
    assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
    server.delay(Duration::ZERO);
    let said = run.wait().exits(0).err;
    assert_eq!(said.matches("first answer").count(), 1, "{said}");
}

/// A refusal in a form that is else the server's own trouble: it is retried, and then judged as others are.
#[test]
fn a_prompt_that_is_refused_with_500_fails_its_conversation_alone() {
    let is_refused = |body: &str| body.contains("To walk.");
    for (jobs, most) in [(1, 2), (4, 2)] {
        let server = Server::start(Duration::ZERO);
        server.habit(
            move |seen| {
                if is_refused(&seen.body) { Answer::Error(500, "", "wrong roles") } else { usual(seen) }
            },
        );
        let place = Place::new(&server, SMALL);
        place.edit("e/experiment.toml", "replicates = 4", "replicates = 1");
        let ran = place.run(&format!("run e --jobs {jobs} --max-retries 1 --json")).exits(1);
        let end = ran.end();
        assert_eq!((&end["done"], &end["failed"], &end["left"]), (&1.into(), &1.into(), &0.into()), "{end}");
        assert!(ran.out.contains("fake refuses this prompt: told to say wrong roles"), "{}", ran.out);
        assert!(server.looks() <= 1, "{}", server.looks());
        let refused = server.seen().iter().filter(|seen| is_refused(&seen.body)).count();
        assert!(refused <= most * 2, "{refused} requests");
        assert_eq!(end["possible_spend"].as_u64(), Some(refused as u64));
        server.habit(usual);
        place.run("run e --retry-failed").exits(0);
        place.is_sound();
    }
}
