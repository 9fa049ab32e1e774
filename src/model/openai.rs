//! Chat completions of any OpenAI-compatible server, read tolerantly: fields may be missing, unknown or odd.

use super::classify::{Fault, Problem};
use super::http::{Http, Progress, Reading};
use super::sse::{Event, field_values, read_events};
use super::tolerant::{is_said, parse_json};
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
        let reading = if streamed { Reading::Lines(progress_of) } else { Reading::Whole };
        let answer = self.http.post_chat(&request.model, request.body(), reading).await?;
        let gathered = if (200..300).contains(&answer.status) {
            gather_answer(&answer.text)
        } else {
            Err(Fault::Problem(Problem::from_answer(&answer)))
        };
        let reply = gathered.and_then(|g| self.build_reply(g, answer.text.clone(), &request.parameters));
        reply.or_else(|fault| match fault {
            // A filtered prompt counts as an answer.
            Fault::Problem(problem) if problem.is_filter() => Ok(filtered_reply(answer.text)),
            fault => Err(fault.into_error(&self.http, request, &answer.text)),
        })
    }
}

fn filtered_reply(raw: String) -> ChatReply {
    let finish_reason = Some("content_filter".to_owned());
    ChatReply { finish: Finish::Filtered, finish_reason, raw, ..ChatReply::default() }
}

