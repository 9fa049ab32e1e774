//! One line for each row, in the order of key and `seq`. Runs with equal answers give equal bytes.

use super::rows::{RowPages, object};
use super::{ExportError, Rows, Written};
use crate::process::harmless::harmless_json;
use crate::store::Store;
use serde_json::Value as Json;
use std::io::Write;

/// Writes rows. Characters that control a terminal are written as equivalent escapes.
pub async fn write(
    store: &dyn Store,
    experiment: &str,
    rows: Rows<'_>,
    out: &mut dyn Write,
) -> Result<Written, ExportError> {
    let (mut pages, mut written) = (RowPages::new(store, experiment, rows), Written::default());
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            return Ok(written);
        }
        for group in page {
            for row in &group.after {
                let line = Json::Object(object(&group, row, rows.columns())).to_string();
                writeln!(out, "{}", harmless_json(&line))?;
            }
            Rows::count(&mut written, &group);
            out.flush()?;
        }
    }
}
