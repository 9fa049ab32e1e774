//! A comparison of people as a table, and mistakes in files.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::problems::say_problems;
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::text::{Column, table};
use crate::lab::LabError;
use crate::people::compare::{Comparison, Distribution};
use std::collections::BTreeSet;
use std::io;

/// Maximum number of words of one key that a comparison shows.
const MOST_WORDS: usize = 12;
/// Maximum number of characters of a word; longer texts are only counted.
const LONGEST: usize = 40;
const COUNTS: [Column; 3] = [Column::text("", 24, 0), Column::number("A", 0), Column::number("B", 1)];

/// Reports the mistakes of a file before the error.
pub fn tell_wrong(context: &Context, error: LabError) -> CliError {
    if let LabError::Wrong { problems, .. } = &error {
        say_problems(context, problems);
    }
    error.into()
}

/// Prints one key: its figures in one set or in both.
pub fn print_comparison(context: &Context, comparison: &Comparison) -> io::Result<()> {
    let Comparison { key, a, b, distance } = comparison;
    let distance = distance.map_or_else(String::new, |distance| format!("  distance {distance:.2}"));
    context.printer.out("")?;
    context.printer.pieces(&[Piece(key, Look::Bold), Piece(&distance, Look::Dim)])?;
    let width = context.printer.width().map(|width| width.saturating_sub(2));
    for line in table(&COUNTS, &rows(a, b.as_ref()), width).iter().skip(usize::from(b.is_none())) {
        context.printer.out(&format!("  {line}"))?;
    }
    Ok(())
}

/// Returns the rows of one key: each value or quantile, with its figure in either set.
fn rows(a: &Distribution, b: Option<&Distribution>) -> Vec<Vec<String>> {
    let (a, b) = (figures(a), b.map(figures));
    let mut names: Vec<&String> = a.iter().map(|(name, _)| name).collect();
    let known: BTreeSet<&String> = names.iter().copied().collect();
    names.extend(b.iter().flatten().map(|(name, _)| name).filter(|name| !known.contains(name)));
    let figure = |figures: &[(String, String)], name: &String| {
        figures.iter().find(|(known, _)| known == name).map_or_else(String::new, |(_, figure)| figure.clone())
    };
    let row = |name: &&String| {
        vec![(*name).clone(), figure(&a, name), b.as_deref().map_or_else(String::new, |b| figure(b, name))]
    };
    let mut rows: Vec<Vec<String>> = names.iter().take(MOST_WORDS).map(row).collect();
    if names.len() > MOST_WORDS {
        rows.push(vec![format!("… {} more values", names.len() - MOST_WORDS), String::new(), String::new()]);
    }
    rows
}

fn figures(distribution: &Distribution) -> Vec<(String, String)> {
    let lacking = |n: usize| (n > 0).then(|| ("(none)".to_owned(), n.to_string()));
    match distribution {
        Distribution::Words { counts, lacking: n }
            if counts.iter().any(|(value, _)| value.chars().count() > LONGEST) =>
        {
            let number = counts.len().to_string();
            std::iter::once(("different texts".to_owned(), number)).chain(lacking(*n)).collect()
        }
        Distribution::Words { counts, lacking: n } => {
            let counts = counts.iter().map(|(value, n)| (value.clone(), n.to_string()));
            counts.chain(lacking(*n)).collect()
        }
        Distribution::Numbers { count: _, lacking: n, mean, quantiles } => {
            let names = ["min", "first quartile", "median", "third quartile", "max"];
            let quantiles = names.into_iter().zip(quantiles).map(|(name, x)| (name.to_owned(), round(*x)));
            quantiles.chain([("mean".to_owned(), round(*mean))]).chain(lacking(*n)).collect()
        }
    }
}

/// Formats a number with at most two places behind the point.
fn round(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
