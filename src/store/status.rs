//! Status of a conversation.

use crate::design::words::words;

words! {
    /// Status of a conversation.
    pub enum Status {
        /// Planned, not begun.
        Pending = "pending",
        /// A process works on it, or did so when it was killed.
        Running = "running",
        /// Complete.
        Done = "done",
        /// Stopped from outside; the same command resumes it.
        Interrupted = "interrupted",
        /// Failed by itself; only `--retry-failed` tries it again.
        Failed = "failed",
        /// Stopped by a budget.
        Incomplete = "incomplete",
    }
}
