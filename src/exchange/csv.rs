//! The columns of `jsonl` as a table, with one column of `condition` for each factor. Text is data and stays unchanged.
//!
//! For a spreadsheet, a `'` precedes each text that would start a formula (contract S1).

use super::layout::{Placed, Table, Values, place_columns};
use super::rows::{Group, RowPages};
use super::{ExportError, TableSource, Written};
use crate::design::{Value, named};
use csv::WriterBuilder;
use serde_json::{Map, Value as Json};
use std::io::Write;

/// Writes rows as a table. A first pass finds the columns. Each flush follows a complete line.
pub async fn write(source: &TableSource<'_>, out: &mut dyn Write) -> Result<Written, ExportError> {
    let columns = place_columns(source, Table::Csv).await?;
    let guard = source.options.for_spreadsheets;
    out.write_all(&line(columns.iter().map(|column| column.name.clone()).collect(), guard)?)?;
    let (mut pages, mut written) = (RowPages::new(source), Written::default());
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            return Ok(written);
        }
        for group in page {
            for row in &group.rows {
                let cells = columns.iter().map(|column| cell(column, &group, row)).collect();
                out.write_all(&line(cells, guard)?)?;
            }
            written.add(group.rows.len());
            out.flush()?;
        }
    }
}

fn cell(column: &Placed, group: &Group, row: &Map<String, Json>) -> String {
    if let Values::Factor(factor) = &column.values {
        return match named(&group.record.condition, factor) {
            Some(Value::Text(level)) => level.clone(),
            Some(level) => level.to_string(),
            None => String::new(),
        };
    }
    column.key().and_then(|key| row.get(key)).map(print).unwrap_or_default()
}

/// Returns a value as the text of a cell.
pub(super) fn print(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(words) => words.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// Returns a line; with `guard`, no cell of text starts a formula.
pub(super) fn line(mut cells: Vec<String>, guard: bool) -> Result<Vec<u8>, ExportError> {
    for cell in cells.iter_mut().filter(|cell| guard && starts_formula(cell)) {
        cell.insert(0, '\'');
    }
    let mut writer = WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(cells).map_err(std::io::Error::other)?;
    Ok(writer.into_inner().map_err(|e| std::io::Error::other(e.to_string()))?)
}

/// Returns true for a text that a spreadsheet would run. A number is none.
fn starts_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) && text.parse::<f64>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(cell: &str, guard: bool) -> String {
        String::from_utf8(line(vec![cell.to_owned()], guard).unwrap()).unwrap()
    }

    #[test]
    fn a_spreadsheet_runs_no_text() {
        for bad in ["=1+1", "+cmd|'/c'!A1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"] {
            let written = one(bad, true);
            assert!(written.starts_with('\'') || written.starts_with("\"'"), "{written}");
            assert!(!one(bad, false).contains("'=") && !one(bad, false).starts_with('\''), "data stay unchanged");
        }
        for good in ["a=1", "-1", "-0.5", "+3e2"] {
            assert_eq!(one(good, true), format!("{good}\n"));
        }
    }

    #[test]
    fn lines_and_quotes_are_quoted() {
        let bytes = line(vec!["a\r\nb".to_owned(), "say \"x\", y".to_owned()], false).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "\"a\r\nb\",\"say \"\"x\"\", y\"\n");
    }
}
