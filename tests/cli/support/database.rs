//! Databases made through the store's own verbs, as a run makes them, with replies chosen by a test.

use super::Place;
use convoke::design::check::{KnownServer, check};
use convoke::design::folder::Files;
use convoke::design::{Condition, Experiment, Named, Plan, key};
use convoke::model::{Attempt, ChatReply, Finish, Served, Usage, body};
use convoke::process::setting::Draw;
use convoke::process::{Conversation, Next, Process, PromptSize, Reply, Setting};
use convoke::store::sqlite::{OpenMode, Sqlite};
use convoke::store::*;
use std::sync::Arc;

/// The clock of every database here.
pub const NOW: Millis = 1_795_165_687_006;

/// Progress of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Finished.
    Done,
    /// Stopped after this many replies, with the next call sent.
    Interrupted(usize),
    /// Failed after this many replies.
    Failed(usize),
    /// Not started.
    Pending,
}

/// A small experiment: two conditions, three conversations each.
pub const SMALL: &[(&str, &str)] = &[
    (
        "experiment.toml",
        r#"name = "small"
note = "Two talk"
models = [{ id = "ollama/llama3.1", as = "llama", temperature = 0.7 }]

[protocol]
messages = 5
agents = { guard = 1, prisoner = 1 }

[roles.guard]
plural = "guards"
pronouns = "he/his"

[roles.prisoner]
plural = "prisoners"
pronouns = "she/her"

[factors]
goal = ["escape", "yard-time"]

[run]
replicates = 3
seed = 7
"#,
    ),
    ("shared.md", "A prison with <AGENTS_NUM> people.\n"),
    ("roles/guard.md", "You are <AGENT_NAME>.\n\n## Goal\nKeep order among <PRISONER_NUM> <PRISONER_NOUN>.\n"),
    (
        "roles/prisoner.md",
        "You are <AGENT_NAME>.\n\n## Goal {goal=escape}\nGet out.\n\n## Goal {goal=yard-time}\nGo for a walk.\n",
    ),
];

/// Replies of a friendly model.
pub const FRIENDLY: &[&str] = &["Good morning. What do you want?", "I want to talk.", "Then talk.", "Thank you."];

impl Place {
    /// Writes an experiment's files.
    pub fn folder(&self, name: &str, files: &[(&str, &str)]) {
        for (path, text) in files {
            self.write(&format!("{name}/{path}"), text);
        }
    }

    /// Makes `convoke.db` with the small experiment: conversations in these states, the others pending. The models
    /// return `replies` in order.
    pub fn database(&self, fates: &[Fate], replies: &[&str]) {
        self.database_of(SMALL, fates, replies);
    }

    /// Makes `convoke.db` with another experiment.
    pub fn database_of(&self, files: &[(&str, &str)], fates: &[Fate], replies: &[&str]) {
        let files: Files = files.iter().map(|(p, t)| ((*p).to_owned(), t.as_bytes().to_vec())).collect();
        let server = KnownServer { name: "ollama".to_owned(), lacks: &[], refused: None };
        let checked = check(&files, &[server]);
        let (Some(document), Some(plan)) = (checked.experiment, checked.plan) else {
            panic!("{:?}", checked.problems);
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = Sqlite::open(&self.path().join("convoke.db"), OpenMode::Run, None).unwrap().store;
            fill(&store, &document, &plan, fates, replies).await;
        });
    }
}

async fn fill(store: &dyn Store, document: &Experiment, plan: &Plan, fates: &[Fate], replies: &[&str]) {
    let new = NewExperiment {
        id: "0123456789abcdef".to_owned(),
        creator: "tester".to_owned(),
        now: NOW,
        document: document.clone(),
        revision: key::hash_revision(document),
        parent: None,
    };
    let record = store.save(new).await.unwrap();
    let cells = plan.cells();
    let settings: Vec<(Setting, &Condition, u32)> = cells
        .iter()
        .map(|c| {
            let draw = Draw { key: &c.key, seed: plan.seed, replicate: c.replicate };
            let condition = &plan.conditions[c.condition];
            (Setting::new(document, condition, draw), condition, c.replicate)
        })
        .collect();
    let planned: Vec<ConversationRecord> =
        settings.iter().map(|(s, c, replicate)| conversation(&record, plan.seed, s, c, *replicate)).collect();
    let keys: Vec<String> = cells.iter().map(|c| c.key.clone()).collect();
    store.plan(&record.id, &record.revision, &keys, planned.clone()).await.unwrap();
    for ((fate, of), (setting, _, _)) in fates.iter().zip(&planned).zip(&settings) {
        if *fate != Fate::Pending {
            talk(store, &of.id, setting, *fate, replies).await;
        }
    }
}

