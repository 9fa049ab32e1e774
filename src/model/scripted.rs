//! An offline stand-in for a model: deterministic and free. It improvises from the experiment's own texts, or returns
//! the lines of a script. It serves to test a design before spending (`--offline`), and for demonstrations.

mod improvise;
mod persona;
mod turn;
mod vectors;

use super::{ChatModel, ChatReply, ChatRequest, Finish, ModelError, Served, Usage};
use async_trait::async_trait;
use serde_json::Value as Json;

/// The offline model.
#[derive(Debug, Clone, Default)]
pub struct Scripted {
    lines: Option<Vec<String>>,
}

/// An unreadable line of a script.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {cause}")]
pub struct ScriptError {
    /// Line number, from 1; 0 for the script as a whole.
    pub line: usize,
    /// The mistake and its remedy.
    pub cause: String,
}

impl Scripted {
    /// Improvises short turns marked `(scripted)` from the words of the prompt.
    pub fn improvised() -> Self {
        Self::default()
    }

    /// Returns these replies: the k-th call of each conversation gets line k; after the last line, the first follows.
    pub fn from_lines(lines: Vec<String>) -> Self {
        Self { lines: Some(lines).filter(|l| !l.is_empty()) }
    }

    fn next_reply(&self, request: &ChatRequest) -> String {
        let Some(lines) = &self.lines else {
            return persona::improvise_persona(request).unwrap_or_else(|| turn::improvise_turn(request));
        };
        let place = request.turn.ordinal as usize % lines.len().max(1);
        lines.get(place).cloned().unwrap_or_default()
    }
}

/// Parses a script with one reply a line. A line that begins with `"` is a JSON string, so that it can hold newlines.
/// Empty lines and lines that begin with `#` are skipped. Every mistake is reported.
pub fn parse_script(text: &str) -> Result<Vec<String>, Vec<ScriptError>> {
    let (mut replies, mut errors) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        match read_line(line.trim()) {
            None => {}
            Some(Ok(reply)) => replies.push(reply),
            Some(Err(cause)) => errors.push(ScriptError { line: index + 1, cause }),
        }
    }
    if replies.is_empty() && errors.is_empty() {
        errors.push(ScriptError { line: 0, cause: "the script holds no reply: write one a line".to_owned() });
    }
    if errors.is_empty() { Ok(replies) } else { Err(errors) }
}

fn read_line(line: &str) -> Option<Result<String, String>> {
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    if !line.starts_with('"') {
        return Some(Ok(line.to_owned()));
    }
    let reply = serde_json::from_str::<String>(line);
    Some(reply.map_err(|e| format!("it begins with a quotation mark and is not one JSON string ({e})")))
}

#[async_trait]
impl ChatModel for Scripted {
    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ModelError> {
        let whole = self.next_reply(request);
        let content = first_words(&whole, max_words(request));
        let finish = if content.len() < whole.len() { Finish::Length } else { Finish::Stop };
        let read: usize = request.messages.iter().map(|m| m.content.split_whitespace().count()).sum();
        Ok(ChatReply {
            usage: Usage { prompt: Some(read as u32), completion: Some(count_words(content)), cached: None },
            finish,
            finish_reason: Some(if finish == Finish::Length { "length" } else { "stop" }.to_owned()),
            served: Served { model: Some("scripted".to_owned()), ..Served::default() },
            raw: content.to_owned(),
            content: content.to_owned(),
            ..ChatReply::default()
        })
    }
}

fn count_words(text: &str) -> u32 {
    text.split_whitespace().count() as u32
}

/// Each word counts as one token, so that `max_tokens` and budgets hold offline too.
fn max_words(request: &ChatRequest) -> usize {
    let most = request.parameters.get("max_tokens").and_then(Json::as_u64);
    most.and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX)
}

/// Returns the first `most` words.
fn first_words(text: &str, most: usize) -> &str {
    let mut ends = text.char_indices().filter(|(at, c)| {
        let is_end =
            text.get(at + c.len_utf8()..).is_none_or(|rest| rest.starts_with(char::is_whitespace) || rest.is_empty());
        !c.is_whitespace() && is_end
    });
    match most.checked_sub(1).map(|n| ends.nth(n)) {
        None => "",
        Some(None) => text,
        Some(Some((at, c))) => text.get(..at + c.len_utf8()).filter(|_| ends.next().is_some()).unwrap_or(text),
    }
}

#[cfg(test)]
#[path = "scripted/tests.rs"]
mod tests;
