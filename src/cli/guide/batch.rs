//! Running conversations of an experiment: questions, the plan, and then the run.

use super::progress::{self, resume_words};
use super::select::{Newer, Selected};
use super::session::{Guide, HINT};
use super::varying::explain_obstacle;
use crate::cli::args::{Cli, Command};
use crate::cli::changes;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::prompt;
use crate::cli::terminal::text::count;
use crate::design::check::check;
use crate::design::effect::bad_level;
use crate::design::{Experiment, Plan, Problem, Severity, Speakers, Value, key};
use crate::lab::batch::{Batch, BatchWords, Step, agents_axis, parse_levels, write_levels};
use crate::lab::change::changed_document;
use crate::lab::{Extended, Lab, Planned, Standings};
use clap::Parser;

/// The place where a batch is run.
enum Place {
    /// In the experiment; `behind` is true if it leaves begun conversations behind.
    Here { behind: bool },
    /// In a copy of this name.
    Copy(String),
}

/// Answer to the question where to run.
enum Placement {
    /// At this place.
    At(Place),
    /// The person goes back one question.
    Back,
    /// The person runs nothing.
    Leave,
}

/// Answer to the offer to finish earlier work.
enum Earlier {
    /// There is nothing to finish.
    Nothing,
    /// It was run.
    Ran,
    /// The person wants more conversations.
    More,
    /// The person goes back.
    Left,
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
        let Some(mut selected) = self.load_selected(id).await? else { return Ok(false) };
        let (record, document) = (&selected.record, &selected.document);
        let Some(standings) = self.read(async |lab| Ok(lab.load_standings(record, document).await?)).await? else {
            return Ok(false);
        };
        progress::print_counts(&standings, &self.context, &selected.word);
        let usual = if standings.is_any() { 1 } else { selected.record.run.replicates };
        let mut answers = Batch::new(&selected.document, usual);
        let has_offers = standings.unfinished.is_some() || standings.failed > 0;
        let mut at = None;
        loop {
            let Some(from) = at.take() else {
                match self.ask_unfinished(&standings, &selected).await? {
                    Earlier::Ran => return Ok(true),
                    Earlier::Left => return Ok(false),
                    Earlier::More | Earlier::Nothing => at = Some(Step::More),
                }
                continue;
            };
            match self.ask_all(&selected, &mut answers, from).await? {
                StepOutcome::Answered => {}
                // Esc leads back to the offers, if there were any.
                StepOutcome::Back if has_offers => continue,
                StepOutcome::Back | StepOutcome::Leave => return Ok(false),
            }
            at = Some(Step::More);
            if self.show_plan(&selected, &answers).await?.is_none() {
                continue;
            }
            let place = match self.ask_place(&selected, &answers).await? {
                Placement::At(place) => place,
                Placement::Back => {
                    at = answers.list_steps(&selected.document).last().copied();
                    continue;
                }
                Placement::Leave => return Ok(false),
            };
            match self.load_newer(&selected).await? {
                Newer::Same => return self.run_batch(&selected, &answers, &place).await,
                Newer::Accepted(newer) => {
                    answers = answers.move_onto(&selected.document, &newer.document);
                    selected = *newer;
                }
                Newer::Refused => return Ok(false),
            }
        }
    }

    /// Offers to finish earlier work first.
    async fn ask_unfinished(&mut self, standings: &Standings, selected: &Selected) -> Result<Earlier, CliError> {
        let mut offers: Vec<(String, Vec<String>)> = Vec::new();
        if let Some(run) = &standings.unfinished {
            offers.push((format!("finish the {} that are left", run.left), resume_words(run, &selected.word)));
        }
        if standings.failed > 0 {
            let words = ["run", &selected.word, "--retry-failed"].map(str::to_owned).to_vec();
            offers.push((format!("give the {} that failed another chance", standings.failed), words));
        }
        if offers.is_empty() {
            return Ok(Earlier::Nothing);
        }
        let mut items: Vec<String> = offers.iter().map(|(item, _)| item.clone()).collect();
        items.extend(["run more", "back"].map(str::to_owned));
        match prompt::ask_one_of(&self.context.terminal, "which conversations?", &items, 0, HINT).await? {
            Some(place) if place < offers.len() => {
                self.run_words(&offers[place].1).await?;
                Ok(Earlier::Ran)
            }
            Some(place) if place == offers.len() => Ok(Earlier::More),
            _ => Ok(Earlier::Left),
        }
    }

    /// Asks the questions from `from` on. Esc goes back one question, or leaves from the first.
    async fn ask_all(&self, selected: &Selected, answers: &mut Batch, from: Step) -> Result<StepOutcome, CliError> {
        let mut at = from;
        let mut explained = "";
        loop {
            let explanation = explain_step(at);
            // It is not repeated for each role.
            if explanation != std::mem::replace(&mut explained, explanation) {
                self.say_dim(explanation);
            }
            let asked = self.ask_until_right(selected, answers, at).await?;
            // An answer may add or remove questions.
            let steps = answers.list_steps(&selected.document);
            let place = steps.iter().position(|step| *step == at).unwrap_or(0);
            at = match asked {
                StepOutcome::Leave => return Ok(StepOutcome::Leave),
                StepOutcome::Back if place == 0 => return Ok(StepOutcome::Back),
                StepOutcome::Back => steps[place - 1],
                StepOutcome::Answered if place + 1 == steps.len() => return Ok(StepOutcome::Answered),
                StepOutcome::Answered => steps[place + 1],
            };
        }
    }

    /// Asks a question. An answer that the experiment cannot have is told at once, and may be given again.
    async fn ask_until_right(
        &self,
        selected: &Selected,
        answers: &mut Batch,
        step: Step,
    ) -> Result<StepOutcome, CliError> {
        loop {
            let before = answers.clone();
            let asked = self.ask_batch_step(&selected.document, answers, step).await?;
            if !matches!(asked, StepOutcome::Answered) {
                return Ok(asked);
            }
            let (was, mut wrong) = (self.find_errors(selected, &before), self.find_errors(selected, answers));
            wrong.retain(|new| !was.iter().any(|old| (old.code, &old.message) == (new.code, &new.message)));
            if self.agree_to(&wrong).await? {
                return Ok(asked);
            }
        }
    }

    /// Returns the mistakes of the experiment with these answers.
    fn find_errors(&self, selected: &Selected, answers: &Batch) -> Vec<Problem> {
        let edit = answers.list_words(&selected.document, true).edit;
        let words = ["convoke", "edit", "x"].into_iter().chain(edit.iter().map(String::as_str));
        let Some(Command::Edit(args)) = Cli::try_parse_from(words).ok().and_then(|cli| cli.command) else {
            return Vec::new();
        };
        let files = changes::read(&self.context, &args.changes).map(|changes| changes.apply(&selected.document));
        // Obstacles of the change are reported with the plan.
        let Ok(Ok(files)) = files else { return Vec::new() };
        let mut problems = check(&files, &self.context.settings.servers.known_servers()).problems;
        problems.retain(|problem| problem.severity == Severity::Error);
        problems
    }

    async fn ask_batch_step(
        &self,
        document: &Experiment,
        answers: &mut Batch,
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
            Step::Levels(factor) => {
                let levels = self.ask_levels(document, factor, &answers.levels[factor]).await?;
                levels.map(|levels| answers.levels[factor] = levels)
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

    /// Asks which levels of a factor to run.
    async fn ask_levels(
        &self,
        document: &Experiment,
        factor: usize,
        usual: &[Value],
    ) -> Result<Option<Vec<Value>>, CliError> {
        let factor = &document.factors[factor];
        let (question, mut text) = (format!("levels of {}", factor.name), write_levels(usual));
        loop {
            let Some(typed) = prompt::ask_line(&self.context.terminal, &question, &text, HINT).await? else {
                return Ok(None);
            };
            match parse_levels(factor, &typed) {
                Ok(levels) => return Ok(Some(levels)),
                Err(wrong) => self.say(&explain_obstacle(&wrong)),
            }
            text = typed;
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
    async fn show_plan(&mut self, selected: &Selected, answers: &Batch) -> Result<Option<()>, CliError> {
        let reached = self.read(async |lab| self.total_replicates(lab, selected, answers).await).await?;
        let Some(replicates) = reached else { return Ok(None) };
        let mut words =
            vec!["plan".to_owned(), selected.word.clone(), "--replicates".to_owned(), replicates.to_string()];
        let BatchWords { plan, tied, .. } = self.list_words(selected, answers);
        words.extend(plan);
        if !tied.is_empty() {
            let names = tied.join(", ");
            self.say(&format!(
                "`[design]` combines the levels of {names}, so other levels are a flag and are not stored"
            ));
        }
        Ok((self.run_words(&words).await? == Exit::Done).then_some(()))
    }

    /// Computes the total replicates of `run --more N`, after the answers are stored.
    async fn total_replicates(&self, lab: &Lab, selected: &Selected, answers: &Batch) -> Result<u32, CliError> {
        let document = self.document_after(selected, answers)?;
        let words = run_line(selected, answers, &selected.word, self.is_mine(&selected.record.creator));
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
    fn document_after(&self, selected: &Selected, answers: &Batch) -> Result<Experiment, CliError> {
        let kept = self.list_words(selected, answers).edit;
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

    fn list_words(&self, selected: &Selected, answers: &Batch) -> BatchWords {
        answers.list_words(&selected.document, self.is_mine(&selected.record.creator))
    }

    /// Asks the last question: where to run. Nothing is changed before it.
    async fn ask_place(&self, selected: &Selected, answers: &Batch) -> Result<Placement, CliError> {
        let (Selected { record, document, word }, name) = (selected, &selected.record.name);
        let is_mine = self.is_mine(&record.creator);
        let changes = !answers.list_words(document, true).edit.is_empty();
        let read = self.read(async |lab| {
            let new = self.document_after(selected, answers)?;
            let current = lab.current_behind(record, document, &new).await?;
            Ok((current, changes && lab.left_behind(record, &new).await? > 0))
        });
        let Some(((finished, others), behind)) = read.await? else { return Ok(Placement::Back) };
        let here = if is_mine && finished + others > 0 {
            let number = count(finished, "finished conversation");
            let begun = if others > 0 { format!(" and {others} that had begun") } else { String::new() };
            self.say(&format!("{number}{begun} of `{name}` would become an older version: kept, but counted apart"));
            format!("run it in `{name}`")
        } else if !is_mine && changes {
            self.say(&format!("`{name}` is {}'s, so nothing is stored in it", record.creator));
            format!("run it in `{name}`, with flags")
        } else {
            return Ok(match prompt::ask_yes_no(&self.context.terminal, "run it?", true, HINT).await? {
                Some(true) => Placement::At(Place::Here { behind }),
                Some(false) => Placement::Leave,
                None => Placement::Back,
            });
        };
        let Some(copy) = self.free_name(name).await? else { return Ok(Placement::Back) };
        let items = [format!("run it in a copy, `{copy}`; `{word}` stays as it is"), here, "back".to_owned()];
        let chosen = prompt::ask_one_of(&self.context.terminal, "where?", &items, 0, HINT).await?;
        Ok(match chosen {
            Some(0) => Placement::At(Place::Copy(copy)),
            Some(1) => Placement::At(Place::Here { behind }),
            _ => Placement::Back,
        })
    }

    /// Stores the answers and runs; true if anything was run in the experiment itself.
    async fn run_batch(&mut self, selected: &Selected, answers: &Batch, place: &Place) -> Result<bool, CliError> {
        let (first, kept, word, mine) = match place {
            Place::Copy(name) => (vec!["duplicate", &selected.word, "--name", name], true, name, true),
            Place::Here { .. } => {
                let mine = self.is_mine(&selected.record.creator);
                (vec!["edit", &selected.word], false, &selected.word, mine)
            }
        };
        let BatchWords { edit, .. } = answers.list_words(&selected.document, mine);
        let first: Vec<String> = first.into_iter().map(str::to_owned).chain(edit.iter().cloned()).collect();
        if (kept || !edit.is_empty()) && self.run_words(&first).await? != Exit::Done {
            return Ok(false);
        }
        let mut run = run_line(selected, answers, word, mine);
        // The last question was about the conversations that are left behind.
        run.extend(matches!(place, Place::Here { behind: true } if mine).then(|| "--yes".to_owned()));
        self.run_words(&run).await?;
        Ok(matches!(place, Place::Here { .. }))
    }
}

/// Returns a line that explains a question.
fn explain_step(step: Step) -> &'static str {
    match step {
        Step::More => {
            "A condition is one combination of what varies. Each further conversation of it is a replicate: the same \
             terms, another seed."
        }
        Step::Models => "Each condition is held with each of these models.",
        Step::Messages => "The opening and everything the agents say count as messages.",
        Step::Days => "A new day begins with the opening again; agents know earlier days from a summary only.",
        Step::EachDay => "Yes compares conversations of one day, of two, and so on: the number of days is a factor.",
        Step::Agents(_) => "The role has so many agents, each with a name of its own.",
        Step::EachCombination => "Yes compares every number of agents of each role: the numbers are factors.",
        Step::Speakers => "The rule chooses the agent that speaks next.",
        Step::Levels(_) => "A level is one of the values that a factor compares. Leave out those that are not to run.",
    }
}

fn run_line(selected: &Selected, answers: &Batch, word: &str, mine: bool) -> Vec<String> {
    let mut words = ["run", word, "--more"].map(str::to_owned).to_vec();
    words.push(answers.more.to_string());
    words.extend(answers.list_words(&selected.document, mine).run);
    words
}
