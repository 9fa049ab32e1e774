//! Reading everything and reporting faults. Changes nothing.

use super::base::Base;
use super::cursor::{all, going};
use super::documents::{GOING, conversation_record, field, id, revision_experiment, status};
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
pub(super) async fn verify(mongo: &Base, conversation: Option<&str>) -> Result<Vec<Fault>, Fail> {
    let Some(name) = conversation else {
        return everything(mongo).await;
    };
    one(mongo, name).await
}

async fn everything(mongo: &Base) -> Result<Vec<Fault>, Fail> {
    let mut faults = texts(mongo).await?;
    faults.extend(documents(mongo).await?);
    // The next opening for writing finishes an interrupted deletion, so its remains are no fault.
    let others = doc! { "experiment": { "$nin": going(mongo.experiments()).await? } };
    let fields = doc! { "created": 1, "subject": 1, GOING: 1 };
    let cursor = mongo.conversations().find(others).projection(fields).await?;
    let name = |d: Document| Ok((field::<DateTime>(&d, "created")?, id(&d)?, field::<Option<String>>(&d, "subject")?));
    let mut names = all(cursor, name).await?;
    let going = going(mongo.conversations()).await?;
    names.retain(|(_, _, subject)| subject.as_ref().is_none_or(|subject| !going.contains(subject)));
    names.sort();
    let names: Vec<String> = names.into_iter().map(|(_, name, _)| name).collect();
    for batch in names.chunks(BATCH) {
        for name in suspects(mongo, batch).await? {
            faults.extend(one(mongo, &name).await?);
        }
    }
    Ok(faults)
}

/// Returns the conversations to check one by one: faulty, running, or unreadable with the others. Most are none of
/// these, and few queries read them.
async fn suspects(mongo: &Base, names: &[String]) -> Result<Vec<String>, Fail> {
    let (logs, calls) = match (many::logs(mongo, names).await, many::calls(mongo, names).await) {
        (Ok(logs), Ok(calls)) => (logs, calls),
        (Err(Fail::Mongo(error)), _) | (_, Err(Fail::Mongo(error))) => return Err(Fail::Mongo(error)),
        (Err(_), _) | (_, Err(_)) => return Ok(names.to_vec()),
    };
    let cursor = mongo.conversations().find(doc! { "_id": { "$in": names } }).await?;
    let found = all(cursor, |d| Ok((id(&d)?, d))).await?;
    let found: HashMap<String, Document> = found.into_iter().collect();
    let subjects = subjects(mongo, found.values()).await?;
    let mut suspects = Vec::new();
    for ((name, log), calls) in names.iter().zip(logs).zip(calls) {
        let sound = match found.get(name).map(|document| (document, counters(document))) {
            Some((document, Ok(counters))) if counters.status != Status::Running => {
                matches!(faults(document, &counters, &log, &calls, &subjects), Ok(faults) if faults.is_empty())
            }
            _ => false,
        };
        if !sound {
            suspects.push(name.clone());
        }
    }
    Ok(suspects)
}

fn counters(conversation: &Document) -> Result<Counters, Fail> {
    Ok(Counters {
        status: status(conversation)?,
        entries: field(conversation, "entries")?,
        answered: field(conversation, "answered")?,
        possible_spend: field(conversation, "possible_spend")?,
        flags: field(conversation, "flags")?,
    })
}

fn fault(conversation: &str, what: impl Into<String>) -> Fault {
    Fault { conversation: conversation.to_owned(), what: what.into() }
}

async fn texts(mongo: &Base) -> Result<Vec<Fault>, Fail> {
    let mut cursor = mongo.texts().find(doc! {}).await?;
    let mut faults = Vec::new();
    while let Some(document) = cursor.try_next().await? {
        let hash = id(&document)?;
        if turn::hash(document.get_str("text").unwrap_or_default().as_bytes()) != hash {
            faults.push(fault("", format!("the text {hash} is not what was stored")));
        }
    }
    faults.sort_by(|a, b| a.what.cmp(&b.what));
    Ok(faults)
}

async fn documents(mongo: &Base) -> Result<Vec<Fault>, Fail> {
    let mut cursor = mongo.revisions().find(doc! {}).await?;
    let mut faults = Vec::new();
    while let Some(document) = cursor.try_next().await? {
        if let Err(Fail::Damaged(cause)) = revision_experiment(&document) {
            faults.push(fault("", format!("the document of revision {} cannot be read: {cause}", id(&document)?)));
        }
    }
    faults.sort_by(|a, b| a.what.cmp(&b.what));
    Ok(faults)
}

/// Checks one conversation in its current state. Repeats the check of a running one that changed meanwhile.
async fn one(mongo: &Base, name: &str) -> Result<Vec<Fault>, Fail> {
    loop {
        let before = mongo.conversation(name).await?;
        let found = check(mongo, name, &before).await;
        let after = mongo.conversation(name).await?;
        if before.get("epoch") != after.get("epoch") {
            continue;
        }
        let faults = match found {
            Err(Fail::Damaged(cause)) => vec![format!("it cannot be read: {cause}")],
            found => found?,
        };
        return Ok(faults.into_iter().map(|what| fault(name, what)).collect());
    }
}

async fn check(mongo: &Base, name: &str, conversation: &Document) -> Result<Vec<String>, Fail> {
    let (log, calls) = (read::log(mongo, name, 0).await?, read::calls(mongo, name).await?);
    let mut counters = counters(conversation)?;
    if counters.status == Status::Running {
        // These fields are written when a claim ends.
        let track = Track::read(mongo, name, 0).await?;
        counters.entries = track.entries as usize;
        counters.answered = track.answered as usize;
        counters.possible_spend = track.spend().unsigned_abs() as usize;
        counters.flags = track.flags;
    }
    let subjects = subjects(mongo, [conversation]).await?;
    faults(conversation, &counters, &log, &calls, &subjects)
}

/// Finished conversations that questions are about, by id: the key and the log of each.
type Subjects = HashMap<String, (String, Vec<Entry>)>;

async fn subjects(mongo: &Base, of: impl IntoIterator<Item = &Document>) -> Result<Subjects, Fail> {
    let about: BTreeSet<&str> = of.into_iter().filter_map(|document| document.get_str("subject").ok()).collect();
    if about.is_empty() {
        return Ok(Subjects::new());
    }
    let about: Vec<&str> = about.into_iter().collect();
    let fields = doc! { "key": 1, GOING: 1 };
    let cursor = mongo.conversations().find(doc! { "_id": { "$in": about } }).projection(fields).await?;
    let keys = all(cursor, |d| Ok((id(&d)?, field::<String>(&d, "key")?))).await?;
    let ids: Vec<String> = keys.iter().map(|(id, _)| id.clone()).collect();
    let logs = many::logs(mongo, &ids).await?;
    Ok(keys.into_iter().zip(logs).map(|((id, key), log)| (id, (key, log))).collect())
}

fn faults(
    document: &Document,
    counters: &Counters,
    log: &[Entry],
    calls: &[CallRecord],
    subjects: &Subjects,
) -> Result<Vec<String>, Fail> {
    let Some(about) = field::<Option<String>>(document, "subject")? else {
        return Ok(audit::faults(counters, log, calls, &[]));
    };
    let Some((key, subject)) = subjects.get(&about) else { return Ok(vec![audit::without_subject(&about)]) };
    let mut faults = audit::faults(counters, log, calls, subject);
    faults.extend(audit::wrong_key(&conversation_record(document.clone())?, key, subject));
    Ok(faults)
}
