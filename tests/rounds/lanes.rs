//! Lanes that cannot go on, replies that are not taken, and entries that another process wrote.

use crate::fixtures::answered;
use crate::panel::{BAD, CALLS, FOUR, LAST, Panels};
use crate::place::{MANY, Place, Run, Stored, Study};
use crate::server::Gated;
use convoke::process::Kind;
use convoke::run::{Event, Summary};
use convoke::store::{CallState, Status, Store};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// The message of a server that refuses one prompt and no other.
const TOO_LONG: &str = "this model's maximum context length is 8 tokens";

/// One panel in a file.
struct Scene {
    _folder: TempDir,
    store: Arc<dyn Store>,
    server: Gated,
    study: Study,
}

impl Scene {
    async fn new(panels: Panels) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, server) = (Place::File(folder.path().join("convoke.db")).open().await, Gated::start().await);
        let study = Study::plan(&*store, "one", panels, 0..1).await;
        Self { _folder: folder, store, server, study }
    }

    fn id(&self) -> &str {
        &self.study.all[0].0
    }

    fn release(&self, who: &'static str) {
        self.server.release(&self.study.all[0].1, who);
    }

    /// Waits until all these were asked.
    async fn asked(&self, who: &[&'static str]) {
        join_all(who.iter().map(|who| self.server.asked(&self.study.all[0].1, who))).await;
    }

    /// Runs to the end.
    async fn run(&self, slots: u32, retry: bool) -> Summary {
        self.server.release_all();
        Run::new(slots).work(&self.store, &self.server, self.study.jobs(retry)).await
    }

    /// Waits until a call is stored as failed.
    async fn failed(&self, seq: u32) {
        while !self.read().await.calls.iter().any(|call| (call.seq, call.state) == (seq, CallState::Failed)) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn read(&self) -> Stored {
        self.study.read(&*self.store).await.remove(0)
    }

    /// Takes back what was chosen, runs again to the end, and returns who was asked.
    async fn go_on(&self, retry: bool) -> Vec<&'static str> {
        let before = self.server.seen().len();
        self.server.be_good();
        let summary = self.run(MANY, retry).await;
        assert_eq!((summary.done, summary.store), (1, None));
        self.study.recount(&*self.store).await;
        let mut asked = self.server.speakers().split_off(before);
        asked.sort_unstable();
        asked
    }
}

fn states(stored: &Stored) -> Vec<(u32, CallState)> {
    stored.calls.iter().map(|call| (call.seq, call.state)).collect()
}

#[tokio::test]
async fn after_a_refusal_no_further_lane_leaves() {
    for slots in 1..=4_u32 {
        let scene = Scene::new(Panels::default()).await;
        scene.server.choose(FOUR[0], 400, TOO_LONG);
        let run = Run::new(slots);
        let refused = async {
            scene.asked(&FOUR[..slots as usize]).await;
            scene.release(FOUR[0]);
            scene.failed(1).await;
            scene.server.release_all();
        };
        let work = run.work(&scene.store, &scene.server, scene.study.jobs(false));
        let (summary, ()) = tokio::join!(work, refused);
        assert!(summary.failed[0].1.contains(TOO_LONG), "{summary:?}");
        assert_eq!(scene.server.speakers().len(), slots as usize, "those that were in flight");
        let stored = scene.read().await;
        assert_eq!((stored.log.len(), stored.standing.status), (1, Status::Failed));
        assert_eq!(stored.answered(), (2..=slots).collect(), "awaited and stored");
        scene.study.recount(&*scene.store).await;
        let asked = scene.go_on(true).await;
        let missing = FOUR.iter().enumerate().filter(|(lane, _)| !(1..slots as usize).contains(lane));
        assert_eq!(asked, missing.map(|(_, who)| *who).chain([LAST]).collect::<Vec<_>>(), "{slots}");
    }
}

#[tokio::test]
async fn the_gravest_reason_counts() {
    for (first, second) in [(1, 2), (2, 1)] {
        let scene = Scene::new(Panels::default()).await;
        scene.server.choose(FOUR[1], 400, TOO_LONG);
        scene.server.choose(FOUR[2], 401, "who are you");
        let end = async {
            scene.asked(&FOUR).await;
            for lane in [first, second] {
                scene.release(FOUR[lane]);
                scene.failed(lane as u32 + 1).await;
            }
            scene.server.release_all();
        };
        let run = Run::new(MANY);
        let (summary, ()) = tokio::join!(run.work(&scene.store, &scene.server, scene.study.jobs(false)), end);
        assert!(summary.failed[0].1.contains(TOO_LONG), "{first} first: {summary:?}");
        assert_eq!((summary.interrupted.len(), summary.stopped.len()), (0, 1));
        let stored = scene.read().await;
        let (failed, answered) = (CallState::Failed, CallState::Answered);
        assert_eq!(states(&stored), [(1, answered), (2, failed), (3, failed), (4, answered)]);
        assert_eq!((stored.log.len(), stored.standing.answered), (2, 1), "the opening and the first lane");
        scene.study.recount(&*scene.store).await;
        assert_eq!(scene.go_on(true).await, [FOUR[1], FOUR[2], LAST]);
    }
}

