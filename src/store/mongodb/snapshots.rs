//! Progress of an experiment's conversations, stored in few documents.
//!
//! Some servers read every whole document for any query (`FerretDB`: about 0.4 ms for a conversation). So listing
//! 100,000 conversations would take most of a minute. At its end, a run stores a snapshot if no other run works on the
//! experiment. The *head* of a snapshot has the counts, which lists read. Its *pieces* have the progress, which
//! planning reads. A process removes the head before it changes the progress of any conversation. Without a head, the
//! conversations themselves are read.

use super::base::Base;
use super::cursor::read_all;
use super::documents::{read_field, to_bson, to_date};
use super::fail::{Fail, unless_there};
use super::standing::each_standing;
use crate::design::Named;
use crate::store::{Counts, Group, ProcessKind, RunRecord, Standing, Status};
use ::mongodb::bson::oid::ObjectId;
use ::mongodb::bson::{Bson, Document, doc};
use std::collections::{BTreeMap, HashMap};

/// Number of conversations in one document.
const PIECE: usize = 1000;
/// Minimum number of conversations with which a snapshot is faster.
const WORTH: usize = 500;

/// Counts by revision, and the place of the pieces.
pub(super) struct Head {
    counts: HashMap<String, Counts>,
    /// Conversations that count alike; convoke 0.1 did not store them.
    pub(super) groups: Option<Vec<Group>>,
    stamp: String,
    pieces: usize,
}

/// Removes a snapshot before a change that would make the snapshot wrong.
pub(super) async fn remove_head(mongo: &Base, experiment: &str) -> Result<(), Fail> {
    mongo.snapshots().delete_one(doc! { "_id": experiment }).await?;
    Ok(())
}

fn read_head(document: &Document) -> Result<Head, Fail> {
    let counts: Vec<Named<Counts>> = read_field(document, "counts")?;
    Ok(Head {
        counts: counts.into_iter().map(|named| (named.name, named.value)).collect(),
        groups: read_field(document, "groups")?,
        stamp: read_field(document, "stamp")?,
        pieces: read_field(document, "pieces")?,
    })
}

/// Returns the heads that exist, by experiment.
pub(super) async fn read_heads(mongo: &Base) -> Result<HashMap<String, Head>, Fail> {
    let cursor = mongo.snapshots().find(doc! {}).await?;
    let heads =
        read_all(cursor, |document| Ok((super::documents::document_id(&document)?, read_head(&document)?))).await?;
    Ok(heads.into_iter().collect())
}

/// Returns the progress of an experiment's conversations, if a valid snapshot exists.
pub(super) async fn stored_standing(mongo: &Base, experiment: &str) -> Result<Option<Vec<Standing>>, Fail> {
    let Some(found) = mongo.snapshots().find_one(doc! { "_id": experiment }).await? else { return Ok(None) };
    let head = read_head(&found)?;
    let cursor = mongo.pieces().find(doc! { "experiment": experiment, "stamp": &head.stamp }).await?;
    let pieces = read_all(cursor, |d| Ok((read_field::<u32>(&d, "piece")?, read_field::<String>(&d, "rows")?))).await?;
    if pieces.len() != head.pieces {
        return Ok(None);
    }
    let pieces: BTreeMap<u32, String> = pieces.into_iter().collect();
    let mut standing = Vec::new();
    for rows in pieces.values() {
        standing.extend(serde_json::from_str::<Vec<Standing>>(rows)?);
    }
    // Another process may have begun a change while the pieces were read.
    let still = mongo.snapshots().find_one(doc! { "_id": experiment }).await?;
    Ok(still.filter(|s| s.get_str("stamp").is_ok_and(|stamp| stamp == head.stamp)).map(|_| standing))
}

/// Returns true if a snapshot shows that all conversations of an experiment are of one revision.
pub(super) async fn are_all_of(mongo: &Base, experiment: &str, revision: &str) -> Result<bool, Fail> {
    let found = mongo.snapshots().find_one(doc! { "_id": experiment }).await?;
    Ok(found
        .map(|document| read_head(&document))
        .transpose()?
        .is_some_and(|head| head.counts.keys().all(|r| r == revision)))
}

/// Stores the progress of the conversations, if no other run works on the experiment.
pub(super) async fn store_snapshot(mongo: &Base, experiment: &str) -> Result<(), Fail> {
    let is_there = mongo.snapshots().find_one(doc! { "_id": experiment }).await?.is_some();
    if is_there || has_live_run(mongo, experiment).await? {
        return Ok(());
    }
    let standing = each_standing(mongo, experiment, ProcessKind::Conversation).await?;
    if standing.len() < WORTH || standing.iter().any(|s| s.status == Status::Running) {
        return Ok(());
    }
    // Pieces of older snapshots are never read again.
    mongo.pieces().delete_many(doc! { "experiment": experiment }).await?;
    let stamp = ObjectId::new().to_hex();
    for (piece, rows) in standing.chunks(PIECE).enumerate() {
        let document = doc! {
            "_id": format!("{experiment}/{stamp}/{piece:06}"), "experiment": experiment, "stamp": &stamp,
            "piece": piece as u32, "rows": serde_json::to_string(rows)?,
        };
        mongo.pieces().insert_one(document).await?;
    }
    let counts: Vec<Named<Counts>> = count_standing(&standing).into_iter().map(|(r, c)| Named::new(r, c)).collect();
    let head = doc! {
        "_id": experiment, "stamp": &stamp, "pieces": standing.len().div_ceil(PIECE) as u32,
        "counts": to_bson(&counts)?, "groups": to_bson(&group_standing(&standing))?, "at": to_date(mongo.clock.now()),
    };
    unless_there(mongo.snapshots().insert_one(head).await)?;
    // A run that began meanwhile found no head to remove, so this process removes the head.
    if has_live_run(mongo, experiment).await? { remove_head(mongo, experiment).await } else { Ok(()) }
}

fn count_standing(standing: &[Standing]) -> BTreeMap<String, Counts> {
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    for stands in standing {
        let of = counts.entry(stands.revision.clone()).or_default();
        of.add(stands.status, 1);
    }
    counts
}

fn group_standing(standing: &[Standing]) -> Vec<Group> {
    let mut groups: BTreeMap<(&str, bool, Status), u32> = BTreeMap::new();
    for stands in standing {
        *groups.entry((&stands.revision, stands.offline, stands.status)).or_insert(0) += 1;
    }
    let group = |((revision, offline, status), number): ((&str, bool, Status), u32)| Group {
        revision: revision.to_owned(),
        offline,
        status,
        number,
    };
    groups.into_iter().map(group).collect()
}

/// Returns true if a run of the experiment has not ended and has renewed its lease in time.
async fn has_live_run(mongo: &Base, experiment: &str) -> Result<bool, Fail> {
    let now = mongo.clock.now();
    let cursor = mongo.runs().find(doc! { "experiment": experiment, "ended": Bson::Null }).await?;
    let heard = read_all(cursor, |document| {
        Ok(document.get_datetime("until").is_ok_and(|until| until.timestamp_millis() > now))
    });
    Ok(heard.await?.contains(&true))
}

/// Returns a run's document: the record, and the instant until which the run counts as alive.
pub(super) fn run_with_lease(mongo: &Base, record: &RunRecord) -> Result<Document, Fail> {
    let mut document = super::documents::run_document(record)?;
    document.insert("until", to_date(mongo.clock.lease_end()));
    Ok(document)
}
