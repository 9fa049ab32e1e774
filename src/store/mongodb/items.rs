//! Items that a person can mark or delete: experiments and conversations.

use super::base::Base;
use super::documents::{is_going, read_field};
use super::fail::Fail;
use crate::store::{Item, StoreError};
use ::mongodb::Collection;
use ::mongodb::bson::{Document, doc};

/// Returns the collection and the id of an item's document.
pub(super) fn item_place(mongo: &Base, item: &Item) -> (Collection<Document>, String) {
    match item {
        Item::Experiment(id) => (mongo.experiments(), id.clone()),
        Item::Conversation(id) => (mongo.conversations(), id.clone()),
    }
}

/// Returns an item's name for messages.
pub(super) fn item_name(item: &Item) -> String {
    match item {
        Item::Experiment(id) => format!("experiment {id}"),
        Item::Conversation(id) => format!("conversation {id}"),
    }
}

/// Returns an item's document. Fails if the item does not exist or `creator` did not create it.
pub(super) async fn owned_document(mongo: &Base, item: &Item, creator: &str) -> Result<Document, Fail> {
    let (collection, name) = item_place(mongo, item);
    let found = collection.find_one(doc! { "_id": name }).await?.filter(|d| !is_going(d));
    let found = found.ok_or_else(|| Fail::Unknown(item_name(item)))?;
    let whose: String = read_field(&found, "creator")?;
    if whose == creator {
        Ok(found)
    } else {
        Err(StoreError::NotYours { what: item_name(item), creator: whose }.into())
    }
}