#[tokio::test]
async fn a_lane_whose_model_is_unknown_keeps_the_others_from_leaving() {
    for absent in [FOUR[0], FOUR[3]] {
        let scene = Scene::new(Panels { absent: Some(absent), ..Panels::default() }).await;
        let summary = scene.run(MANY, false).await;
        assert_eq!((summary.interrupted.len(), scene.server.seen().len()), (1, 0), "{summary:?}");
        assert_eq!(scene.read().await.standing.possible_spend, 0);
    }
}

#[tokio::test]
async fn a_bad_reply_fails_the_process_when_its_round_is_finished() {
    let scene = Scene::new(Panels { judges: true, ..Panels::default() }).await;
    let bad = [FOUR[0], FOUR[2]];
    for who in bad {
        scene.server.choose(who, 200, BAD);
    }
    let summary = scene.run(MANY, false).await;
    assert_eq!(summary.failed.len(), 1, "{summary:?}");
    let stored = scene.read().await;
    let kinds: Vec<Kind> = stored.log.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [Kind::Opening, Kind::Rejected, Kind::Answer, Kind::Rejected, Kind::Answer]);
    scene.study.recount(&*scene.store).await;

    scene.run(MANY, false).await;
    assert_eq!(scene.server.seen().len(), 4, "a process that failed is not retried by itself");
    let summary = scene.run(MANY, true).await;
    assert_eq!((summary.failed.len(), summary.calls), (1, 2), "one more asking for each bad lane");
    assert_eq!(scene.server.speakers()[4..].iter().filter(|who| bad.contains(who)).count(), 2);

    assert_eq!(scene.go_on(true).await, [bad[0], bad[1], LAST]);
    let stored = scene.read().await;
    let askings: Vec<(u32, u32)> = stored.calls.iter().map(|call| (call.seq, call.call.ask)).collect();
    assert_eq!(askings, [(1, 0), (2, 0), (3, 0), (4, 0), (5, 1), (6, 1), (7, 2), (8, 2), (9, 0)]);
    assert_eq!((stored.log.len(), stored.standing.possible_spend), (10, 0));
}

/// A process that lost its claim wrote an entry late: it counts, and the answers of the other lanes are used all the
/// same.
#[tokio::test]
async fn an_entry_of_another_process_is_adopted_in_mid_round() {
    let scene = Scene::new(Panels::default()).await;
    let run = Run::new(MANY);
    let meddle = async {
        scene.asked(&FOUR).await;
        scene.release(FOUR[2]);
        run.stored(scene.id(), 3).await;
        let mut theirs = scene.read().await.calls.remove(0);
        theirs = answered(&theirs, "Ada thinks otherwise.");
        let mut entry = crate::fixtures::speech(&theirs, &[]);
        FOUR[0].clone_into(&mut entry.speaker);
        assert_eq!(scene.store.append(scene.id(), 1, vec![entry], Some(theirs)).await.unwrap(), []);
        scene.release(FOUR[0]);
        // Most likely the entry is adopted before the others answer; the end is the same if it is not.
        tokio::time::sleep(Duration::from_millis(100)).await;
        scene.server.release_all();
    };
    let (summary, ()) = tokio::join!(run.work(&scene.store, &scene.server, scene.study.jobs(false)), meddle);
    assert_eq!((summary.done, &summary.store), (1, &None), "{summary:?}");
    assert_eq!(scene.server.seen().len(), CALLS, "nothing is asked twice: {:?}", scene.server.speakers());
    let stored = scene.read().await;
    assert_eq!(stored.log[1].content, "Ada thinks otherwise.");
    assert_eq!((stored.log.len(), stored.answered()), (6, (1..=5).collect()));
    scene.study.recount(&*scene.store).await;
}

/// A claim that is taken over ends the work of its holder, whatever its lanes bring; whoever has it then goes on.
#[tokio::test]
async fn a_claim_that_was_taken_is_left_by_its_holder() {
    let scene = Scene::new(Panels::default()).await;
    scene.server.choose(FOUR[1], 400, TOO_LONG);
    let run = Run::new(MANY);
    let take = async {
        scene.asked(&FOUR).await;
        scene.release(FOUR[3]);
        run.stored(scene.id(), 4).await;
        let taken = scene.store.claim(scene.id(), crate::fixtures::lease("other"), false).await.unwrap();
        assert_eq!(taken.lease.unwrap().epoch, 2);
        scene.release(FOUR[0]);
        scene.release(FOUR[2]);
        let is_held = |events: &Vec<Event>| events.iter().any(|event| matches!(event, Event::Held { .. }));
        let mut events = run.events.subscribe();
        tokio::time::sleep(Duration::from_millis(20)).await;
        scene.server.release(&scene.study.all[0].1, FOUR[1]);
        events.wait_for(is_held).await.unwrap();
        assert_eq!(
            (scene.read().await.log.len(), scene.server.seen().len()),
            (1, 4),
            "nothing more was stored or asked"
        );
        scene.server.be_good();
        scene.server.release_all();
    };
    let (summary, ()) = tokio::join!(run.work(&scene.store, &scene.server, scene.study.jobs(false)), take);
    assert_eq!((summary.done, summary.failed.len(), &summary.store), (1, 0, &None), "taken back: {summary:?}");
    let stored = scene.read().await;
    assert_eq!((scene.server.seen().len() - CALLS, stored.standing.possible_spend), (3, 3));
    scene.study.recount(&*scene.store).await;
}
