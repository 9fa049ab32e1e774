//! Values of keys with parts: tables, lists of tables, lists of lists.

use super::tree::{Node, Tree};
use serde_json::Value as Json;

/// A kind of value with parts, with a reader of its own.
#[derive(Debug)]
pub struct TreeKind {
    /// Reads a value at its place in a file, and reports what is wrong with it. Returns it in the shape of the file.
    pub read: fn(&mut Tree<'_>, &str, &Node<'_>) -> Option<Json>,
    /// Words that stand for a value, and are levels of a factor.
    pub levels: &'static [&'static str],
}

/// A value with parts, in the shape in which files hold it.
pub trait Shape: Sized {
    /// Returns the shape.
    fn to_shape(&self) -> Json;
    /// Reads the shape; `None` if it is another value's.
    fn of_shape(shape: &Json) -> Option<Self>;
}
