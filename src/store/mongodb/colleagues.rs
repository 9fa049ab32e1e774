//! Changes that only an item's creator may make: create, revise. The filter of each write names the creator.

use super::base::Base;
use super::documents::experiment_document;
use super::experiments::{find_experiment, keep_revision, new_record};
use super::fail::{Fail, is_duplicate};
use super::items::{item_name, item_place, owned_document};
use super::versions;
use crate::design::Experiment;
use crate::store::{ExperimentRecord, Item, NewExperiment, StoreError};

pub(super) async fn create_experiment(mongo: &Base, new: &NewExperiment) -> Result<ExperimentRecord, Fail> {
    keep_revision(mongo, &new.revision, &new.document).await?;
    match mongo.experiments().insert_one(experiment_document(&new_record(new))?).await {
        Err(error) if is_duplicate(&error) => {
            let exists = StoreError::Exists { creator: new.creator.clone(), name: new.document.name.clone() };
            Err(exists.into())
        }
        other => {
            other?;
            Ok(new_record(new))
        }
    }
}

pub(super) async fn revise_experiment(
    mongo: &Base,
    name: &str,
    creator: &str,
    version: u64,
    document: &Experiment,
    revision: &str,
) -> Result<ExperimentRecord, Fail> {
    keep_revision(mongo, revision, document).await?;
    let item = Item::Experiment(name.to_owned());
    owned_document(mongo, &item, creator).await?;
    let old = versions::latest_record(mongo, name).await?;
    if old.version != version {
        return Err(changed_error(mongo, &item, version).await?);
    }
    if old.name != document.name {
        check_name_free(mongo, creator, &document.name).await?;
    }
    let next = ExperimentRecord {
        name: document.name.clone(),
        revision: revision.to_owned(),
        run: document.run,
        ..old.clone()
    };
    match versions::follow_version(mongo, &old, next).await {
        Ok(Some(changed)) => Ok(changed),
        Ok(None) => Err(changed_error(mongo, &item, version).await?),
        // Another process took the name meanwhile. This version is kept, but with the experiment's old name.
        Err(Fail::Mongo(error)) if is_duplicate(&error) => {
            let taken = versions::latest_record(mongo, name).await?;
            versions::follow_version(mongo, &taken, ExperimentRecord { name: old.name, ..taken.clone() }).await?;
            Err(StoreError::Exists { creator: creator.to_owned(), name: document.name.clone() }.into())
        }
        Err(error) => Err(error),
    }
}

async fn changed_error(mongo: &Base, item: &Item, expected: u64) -> Result<Fail, Fail> {
    let (_, name) = item_place(mongo, item);
    let found = versions::latest_record(mongo, &name).await?.version;
    Ok(StoreError::Changed { what: item_name(item), expected, found }.into())
}

async fn check_name_free(mongo: &Base, creator: &str, name: &str) -> Result<(), Fail> {
    match find_experiment(mongo, creator, name).await? {
        None => Ok(()),
        Some(_) => Err(StoreError::Exists { creator: creator.to_owned(), name: name.to_owned() }.into()),
    }
}
