//! Running conversations of an experiment: questions, the plan, and then the run.

use super::progress::{self, resume_words};
use super::select::Selected;
use super::session::{Guide, HINT};
use crate::cli::args::{Cli, Command};
use crate::cli::changes;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::prompt;
use crate::design::effect::bad_level;
use crate::design::{Experiment, ModelSpec, Plan, Speakers, Value, key};
use crate::lab::change::changed_document;
use crate::lab::{Extended, Lab, Planned, Standings};
use clap::Parser;

/// A question about a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    More,
    Models,
    Messages,
    Days,
    EachDay,
    Agents(usize),
    EachCombination,
    Speakers,
}

/// The answers, which start with the experiment's own values.
#[derive(Debug, Clone, PartialEq)]
struct Answers {
    more: u32,
    models: Vec<bool>,
    messages: u32,
    days: u32,
    each_day: bool,
    agents: Vec<u32>,
    each_combination: bool,
    speakers: String,
}

impl Answers {
    fn of(document: &Experiment, more: u32) -> Self {
        Self {
            more,
            models: vec![true; document.models.len()],
            messages: document.protocol.messages,
            days: document.protocol.days,
            each_day: false,
            agents: document.roles.iter().map(|r| r.agents).collect(),
            each_combination: false,
            speakers: document.protocol.speakers.word().to_owned(),
        }
    }

    /// Returns the questions, in order. Values set by a factor are not asked.
    fn steps(&self, document: &Experiment) -> Vec<Step> {
        let free = |name: &str| !is_factor(document, name);
        let mut steps = vec![Step::More];
        steps.extend((document.models.len() > 1 && free("model")).then_some(Step::Models));
        steps.extend(free("messages").then_some(Step::Messages));
        if free("days") {
            steps.push(Step::Days);
            steps.extend((self.days > 1).then_some(Step::EachDay));
        }
        let roles: Vec<usize> = (0..document.roles.len()).filter(|i| free(&agents_axis(document, *i))).collect();
        steps.extend(roles.iter().map(|i| Step::Agents(*i)));
        steps.extend(roles.iter().any(|i| self.agents[*i] > 1).then_some(Step::EachCombination));
        steps.extend(free("speakers").then_some(Step::Speakers));
        steps
    }

    /// Returns the flags of `plan` and `run` for values that differ from the experiment.
    fn changed_flags(&self, document: &Experiment) -> Vec<String> {
        let mut flags = self.range_flags(document);
        flags.extend(self.changed_scalars(document).into_iter().flat_map(|(key, value)| match key {
            Scalar::Key(key) => [format!("--{key}"), value],
            Scalar::Agents(role) => ["--agents".to_owned(), format!("{}={value}", document.roles[role].name)],
        }));
        flags
    }

    /// Returns the flags that an experiment cannot store: a selection of models, and ranges.
    fn range_flags(&self, document: &Experiment) -> Vec<String> {
        let mut flags = Vec::new();
        if self.models.contains(&false) {
            let chosen = document.models.iter().zip(&self.models).filter(|(_, ticked)| **ticked);
            flags.extend(chosen.flat_map(|(m, _)| ["--model".to_owned(), ModelSpec::name(m).to_owned()]));
        }
        if self.is_range_of_days(document) {
            flags.extend(["--days".to_owned(), format!("1..{}", self.days)]);
        }
        for (role, number) in document
            .roles
            .iter()
            .zip(&self.agents)
            .enumerate()
            .filter(|(i, _)| self.is_range_of(document, *i))
            .map(|(_, of)| of)
        {
            flags.extend(["--agents".to_owned(), format!("{}=1..{number}", role.name)]);
        }
        flags
    }

    fn is_range_of_days(&self, document: &Experiment) -> bool {
        self.each_day && self.days > 1 && !is_factor(document, "days")
    }

    fn is_range_of(&self, document: &Experiment, role: usize) -> bool {
        self.each_combination && self.agents[role] > 1 && !is_factor(document, &agents_axis(document, role))
    }

    /// Returns the changed values that are not ranges.
    fn changed_scalars(&self, document: &Experiment) -> Vec<(Scalar, String)> {
        let is_days = self.is_range_of_days(document);
        let different = self.changed_values(document).into_iter();
        let plain = different.filter(|(key, _)| match key {
            Scalar::Key(key) => *key != "days" || !is_days,
            Scalar::Agents(role) => !self.is_range_of(document, *role),
        });
        plain.collect()
    }

