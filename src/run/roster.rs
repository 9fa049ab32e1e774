//! Models of a run: looked up before the first call, and fetched if a server lacks them.

use super::event::Event;
use super::patience::{SILENCE, ServerWait, next_pause};
use crate::design::check::server_of;
use crate::design::{ModelSpec, Seed};
use crate::model::catalog::is_same_model;
use crate::model::parameters::{request_parameters, schema_parameter};
use crate::model::pull::Pull;
use crate::model::retry::{FIRST_CONTACT, fit_first_contact, verdict};
use crate::model::{
    ChatModel, ChatRequest, Connection, Embedder, ModelError, ModelFacts, Retry, Scripted, Server, ServerKind, Turn,
};
use crate::process::random::server_seed;
use crate::process::{Ask, Process};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// The models of a run by their id.
#[derive(Default)]
pub struct Roster {
    models: BTreeMap<String, Member>,
    /// Unusable servers and models, with the reason.
    pub unusable: Vec<(String, Option<String>, ModelError)>,
}

/// One model of a run.
pub struct Member {
    /// Sends its requests.
    pub model: Arc<dyn ChatModel>,
    /// Sends texts to be embedded.
    pub embedder: Arc<dyn Embedder>,
    /// Server of the model.
    pub server: Server,
    /// Name at the server.
    pub name: String,
    /// Facts about the model.
    pub known: ModelFacts,
}

/// Options of the lookup.
pub struct LookUp<'a> {
    /// Servers of the person.
    pub servers: &'a [Server],
    /// Fixed replies of `scripted`.
    pub script: Option<Vec<String>>,
    /// True if missing models are fetched.
    pub pull: bool,
    /// Number and pace of retries.
    pub retry: Retry,
    /// Patience with servers that cannot be reached.
    pub server_wait: ServerWait,
    /// Receives the events.
    pub events: &'a UnboundedSender<Event>,
    /// Prevents further lookups and fetches.
    pub stop: &'a CancellationToken,
}

/// Returns the name of a model at its server.
pub fn name_of(id: &str) -> &str {
    id.split_once('/').map_or(id, |(_, name)| name)
}

impl Roster {
    /// Looks up each model. Unusable ones are listed in `unusable`; the lookup continues with others.
    pub async fn look_up<'m>(specs: impl Iterator<Item = &'m ModelSpec>, look_up: &LookUp<'_>) -> Self {
        let mut roster = Self::default();
        let mut connections: BTreeMap<String, Connection> = BTreeMap::new();
        let mut warned = BTreeSet::new();
        for spec in specs.filter(|spec| !spec.is_human()) {
            if let Some(known) = roster.models.get(&spec.id).map(|member| &member.known) {
                look_up.warn_of_context(spec, known, &mut warned);
            }
            let server = server_of(&spec.id);
            let gone = |r: &Self| r.unusable.iter().any(|(s, model, _)| s == server && model.is_none());
            if roster.models.contains_key(&spec.id) || gone(&roster) {
                continue;
            }
            let found = tokio::select! {
                biased;
                () = look_up.stop.cancelled() => break,
                found = look_up.member(&spec.id, &mut connections) => found,
            };
            match found {
                Ok(member) => {
                    look_up.warn_of_context(spec, &member.known, &mut warned);
                    roster.models.insert(spec.id.clone(), member);
                }
                Err(error) => {
                    let model = matches!(error, ModelError::NoModel { .. }).then(|| name_of(&spec.id).to_owned());
                    roster.unusable.push((server.to_owned(), model, error));
                }
            }
        }
        roster
    }

    /// Returns the model with an id.
    pub fn member(&self, id: &str) -> Option<&Member> {
        self.models.get(id)
    }

    /// True if the look-up at the start reached a server. Servers without a look-up were not contacted.
    pub fn has_reached(&self, server: &str) -> bool {
        self.models.values().any(|m| m.server.name == server && m.server.kind == ServerKind::Ollama)
    }

    /// Servers in use, by name and kind.
    pub fn servers(&self) -> Vec<(String, ServerKind)> {
        let servers: BTreeMap<String, ServerKind> =
            self.models.values().map(|m| (m.server.name.clone(), m.server.kind)).collect();
        servers.into_iter().collect()
    }
}

