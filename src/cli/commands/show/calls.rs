//! A call in a form for people: request, attempts, counts, reply.

use super::block::block;
use crate::cli::terminal::printer::{Look, Printer};
use crate::cli::terminal::text::short;
use crate::design::plan::HUMAN;
use crate::exchange::calls::rebuild;
use crate::exchange::records::iso;
use crate::model::{Attempt, ChatReply};
use crate::process::log::Entry;
use crate::store::{CallRecord, CallState};
use std::fmt::Write as _;
use std::io;

/// Prints a call. Returns true if the rebuilt request equals the sent one.
pub fn show(printer: &Printer, call: &CallRecord, (log, subject): (&[Entry], &[Entry]), raw: bool) -> io::Result<bool> {
    let built = rebuild(call, log, subject);
    let line = |text: &str, look: Look| block(printer, text, "    ", look);
    line(&heading(call), Look::Dim)?;
    if !call.parameters.is_empty() {
        let parameters = serde_json::to_string(&call.parameters).unwrap_or_default();
        line(&format!("sent {parameters}"), Look::Dim)?;
    }
    let body =
        format!("body {} bytes, {} messages, sha256 {}", built.bytes, built.messages.len(), short(&call.body_sha256));
    if built.matches {
        line(&format!("{body}: hash ok"), Look::Dim)?;
    } else {
        line(&format!("{body}: MISMATCH, the request built again is not the one that was sent"), Look::Red)?;
    }
    for (number, attempt) in (1..).zip(&call.attempts).filter(|(_, a)| call.attempts.len() > 1 || a.error.is_some()) {
        line(&attempted(number, attempt), Look::Yellow)?;
    }
    if let Some(reply) = &call.reply {
        line(&answered(call, reply), Look::Dim)?;
        for differs in &reply.differs {
            line(&format!("came back otherwise: {differs}"), Look::Yellow)?;
        }
        if raw {
            line("response as received:", Look::Dim)?;
            block(printer, &reply.raw, "    | ", Look::Dim)?;
        }
    }
    Ok(built.matches)
}

fn heading(call: &CallRecord) -> String {
    let (purpose, ask) = (call.call.purpose.word(), call.call.ask);
    let again = if ask > 0 { format!(", asked again ({ask})") } else { String::new() };
    let state = match call.state {
        CallState::Answered => "",
        CallState::Sent => ", sent and not answered: possible spend",
        CallState::Failed => ", given up",
    };
    let by =
        if call.server == HUMAN { "typed by a person".to_owned() } else { format!("{}/{}", call.server, call.model) };
    let mut line = format!("call {} {purpose}{again}: {by}{state}", call.seq);
    if let Some(reply) = &call.reply {
        let served = &reply.served;
        for (what, word) in
            [("served as", &served.model), ("digest", &served.digest), ("fingerprint", &served.fingerprint)]
        {
            if let Some(word) = word {
                let _ = write!(line, ", {what} {}", if what == "digest" { short(word) } else { word });
            }
        }
    }
    line
}

fn attempted(number: u32, attempt: &Attempt) -> String {
    let mut line = format!("attempt {number} at {}, {} ms", iso(attempt.at), attempt.took);
    match (&attempt.error, &attempt.message) {
        (Some(error), Some(message)) => {
            let _ = write!(line, ": {error}: {message}");
        }
        (Some(error), None) => {
            let _ = write!(line, ": {error}");
        }
        (None, _) => line += ": answered",
    }
    if let Some(waited) = attempt.waited {
        let _ = write!(line, ", then waited {waited} ms");
    }
    if attempt.possible_spend {
        line += ", possible spend";
    }
    line
}

fn answered(call: &CallRecord, reply: &ChatReply) -> String {
    let tokens = |n: Option<u32>| n.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let usage = &reply.usage;
    if call.server == HUMAN {
        let took = call.attempts.iter().map(|a| a.took).sum::<u64>();
        let sent = call.answered.map_or_else(String::new, |at| format!(", sent {}", iso(at)));
        return format!("shown {}{sent}: it took {took} ms", iso(call.sent));
    }
    let mut line = format!("tokens {} in, {} out", tokens(usage.prompt), tokens(usage.completion));
    if let Some(cached) = usage.cached {
        let _ = write!(line, " ({cached} cached)");
    }
    if let Some(reason) = &reply.finish_reason {
        let _ = write!(line, ", finish {reason}");
    }
    let _ = write!(line, ", sent {}", iso(call.sent));
    if let Some(at) = call.answered {
        let _ = write!(line, ", answered {} ({} ms)", iso(at), at - call.sent);
    }
    line
}