impl OpenAi {
    fn build_reply(&self, gathered: Gathered, raw: String, sent: &Map<String, Json>) -> Result<ChatReply, Fault> {
        let Gathered { content, thinking, refusal, finish_reason, usage, served, echo, .. } = gathered;
        let finish =
            Finish::from_word(finish_reason.as_deref()).ok_or_else(|| Fault::finished(finish_reason.as_deref()))?;
        let refused = !refusal.is_empty();
        let content = if content.is_empty() { refusal } else { content };
        // A key split between pieces of a stream is complete only here.
        let content = self.http.redactor().redact_reply(content);
        Ok(ChatReply {
            content,
            thinking: (!thinking.is_empty()).then(|| self.http.redactor().redact_reply(thinking)),
            refused,
            finish,
            finish_reason,
            usage,
            served,
            differs: find_differences(sent, &echo),
            raw,
        })
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
    /// Adds one object, whose text is under `message`, or `delta` in a stream.
    fn add_object(&mut self, json: &Json) -> Result<(), Fault> {
        if let Some(error) = find_error(json) {
            return Err(Fault::of_error(error));
        }
        self.add_counts(json);
        let Some(choice) = json.get("choices").and_then(|c| c.get(0)) else { return Ok(()) };
        // A stream may repeat the whole message at its end.
        let whole = choice.get("message").filter(|_| self.content.is_empty());
        if let Some(message) = choice.get("delta").or(whole).filter(|m| m.is_object()) {
            self.has_choice = true;
            self.add_message(message);
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Json::as_str).filter(|r| !r.is_empty()) {
            self.finish_reason = Some(reason.to_owned());
        }
        Ok(())
    }

    fn add_event(&mut self, event: &Event) -> Result<(), Fault> {
        let unread = |e| if event.is_cut { Fault::cut_line() } else { Fault::not_json(&event.data, &e) };
        let json = parse_json(&event.data).map_err(unread)?;
        let has_choice = json.get("choices").and_then(|c| c.get(0)).is_some();
        match Problem::from_stray(&json, event.name == "error") {
            Some(problem) if !has_choice => Err(Fault::Problem(problem)),
            _ => self.add_object(&json),
        }
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

/// Reads one object or a stream, whichever the server sent.
fn gather_answer(text: &str) -> Result<Gathered, Fault> {
    let json = match parse_json(text) {
        Ok(json) => json,
        Err(error) => return gather_stream(&read_events(text)).unwrap_or_else(|| Err(Fault::not_json(text, &error))),
    };
    let mut gathered = Gathered::default();
    gathered.add_object(&json)?;
    if gathered.has_choice { Ok(gathered) } else { Err(without_choice(&json)) }
}

/// Creates the fault of an object without a message: mostly it is an error.
fn without_choice(json: &Json) -> Fault {
    let nothing = || Fault::Invalid("it has no `choices` with a message".to_owned());
    Problem::from_json(json).map_or_else(nothing, Fault::Problem)
}

/// Finds an error beside or within the first choice.
fn find_error(json: &Json) -> Option<&Json> {
    let choice = json.get("choices").and_then(|c| c.get(0));
    [Some(json), choice].into_iter().flatten().filter_map(|j| j.get("error")).find(|error| is_said(error))
}

/// Reads the events of a stream; `None` if there are none.
fn gather_stream(events: &[Event]) -> Option<Result<Gathered, Fault>> {
    let until_done = events.split(|event| event.data == "[DONE]").next()?;
    let is_done = until_done.len() < events.len();
    let broken = |cause: &str| Err(Fault::Broken(format!("its stream ended {cause}")));
    let mut gathered = Gathered::default();
    for event in until_done {
        if let Err(fault) = gathered.add_event(event) {
            return Some(Err(fault));
        }
    }
    let has_text = !gathered.content.is_empty() || !gathered.refusal.is_empty();
    Some(match events.first()? {
        _ if gathered.finish_reason.is_some() || is_done && has_text => Ok(gathered),
        _ if gathered.has_choice && is_done => broken("without a text and without a finish reason"),
        _ if gathered.has_choice => broken("without `[DONE]` and without a finish reason"),
        first => parse_json(&first.data).map_or_else(|_| broken("before it began"), |json| Err(without_choice(&json))),
    })
}

/// Returns the progress of the stream after this line.
fn progress_of(line: &[u8]) -> Progress {
    let data = line.strip_prefix(b"data:").unwrap_or(line).trim_ascii();
    let has_error = || {
        let json = std::str::from_utf8(data).ok().and_then(|data| parse_json(data).ok());
        json.is_some_and(|json| find_error(&json).is_some())
    };
    if data == b"[DONE]" || field_values(data, "error").next().is_some() && has_error() {
        Progress::Ended
    } else if field_values(data, "finish_reason").any(|v| v.starts_with(b"\"") && !v.starts_with(b"\"\"")) {
        Progress::Finished
    } else {
        Progress::Open
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
        gather_answer(&json.to_string()).unwrap()
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
        assert_eq!((empty.content.as_str(), empty.finish_reason), ("", None));
        let parts = json!([{"type": "text", "text": "a"}, "b", {"type": "thinking", "thinking": [{"text": "t"}]}]);
        let got = gather_json(&json!({"choices": [{"message": {"content": parts}}], "usage": null}));
        assert_eq!((got.content.as_str(), got.thinking.as_str()), ("ab", "t"));
        let refusal = gather_json(&json!({"choices": [{"message": {"content": null, "refusal": "no"}}]}));
        assert_eq!(refusal.refusal, "no");
        assert!(matches!(gather_answer(r#"{"choices": []}"#), Err(Fault::Invalid(_))));
    }

    #[test]
    fn errors_inside_a_success() {
        for text in [
            r#"{"error": {"message": "overloaded", "code": 529}}"#,
            r#"{"object": "error", "message": "overloaded", "code": 529}"#,
            r#"{"choices": [{"error": {"message": "overloaded", "code": 529}}]}"#,
            "data: {\"error\": {\"message\": \"overloaded\", \"code\": 529}}\n\n",
        ] {
            let Err(Fault::Problem(problem)) = gather_answer(text) else { unreachable!("{text}") };
            assert_eq!((problem.status, problem.message.as_str()), (529, "overloaded"), "{text}");
        }
    }

    #[test]
    fn streams_are_gathered() {
        let stream = ": hello\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\n\
                      data:{\"choices\":[{\"delta\":{\"content\":\"b\"},\"finish_reason\":\"length\"}]}\n\n";
        let got = gather_answer(&format!("{stream}data: [DONE]\n\n")).unwrap();
        assert_eq!((got.content.as_str(), got.finish_reason.as_deref()), ("ab", Some("length")));
        assert_eq!(gather_answer(stream).unwrap().content, "ab");
        let cut = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
        assert!(matches!(gather_answer(cut), Err(Fault::Broken(_))));
        assert!(matches!(gather_answer(&format!("{cut}data: {{\"cho")), Err(Fault::Broken(_))));
        assert!(matches!(gather_answer("data: {oops}\n\n"), Err(Fault::Invalid(_))));
        assert!(matches!(gather_answer(""), Err(Fault::Invalid(_))));
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
