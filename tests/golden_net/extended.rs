//! A database of its own on a server of the MongoDB protocol. Its documents are written and read as canonical extended
//! JSON: one document a line, one file a collection.

use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Client, Database, IndexModel};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use tokio::runtime::Runtime;

/// A value of BSON as canonical extended JSON, as far as the program stores it.
pub fn written(value: &Bson) -> Json {
    match value {
        Bson::Null => Json::Null,
        Bson::Boolean(b) => json!(b),
        Bson::String(text) => json!(text),
        Bson::Int32(n) => json!({ "$numberInt": n.to_string() }),
        Bson::Int64(n) => json!({ "$numberLong": n.to_string() }),
        Bson::Double(x) => json!({ "$numberDouble": format!("{x:?}") }),
        Bson::DateTime(at) => json!({ "$date": { "$numberLong": at.timestamp_millis().to_string() } }),
        Bson::Array(items) => items.iter().map(written).collect(),
        Bson::Document(fields) => written_document(fields),
        other => panic!("{other} has no form here"),
    }
}

fn written_document(fields: &Document) -> Json {
    Json::Object(fields.iter().map(|(name, value)| (name.clone(), written(value))).collect())
}

/// A value of canonical extended JSON as BSON.
pub fn read(json: &Json) -> Bson {
    match json {
        Json::Null => Bson::Null,
        Json::Bool(b) => Bson::Boolean(*b),
        Json::String(text) => Bson::String(text.clone()),
        Json::Number(number) => panic!("{number} stands bare"),
        Json::Array(items) => Bson::Array(items.iter().map(read).collect()),
        Json::Object(fields) => read_typed(fields).unwrap_or_else(|| Bson::Document(read_document(fields))),
    }
}

fn read_typed(fields: &Map<String, Json>) -> Option<Bson> {
    let (name, value) = fields.iter().next().filter(|_| fields.len() == 1)?;
    let number = |value: &Json| value.as_str().map(str::to_owned).unwrap();
    match name.as_str() {
        "$numberInt" => Some(Bson::Int32(number(value).parse().unwrap())),
        "$numberLong" => Some(Bson::Int64(number(value).parse().unwrap())),
        "$numberDouble" => Some(Bson::Double(number(value).parse().unwrap())),
        "$date" => Some(Bson::DateTime(DateTime::from_millis(number(&value["$numberLong"]).parse().unwrap()))),
        _ => None,
    }
}

fn read_document(fields: &Map<String, Json>) -> Document {
    fields.iter().map(|(name, value)| (name.clone(), read(value))).collect()
}

/// A database of its own, dropped in the end.
pub struct Base {
    runtime: Runtime,
    address: String,
    database: Database,
}

impl Base {
    /// Opens one on the server with this address.
    pub fn at(address: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let name = format!("convoke_golden_{:016x}", RandomState::new().build_hasher().finish());
        let client = runtime.block_on(Client::with_uri_str(address)).unwrap();
        Self { runtime, address: address.to_owned(), database: client.database(&name) }
    }

    /// Its address.
    pub fn uri(&self) -> String {
        let (before, query) = self.address.split_once('?').unwrap_or((&self.address, ""));
        format!("{}/{}?{query}", before.trim_end_matches('/'), self.database.name())
    }

    fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Every document, by collection, in the order of their names.
    pub fn texts(&self) -> BTreeMap<String, Vec<Json>> {
        let names = self.wait(async { self.database.list_collection_names().await }).unwrap();
        names.into_iter().map(|name| (name.clone(), self.documents(&name))).collect()
    }

    fn documents(&self, collection: &str) -> Vec<Json> {
        let mut found: Vec<Json> = self.wait(async {
            let mut cursor = self.database.collection::<Document>(collection).find(doc! {}).await.unwrap();
            let mut found = Vec::new();
            while cursor.advance().await.unwrap() {
                found.push(written_document(&cursor.deserialize_current().unwrap()));
            }
            found
        });
        found.sort_by_key(|document| document["_id"].to_string());
        found
    }

    /// Loads a folder into the database. The indexes come first, as the program makes them.
    pub fn load(&self, folder: &Path) {
        let lines = |path: &Path| -> Vec<Json> {
            fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        };
        for index in lines(&folder.join("indexes.jsonl")) {
            let options = (index["unique"] == true).then(|| IndexOptions::builder().unique(true).build());
            let model = IndexModel::builder().keys(read_document(index["keys"].as_object().unwrap())).options(options);
            let collection = self.database.collection::<Document>(index["collection"].as_str().unwrap());
            self.wait(async { collection.create_index(model.build()).await }).unwrap();
        }
        let folder = folder.join("documents");
        for (name, _) in crate::kept::files(&folder) {
            let documents: Vec<Document> =
                lines(&folder.join(&name)).iter().map(|d| read_document(d.as_object().unwrap())).collect();
            if !documents.is_empty() {
                let collection = self.database.collection::<Document>(name.trim_end_matches(".jsonl"));
                self.wait(async { collection.insert_many(documents).await }).unwrap();
            }
        }
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        let _ = self.runtime.block_on(async { self.database.drop().await });
    }
}
