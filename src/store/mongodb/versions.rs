//! Changes of experiments, none of which may be lost (contract K3).
//!
//! Each change is the next version, and a document of `versions` whose name is taken once: two that began from one
//! version cannot both follow it, on any server. The experiment's own document, which everybody reads, is then brought
//! to the last version; whoever finds it behind does that.

use super::base::Base;
use super::documents::{experiment_document, experiment_record, is_going, run_defaults};
use super::fail::{Fail, is_duplicate};
use crate::store::ExperimentRecord;
use ::mongodb::bson::{Document, doc};

fn name(experiment: &str, version: u64) -> String {
    format!("{experiment}/{version:06}")
}

/// What changes.
fn fields(record: &ExperimentRecord) -> Result<Document, Fail> {
    Ok(doc! {
        "name": &record.name, "starred": record.starred, "note": record.note.clone(),
        "version": record.version.cast_signed(), "revision": &record.revision, "run": run_defaults(&record.run)?,
    })
}

async fn head(mongo: &Base, id: &str) -> Result<ExperimentRecord, Fail> {
    let found = mongo.experiments().find_one(doc! { "_id": id }).await?.filter(|d| !is_going(d));
    experiment_record(found.ok_or_else(|| Fail::Unknown(format!("experiment {id}")))?)
}

/// The experiment as its last version has it.
pub(super) async fn latest(mongo: &Base, id: &str) -> Result<ExperimentRecord, Fail> {
    let mut record = head(mongo, id).await?;
    while let Some(next) = mongo.versions().find_one(doc! { "_id": name(id, record.version + 1) }).await? {
        let mut document = experiment_document(&record)?;
        document.extend(next.into_iter().filter(|(key, _)| key != "_id" && key != "experiment"));
        record = experiment_record(document)?;
    }
    Ok(record)
}

/// Makes `next` what follows `old`; none where something else follows it by now. An error of the name being taken is
/// the server's.
pub(super) async fn follow(
    mongo: &Base,
    old: &ExperimentRecord,
    next: ExperimentRecord,
) -> Result<Option<ExperimentRecord>, Fail> {
    let next = ExperimentRecord { version: old.version + 1, ..next };
    let mut document = doc! { "_id": name(&old.id, next.version), "experiment": &old.id };
    document.extend(fields(&next)?);
    match mongo.versions().insert_one(document).await {
        Err(error) if is_duplicate(&error) => {
            bring(mongo, &old.id).await?;
            Ok(None)
        }
        inserted => {
            inserted?;
            bring(mongo, &old.id).await?;
            Ok(Some(next))
        }
    }
}

/// Brings the experiment's document to the last version. It is looked at again after each write: a slower one may have
/// written an older version over it.
async fn bring(mongo: &Base, id: &str) -> Result<(), Fail> {
    loop {
        let (head, last) = (head(mongo, id).await?, latest(mongo, id).await?);
        if head.version >= last.version {
            return Ok(());
        }
        let own = doc! { "_id": id, "creator": &head.creator, "version": head.version.cast_signed() };
        mongo.experiments().update_one(own, doc! { "$set": fields(&last)? }).await?;
    }
}
