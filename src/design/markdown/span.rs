//! Places and mistakes in a prompt file. All spans are bytes of the file.

use std::ops::Range;

/// The place of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionSpan {
    /// The heading's line without its line end.
    pub heading: Range<usize>,
    /// The title within the heading.
    pub title: Range<usize>,
    /// The section's conditions, in the order of [`Section::when`](crate::design::Section::when).
    pub when: Vec<WhenSpan>,
    /// The first byte of the section's text.
    pub text: usize,
}

/// The place of a condition; quotes included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WhenSpan {
    /// The factor.
    pub key: Range<usize>,
    /// The factor's levels.
    pub values: Vec<Range<usize>>,
}

/// A mistake in a prompt file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The wrong bytes.
    pub span: Range<usize>,
    /// A stable word for programs.
    pub code: &'static str,
    /// The mistake, as a fragment of a sentence.
    pub message: String,
    /// The remedy.
    pub hint: String,
}

impl Problem {
    pub(super) fn new(
        span: Range<usize>,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { span, code, message: message.into(), hint: hint.into() }
    }
}
