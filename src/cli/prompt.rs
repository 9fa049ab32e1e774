//! The only place that asks a person.

use super::context::Context;
use super::error::{CliError, Exit};
use crate::conversation::harmless::{harmless, one_line};
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme};
use dialoguer::{Confirm, Input, Password, Select};
use secrecy::SecretString;

/// Asks for a yes. Where nothing may be asked, an error that names the flag that answers.
pub async fn confirm(context: &Context, question: &str, flag: &str) -> Result<bool, CliError> {
    if context.global.yes {
        return Ok(true);
    }
    let hint = format!("add {flag} to say yes");
    let question = harmless(question);
    let shown = question.clone();
    let answer = asked(context, &shown, &hint, move |theme| {
        Confirm::with_theme(theme).with_prompt(question).default(false).interact_opt()
    });
    Ok(answer.await?.unwrap_or(false))
}

/// Asks for a line. `hint` says how to answer where nothing may be asked.
pub async fn line(context: &Context, question: &str, default: Option<String>, hint: &str) -> Result<String, CliError> {
    let question = harmless(question);
    let shown = question.clone();
    let answer = asked(context, &shown, hint, move |theme| {
        let input = Input::<String>::with_theme(theme).with_prompt(question);
        default.into_iter().fold(input, Input::default).interact_text()
    });
    Ok(answer.await?.trim().to_owned())
}

/// Asks for a password, which is not shown; an empty one is an answer.
pub async fn password(context: &Context, question: &str, hint: &str) -> Result<SecretString, CliError> {
    let question = harmless(question);
    let shown = question.clone();
    let answer = asked(context, &shown, hint, move |theme| {
        Password::with_theme(theme).with_prompt(question).allow_empty_password(true).interact()
    });
    answer.await.map(SecretString::from)
}

/// Asks for one of several, by its place; none on Esc.
pub async fn one_of(
    context: &Context,
    question: &str,
    items: &[String],
    hint: &str,
) -> Result<Option<usize>, CliError> {
    let question = harmless(question);
    // Names may come from a database.
    let items: Vec<String> = items.iter().map(|i| one_line(i)).collect();
    let shown = question.clone();
    let answer = asked(context, &shown, hint, move |theme| {
        Select::with_theme(theme).with_prompt(question).items(&items).default(0).interact_opt()
    });
    answer.await
}

/// Asks on a blocked thread, so that Ctrl-C is heard meanwhile; whatever happens, the terminal is left as it was found.
async fn asked<T: Send + 'static>(
    context: &Context,
    question: &str,
    hint: &str,
    ask: impl FnOnce(&dyn Theme) -> dialoguer::Result<T> + Send + 'static,
) -> Result<T, CliError> {
    if !context.may_ask() {
        let message = format!("this needs an answer: {question}");
        return Err(CliError::new(Exit::Usage, "needs-answer", message).hint(hint));
    }
    let colour = context.printer.colour_err;
    let terminal = Terminal::as_found();
    let asking = async {
        let ask = move || if colour { ask(&ColorfulTheme::default()) } else { ask(&SimpleTheme) };
        tokio::task::spawn_blocking(ask).await
    };
    let answer = tokio::select! {
        // Polled first, so that the signal is heard before the question stands there: unheard, it kills.
        biased;
        _ = tokio::signal::ctrl_c() => {
            return Err(interrupted());
        }
        answer = asking => answer,
    };
    drop(terminal);
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(dialoguer::Error::IO(e))) if e.kind() == std::io::ErrorKind::Interrupted => Err(interrupted()),
        Ok(Err(e)) => Err(CliError::usage("cannot ask on this terminal").cause(e).hint(hint)),
        Err(e) => Err(CliError::usage("cannot ask on this terminal").cause(e)),
    }
}

fn interrupted() -> CliError {
    CliError::new(Exit::Interrupt, "interrupted", "interrupted; nothing was done")
}

/// The terminal as it was before a question: a thread that is left behind may have hidden cursor or typing.
struct Terminal {
    #[cfg(unix)]
    found: Option<rustix::termios::Termios>,
}

impl Terminal {
    #[cfg(unix)]
    fn as_found() -> Self {
        Self { found: rustix::termios::tcgetattr(std::io::stdin()).ok() }
    }

    #[cfg(not(unix))]
    fn as_found() -> Self {
        Self {}
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // A terminal that cannot be restored is gone.
        #[cfg(unix)]
        if let Some(found) = &self.found {
            use rustix::termios::{OptionalActions, tcsetattr};
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, found);
        }
        let _ = console::Term::stderr().show_cursor();
    }
}
