//! Questions to agents of finished conversations: the plan of them, and their run.
//!
//! One question is one process for each (conversation, role, text, asking). So a later request with more roles asks no
//! agent twice. The conversations themselves are only read.

use super::error::LabError;
use super::filters::{Criteria, Reason, Revisions};
use super::left_out::LeftOut;
use super::narrowing::parse_expression;
use super::origin::Origin;
use super::planned::{check_models, require_servers};
use super::running::{Before, Launch, Running};
use super::select::Selection;
use super::setup::Lab;
use crate::design::estimate::{self, Tokens};
use crate::design::plan::{SCRIPTED, check_only};
use crate::design::problem::did_you_mean;
use crate::design::{Condition, Expression, HUMAN, ModelSpec, Named, Obstacle, Overrides, key, model_named};
use crate::exchange::{Of, Questioned};
use crate::process::question::log_hash;
use crate::process::{Entry, Kind, Setting};
use crate::run::Job;
use crate::run::prepare::label;
use crate::run::question::Source;
use crate::store::{
    AskRecord, ConversationRecord, Participant, ProcessKind, QuestionRecord, RunKind, RunRecord, Standing, Status,
    UsedModel,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use tracing::info;

/// Conversations whose logs are in memory at a time.
const PAGE: usize = 200;

/// The arguments of a request to ask.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Asking {
    /// An experiment or a finished conversation, as a person named it.
    pub what: String,
    /// Questions as typed. Each is asked separately.
    pub questions: Vec<String>,
    /// Roles whose agents are asked; empty means all.
    pub roles: Vec<String>,
    /// Conditions in the form of `--only`.
    pub only: Vec<String>,
    /// Includes conversations of older revisions.
    pub all: bool,
    /// Maximum number of conversations.
    pub limit: Option<usize>,
    /// The model that answers in place of each agent's own.
    pub model: Option<String>,
    /// Total number of askings.
    pub again: u32,
    /// True if `scripted` answers.
    pub offline: bool,
}

/// A planned question.
#[derive(Debug, Clone)]
struct PlannedQuestion {
    record: ConversationRecord,
    source: Arc<Source>,
    /// Estimated tokens of its calls.
    tokens: Tokens,
}

/// The plan of a request to ask.
#[derive(Debug, Clone)]
pub struct AskPlan {
    /// Name, id and revision of the experiment.
    selection: Selection,
    asking: Asking,
    model: Option<Arc<ModelSpec>>,
    only: Vec<Expression>,
    questions: Vec<PlannedQuestion>,
    pub(super) standing: BTreeMap<String, Standing>,
    /// Answers of questions that were begun and are not done, by key. A reply that was rejected is none.
    pub(super) answers: BTreeMap<String, u64>,
    /// Conversations whose agents are asked.
    pub conversations: usize,
    /// Conversations and agents that are not asked.
    pub left_out: LeftOut,
}

/// Numbers of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AskNumbers {
    /// Questions: one for each conversation, role, text and asking.
    pub questions: usize,
    /// Of them done.
    pub done: usize,
    /// Of them failed.
    pub failed: usize,
    /// Calls of all questions: one for each agent.
    pub calls: u64,
    /// Calls that are left.
    pub left: u64,
    /// Failed calls that are not requested again.
    pub failed_calls: u64,
    /// Estimated tokens of the questions that are left.
    pub tokens: Tokens,
}

impl AskPlan {
    /// A plan without questions.
    pub(super) fn without_questions(
        selection: Selection,
        asking: Asking,
        model: Option<Arc<ModelSpec>>,
        left_out: LeftOut,
    ) -> Self {
        let (only, questions) = (Vec::new(), Vec::new());
        let (standing, answers) = (BTreeMap::new(), BTreeMap::new());
        Self { selection, asking, model, only, questions, standing, answers, conversations: 1, left_out }
    }

    /// Keeps only the question with this key. Returns false if the plan has none.
    pub(super) fn keep_question(&mut self, key: &str) -> bool {
        self.questions.retain(|question| question.record.key == key);
        // Of several askings this one alone is left.
        self.asking.again = 1;
        !self.questions.is_empty()
    }

