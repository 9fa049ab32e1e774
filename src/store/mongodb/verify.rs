//! Reading of all stored data, to report faults. Nothing is changed.

use super::base::Base;
use super::cursor::{list_going, read_all};
use super::documents::{GOING, conversation_record, document_id, document_status, read_field, revision_experiment};
use super::fail::Fail;
use super::track::Track;
use super::{many, read};
use crate::process::log::Entry;
use crate::store::audit::{self, Counters};
use crate::store::{CallRecord, Fault, Status, turn};
use ::mongodb::bson::{DateTime, Document, doc};
use futures_util::TryStreamExt;
use std::collections::{BTreeSet, HashMap};

/// Number of conversations that are read at a time.
const BATCH: usize = 200;

/// Returns the faults of one conversation, or of the whole database.
pub(super) async fn find_faults(mongo: &Base, conversation: Option<&str>) -> Result<Vec<Fault>, Fail> {
    let Some(name) = conversation else {
        return check_database(mongo).await;
    };
    check_conversation(mongo, name).await
}

async fn check_database(mongo: &Base) -> Result<Vec<Fault>, Fail> {
    let mut faults = check_texts(mongo).await?;
    faults.extend(check_documents(mongo).await?);
    // The next opening for writing finishes an interrupted deletion, so its remains are no fault.
    let others = doc! { "experiment": { "$nin": list_going(mongo.experiments()).await? } };
    let fields = doc! { "created": 1, "subject": 1, GOING: 1 };
    let cursor = mongo.conversations().find(others).projection(fields).await?;
    let name = |d: Document| {
        Ok((read_field::<DateTime>(&d, "created")?, document_id(&d)?, read_field::<Option<String>>(&d, "subject")?))
    };
    let mut names = read_all(cursor, name).await?;
    let going = list_going(mongo.conversations()).await?;
    names.retain(|(_, _, subject)| subject.as_ref().is_none_or(|subject| !going.contains(subject)));
    names.sort();
    let names: Vec<String> = names.into_iter().map(|(_, name, _)| name).collect();
    for batch in names.chunks(BATCH) {
        for name in find_suspects(mongo, batch).await? {
            faults.extend(check_conversation(mongo, &name).await?);
        }
    }
    Ok(faults)
}

/// Returns the conversations to check one by one: faulty, running, or unreadable together with the others. Most
/// conversations are none of these, and few queries suffice to read them.
async fn find_suspects(mongo: &Base, names: &[String]) -> Result<Vec<String>, Fail> {
    let (logs, calls) = match (many::read_logs(mongo, names).await, many::read_calls(mongo, names).await) {
        (Ok(logs), Ok(calls)) => (logs, calls),
        (Err(Fail::Mongo(error)), _) | (_, Err(Fail::Mongo(error))) => return Err(Fail::Mongo(error)),
        (Err(_), _) | (_, Err(_)) => return Ok(names.to_vec()),
    };
    let cursor = mongo.conversations().find(doc! { "_id": { "$in": names } }).await?;
    let found = read_all(cursor, |d| Ok((document_id(&d)?, d))).await?;
    let found: HashMap<String, Document> = found.into_iter().collect();
    let subjects = read_subjects(mongo, found.values()).await?;
    let mut suspects = Vec::new();
    for ((name, log), calls) in names.iter().zip(logs).zip(calls) {
        let sound = match found.get(name).map(|document| (document, read_counters(document))) {
            Some((document, Ok(counters))) if counters.status != Status::Running => {
                matches!(audit_conversation(document, &counters, &log, &calls, &subjects), Ok(faults) if faults.is_empty())
            }
            _ => false,
        };
        if !sound {
            suspects.push(name.clone());
        }
    }
    Ok(suspects)
}

fn read_counters(conversation: &Document) -> Result<Counters, Fail> {
    Ok(Counters {
        status: document_status(conversation)?,
        entries: read_field(conversation, "entries")?,
        answered: read_field(conversation, "answered")?,
        possible_spend: read_field(conversation, "possible_spend")?,
        flags: read_field(conversation, "flags")?,
    })
}

fn make_fault(conversation: &str, what: impl Into<String>) -> Fault {
    Fault { conversation: conversation.to_owned(), what: what.into() }
}

