//! Readers of the keys of `[mind]` that have parts.

use super::mind::Memory;
use super::shape::{Shape, TreeKind};
use super::tree::{Node, Tree};
use serde_json::Value as Json;

/// Maximum number of items of a memory.
const MOST_ITEMS: u64 = 100_000;

/// `memory`.
pub static MEMORY: TreeKind =
    TreeKind { read: |tree, at, node| read_memory(tree, at, node).map(|m| m.to_shape()), levels: &[] };

fn read_memory(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<Memory> {
    let table = tree.read_table(at, node)?;
    let fields = tree.read_fields(at, table, &["first", "last"]);
    let usual = Memory::default();
    let mut number = |key: &str, from: u64, usual: u32| match fields.get(key) {
        None => Some(usual),
        Some(node) => tree.read_whole(&format!("{at}.{key}"), node, from, MOST_ITEMS).map(|n| n as u32),
    };
    Some(Memory { first: number("first", 0, usual.first)?, last: number("last", 1, usual.last)? })
}

impl Shape for Memory {
    fn to_shape(&self) -> Json {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn of_shape(shape: &Json) -> Option<Self> {
        serde_json::from_value(shape.clone()).ok()
    }
}