impl Member {
    /// Builds the request for an ask of a process. `run_seed` replaces a missing seed of an Ollama model.
    pub fn request(&self, process: &dyn Process, ask: &Ask, run_seed: u64) -> ChatRequest {
        let key = process.key();
        let before = process.log().iter().take(ask.base as usize);
        let purpose = ask.call.purpose.word();
        let seed = match ask.model.sampling.seed {
            Some(Seed::Fixed { fixed }) => Some(fixed),
            Some(Seed::Base(base)) => Some(server_seed(base, key, ask.seq, purpose, ask.call.ask).into()),
            None if self.server.kind == ServerKind::Ollama => {
                Some(server_seed(run_seed, key, ask.seq, purpose, ask.call.ask).into())
            }
            None => None,
        };
        let context = (self.server.kind == ServerKind::Ollama).then(|| self.known.default_context());
        let mut stream = crate::process::random::Stream::new(key, ask.seq, purpose, ask.call.ask);
        let mut parameters = request_parameters(&self.server, &ask.model, seed, context);
        parameters.extend(ask.form.as_ref().and_then(|form| schema_parameter(&self.server, &ask.model, form)));
        ChatRequest {
            model: self.name.clone(),
            messages: ask.view.messages(process.log(), process.subject()),
            parameters,
            turn: Turn {
                conversation: key.to_owned(),
                seq: ask.seq,
                purpose: ask.call.purpose,
                ask: ask.call.ask,
                ordinal: before.filter(|e| e.call.is_some()).count() as u32 + ask.seq - ask.base,
                speaker: ask.speaker.clone(),
                role: ask.role.clone(),
                others: ask.others.clone(),
                seed: stream.bits(),
                form: ask.form.clone(),
            },
        }
    }

    /// Returns the context in tokens that a request gets, if it is known.
    pub fn context(&self, spec: &ModelSpec) -> Option<u32> {
        let sent = (self.server.kind == ServerKind::Ollama).then(|| self.known.default_context());
        let wanted = spec.sampling.num_ctx.or(sent);
        match (wanted, self.known.context) {
            (Some(wanted), Some(most)) => Some(wanted.min(most)),
            (wanted, most) => wanted.or(most),
        }
    }
}

/// Returns the reason why a model could not be fetched. An error of the server itself remains an error.
fn unfetched(error: ModelError) -> Result<String, ModelError> {
    let cause = match error {
        ModelError::Busy { message, .. }
        | ModelError::NoModel { message, .. }
        | ModelError::NoAccess { message, .. }
        | ModelError::NoEmbeddings { message, .. }
        | ModelError::Refused { message, .. } => message,
        ModelError::Broken { cause, .. } | ModelError::Invalid { cause, .. } => cause,
        ModelError::Timeout { what, limit, .. } => format!("no {what} within {} s", limit.as_secs()),
        of_the_server => return Err(of_the_server),
    };
    Ok(format!("it could not be fetched: {cause}"))
}

/// True if a server answers a look-up with something else.
fn is_unreadable(error: &ModelError) -> bool {
    matches!(error, ModelError::Invalid { .. } | ModelError::Encoded { .. } | ModelError::Nowhere { .. })
}

