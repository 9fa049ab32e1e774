//! Items that a person can mark or delete: experiments and conversations.

use super::base::Base;
use super::documents::{field, is_going};
use super::fail::Fail;
use crate::store::{Item, StoreError};
use ::mongodb::Collection;
use ::mongodb::bson::{Document, doc};

/// Returns the collection and the id of an item's document.
pub(super) fn place(mongo: &Base, item: &Item) -> (Collection<Document>, String) {
    match item {
        Item::Experiment(id) => (mongo.experiments(), id.clone()),
        Item::Conversation(id) => (mongo.conversations(), id.clone()),
    }
}

/// Returns an item's name for messages.
pub(super) fn told(item: &Item) -> String {
    match item {
        Item::Experiment(id) => format!("experiment {id}"),
        Item::Conversation(id) => format!("conversation {id}"),
    }
}

/// Returns an item's document; fails if the item does not exist or is not `creator`'s.
pub(super) async fn theirs(mongo: &Base, item: &Item, creator: &str) -> Result<Document, Fail> {
    let (collection, name) = place(mongo, item);
    let found = collection.find_one(doc! { "_id": name }).await?.filter(|d| !is_going(d));
    let found = found.ok_or_else(|| Fail::Unknown(told(item)))?;
    let whose: String = field(&found, "creator")?;
    if whose == creator { Ok(found) } else { Err(StoreError::NotYours { what: told(item), creator: whose }.into()) }
}
