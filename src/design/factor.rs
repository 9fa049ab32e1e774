//! Factors and their combinations, read from `experiment.toml`.

use super::experiment::{CellSpec, Design, Expression, Factor, Zip};
use super::markdown;
use super::tree::{Node, Tree, scalar};
use super::value::{Named, Value};

/// Maximum number of levels that a range may have.
const MOST: u64 = 100_000;

/// Reads `[factors]`.
pub fn read_factors(tree: &mut Tree<'_>, node: &Node<'_>) -> Vec<Factor> {
    let Some(table) = tree.read_table("factors", node) else { return Vec::new() };
    let mut factors = Vec::new();
    for (key, value) in table {
        let name = key.get_ref().to_string();
        let at = format!("factors.{name}");
        tree.places.insert(at.clone(), key.span());
        if let Some(inner) = value.get_ref().as_table().filter(|_| name == "agents" || name == "roles") {
            let inner = inner.iter().next().map(|(key, _)| key.get_ref().to_string()).unwrap_or_default();
            let hint = format!("put the whole name in quotes: \"{name}.{inner}\" = …");
            tree.error(key.span(), "unquoted-name", format!("`{name}.…` is not one name"), hint);
            continue;
        }
        if name.is_empty()
            || name.contains(['=', '{', '}', '|', '"'])
            || name.chars().any(char::is_whitespace) && !name.contains('.')
        {
            let hint = "use letters, digits, `_`, `-`".to_owned();
            tree.error(key.span(), "bad-name", format!("`{name}` cannot be a factor's name"), hint);
        }
        factors.push(read_factor(tree, &at, name, value));
    }
    factors
}

/// Reads a factor. An unreadable factor is kept without levels, so that references to it are not reported as well.
fn read_factor(tree: &mut Tree<'_>, at: &str, name: String, node: &Node<'_>) -> Factor {
    let (levels, was) = match node.get_ref().as_table() {
        None => (read_levels(tree, at, node), None),
        Some(table) => {
            let fields = tree.read_fields(at, table, &["levels", "from", "to", "was"]);
            let get = |key: &str| fields.get(key).copied();
            let was = get("was").and_then(|n| tree.scalar(&format!("{at}.was"), n));
            let levels = match (get("levels"), get("from"), get("to")) {
                (Some(list), None, None) => read_levels(tree, at, list),
                (None, Some(from), Some(to)) => read_range(tree, at, from, to).unwrap_or_default(),
                _ => {
                    let hint = "write { levels = […] } or { from = 1, to = 3 }".to_owned();
                    let message = format!("`{at}` must have either levels or a range");
                    tree.error(node.span(), "bad-factor", message, hint);
                    Vec::new()
                }
            };
            (levels, was)
        }
    };
    Factor { name, levels, was }
}

fn read_levels(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Vec<Value> {
    if node.get_ref().as_array().is_some_and(|items| items.is_empty()) {
        let hint = "write at least one, or remove the factor".to_owned();
        tree.error(node.span(), "no-levels", format!("`{at}` has no level"), hint);
    }
    tree.read_items(at, node, Tree::scalar)
}

fn read_range(tree: &mut Tree<'_>, at: &str, from: &Node<'_>, to: &Node<'_>) -> Option<Vec<Value>> {
    let low = tree.read_whole(&format!("{at}.from"), from, 0, u64::from(u32::MAX))?;
    let high = tree.read_whole(&format!("{at}.to"), to, 0, u64::from(u32::MAX))?;
    if low > high || high - low >= MOST {
        let hint = "both ends are included: `from` is the smaller".to_owned();
        tree.error(from.span(), "bad-range", format!("`{at}` goes from {low} to {high}"), hint);
        return None;
    }
    Some((low..=high).map(|n| Value::Int(n.cast_signed())).collect())
}

/// Reads `[design]`.
pub fn read_design(tree: &mut Tree<'_>, node: &Node<'_>) -> Design {
    let Some(table) = tree.read_table("design", node) else { return Design::default() };
    let fields = tree.read_fields("design", table, &["zip", "exclude", "cells"]);
    Design {
        zip: fields.get("zip").map(|n| read_zips(tree, n)).unwrap_or_default(),
        exclude: fields.get("exclude").map(|n| read_excludes(tree, n)).unwrap_or_default(),
        cells: fields.get("cells").map(|n| read_cells(tree, n)).unwrap_or_default(),
    }
}

fn read_zips(tree: &mut Tree<'_>, node: &Node<'_>) -> Vec<Zip> {
    let items = tree.read_array("design.zip", node);
    items
        .into_iter()
        .enumerate()
        .map(|(i, item)| Zip { factors: tree.read_texts(&format!("design.zip[{i}]"), item) })
        .collect()
}

fn read_excludes(tree: &mut Tree<'_>, node: &Node<'_>) -> Vec<Expression> {
    let mut expressions = Vec::new();
    for (i, item) in tree.read_array("design.exclude", node).into_iter().enumerate() {
        let Some(text) = tree.read_text(&format!("design.exclude[{i}]"), item) else { continue };
        match markdown::expression(&text) {
            Ok(expression) => {
                tree.places.insert(format!("design.exclude[{}]", expressions.len()), item.span());
                expressions.push(expression);
            }
            Err((_, message)) => {
                let hint = "write conditions as in \"goal=escape agents.prisoner=1|2\"".to_owned();
                tree.error(item.span(), "bad-expression", format!("`{text}`: {message}"), hint);
            }
        }
    }
    expressions
}

fn read_cells(tree: &mut Tree<'_>, node: &Node<'_>) -> Vec<CellSpec> {
    let mut cells = Vec::new();
    for (i, item) in tree.read_array("design.cells", node).into_iter().enumerate() {
        let at = format!("design.cells[{i}]");
        let Some(table) = tree.read_table(&at, item) else { continue };
        let mut levels = Vec::new();
        for (key, value) in table {
            let name = key.get_ref().to_string();
            tree.places.insert(format!("{at}.{name}"), key.span());
            if let Some(level) = scalar(value.get_ref()) {
                levels.push(Named::new(name, level));
            } else {
                let hint = "write one level".to_owned();
                tree.error(value.span(), "wrong-type", format!("`{at}.{name}` is no level"), hint);
            }
        }
        cells.push(CellSpec { levels });
    }
    cells
}
