//! Progress of conversations, read from the conversations themselves.

use super::base::Base;
use super::cursor::{BATCH, read_all};
use super::documents::{GOING, document_id, document_status, of_kind, read_field, to_date};
use super::fail::Fail;
use super::track::Track;
use crate::store::{ProcessKind, Standing, Status};
use ::mongodb::bson::{DateTime, Document, doc};
use std::collections::HashMap;

/// Number of conversations whose logs are read at a time.
const LOGS: usize = 500;

/// Returns the progress of each process of one kind in an experiment, in the order of creation.
pub(super) async fn each_standing(mongo: &Base, experiment: &str, kind: ProcessKind) -> Result<Vec<Standing>, Fail> {
    let fields = doc! {
        "key": 1, "revision": 1, "status": 1, "entries": 1, "answered": 1, "possible_spend": 1, "offline": 1,
        "replicate": 1, "seed": 1, "creator": 1, "created": 1, "ended_by": 1, GOING: 1,
    };
    let conversations = mongo.conversations();
    let asked = doc! { "experiment": experiment, "kind": of_kind(kind) };
    let cursor = conversations.find(asked).projection(fields).batch_size(BATCH);
    let mut standing =
        read_all(cursor.await?, |document| Ok((read_field(&document, "created")?, read_standing(&document)?))).await?;
    let running: Vec<String> =
        standing.iter().filter(|(_, s)| s.status == Status::Running).map(|(_, s)| s.id.clone()).collect();
    let tracks = read_tracks(mongo, &running).await?;
    for (_, stands) in &mut standing {
        if let Some(track) = tracks.get(&stands.id) {
            stands.begun = track.entries > 0;
            stands.answered = track.answered;
            stands.possible_spend = track.count_spend().unsigned_abs() as u32;
        }
    }
    standing.sort_by(|a: &(DateTime, Standing), b| (a.0, &a.1.id).cmp(&(b.0, &b.1.id)));
    Ok(standing.into_iter().map(|(_, stands)| stands).collect())
}

/// Reads the tracks of conversations that a process works on, since the documents of these conversations are updated
/// only at the end.
pub(super) async fn read_tracks(mongo: &Base, running: &[String]) -> Result<HashMap<String, Track>, Fail> {
    let mut tracks = HashMap::new();
    for batch in running.chunks(LOGS) {
        tracks.extend(Track::of_all(mongo, batch).await?);
    }
    Ok(tracks)
}

fn read_standing(document: &Document) -> Result<Standing, Fail> {
    let seed: String = read_field(document, "seed")?;
    Ok(Standing {
        id: document_id(document)?,
        key: read_field(document, "key")?,
        revision: read_field(document, "revision")?,
        status: document_status(document)?,
        begun: read_field::<u32>(document, "entries")? > 0,
        answered: read_field(document, "answered")?,
        possible_spend: read_field(document, "possible_spend")?,
        offline: read_field(document, "offline")?,
        replicate: read_field(document, "replicate")?,
        seed: seed.parse().map_err(|_| Fail::Damaged(format!("the seed {seed:?}")))?,
        creator: read_field(document, "creator")?,
        ended_by: read_field(document, "ended_by")?,
    })
}

/// Returns a filter for the conversations of an experiment that are held now.
pub(super) fn held_filter(experiment: &str, now: i64) -> Document {
    doc! { "experiment": experiment, "lease.until": { "$gt": to_date(now) } }
}
