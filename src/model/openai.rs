//! Chat completions of any OpenAI-compatible server, read tolerantly: fields may be missing, unknown or odd.

use super::classify::{Fault, Problem, classify_problem};
use super::http::{Answer, Http, Reading};
use super::{ChatModel, ChatReply, ChatRequest, Finish, ModelError, Served, Usage};
use async_trait::async_trait;
use serde_json::{Map, Value as Json};

/// A model behind chat completions.
#[derive(Debug)]
pub(super) struct OpenAi {
    pub(super) http: Http,
}

#[async_trait]
impl ChatModel for OpenAi {
    async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ModelError> {
        let streamed = request.parameters.get("stream") == Some(&Json::Bool(true));
        let reading = if streamed { Reading::Lines(is_last) } else { Reading::Whole };
        let answer = self.http.post_json("chat/completions", request.body(), reading).await?;
        if !(200..300).contains(&answer.status) {
            return self.handle_failure(request, answer);
        }
        let gathered = if streamed { gather_stream(&answer.text) } else { gather_whole(&answer.text) };
        let gathered = gathered.map_err(|fault| fault.into_error(&self.http, request))?;
        Ok(self.build_reply(gathered, answer.text, &request.parameters))
    }
}

impl OpenAi {
    /// Handles an error status; a filtered prompt still counts as an answer.
    fn handle_failure(&self, request: &ChatRequest, answer: Answer) -> Result<ChatReply, ModelError> {
        let problem = Problem::from_answer(&answer);
        if !problem.is_filter() {
            return Err(classify_problem(&self.http, &request.model, &request.parameters, &problem));
        }
        let finish_reason = Some("content_filter".to_owned());
        Ok(ChatReply { finish: Finish::Filtered, finish_reason, raw: answer.text, ..ChatReply::default() })
    }

    fn build_reply(&self, gathered: Gathered, raw: String, sent: &Map<String, Json>) -> ChatReply {
        let Gathered { content, thinking, refusal, finish_reason, usage, served, echo, .. } = gathered;
        let refused = !refusal.is_empty();
        let content = if content.is_empty() { refusal } else { content };
        // A key split between pieces of a stream is complete only here.
        let content = self.http.redactor().redact_reply(content);
        ChatReply {
            content,
            thinking: (!thinking.is_empty()).then(|| self.http.redactor().redact_reply(thinking)),
            refused,
            finish: parse_finish(finish_reason.as_deref()),
            finish_reason,
            usage,
            served,
            differs: find_differences(sent, &echo),
            raw,
        }
    }
}

/// The content of an answer, from one object or from the pieces of a stream.
#[derive(Debug, Default, PartialEq)]
struct Gathered {
    content: String,
    thinking: String,
    refusal: String,
    finish_reason: Option<String>,
    usage: Usage,
    served: Served,
    /// Other fields, in which some servers repeat the parameters.
    echo: Map<String, Json>,
    has_choice: bool,
}

impl Gathered {
    /// Adds one object, whose text is under `part`: `message`, or `delta` in a stream.
    fn add_object(&mut self, json: &Json, part: &str) -> Result<(), Fault> {
        let choice = json.get("choices").and_then(|c| c.get(0));
        let error = json.get("error").or_else(|| choice?.get("error")).filter(|e| !e.is_null());
        if let Some(error) = error {
            let said = serde_json::json!({ "error": error });
            let problem = Problem::from_json(&said);
            return Err(problem.map_or_else(|| Fault::Invalid(error.to_string()), Fault::Problem));
        }
        self.add_counts(json);
        let Some(choice) = choice else { return Ok(()) };
        if let Some(message) = choice.get(part).filter(|m| m.is_object()) {
            self.has_choice = true;
            self.add_message(message);
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Json::as_str) {
            self.finish_reason = Some(reason.to_owned());
        }
        Ok(())
    }

    fn add_message(&mut self, message: &Json) {
        let text = |key: &str| message.get(key).and_then(Json::as_str).unwrap_or_default();
        match message.get("content") {
            Some(Json::Array(parts)) => parts.iter().for_each(|part| self.add_part(part)),
            _ => self.content.push_str(text("content")),
        }
        let thinking = text("reasoning_content");
        self.thinking.push_str(if thinking.is_empty() { text("reasoning") } else { thinking });
        self.refusal.push_str(text("refusal"));
    }

