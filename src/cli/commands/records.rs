//! What `--json` gives of experiments and conversations, field by field; and finding their records.

use crate::cli::context::{Context, What};
use crate::cli::error::CliError;
use crate::cli::terminal::text::iso;
use crate::design::{Experiment, ModelSpec};
use crate::exchange::{self, Of};
use crate::process::Flag;
use crate::store::{ConversationRecord, Counts, ExperimentRecord, Filter, Store};
use serde_json::{Map, Value as Json, json};

/// A conversation and the flags in its log.
pub type Flagged = (ConversationRecord, Vec<Flag>);

/// What `list` gives of an experiment.
pub fn experiment(record: &ExperimentRecord, counts: Counts, document: &Experiment) -> Map<String, Json> {
    let roles: Vec<&str> = document.roles.iter().map(|r| r.name.as_str()).collect();
    let models: Vec<&str> = document.models.iter().map(ModelSpec::name).collect();
    object(json!({
        "id": record.id,
        "name": record.name,
        "creator": record.creator,
        "created": iso(record.created),
        "roles": roles,
        "models": models,
        "conversations": { "done": counts.done, "failed": counts.failed, "left": counts.left },
        "starred": record.starred,
        "note": record.note,
        "parent": record.parent,
    }))
}

/// What `list WHAT` gives of a conversation.
pub fn conversation((record, flags): &Flagged) -> Map<String, Json> {
    let models: Vec<&str> = record.models.iter().map(|m| m.name.as_str()).collect();
    let agents: Map<String, Json> = record.agents.iter().map(|a| (a.name.clone(), a.value.into())).collect();
    let flags: Vec<&str> = flags.iter().map(|f| f.word()).collect();
    object(json!({
        "id": record.id,
        "key": record.key,
        "creator": record.creator,
        "created": iso(record.created),
        "condition": exchange::condition(&record.condition),
        "replicate": record.replicate,
        "status": record.status.word(),
        "models": models,
        "messages": record.messages,
        "days": record.days,
        "speakers": record.speakers,
        "agents": agents,
        "flags": flags,
        "starred": record.starred,
        "note": record.note,
    }))
}

/// The map in a JSON object.
pub fn object(value: Json) -> Map<String, Json> {
    if let Json::Object(map) = value { map } else { Map::new() }
}

/// An experiment of the database, and which of its conversations are meant.
pub struct Chosen {
    /// The experiment.
    pub record: ExperimentRecord,
    /// Its current document.
    pub document: Experiment,
    /// The conversations, in the order of the design.
    pub conversations: Vec<Flagged>,
    /// Whether a conversation was named.
    pub single: bool,
}

impl Context {
    /// What a person named, and which of its conversations are meant: those of an experiment's current revision (of
    /// every one with `all`), or a single one.
    pub async fn meant(
        &self,
        store: &dyn Store,
        what: &str,
        all: bool,
    ) -> Result<(ExperimentRecord, Experiment, Of), CliError> {
        let (record, only) = match self.find_stored(what, store).await? {
            What::Experiment(record) => (*record, None),
            What::Conversation(c) => (self.experiment_of(store, &c).await?, Some(c)),
            What::Folder(folder) => return Err(CliError::not_found(format!("{} is not stored", folder.display()))),
        };
        let document = self.document(store, &record).await?;
        let revision = (!all).then(|| record.revision.clone());
        let all = || Of::All(Filter { experiment: Some(record.id.clone()), revision });
        let of = only.map_or_else(all, Of::One);
        Ok((record, document, of))
    }

    /// As [`Context::meant`], with all the conversations.
    pub async fn chosen(&self, store: &dyn Store, what: &str, all: bool) -> Result<Chosen, CliError> {
        let (record, document, of) = self.meant(store, what, all).await?;
        let single = matches!(of, Of::One(_));
        let filter = match &of {
            Of::One(_) => Filter { experiment: Some(record.id.clone()), revision: None },
            Of::All(filter) => filter.clone(),
        };
        let mut found = store.conversations(&filter).await?;
        found.retain(|(c, _)| if let Of::One(only) = &of { only.id == c.id } else { true });
        found.sort_by_cached_key(|(c, _)| exchange::place(&document, c));
        Ok(Chosen { record, document, conversations: found, single })
    }

    /// The experiment of a conversation.
    pub async fn experiment_of(
        &self,
        store: &dyn Store,
        conversation: &ConversationRecord,
    ) -> Result<ExperimentRecord, CliError> {
        let found = store.records().await?.into_iter().find(|e| e.id == conversation.experiment);
        found.ok_or_else(|| {
            let message = format!("the experiment of conversation {} is missing", conversation.id);
            CliError::new(crate::cli::error::Exit::Store, "store-damaged", message).hint("`convoke verify` tells all")
        })
    }
}
