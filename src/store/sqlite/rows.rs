//! Conversion between records and rows.

use super::fail::Fail;
use crate::process::log::Entry;
use crate::process::{CallRef, Kind, PromptSize, Purpose};
use crate::store::{ConversationRecord, ExperimentRecord, Lease, Millis, ProcessKind, RunKind, RunRecord, Status};
use jiff::Timestamp;
use rusqlite::types::FromSql;
use rusqlite::{CachedStatement, Params, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Returns an instant as stored: `2026-11-20T09:08:07.006Z`.
pub(super) fn iso(millis: Millis) -> Result<String, Fail> {
    let time = Timestamp::from_millisecond(millis).map_err(|e| Fail::Damaged(format!("instant {millis}: {e}")))?;
    Ok(time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

/// Reads a stored instant.
pub(super) fn millis(text: &str) -> Result<Millis, Fail> {
    let time: Timestamp = text.parse().map_err(|e| Fail::Damaged(format!("instant {text:?}: {e}")))?;
    Ok(time.as_millisecond())
}

/// Returns structured data as stored.
pub(super) fn json(value: &impl Serialize) -> Result<String, Fail> {
    Ok(serde_json::to_string(value)?)
}

pub(super) fn json_if_any(value: Option<&impl Serialize>) -> Result<Option<String>, Fail> {
    value.map(json).transpose()
}

/// Returns the word of an enum whose variants serialise as words.
pub(super) fn word(value: &impl Serialize) -> Result<String, Fail> {
    Ok(json(value)?.trim_matches('"').to_owned())
}

/// Columns of a row from left to right, in the order of the `const` that names them.
pub(super) struct Columns<'a> {
    row: &'a Row<'a>,
    at: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn of(row: &'a Row<'a>) -> Self {
        Self { row, at: 0 }
    }

    pub(super) fn next<T: FromSql>(&mut self) -> Result<T, Fail> {
        self.at += 1;
        Ok(self.row.get(self.at - 1)?)
    }

    pub(super) fn json<T: DeserializeOwned>(&mut self) -> Result<T, Fail> {
        Ok(serde_json::from_str(self.text()?)?)
    }

    pub(super) fn json_if_any<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Fail> {
        Ok(self.next::<Option<String>>()?.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// Reads an optional word of an enum.
    pub(super) fn plain_if_any<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Fail> {
        let word = self.next::<Option<String>>()?;
        Ok(word.map(|word| serde_json::from_value(serde_json::Value::from(word))).transpose()?)
    }

    pub(super) fn time(&mut self) -> Result<Millis, Fail> {
        millis(self.text()?)
    }

    pub(super) fn time_if_any(&mut self) -> Result<Option<Millis>, Fail> {
        self.next::<Option<String>>()?.map(|t| millis(&t)).transpose()
    }

    pub(super) fn number(&mut self) -> Result<u64, Fail> {
        let number: i64 = self.next()?;
        u64::try_from(number).map_err(|_| Fail::Damaged(format!("{number} where a count stands")))
    }

    /// Reads a word of an enum.
    pub(super) fn word<T>(&mut self, of: impl Fn(&str) -> Option<T>) -> Result<T, Fail> {
        let word = self.text()?;
        of(word).ok_or_else(|| Fail::Damaged(format!("the word {word:?} is not known here")))
    }

    fn text(&mut self) -> Result<&'a str, Fail> {
        self.at += 1;
        let value = self.row.get_ref(self.at - 1)?;
        value.as_str().map_err(|e| Fail::Damaged(e.to_string()))
    }
}

/// Returns every row of a query.
pub(super) fn all<T>(
    mut statement: CachedStatement<'_>,
    params: impl Params,
    read: impl Fn(&mut Columns<'_>) -> Result<T, Fail>,
) -> Result<Vec<T>, Fail> {
    let mut rows = statement.query(params)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(read(&mut Columns::of(row))?);
    }
    Ok(records)
}

/// Returns the first row of a query.
pub(super) fn first<T>(
    mut statement: CachedStatement<'_>,
    params: impl Params,
    read: impl Fn(&mut Columns<'_>) -> Result<T, Fail>,
) -> Result<Option<T>, Fail> {
    let mut rows = statement.query(params)?;
    rows.next()?.map(|row| read(&mut Columns::of(row))).transpose()
}

/// Reads a column of text.
pub(super) fn text(c: &mut Columns<'_>) -> Result<String, Fail> {
    c.next()
}

/// Columns that [`experiment`] reads.
pub(super) const EXPERIMENT: &str = "id, name, creator, created, starred, note, version, parent, revision, run";

pub(super) fn experiment(c: &mut Columns<'_>) -> Result<ExperimentRecord, Fail> {
    Ok(ExperimentRecord {
        id: c.next()?,
        name: c.next()?,
        creator: c.next()?,
        created: c.time()?,
        starred: c.next()?,
        note: c.next()?,
        version: c.number()?,
        parent: c.next()?,
        revision: c.next()?,
        run: c.json()?,
    })
}

/// Columns that [`conversation`] reads.
pub(super) const CONVERSATION: &str = "id, experiment, revision, key, creator, created, condition, replicate, seed, \
    status, reason, models, agents, participants, messages, days, speakers, starting_message, offline, starred, note, \
    retries, epoch, owner, host, boot, pid, until, kind, subject, question, ended_by";

pub(super) fn conversation(c: &mut Columns<'_>) -> Result<ConversationRecord, Fail> {
    Ok(ConversationRecord {
        id: c.next()?,
        experiment: c.next()?,
        revision: c.next()?,
        key: c.next()?,
        creator: c.next()?,
        created: c.time()?,
        condition: c.json()?,
        replicate: c.next()?,
        seed: c.word(|text| text.parse().ok())?,
        status: c.word(Status::of)?,
        reason: c.next()?,
        models: c.json()?,
        agents: c.json()?,
        participants: c.json()?,
        messages: c.next()?,
        days: c.next()?,
        speakers: c.next()?,
        starting_message: c.next()?,
        offline: c.next()?,
        starred: c.next()?,
        note: c.next()?,
        retries: c.next()?,
        lease: lease(c)?,
        kind: c.word(ProcessKind::of)?,
        subject: c.next()?,
        question: c.json_if_any()?,
        ended_by: c.plain_if_any()?,
    })
}

/// Reads all columns of a lease even if there is none, since others follow.
fn lease(c: &mut Columns<'_>) -> Result<Option<Lease>, Fail> {
    let (epoch, owner) = (c.number()?, c.next::<Option<String>>()?);
    let (host, boot) = (c.next::<Option<String>>()?, c.next::<Option<String>>()?);
    let (pid, until) = (c.next::<Option<u32>>()?, c.time_if_any()?);
    match (owner, host, boot, pid, until) {
        (Some(owner), Some(host), Some(boot), Some(pid), Some(until)) => {
            Ok(Some(Lease { owner, host, boot, pid, epoch, until }))
        }
        (None, None, None, None, None) => Ok(None),
        _ => Err(Fail::Damaged("a lease is incomplete".to_owned())),
    }
}

/// Columns that [`entry`] reads.
pub(super) const ENTRY: &str = "seq, day, idx, kind, speaker, role, model, content, raw, flags, purpose, ask, \
    prompt_bytes, prompt_tokens, more";

pub(super) fn entry(c: &mut Columns<'_>) -> Result<Entry, Fail> {
    Ok(Entry {
        seq: c.next()?,
        day: c.next()?,
        index: c.next()?,
        kind: c.word(Kind::of)?,
        speaker: c.next()?,
        role: c.next()?,
        model: c.next()?,
        content: c.next()?,
        raw: c.next()?,
        flags: c.json()?,
        call: call_ref(c)?,
        prompt: prompt_size(c)?,
        more: c.json_if_any()?,
    })
}

fn call_ref(c: &mut Columns<'_>) -> Result<Option<CallRef>, Fail> {
    let (purpose, ask) = (c.next::<Option<String>>()?, c.next::<Option<u32>>()?);
    match (purpose, ask) {
        (Some(word), Some(ask)) => {
            let purpose = Purpose::of(&word).ok_or_else(|| Fail::Damaged(format!("the purpose {word:?}")))?;
            Ok(Some(CallRef { purpose, ask }))
        }
        _ => Ok(None),
    }
}

fn prompt_size(c: &mut Columns<'_>) -> Result<Option<PromptSize>, Fail> {
    let (bytes, tokens) = (c.next::<Option<i64>>()?, c.next()?);
    Ok(bytes.map(|bytes| PromptSize { bytes: bytes.unsigned_abs(), tokens }))
}

/// Columns that [`run`] reads.
pub(super) const RUN: &str =
    "id, experiment, revision, started, creator, flags, counts, answers, version, ended, kind, overrides, ask";

pub(super) fn run(c: &mut Columns<'_>) -> Result<RunRecord, Fail> {
    Ok(RunRecord {
        id: c.next()?,
        experiment: c.next()?,
        revision: c.next()?,
        started: c.time()?,
        creator: c.next()?,
        flags: c.json()?,
        counts: c.json()?,
        answers: c.json()?,
        version: c.next()?,
        ended: c.next()?,
        kind: c.word(RunKind::of)?,
        overrides: c.json_if_any()?,
        ask: c.json_if_any()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn instants_are_readable_and_sort() {
        assert_eq!(iso(1_700_000_000_123).unwrap(), "2023-11-14T22:13:20.123Z");
        assert_eq!(iso(0).unwrap(), "1970-01-01T00:00:00.000Z");
        assert!(iso(i64::MAX).is_err());
        assert!(millis("yesterday").is_err());
    }

    proptest! {
        #[test]
        fn instants_come_back_and_keep_their_order(a in 0..200_000_000_000_000i64, b in 0..200_000_000_000_000i64) {
            let (x, y) = (iso(a).unwrap(), iso(b).unwrap());
            prop_assert_eq!(millis(&x).unwrap(), a);
            prop_assert_eq!(a.cmp(&b), x.cmp(&y));
        }

        /// A changed float would change the bytes of a request that is built again.
        #[test]
        fn floats_come_back_from_json_as_they_were(x in any::<f64>().prop_filter("JSON has no others", |x| x.is_finite())) {
            let back: f64 = serde_json::from_str(&json(&x).unwrap()).unwrap();
            prop_assert_eq!(back.to_bits(), x.to_bits());
        }
    }
}