    /// Returns the changed values; of a range, its upper end.
    fn changed_values(&self, document: &Experiment) -> Vec<(Scalar, String)> {
        let protocol = &document.protocol;
        let mut found = Vec::new();
        if self.messages != protocol.messages {
            found.push((Scalar::Key("messages"), self.messages.to_string()));
        }
        if self.days != protocol.days {
            found.push((Scalar::Key("days"), self.days.to_string()));
        }
        for (i, (role, number)) in document.roles.iter().zip(&self.agents).enumerate() {
            if role.agents != *number {
                found.push((Scalar::Agents(i), number.to_string()));
            }
        }
        if self.speakers != protocol.speakers.word() {
            found.push((Scalar::Key("speakers"), self.speakers.clone()));
        }
        found
    }

    /// Returns the flags of `edit` that store the answers in the experiment.
    fn edit_flags(&self, document: &Experiment) -> Vec<String> {
        let set = |(key, value): (Scalar, String)| match key {
            Scalar::Key(key) => format!("{key}={value}"),
            Scalar::Agents(role) => format!("agents.{}={value}", quote_key(&document.roles[role].name)),
        };
        self.changed_values(document).into_iter().flat_map(|one| ["--set".to_owned(), set(one)]).collect()
    }
}

/// A setting of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scalar {
    Key(&'static str),
    Agents(usize),
}

fn is_factor(document: &Experiment, name: &str) -> bool {
    document.factors.iter().any(|f| f.name == name)
}

fn agents_axis(document: &Experiment, role: usize) -> String {
    format!("agents.{}", document.roles[role].name)
}

/// Quotes a role's name for use in a dotted key.
fn quote_key(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_ ".contains(c);
    if name.chars().all(is_plain) { name.to_owned() } else { format!("{name:?}") }
}

/// Outcome of a question.
enum StepOutcome {
    Answered,
    Back,
    Leave,
}

impl Guide {
    /// Asks for a batch and runs it; true if anything was run.
    pub(super) async fn ask_batch(&mut self, id: &str) -> Result<bool, CliError> {
        let Some(selected) = self.load_selected(id).await? else { return Ok(false) };
        let (record, document) = (&selected.record, &selected.document);
        let Some(standings) = self.read(async |lab| Ok(lab.load_standings(record, document).await?)).await? else {
            return Ok(false);
        };
        progress::print_counts(&standings, &self.context.printer, &selected.word);
        if let Some(ran) = self.ask_unfinished(&standings, &selected).await? {
            return Ok(ran);
        }
        self.say_factors(&selected.document);
        let usual = if standings.is_any() { 1 } else { selected.record.run.replicates };
        let mut answers = Answers::of(&selected.document, usual);
        let mut at = Step::More;
        loop {
            if !self.ask_all(&selected.document, &mut answers, at).await? {
                return Ok(false);
            }
            at = match self.show_plan(&selected, &answers).await? {
                None => Step::More,
                Some(()) if prompt::ask_yes_no(&self.context.terminal, "run it?", true, HINT).await? == Some(true) => {
                    return self.run_batch(&selected, &answers).await;
                }
                Some(()) => answers.steps(&selected.document).last().copied().unwrap_or(Step::More),
            };
        }
    }

    /// Offers to finish earlier work first; `None` if the person wants more conversations.
    async fn ask_unfinished(&mut self, standings: &Standings, selected: &Selected) -> Result<Option<bool>, CliError> {
        let mut offers: Vec<(String, Vec<String>)> = Vec::new();
        if let Some(run) = &standings.unfinished {
            offers.push((format!("finish the {} that are left", run.left), resume_words(run, &selected.word)));
        }
        if standings.failed > 0 {
            let words = ["run", &selected.word, "--retry-failed"].map(str::to_owned).to_vec();
            offers.push((format!("give the {} that failed another chance", standings.failed), words));
        }
        if offers.is_empty() {
            return Ok(None);
        }
        let mut items: Vec<String> = offers.iter().map(|(item, _)| item.clone()).collect();
        items.extend(["run more", "back"].map(str::to_owned));
        match prompt::ask_one_of(&self.context.terminal, "which conversations?", &items, 0, HINT).await? {
            Some(place) if place < offers.len() => {
                self.run_words(&offers[place].1).await?;
                Ok(Some(true))
            }
            Some(place) if place == offers.len() => Ok(None),
            _ => Ok(Some(false)),
        }
    }