    /// Planned questions, with the keys of their conversations.
    pub fn planned_questions(&self) -> Vec<Questioned> {
        let questioned =
            |q: &PlannedQuestion| Questioned { record: q.record.clone(), subject: q.source.subject.clone() };
        self.questions.iter().map(questioned).collect()
    }

    /// Name of the experiment.
    pub fn experiment_name(&self) -> &str {
        &self.selection.record.name
    }

    /// Counts the planned, done and remaining questions. Failed questions remain if they are `retried`.
    pub fn count_numbers(&self, retried: bool) -> AskNumbers {
        let mut numbers = AskNumbers { questions: self.questions.len(), ..AskNumbers::default() };
        for question in &self.questions {
            let agents = question.record.participants.len() as u64;
            numbers.calls += agents;
            let standing = self.standing.get(&question.record.key);
            let missing = self.missing_answers(question);
            let status = standing.map(|s| s.status);
            if is_missing(status, retried) {
                numbers.left += missing;
                numbers.tokens.add(&question.tokens, missing as f64 / agents.max(1) as f64);
            } else if status == Some(Status::Done) {
                numbers.done += 1;
            } else {
                numbers.failed += 1;
                numbers.failed_calls += missing;
            }
        }
        numbers
    }

    /// Number of different questions, and number of askings of each.
    pub fn count_texts(&self) -> (usize, u32) {
        (self.asking.questions.len(), self.asking.again)
    }

    /// Id of the model that a flag names.
    pub fn model_of_flag(&self) -> Option<&str> {
        self.model.as_ref().map(|model| model.id.as_str())
    }

    /// The keys of all questions.
    pub fn question_keys(&self) -> Vec<String> {
        self.questions.iter().map(|question| question.record.key.clone()).collect()
    }

    fn list_jobs(&self, retry_failed: bool) -> Vec<Job> {
        let missing = self.questions.iter().filter(|question| is_missing(self.status_of(question), retry_failed));
        missing.enumerate().map(|(order, question)| self.build_job(order as u32, question)).collect()
    }

    fn status_of(&self, question: &PlannedQuestion) -> Option<Status> {
        self.standing.get(&question.record.key).map(|standing| standing.status)
    }

    /// Number of agents whose answer is missing, of a question that is not done.
    fn missing_answers(&self, question: &PlannedQuestion) -> u64 {
        let answered = self.answers.get(&question.record.key).copied().unwrap_or(0);
        (question.record.participants.len() as u64).saturating_sub(answered)
    }

    fn build_job(&self, order: u32, question: &PlannedQuestion) -> Job {
        let PlannedQuestion { record, source, .. } = question;
        let own = || source.condition.participants().cloned().collect();
        Job {
            id: record.id.clone(),
            order,
            has_begun: self.standing.get(&record.key).is_some_and(|standing| standing.answered > 0),
            retry: self.status_of(question) == Some(Status::Failed),
            left: self.missing_answers(question) as u32,
            label: self.model.as_ref().map_or_else(|| label(&source.condition), |model| model.name().to_owned()),
            members: self.model.as_ref().map_or_else(own, |model| Arc::from([(**model).clone()])),
            replay: Arc::clone(source) as _,
        }
    }
}

