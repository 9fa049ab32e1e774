//! Experiments, conversations, calls and entries, made from a few words.

use convoke::design::{Experiment, Named, Sampling, Value};
use convoke::model::{ChatReply, Finish, Served, Usage, body};
use convoke::process::log::Entry;
use convoke::process::prompt::{Ending, View};
use convoke::process::question::{Asked, log_hash};
use convoke::process::{CallRef, EndedBy, Flag, Kind, PromptSize, Purpose};
use convoke::store::{
    CallRecord, CallState, ConversationRecord, End, Lease, NewExperiment, Participant, ProcessKind, QuestionRecord,
    RunKind, RunRecord, Status, Store, UsedModel,
};
use serde_json::{Map, json};
use sha2::{Digest, Sha256};

/// The instant at which everything begins.
pub const NOW: i64 = 1_700_000_000_123;
pub const GUARD: &str = "Guard_117";
pub const PRISONER: &str = "Prisoner_204";

pub fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// A document; `text` makes it another revision.
pub fn document(name: &str, text: &str, note: Option<&str>) -> Experiment {
    serde_json::from_value(json!({
        "format": 1, "name": name, "note": note, "starting_message": "Start the experiment",
        "models": [{"id": "ollama/llama3.1", "sampling": {"temperature": 0.7}}],
        "protocol": {
            "messages": 20, "days": 1, "speakers": "round-robin", "labels": "auto", "merge": true,
            "stop_phrases": [], "final_summary": false
        },
        "roles": [
            {"name": "guard", "agents": 1, "plural": "guards", "pronouns": "he/his"},
            {"name": "prisoner", "agents": 1, "plural": "prisoners", "pronouns": "he/his"}
        ],
        "shared": {"start": text, "sections": []},
        "factors": [{"name": "risks", "levels": [true, false]}],
        "run": {"replicates": 2, "seed": 7}
    }))
    .unwrap()
}

/// What saving needs: the revision is the hash of name and text.
pub fn new_experiment(id: &str, creator: &str, document: Experiment) -> NewExperiment {
    let revision = sha256(&format!("{}\n{}", document.name, document.shared.start));
    NewExperiment { id: id.to_owned(), creator: creator.to_owned(), now: NOW, document, revision, parent: None }
}

