//! Stars and notes. The creator's are in the item's document, those of others in `marks`. Of a conversation, `marks` has
//! the creator's too, with their instant.

use super::base::Base;
use super::cursor::read_all;
use super::documents::{from_bson, read_field, to_date};
use super::fail::Fail;
use super::items::{item_place, owned_document};
use super::versions;
use crate::store::{ExperimentRecord, Item, Mark, MarkRecord, StoreError};
use ::mongodb::Collection;
use ::mongodb::bson::{Bson, Document, doc, serialize_to_document};

fn collection(mongo: &Base) -> Collection<Document> {
    mongo.collection("marks")
}

fn read_mark(mut document: Document) -> Result<MarkRecord, Fail> {
    document.remove("_id");
    if let Some(Bson::DateTime(at)) = document.get("at") {
        document.insert("at", at.timestamp_millis());
    }
    from_bson(document)
}

fn mark_id(item: &str, person: &str) -> String {
    format!("{item}/{person}")
}

async fn find_mark(mongo: &Base, item: &str, person: &str) -> Result<Option<MarkRecord>, Fail> {
    let found = collection(mongo).find_one(doc! { "_id": mark_id(item, person) }).await?;
    found.map(read_mark).transpose()
}

/// Stores a mark. Only its person changes it, so nobody else's is lost.
async fn store_mark(mongo: &Base, mark: &MarkRecord) -> Result<(), Fail> {
    let id = mark_id(&mark.item, &mark.person);
    let mut document = doc! { "_id": &id };
    document.extend(serialize_to_document(mark)?);
    document.insert("at", to_date(mark.at));
    collection(mongo).replace_one(doc! { "_id": id }, document).upsert(true).await?;
    Ok(())
}

/// Returns all marks, in the order of item and person.
pub(super) async fn list_marks(mongo: &Base) -> Result<Vec<MarkRecord>, Fail> {
    let mut marks = read_all(collection(mongo).find(doc! {}).await?, read_mark).await?;
    marks.sort_by(|a, b| (&a.item, &a.person).cmp(&(&b.item, &b.person)));
    Ok(marks)
}

/// Stores a mark of another database, if its item is here and no later mark of the same person. A creator's mark of a
/// conversation is in its document too.
pub(super) async fn receive_mark(mongo: &Base, given: &MarkRecord) -> Result<(), Fail> {
    let here = doc! { "_id": &given.item };
    let conversation = mongo.conversations().find_one(here.clone()).await?;
    if conversation.is_none() && mongo.experiments().find_one(here).await?.is_none() {
        return Ok(());
    }
    if find_mark(mongo, &given.item, &given.person).await?.is_some_and(|old| given.at <= old.at) {
        return Ok(());
    }
    store_mark(mongo, given).await?;
    match conversation {
        Some(own) if own.get_str("creator").is_ok_and(|creator| creator == given.person) => {
            let mark = Mark { note: Some(given.note.clone()), starred: Some(given.starred), at: given.at };
            mark_conversation(mongo, &given.item, &given.person, &mark, own).await
        }
        _ => Ok(()),
    }
}

/// Removes the marks of items.
pub(super) async fn remove_marks(mongo: &Base, items: &[String]) -> Result<(), Fail> {
    collection(mongo).delete_many(doc! { "item": { "$in": items } }).await?;
    Ok(())
}

/// Changes the mark in `marks`: that of somebody who is not the creator, or the creator's of a conversation.
async fn mark_apart(mongo: &Base, item: &Item, person: &str, mark: &Mark) -> Result<(), Fail> {
    let (_, id) = item_place(mongo, item);
    let old = find_mark(mongo, &id, person).await?;
    let (starred, note) = old.map_or((false, None), |old| (old.starred, old.note));
    let (starred, note) = (mark.starred.unwrap_or(starred), mark.note.clone().unwrap_or(note));
    store_mark(mongo, &MarkRecord { item: id, person: person.to_owned(), starred, note, at: mark.at }).await
}

/// Changes note or star; `None` changes nothing.
pub(super) async fn mark_item(mongo: &Base, item: &Item, person: &str, mark: &Mark) -> Result<(), Fail> {
    let found = match owned_document(mongo, item, person).await {
        Err(Fail::Store(StoreError::NotYours { .. })) => return mark_apart(mongo, item, person, mark).await,
        found => found?,
    };
    match item {
        Item::Experiment(id) => loop {
            let old = versions::latest_record(mongo, id).await?;
            let next = ExperimentRecord {
                note: mark.note.clone().unwrap_or_else(|| old.note.clone()),
                starred: mark.starred.unwrap_or(old.starred),
                ..old.clone()
            };
            if next == old || versions::follow_version(mongo, &old, next).await?.is_some() {
                return Ok(());
            }
        },
        Item::Conversation(id) => {
            let (starred, note): (bool, Option<String>) = (read_field(&found, "starred")?, read_field(&found, "note")?);
            let (starred, note) = (mark.starred.unwrap_or(starred), mark.note.clone().unwrap_or(note));
            let dated = MarkRecord { item: id.clone(), person: person.to_owned(), starred, note, at: mark.at };
            store_mark(mongo, &dated).await?;
            mark_conversation(mongo, id, person, mark, found).await
        }
    }
}

/// Marks a conversation and checks the mark after each write. During another write, a server may restore an older copy
/// of the document.
async fn mark_conversation(
    mongo: &Base,
    id: &str,
    creator: &str,
    mark: &Mark,
    mut found: Document,
) -> Result<(), Fail> {
    let mut set = Document::new();
    if let Some(note) = &mark.note {
        set.insert("note", note.clone());
    }
    if let Some(starred) = mark.starred {
        set.insert("starred", starred);
    }
    while set.iter().any(|(name, value)| found.get(name) != Some(value)) {
        let own = doc! { "_id": id, "creator": creator };
        mongo.conversations().update_one(own, doc! { "$set": set.clone() }).await?;
        found = owned_document(mongo, &Item::Conversation(id.to_owned()), creator).await?;
    }
    Ok(())
}
