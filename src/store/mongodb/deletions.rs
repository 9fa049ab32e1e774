//! Deletions. A mark comes first, so that an interrupted deletion is finished later.

use super::base::Base;
use super::cursor::{all, going};
use super::documents::{GOING, field, id, lease_of};
use super::fail::Fail;
use super::items::{place, theirs, told};
use super::snapshots;
use super::standing::held;
use crate::store::{Item, StoreError};
use ::mongodb::bson::doc;

/// Number of conversations whose messages and calls are deleted at a time.
const BATCH: usize = 200;

/// Deletes an item of its creator's: marks it first, so that nobody sees or claims it any more, then removes all that
/// belongs to it, and itself last.
pub(super) async fn delete(mongo: &Base, item: &Item, creator: &str) -> Result<(), Fail> {
    let found = theirs(mongo, item, creator).await?;
    let (collection, name) = place(mongo, item);
    snapshots::take_away(mongo, &field::<String>(&found, "experiment").unwrap_or_else(|_| name.clone())).await?;
    let own = doc! { "_id": &name, "creator": creator };
    collection.update_one(own, doc! { "$set": { GOING: true } }).await?;
    // After the mark: a claim that is made from now on finds the mark.
    if let Err(refused) = unheld(mongo, item).await {
        unmark(mongo, item).await?;
        return Err(refused);
    }
    remove(mongo, item).await
}

/// Fails if a process works on an item now.
async fn unheld(mongo: &Base, item: &Item) -> Result<(), Fail> {
    let conversation = match item {
        Item::Experiment(name) => mongo.conversations().find_one(held(name, mongo.clock.now())).await?,
        Item::Conversation(name) => mongo.conversations().find_one(doc! { "_id": name }).await?,
    };
    let lease = conversation.map(|found| lease_of(&found)).transpose()?.flatten();
    match lease.filter(|lease| mongo.clock.keeps(lease)) {
        Some(lease) => Err(StoreError::Held { what: told(item), holder: mongo.holder(&lease).await }.into()),
        None => Ok(()),
    }
}

/// Finishes deletions that were interrupted after the mark. If a process works on an item, its deletion was about to be
/// refused: the mark is removed.
pub(super) async fn finish_deletions(mongo: &Base) -> Result<(), Fail> {
    let conversations = going(mongo.conversations()).await?.into_iter().map(Item::Conversation);
    let experiments = going(mongo.experiments()).await?.into_iter().map(Item::Experiment);
    for item in conversations.chain(experiments) {
        match unheld(mongo, &item).await {
            Ok(()) => remove(mongo, &item).await?,
            Err(Fail::Store(StoreError::Held { .. })) => unmark(mongo, &item).await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn unmark(mongo: &Base, item: &Item) -> Result<(), Fail> {
    let (collection, name) = place(mongo, item);
    collection.update_one(doc! { "_id": name }, doc! { "$unset": { GOING: "" } }).await?;
    Ok(())
}

async fn remove(mongo: &Base, item: &Item) -> Result<(), Fail> {
    let (collection, name) = place(mongo, item);
    match item {
        Item::Conversation(name) => belongings(mongo, std::slice::from_ref(name)).await?,
        Item::Experiment(name) => {
            let of = doc! { "experiment": name };
            let cursor = mongo.conversations().find(of.clone()).projection(doc! { "_id": 1 }).await?;
            let conversations = all(cursor, |d| id(&d)).await?;
            for batch in conversations.chunks(BATCH) {
                belongings(mongo, batch).await?;
            }
            mongo.conversations().delete_many(of.clone()).await?;
            mongo.versions().delete_many(of.clone()).await?;
            mongo.snapshots().delete_one(doc! { "_id": name }).await?;
            mongo.pieces().delete_many(of.clone()).await?;
            mongo.runs().delete_many(of).await?;
        }
    }
    collection.delete_one(doc! { "_id": name }).await?;
    Ok(())
}

/// Removes messages, calls and claims of conversations.
pub(super) async fn belongings(mongo: &Base, conversations: &[String]) -> Result<(), Fail> {
    let of = doc! { "conversation": { "$in": conversations } };
    mongo.messages().delete_many(of.clone()).await?;
    mongo.calls().delete_many(of.clone()).await?;
    // Last: while the claims exist, a process that held the conversation is refused.
    mongo.claims().delete_many(of).await?;
    Ok(())
}
