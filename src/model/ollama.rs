//! Ollama's own `/api/chat`, with our own types: it accepts `top_k` and `num_ctx`, which chat completions drop.

use super::classify::{Fault, Problem, classify_problem};
use super::http::{Http, Progress, Reading};
use super::sse::field_values;
use super::tolerant::{is_said, mend_json, parse_json};
use super::{ChatModel, ChatReply, ChatRequest, Finish, ModelError, ModelFacts, Served, Usage};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value as Json;

/// A model at an Ollama server.
#[derive(Debug)]
pub(super) struct Ollama {
    pub(super) http: Http,
    pub(super) known: ModelFacts,
}

#[async_trait]
impl ChatModel for Ollama {
    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ModelError> {
        let streamed = request.parameters.get("stream") != Some(&Json::Bool(false));
        let reading = if streamed { Reading::Lines(progress_of) } else { Reading::Whole };
        let answer = self.http.post_chat(&request.model, request.body(), reading).await?;
        if !(200..300).contains(&answer.status) {
            let problem = Problem::from_answer(&answer);
            return Err(classify_problem(&self.http, &request.model, &request.parameters, &problem));
        }
        let gathered = gather_answer(&answer.text, streamed);
        let reply = gathered.and_then(|g| self.build_reply(g, answer.text.clone(), request));
        reply.map_err(|fault| fault.into_error(&self.http, request, &answer.text))
    }
}

impl Ollama {
    fn build_reply(&self, gathered: Gathered, raw: String, request: &ChatRequest) -> Result<ChatReply, Fault> {
        let Gathered { content, thinking, end } = gathered;
        // Ollama filters nothing, and transcripts of 0.1 hold replies with this word without the flag.
        let word = end.done_reason.as_deref().filter(|word| *word != "content_filter");
        let finish = Finish::from_word(word).ok_or_else(|| Fault::finished(word))?;
        Ok(ChatReply {
            content: self.http.redactor().redact_reply(content),
            thinking: (!thinking.is_empty()).then(|| self.http.redactor().redact_reply(thinking)),
            refused: false,
            finish,
            finish_reason: end.done_reason,
            usage: Usage { prompt: end.prompt_eval_count, completion: end.eval_count, cached: None },
            served: Served { model: end.model, digest: self.known.digest.clone(), fingerprint: None },
            differs: self.find_differences(request),
            raw,
        })
    }

    /// Reports a requested context above the trained one: Ollama reduces it without a message.
    fn find_differences(&self, request: &ChatRequest) -> Vec<String> {
        let asked = request.parameters.get("options").and_then(|o| o.get("num_ctx")).and_then(Json::as_u64);
        match (asked, self.known.context) {
            (Some(asked), Some(context)) if asked > u64::from(context) => {
                vec![format!("num_ctx: sent {asked}, the model has {context}")]
            }
            _ => Vec::new(),
        }
    }
}

/// An answer, or one piece of a stream.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Piece {
    model: Option<String>,
    message: Option<AnswerText>,
    done: bool,
    done_reason: Option<String>,
    #[serde(deserialize_with = "count")]
    prompt_eval_count: Option<u32>,
    #[serde(deserialize_with = "count")]
    eval_count: Option<u32>,
    error: Option<Json>,
}

/// Reads a count. An odd one is unknown and does not cost the reply.
fn count<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    Ok(Json::deserialize(from)?.as_u64().and_then(|n| u32::try_from(n).ok()))
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct AnswerText {
    content: Option<String>,
    thinking: Option<String>,
}

/// The content of an answer, collected from its pieces.
#[derive(Debug, Default, PartialEq)]
struct Gathered {
    content: String,
    thinking: String,
    end: Piece,
}

/// Reads an answer, and once more mended if it is not JSON.
fn gather_answer(text: &str, streamed: bool) -> Result<Gathered, Fault> {
    let Err(Fault::Invalid(cause)) = gather_pieces(text, streamed) else { return gather_pieces(text, streamed) };
    let mended = gather_pieces(&mend_json(text), streamed);
    mended.map_err(|fault| if matches!(fault, Fault::Invalid(_)) { Fault::Invalid(cause) } else { fault })
}

