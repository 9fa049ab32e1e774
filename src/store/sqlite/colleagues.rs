//! What colleagues do: make, change, mark and delete. Whose something is stands in the filter of the write itself.

use super::fail::Fail;
use crate::design::Experiment;
use crate::store::{ExperimentRecord, Item, Mark, NewExperiment, StoreError};
use rusqlite::Connection;

fn missing() -> Fail {
    StoreError::Refused { what: "not yet".to_owned() }.into()
}

pub(super) fn create(_conn: &Connection, _new: &NewExperiment) -> Result<ExperimentRecord, Fail> {
    Err(missing())
}

pub(super) fn revise(
    _conn: &Connection,
    _id: &str,
    _creator: &str,
    _version: u64,
    _document: &Experiment,
    _revision: &str,
) -> Result<ExperimentRecord, Fail> {
    Err(missing())
}

pub(super) fn mark(_conn: &Connection, _item: &Item, _creator: &str, _mark: &Mark) -> Result<(), Fail> {
    Err(missing())
}

pub(super) fn delete(_conn: &Connection, _item: &Item, _creator: &str) -> Result<(), Fail> {
    Err(missing())
}