impl Lab {
    /// Plans questions: finds the conversations and rebuilds the context that their agents had. Writes nothing.
    ///
    /// # Errors
    /// [`LabError::NothingToAsk`] if no conversation is done, and every mistake in the arguments.
    pub async fn plan_questions(&self, asking: Asking) -> Result<AskPlan, LabError> {
        let revisions = if asking.all { Revisions::Every } else { Revisions::Current };
        let criteria = Criteria { revisions, ..Criteria::default() };
        let (selection, found) = self.list_conversations(&asking.what, &criteria).await?;
        if let Of::One(one) = &selection.of
            && one.kind == ProcessKind::Question
        {
            return Err(LabError::IsQuestion { name: asking.what });
        }
        let only = asking.only.iter().map(|text| parse_expression("--only", text)).collect::<Result<Vec<_>, _>>()?;
        let offline = selection.left_out.get(&Reason::Offline).copied().unwrap_or(0);
        let mut left_out = LeftOut { offline, ..LeftOut::default() };
        let origins = self.load_origins(&selection.record).await?;
        let mut subjects = Vec::new();
        for (record, _) in found {
            match origins.find_origin(&record) {
                Some(origin) => subjects.push((record, origin)),
                None if record.status == Status::Done => left_out.unknown.push(record.id),
                None => left_out.count_unfinished(record.status),
            }
        }
        select_conditions(&mut subjects, &only)?;
        for (record, _) in subjects.iter().filter(|(record, _)| record.status != Status::Done) {
            left_out.count_unfinished(record.status);
        }
        subjects.retain(|(record, _)| record.status == Status::Done);
        subjects.truncate(asking.limit.unwrap_or(usize::MAX));
        if subjects.is_empty() {
            return Err(LabError::NothingToAsk { name: asking.what, left_out });
        }
        let roles = choose_roles(&asking.roles, &subjects)?;
        let model = answering_model(&asking, &selection)?;
        let mut plan = AskPlan {
            only,
            conversations: subjects.len(),
            ..AskPlan::without_questions(selection, asking, model, left_out)
        };
        for page in subjects.chunks(PAGE) {
            let ids: Vec<String> = page.iter().map(|(record, _)| record.id.clone()).collect();
            for ((find_record, origin), log) in page.iter().zip(self.store.logs(&ids).await?) {
                self.plan_subject(&mut plan, (find_record, origin, &log), &roles);
            }
        }
        if plan.questions.is_empty() {
            return Err(LabError::NothingToAsk { name: plan.asking.what, left_out: plan.left_out });
        }
        self.read_progress(&mut plan).await?;
        self.check_answering(&plan)?;
        Ok(plan)
    }

    /// Reads the progress of the planned questions.
    pub(super) async fn read_progress(&self, plan: &mut AskPlan) -> Result<(), LabError> {
        let standing = self.store.standing(&plan.selection.record.id, ProcessKind::Question).await?;
        plan.standing = standing.into_iter().map(|standing| (standing.key.clone(), standing)).collect();
        let is_open = |question: &&PlannedQuestion| {
            let standing = plan.standing.get(&question.record.key);
            standing.is_some_and(|standing| standing.begun && standing.status != Status::Done)
        };
        let open: Vec<(String, String)> =
            plan.questions.iter().filter(is_open).map(|q| (q.record.key.clone(), q.record.id.clone())).collect();
        for page in open.chunks(PAGE) {
            let ids: Vec<String> = page.iter().map(|(_, id)| id.clone()).collect();
            for ((key, _), log) in page.iter().zip(self.store.logs(&ids).await?) {
                let answers = log.iter().filter(|entry| entry.kind == Kind::Answer).count();
                plan.answers.insert(key.clone(), answers as u64);
            }
        }
        Ok(())
    }

    pub(super) fn check_answering(&self, plan: &AskPlan) -> Result<(), LabError> {
        let members: Vec<ModelSpec> = plan.list_jobs(true).iter().flat_map(|job| job.members.to_vec()).collect();
        check_models(members.iter(), &self.servers)
    }

    pub(super) fn plan_subject(
        &self,
        plan: &mut AskPlan,
        (subject, origin, log): (&ConversationRecord, &Origin, &[Entry]),
        roles: &[String],
    ) {
        let setting = Setting::new(&origin.experiment, &origin.condition, subject.draw(&subject.key));
        let hash = log_hash(log);
        // `scripted` answers for every offline conversation, so one key is enough.
        let model = plan.model.clone().filter(|model| !(subject.offline && model.id == SCRIPTED));
        for role in roles {
            let of_role = || subject.participants.iter().filter(|p| p.role == *role);
            let asked: Vec<Participant> = of_role().filter(|p| p.model != HUMAN).cloned().collect();
            plan.left_out.people += of_role().count() - asked.len();
            if asked.is_empty() {
                continue;
            }
            let tokens = estimate_tokens(&setting, &asked, log, model.as_deref());
            for text in plan.asking.questions.clone() {
                for again in 1..=plan.asking.again {
                    let source = Source {
                        experiment: Arc::clone(&origin.experiment),
                        condition: Arc::clone(&origin.condition),
                        subject: subject.key.clone(),
                        text: text.as_str().into(),
                        role: role.clone(),
                        agents: asked.iter().map(|p| p.name.clone()).collect(),
                        model: model.clone(),
                        again: (again > 1).then_some(again),
                    };
                    let record = self.question_record(subject, &source, (&hash, &asked, &setting));
                    plan.questions.push(PlannedQuestion { record, source: Arc::new(source), tokens });
                }
            }
        }
    }

