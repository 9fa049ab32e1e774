//! Stored questions: lookup, continuation, selection for export.

use super::ask::{AskPlan, Asking};
use super::error::LabError;
use super::filters::Offline;
use super::left_out::LeftOut;
use super::select::Selection;
use super::setup::Lab;
use crate::design::plan::SCRIPTED;
use crate::design::{ModelSpec, key};
use crate::exchange::{Of, Pages, Questioned};
use crate::process::Entry;
use crate::process::question::{Asked, log_hash};
use crate::store::{
    AskRecord, ConversationRecord, ConversationUpdate, ExperimentRecord, Filter, ProcessKind, RunRecord, Status,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Questions with one text and role in an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionCount {
    /// The question as typed.
    pub text: String,
    /// Role of the asked agents.
    pub role: String,
    /// Number of questions that are done.
    pub done: usize,
    /// Number of all others.
    pub left: usize,
}

impl Lab {
    /// Returns the current record of a conversation or question, with its log.
    ///
    /// # Errors
    /// [`LabError::NoConversation`] where it was deleted.
    pub async fn news_of(&self, id: &str) -> Result<ConversationUpdate, LabError> {
        let news = self.store.news(&[(id.to_owned(), 0)]).await?.pop();
        news.ok_or_else(|| LabError::NoConversation { id: id.to_owned() })
    }

    /// Returns the finished log that a question is about. It is empty for a conversation or a deleted subject.
    pub async fn subject_log(&self, record: &ConversationRecord) -> Result<Vec<Entry>, LabError> {
        let Some(subject) = &record.subject else { return Ok(Vec::new()) };
        self.log_of(subject).await
    }

    /// Returns the log of a conversation as it is now.
    pub async fn log_of(&self, id: &str) -> Result<Vec<Entry>, LabError> {
        let found = self.store.news(&[(id.to_owned(), 0)]).await?.pop();
        Ok(found.map(|(_, log)| log).unwrap_or_default())
    }

    /// Returns the questions about a finished conversation, with their logs, in the order of asking.
    pub async fn questions_about(
        &self,
        subject: &ConversationRecord,
        log: &[Entry],
    ) -> Result<Vec<ConversationUpdate>, LabError> {
        if subject.kind == ProcessKind::Question || subject.status != Status::Done {
            return Ok(Vec::new());
        }
        let hash = log_hash(log);
        let mut ids: Vec<(String, u32)> = Vec::new();
        for run in self.store.runs(&subject.experiment).await? {
            for id in run.ask.iter().flat_map(|ask| question_ids(subject, &hash, ask)) {
                if !ids.iter().any(|(known, _)| *known == id) {
                    ids.push((id, 0));
                }
            }
        }
        Ok(self.store.news(&ids).await?)
    }

    /// Plans one question again under its original plan.
    pub async fn question_again(
        &self,
        question: &ConversationRecord,
        record: ExperimentRecord,
    ) -> Result<AskPlan, LabError> {
        let lost = || LabError::NoRun { conversation: question.id.clone(), experiment: record.name.clone() };
        let asked = question.question.as_ref().ok_or_else(lost)?;
        let (subject, log) = self.news_of(question.subject.as_deref().unwrap_or_default()).await?;
        let origin = self.load_origins(&record).await?.find_origin(&subject).ok_or_else(lost)?;
        let runs = self.store.runs(&record.id).await?;
        let document = self.load_document(&record).await?;
        let selection = Selection::of_one(record, document, &subject);
        let asking = Asking {
            what: question.id.clone(),
            questions: vec![asked.text.clone()],
            roles: vec![asked.role.clone()],
            again: asked.again.unwrap_or(1),
            ..Asking::default()
        };
        for model in models_of(&runs) {
            let mut plan = AskPlan::without_questions(selection.clone(), asking.clone(), model, LeftOut::default());
            self.plan_subject(&mut plan, (&subject, &origin, &log), &asking.roles);
            if plan.keep_question(&question.key) {
                self.read_progress(&mut plan).await?;
                self.check_answering(&plan)?;
                return Ok(plan);
            }
        }
        let experiment = selection.record.name;
        Err(LabError::NoRun { conversation: question.id.clone(), experiment })
    }

    /// Returns the questions of a selection, or the single one that was named. They are ordered by the conversation's
    /// key, the text, the role and the number of the asking.
    pub async fn select_questions(&self, selection: &Selection) -> Result<Vec<Questioned>, LabError> {
        let mut questions = match &selection.of {
            Of::One(one) if one.kind == ProcessKind::Question => {
                let subject = self.news_of(one.subject.as_deref().unwrap_or_default()).await?.0;
                vec![Questioned { record: (**one).clone(), subject: subject.key }]
            }
            Of::One(one) => {
                let log = self.store.history(&one.id).await?.log;
                let about = self.questions_about(one, &log).await?;
                about.into_iter().map(|(record, _)| Questioned { record, subject: one.key.clone() }).collect()
            }
            Of::All(filter) => self.all_questions(filter, |_| true).await?,
            Of::Some(filter, ids) => self.all_questions(filter, |subject| ids.contains(subject)).await?,
        };
        questions.sort_by_cached_key(|Questioned { record, subject }| {
            let question = record.question.as_ref();
            let asked = question.map(|q| (q.text.clone(), q.role.clone(), q.again));
            (subject.clone(), asked, record.key.clone())
        });
        Ok(questions)
    }

    /// Returns the questions of a selection whose answers are exported, and the number of those that are left out: where
    /// others were begun, questions that `scripted` answers are apart, as offline conversations are.
    pub async fn select_answers(&self, selection: &Selection) -> Result<(Vec<Questioned>, usize), LabError> {
        let mut questions = self.select_questions(selection).await?;
        let number = questions.len();
        let is_begun = |record: &ConversationRecord| !record.offline && record.status != Status::Pending;
        match selection.offline {
            Offline::Apart if questions.iter().any(|question| is_begun(&question.record)) => {
                questions.retain(|question| !question.record.offline);
            }
            Offline::Apart | Offline::Mixed => {}
            Offline::Only => questions.retain(|question| question.record.offline),
        }
        let left_out = number - questions.len();
        Ok((questions, left_out))
    }

    /// Returns the questions about those conversations of an experiment whose ids are `wanted`.
    async fn all_questions(
        &self,
        filter: &Filter,
        wanted: impl Fn(&String) -> bool,
    ) -> Result<Vec<Questioned>, LabError> {
        let everything = |kind| Filter { revision: None, kind, ..filter.clone() };
        let questions = self.all_records(everything(ProcessKind::Question)).await?;
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let conversations = self.all_records(everything(ProcessKind::Conversation)).await?.into_iter();
        let keys: BTreeMap<String, String> =
            conversations.filter(|record| wanted(&record.id)).map(|record| (record.id, record.key)).collect();
        let questioned = |record: ConversationRecord| {
            let subject = keys.get(record.subject.as_ref()?)?.clone();
            Some(Questioned { record, subject })
        };
        Ok(questions.into_iter().filter_map(questioned).collect())
    }

    async fn all_records(&self, filter: Filter) -> Result<Vec<ConversationRecord>, LabError> {
        let (of, mut records) = (Of::All(filter), Vec::new());
        let mut pages = Pages::new(&*self.store, &of);
        loop {
            let page = pages.next().await?;
            if page.is_empty() {
                return Ok(records);
            }
            records.extend(page);
        }
    }

    /// Counts the questions of an experiment's current revision, in the order of first asking.
    pub async fn question_counts(&self, record: &ExperimentRecord) -> Result<Vec<QuestionCount>, LabError> {
        let filter = Filter {
            experiment: Some(record.id.clone()),
            revision: Some(record.revision.clone()),
            kind: ProcessKind::Question,
        };
        let mut questions = self.all_records(filter).await?;
        questions.sort_by(|a, b| (a.created, &a.key).cmp(&(b.created, &b.key)));
        let mut counts: Vec<QuestionCount> = Vec::new();
        for (status, asked) in questions.iter().filter_map(|q| Some((q.status, q.question.as_ref()?))) {
            let same = |count: &QuestionCount| count.text == asked.text && count.role == asked.role;
            let place = counts.iter().position(same).unwrap_or_else(|| {
                counts.push(QuestionCount { text: asked.text.clone(), role: asked.role.clone(), done: 0, left: 0 });
                counts.len() - 1
            });
            if status == Status::Done { counts[place].done += 1 } else { counts[place].left += 1 }
        }
        Ok(counts)
    }
}

/// Ids of the questions about a conversation that a run asked.
fn question_ids(subject: &ConversationRecord, log: &str, ask: &AskRecord) -> Vec<String> {
    let AskRecord { questions, roles, model, again } = ask;
    let mut asked: Vec<&str> = Vec::new();
    for participant in &subject.participants {
        let is_asked = roles.is_empty() || roles.contains(&participant.role);
        if is_asked && !asked.contains(&participant.role.as_str()) {
            asked.push(&participant.role);
        }
    }
    let model = model.as_ref().filter(|model| !(subject.offline && model.id == SCRIPTED));
    let mut ids = Vec::new();
    for (text, role) in questions.iter().flat_map(|text| asked.iter().map(move |role| (text, role))) {
        for again in 1..=*again {
            let again = (again > 1).then_some(again);
            let key = Asked { subject: &subject.key, log, role, text, model, again }.key();
            ids.push(key::conversation_id(&subject.experiment, &key));
        }
    }
    ids
}

/// Models that answered in recorded runs. The first is `None`: each agent's own.
fn models_of(runs: &[RunRecord]) -> Vec<Option<Arc<ModelSpec>>> {
    let mut models = vec![None];
    for model in runs.iter().filter_map(|run| run.ask.as_ref()?.model.clone()) {
        if !models.iter().flatten().any(|known: &Arc<ModelSpec>| **known == model) {
            models.push(Some(Arc::new(model)));
        }
    }
    models
}
