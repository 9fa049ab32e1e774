//! One attempt of a call, as data: kept with the call, counted, shown.

use serde::{Deserialize, Serialize};

/// One attempt of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it left: milliseconds since 1970 (UTC).
    pub at: i64,
    /// Milliseconds until its end.
    pub took: u64,
    /// Empty = it was answered; else what came of it, in a word (`busy`, `timeout`, `lost` …).
    pub error: Option<String>,
    /// The error in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Milliseconds waited before the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited: Option<u64>,
    /// Whether the server may have counted it without our having its answer.
    #[serde(default)]
    pub possible_spend: bool,
}