    fn add_part(&mut self, part: &Json) {
        let text = |key: &str| part.get(key).and_then(Json::as_str).unwrap_or_default();
        match text("type") {
            "refusal" => self.refusal.push_str(text("refusal")),
            "thinking" | "reasoning" => {
                let inner = part.get("thinking").and_then(Json::as_array).into_iter().flatten();
                let inner: String = inner.filter_map(|p| p.get("text")?.as_str()).collect();
                self.thinking.push_str(if inner.is_empty() { text("text") } else { &inner });
            }
            _ => self.content.push_str(part.as_str().unwrap_or_else(|| text("text"))),
        }
    }

    fn add_counts(&mut self, json: &Json) {
        let text = |key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned);
        self.served.model = text("model").or(self.served.model.take());
        self.served.fingerprint = text("system_fingerprint").or(self.served.fingerprint.take());
        if let Some(usage) = json.get("usage").filter(|u| u.is_object()) {
            let count = |path: &str| usage.pointer(path).and_then(Json::as_u64).and_then(|n| u32::try_from(n).ok());
            self.usage = Usage {
                prompt: count("/prompt_tokens"),
                completion: count("/completion_tokens"),
                cached: count("/prompt_tokens_details/cached_tokens"),
            };
        }
        let fields = json.as_object().into_iter().flatten().filter(|(_, v)| v.is_number() || v.is_object());
        self.echo.extend(fields.map(|(k, v)| (k.clone(), v.clone())));
    }
}

fn gather_whole(text: &str) -> Result<Gathered, Fault> {
    if text.trim_start().starts_with("data:") {
        return gather_stream(text);
    }
    let json: Json = serde_json::from_str(text).map_err(|e| Fault::not_json(text, &e))?;
    if let Some(problem) = lone_problem(&json) {
        return Err(Fault::Problem(problem));
    }
    let mut gathered = Gathered::default();
    gathered.add_object(&json, "message")?;
    if !gathered.has_choice {
        return Err(Fault::Invalid("it has no `choices` with a message".to_owned()));
    }
    Ok(gathered)
}

/// Finds an error without an `error` field, as some servers send it.
fn lone_problem(json: &Json) -> Option<Problem> {
    let is_error = json.get("object").and_then(Json::as_str) == Some("error");
    if is_error { Problem::from_json(json) } else { None }
}

/// Reads server-sent events; only the `data:` lines count.
fn gather_stream(text: &str) -> Result<Gathered, Fault> {
    if text.trim_start().starts_with(['{', '<']) {
        return gather_whole(text);
    }
    let mut gathered = Gathered::default();
    let mut is_done = false;
    let mut is_stream = false;
    for line in text.split_inclusive('\n') {
        let Some(data) = line.strip_prefix("data:").map(str::trim) else { continue };
        is_stream = true;
        if data == "[DONE]" {
            is_done = true;
            break;
        }
        let json: Json = serde_json::from_str(data)
            .map_err(|e| if line.ends_with('\n') { Fault::not_json(data, &e) } else { Fault::cut_line() })?;
        gathered.add_object(&json, "delta")?;
    }
    match (is_stream, is_done || gathered.finish_reason.is_some()) {
        (true, true) => Ok(gathered),
        (true, false) => Err(Fault::Broken("its stream ended without `[DONE]` and without a finish reason".to_owned())),
        (false, _) => Err(Fault::not_json(text, &"no events")),
    }
}

