//! Reading the documents of a cursor, except documents that are being deleted.

use super::documents::{GOING, document_id, is_going};
use super::fail::Fail;
use ::mongodb::bson::{Document, doc};
use ::mongodb::{Collection, Cursor};
use futures_util::TryStreamExt;

/// Number of documents that are fetched at a time.
pub(super) const BATCH: u32 = 1000;

/// Reads the documents of a cursor, except documents that are being deleted.
pub(super) async fn read_all<T>(
    mut cursor: Cursor<Document>,
    read: impl Fn(Document) -> Result<T, Fail>,
) -> Result<Vec<T>, Fail> {
    let mut records = Vec::new();
    while let Some(document) = cursor.try_next().await? {
        if !is_going(&document) {
            records.push(read(document)?);
        }
    }
    Ok(records)
}

/// Returns the ids of all documents of a collection that are being deleted.
pub(super) async fn list_going(collection: Collection<Document>) -> Result<Vec<String>, Fail> {
    let cursor = collection.find(doc! { GOING: true }).projection(doc! { "_id": 1 }).await?;
    let found: Vec<Document> = cursor.try_collect().await?;
    found.iter().map(document_id).collect()
}
