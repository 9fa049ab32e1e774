//! One line an entry, in the order of key and `seq`. Two runs that gave the same answers give the same bytes.

use super::{ExportError, Of, Pages, Written, condition, entry};
use crate::process::harmless::harmless_json;
use crate::process::log::Entry;
use crate::store::{ConversationRecord, Store};
use serde_json::{Map, Value as Json};
use std::io::Write;

/// Writes the entries of conversations, in the order of their key. Characters that steer a terminal are written as
/// escapes, which mean the same.
pub async fn write(store: &dyn Store, experiment: &str, of: &Of, out: &mut dyn Write) -> Result<Written, ExportError> {
    let (mut pages, mut written) = (Pages::new(store, of), Written::default());
    loop {
        let page = pages.next_logs().await?;
        if page.is_empty() {
            return Ok(written);
        }
        for (conversation, log) in page {
            for entry in &log {
                writeln!(out, "{}", harmless_json(&line(experiment, &conversation, entry)))?;
            }
            written.conversations += 1;
            written.lines += log.len() as u64;
            out.flush()?;
        }
    }
}

fn line(experiment: &str, conversation: &ConversationRecord, of: &Entry) -> String {
    let mut map = Map::new();
    map.insert("conversation".to_owned(), conversation.key.as_str().into());
    map.insert("experiment".to_owned(), experiment.into());
    map.insert("condition".to_owned(), Json::Object(condition(&conversation.condition)));
    map.insert("replicate".to_owned(), conversation.replicate.into());
    map.extend(entry(of));
    Json::Object(map).to_string()
}
