//! Vectors of texts, in a collection of their own. An older program has no use for them, so they need no newer schema.

use super::base::Base;
use super::cursor::{BATCH, read_all};
use super::documents::document_id;
use super::fail::{Fail, unless_there};
use crate::process::TextVector;
use crate::store::vector::{bytes_of_vector, vector_of_bytes};
use ::mongodb::bson::spec::BinarySubtype;
use ::mongodb::bson::{Binary, Bson, Document, doc};

/// Stores vectors. One that is stored already stays.
pub(super) async fn keep_vectors(mongo: &Base, vectors: &[TextVector]) -> Result<(), Fail> {
    let document = |vector: &TextVector| {
        let numbers = Binary { subtype: BinarySubtype::Generic, bytes: bytes_of_vector(&vector.numbers) };
        doc! { "_id": &vector.hash, "numbers": numbers }
    };
    let documents: Vec<Document> = vectors.iter().map(document).collect();
    if documents.is_empty() {
        return Ok(());
    }
    unless_there(mongo.vectors().insert_many(documents).ordered(false).await)
}

/// Returns the stored vectors among these hashes.
pub(super) async fn read_vectors(mongo: &Base, hashes: &[String]) -> Result<Vec<TextVector>, Fail> {
    let mut found = Vec::new();
    for hashes in hashes.chunks(BATCH as usize) {
        let cursor = mongo.vectors().find(doc! { "_id": { "$in": hashes } }).batch_size(BATCH).await?;
        found.extend(read_all(cursor, |document| read_vector(&document)).await?);
    }
    Ok(found)
}

fn read_vector(document: &Document) -> Result<TextVector, Fail> {
    let hash = document_id(document)?;
    let numbers = match document.get("numbers") {
        Some(Bson::Binary(numbers)) => vector_of_bytes(&numbers.bytes),
        _ => None,
    };
    let numbers = numbers.ok_or_else(|| Fail::Damaged(format!("the vector {hash}")))?;
    Ok(TextVector { hash, numbers })
}
