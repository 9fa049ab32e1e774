//! Opening a database: the program that it belongs to, and interrupted deletions.

use super::base::Base;
use super::clock::{self, Clock};
use super::deletions;
use super::documents::read_field;
use super::fail::{Fail, unless_there};
use super::schema::{self, FIRST, KNOWN, META};
use super::track::Tracks;
use crate::store::{OpenMode, StoreError};
use ::mongodb::Database;
use ::mongodb::bson::{Document, doc};
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;

/// Names of convoke's collections.
const OURS: [&str; 12] = [
    "experiments",
    "versions",
    "revisions",
    "conversations",
    "claims",
    "messages",
    "calls",
    "texts",
    "marks",
    "runs",
    "snapshots",
    "snapshot_pieces",
];
/// Prepares a database after signing in.
pub(super) async fn open_base(place: String, database: Database, mode: OpenMode) -> Result<Base, Fail> {
    let clock = Clock::new(clock::server_time(database.client()).await?);
    let meta = database.collection::<Document>(META);
    let schema = match meta.find_one(doc! { "_id": "schema" }).await? {
        Some(found) => {
            let schema = known_schema(&place, &found)?;
            if mode != OpenMode::Read && !read_field::<bool>(&found, "ready")? {
                create_database(&database).await?;
            }
            schema
        }
        None if mode == OpenMode::Read => return Err(missing_error(&place, &database).await?.into()),
        None => {
            check_foreign(&place, &database).await?;
            create_database(&database).await?;
            FIRST
        }
    };
    let mongo = Base {
        place,
        database,
        mode,
        clock,
        schema: AtomicU32::new(schema),
        texts: Mutex::new(HashSet::new()),
        tracks: Tracks::default(),
        renewal: tokio::sync::RwLock::new(()),
    };
    if mode != OpenMode::Read {
        deletions::finish_deletions(&mongo).await?;
    }
    Ok(mongo)
}

fn known_schema(place: &str, meta: &Document) -> Result<u32, Fail> {
    let found: u32 = read_field(meta, "schema")?;
    let place = place.to_owned();
    if found > KNOWN { Err(StoreError::Newer { place, found, known: KNOWN }.into()) } else { Ok(found) }
}

async fn missing_error(place: &str, database: &Database) -> Result<StoreError, Fail> {
    check_foreign(place, database).await?;
    Ok(StoreError::Missing { place: place.to_owned() })
}

/// Fails if a database has collections with convoke's names but no mark of convoke. Such a database belongs to another
/// program.
async fn check_foreign(place: &str, database: &Database) -> Result<(), Fail> {
    let there = database.list_collection_names().await?;
    let taken: Vec<&str> = OURS.into_iter().filter(|name| there.iter().any(|t| t == name)).collect();
    let meta = database.collection::<Document>(META);
    // Another process may have begun to create the database since the first check.
    if taken.is_empty() || meta.find_one(doc! { "_id": "schema" }).await?.is_some() {
        return Ok(());
    }
    let cause = format!("it has {} of another program", taken.join(", "));
    Err(StoreError::Foreign { place: place.to_owned(), cause }.into())
}

/// Marks the database as convoke's, then creates the indexes. If this is interrupted, the next opening repeats it.
async fn create_database(database: &Database) -> Result<(), Fail> {
    let meta = database.collection::<Document>(META);
    let ours = doc! { "_id": "schema", "schema": FIRST, "program": env!("CARGO_PKG_VERSION"), "ready": false };
    unless_there(meta.insert_one(ours).await)?;
    schema::make_indexes(database, FIRST).await?;
    meta.update_one(doc! { "_id": "schema" }, doc! { "$set": { "ready": true } }).await?;
    Ok(())
}
