//! `convoke show --grep`: prints the lines of conversations that contain a text.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::selected::describe_left_out;
use crate::cli::selecting::Selecting;
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::text::short;
use crate::lab::Lab;
use serde_json::{Value as Json, json};

/// Prints each line that contains the text. Ends with exit code 6 if there is none.
pub async fn run(
    context: &Context,
    lab: &Lab,
    (what, selecting): (&str, &Selecting),
    text: &str,
) -> Result<Exit, CliError> {
    if text.trim().is_empty() {
        return Err(CliError::usage("--grep needs a text"));
    }
    let (printer, mut data) = (&context.printer, Vec::new());
    let selection = lab.select_conversations(what, &selecting.criteria(context.creator())).await?;
    selection.refuse_empty()?;
    let searched = lab.search_entries(&selection, text, |record, hits| {
        for hit in hits {
            if printer.json {
                let (id, key) = (&record.id, &record.key);
                data.push(json!({
                    "conversation": key, "id": id, "seq": hit.seq, "speaker": hit.speaker, "line": hit.line,
                }));
                continue;
            }
            let place = format!("{} {:>4} ", short(&record.id), hit.seq);
            let speaker = format!("{}: ", hit.speaker);
            printer.pieces(&[Piece(&place, Look::Dim), Piece(&speaker, Look::Bold), Piece(&hit.line, Look::Plain)])?;
        }
        Ok(())
    });
    let found = match searched.await {
        // A closed pipe (`| head`) is no error.
        Err(error) if error.is_closed_pipe() => return Ok(Exit::Done),
        found => found?,
    };
    if found == 0 {
        let left_out = describe_left_out(&selection.left_out).map(|left_out| format!("not searched: {left_out}"));
        return Err(CliError::not_found(format!("no entry contains `{text}`")).maybe_hint(left_out));
    }
    if printer.json {
        printer.json_ok(&Json::Array(data))?;
    } else if let Some(left_out) = describe_left_out(&selection.left_out) {
        printer.chat(&format!("not searched: {left_out}"));
    }
    Ok(Exit::Done)
}
