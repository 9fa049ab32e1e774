//! Changes of experiments. No change may be lost (contract K3).
//!
//! Each change is the next version, and is stored as a document of `versions` whose `_id` can be inserted only once. So
//! on any server, only one of two changes can follow the same version. Any process that finds the experiment's own
//! document older than the last version updates it.

use super::base::Base;
use super::documents::{experiment_document, experiment_record, is_going, run_defaults};
use super::fail::{Fail, is_duplicate};
use crate::store::ExperimentRecord;
use ::mongodb::bson::{Document, doc};

fn version_id(experiment: &str, version: u64) -> String {
    format!("{experiment}/{version:06}")
}

/// Returns the fields that a change may set.
fn changed_fields(record: &ExperimentRecord) -> Result<Document, Fail> {
    Ok(doc! {
        "name": &record.name, "starred": record.starred, "note": record.note.clone(),
        "version": record.version.cast_signed(), "revision": &record.revision, "run": run_defaults(&record.run)?,
    })
}

async fn read_head(mongo: &Base, id: &str) -> Result<ExperimentRecord, Fail> {
    let found = mongo.experiments().find_one(doc! { "_id": id }).await?.filter(|d| !is_going(d));
    experiment_record(found.ok_or_else(|| Fail::Unknown(format!("experiment {id}")))?)
}

/// Returns the experiment in its last version.
pub(super) async fn latest_record(mongo: &Base, id: &str) -> Result<ExperimentRecord, Fail> {
    let mut record = read_head(mongo, id).await?;
    while let Some(next) = mongo.versions().find_one(doc! { "_id": version_id(id, record.version + 1) }).await? {
        let mut document = experiment_document(&record)?;
        document.extend(next.into_iter().filter(|(key, _)| key != "_id" && key != "experiment"));
        record = experiment_record(document)?;
    }
    Ok(record)
}

/// Makes `next` the version after `old`. Returns `None` if another version already follows `old`. If the name of `next`
/// is taken, returns the server's error.
pub(super) async fn follow_version(
    mongo: &Base,
    old: &ExperimentRecord,
    next: ExperimentRecord,
) -> Result<Option<ExperimentRecord>, Fail> {
    let next = ExperimentRecord { version: old.version + 1, ..next };
    let mut document = doc! { "_id": version_id(&old.id, next.version), "experiment": &old.id };
    document.extend(changed_fields(&next)?);
    match mongo.versions().insert_one(document).await {
        Err(error) if is_duplicate(&error) => {
            bring_forward(mongo, &old.id).await?;
            Ok(None)
        }
        inserted => {
            inserted?;
            bring_forward(mongo, &old.id).await?;
            Ok(Some(next))
        }
    }
}

/// Updates the experiment's document to the last version. Checks again after each write, since a slower process may
/// have written an older version.
async fn bring_forward(mongo: &Base, id: &str) -> Result<(), Fail> {
    loop {
        let (head, last) = (read_head(mongo, id).await?, latest_record(mongo, id).await?);
        if head.version >= last.version {
            return Ok(());
        }
        let own = doc! { "_id": id, "creator": &head.creator, "version": head.version.cast_signed() };
        mongo.experiments().update_one(own, doc! { "$set": changed_fields(&last)? }).await?;
    }
}
