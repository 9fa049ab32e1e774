//! Description of the columns of one export: the codebook.

use super::columns::{CONDITION, Column, Presence};
use super::layout::{Placed, Table, Values, place_columns};
use super::{ExportError, TableSource, csv};
use crate::process::harmless::harmless_json;
use serde_json::{Map, Value as Json};
use std::io::Write;

/// Names of the codebook's own columns.
const HEADER: [&str; 7] = ["column", "factor", "role", "type", "unit", "empty", "about"];

/// Writes one line for each column of an export, in its order and format.
pub async fn write(source: &TableSource<'_>, table: Table, out: &mut dyn Write) -> Result<(), ExportError> {
    let mut lines = Vec::new();
    if table == Table::Csv {
        out.write_all(&csv::line(HEADER.map(str::to_owned).to_vec(), false)?)?;
    }
    let in_csv = place_columns(source, Table::Csv).await?;
    let is_here = |c: &Placed| c.column.presence != Presence::People || in_csv.iter().any(|p| p.column == c.column);
    for column in place_columns(source, table).await?.into_iter().filter(is_here) {
        lines.push(describe(&column));
        if column.name == CONDITION {
            // A level is a field of the object.
            lines.extend(in_csv.iter().filter_map(describe_level));
        }
    }
    for cells in lines {
        match table {
            Table::Csv => out.write_all(&csv::line(cells, source.options.for_spreadsheets)?)?,
            Table::Jsonl => {
                let cells: Map<String, Json> =
                    HEADER.iter().map(|name| (*name).to_owned()).zip(cells.into_iter().map(Json::from)).collect();
                writeln!(out, "{}", harmless_json(&Json::Object(cells).to_string()))?;
            }
        }
    }
    Ok(out.flush()?)
}

fn describe(Placed { name, column, values }: &Placed) -> Vec<String> {
    let (factor, role, about) = match values {
        Values::Named(_) => ("", "", column.about.to_owned()),
        Values::Factor(factor) => (factor.as_str(), "", format!("level of the factor `{factor}`")),
        Values::Role { role, .. } => ("", role.as_str(), column.about.to_owned()),
    };
    let Column { kind, unit, empty, .. } = column;
    vec![
        name.clone(),
        factor.to_owned(),
        role.to_owned(),
        kind.to_string(),
        (*unit).to_owned(),
        (*empty).to_owned(),
        about,
    ]
}

fn describe_level(placed: &Placed) -> Option<Vec<String>> {
    let Values::Factor(factor) = &placed.values else { return None };
    let named = Placed { name: format!("{CONDITION}.{factor}"), ..placed.clone() };
    Some(describe(&named))
}

/// Returns the part of docs/data.md that describes the columns of a kind of rows.
pub fn markdown(columns: &[Column]) -> String {
    let row = |c: &Column| {
        let unit = if c.unit.is_empty() { "–" } else { c.unit };
        format!("| `{}` | {} | {unit} | {} | {} |\n", c.name, c.kind, c.empty, c.about)
    };
    let head = "| column | type | unit | empty if | meaning |\n|---|---|---|---|---|\n";
    head.to_owned() + &columns.iter().map(row).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::columns::{ANSWERS, CALLS, CONVERSATIONS, ENTRIES, SUMMARY};

    #[test]
    fn the_page_describes_every_column() {
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/data.md")).unwrap();
        for (rows, columns) in [
            ("--rows entries", ENTRIES),
            ("--rows answers", ANSWERS),
            ("--rows conversations", CONVERSATIONS),
            ("--rows calls", CALLS),
            ("convoke summary --format csv", SUMMARY),
        ] {
            let section = page.split("\n## ").find(|part| part.starts_with(&format!("`{rows}`\n")));
            let section = section.unwrap_or_else(|| panic!("docs/data.md has no section for rows of {rows}"));
            let table: String = section.split_inclusive('\n').filter(|line| line.starts_with('|')).collect();
            assert_eq!(table, markdown(columns), "docs/data.md, rows of {rows}; from the code:\n{}", markdown(columns));
        }
    }
}
