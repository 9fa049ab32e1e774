//! One line for each row, in the order of key and `seq`. Runs with equal answers give equal bytes.

use super::columns::Presence;
use super::layout::{Table, place_columns};
use super::rows::RowPages;
use super::{ExportError, TableSource, Written};
use crate::process::harmless::harmless_json;
use serde_json::{Map, Value as Json};
use std::io::Write;

/// Writes rows. Characters that control a terminal are written as equivalent escapes.
pub async fn write(source: &TableSource<'_>, out: &mut dyn Write) -> Result<Written, ExportError> {
    let columns = place_columns(source, Table::Jsonl).await?;
    let (mut pages, mut written) = (RowPages::new(source), Written::default());
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            return Ok(written);
        }
        for mut group in page {
            for row in &mut group.rows {
                let is_nobody = row.get("person").is_none_or(Json::is_null);
                let mut value = |key: &str| row.get_mut(key).map(Json::take).unwrap_or_default();
                let here = columns.iter().filter(|c| c.column.presence != Presence::People || !is_nobody);
                let keys = here.filter_map(|column| Some((column.name.clone(), column.key()?)));
                let line: Map<String, Json> = keys.map(|(name, key)| (name, value(key))).collect();
                writeln!(out, "{}", harmless_json(&Json::Object(line).to_string()))?;
            }
            written.add(group.rows.len());
            out.flush()?;
        }
    }
}