    /// Explains which questions are skipped.
    fn say_factors(&self, document: &Experiment) {
        let roles = (0..document.roles.len()).map(|i| agents_axis(document, i));
        let names = ["model", "messages", "days", "speakers"].into_iter().map(str::to_owned).chain(roles);
        let set: Vec<String> = names.filter(|name| is_factor(document, name)).collect();
        if !set.is_empty() {
            self.say(&format!("its factors set {}, so that is not asked", set.join(", ")));
        }
    }

    /// Asks the questions from `from` on. Esc goes back one question, or leaves from the first.
    async fn ask_all(&self, document: &Experiment, answers: &mut Answers, from: Step) -> Result<bool, CliError> {
        let mut at = from;
        loop {
            let asked = self.ask_batch_step(document, answers, at).await?;
            // An answer may add or remove questions.
            let steps = answers.steps(document);
            let place = steps.iter().position(|step| *step == at).unwrap_or(0);
            let next = match asked {
                StepOutcome::Leave => return Ok(false),
                StepOutcome::Back => place.checked_sub(1).map(|place| steps[place]),
                StepOutcome::Answered if place + 1 == steps.len() => return Ok(true),
                StepOutcome::Answered => steps.get(place + 1).copied(),
            };
            match next {
                Some(step) => at = step,
                None => return Ok(false),
            }
        }
    }

    async fn ask_batch_step(
        &self,
        document: &Experiment,
        answers: &mut Answers,
        step: Step,
    ) -> Result<StepOutcome, CliError> {
        let answered = match step {
            Step::More => {
                let question = "how many more of each condition? (0: none)";
                match self.ask_number(question, "", answers.more).await? {
                    Some(0) => return Ok(StepOutcome::Leave),
                    more => more.map(|n| answers.more = n),
                }
            }
            Step::Models => self.ask_models(document, &answers.models).await?.map(|models| answers.models = models),
            Step::Messages => {
                let question = "messages of a conversation, each day's opening among them";
                self.ask_number(question, "messages", answers.messages).await?.map(|n| answers.messages = n)
            }
            Step::Days => self.ask_number("days", "days", answers.days).await?.map(|n| answers.days = n),
            Step::EachDay => {
                let question = format!("each number of days from 1 to {}?", answers.days);
                let yes = prompt::ask_yes_no(&self.context.terminal, &question, answers.each_day, HINT).await?;
                yes.map(|yes| answers.each_day = yes)
            }
            Step::Agents(role) => {
                let question = format!("agents of {}, at most", document.roles[role].name);
                let number = self.ask_number(&question, &agents_axis(document, role), answers.agents[role]).await?;
                number.map(|n| answers.agents[role] = n)
            }
            Step::EachCombination => {
                let question = "each combination of agents, from 1 of each role?";
                let yes = prompt::ask_yes_no(&self.context.terminal, question, answers.each_combination, HINT).await?;
                yes.map(|yes| answers.each_combination = yes)
            }
            Step::Speakers => self.ask_speakers(&answers.speakers).await?.map(|speakers| answers.speakers = speakers),
        };
        Ok(if answered.is_some() { StepOutcome::Answered } else { StepOutcome::Back })
    }

    /// Asks for a whole number; with a `key`, for a valid level of that key of the protocol.
    async fn ask_number(&self, question: &str, key: &str, usual: u32) -> Result<Option<u32>, CliError> {
        let mut text = usual.to_string();
        loop {
            let Some(typed) = prompt::ask_line(&self.context.terminal, question, &text, HINT).await? else {
                return Ok(None);
            };
            let number = typed.parse::<u32>().ok();
            let value = Value::Int(number.unwrap_or_default().into());
            let right = (!key.is_empty()).then(|| bad_level(key, &value)).flatten();
            match (number, right) {
                (Some(number), None) => return Ok(Some(number)),
                (_, right) => {
                    let right = right.unwrap_or_else(|| "a whole number".to_owned());
                    self.say(&format!("`{typed}` will not do: write {right}"));
                    text = typed;
                }
            }
        }
    }

    /// Asks for at least one model.
    async fn ask_models(&self, document: &Experiment, ticked: &[bool]) -> Result<Option<Vec<bool>>, CliError> {
        let names: Vec<String> = document.models.iter().map(|m| m.name().to_owned()).collect();
        loop {
            let Some(chosen) = prompt::ask_several(&self.context.terminal, "models", &names, ticked, HINT).await?
            else {
                return Ok(None);
            };
            if !chosen.is_empty() {
                return Ok(Some((0..names.len()).map(|i| chosen.contains(&i)).collect()));
            }
            self.say("tick at least one with the space bar");
        }
    }

