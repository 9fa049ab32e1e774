//! Writing experiments, plans and runs.

use super::calls;
use super::fail::Fail;
use super::rows::{self, format_instant, json_if_any, read_first, to_json};
use crate::design::Experiment;
use crate::store::{ConversationRecord, ExperimentRecord, NewExperiment, RunRecord};
use rusqlite::{Connection, named_params, params};

pub(super) fn save_experiment(conn: &Connection, new: &NewExperiment) -> Result<ExperimentRecord, Fail> {
    keep_document(conn, &new.revision, &new.document)?;
    match find_experiment(conn, &new.creator, &new.document.name)? {
        None => insert_experiment(conn, new)?,
        Some(old) if old.revision != new.revision || old.run != new.document.run => {
            conn.prepare_cached("update experiments set revision = ?2, run = ?3, version = version + 1 where id = ?1")?
                .execute(params![old.id, new.revision, to_json(&new.document.run)?])?;
        }
        Some(same) => return Ok(same),
    }
    find_experiment(conn, &new.creator, &new.document.name)?.ok_or_else(|| Fail::Damaged("a row vanished".to_owned()))
}

/// Stores a document under its hash. If a document is already stored there, that document stays.
pub(super) fn keep_document(conn: &Connection, revision: &str, document: &Experiment) -> Result<(), Fail> {
    conn.prepare_cached("insert into revisions (hash, document) values (?1, ?2) on conflict do nothing")?
        .execute(params![revision, to_json(&document.without_texts())?])?;
    for (hash, text) in document.texts() {
        calls::keep_text(conn, hash, text)?;
    }
    Ok(())
}

pub(super) fn insert_experiment(conn: &Connection, new: &NewExperiment) -> Result<(), Fail> {
    let document = &new.document;
    conn.prepare_cached(
        "insert into experiments (id, name, creator, created, note, version, parent, revision, run)
         values (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8)",
    )?
    .execute(params![
        new.id,
        document.name,
        new.creator,
        format_instant(new.now)?,
        document.note,
        new.parent,
        new.revision,
        to_json(&document.run)?
    ])?;
    Ok(())
}

pub(super) fn find_experiment(conn: &Connection, creator: &str, name: &str) -> Result<Option<ExperimentRecord>, Fail> {
    let sql = format!("select {} from experiments where creator = ?1 and name = ?2", rows::EXPERIMENT);
    read_first(conn.prepare_cached(&sql)?, [creator, name], rows::read_experiment)
}

/// Marks the conversations that a revision plans, and inserts new ones.
pub(super) fn plan_conversations(
    conn: &Connection,
    experiment: &str,
    revision: &str,
    keys: &[String],
    new: &[ConversationRecord],
) -> Result<(), Fail> {
    let mut mark = conn.prepare_cached(
        "update conversations set revision = ?1 where experiment = ?2 and key = ?3 and revision <> ?1",
    )?;
    for key in keys {
        mark.execute([revision, experiment, key])?;
    }
    new.iter().try_for_each(|conversation| insert_conversation(conn, experiment, revision, conversation))
}

pub(super) fn insert_conversation(
    conn: &Connection,
    experiment: &str,
    revision: &str,
    c: &ConversationRecord,
) -> Result<(), Fail> {
    // Another process may have planned the same conversation meanwhile. Then it is marked, and keeps its
    // creator.
    let mut statement = conn.prepare_cached(
        "insert into conversations
            (id, experiment, revision, key, creator, created, condition, replicate, seed, status, models, agents,
             participants, messages, days, speakers, starting_message, offline, starred, note, retries, kind, subject,
             question)
         values (:id, :experiment, :revision, :key, :creator, :created, :condition, :replicate, :seed, 'pending',
             :models, :agents, :participants, :messages, :days, :speakers, :starting_message, :offline, :starred,
             :note, 0, :kind, :subject, :question)
         on conflict (experiment, key) do update set revision = excluded.revision
            where revision <> excluded.revision",
    )?;
    statement.execute(named_params! {
        ":id": c.id,
        ":experiment": experiment,
        ":revision": revision,
        ":key": c.key,
        ":creator": c.creator,
        ":created": format_instant(c.created)?,
        ":condition": to_json(&c.condition)?,
        ":replicate": c.replicate,
        ":seed": c.seed.to_string(),
        ":models": to_json(&c.models)?,
        ":agents": to_json(&c.agents)?,
        ":participants": to_json(&c.participants)?,
        ":messages": c.messages,
        ":days": c.days,
        ":speakers": c.speakers,
        ":starting_message": c.starting_message,
        ":offline": c.offline,
        ":starred": c.starred,
        ":note": c.note,
        ":kind": c.kind.word(),
        ":subject": c.subject,
        ":question": json_if_any(c.question.as_ref())?,
    })?;
    Ok(())
}

pub(super) fn begin_run(conn: &Connection, run: &RunRecord) -> Result<(), Fail> {
    conn.prepare_cached(
        "insert into runs (id, experiment, revision, started, creator, flags, counts, answers, version, ended, kind,
            overrides, ask)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) on conflict (id) do nothing",
    )?
    .execute(params![
        run.id,
        run.experiment,
        run.revision,
        format_instant(run.started)?,
        run.creator,
        to_json(&run.flags)?,
        to_json(&run.counts)?,
        to_json(&run.answers)?,
        run.version,
        run.ended,
        run.kind.word(),
        json_if_any(run.overrides.as_ref())?,
        json_if_any(run.ask.as_ref())?
    ])?;
    Ok(())
}

pub(super) fn end_run(conn: &Connection, id: &str, ended: &str) -> Result<(), Fail> {
    match conn.prepare_cached("update runs set ended = ?2 where id = ?1")?.execute([id, ended])? {
        0 => Err(Fail::Unknown(format!("run {id}"))),
        _ => Ok(()),
    }
}
