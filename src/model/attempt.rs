//! One attempt of a call, as data: stored with the call, counted and shown.

use serde::{Deserialize, Serialize};

/// One attempt of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Start of the request: milliseconds since 1970 (UTC).
    pub at: i64,
    /// Milliseconds from the start to the answer or the failure.
    pub took: u64,
    /// `None` for an answered attempt; else the kind of failure (`busy`, `timeout`, `lost` …).
    pub error: Option<String>,
    /// The error message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Milliseconds waited before the next attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited: Option<u64>,
    /// True if the server may have charged for the request although no answer was received.
    #[serde(default)]
    pub possible_spend: bool,
}