async fn check_texts(mongo: &Base) -> Result<Vec<Fault>, Fail> {
    let mut cursor = mongo.texts().find(doc! {}).await?;
    let mut faults = Vec::new();
    while let Some(document) = cursor.try_next().await? {
        let hash = document_id(&document)?;
        if turn::hash_hex(document.get_str("text").unwrap_or_default().as_bytes()) != hash {
            faults.push(make_fault("", format!("the text {hash} is not what was stored")));
        }
    }
    faults.sort_by(|a, b| a.what.cmp(&b.what));
    Ok(faults)
}

async fn check_documents(mongo: &Base) -> Result<Vec<Fault>, Fail> {
    let mut cursor = mongo.revisions().find(doc! {}).await?;
    let mut faults = Vec::new();
    while let Some(document) = cursor.try_next().await? {
        let read = match revision_experiment(&document) {
            Ok(mut experiment) => read::fill_texts(mongo, &mut experiment).await,
            Err(fail) => Err(fail),
        };
        if let Err(Fail::Damaged(cause)) = read {
            faults.push(make_fault(
                "",
                format!("the document of revision {} cannot be read: {cause}", document_id(&document)?),
            ));
        }
    }
    faults.sort_by(|a, b| a.what.cmp(&b.what));
    Ok(faults)
}

/// Checks one conversation in its current state. If a running conversation changes meanwhile, repeats the check.
async fn check_conversation(mongo: &Base, name: &str) -> Result<Vec<Fault>, Fail> {
    loop {
        let before = mongo.find_conversation(name).await?;
        let found = conversation_faults(mongo, name, &before).await;
        let after = mongo.find_conversation(name).await?;
        if before.get("epoch") != after.get("epoch") {
            continue;
        }
        let faults = match found {
            Err(Fail::Damaged(cause)) => vec![format!("it cannot be read: {cause}")],
            found => found?,
        };
        return Ok(faults.into_iter().map(|what| make_fault(name, what)).collect());
    }
}

async fn conversation_faults(mongo: &Base, name: &str, conversation: &Document) -> Result<Vec<String>, Fail> {
    let (log, calls) = (read::log_from(mongo, name, 0).await?, read::read_calls(mongo, name).await?);
    let mut counters = read_counters(conversation)?;
    if counters.status == Status::Running {
        // These fields are written when a claim ends.
        let track = Track::read_track(mongo, name, 0).await?;
        counters.entries = track.entries as usize;
        counters.answered = track.answered as usize;
        counters.possible_spend = track.count_spend().unsigned_abs() as usize;
        counters.flags = track.flags;
    }
    let subjects = read_subjects(mongo, [conversation]).await?;
    audit_conversation(conversation, &counters, &log, &calls, &subjects)
}

/// Finished conversations that questions are about: by id, the key and the log.
type Subjects = HashMap<String, (String, Vec<Entry>)>;

async fn read_subjects(mongo: &Base, of: impl IntoIterator<Item = &Document>) -> Result<Subjects, Fail> {
    let about: BTreeSet<&str> = of.into_iter().filter_map(|document| document.get_str("subject").ok()).collect();
    if about.is_empty() {
        return Ok(Subjects::new());
    }
    let about: Vec<&str> = about.into_iter().collect();
    let fields = doc! { "key": 1, GOING: 1 };
    let cursor = mongo.conversations().find(doc! { "_id": { "$in": about } }).projection(fields).await?;
    let keys = read_all(cursor, |d| Ok((document_id(&d)?, read_field::<String>(&d, "key")?))).await?;
    let ids: Vec<String> = keys.iter().map(|(id, _)| id.clone()).collect();
    let logs = many::read_logs(mongo, &ids).await?;
    Ok(keys.into_iter().zip(logs).map(|((id, key), log)| (id, (key, log))).collect())
}

fn audit_conversation(
    document: &Document,
    counters: &Counters,
    log: &[Entry],
    calls: &[CallRecord],
    subjects: &Subjects,
) -> Result<Vec<String>, Fail> {
    let Some(about) = read_field::<Option<String>>(document, "subject")? else {
        return Ok(audit::find_faults(counters, log, calls, &[]));
    };
    let Some((key, subject)) = subjects.get(&about) else { return Ok(vec![audit::without_subject(&about)]) };
    let mut faults = audit::find_faults(counters, log, calls, subject);
    let question = conversation_record(document.clone())?;
    faults.extend(audit::wrong_text(&question, log));
    faults.extend(audit::wrong_key(&question, key, subject));
    Ok(faults)
}
