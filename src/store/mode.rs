//! Modes of opening a database.

/// The purpose for which a database is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Reading: creates nothing, migrates nothing.
    Read,
    /// Small edits, which are allowed during a run.
    Write,
    /// A run. At most one process at a time opens a file in this mode.
    Run,
}
