//! Copies everything from one database to another: documents, experiments, runs, then conversations in the order of
//! their keys, then the questions about them. The copy reports each refused item by name and continues. A repeated copy
//! skips equal data without reading it.

use crate::process::Flag;
use crate::process::log::Entry;
use crate::store::{
    ConversationRecord, ConversationUpdate, Filter, ProcessKind, Standing, Status, Store, StoreError, TransferItem,
};
use futures_util::future::join_all;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

/// Number of records in one read.
const PAGE: u32 = 1000;
/// Number of conversations in transit at a time, with their logs and calls.
const ON_THE_WAY: usize = 50;

/// Numbers of copied items, and the conflicts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copied {
    /// Documents that the target lacked.
    pub documents: u64,
    /// Experiments sent.
    pub experiments: u64,
    /// Runs sent.
    pub runs: u64,
    /// Conversations and questions sent.
    pub conversations: u64,
    /// Entries in them.
    pub entries: u64,
    /// Conversations and questions that were equal in both databases.
    pub equal: u64,
    /// Running conversations; their copies are interrupted.
    pub running: u64,
    /// Refused items, each with the reason.
    pub conflicts: Vec<String>,
}

/// Progress of a copy.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// Current experiment.
    pub experiment: &'a str,
    /// Conversations and questions compared so far.
    pub done: u64,
    /// Conversations and questions of the experiments so far.
    pub known: u64,
}

