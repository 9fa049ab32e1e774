//! Text for people: wrapped lines, tables that fit, sizes and instants. This module prints nothing.

use crate::process::harmless::one_line;
use crate::store::Millis;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Wraps each line at spaces so that it fits `width` columns. Words longer than `width` are cut. Without a width, lines
/// are unchanged.
pub fn wrap(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else { return text.lines().map(str::to_owned).collect() };
    text.lines().flat_map(|line| wrap_line(line, width.max(1))).collect()
}

fn wrap_line(line: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut now = String::new();
    let mut used = 0;
    for word in line.split_inclusive(' ') {
        let bare = word.trim_end_matches(' ');
        if used + bare.width() > width && !now.trim().is_empty() {
            lines.push(std::mem::take(&mut now).trim_end().to_owned());
            used = 0;
        }
        if bare.width() <= width {
            now.push_str(word);
            used += word.width();
            continue;
        }
        for c in word.chars() {
            let columns = c.width().unwrap_or(0);
            if used + columns > width {
                lines.push(std::mem::take(&mut now));
                used = 0;
            }
            now.push(c);
            used += columns;
        }
    }
    lines.push(now.trim_end().to_owned());
    lines
}

/// Formats an instant for people, in UTC: `2026-11-20 09:08`.
pub fn instant(at: Millis) -> String {
    Timestamp::from_millisecond(at).unwrap_or_default().strftime("%Y-%m-%d %H:%M").to_string()
}

/// Formats a number of bytes for people.
pub fn size(bytes: u64) -> String {
    let mut left = bytes as f64;
    for unit in ["B", "kB", "MB"] {
        if left < 999.5 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{left:.1} {unit}") };
        }
        left /= 1000.0;
    }
    format!("{left:.1} GB")
}

/// Formats a count with its noun: `1 error`, `2 errors`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Returns the first 8 characters of an id or hash: short to type, and rarely ambiguous.
pub fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Heading of the column.
    pub name: &'static str,
    /// Minimum useful width in columns. Content that is not wider is never wrapped.
    pub least: usize,
    /// Rank for narrow screens, where columns with the highest rank are dropped first. A column of rank 0 always stays.
    pub drop: u8,
    /// True for numbers, which are aligned to the right and never wrapped.
    pub number: bool,
}

impl Column {
    /// Creates a column of text.
    pub const fn text(name: &'static str, least: usize, drop: u8) -> Self {
        Self { name, least, drop, number: false }
    }

    /// Creates a column of numbers, which are never wrapped.
    pub const fn number(name: &'static str, drop: u8) -> Self {
        Self { name, least: 0, drop, number: true }
    }
}

/// Formats a table that fits `width`. Columns without room or content are dropped, and the others are wrapped.
pub fn table(columns: &[Column], rows: &[Vec<String>], width: Option<usize>) -> Vec<String> {
    let rows: Vec<Vec<String>> = rows.iter().map(|r| r.iter().map(|c| one_line(c)).collect()).collect();
    let kept = fitting_columns(columns, &rows, width);
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(kept.iter().map(|i| columns[*i].name).collect::<Vec<_>>());
    for row in &rows {
        table.add_row(kept.iter().map(|i| row[*i].as_str()).collect::<Vec<_>>());
    }
    for (place, of) in kept.iter().enumerate() {
        let Some(column) = table.column_mut(place) else { continue };
        column.set_padding((0, 2));
        if columns[*of].number {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let widest = rows.iter().map(|r| r[*of].width()).max().unwrap_or(0);
        if columns[*of].number || widest <= columns[*of].least {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width as u16);
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

fn fitting_columns(columns: &[Column], rows: &[Vec<String>], width: Option<usize>) -> Vec<usize> {
    let widest = |i: usize| rows.iter().map(|r| r[i].width()).max().unwrap_or(0);
    let mut kept: Vec<usize> = (0..columns.len()).filter(|i| columns[*i].drop == 0 || widest(*i) > 0).collect();
    let needs = |i: usize| {
        let whole = widest(i).max(columns[i].name.width());
        2 + if columns[i].number { whole } else { whole.min(columns[i].least.max(columns[i].name.width())) }
    };
    while let Some(width) = width
        && kept.iter().map(|i| needs(*i)).sum::<usize>() > width
        && let Some(place) = (0..kept.len()).rev().max_by_key(|p| columns[kept[*p]].drop)
        && columns[kept[place]].drop > 0
    {
        kept.remove(place);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_at_spaces_and_long_words_cut() {
        assert_eq!(wrap("one two three", Some(7)), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij kl", Some(4)), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrap("日本語日本語", Some(5)), ["日本", "語日", "本語"]);
        assert_eq!(wrap("a\n\n  b", Some(9)), ["a", "", "  b"]);
        assert_eq!(wrap("one two three", None), ["one two three"]);
    }

    #[test]
    fn a_narrow_table_leaves_out_what_matters_least() {
        let columns = [Column::text("NAME", 8, 0), Column::number("DONE", 1), Column::text("NOTE", 10, 2)];
        let rows = [vec!["prison".to_owned(), "40".to_owned(), "a long note\nindeed".to_owned()]];
        assert_eq!(table(&columns, &rows, None)[1], "prison    40  a long note indeed");
        assert_eq!(table(&columns, &rows, Some(20)), ["NAME    DONE", "prison    40"]);
        assert!(table(&columns, &rows, Some(28)).iter().all(|l| l.width() <= 28));
    }

    #[test]
    fn sizes_and_instants() {
        assert_eq!([size(999), size(4_661_224_676), size(999_999)], ["999 B", "4.7 GB", "1.0 MB"]);
        assert_eq!(instant(1_795_165_687_006), "2026-11-20 09:08");
    }
}
