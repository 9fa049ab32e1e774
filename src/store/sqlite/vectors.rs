//! Vectors of texts. The table is created with its first vector, so that files without embeddings stay as they are.

use super::fail::Fail;
use super::rows::{Columns, read_first};
use crate::process::TextVector;
use crate::store::vector::{bytes_of_vector, vector_of_bytes};
use rusqlite::{Connection, params};

const TABLE: &str = "create table if not exists vectors (
    hash    text primary key,   -- SHA-256 of the model and the text
    numbers blob not null       -- 4-byte floats, the lowest byte first
) strict";

/// Stores vectors. One that is stored already stays.
pub(super) fn keep_vectors(conn: &Connection, vectors: &[TextVector]) -> Result<(), Fail> {
    conn.execute_batch(TABLE)?;
    for TextVector { hash, numbers } in vectors {
        conn.prepare_cached("insert into vectors (hash, numbers) values (?1, ?2) on conflict do nothing")?
            .execute(params![hash, bytes_of_vector(numbers)])?;
    }
    Ok(())
}

/// Returns the stored vectors among these hashes.
pub(super) fn read_vectors(conn: &Connection, hashes: &[String]) -> Result<Vec<TextVector>, Fail> {
    let table = conn.prepare_cached("select 1 from sqlite_schema where name = 'vectors'")?;
    if read_first(table, [], |c: &mut Columns<'_>| c.next::<u32>())?.is_none() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for hash in hashes {
        let select = conn.prepare_cached("select numbers from vectors where hash = ?1")?;
        if let Some(bytes) = read_first(select, [hash], |c: &mut Columns<'_>| c.next::<Vec<u8>>())? {
            let numbers = vector_of_bytes(&bytes).ok_or_else(|| Fail::Damaged(format!("the vector {hash}")))?;
            found.push(TextVector { hash: hash.clone(), numbers });
        }
    }
    Ok(found)
}