    fn question_record(
        &self,
        subject: &ConversationRecord,
        source: &Source,
        (hash, asked, setting): (&str, &[Participant], &Setting),
    ) -> ConversationRecord {
        let key = source.key(hash);
        let answering = |p: &Participant| {
            let own = || setting.agents.iter().find(|agent| agent.name == p.name).map(|agent| agent.model.clone());
            source.model.as_deref().cloned().or_else(own)
        };
        let mut models: Vec<UsedModel> = Vec::new();
        for model in asked.iter().filter_map(answering) {
            let used = UsedModel { name: model.name().to_owned(), id: model.id.clone(), sampling: model.sampling };
            if !models.contains(&used) {
                models.push(used);
            }
        }
        let with_model = |p: &Participant| match &source.model {
            Some(model) => Participant { model: model.id.clone(), ..p.clone() },
            None => p.clone(),
        };
        ConversationRecord {
            id: key::conversation_id(&subject.experiment, &key),
            creator: self.who.creator.clone(),
            created: (self.clock)(),
            status: Status::Pending,
            reason: None,
            agents: vec![Named::new(source.role.clone(), asked.len() as u32)],
            participants: asked.iter().map(with_model).collect(),
            messages: 1 + asked.len() as u32,
            days: 1,
            speakers: String::new(),
            starting_message: source.text.to_string(),
            offline: models.iter().all(|model| model.id == SCRIPTED),
            models,
            starred: false,
            note: None,
            retries: 0,
            lease: None,
            kind: ProcessKind::Question,
            subject: Some(subject.id.clone()),
            question: Some(QuestionRecord {
                text: source.text.to_string(),
                role: source.role.clone(),
                agents: source.agents.clone(),
                again: source.again,
            }),
            ended_by: None,
            key,
            ..subject.clone()
        }
    }

    /// Stores the questions and the run. convoke asks no agent before [`Running::work_through`].
    pub async fn launch_questions(&self, plan: &AskPlan, how: Launch) -> Result<Running, LabError> {
        let jobs = plan.list_jobs(how.retry_failed);
        require_servers(jobs.iter().flat_map(|job| job.members.iter()), &self.servers)?;
        let patience = how.build_patience();
        let experiment = plan.selection.record.id.clone();
        let is_new = |question: &&PlannedQuestion| !plan.standing.contains_key(&question.record.key);
        let mut new: BTreeMap<String, Vec<ConversationRecord>> = BTreeMap::new();
        for question in plan.questions.iter().filter(is_new) {
            new.entry(question.record.revision.clone()).or_default().push(question.record.clone());
        }
        for (revision, records) in new {
            patience.with(|| self.store.plan(&experiment, &revision, &[], records.clone())).await?;
        }
        let id = format!("{:016x}", (self.random)());
        let numbers = plan.count_numbers(how.retry_failed);
        let run = self.ask_record(&id, plan, numbers, &how);
        patience.with(|| self.store.begin_run(run.clone())).await?;
        info!(run = %id, experiment = %plan.experiment_name(), questions = numbers.questions, left = jobs.len(), "ask");
        Ok(Running {
            lab: self.clone(),
            how,
            record: plan.selection.record.clone(),
            id,
            kind: ProcessKind::Question,
            keys: plan.question_keys(),
            before: Before { all: numbers.questions, done: numbers.done, failed: numbers.failed },
            pace: self.load_pace(&plan.standing.values().cloned().collect::<Vec<_>>()).await?,
            jobs,
        })
    }

