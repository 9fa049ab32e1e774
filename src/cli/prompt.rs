//! The only place that asks a person.

use super::context::Context;
use super::error::{CliError, Exit};
use dialoguer::Confirm;
use dialoguer::theme::ColorfulTheme;

/// Asks for a yes. Where nothing may be asked, an error that names the flag that answers.
pub async fn confirm(context: &Context, question: &str, flag: &str) -> Result<bool, CliError> {
    if context.global.yes {
        return Ok(true);
    }
    if !context.may_ask() {
        return Err(CliError::new(Exit::Usage, "needs-answer", format!("this needs an answer: {question}"))
            .hint(format!("add {flag} to say yes")));
    }
    let (question, colour) = (crate::conversation::harmless::harmless(question), context.printer.colour_err);
    // A blocked thread asks, so that Ctrl-C is heard meanwhile: dialoguer alone would leave the cursor hidden.
    let asking = async { tokio::task::spawn_blocking(move || ask(&question, colour)).await };
    let answer = tokio::select! {
        // Polled first, so that the signal is heard before the question stands there: unheard, it kills.
        biased;
        _ = tokio::signal::ctrl_c() => {
            let _ = console::Term::stderr().show_cursor();
            return Err(interrupted());
        }
        answer = asking => answer,
    };
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(dialoguer::Error::IO(e))) if e.kind() == std::io::ErrorKind::Interrupted => Err(interrupted()),
        Ok(Err(e)) => {
            Err(CliError::usage("cannot ask on this terminal").cause(e).hint(format!("add {flag} to say yes")))
        }
        Err(e) => Err(CliError::usage("cannot ask on this terminal").cause(e)),
    }
}

fn interrupted() -> CliError {
    CliError::new(Exit::Interrupt, "interrupted", "interrupted; nothing was done")
}

fn ask(question: &str, colour: bool) -> dialoguer::Result<bool> {
    let answer = if colour {
        Confirm::with_theme(&ColorfulTheme::default()).with_prompt(question).default(false).interact_opt()
    } else {
        Confirm::new().with_prompt(question).default(false).interact_opt()
    };
    // Whatever happened, the terminal is left as it was found.
    let _ = console::Term::stderr().show_cursor();
    Ok(answer?.unwrap_or(false))
}