    async fn ask_speakers(&self, usual: &str) -> Result<Option<String>, CliError> {
        let items: Vec<String> = Speakers::ALL.iter().map(|s| format!("{s}: {}", s.line())).collect();
        let at = Speakers::WORDS.iter().position(|word| *word == usual).unwrap_or(0);
        let chosen = prompt::ask_one_of(&self.context.terminal, "who speaks next?", &items, at, HINT).await?;
        Ok(chosen.map(|place| Speakers::WORDS[place].to_owned()))
    }

    /// Shows the plan; `None` if the run cannot be planned, which the command reports.
    async fn show_plan(&mut self, selected: &Selected, answers: &Answers) -> Result<Option<()>, CliError> {
        let reached = self.read(async |lab| self.total_replicates(lab, selected, answers).await).await?;
        let Some(replicates) = reached else { return Ok(None) };
        let mut words =
            vec!["plan".to_owned(), selected.word.clone(), "--replicates".to_owned(), replicates.to_string()];
        words.extend(answers.changed_flags(&selected.document));
        Ok((self.run_words(&words).await? == Exit::Done).then_some(()))
    }

    /// Computes the total replicates of `run --more N`, after the answers are stored.
    async fn total_replicates(&self, lab: &Lab, selected: &Selected, answers: &Answers) -> Result<u32, CliError> {
        let document = self.document_after(selected, answers)?;
        let words = self.batch_words(selected, answers);
        let cli = Cli::try_parse_from(std::iter::once("convoke").chain(words.iter().map(String::as_str)));
        let Some(Command::Run(args)) = cli.ok().and_then(|cli| cli.command) else { return Ok(answers.more) };
        let overrides = args.narrow.narrowing().read_overrides()?;
        // `plan` reports the error better.
        let Ok(plan) = Plan::new(&document, &overrides) else { return Ok(answers.more) };
        let cells = plan.selected(&document, &overrides)?;
        let mut planned = Planned {
            what: selected.word.clone(),
            revision: key::hash_revision(&document),
            experiment: document,
            record: Some(selected.record.clone()),
            creator: selected.record.creator.clone(),
            overrides,
            plan,
            cells,
            alone: false,
            warnings: Vec::new(),
        };
        let Extended { replicates, continues } = lab.extend_plan(&mut planned, answers.more).await?;
        if continues {
            self.say("a batch like this is not finished: this goes on with it and adds none");
        }
        Ok(replicates)
    }

    /// Returns the experiment as it will be after the answers are stored.
    fn document_after(&self, selected: &Selected, answers: &Answers) -> Result<Experiment, CliError> {
        let kept = self.edit_flags(selected, answers);
        let words = ["convoke", "edit", &selected.word].into_iter().chain(kept.iter().map(String::as_str));
        let Some(Command::Edit(args)) = Cli::try_parse_from(words).ok().and_then(|cli| cli.command) else {
            return Ok(selected.document.clone());
        };
        if kept.is_empty() {
            return Ok(selected.document.clone());
        }
        let changes = changes::read(&self.context, &args.changes)?;
        let done = changed_document(&selected.document, &changes, &self.context.settings.servers);
        Ok(done.map_err(|error| self.context.refused(error))?.0)
    }

    /// Returns the flags of `edit` that store the answers; none for another person's experiment.
    fn edit_flags(&self, selected: &Selected, answers: &Answers) -> Vec<String> {
        if self.is_mine(&selected.record.creator) { answers.edit_flags(&selected.document) } else { Vec::new() }
    }

    fn batch_words(&self, selected: &Selected, answers: &Answers) -> Vec<String> {
        let mut words = vec!["run".to_owned(), selected.word.clone(), "--more".to_owned(), answers.more.to_string()];
        words.extend(if self.is_mine(&selected.record.creator) {
            answers.range_flags(&selected.document)
        } else {
            answers.changed_flags(&selected.document)
        });
        words
    }

    /// Stores the answers and runs; true if anything was run.
    async fn run_batch(&mut self, selected: &Selected, answers: &Answers) -> Result<bool, CliError> {
        let kept = self.edit_flags(selected, answers);
        if !kept.is_empty() {
            let words = [vec!["edit".to_owned(), selected.word.clone()], kept].concat();
            if self.run_words(&words).await? != Exit::Done {
                return Ok(false);
            }
        }
        let words = self.batch_words(selected, answers);
        self.run_words(&words).await?;
        Ok(true)
    }
}
