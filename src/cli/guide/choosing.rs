//! The choice between a new draft and an unfinished one, before the wizard's questions.

use super::draft_file::DraftFile;
use super::select::Selected;
use super::session::{Guide, HINT};
use super::wizard::End;
use crate::cli::error::CliError;
use crate::cli::terminal::prompt;
use crate::lab::draft::{Base, Draft, Origin};

/// A draft to go through.
struct ChosenDraft {
    draft: Draft,
    kept: Option<DraftFile>,
    /// True if the person chose among drafts.
    asked: bool,
}

impl Guide {
    /// Creates an experiment; true if it was stored.
    pub(super) async fn create_experiment(&mut self) -> Result<bool, CliError> {
        self.choose_and_ask(&|draft| draft.base == Base::New, &Draft::create, None).await
    }

    /// Changes an experiment of the person's own; true if the change was stored.
    pub(super) async fn change_experiment(&mut self, selected: &Selected) -> Result<bool, CliError> {
        let is_of = |draft: &Draft| matches!(&draft.base, Base::Change(origin) if origin.id == selected.record.id);
        let fresh = || Draft::change(origin_of(selected), selected.document.clone());
        self.choose_and_ask(&is_of, &fresh, Some(selected)).await
    }

    /// Copies an experiment with changes; true if the copy was stored.
    pub(super) async fn duplicate_experiment(&mut self, selected: &Selected) -> Result<bool, CliError> {
        let Some(name) = self.free_name(&selected.record.name).await? else { return Ok(false) };
        let is_of = |draft: &Draft| matches!(&draft.base, Base::Copy(origin) if origin.id == selected.record.id);
        let fresh = || Draft::copy(origin_of(selected), selected.document.clone(), name.clone());
        self.choose_and_ask(&is_of, &fresh, Some(selected)).await
    }

    /// Goes through the questions of a new draft or an unfinished one; true if the experiment was stored. Esc at the
    /// first question leads back to the choice of the draft, if there was one.
    async fn choose_and_ask(
        &mut self,
        is_of: &(dyn Fn(&Draft) -> bool + Sync),
        fresh: &(dyn Fn() -> Draft + Sync),
        selected: Option<&Selected>,
    ) -> Result<bool, CliError> {
        loop {
            let Some(ChosenDraft { draft, kept, asked }) = self.choose_draft(is_of, fresh).await? else {
                return Ok(false);
            };
            match self.run_wizard(draft, kept, selected).await? {
                End::Saved => return Ok(true),
                End::Back if asked => {}
                End::Back | End::Left => return Ok(false),
            }
        }
    }

    /// Describes the drafts in one line, for the first menu; `None` if there are none.
    pub(super) fn describe_drafts(&self) -> Option<String> {
        let (drafts, _) = DraftFile::list_free(self.context.settings.state.as_ref()?);
        match drafts.as_slice() {
            [] => None,
            [(_, draft)] => Some(describe_draft(draft)),
            several => Some(format!("go on with one of {} drafts", several.len())),
        }
    }

    /// Continues a draft; true if it was stored.
    pub(super) async fn continue_draft(&mut self) -> Result<bool, CliError> {
        let Some(state) = self.context.settings.state.clone() else { return Ok(false) };
        let (mut all, _) = DraftFile::list_free(&state);
        let items: Vec<String> = all.iter().map(|(_, draft)| describe_draft(draft)).collect();
        let at = if items.len() == 1 {
            Some(0)
        } else {
            prompt::ask_one_of(&self.context.terminal, "which one?", &items, 0, HINT).await?
        };
        let Some((kept, draft)) = at.filter(|at| *at < all.len()).map(|at| all.swap_remove(at)) else {
            return Ok(false);
        };
        let Some(origin) = draft.origin() else {
            return Ok(self.run_wizard(draft, Some(kept), None).await? == End::Saved);
        };
        let Some(selected) = self.load_selected(&origin.id).await? else {
            self.say(&format!("`{}` is not in this database; the draft is kept.", draft.old.name));
            return Ok(false);
        };
        Ok(self.run_wizard(draft, Some(kept), Some(&selected)).await? == End::Saved)
    }

