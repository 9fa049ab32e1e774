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
    let (question, declined) = match about {
        About::LeaveBehind { experiment, conversations, changes, to_do, calls, .. } => {
            printer.say(&format!("`{experiment}` has changed since {conversations} of its conversations were begun:"));
            say_lines(context, changes);
            printer.say(&format!(
                "they stay as they are and are not continued; this run has {} to do, about {}",
                count(*to_do, "conversation"),
                count(*calls as usize, "call")
            ));
            let hint = "change the experiment back, or give it another name";
            ("go on with the changed experiment?".to_owned(), declined_error("nothing was run").hint(hint))
        }
        About::ChangedMeanwhile { id, name, expected, found, changes, replaces } => {
            printer.say(&format!("`{name}` was changed meanwhile:"));
            say_lines(context, changes);
            if *replaces && (context.global.yes || !context.may_ask()) {
                return Err(replacement_error(context, id, (*expected, *found)));
            }
            let question =
                if *replaces { "put your folder in place of that?" } else { "make your change on top of that?" };
            (question.to_owned(), declined_error("nothing was changed"))
        }
        About::PullNear { model, near } => {
            printer.say(&format!("the server lacks `{model}` and has `{near}`"));
            let declined = declined_error("nothing was run").hint(format!("name the model `{near}`"));
            (format!("fetch `{model}`?"), declined)
        }
        About::DeleteSelected { experiment, statuses, others, questions, ids } => {
            let number = count(ids.len(), "conversation");
            printer.say(&format!("selected of `{experiment}`: {number}: {}", list_tally(statuses, "")));
            say_questions(context, questions);
            say_list(context, "other people's stay", &list_tally(others, "of "));
            (format!("delete {number}?"), declined_error("nothing was deleted"))
        }
        About::Delete { target, creators, copies, questions, entries } => {
            printer.say(&match entries {
                None => format!("with {target} {}", format_tally(creators)),
                Some(1) => format!("{target} has 1 entry"),
                Some(entries) => format!("{target} has {entries} entries"),
            });
            say_questions(context, questions);
            let copies: Vec<String> = copies.iter().map(|(name, who)| format!("`{name}` of {who}")).collect();
            say_list(context, "copies of it stay", &copies.join(", "));
            (format!("delete {target}?"), declined_error("nothing was deleted"))
        }
    };
    if confirm(&context.terminal, &question, "--yes").await? { Ok(()) } else { Err(declined) }
}

/// The folder's document would overwrite the changes of another person. `--yes` does not confirm this, since it was given
/// before the changes were known.
fn replacement_error(context: &Context, id: &str, (expected, found): (u64, u64)) -> CliError {
    let lost = StoreError::Changed { what: format!("experiment {id}"), expected, found };
    let line = context.paste_line(&["export", &format!("id:{id}"), "--format", "folder"]);
    CliError::from(lost).hint(format!("`{line}` gives it as it is now"))
}

/// Prints a list under its heading, unless it is empty.
fn say_list(context: &Context, heading: &str, list: &str) {
    if !list.is_empty() {
        context.printer.say(&format!("{heading}: {list}"));
    }
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
