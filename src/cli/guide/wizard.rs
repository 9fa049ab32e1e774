//! The wizard that creates, changes and copies experiments: one question after another, each of which can be revisited.
//! Every answer is saved in a draft at once; at the end one command saves the experiment.

use super::command::saving_command;
use super::draft_file::DraftFile;
use super::select::Selected;
use super::session::{Guide, HINT};
use crate::cli::commands::check::preview_of;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::prompt;
use crate::cli::terminal::text::count;
use crate::design::check::{Checked, KnownServer};
use crate::design::{Condition, Experiment, key};
use crate::lab::LabError;
use crate::lab::draft::{Base, Draft, Step};

/// The next place in the questions.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The next question.
    On,
    /// The previous question.
    Back,
    /// This question, and then those that it opens.
    To(Step),
    /// The menu; the draft is kept.
    Leave,
    /// The menu; the experiment is stored.
    Saved,
}

/// The end of the questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The experiment is stored.
    Saved,
    /// The person went back from the first question.
    Back,
    /// The person left.
    Left,
}

/// An experiment under construction.
pub(super) struct Wizard<'a> {
    pub guide: &'a mut Guide,
    pub draft: Draft,
    pub kept: Option<DraftFile>,
    pub servers: Vec<KnownServer>,
    /// The stored experiment's name in a command.
    word: String,
    /// Answered questions, the last one last.
    trail: Vec<Step>,
    /// True once the overview was reached: an answer leads to open questions only.
    jumped: bool,
    /// True once the placeholders were shown.
    pub told: bool,
    /// The last explanation.
    pub explained: &'static str,
}

impl Guide {
    /// Goes through the questions of a draft.
    pub(super) async fn run_wizard(
        &mut self,
        draft: Draft,
        kept: Option<DraftFile>,
        selected: Option<&Selected>,
    ) -> Result<End, CliError> {
        let servers = self.context.settings.servers.known_servers();
        self.context.terminal.typing.save_in(kept.as_ref().map(DraftFile::unfinished_file));
        self.say_dim("Enter takes what is shown, Esc goes back one question, Ctrl-C leaves; every answer is kept.");
        let word = selected.map(|selected| selected.word.clone()).unwrap_or_default();
        let (trail, jumped) = (Vec::new(), draft.base != Base::New);
        let (told, explained) = (false, "");
        let mut wizard = Wizard { guide: self, draft, kept, servers, word, trail, jumped, told, explained };
        if let Some(selected) = selected {
            wizard.move_onto_newer(selected).await?;
        }
        wizard.save_draft();
        let end = Box::pin(wizard.ask_all()).await?;
        wizard.guide.context.terminal.typing.save_in(None);
        Ok(end)
    }
}

