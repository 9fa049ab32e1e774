//! Lapsed leases: of processes whose death cannot be observed, and of processes that only slept.

use crate::base::{Base, CALLS, design, on_sqlite};
use crate::server::Server;
use mongodb::bson::{DateTime, doc};
use std::time::Duration;

/// Makes every lease end then, on any machine.
fn lapse(base: &Base, host: Option<&str>, until: DateTime) {
    let mut set = doc! { "lease.until": until };
    if let Some(host) = host {
        set.insert("lease.host", host);
    }
    base.set("claims", doc! { "lease.until": { "$gt": DateTime::from_millis(0) } }, set.clone());
    base.set("conversations", doc! { "lease.until": { "$gt": DateTime::from_millis(0) } }, set);
}

/// A run waits for a process that died elsewhere until its lease ends, and no longer.
#[test]
fn a_lease_of_another_machine_is_waited_out() {
    let Some(base) = Base::new("CONVOKE_TEST_MONGODB_URI") else { return };
    let server = Server::start(Duration::from_millis(400));
    let (transcripts, needed) = on_sqlite(&server, &design(6));
    let place = base.place(&server, &design(6));
    let mut run = place.start("run e --jobs 4");
    server.wait_for(needed + 4, || run.is_over());
    run.kill();
    let until = DateTime::from_millis(DateTime::now().timestamp_millis() + 6000);
    lapse(&base, Some("elsewhere"), until);
    let held = base.find("claims", doc! { "lease.host": "elsewhere" });
    let held: Vec<String> = held.iter().map(|claim| claim.get_str("conversation").unwrap().to_owned()).collect();
    assert!(held.len() >= 4, "{held:?}");

    let mut waits = place.start("run e --jobs 4");
    waits.says("on elsewhere)");
    assert!(waits.said().contains("in use by tester (process "), "{}", waits.said());
    waits.wait().exits(0);
    // The server may have stored a claim of the killed process after the leases were changed.
    let taken = base.find("claims", doc! { "lease.epoch": 2_i64, "conversation": { "$in": held.clone() } });
    assert_eq!(taken.len(), held.len());
    for claim in taken {
        let at = claim.get_datetime("at").unwrap().timestamp_millis() - until.timestamp_millis();
        assert!((0..5000).contains(&at), "taken {at} ms after its time: {claim}");
    }
    assert!(place.transcripts() == transcripts, "the transcripts differ");
    place.is_sound();
    base.is_at_rest();
}

/// A process that was stopped for longer than its leases finds its conversations claimed by others.
#[test]
fn who_slept_too_long_writes_nothing_more() {
    for name in ["CONVOKE_TEST_MONGODB_URI", "CONVOKE_TEST_MONGODB_JAVA_URI"] {
        let Some(base) = Base::new(name) else { return };
        let server = Server::start(Duration::ZERO);
        let (transcripts, needed) = on_sqlite(&server, &design(8));
        server.delay(Duration::from_millis(300));
        let place = base.place(&server, &design(8));
        let mut sleeper = place.start("run e --jobs 4");
        server.wait_for(needed + 6, || sleeper.is_over());
        sleeper.signal("STOP");
        let before = base.find("messages", doc! {}).len();
        let held = base.find("conversations", doc! { "status": "running" }).len();
        assert!(held >= 4, "{held}");
        lapse(&base, None, DateTime::from_millis(1000));

        let end = place.run("run e --jobs 4 --json").exits(0).end();
        assert_eq!(end["done"], 8, "{end}");
        let messages = base.find("messages", doc! {}).len();
        assert!(messages > before, "{before}");
        sleeper.signal("CONT");
        let said = sleeper.wait().exits(0);
        assert_eq!(base.find("messages", doc! {}).len(), messages, "{}", said.err);
        assert!(place.transcripts() == transcripts, "the transcripts differ");
        place.is_sound();
        base.is_at_rest();
        let end = place.run("run e --json").exits(0).end();
        let (extra, spend) = (server.count() - needed - 8 * CALLS, end["possible_spend"].as_u64().unwrap());
        // An answer that waits to be stored has released its slot to another: at most one of each conversation.
        assert!(extra as u64 <= spend && spend <= 8, "{extra} ≤ {spend} ≤ 8");
    }
}