impl LookUp<'_> {
    async fn member(&self, id: &str, connections: &mut BTreeMap<String, Connection>) -> Result<Member, ModelError> {
        let (name, model) = (server_of(id), name_of(id));
        let unknown = || ModelError::Unreachable { server: name.to_owned(), cause: "there is no such server".into() };
        let server = self.servers.iter().find(|s| s.name == name).ok_or_else(unknown)?.clone();
        if server.kind == ServerKind::Scripted {
            let scripted = self.script.clone().map_or_else(Scripted::improvised, Scripted::from_lines);
            let (known, embedder) = (ModelFacts::default(), Arc::new(Scripted::improvised()));
            return Ok(Member { model: Arc::new(scripted), embedder, server, name: model.to_owned(), known });
        }
        if server.base_url.is_openai() && server.key.is_none() {
            let (server, variable) = (server.name, server.key_variable);
            return Err(ModelError::Key { server, message: "there is none".to_owned(), variable });
        }
        let connection = match connections.get(name) {
            Some(connection) => connection.clone(),
            None => Connection::open(&server)?,
        };
        let known = self.known(&connection, id, model).await?;
        connections.insert(name.to_owned(), connection.clone());
        let embedder = connection.embedder();
        Ok(Member { model: connection.model(known.clone()), embedder, server, name: model.to_owned(), known })
    }

    /// Looks up facts about a model. Ollama lists its models first, and fetches missing ones.
    async fn known(&self, connection: &Connection, id: &str, model: &str) -> Result<ModelFacts, ModelError> {
        if connection.server().kind != ServerKind::Ollama {
            return Ok(ModelFacts::default());
        }
        let offered = match self.patiently(connection, || connection.list_models()).await {
            Ok(offered) => offered,
            // A server without a readable list may answer all the same.
            Err(error) if is_unreadable(&error) => return Ok(ModelFacts::default()),
            Err(error) => return Err(error),
        };
        if !offered.iter().any(|o| is_same_model(&o.name, model)) {
            self.fetch(connection, id, model).await?;
        }
        self.patiently(connection, || connection.look_up_model(model)).await
    }

    /// Reports, once for each model, a `num_ctx` above the model's own context.
    fn warn_of_context(&self, spec: &ModelSpec, known: &ModelFacts, warned: &mut BTreeSet<(String, u32)>) {
        let (Some(num_ctx), Some(context)) = (spec.sampling.num_ctx, known.context) else { return };
        if num_ctx > context && warned.insert((spec.id.clone(), num_ctx)) {
            let _ = self.events.send(Event::LongContext { model: spec.id.clone(), num_ctx, context });
        }
    }

    async fn fetch(&self, connection: &Connection, id: &str, model: &str) -> Result<(), ModelError> {
        let lacks = |message: String| ModelError::NoModel {
            server: connection.server().name.clone(),
            model: model.to_owned(),
            message,
        };
        if !self.pull {
            return Err(lacks(format!("--no-pull forbids fetching it; `convoke models pull {id}` does it")));
        }
        let mut told = |p: crate::model::pull::Progress| {
            let pull = Event::Pull { model: id.to_owned(), doing: p.status, completed: p.completed, total: p.total };
            // Without a listener, events are not needed.
            let _ = self.events.send(pull);
        };
        let fetched = connection.pull_model(model, Pull::default(), &mut told).await;
        fetched.map_err(|error| unfetched(error).map_or_else(|e| e, lacks))
    }

    /// Repeats a lookup while the server may recover.
    async fn patiently<T, F>(&self, connection: &Connection, look: impl Fn() -> F) -> Result<T, ModelError>
    where
        F: Future<Output = Result<T, ModelError>>,
    {
        let (mut attempt, began, mut pause) = (0, Instant::now(), None);
        loop {
            let sent = Instant::now();
            let error = match self.unless_silent(connection, look()).await {
                Err(error) if verdict(&error).is_retried() && !is_unreadable(&error) => error,
                other => return other,
            };
            let elapsed = began.elapsed();
            let is_patient = self.server_wait.at_start && elapsed < self.server_wait.time;
            let is_used_up = attempt >= self.retry.max_retries;
            let doubled = self.retry.base.saturating_mul(2_u32.saturating_pow(attempt)).min(self.retry.cap);
            let wait = match (is_used_up, self.server_wait.at_start) {
                (true, _) => is_patient.then(|| *pause.insert(next_pause(pause))),
                (false, true) => Some(doubled),
                (false, false) => fit_first_contact(doubled, elapsed, sent.elapsed()),
            };
            let Some(wait) = wait else { return Err(error) };
            let left = (!self.server_wait.at_start).then(|| FIRST_CONTACT.saturating_sub(elapsed));
            self.tell_wait(connection, &error, (wait, left));
            sleep(wait).await;
            attempt = attempt.saturating_add(1);
        }
    }

    /// Awaits a lookup, and reports a server that takes more than a moment.
    async fn unless_silent<T>(&self, connection: &Connection, looking: impl Future<Output = T>) -> T {
        let mut looking = std::pin::pin!(looking);
        tokio::select! {
            found = &mut looking => return found,
            () = sleep(SILENCE) => {}
        }
        // Without a listener, events are not needed.
        let _ = self.events.send(Event::Silent { server: connection.server().name.clone() });
        looking.await
    }

    fn tell_wait(&self, connection: &Connection, error: &ModelError, (wait, left): (Duration, Option<Duration>)) {
        let _ = self.events.send(Event::Waiting {
            conversation: String::new(),
            server: connection.server().name.clone(),
            reason: error.to_string(),
            wait: wait.as_millis() as u64,
            left: left.map(|left| left.as_millis() as u64),
        });
    }
}
