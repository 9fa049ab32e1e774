//! A mistake in a file of a person, with its place.

use std::ops::Range;

/// A mistake in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Bytes of the text.
    pub span: Range<usize>,
    /// The mistake, as a fragment of a sentence.
    pub message: String,
    /// The remedy.
    pub hint: Option<String>,
}

impl Fault {
    /// Creates a fault without a remedy.
    pub fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None }
    }

    /// Creates a fault of a text as a whole.
    pub fn of_file(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { span: 0..0, message: message.into(), hint: Some(hint.into()) }
    }
}
