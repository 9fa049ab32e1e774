//! Progress of conversations, read from the conversations themselves.

use super::base::Base;
use super::cursor::{BATCH, all};
use super::documents::{GOING, date, field, id, of_kind, status};
use super::fail::Fail;
use super::track::Track;
use crate::store::{ProcessKind, Standing, Status};
use ::mongodb::bson::{DateTime, Document, doc};
use std::collections::HashMap;

/// Number of conversations whose logs are read at a time.
const LOGS: usize = 500;

/// Returns the progress of each process of a kind of an experiment, in the order of creation.
pub(super) async fn each_standing(mongo: &Base, experiment: &str, kind: ProcessKind) -> Result<Vec<Standing>, Fail> {
    let fields = doc! {
        "key": 1, "revision": 1, "status": 1, "entries": 1, "answered": 1, "possible_spend": 1, "offline": 1,
        "replicate": 1, "seed": 1, "creator": 1, "created": 1, "ended_by": 1, GOING: 1,
    };
    let conversations = mongo.conversations();
    let asked = doc! { "experiment": experiment, "kind": of_kind(kind) };
    let cursor = conversations.find(asked).projection(fields).batch_size(BATCH);
    let mut standing = all(cursor.await?, |document| Ok((field(&document, "created")?, stands(&document)?))).await?;
    let running: Vec<String> =
        standing.iter().filter(|(_, s)| s.status == Status::Running).map(|(_, s)| s.id.clone()).collect();
    let tracks = tracks(mongo, &running).await?;
    for (_, stands) in &mut standing {
        if let Some(track) = tracks.get(&stands.id) {
            stands.begun = track.entries > 0;
            stands.answered = track.answered;
            stands.possible_spend = track.spend().unsigned_abs() as u32;
        }
    }
    standing.sort_by(|a: &(DateTime, Standing), b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
    Ok(standing.into_iter().map(|(_, stands)| stands).collect())
}

/// Reads the tracks of conversations that a process works on: their documents are updated when they end.
pub(super) async fn tracks(mongo: &Base, running: &[String]) -> Result<HashMap<String, Track>, Fail> {
    let mut tracks = HashMap::new();
    for batch in running.chunks(LOGS) {
        tracks.extend(Track::of_all(mongo, batch).await?);
    }
    Ok(tracks)
}

fn stands(document: &Document) -> Result<Standing, Fail> {
    let seed: String = field(document, "seed")?;
    Ok(Standing {
        id: id(document)?,
        key: field(document, "key")?,
        revision: field(document, "revision")?,
        status: status(document)?,
        begun: field::<u32>(document, "entries")? > 0,
        answered: field(document, "answered")?,
        possible_spend: field(document, "possible_spend")?,
        offline: field(document, "offline")?,
        replicate: field(document, "replicate")?,
        seed: seed.parse().map_err(|_| Fail::Damaged(format!("the seed {seed:?}")))?,
        creator: field(document, "creator")?,
        ended_by: field(document, "ended_by")?,
    })
}

/// Returns a filter for the conversations of an experiment that are held now.
pub(super) fn held(experiment: &str, now: i64) -> Document {
    doc! { "experiment": experiment, "lease.until": { "$gt": date(now) } }
}