/// Reads one object or the lines of a stream; both are JSON texts in a row.
fn gather_pieces(text: &str, streamed: bool) -> Result<Gathered, Fault> {
    if !text.trim_start().starts_with('{') {
        return Err(Fault::not_json(text, &"no object"));
    }
    let mut gathered = Gathered::default();
    let mut pieces = 0;
    for piece in serde_json::Deserializer::from_str(text).into_iter::<Piece>() {
        let piece = piece.map_err(|e| {
            let is_cut = streamed && pieces > 0 && e.is_eof();
            if is_cut { Fault::cut_line() } else { Fault::not_json(text, &e) }
        })?;
        pieces += 1;
        if let Some(error) = piece.error.as_ref().filter(|error| is_said(error)) {
            return Err(Fault::of_error(error));
        }
        gathered.add_piece(piece);
    }
    match (pieces, gathered.end.done) {
        (_, true) => Ok(gathered),
        (1, false) if !streamed => Err(Fault::Invalid("it is not marked as done".to_owned())),
        (_, false) => Err(Fault::Broken("its stream ended before it was marked as done".to_owned())),
    }
}

impl Gathered {
    fn add_piece(&mut self, mut piece: Piece) {
        if let Some(said) = piece.message.take() {
            self.content.push_str(said.content.as_deref().unwrap_or_default());
            self.thinking.push_str(said.thinking.as_deref().unwrap_or_default());
        }
        if !self.end.done {
            self.end = piece;
        }
    }
}

/// Returns the progress of the stream after this line.
fn progress_of(line: &[u8]) -> Progress {
    let is_error = |json: Json| json.get("error").is_some_and(is_said);
    let has_error = || std::str::from_utf8(line).ok().and_then(|l| parse_json(l).ok()).is_some_and(is_error);
    let is_done = field_values(line, "done").any(|value| value.starts_with(b"true"));
    if is_done || field_values(line, "error").next().is_some() && has_error() {
        Progress::Ended
    } else {
        Progress::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_and_streamed_are_one() {
        let whole = r#"{"model":"m","message":{"content":"ab","thinking":"t"},"done":true,"done_reason":"length","eval_count":2}"#;
        let stream = "{\"message\":{\"content\":\"a\",\"thinking\":\"t\"},\"done\":false}\n\
            {\"model\":\"m\",\"message\":{\"content\":\"b\"},\"done\":true,\"done_reason\":\"length\",\"eval_count\":2}\n";
        assert_eq!(gather_answer(whole, false).unwrap(), gather_answer(stream, true).unwrap());
        assert_eq!(gather_answer(whole, false).unwrap().end.done_reason.as_deref(), Some("length"));
    }

    #[test]
    fn what_is_no_answer() {
        let open = "{\"message\":{\"content\":\"a\"},\"done\":false}\n";
        assert!(matches!(gather_answer(open, true), Err(Fault::Broken(_))));
        assert!(matches!(gather_answer(&format!("{open}{{\"mess"), true), Err(Fault::Broken(_))));
        assert!(matches!(gather_answer("{\"mess", false), Err(Fault::Invalid(_))));
        assert!(matches!(gather_answer("", true), Err(Fault::Invalid(_))));
        let Err(Fault::Problem(problem)) = gather_answer(&format!("{open}{{\"error\":\"boom\"}}\n"), true) else {
            unreachable!("an error inside a stream")
        };
        assert_eq!((problem.status, problem.message.as_str()), (500, "boom"));
    }

    #[test]
    fn the_last_line() {
        for (line, progress) in [
            (r#"{"message":{"content":""},"done":true}"#, Progress::Ended),
            (r#"{"message": {"content": ""}, "done": true}"#, Progress::Ended),
            (r#"{"message":{"content":"\"done\":true"},"done":false}"#, Progress::Open),
            (r#"{"error":"boom"}"#, Progress::Ended),
            (r#"{"error":null,"message":{"content":"a"},"done":false}"#, Progress::Open),
        ] {
            assert_eq!(progress_of(line.as_bytes()), progress, "{line}");
        }
    }

    #[test]
    fn odd_answers_are_read() {
        for text in [
            "{\"message\":{\"content\":\"a\nb\"},\"done\":true,\"eval_count\":-1}",
            "\u{feff}{\"message\":{\"content\":\"a\\nb\"},\"done\":true,\"eval_count\":\"3\",\"error\":\"\"}",
            r#"{"message":{"content":"a\nb"},"done":true,"eval_count":2.5,"x":NaN}"#,
        ] {
            let got = gather_answer(text, false).unwrap();
            assert_eq!((got.content.as_str(), got.end.eval_count), ("a\nb", None), "{text}");
        }
    }
}
