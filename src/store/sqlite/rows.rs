//! Conversion between records and rows.

use super::fail::Fail;
use crate::process::log::Entry;
use crate::process::{CallRef, Kind, PromptSize, Purpose};
use crate::store::{ConversationRecord, ExperimentRecord, Lease, Millis, ProcessKind, RunKind, RunRecord, Status};
use jiff::Timestamp;
use rusqlite::types::FromSql;
use rusqlite::{CachedStatement, Connection, Params, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;

/// Returns an instant as stored: `2026-11-20T09:08:07.006Z`.
pub(super) fn format_instant(millis: Millis) -> Result<String, Fail> {
    let time = Timestamp::from_millisecond(millis).map_err(|e| Fail::Damaged(format!("instant {millis}: {e}")))?;
    Ok(time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

/// Reads a stored instant.
pub(super) fn parse_instant(text: &str) -> Result<Millis, Fail> {
    let time: Timestamp = text.parse().map_err(|e| Fail::Damaged(format!("instant {text:?}: {e}")))?;
    Ok(time.as_millisecond())
}

/// Returns structured data as stored.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, Fail> {
    Ok(serde_json::to_string(value)?)
}

pub(super) fn json_if_any(value: Option<&impl Serialize>) -> Result<Option<String>, Fail> {
    value.map(to_json).transpose()
}

/// Returns the word of an enum whose variants serialise as words.
pub(super) fn to_word(value: &impl Serialize) -> Result<String, Fail> {
    Ok(to_json(value)?.trim_matches('"').to_owned())
}

/// Columns of a row from left to right, in the order of the `const` that lists them.
pub(super) struct Columns<'a> {
    row: &'a Row<'a>,
    at: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn of_row(row: &'a Row<'a>) -> Self {
        Self { row, at: 0 }
    }

    pub(super) fn next<T: FromSql>(&mut self) -> Result<T, Fail> {
        self.at += 1;
        Ok(self.row.get(self.at - 1)?)
    }

    pub(super) fn next_json<T: DeserializeOwned>(&mut self) -> Result<T, Fail> {
        Ok(serde_json::from_str(self.next_text()?)?)
    }

    pub(super) fn json_if_any<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Fail> {
        Ok(self.next::<Option<String>>()?.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// Reads an optional word of an enum.
    pub(super) fn plain_if_any<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Fail> {
        let word = self.next::<Option<String>>()?;
        Ok(word.map(|word| serde_json::from_value(serde_json::Value::from(word))).transpose()?)
    }

    pub(super) fn next_instant(&mut self) -> Result<Millis, Fail> {
        parse_instant(self.next_text()?)
    }

    pub(super) fn time_if_any(&mut self) -> Result<Option<Millis>, Fail> {
        self.next::<Option<String>>()?.map(|t| parse_instant(&t)).transpose()
    }

    pub(super) fn next_number(&mut self) -> Result<u64, Fail> {
        let number: i64 = self.next()?;
        u64::try_from(number).map_err(|_| Fail::Damaged(format!("{number} where a count stands")))
    }

    /// Reads a word of an enum.
    pub(super) fn next_word<T>(&mut self, of: impl Fn(&str) -> Option<T>) -> Result<T, Fail> {
        let word = self.next_text()?;
        of(word).ok_or_else(|| Fail::Damaged(format!("the word {word:?} is not known here")))
    }

    fn next_text(&mut self) -> Result<&'a str, Fail> {
        self.at += 1;
        let value = self.row.get_ref(self.at - 1)?;
        value.as_str().map_err(|e| Fail::Damaged(e.to_string()))
    }
}

/// Returns every row of a query.
pub(super) fn read_all<T>(
    mut statement: CachedStatement<'_>,
    params: impl Params,
    read: impl Fn(&mut Columns<'_>) -> Result<T, Fail>,
) -> Result<Vec<T>, Fail> {
    let mut rows = statement.query(params)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(read(&mut Columns::of_row(row))?);
    }
    Ok(records)
}

/// Returns the first row of a query.
pub(super) fn read_first<T>(
    mut statement: CachedStatement<'_>,
    params: impl Params,
    read: impl Fn(&mut Columns<'_>) -> Result<T, Fail>,
) -> Result<Option<T>, Fail> {
    let mut rows = statement.query(params)?;
    rows.next()?.map(|row| read(&mut Columns::of_row(row))).transpose()
}

/// Reads a column of text.
pub(super) fn read_text(c: &mut Columns<'_>) -> Result<String, Fail> {
    c.next()
}

/// Reads a column with a small number.
pub(super) fn read_count(c: &mut Columns<'_>) -> Result<u32, Fail> {
    c.next()
}

/// Columns that [`read_experiment`] reads.
pub(super) const EXPERIMENT: &str = "id, name, creator, created, starred, note, version, parent, revision, run";

pub(super) fn read_experiment(c: &mut Columns<'_>) -> Result<ExperimentRecord, Fail> {
    Ok(ExperimentRecord {
        id: c.next()?,
        name: c.next()?,
        creator: c.next()?,
        created: c.next_instant()?,
        starred: c.next()?,
        note: c.next()?,
        version: c.next_number()?,
        parent: c.next()?,
        revision: c.next()?,
        run: c.next_json()?,
    })
}

/// Columns that [`read_conversation`] reads.
pub(super) const CONVERSATION: &str = "id, experiment, revision, key, creator, created, condition, replicate, seed, \
    status, reason, models, agents, participants, messages, days, speakers, starting_message, offline, starred, note, \
    retries, epoch, owner, host, boot, pid, until, kind, subject, question, ended_by";

pub(super) fn read_conversation(c: &mut Columns<'_>) -> Result<ConversationRecord, Fail> {
    Ok(ConversationRecord {
        id: c.next()?,
        experiment: c.next()?,
        revision: c.next()?,
        key: c.next()?,
        creator: c.next()?,
        created: c.next_instant()?,
        condition: c.next_json()?,
        replicate: c.next()?,
        seed: c.next_word(|text| text.parse().ok())?,
        status: c.next_word(Status::of)?,
        reason: c.next()?,
        models: c.next_json()?,
        agents: c.next_json()?,
        participants: c.next_json()?,
        messages: c.next()?,
        days: c.next()?,
        speakers: c.next()?,
        starting_message: c.next()?,
        offline: c.next()?,
        starred: c.next()?,
        note: c.next()?,
        retries: c.next()?,
        lease: read_lease(c)?,
        kind: c.next_word(ProcessKind::of)?,
        subject: c.next()?,
        question: c.json_if_any()?,
        ended_by: c.plain_if_any()?,
    })
}

/// Reads the columns of a lease. They are read even if there is no lease, since other columns follow.
fn read_lease(c: &mut Columns<'_>) -> Result<Option<Lease>, Fail> {
    let (epoch, owner) = (c.next_number()?, c.next::<Option<String>>()?);
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

/// Columns that [`read_held`] reads.
const HELD: &str = "id, epoch, owner, host, boot, pid, until";

fn read_held(c: &mut Columns<'_>) -> Result<(String, Option<Lease>), Fail> {
    Ok((c.next()?, read_lease(c)?))
}

/// Returns the leases of the conversations of an experiment that are stored as running, by id.
pub(super) fn read_leases(conn: &Connection, experiment: &str) -> Result<HashMap<String, Lease>, Fail> {
    let sql = format!("select {HELD} from conversations where experiment = ?1 and status = 'running'");
    let held = read_all(conn.prepare_cached(&sql)?, [experiment], read_held)?;
    Ok(held.into_iter().filter_map(|(id, lease)| Some((id, lease?))).collect())
}

/// Columns that [`read_entry`] reads.
pub(super) const ENTRY: &str = "seq, day, idx, kind, speaker, role, model, content, raw, flags, purpose, ask, \
    prompt_bytes, prompt_tokens, more";

pub(super) fn read_entry(c: &mut Columns<'_>) -> Result<Entry, Fail> {
    Ok(Entry {
        seq: c.next()?,
        day: c.next()?,
        index: c.next()?,
        kind: c.next_word(Kind::of)?,
        speaker: c.next()?,
        role: c.next()?,
        model: c.next()?,
        content: c.next()?,
        raw: c.next()?,
        flags: c.next_json()?,
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

/// Columns that [`read_run`] reads.
pub(super) const RUN: &str =
    "id, experiment, revision, started, creator, flags, counts, answers, version, ended, kind, overrides, ask";

pub(super) fn read_run(c: &mut Columns<'_>) -> Result<RunRecord, Fail> {
    Ok(RunRecord {
        id: c.next()?,
        experiment: c.next()?,
        revision: c.next()?,
        started: c.next_instant()?,
        creator: c.next()?,
        flags: c.next_json()?,
        counts: c.next_json()?,
        answers: c.next_json()?,
        version: c.next()?,
        ended: c.next()?,
        kind: c.next_word(RunKind::of)?,
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
        assert_eq!(format_instant(1_700_000_000_123).unwrap(), "2023-11-14T22:13:20.123Z");
        assert_eq!(format_instant(0).unwrap(), "1970-01-01T00:00:00.000Z");
        assert!(format_instant(i64::MAX).is_err());
        assert!(parse_instant("yesterday").is_err());
    }

    proptest! {
        #[test]
        fn instants_come_back_and_keep_their_order(a in 0..200_000_000_000_000i64, b in 0..200_000_000_000_000i64) {
            let (x, y) = (format_instant(a).unwrap(), format_instant(b).unwrap());
            prop_assert_eq!(parse_instant(&x).unwrap(), a);
            prop_assert_eq!(a.cmp(&b), x.cmp(&y));
        }

        /// If a float changed, the bytes of a rebuilt request would change too.
        #[test]
        fn floats_come_back_from_json_as_they_were(x in any::<f64>().prop_filter("JSON has no others", |x| x.is_finite())) {
            let back: f64 = serde_json::from_str(&to_json(&x).unwrap()).unwrap();
            prop_assert_eq!(back.to_bits(), x.to_bits());
        }
    }
}
