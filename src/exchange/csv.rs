//! The columns of `jsonl` as a table, with one column of `condition` for each factor.
//!
//! A factor with the name of another column, such as `model`, has the column `condition.NAME`. No text starts a formula
//! in a spreadsheet (contract S1): a `'` precedes such a text.

use super::rows::{Group, RowPages};
use super::{ExportError, Rows, Written, more_axes};
use crate::design::{Value, named};
use crate::store::Store;
use csv::WriterBuilder;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::io::Write;

/// Writes rows as a table. A first pass finds the columns. Each flush follows a complete line.
pub async fn write(
    store: &dyn Store,
    experiment: &str,
    rows: Rows<'_>,
    out: &mut dyn Write,
) -> Result<Written, ExportError> {
    let factors = factors(RowPages::new(store, experiment, rows)).await?;
    out.write_all(&row(header(&factors, rows.columns()))?)?;
    let (mut pages, mut written) = (RowPages::new(store, experiment, rows), Written::default());
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            return Ok(written);
        }
        for group in page {
            for after in &group.after {
                out.write_all(&row(cells(&group, &factors, after))?)?;
            }
            Rows::count(&mut written, &group);
            out.flush()?;
        }
    }
}

/// Axes of all groups.
async fn factors(mut pages: RowPages<'_>) -> Result<Vec<String>, ExportError> {
    let mut factors = Vec::new();
    loop {
        let page = pages.next_records().await?;
        if page.is_empty() {
            return Ok(factors);
        }
        for conversation in &page {
            more_axes(&mut factors, conversation);
        }
    }
}

fn header(factors: &[String], (before, after): (&[&str], &[&str])) -> Vec<String> {
    let taken = |name: &str| before.contains(&name) || after.contains(&name);
    let factor = |name: &String| if taken(name) { format!("condition.{name}") } else { text(name).into_owned() };
    let owned = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    [owned(before), factors.iter().map(factor).collect(), owned(after)].concat()
}

fn cells(group: &Group, factors: &[String], after: &[Json]) -> Vec<String> {
    let level = |name: &String| match named(&group.record.condition, name) {
        Some(Value::Text(level)) => text(level).into_owned(),
        Some(level) => level.to_string(),
        None => String::new(),
    };
    group.before.iter().map(cell).chain(factors.iter().map(level)).chain(after.iter().map(cell)).collect()
}

fn cell(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(s) => text(s).into_owned(),
        Json::Array(words) => words.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// Escapes a text that a spreadsheet would read as a formula.
fn text(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}").into() } else { text.into() }
}

fn row(cells: Vec<String>) -> Result<Vec<u8>, ExportError> {
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(cells).map_err(std::io::Error::other)?;
    Ok(writer.into_inner().map_err(|e| std::io::Error::other(e.to_string()))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Of;
    use crate::store::Filter;

    #[test]
    fn no_text_starts_a_formula() {
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(text(bad), format!("'{bad}"));
        }
        assert_eq!(text("a=1"), "a=1");
        assert_eq!(cell(&Json::from(-1)), "-1", "a number is no text");
    }

    #[test]
    fn factors_named_as_columns_stand_apart() {
        let of = Of::All(Filter::default());
        let header = header(&["model", "goal", "day", "@x"].map(str::to_owned), Rows::Entries(&of).columns());
        assert_eq!(
            header[..7],
            ["conversation", "experiment", "condition.model", "goal", "condition.day", "'@x", "replicate"]
        );
        assert_eq!(header.last().map(String::as_str), Some("flags"));
    }

    #[test]
    fn lines_and_quotes_are_quoted() {
        let bytes = row(vec!["a\r\nb".to_owned(), "say \"x\", y".to_owned()]).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "\"a\r\nb\",\"say \"\"x\"\", y\"\n");
    }
}