impl Wizard<'_> {
    /// Asks all questions.
    async fn ask_all(&mut self) -> Result<End, CliError> {
        if !self.draft.list_steps().contains(&self.draft.step) {
            self.draft.step = self.draft.open_step();
        }
        loop {
            let step = self.draft.step.clone();
            match self.ask_until_right(&step).await? {
                Next::On => {
                    self.draft.mark_answered(&step);
                    let open = self.draft.open_step();
                    // A level that was added to a factor has no text yet.
                    self.jumped |= step == Step::Factors && matches!(open, Step::Text(_));
                    let on = self.draft.neighbour_step(&step, 1).filter(|_| !self.jumped);
                    self.draft.step = on.unwrap_or(open);
                    self.trail.push(step);
                }
                Next::Back => {
                    let Some(before) = self.find_step_before(&step) else {
                        self.leave_draft();
                        return Ok(End::Back);
                    };
                    self.draft.step = before;
                }
                Next::To(other) => {
                    self.trail.extend((other != step).then_some(step));
                    self.draft.step = other;
                }
                Next::Leave => {
                    self.leave_draft();
                    return Ok(End::Left);
                }
                Next::Saved => {
                    self.kept.take().into_iter().for_each(DraftFile::remove_files);
                    return Ok(End::Saved);
                }
            }
            self.save_draft();
        }
    }

    /// Returns the question before this one; `None` at the first.
    fn find_step_before(&mut self, step: &Step) -> Option<Step> {
        let steps = self.draft.list_steps();
        while let Some(before) = self.trail.pop() {
            if steps.contains(&before) && before != *step {
                return Some(before);
            }
        }
        match self.draft.base {
            Base::New => self.draft.neighbour_step(step, -1),
            Base::Copy(_) if *step == Step::Name => None,
            Base::Change(_) | Base::Copy(_) => (*step != Step::Overview).then_some(Step::Overview),
        }
    }

    /// Asks a question. If the answer makes another part wrong, the person may answer again.
    async fn ask_until_right(&mut self, step: &Step) -> Result<Next, CliError> {
        // The factors are checked one by one, and a text by itself.
        let is_checked = !matches!(step, Step::Factors | Step::Text(_) | Step::Opening | Step::Overview);
        let before = self.draft.clone();
        loop {
            let next = self.ask_step(step).await?;
            if next != Next::On || !is_checked {
                return Ok(next);
            }
            let wrong = self.draft.find_new_errors(&before, &self.servers);
            if self.guide.agree_to(&wrong).await? {
                return Ok(next);
            }
            self.draft = before.clone();
        }
    }

    /// Saves the draft.
    pub(super) fn save_draft(&self) {
        let Some(kept) = &self.kept else { return };
        if let Err(error) = kept.save_draft(&self.draft) {
            let warning = format!("the draft cannot be kept, so do not leave before it is saved: {error}");
            self.guide.context.printer.warn(&warning);
        }
    }

    fn leave_draft(&mut self) {
        if self.draft.is_untouched() {
            self.kept.take().into_iter().for_each(DraftFile::remove_files);
        } else if self.kept.is_some() {
            let item = match self.draft.base {
                Base::New => "create an experiment",
                Base::Change(_) => "change it",
                Base::Copy(_) => "duplicate and change",
            };
            self.guide.say(&format!("The draft is kept; `{item}` offers it."));
        }
    }

    /// Shows the experiment so far, or the differences, and asks what to do with it.
    pub(super) async fn show_overview(&mut self) -> Result<Next, CliError> {
        self.jumped = true;
        let checked = self.draft.check_draft(&self.servers);
        self.say_state(&checked);
        self.guide.say_problems(&checked.problems);
        let items = ["save", "preview the prompts", "change an answer", "leave (the draft is kept)"];
        let items = items.map(str::to_owned);
        let is_open = checked.has_errors() || self.is_unchanged();
        let usual = if is_open { 2 } else { 0 };
        loop {
            match prompt::ask_one_of(&self.guide.context.terminal, "what now?", &items, usual, HINT).await? {
                Some(0) if checked.has_errors() => self.guide.say("It is not right yet; see above."),
                Some(0) if self.is_unchanged() => {
                    self.guide.say("nothing was changed");
                    return Ok(Next::Leave);
                }
                Some(0) => match self.save_experiment(checked.experiment.as_ref()).await? {
                    Some(next) => return Ok(next),
                    None => self.save_draft(),
                },
                Some(1) => self.preview().await?,
                Some(2) => {
                    if let Some(step) = self.ask_which().await? {
                        return Ok(Next::To(step));
                    }
                }
                Some(_) => return Ok(Next::Leave),
                None => return Ok(Next::Back),
            }
        }
    }

    /// True for a change that changes nothing. A copy may be exact.
    fn is_unchanged(&self) -> bool {
        matches!(self.draft.base, Base::Change(_)) && self.draft.is_untouched()
    }

    fn say_state(&self, checked: &Checked) {
        let Draft { base, new, .. } = &self.draft;
        let title = match base {
            Base::New => None,
            Base::Change(_) if self.draft.is_untouched() => Some("nothing is changed yet"),
            Base::Copy(_) if self.draft.is_untouched() => Some("the copy is exact so far"),
            Base::Change(_) => Some("this is changed:"),
            Base::Copy(_) => Some("the copy differs in:"),
        };
        let Some(title) = title else {
            self.guide.say(&self.draft.describe_draft());
            return self.say_factors(checked);
        };
        self.guide.say(title);
        let mut old = self.draft.start();
        if matches!(base, Base::Copy(_)) {
            old.name.clone_from(&new.name);
        }
        let given = checked.experiment.clone().unwrap_or_else(|| new.clone());
        self.guide.say_differences(&old, &Experiment { note: new.note.clone(), ..given });
        self.say_factors(checked);
    }

    /// Prints the factors with their levels, and the number of conditions.
    pub(super) fn say_factors(&self, checked: &Checked) {
        if let Some(plan) = checked.plan.as_ref().filter(|_| !self.draft.new.factors.is_empty()) {
            let factors = self.draft.answer_to(&Step::Factors);
            self.guide.say(&format!("{factors}; {}", count(plan.conditions.len(), "condition")));
        }
    }

    /// Prints the prompts of all conditions, or of one.
    async fn preview(&self) -> Result<(), CliError> {
        let checked = self.draft.check_to_preview(&self.servers);
        let conditions = checked.plan.as_ref().map(|plan| plan.conditions.as_slice()).unwrap_or_default();
        let mut one = None;
        if conditions.len() > 1 {
            let items: Vec<String> =
                std::iter::once("all of them".to_owned()).chain(conditions.iter().map(Condition::name)).collect();
            let question = "which condition?";
            match prompt::ask_search(&self.guide.context.terminal, question, &items, HINT).await? {
                Some(at) => one = at.checked_sub(1).and_then(|at| conditions.get(at)),
                None => return Ok(()),
            }
        }
        preview_of(&self.guide.context, &checked, one).await
    }

    /// Asks which answer to change.
    async fn ask_which(&self) -> Result<Option<Step>, CliError> {
        let mut steps = self.draft.list_steps();
        steps.pop();
        let items: Vec<String> = steps.iter().map(|step| self.draft.answer_to(step)).collect();
        let chosen = prompt::ask_one_of(&self.guide.context.terminal, "which one?", &items, 0, HINT).await?;
        Ok(chosen.map(|at| steps.swap_remove(at)))
    }

    /// Stores the experiment; `None` if that failed. A crash before the draft is removed does no harm.
    async fn save_experiment(&mut self, built: Option<&Experiment>) -> Result<Option<Next>, CliError> {
        if let Some(origin) = self.draft.origin().cloned() {
            let Some(selected) = self.guide.load_selected(&origin.id).await? else {
                self.guide.say(&format!("`{}` is not in this database; the draft is kept.", self.draft.old.name));
                return Ok(None);
            };
            if selected.record.revision != origin.revision {
                let is_moved = self.move_onto_newer(&selected).await?;
                return Ok(is_moved.then_some(Next::To(Step::Overview)));
            }
        }
        let name = self.draft.new.name.clone();
        let there = if self.draft.base == Base::New { self.stored_revision(&name).await? } else { None };
        if there.is_some() && there == built.map(key::hash_revision) {
            self.guide.say(&format!("`{name}` is stored so already."));
        } else if self.guide.run_words(&saving_command(&self.draft, &self.word)).await? != Exit::Done {
            return Ok(None);
        }
        if self.draft.starred {
            // A failure is reported, and the experiment stays stored.
            self.guide.run_words(&["star".to_owned(), name]).await?;
        }
        Ok(Some(Next::Saved))
    }

    /// Shows the changes that somebody stored meanwhile, and puts the draft's on top after a yes.
    async fn move_onto_newer(&mut self, selected: &Selected) -> Result<bool, CliError> {
        let is_known = self.draft.origin().is_none_or(|origin| origin.revision == selected.record.revision);
        if is_known {
            return Ok(false);
        }
        self.guide.say(&format!("`{}` was changed meanwhile:", selected.record.name));
        self.guide.say_differences(&self.draft.old, &selected.document);
        let question = "put your changes on top of that?";
        if prompt::ask_yes_no(&self.guide.context.terminal, question, true, HINT).await? != Some(true) {
            return Ok(false);
        }
        match self.draft.move_onto(selected.document.clone(), &selected.record.revision) {
            Ok(()) => {
                self.draft.step = Step::Overview;
                Ok(true)
            }
            Err(wrong) => {
                self.guide.report_error(&self.guide.context.refused(LabError::Obstacles(wrong)));
                Ok(false)
            }
        }
    }

    /// Returns the revision of the person's experiment with this name, if any. An unreachable database is reported when
    /// the experiment is saved.
    pub(super) async fn stored_revision(&self, name: &str) -> Result<Option<String>, CliError> {
        let lab = match self.guide.context.reader().await {
            Ok(lab) => lab,
            Err(error) if error.exit == Exit::Interrupt => return Err(error),
            Err(_) => return Ok(None),
        };
        let record = lab.store.experiment(&lab.who.creator, name).await.ok().flatten();
        Ok(record.map(|record| record.revision))
    }
}