    /// Returns a new draft, or an unfinished one.
    async fn choose_draft(
        &self,
        is_of: &(dyn Fn(&Draft) -> bool + Sync),
        fresh: &(dyn Fn() -> Draft + Sync),
    ) -> Result<Option<ChosenDraft>, CliError> {
        let mut asked = false;
        let Some(state) = self.context.settings.state.clone() else {
            self.say("There is no folder for drafts: what is typed is not kept if the program ends.");
            return Ok(Some(ChosenDraft { draft: fresh(), kept: None, asked }));
        };
        loop {
            let (mut all, unread) = DraftFile::list_free(&state);
            for path in unread {
                self.say(&format!("{} is a draft of another version of convoke: it stays as it is.", path.display()));
            }
            all.retain(|(_, draft)| is_of(draft));
            if all.is_empty() {
                break;
            }
            let mut items: Vec<String> = all.iter().map(|(_, draft)| describe_draft(draft)).collect();
            items.extend(["begin anew", "throw a draft away"].map(str::to_owned));
            let (drafts, question) = (all.len(), if all.len() == 1 { "there is a draft" } else { "there are drafts" });
            asked = true;
            match prompt::ask_one_of(&self.context.terminal, question, &items, 0, HINT).await? {
                None => return Ok(None),
                Some(at) if at < drafts => {
                    let (kept, draft) = all.swap_remove(at);
                    return Ok(Some(ChosenDraft { draft, kept: Some(kept), asked }));
                }
                Some(at) if at == drafts => break,
                Some(_) => self.throw_away(all).await?,
            }
        }
        let kept = DraftFile::new(&state, (self.context.world.random)());
        if let Err(error) = &kept {
            self.context.printer.warn(&format!("no draft can be kept in {}: {error}", state.display()));
        }
        Ok(Some(ChosenDraft { draft: fresh(), kept: kept.ok(), asked }))
    }

    async fn throw_away(&self, mut all: Vec<(DraftFile, Draft)>) -> Result<(), CliError> {
        let items: Vec<String> = all.iter().map(|(_, draft)| name_draft(draft)).collect();
        let Some(at) = prompt::ask_one_of(&self.context.terminal, "which one?", &items, 0, HINT).await? else {
            return Ok(());
        };
        let question = format!("throw away {}, with all that was typed?", items[at]);
        if prompt::ask_yes_no(&self.context.terminal, &question, false, HINT).await? == Some(true) {
            all.swap_remove(at).0.remove_files();
        }
        Ok(())
    }

    /// Finds the first free name for a copy: `NAME-2` and so on.
    pub(super) async fn free_name(&self, name: &str) -> Result<Option<String>, CliError> {
        self.read(async |lab| {
            let all = lab.store.records().await?;
            let is_taken = |n: &String| all.iter().any(|e| e.name == *n && e.creator == lab.who.creator);
            let numbered = (2..).map(|n: u32| format!("{name}-{n}"));
            Ok(numbered.into_iter().find(|n| !is_taken(n)).unwrap_or_default())
        })
        .await
    }
}

fn origin_of(selected: &Selected) -> Origin {
    Origin { id: selected.record.id.clone(), revision: selected.record.revision.clone() }
}

fn name_draft(draft: &Draft) -> String {
    match &draft.base {
        Base::New if draft.new.name.is_empty() => "an experiment without a name".to_owned(),
        Base::New => format!("`{}`", draft.new.name),
        Base::Change(_) => format!("the change of `{}`", draft.old.name),
        Base::Copy(_) => format!("the copy of `{}`", draft.old.name),
    }
}

fn describe_draft(draft: &Draft) -> String {
    format!("go on with {}, at: {}", name_draft(draft), draft.step.step_name())
}
