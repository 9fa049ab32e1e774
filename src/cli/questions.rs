//! Confirmations that use cases need. They are asked on the terminal, or `--yes` gives them.

use super::context::Context;
use super::error::{CliError, Exit};
use super::terminal::prompt::confirm;
use super::terminal::text::count;
use crate::lab::{About, LabError, Progress, models};
use crate::store::StoreError;

/// Runs a use case and asks for each confirmation that it needs.
pub async fn agreed<T>(
    context: &Context,
    mut carry_out: impl AsyncFnMut(&[String]) -> Result<Progress<T>, LabError>,
) -> Result<T, CliError> {
    let mut yes = Vec::new();
    loop {
        match carry_out(&yes).await.map_err(|error| context.refused(error))? {
            Progress::Done(result) => return Ok(result),
            Progress::Needs(confirmation) => {
                ask_confirmation(context, &confirmation.about).await?;
                yes.push(confirmation.seen);
            }
        }
    }
}

/// Asks before a model is fetched that a flag nearly names.
pub async fn confirm_pulls(context: &Context, no_pull: bool, ids: &[String]) -> Result<(), CliError> {
    let ids = if no_pull { &[] } else { ids };
    agreed(context, async |yes| Ok(models::confirm_pulls(&context.settings.servers, ids, yes).await)).await
}

/// Prints what a confirmation is about, and asks for the confirmation.
async fn ask_confirmation(context: &Context, about: &About) -> Result<(), CliError> {
    let printer = &context.printer;
    match about {
        About::LeaveBehind { experiment, conversations, changes, to_do, calls, .. } => {
            printer.say(&format!("`{experiment}` has changed since {conversations} of its conversations were begun:"));
            say_lines(context, changes);
            printer.say(&format!(
                "they stay as they are and are not continued; this run has {} to do, about {}",
                count(*to_do, "conversation"),
                count(*calls as usize, "call")
            ));
            if !confirm(&context.terminal, "go on with the changed experiment?", "--yes").await? {
                return Err(
                    declined_error("nothing was run").hint("change the experiment back, or give it another name")
                );
            }
        }
        About::ChangedMeanwhile { id, name, expected, found, changes, replaces } => {
            printer.say(&format!("`{name}` was changed meanwhile:"));
            say_lines(context, changes);
            // The folder's document would overwrite the changes of another person. `--yes` does not confirm this, since
            // it was given before the changes were known.
            if *replaces && (context.global.yes || !context.may_ask()) {
                let what = format!("experiment {id}");
                let lost = StoreError::Changed { what, expected: *expected, found: *found };
                let hint = format!("`convoke export id:{id} --format folder` gives it as it is now");
                return Err(CliError::from(lost).hint(hint));
            }
            let question =
                if *replaces { "put your folder in place of that?" } else { "make your change on top of that?" };
            if !confirm(&context.terminal, question, "--yes").await? {
                return Err(declined_error("nothing was changed"));
            }
        }
        About::PullNear { model, near } => {
            printer.say(&format!("the server lacks `{model}` and has `{near}`"));
            if !confirm(&context.terminal, &format!("fetch `{model}`?"), "--yes").await? {
                return Err(declined_error("nothing was run").hint(format!("name the model `{near}`")));
            }
        }
        About::DeleteSelected { experiment, statuses, others, questions, ids } => {
            let number = count(ids.len(), "conversation");
            printer.say(&format!("selected of `{experiment}`: {number}: {}", list_tally(statuses, "")));
            say_questions(context, questions);
            if !others.is_empty() {
                printer.say(&format!("other people's stay: {}", list_tally(others, "of ")));
            }
            if !confirm(&context.terminal, &format!("delete {number}?"), "--yes").await? {
                return Err(declined_error("nothing was deleted"));
            }
        }
        About::Delete { target, creators, copies, questions, entries } => {
            match entries {
                None => printer.say(&format!("with {target} {}", format_tally(creators))),
                Some(entries) => {
                    let entries = format!("{entries} {}", if *entries == 1 { "entry" } else { "entries" });
                    printer.say(&format!("{target} has {entries}"));
                }
            }
            say_questions(context, questions);
            if !copies.is_empty() {
                let copies: Vec<String> = copies.iter().map(|(name, who)| format!("`{name}` of {who}")).collect();
                printer.say(&format!("copies of it stay: {}", copies.join(", ")));
            }
            if !confirm(&context.terminal, &format!("delete {target}?"), "--yes").await? {
                return Err(declined_error("nothing was deleted"));
            }
        }
    }
    Ok(())
}

fn say_lines(context: &Context, lines: &[String]) {
    for line in lines {
        context.printer.say(&format!("  {line}"));
    }
}

fn declined_error(message: &str) -> CliError {
    CliError::new(Exit::Usage, "declined", message)
}

fn say_questions(context: &Context, questions: &[(String, usize)]) {
    if !questions.is_empty() {
        let all = count(questions.iter().map(|(_, n)| n).sum(), "question");
        context.printer.say(&format!("questions that go with it: {all}: {}", list_tally(questions, "of ")));
    }
}

/// Lists numbers with their names: `2 of ada, 1 of bob`.
fn list_tally(tally: &[(String, usize)], of: &str) -> String {
    tally.iter().map(|(name, n)| format!("{n} {of}{name}")).collect::<Vec<_>>().join(", ")
}

/// Describes the conversations that are deleted with an item: `go 3 conversations: 2 of ada, 1 of bob`.
fn format_tally(creators: &[(String, usize)]) -> String {
    let all: usize = creators.iter().map(|(_, n)| n).sum();
    let each = list_tally(creators, "of ");
    match all {
        0 => "goes no conversation".to_owned(),
        1 => format!("goes 1 conversation: {each}"),
        _ => format!("go {}: {each}", count(all, "conversation")),
    }
}