/// Copies everything and reports progress to `told`. A dropped future leaves only complete conversations.
pub async fn copy(
    from: &dyn Store,
    to: &dyn Store,
    told: &mut (dyn FnMut(Progress<'_>) + Send),
    copied: &mut Copied,
) -> Result<(), StoreError> {
    documents(from, to, copied).await?;
    let dated = Dated::read(from, to).await?;
    let mut there: HashSet<String> = to.records().await?.into_iter().map(|e| e.id).collect();
    let mut progress = (0, 0);
    for experiment in from.records().await? {
        let (id, name) = (experiment.id.clone(), experiment.name.clone());
        let was_there = there.contains(&id);
        if taken(to.receive(TransferItem::Experiment(experiment)).await, &mut copied.conflicts)? {
            copied.experiments += 1;
            there.insert(id.clone());
        }
        if !there.contains(&id) {
            // Without the experiment, its runs and conversations cannot be stored.
            continue;
        }
        let conversations = Known::read(from, to, &id, ProcessKind::Conversation).await?;
        let questions = Known::read(from, to, &id, ProcessKind::Question).await?;
        runs(from, to, &id, copied).await?;
        for known in [conversations, questions] {
            let mut pair = Pair {
                from,
                to,
                experiment: &name,
                known,
                dated: &dated,
                told: &mut *told,
                progress,
                copied: &mut *copied,
            };
            pair.processes(&id, was_there).await?;
            progress = pair.progress;
        }
    }
    marks(from, to).await
}

/// Returns true if the target stored the item. A conflict is recorded, not returned as an error.
fn taken(sent: Result<(), StoreError>, conflicts: &mut Vec<String>) -> Result<bool, StoreError> {
    match sent {
        Err(error @ (StoreError::Refused { .. } | StoreError::Held { .. } | StoreError::Superseded { .. })) => {
            conflicts.push(error.to_string());
            Ok(false)
        }
        sent => sent.map(|()| true),
    }
}

async fn documents(from: &dyn Store, to: &dyn Store, copied: &mut Copied) -> Result<(), StoreError> {
    let there: HashSet<String> = to.revisions().await?.into_iter().collect();
    for hash in from.revisions().await?.into_iter().filter(|hash| !there.contains(hash)) {
        // A document deleted meanwhile belongs to nothing.
        if let Some(document) = from.document(&hash).await? {
            to.receive(TransferItem::Document(Box::new(document), hash)).await?;
            copied.documents += 1;
        }
    }
    Ok(())
}

async fn marks(from: &dyn Store, to: &dyn Store) -> Result<(), StoreError> {
    let there = to.marks().await?;
    for mark in from.marks().await?.into_iter().filter(|mark| !there.contains(mark)) {
        to.receive(TransferItem::Mark(mark)).await?;
    }
    Ok(())
}

async fn runs(from: &dyn Store, to: &dyn Store, experiment: &str, copied: &mut Copied) -> Result<(), StoreError> {
    let there: HashMap<String, _> = to.runs(experiment).await?.into_iter().map(|r| (r.id.clone(), r)).collect();
    for run in from.runs(experiment).await? {
        if there.get(&run.id) != Some(&run)
            && taken(to.receive(TransferItem::Run(Box::new(run))).await, &mut copied.conflicts)?
        {
            copied.runs += 1;
        }
    }
    Ok(())
}

/// Items and persons of the marks whose instants are known. After the conversations, the later mark of a person is stored.
struct Dated(HashSet<(String, String)>);

impl Dated {
    async fn read(from: &dyn Store, to: &dyn Store) -> Result<Self, StoreError> {
        let marks = from.marks().await?.into_iter().chain(to.marks().await?);
        Ok(Self(marks.map(|mark| (mark.item, mark.person)).collect()))
    }

    /// Returns a record without its creator's mark if the instant of that mark decides.
    fn without_mark(&self, record: ConversationRecord) -> ConversationRecord {
        if self.0.contains(&(record.id.clone(), record.creator.clone())) {
            ConversationRecord { starred: false, note: None, ..record }
        } else {
            record
        }
    }
}

/// Returns true if the agents of a conversation read the same in both logs.
fn same(one: &[Entry], other: &[Entry]) -> bool {
    let read = |e: &Entry| (e.seq, e.kind, e.speaker.clone(), e.content.clone());
    one.iter().map(read).eq(other.iter().map(read))
}

/// Summary of a log in a conversation's record.
type Short = (bool, u32, u32);

/// Processes of one kind of an experiment in both databases.
struct Known {
    kind: ProcessKind,
    from: HashMap<String, Short>,
    to: HashMap<String, Short>,
    /// True if the target has every run of the source. Otherwise equal lengths do not mean equal logs.
    one_history: bool,
}

impl Known {
    async fn read(from: &dyn Store, to: &dyn Store, experiment: &str, kind: ProcessKind) -> Result<Self, StoreError> {
        let ids = |runs: Vec<crate::store::RunRecord>| runs.into_iter().map(|r| r.id).collect::<HashSet<String>>();
        let (ours, theirs) = (ids(from.runs(experiment).await?), ids(to.runs(experiment).await?));
        let short = |s: Standing| (s.id, (s.begun, s.answered, s.possible_spend));
        Ok(Self {
            kind,
            from: from.standing(experiment, kind).await?.into_iter().map(short).collect(),
            to: to.standing(experiment, kind).await?.into_iter().map(short).collect(),
            one_history: theirs.is_subset(&ours),
        })
    }

    fn equal(&self, id: &str) -> bool {
        self.one_history && self.from.get(id).is_some_and(|short| self.to.get(id) == Some(short))
    }
}

type Flagged = (ConversationRecord, Vec<Flag>);

/// Processes of one kind of an experiment, in the order of their keys.
struct Reader<'a> {
    store: &'a dyn Store,
    filter: Filter,
    after: Option<String>,
    page: VecDeque<Flagged>,
}

impl<'a> Reader<'a> {
    fn new(store: &'a dyn Store, experiment: &str, kind: ProcessKind) -> Self {
        let filter = Filter { experiment: Some(experiment.to_owned()), revision: None, kind };
        Self { store, filter, after: Some(String::new()), page: VecDeque::new() }
    }

    async fn fill(&mut self) -> Result<(), StoreError> {
        if self.page.is_empty()
            && let Some(after) = self.after.take()
        {
            self.page = self.store.page(&self.filter, &after, PAGE).await?.into();
            self.after = self.page.back().map(|(c, _)| c.key.clone());
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Flagged>, StoreError> {
        self.fill().await?;
        Ok(self.page.pop_front())
    }

    /// Returns the process with this key.
    async fn of(&mut self, key: &str) -> Result<Option<Flagged>, StoreError> {
        loop {
            self.fill().await?;
            match self.page.front() {
                Some((c, _)) if c.key.as_str() < key => drop(self.page.pop_front()),
                Some((c, _)) if c.key == key => return Ok(self.page.pop_front()),
                _ => return Ok(None),
            }
        }
    }
}

/// Two databases during the copy of one experiment.
struct Pair<'a, 'b> {
    from: &'a dyn Store,
    to: &'a dyn Store,
    experiment: &'a str,
    known: Known,
    dated: &'a Dated,
    told: &'b mut (dyn FnMut(Progress<'_>) + Send),
    /// Numbers of compared and of known processes.
    progress: (u64, u64),
    copied: &'b mut Copied,
}

impl Pair<'_, '_> {
    async fn processes(&mut self, id: &str, was_there: bool) -> Result<(), StoreError> {
        let kind = self.known.kind;
        let (mut ours, mut theirs) = (Reader::new(self.from, id, kind), Reader::new(self.to, id, kind));
        let mut waiting = Vec::new();
        self.progress.1 += self.known.from.len() as u64;
        while let Some((record, flags)) = ours.next().await? {
            let there = if was_there { theirs.of(&record.key).await? } else { None };
            if there.is_some_and(|there| there == (record.as_copied(), flags)) && self.known.equal(&record.id) {
                self.copied.equal += 1;
                self.tell(1);
                continue;
            }
            waiting.push(record);
            if waiting.len() == ON_THE_WAY {
                self.send(std::mem::take(&mut waiting)).await?;
            }
        }
        self.send(waiting).await
    }

    /// Removes the questions whose conversation is unfinished in the target or has another log there.
    async fn refuse(&mut self, records: &mut Vec<ConversationRecord>) -> Result<(), StoreError> {
        let subjects: BTreeSet<String> = records.iter().filter_map(|r| r.subject.clone()).collect();
        let subjects: Vec<String> = subjects.into_iter().collect();
        if subjects.is_empty() {
            return Ok(());
        }
        let wanted: Vec<_> = subjects.iter().map(|id| (id.clone(), 0)).collect();
        let there: HashMap<String, ConversationUpdate> =
            self.to.news(&wanted).await?.into_iter().map(|news| (news.0.id.clone(), news)).collect();
        let here: HashMap<String, Vec<Entry>> =
            self.from.news(&wanted).await?.into_iter().map(|(record, log)| (record.id, log)).collect();
        records.retain(|question| {
            let Some(subject) = &question.subject else { return true };
            let why = match (here.get(subject), there.get(subject)) {
                (Some(here), Some((record, log))) if record.status == Status::Done => {
                    if same(here, log) {
                        return true;
                    }
                    "has another log there"
                }
                _ => "is not done there",
            };
            let what = format!("question {}: conversation {subject} {why}", question.id);
            self.copied.conflicts.push(StoreError::Refused { what }.to_string());
            false
        });
        Ok(())
    }

    fn tell(&mut self, more: u64) {
        self.progress.0 += more;
        let (done, known) = self.progress;
        (self.told)(Progress { experiment: self.experiment, done, known });
    }

    async fn send(&mut self, mut records: Vec<ConversationRecord>) -> Result<(), StoreError> {
        let number = records.len() as u64;
        self.refuse(&mut records).await?;
        let ids: Vec<String> = records.iter().map(|r| r.id.clone()).collect();
        // A call is written before its entry, so reading logs first finds the call of every entry. A later call lies
        // beyond the log's end, as after a kill.
        let logs = self.from.logs(&ids).await?;
        let calls = self.from.calls_of(&ids).await?;
        let (to, mut sent) = (self.to, Vec::new());
        for ((mut record, log), calls) in records.into_iter().zip(logs).zip(calls) {
            if record.status == Status::Pending && !log.is_empty() {
                record.status = Status::Running;
            }
            self.copied.running += u64::from(record.status == Status::Running);
            let entries = log.len() as u64;
            let record = Box::new(self.dated.without_mark(record));
            let item = TransferItem::Conversation { record, log, calls };
            sent.push(async move { (entries, to.receive(item).await) });
        }
        let mut failed = None;
        for (entries, received) in join_all(sent).await {
            match taken(received, &mut self.copied.conflicts) {
                Ok(true) => {
                    self.copied.conversations += 1;
                    self.copied.entries += entries;
                }
                Ok(false) => {}
                Err(error) => failed = Some(error),
            }
        }
        self.tell(number);
        failed.map_or(Ok(()), Err)
    }
}
