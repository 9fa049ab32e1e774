//! Vectors that a process wants: read from the database, or fetched from an embedding model and stored there.
//!
//! Vectors belong to texts, not to a conversation. So they have no call record: their tokens count in the run alone, and
//! a vector that was stored once is never requested again.

use super::Worker;
use super::absence::Waited;
use crate::design::ModelSpec;
use crate::model::retry::{CallEnd, PendingCall, Verdict, send_call, verdict};
use crate::model::{Attempt, EmbedRequest, Embedded, ModelError, RetryWait, Usage};
use crate::process::{Process, TextVector, Wanted, text_hash};
use crate::run::event::Event;
use crate::run::leave::{CUT, Leave, Unsent};
use crate::run::roster::Member;
use crate::run::shared::Shared;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

impl Worker<'_> {
    /// Gives a process the vectors that it wants.
    pub(super) async fn give_vectors(&self, process: &mut dyn Process) -> Result<(), Leave> {
        for Wanted { model, texts } in process.wants() {
            let mut missing: BTreeMap<String, String> =
                texts.into_iter().map(|text| (text_hash(&model.id, &text), text)).collect();
            let hashes: Vec<String> = missing.keys().cloned().collect();
            let Shared { work, patience, .. } = self.shared;
            let stored = patience.with(|| work.store.vectors(&hashes)).await?;
            for vector in &stored {
                self.check_length(&model, vector.numbers.len())?;
                missing.remove(&vector.hash);
            }
            process.give(stored);
            let texts: Vec<String> = missing.into_values().collect();
            for batch in EmbedRequest::batches(self.member(&model)?.name.as_str(), process.key(), &texts) {
                let vectors = self.embed(&model, batch).await?;
                process.give(vectors);
            }
        }
        Ok(())
    }

    /// Requests the vectors of a batch, and stores them.
    async fn embed(&self, model: &ModelSpec, batch: EmbedRequest) -> Result<Vec<TextVector>, Leave> {
        let Embedded { vectors, tokens } = self.request_vectors(model, &batch).await?;
        self.check_length(model, vectors.first().map_or(0, Vec::len))?;
        let hashes = batch.texts.iter().map(|text| text_hash(&model.id, text));
        let given: Vec<TextVector> =
            hashes.zip(vectors).map(|(hash, numbers)| TextVector { hash, numbers: numbers.into() }).collect();
        let Shared { work, patience, .. } = self.shared;
        patience.with(|| work.store.keep_vectors(given.clone())).await?;
        info!(conversation = %self.job.id, texts = given.len(), tokens, "embedded");
        let usage = Usage { prompt: tokens, ..Usage::default() };
        self.shared.count(|summary| {
            summary.tokens.add(&usage);
            summary.embedded += given.len() as u64;
        });
        self.shared.tell(Event::Embedded {
            conversation: self.job.id.clone(),
            model: self.job.label.clone(),
            texts: given.len(),
            usage,
        });
        Ok(given)
    }

    /// Sends a request for vectors; where its server goes away, waits for it and sends the request again.
    async fn request_vectors(&self, model: &ModelSpec, batch: &EmbedRequest) -> Result<Embedded, Leave> {
        let (member, started) = (self.member(model)?, (self.shared.options.clock)());
        let halt = self.shared.options.stop.child_token();
        let mut watch = None;
        loop {
            let (end, attempts) = self.send_batch((member, model), batch, &halt, watch.is_some()).await;
            let error = match end {
                CallEnd::Answered(reply) => {
                    if watch.is_some() {
                        self.shared.tell(Event::ServerBack { server: member.server.name.clone() });
                    }
                    return Ok(reply);
                }
                CallEnd::Stopped | CallEnd::Unsaved(Unsent::Halted | Unsent::Outdated) => {
                    return Err(self.shared.leave_halted());
                }
                CallEnd::Aborted => return Err(self.shared.leave_cut(CUT)),
                CallEnd::Unsaved(Unsent::Away) => continue,
                CallEnd::Unsaved(Unsent::Store(error)) => return Err(error.into()),
                CallEnd::Unsaved(Unsent::Stopped(why)) => return Err(Leave::Interrupted(why)),
                CallEnd::Failed(error) if self.is_away(&member.server.name, &error, &attempts) => error,
                CallEnd::Failed(error) => return Err(self.refused(model, error, started)),
            };
            self.mark_away((&member.server, &error), &mut watch);
            match self.until_back((&member.server, &error), &mut watch, &halt).await {
                Waited::Back => {}
                Waited::Gone => return Err(Leave::Interrupted(error.to_string())),
                Waited::Halted => return Err(self.shared.leave_halted()),
            }
        }
    }

    async fn send_batch(
        &self,
        (member, model): (&Member, &ModelSpec),
        batch: &EmbedRequest,
        halt: &CancellationToken,
        watches: bool,
    ) -> (CallEnd<Unsent, Embedded>, Vec<Attempt>) {
        let Shared { options, slots, gates, .. } = self.shared;
        let server = &member.server.name;
        let pending = PendingCall {
            model: &*member.embedder,
            request: batch,
            server,
            retry: options.retry,
            slots,
            gates,
            order: self.job.order,
            watches,
            is_first_contact: !options.server_wait.at_start && !self.shared.was_reached(server),
            stop: halt,
            abort: &options.abort,
            clock: &options.clock,
        };
        let before = |_: &[Attempt]| std::future::ready(self.may_leave((model, watches), halt));
        let notify = |waiting: RetryWait| {
            self.release_slot();
            warn!(conversation = %self.job.id, error = %waiting.error, wait = ?waiting.wait, "waiting");
            self.shared.tell(Event::Waiting {
                conversation: self.job.id.clone(),
                server: server.clone(),
                reason: waiting.error.to_string(),
                wait: waiting.wait.as_millis() as u64,
                left: waiting.left.map(|left| left.as_millis() as u64),
            });
        };
        let outcome = self.unless_silent(server, send_call(&pending, before, notify)).await;
        self.release_slot();
        (outcome.end, outcome.attempts)
    }

    /// Decides what an error means. No prompt is at fault: a refusal concerns the model.
    fn refused(&self, model: &ModelSpec, error: ModelError, started: i64) -> Leave {
        let is_unclear = matches!(verdict(&error), Verdict::Unclear | Verdict::RetryUnclear);
        self.given_up(model, error, started, |error| {
            if is_unclear {
                self.shared.stop_model(model, &error);
            }
            Leave::Interrupted(error.to_string())
        })
    }

    /// Checks that a model gives vectors of one length: two lengths under one name are two models.
    fn check_length(&self, model: &ModelSpec, length: usize) -> Result<(), Leave> {
        let known = self.shared.note_length(&model.id, length);
        if known == length {
            return Ok(());
        }
        Err(Leave::Interrupted(format!(
            "{} gives vectors of {length} numbers, and gave vectors of {known} before: another model has its name now. \
             Give it another name at its server, and use that name",
            model.id
        )))
    }
}