/// True for the last useful line.
fn is_last(line: &[u8]) -> bool {
    let data = line.strip_prefix(b"data:").unwrap_or(line).trim_ascii();
    data == b"[DONE]" || data.starts_with(br#"{"error""#)
}

fn parse_finish(reason: Option<&str>) -> Finish {
    match reason {
        Some("stop" | "eos" | "end_turn" | "stop_sequence") => Finish::Stop,
        Some("length" | "max_tokens" | "model_length") => Finish::Length,
        Some("content_filter" | "safety") => Finish::Filtered,
        _ => Finish::Other,
    }
}

/// Lists the parameters that the server repeats with other values.
fn find_differences(sent: &Map<String, Json>, echo: &Map<String, Json>) -> Vec<String> {
    let nested = ["generation_settings", "parameters", "sampling_params"];
    let objects = || nested.iter().filter_map(|n| echo.get(*n)?.as_object()).chain([echo]);
    let changed = |(name, value): (&String, &Json)| {
        let number = value.as_f64()?;
        let back = objects().find_map(|o| o.get(name)?.as_f64())?;
        // Servers with 32-bit floats return 0.699999988 for 0.7.
        ((back - number).abs() > 1e-4 * number.abs().max(1.0))
            .then(|| format!("{name}: sent {value}, the server says {back}"))
    };
    sent.iter().filter_map(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn gather_json(json: &Json) -> Gathered {
        gather_whole(&json.to_string()).unwrap()
    }

    #[test]
    fn an_ordinary_answer() {
        let got = gather_json(&json!({
            "model": "m-1", "system_fingerprint": "fp", "service_tier": {"odd": 1},
            "choices": [{"message": {"content": "Hello", "reasoning_content": "hm"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 3}}
        }));
        assert_eq!((got.content.as_str(), got.thinking.as_str()), ("Hello", "hm"));
        assert_eq!(got.usage, Usage { prompt: Some(7), completion: Some(2), cached: Some(3) });
        assert_eq!(got.served.fingerprint.as_deref(), Some("fp"));
    }

    #[test]
    fn sloppy_answers() {
        let empty = gather_json(&json!({"choices": [{"message": {"content": null}, "finish_reason": ""}]}));
        assert_eq!((empty.content.as_str(), parse_finish(empty.finish_reason.as_deref())), ("", Finish::Other));
        let parts = json!([{"type": "text", "text": "a"}, "b", {"type": "thinking", "thinking": [{"text": "t"}]}]);
        let got = gather_json(&json!({"choices": [{"message": {"content": parts}}], "usage": null}));
        assert_eq!((got.content.as_str(), got.thinking.as_str()), ("ab", "t"));
        let refusal = gather_json(&json!({"choices": [{"message": {"content": null, "refusal": "no"}}]}));
        assert_eq!(refusal.refusal, "no");
        assert!(matches!(gather_whole(r#"{"choices": []}"#), Err(Fault::Invalid(_))));
    }

    #[test]
    fn errors_inside_a_success() {
        for text in [
            r#"{"error": {"message": "overloaded", "code": 529}}"#,
            r#"{"object": "error", "message": "overloaded", "code": 529}"#,
            r#"{"choices": [{"error": {"message": "overloaded", "code": 529}}]}"#,
            "data: {\"error\": {\"message\": \"overloaded\", \"code\": 529}}\n\n",
        ] {
            let Err(Fault::Problem(problem)) = gather_whole(text) else { unreachable!("{text}") };
            assert_eq!((problem.status, problem.message.as_str()), (529, "overloaded"), "{text}");
        }
    }

    #[test]
    fn streams_are_gathered() {
        let stream = ": hello\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\n\
                      data:{\"choices\":[{\"delta\":{\"content\":\"b\"},\"finish_reason\":\"length\"}]}\n\n";
        let got = gather_stream(&format!("{stream}data: [DONE]\n\n")).unwrap();
        assert_eq!((got.content.as_str(), got.finish_reason.as_deref()), ("ab", Some("length")));
        assert_eq!(gather_stream(stream).unwrap().content, "ab");
        let cut = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
        assert!(matches!(gather_stream(cut), Err(Fault::Broken(_))));
        assert!(matches!(gather_stream(&format!("{cut}data: {{\"cho")), Err(Fault::Broken(_))));
        assert!(matches!(gather_stream("data: {oops}\n\n"), Err(Fault::Invalid(_))));
        assert!(matches!(gather_stream(""), Err(Fault::Invalid(_))));
    }

    #[test]
    fn parameters_that_come_back_otherwise() {
        let sent = json!({"temperature": 0.7, "seed": 5, "max_tokens": 40});
        let echo = json!({"generation_settings": {"temperature": 1.0, "seed": 5}, "max_tokens": 40});
        let said = find_differences(sent.as_object().unwrap(), echo.as_object().unwrap());
        assert_eq!(said, ["temperature: sent 0.7, the server says 1"]);
        let close = json!({"temperature": 0.699_999_988});
        assert!(find_differences(sent.as_object().unwrap(), close.as_object().unwrap()).is_empty());
    }
}
