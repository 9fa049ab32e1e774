//! Deletions. A deletion marks the item first, so that an interrupted deletion is finished later.

use super::base::Base;
use super::cursor::{list_going, read_all};
use super::documents::{GOING, document_id, document_kind, lease_of, of_kind, read_field};
use super::fail::Fail;
use super::items::{item_name, item_place, owned_document};
use super::standing::held_filter;
use super::{marks, schema, snapshots};
use crate::store::{Item, ProcessKind, StoreError};
use ::mongodb::bson::{Document, doc};

/// Number of conversations whose messages and calls are deleted at a time.
const BATCH: usize = 200;

/// Deletes an item that `creator` created. Marks the item first, so that nobody sees or claims it. Then removes
/// everything that belongs to it, and the questions about it. Removes the item's own document last.
pub(super) async fn delete_item(mongo: &Base, item: &Item, creator: &str) -> Result<(), Fail> {
    let found = owned_document(mongo, item, creator).await?;
    let (collection, name) = item_place(mongo, item);
    snapshots::remove_head(mongo, &read_field::<String>(&found, "experiment").unwrap_or_else(|_| name.clone())).await?;
    let own = doc! { "_id": &name, "creator": creator };
    collection.update_one(own, doc! { "$set": { GOING: true } }).await?;
    // This check follows the mark, since any later claim finds the mark.
    if let Err(refused) = check_unheld(mongo, item).await {
        remove_mark(mongo, item).await?;
        return Err(refused);
    }
    remove_item(mongo, item).await
}

/// Fails if a process works on an item now.
async fn check_unheld(mongo: &Base, item: &Item) -> Result<(), Fail> {
    let conversations = match item {
        Item::Experiment(name) => {
            mongo.conversations().find_one(held_filter(name, mongo.clock.now())).await?.into_iter().collect()
        }
        Item::Conversation(name) => {
            let conversation = mongo.conversations().find_one(doc! { "_id": name }).await?;
            let questions = find_questions(mongo, conversation.as_ref()).await?;
            conversation.into_iter().chain(questions).collect::<Vec<_>>()
        }
    };
    let leases = conversations.iter().map(lease_of).collect::<Result<Vec<_>, _>>()?;
    match leases.into_iter().flatten().find(|lease| mongo.clock.is_live(lease)) {
        Some(lease) => {
            Err(StoreError::Held { what: item_name(item), holder: mongo.describe_holder(&lease).await }.into())
        }
        None => Ok(()),
    }
}

/// Returns the questions about a conversation. A deletion marks only the conversation: a process that claims a question
/// looks for the conversation's deletion mark.
async fn find_questions(mongo: &Base, conversation: Option<&Document>) -> Result<Vec<Document>, Fail> {
    let Some(conversation) = conversation else { return Ok(Vec::new()) };
    if schema::is_first(mongo).await? || !document_kind(conversation)?.is_conversation() {
        return Ok(Vec::new());
    }
    let about = doc! {
        "experiment": read_field::<String>(conversation, "experiment")?, "kind": of_kind(ProcessKind::Question),
        "subject": document_id(conversation)?,
    };
    read_all(mongo.conversations().find(about).await?, Ok).await
}

/// Finishes deletions that were interrupted after the mark. If a process works on an item, the deletion would have been
/// refused, so the mark is removed.
pub(super) async fn finish_deletions(mongo: &Base) -> Result<(), Fail> {
    let conversations = list_going(mongo.conversations()).await?.into_iter().map(Item::Conversation);
    let experiments = list_going(mongo.experiments()).await?.into_iter().map(Item::Experiment);
    for item in conversations.chain(experiments) {
        match check_unheld(mongo, &item).await {
            Ok(()) => remove_item(mongo, &item).await?,
            Err(Fail::Store(StoreError::Held { .. })) => remove_mark(mongo, &item).await?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn remove_mark(mongo: &Base, item: &Item) -> Result<(), Fail> {
    let (collection, name) = item_place(mongo, item);
    collection.update_one(doc! { "_id": name }, doc! { "$unset": { GOING: "" } }).await?;
    Ok(())
}

async fn remove_item(mongo: &Base, item: &Item) -> Result<(), Fail> {
    let (collection, name) = item_place(mongo, item);
    match item {
        Item::Conversation(name) => {
            let conversation = collection.find_one(doc! { "_id": name }).await?;
            let questions = find_questions(mongo, conversation.as_ref())
                .await?
                .iter()
                .map(document_id)
                .collect::<Result<Vec<_>, _>>()?;
            if !questions.is_empty() {
                marks::remove_marks(mongo, &questions).await?;
                remove_belongings(mongo, &questions).await?;
                collection.delete_many(doc! { "_id": { "$in": &questions } }).await?;
            }
            remove_belongings(mongo, std::slice::from_ref(name)).await?;
        }
        Item::Experiment(name) => {
            let of = doc! { "experiment": name };
            let cursor = mongo.conversations().find(of.clone()).projection(doc! { "_id": 1 }).await?;
            let conversations = read_all(cursor, |d| document_id(&d)).await?;
            for batch in conversations.chunks(BATCH) {
                marks::remove_marks(mongo, batch).await?;
                remove_belongings(mongo, batch).await?;
            }
            mongo.conversations().delete_many(of.clone()).await?;
            mongo.versions().delete_many(of.clone()).await?;
            mongo.snapshots().delete_one(doc! { "_id": name }).await?;
            mongo.pieces().delete_many(of.clone()).await?;
            mongo.runs().delete_many(of).await?;
        }
    }
    marks::remove_marks(mongo, std::slice::from_ref(&name)).await?;
    collection.delete_one(doc! { "_id": name }).await?;
    Ok(())
}

/// Removes messages, calls and claims of conversations.
pub(super) async fn remove_belongings(mongo: &Base, conversations: &[String]) -> Result<(), Fail> {
    let of = doc! { "conversation": { "$in": conversations } };
    mongo.messages().delete_many(of.clone()).await?;
    mongo.calls().delete_many(of.clone()).await?;
    // Claims are removed last. While they exist, writes of an earlier holder are refused.
    mongo.claims().delete_many(of).await?;
    Ok(())
}