    fn ask_record(&self, id: &str, plan: &AskPlan, numbers: AskNumbers, how: &Launch) -> RunRecord {
        let AskPlan { selection, asking, model, only, .. } = plan;
        let number = |name: &str, n: usize| Named::new(name, n as u64);
        let left = numbers.questions - numbers.done - numbers.failed;
        RunRecord {
            id: id.to_owned(),
            experiment: selection.record.id.clone(),
            revision: selection.record.revision.clone(),
            started: (self.clock)(),
            creator: self.who.creator.clone(),
            flags: how.flags.clone(),
            counts: vec![
                number("questions", numbers.questions),
                number("done", numbers.done),
                number("failed", numbers.failed),
                number("left", left),
            ],
            answers: Vec::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ended: None,
            kind: RunKind::Ask,
            overrides: Some(Overrides {
                models: asking.model.iter().cloned().collect(),
                only: only.clone(),
                limit: asking.limit,
                offline: asking.offline,
                ..Overrides::default()
            }),
            ask: Some(AskRecord {
                questions: asking.questions.clone(),
                roles: asking.roles.clone(),
                model: model.as_deref().cloned(),
                again: asking.again,
            }),
        }
    }
}

/// True if a question with this status, or a new one, is to be worked on.
fn is_missing(status: Option<Status>, retries_failed: bool) -> bool {
    match status {
        Some(Status::Done) => false,
        Some(Status::Failed) => retries_failed,
        None | Some(Status::Pending | Status::Running | Status::Interrupted | Status::Incomplete) => true,
    }
}

/// The model that answers in place of each agent's own.
fn answering_model(asking: &Asking, selection: &Selection) -> Result<Option<Arc<ModelSpec>>, LabError> {
    let model = match &asking.model {
        _ if asking.offline => Some(ModelSpec::bare(SCRIPTED)),
        Some(name) if name == HUMAN => {
            let message = "--model human: a person cannot answer in this version".to_owned();
            return Err(Obstacle::usage(message, None).into());
        }
        Some(name) => Some(model_named(&selection.document, name)?),
        None => None,
    };
    Ok(model.map(Arc::new))
}

/// Keeps the conversations whose condition matches one of the expressions.
fn select_conditions(subjects: &mut Vec<(ConversationRecord, Origin)>, only: &[Expression]) -> Result<(), LabError> {
    if only.is_empty() {
        return Ok(());
    }
    if let Some((_, first)) = subjects.first() {
        let conditions: Vec<&Condition> = subjects.iter().map(|(_, origin)| &*origin.condition).collect();
        for when in only.iter().flat_map(|expression| &expression.all) {
            check_only(&first.experiment, &conditions, when)?;
        }
    }
    subjects.retain(|(_, origin)| only.iter().any(|e| origin.condition.satisfies(&origin.experiment, &e.all)));
    Ok(())
}

/// Returns the roles to ask: the given ones, else all, as written.
fn choose_roles(given: &[String], subjects: &[(ConversationRecord, Origin)]) -> Result<Vec<String>, LabError> {
    let mut known: Vec<String> = Vec::new();
    for role in subjects.iter().flat_map(|(_, origin)| &origin.experiment.roles) {
        if !known.contains(&role.name) {
            known.push(role.name.clone());
        }
    }
    if let Some(unknown) = given.iter().find(|role| !known.contains(role)) {
        let near = did_you_mean(unknown, known.iter().map(String::as_str));
        let hint = near.unwrap_or_else(|| format!("its roles: {}", known.join(", ")));
        return Err(Obstacle::usage(format!("--role {unknown}: there is no such role"), hint).into());
    }
    known.retain(|role| given.is_empty() || given.contains(role));
    Ok(known)
}

/// Estimates the tokens of one question to these agents: each reads its system prompt and the last day.
fn estimate_tokens(setting: &Setting, asked: &[Participant], log: &[Entry], model: Option<&ModelSpec>) -> Tokens {
    let last = log.last().map_or(1, |entry| entry.day);
    let read: usize = log.iter().filter(|e| e.day == last && e.kind.is_message()).map(|e| e.content.len()).sum();
    let mut tokens = Tokens::default();
    for agent in setting.agents.iter().filter(|agent| asked.iter().any(|p| p.name == agent.name)) {
        let model = model.unwrap_or(&agent.model);
        tokens.add(&estimate::count_call_tokens((agent.prompt.len() + read) as u64, model), 1.0);
    }
    tokens
}