/// A conversation of `experiment`; `number` makes key and id.
pub fn conversation(experiment: &str, revision: &str, number: u32) -> ConversationRecord {
    let key = sha256(&format!("cell {number}"));
    ConversationRecord {
        id: sha256(&format!("{experiment} {key}"))[..16].to_owned(),
        experiment: experiment.to_owned(),
        revision: revision.to_owned(),
        key,
        creator: "ada".to_owned(),
        created: NOW + i64::from(number),
        condition: vec![
            Named::new("risks", Value::Bool(number.is_multiple_of(2))),
            Named::new("model", Value::Text("ollama/llama3.1".to_owned())),
        ],
        replicate: number + 1,
        seed: u64::MAX - u64::from(number),
        status: Status::Pending,
        reason: None,
        models: vec![UsedModel {
            name: "llama".to_owned(),
            id: "ollama/llama3.1".to_owned(),
            sampling: Sampling { temperature: Some(0.1 + 0.2), ..Sampling::default() },
        }],
        agents: vec![Named::new("guard", 1), Named::new("prisoner", 1)],
        participants: [(GUARD, "guard"), (PRISONER, "prisoner")]
            .map(|(name, role)| Participant {
                name: name.to_owned(),
                role: role.to_owned(),
                model: "ollama/llama3.1".to_owned(),
                person: None,
            })
            .to_vec(),
        messages: 20,
        days: 1,
        speakers: "round-robin".to_owned(),
        starting_message: "Start the experiment".to_owned(),
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

/// A question to `agents` agents about a conversation with that log.
pub fn question(about: &ConversationRecord, log: &[Entry], text: &str, agents: u32) -> ConversationRecord {
    let log = log_hash(log);
    let key = Asked { subject: &about.key, log: &log, role: "guard", text, model: None, again: None }.key();
    let asked = QuestionRecord {
        text: text.to_owned(),
        role: "guard".to_owned(),
        agents: (1..=agents).map(|seq| format!("Guard_{seq}")).collect(),
        again: None,
    };
    ConversationRecord {
        id: sha256(&format!("{} {key}", about.experiment))[..16].to_owned(),
        key,
        creator: "bob".to_owned(),
        status: Status::Pending,
        messages: 1 + agents,
        starting_message: text.to_owned(),
        starred: false,
        note: None,
        retries: 0,
        lease: None,
        kind: ProcessKind::Question,
        subject: Some(about.id.clone()),
        question: Some(asked),
        ended_by: None,
        ..about.clone()
    }
}

/// The first entry of a question.
pub fn asks(text: &str) -> Entry {
    Entry { kind: Kind::Question, content: text.to_owned(), ..opening() }
}

/// The call to the agent whose answer is to stand at `seq`, about a finished log.
pub fn lane(subject: &[Entry], text: &str, seq: u32, sent: i64) -> CallRecord {
    let view = View {
        system: format!("You are Guard_{seq}."),
        from: 0,
        to: subject.len() as u32,
        reader: Some(GUARD.to_owned()),
        labels: true,
        merge: true,
        alternate: false,
        filled: false,
        turns: false,
        world: None,
        parts: Vec::new(),
        subject: true,
        ending: vec![Ending::Text(text.to_owned())],
    };
    let parameters: Map<String, _> = serde_json::from_value(json!({"seed": seq})).unwrap();
    let body = body("llama3.1", &view.messages(&[], subject), &parameters);
    CallRecord {
        seq,
        call: CallRef { purpose: Purpose::Answer, ask: 0 },
        parameters,
        view,
        body_sha256: hex::encode(Sha256::digest(body)),
        ..call(&[opening()], sent)
    }
}

/// The entry that such a call brought.
pub fn answer(call: &CallRecord, flags: &[Flag]) -> Entry {
    let speaker = format!("Guard_{}", call.seq);
    Entry { kind: Kind::Answer, index: 0, speaker, role: Some("guard".to_owned()), ..speech(call, flags) }
}

/// A conversation that was spoken to its end.
pub async fn spoken(store: &dyn Store, id: &str) -> (ConversationRecord, Vec<Entry>) {
    let epoch = claimed(store, id).await;
    let mut log = vec![opening()];
    store.append(id, epoch, log.clone(), None).await.unwrap();
    for content in ["Stand up.", "No.", "Then sit."] {
        turn(store, id, epoch, &mut log, content).await;
    }
    store.finish(id, epoch, End::done(EndedBy::Messages)).await.unwrap();
    (store.find_conversations(id).await.unwrap().remove(0), log)
}

/// A process that no system has: its leases are taken at once by others of its host and boot.
pub const GONE: u32 = 4_242_424_242;

pub fn lease(owner: &str) -> Lease {
    let (host, boot) = ("host".to_owned(), "boot".to_owned());
    Lease { owner: owner.to_owned(), host, boot, pid: GONE, epoch: 0, until: NOW + 60_000 }
}

pub fn opening() -> Entry {
    Entry {
        seq: 0,
        day: 1,
        index: 0,
        kind: Kind::Opening,
        speaker: "Researcher".to_owned(),
        role: None,
        model: None,
        content: "Start the experiment".to_owned(),
        raw: None,
        flags: Vec::new(),
        call: None,
        prompt: None,
        more: None,
    }
}

/// The call for the next speech of a log, as it leaves at `sent`.
pub fn call(log: &[Entry], sent: i64) -> CallRecord {
    let seq = log.len() as u32;
    let view = View {
        system: format!("You are {}. 漢字 \u{1f9d1}\u{200d}\u{1f52c} \"quoted\" 'and' \\ \0 %_", speaker(seq)),
        from: 0,
        to: seq,
        reader: Some(speaker(seq).to_owned()),
        labels: false,
        merge: true,
        alternate: false,
        filled: false,
        turns: false,
        world: None,
        parts: Vec::new(),
        subject: false,
        ending: vec![Ending::Text("Speak now.".to_owned())],
    };
    // A number that a careless reader of JSON gives back otherwise.
    let parameters: Map<String, _> =
        serde_json::from_value(json!({"temperature": 0.1 + 0.2, "stop": ["\n"], "seed": u64::MAX, "a": 1})).unwrap();
    let body = body("llama3.1", &view.messages(log, &[]), &parameters);
    CallRecord {
        seq,
        call: CallRef { purpose: Purpose::Speech, ask: 0 },
        state: CallState::Sent,
        server: "ollama".to_owned(),
        model: "llama3.1".to_owned(),
        parameters,
        view,
        body_sha256: hex::encode(Sha256::digest(body)),
        attempts: Vec::new(),
        sent,
        answered: None,
        reply: None,
    }
}

/// The same call with its answer.
pub fn answered(call: &CallRecord, content: &str) -> CallRecord {
    let reply = ChatReply {
        content: content.to_owned(),
        thinking: Some("hm".to_owned()),
        refused: false,
        finish: Finish::Stop,
        finish_reason: Some("stop".to_owned()),
        usage: Usage { prompt: Some(40), completion: Some(7), cached: None },
        served: Served { model: Some("llama3.1:latest".to_owned()), digest: Some("abc".to_owned()), fingerprint: None },
        differs: vec!["num_ctx".to_owned()],
        raw: json!({"message": {"content": content}}).to_string(),
    };
    CallRecord { state: CallState::Answered, answered: Some(call.sent + 500), reply: Some(reply), ..call.clone() }
}

/// The speech that an answered call brought.
pub fn speech(call: &CallRecord, flags: &[Flag]) -> Entry {
    let content = call.reply.as_ref().unwrap().content.clone();
    Entry {
        seq: call.seq,
        day: 1,
        index: call.seq,
        kind: Kind::Speech,
        speaker: speaker(call.seq).to_owned(),
        role: Some(if call.seq % 2 == 1 { "guard" } else { "prisoner" }.to_owned()),
        model: Some("ollama/llama3.1".to_owned()),
        raw: Some(format!("{content} ")),
        content,
        flags: flags.to_vec(),
        call: Some(call.call),
        prompt: Some(PromptSize { bytes: 5_000_000_000, tokens: Some(40) }),
        more: None,
    }
}

fn speaker(seq: u32) -> &'static str {
    if seq % 2 == 1 { GUARD } else { PRISONER }
}

pub fn run_record(id: &str, experiment: &str, revision: &str, started: i64) -> RunRecord {
    RunRecord {
        id: id.to_owned(),
        experiment: experiment.to_owned(),
        revision: revision.to_owned(),
        started,
        creator: "ada".to_owned(),
        flags: vec!["--jobs".to_owned(), "4".to_owned()],
        counts: vec![Named::new("planned", 3), Named::new("done", 0)],
        answers: vec![Named::new("texts-changed", "yes".to_owned())],
        version: "0.1.0".to_owned(),
        ended: None,
        kind: RunKind::Run,
        overrides: None,
        ask: None,
    }
}

/// Saves an experiment with `conversations` planned ones, and returns their ids.
pub async fn planned(store: &dyn Store, name: &str, conversations: u32) -> Vec<String> {
    let id = sha256(name)[..16].to_owned();
    let saved = store.save(new_experiment(&id, "ada", document(name, "text", None))).await.unwrap();
    let new: Vec<_> = (0..conversations).map(|n| conversation(&saved.id, &saved.revision, n)).collect();
    let ids = new.iter().map(|c| c.id.clone()).collect();
    store.plan(&saved.id, &saved.revision, &[], new).await.unwrap();
    ids
}

/// Claims a conversation and says its epoch.
pub async fn claimed(store: &dyn Store, id: &str) -> u64 {
    store.claim(id, lease("run"), false).await.unwrap().lease.unwrap().epoch
}

/// Stores one more turn as a run does, and returns it.
pub async fn turn(store: &dyn Store, id: &str, epoch: u64, log: &mut Vec<Entry>, content: &str) {
    let sent = call(log, NOW + 1000 * log.len().cast_signed() as i64);
    store.sent(id, epoch, sent.clone()).await.unwrap();
    let answer = answered(&sent, content);
    let entry = speech(&answer, &[]);
    assert_eq!(store.append(id, epoch, vec![entry.clone()], Some(answer)).await.unwrap(), []);
    log.push(entry);
}