fn conversation(
    experiment: &ExperimentRecord,
    seed: u64,
    setting: &Setting,
    condition: &Condition,
    replicate: u32,
) -> ConversationRecord {
    let used = |m: &convoke::design::ModelSpec| UsedModel {
        name: m.name().to_owned(),
        id: m.id.clone(),
        sampling: m.sampling.clone(),
    };
    let mut models: Vec<UsedModel> = condition.participants().map(used).collect();
    models.dedup();
    let agents = setting.agents.iter();
    let mut numbers: Vec<Named<u32>> = Vec::new();
    for agent in agents.clone() {
        match numbers.iter_mut().find(|n| n.name == agent.role) {
            Some(number) => number.value += 1,
            None => numbers.push(Named::new(agent.role.clone(), 1)),
        }
    }
    ConversationRecord {
        id: key::conversation_id(&experiment.id, &setting.key),
        experiment: experiment.id.clone(),
        revision: experiment.revision.clone(),
        key: setting.key.clone(),
        creator: "tester".to_owned(),
        created: NOW,
        condition: condition.levels.clone(),
        replicate,
        seed,
        status: Status::Pending,
        reason: None,
        models,
        agents: numbers,
        participants: agents
            .map(|a| Participant {
                name: a.name.clone(),
                role: a.role.clone(),
                model: a.model.id.clone(),
                person: a.person.clone(),
            })
            .collect(),
        messages: setting.protocol.messages,
        days: setting.protocol.days,
        speakers: setting.protocol.speakers.word().to_owned(),
        starting_message: setting.starting_message.clone(),
        offline: false,
        starred: false,
        note: None,
        retries: 0,
        lease: None,
        kind: ProcessKind::Conversation,
        subject: None,
        question: None,
        ended_by: None,
    }
}

/// Drives a conversation as a run does, but sequentially.
async fn talk(store: &dyn Store, id: &str, setting: &Setting, fate: Fate, replies: &[&str]) {
    let lease = Lease {
        owner: "run".to_owned(),
        host: "host".to_owned(),
        boot: "boot".to_owned(),
        pid: 1,
        epoch: 0,
        until: NOW + 60_000,
    };
    let epoch = store.claim(id, lease, false).await.unwrap().lease.unwrap().epoch;
    let mut conversation = Conversation::replay(Arc::new(setting.clone()), Vec::new()).unwrap();
    let mut said = 0;
    let end = loop {
        let ask = match conversation.next() {
            Next::Done(ended_by) => break End::done(ended_by),
            Next::Failed(why) => break End::new(Status::Failed, Some(why)),
            Next::Note(entry) => {
                store.append(id, epoch, vec![entry.clone()], None).await.unwrap();
                conversation.push(entry);
                continue;
            }
            Next::Ask(mut asks) => asks.remove(0),
        };
        let mut call = sent(&conversation, &ask, said);
        if fate == Fate::Failed(said) {
            break End::new(Status::Failed, Some("the context of ollama/llama3.1 is full".to_owned()));
        }
        store.sent(id, epoch, call.clone()).await.unwrap();
        if fate == Fate::Interrupted(said) {
            break End::new(Status::Interrupted, Some("Ctrl-C".to_owned()));
        }
        let content = replies[said % replies.len()];
        answered(&mut call, content, said);
        let entry = conversation.answer(
            &ask,
            &Reply {
                content,
                thinking: false,
                refused: false,
                length: said == 1,
                filtered: false,
                prompt: PromptSize { bytes: 0, tokens: None },
                context: None,
            },
        );
        store.append(id, epoch, vec![entry.clone()], Some(call)).await.unwrap();
        conversation.push(entry);
        said += 1;
    };
    store.finish(id, epoch, end).await.unwrap();
}

fn sent(conversation: &Conversation, ask: &convoke::process::Ask, said: usize) -> CallRecord {
    let parameters = serde_json::json!({ "stream": false, "options": { "temperature": 0.7, "num_ctx": 10000 } });
    let parameters = parameters.as_object().unwrap().clone();
    let bytes = body("llama3.1", &ask.view.messages(conversation.log(), &[]), &parameters);
    CallRecord {
        seq: ask.seq,
        call: ask.call,
        state: CallState::Sent,
        server: "ollama".to_owned(),
        model: "llama3.1".to_owned(),
        parameters,
        view: ask.view.clone(),
        body_sha256: key::sha256(bytes),
        attempts: Vec::new(),
        sent: NOW + i64::try_from(said).unwrap() * 2000,
        answered: None,
        reply: None,
    }
}

fn answered(call: &mut CallRecord, content: &str, said: usize) {
    call.state = CallState::Answered;
    call.answered = Some(call.sent + 1500);
    let attempt = |error: Option<&str>| Attempt {
        at: call.sent,
        took: 700,
        error: error.map(str::to_owned),
        message: error.map(|_| "ollama is busy (503): try again \u{1b}[31mlater".to_owned()),
        waited: error.map(|_| 100),
        possible_spend: false,
    };
    if said == 1 {
        call.attempts.push(attempt(Some("busy")));
    }
    call.attempts.push(attempt(None));
    call.reply = Some(ChatReply {
        content: content.to_owned(),
        finish: Finish::Stop,
        finish_reason: Some("stop".to_owned()),
        usage: Usage { prompt: Some(50 + said as u32), completion: Some(8), cached: None },
        served: Served {
            model: Some("llama3.1:latest".to_owned()),
            digest: Some("46e0c10c039e019119339687c3c1757cc81b9da49709a3b3924863ba87ca666e".to_owned()),
            fingerprint: None,
        },
        raw: serde_json::json!({ "message": { "role": "assistant", "content": content } }).to_string(),
        ..ChatReply::default()
    });
}
