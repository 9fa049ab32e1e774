//! Durations as researchers write them: a number and `s`, `min`, `h`, `d` or `w`, as in `15 min`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A duration longer than nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    number: u32,
    /// Place of the unit in [`UNITS`].
    unit: usize,
}

/// Units with their seconds.
const UNITS: [(&str, i64); 5] = [("s", 1), ("min", 60), ("h", 3_600), ("d", 86_400), ("w", 604_800)];

impl Span {
    /// A description of what can be written.
    pub const RIGHT: &str = "a whole number from 1 to 1,000,000 and s, min, h, d or w, as in \"15 min\"";

    /// Reads a duration, or returns `None` if the text is none.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let number = text[..digits].parse().ok().filter(|n| (1..=1_000_000).contains(n))?;
        let unit = text[digits..].trim_start();
        let unit = UNITS.iter().position(|(name, _)| *name == unit)?;
        Some(Self { number, unit })
    }

    /// Returns a day of 24 hours.
    pub fn day() -> Self {
        Self { number: 24, unit: 2 }
    }

    /// Returns true if it lasts as long as a day.
    pub fn is_day(&self) -> bool {
        self.seconds() == Self::day().seconds()
    }

    /// Returns the number of seconds.
    pub fn seconds(&self) -> i64 {
        i64::from(self.number) * UNITS[self.unit].1
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, UNITS[self.unit].0)
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::read(&text).ok_or_else(|| format!("`{text}` is no duration: write {}", Self::RIGHT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        let seconds = |text: &str| Span::read(text).map(|span| span.seconds());
        assert_eq!(
            ["15 min", "15min", "2 h", "1 d", "3 w", "7s"].map(seconds),
            [900, 900, 7200, 86_400, 1_814_400, 7].map(Some)
        );
        assert_eq!(["", "min", "0 min", "-1 h", "1.5 h", "1 year", "9999999 s", "15"].map(seconds), [None; 8]);
        assert_eq!(Span::read("15min").map(|span| span.to_string()), Some("15 min".to_owned()));
    }
}
