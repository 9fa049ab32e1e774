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
                let mut value = |key: &str| row.get_mut(key).map(Json::take).unwrap_or_default();
                let keys = columns.iter().filter_map(|column| Some((column, column.key()?)));
                let values = keys.map(|(column, key)| (column, value(key)));
                // A line has such a value only where it says something.
                let here = values.filter(|(column, value)| {
                    !matches!(column.column.presence, Presence::People | Presence::Worlds) || !value.is_null()
                });
                let line: Map<String, Json> = here.map(|(column, value)| (column.name.clone(), value)).collect();
                writeln!(out, "{}", harmless_json(&Json::Object(line).to_string()))?;
            }
            written.add(group.rows.len());
            out.flush()?;
        }
    }
}
