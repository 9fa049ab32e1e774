//! Conversations with a scripted person: the order of their turns, the messages that they see, and how they leave.

use super::prepare::{self, Origin, prepare};
use super::roster::LookUp;
use super::{Options, Roster, Summary, Work, run};
use crate::design::folder::Files;
use crate::design::{Experiment, Overrides, Plan, key};
use crate::model::person::{Answer, Person, Scene};
use crate::model::{Bounds, Retry, Server};
use crate::process::{Author, Entry, Kind, Purpose};
use crate::store::sqlite::{OpenMode, Sqlite};
use crate::store::{CallState, Lease, NewExperiment, ProcessKind, Status, Store};
use async_trait::async_trait;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const EXPERIMENT: &str = "0123456789abcdef";

/// Content of one request to the person: conversation, name, every text, number of texts that were shown before.
type Seen = (String, String, Vec<(Author, String)>, usize);

/// A person who answers as a function of the number of earlier requests.
struct Script {
    answer: fn(usize, &Scene<'_>) -> Answer,
    seen: Mutex<Vec<Seen>>,
    stored: Mutex<Vec<(String, u32)>>,
    busy: AtomicUsize,
    most: AtomicUsize,
}

impl Script {
    fn new(answer: fn(usize, &Scene<'_>) -> Answer) -> Arc<Self> {
        let (seen, stored) = (Mutex::default(), Mutex::default());
        Arc::new(Self { answer, seen, stored, busy: AtomicUsize::new(0), most: AtomicUsize::new(0) })
    }

    async fn ask(&self, scene: &Scene<'_>) -> Answer {
        let now = self.busy.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        // Other tasks may send requests meanwhile.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        let texts = scene.messages.iter().map(|m| (m.author, m.content.clone())).collect();
        let number = {
            let mut seen = self.seen.lock().unwrap();
            seen.push((scene.conversation.to_owned(), scene.name.to_owned(), texts, scene.shown));
            seen.len() - 1
        };
        self.busy.fetch_sub(1, Ordering::SeqCst);
        (self.answer)(number, scene)
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

#[async_trait]
impl Person for Script {
    async fn write(&self, scene: &Scene<'_>) -> Answer {
        assert_ne!(scene.purpose, Purpose::Selection);
        self.ask(scene).await
    }

    async fn choose(&self, scene: &Scene<'_>) -> Answer {
        assert_eq!(scene.purpose, Purpose::Selection);
        self.ask(scene).await
    }

    fn stored(&self, conversation: &str, seq: u32) {
        self.stored.lock().unwrap().push((conversation.to_owned(), seq));
    }
}

/// A database with an experiment.
struct Place {
    _dir: TempDir,
    store: Arc<dyn Store>,
    experiment: Experiment,
    plan: Plan,
}

impl Place {
    async fn new(models: &str, protocol: &str, guard: &str, replicates: u32) -> Self {
        let toml = format!(
            "name = \"e\"\nmodels = {models}\n[protocol]\nmessages = 5\nagents = {{ guard = 1, prisoner = 1 }}\n{protocol}\n\
             [roles.guard]\nplural = \"guards\"\npronouns = \"he/his\"\n{guard}\n[roles.prisoner]\nplural = \"prisoners\"\n\
             pronouns = \"he/his\"\nmodel = \"scripted\"\n[run]\nreplicates = {replicates}\n"
        );
        let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
        let files = Files::from([
            file("experiment.toml", &toml),
            file("roles/guard.md", "Private to guards."),
            file("roles/prisoner.md", "Private to prisoners."),
        ]);
        let checked = crate::design::check::check(&files, &[]);
        let experiment = checked.experiment.unwrap();
        let plan = Plan::new(&experiment, &Overrides::default()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let opened = Sqlite::open(&dir.path().join("convoke.db"), OpenMode::Run, None).unwrap();
        let store: Arc<dyn Store> = Arc::new(opened.store);
        let revision = key::hash_revision(&experiment);
        let new = NewExperiment {
            id: EXPERIMENT.to_owned(),
            creator: "t".to_owned(),
            now: 1,
            document: experiment.clone(),
            revision: revision.clone(),
            parent: None,
        };
        store.save(new).await.unwrap();
        let origin = Origin { experiment: EXPERIMENT, revision: &revision, creator: "t", now: 1, offline: false };
        let prepared = prepare(&experiment, &plan, plan.cells(), &[], EXPERIMENT, false);
        let new = prepared.new.iter().map(|(cell, id)| prepare::record(origin, &experiment, &plan, cell, id)).collect();
        store.plan(EXPERIMENT, &revision, &prepared.keys, new).await.unwrap();
        Self { _dir: dir, store, experiment, plan }
    }

    /// Runs the missing conversations with this person.
    async fn run(&self, person: Option<Arc<Script>>) -> (Summary, CancellationToken) {
        let standing = self.store.standing(EXPERIMENT, ProcessKind::Conversation).await.unwrap();
        let prepared = prepare(&self.experiment, &self.plan, self.plan.cells(), &standing, EXPERIMENT, false);
        let (events, mut received) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move { while received.recv().await.is_some() {} });
        let stop = CancellationToken::new();
        let (servers, retry) = ([Server::scripted().unwrap()], Retry::default());
        let look_up = LookUp {
            servers: &servers,
            script: None,
            pull: false,
            retry,
            server_wait: super::ServerWait::default(),
            events: &events,
            stop: &stop,
        };
        let specs = self.plan.conditions.iter().flat_map(crate::design::Condition::participants);
        let roster = Roster::look_up(specs, &look_up).await;
        let leave = CancellationToken::new();
        let options = Options {
            bounds: Bounds::of(None, &roster.servers(), &[]),
            retry,
            store_wait: Duration::from_secs(1),
            clock: || 1_000,
            lease: Lease {
                owner: "r".to_owned(),
                host: "h".to_owned(),
                boot: String::new(),
                pid: 1,
                epoch: 0,
                until: 0,
            },
            stop,
            leave: leave.clone(),
            abort: CancellationToken::new(),
            budget: Arc::default(),
            server_wait: super::ServerWait::default(),
        };
        let work = Work {
            store: Arc::clone(&self.store),
            jobs: prepare::jobs(&Arc::new(self.experiment.clone()), &self.plan, &prepared.missing),
            roster,
            person: person.map(|person| person as Arc<dyn Person>),
            events,
        };
        (run(work, options).await, leave)
    }

    async fn logs(&self) -> Vec<Vec<Entry>> {
        let mut ids: Vec<String> = self
            .store
            .standing(EXPERIMENT, ProcessKind::Conversation)
            .await
            .unwrap()
            .into_iter()
            .map(|s| s.id)
            .collect();
        ids.sort();
        self.store.logs(&ids).await.unwrap()
    }

    async fn is_sound(&self) {
        assert_eq!(self.store.verify(None).await.unwrap(), []);
    }
}

fn says(number: usize, _: &Scene<'_>) -> Answer {
    Answer::Typed(format!(" I say {number}. \n"))
}

#[tokio::test]
async fn one_conversation_with_a_person_at_a_time_and_others_beside() {
    let place = Place::new(r#"["scripted", "human"]"#, "", "", 3).await;
    let person = Script::new(says);
    let (summary, leave) = place.run(Some(Arc::clone(&person))).await;
    assert_eq!((summary.done, person.most.load(Ordering::SeqCst)), (6, 1));
    let seen = person.seen();
    assert_eq!(seen.len(), 6, "the guard's two turns of three conversations");
    assert!(seen.chunks(2).all(|turns| turns[0].0 == turns[1].0), "one after the other: {seen:?}");
    assert_eq!(
        *person.stored.lock().unwrap(),
        seen.iter().zip([1, 3].iter().cycle()).map(|(s, n)| (s.0.clone(), *n)).collect::<Vec<_>>()
    );
    assert!(!leave.is_cancelled());
    place.is_sound().await;
}

#[tokio::test]
async fn a_person_sees_what_that_agent_may_see_and_what_they_typed_is_a_call() {
    let place = Place::new(r#"["scripted"]"#, "", "model = \"human\"", 1).await;
    let person = Script::new(says);
    place.run(Some(Arc::clone(&person))).await;
    let log = place.logs().await.remove(0);
    let [first, second] = &person.seen()[..] else { panic!("two turns") };
    let system = (Author::System, "Private to guards.".to_owned());
    let opening = (Author::User, "Start the experiment".to_owned());
    assert_eq!((&first.2, first.3), (&vec![system.clone(), opening.clone()], 0));
    let own = (Author::Assistant, "I say 0.".to_owned());
    let other = (Author::User, log[2].content.clone());
    assert_eq!((&second.2, second.3), (&vec![system, opening, own, other], 2));
    let ids: Vec<String> =
        place.store.standing(EXPERIMENT, ProcessKind::Conversation).await.unwrap().into_iter().map(|s| s.id).collect();
    let calls = place.store.calls(&ids[0]).await.unwrap();
    let typed: Vec<_> = calls.iter().filter(|c| c.server == "human").collect();
    assert_eq!(typed.len(), 2);
    assert!(typed.iter().all(|c| c.model == "human" && c.parameters.is_empty() && c.state == CallState::Answered));
    assert!(typed.iter().all(|c| (c.attempts.len(), c.sent, c.answered) == (1, 1_000, Some(1_000))));
    assert_eq!(typed[0].reply.as_ref().unwrap().content, " I say 0. \n");
    assert_eq!((log[1].raw.as_deref(), log[1].content.as_str()), (Some(" I say 0. \n"), "I say 0."));
    place.is_sound().await;
}

#[tokio::test]
async fn whoever_leaves_stops_the_run_and_the_next_goes_on() {
    let place = Place::new(r#"["scripted"]"#, "", "model = \"human\"", 2).await;
    let leaver = Script::new(|number, _| match number {
        0 => Answer::Typed("First.".to_owned()),
        _ => Answer::Left("you left".to_owned()),
    });
    let (summary, leave) = place.run(Some(Arc::clone(&leaver))).await;
    assert!(leave.is_cancelled() && summary.store.is_none());
    assert_eq!(summary.interrupted.iter().map(|(_, why)| why.as_str()).collect::<Vec<_>>(), ["you left"]);
    let before = place.logs().await;
    let mut lengths: Vec<usize> = before.iter().map(Vec::len).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [0, 3], "the other was not begun");
    let standing = place.store.standing(EXPERIMENT, ProcessKind::Conversation).await.unwrap();
    assert!(standing.iter().all(|s| s.possible_spend == 0));
    place.is_sound().await;
    let person = Script::new(says);
    let (summary, _) = place.run(Some(Arc::clone(&person))).await;
    assert_eq!((summary.done, person.seen().len()), (2, 3));
    for (before, after) in before.iter().zip(place.logs().await) {
        assert_eq!(before[..], after[..before.len()]);
        assert_eq!(after.len(), 5);
    }
    place.is_sound().await;
}

#[tokio::test]
async fn nobody_there_asks_nobody_and_stores_nothing_of_it() {
    let place = Place::new(r#"["scripted"]"#, "", "model = \"human\"", 1).await;
    let (summary, _) = place.run(None).await;
    assert_eq!((summary.done, summary.interrupted.len()), (0, 1));
    let standing = place.store.standing(EXPERIMENT, ProcessKind::Conversation).await.unwrap();
    assert_eq!((standing[0].status, standing[0].answered, standing[0].possible_spend), (Status::Interrupted, 0, 0));
    place.is_sound().await;
}

#[tokio::test]
async fn a_person_chooses_who_speaks() {
    let place = Place::new(r#"["scripted"]"#, "speakers = \"manual\"", "", 1).await;
    let person = Script::new(|number, scene| match number {
        0 | 1 => Answer::Typed(scene.candidates[1].clone()),
        _ => Answer::Typed(String::new()),
    });
    let (summary, _) = place.run(Some(Arc::clone(&person))).await;
    assert_eq!(summary.done, 1);
    let log = place.logs().await.remove(0);
    let of = |kind: Kind| log.iter().filter(move |e| e.kind == kind);
    let chosen: Vec<&str> = of(Kind::Selection).map(|e| e.content.as_str()).collect();
    let spoke: Vec<&str> = of(Kind::Speech).map(|e| e.speaker.as_str()).collect();
    assert_eq!(chosen, spoke);
    let prisoner = spoke[0];
    assert!(prisoner.starts_with("Prisoner_") && spoke[1] == prisoner, "{spoke:?}");
    assert!(spoke[2].starts_with("Guard_") && spoke[3] == prisoner, "{spoke:?}");
    let seen = person.seen();
    assert_eq!(seen.iter().map(|s| s.3).collect::<Vec<_>>(), [0, 1, 2, 3], "each sees one turn more");
    assert!(seen.iter().flat_map(|s| &s.2).all(|(_, text)| !text.contains("Private")), "{seen:?}");
    place.is_sound().await;
}
