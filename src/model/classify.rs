//! Meaning of a server's error, which arrives as an HTTP status or inside a stream.

use super::http::{Answer, Http};
use super::text::html_title;
use super::tolerant::{is_said, parse_json};
use super::{ChatRequest, ModelError};
use serde_json::{Map, Value as Json};
use std::time::Duration;

/// Fields that hold an error inside another object.
const NESTED: [&str; 4] = ["error", "errors", "base_resp", "detail"];
/// Fields that hold the words of an error.
const WORDS: [&str; 9] = [
    "error",
    "message",
    "detail",
    "msg",
    "error_message",
    "error_msg",
    "errorMessage",
    "status_msg",
    "error_description",
];
/// Fields that hold the code or the status of an error.
const CODES: [&str; 6] = ["code", "type", "status", "error_code", "status_code", "errorCode"];

/// An error as the server describes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Problem {
    /// HTTP status; for an error inside a 200, the status it names, or 500.
    pub(super) status: u16,
    pub(super) message: String,
    /// `error.code` and `error.type`, if they are text.
    pub(super) codes: Vec<String>,
    /// `error.param`.
    pub(super) parameter: Option<String>,
    /// The wait that the server requests.
    pub(super) retry_after: Option<Duration>,
    /// True for an error written as JSON: it is the model server's own, not a gateway's page.
    pub(super) is_json: bool,
}

impl Problem {
    /// Reads the error of an answer with an error status.
    pub(super) fn from_answer(answer: &Answer) -> Self {
        let json = parse_json(&answer.text).ok();
        let mut problem = json.as_ref().and_then(Self::from_json).unwrap_or_else(|| Self::from_page(&answer.text));
        problem.status = answer.status;
        problem.retry_after = answer.retry_after;
        problem
    }

    /// Reads an error from a JSON object, in any of the common shapes.
    pub(super) fn from_json(json: &Json) -> Option<Self> {
        let outer = first_of(json);
        let inner = NESTED.iter().filter_map(|key| outer.get(*key)).map(first_of).find(|value| value.is_object());
        let inner = inner.unwrap_or(outer);
        let message = WORDS.iter().find_map(|key| find_message(inner.get(*key)?))?;
        let codes = || [inner, outer].into_iter().flat_map(|object| CODES.iter().filter_map(|key| object.get(*key)));
        let parameter = inner.get("param").and_then(Json::as_str).filter(|p| !p.is_empty()).map(str::to_owned);
        Some(Self {
            status: codes().find_map(parse_status).unwrap_or(500),
            codes: codes().filter_map(Json::as_str).map(str::to_owned).collect(),
            parameter: parameter.or_else(|| find_location(outer)),
            message,
            is_json: true,
            ..Self::default()
        })
    }

    /// Reads an error without an `error` field, as some servers send it with status 200. `is_named` if an event is
    /// called an error.
    pub(super) fn from_stray(json: &Json, is_named: bool) -> Option<Self> {
        let text = |key: &str| json.get(key).and_then(Json::as_str);
        let is_error = is_named || text("object") == Some("error") || text("type") == Some("error");
        let is_code = |value: &Json| is_said(value) && (value.is_number() || parse_status(value).is_some());
        let status = json.get("base_resp").unwrap_or(json);
        let is_coded = CODES.iter().any(|key| status.get(*key).is_some_and(is_code));
        if is_error || is_coded { Self::from_json(json) } else { None }
    }

    fn from_page(text: &str) -> Self {
        let message = html_title(text).map_or_else(|| text.to_owned(), |title| format!("a page, \"{title}\""));
        let message = if message.trim().is_empty() { "it says nothing more".to_owned() } else { message };
        Self { message, ..Self::default() }
    }

    fn has_code(&self, words: &[&str]) -> bool {
        self.codes.iter().any(|code| words.iter().any(|word| code.eq_ignore_ascii_case(word)))
    }

    fn mentions_any(&self, phrases: &[&str]) -> bool {
        let message = self.message.to_lowercase();
        phrases.iter().any(|phrase| message.contains(phrase))
    }

    /// True if the server's filter refused the prompt: that is an answer, judged by health.
    pub(super) fn is_filter(&self) -> bool {
        self.status == 400 && self.has_code(&["content_filter", "content_policy_violation"])
    }

    fn is_quota(&self) -> bool {
        self.status == 402
            || self.has_code(&["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"])
            // Some servers report a limit per minute as "exceeded your current quota"; those name a time.
            || matches!(self.status, 429 | 500)
                && self.retry_after.is_none()
                && self.mentions_any(&["insufficient quota", "exceeded your current quota", "insufficient balance",
                    "insufficient credit", "credit balance is too low", "out of credits"])
                && !self.mentions_any(&["retry in", "try again in"])
    }

    /// True if an error without a status of its own is about the key.
    fn is_key(&self) -> bool {
        self.mentions_any(&["incorrect api key", "invalid api key", "api key not valid", "api secret key"])
    }

    fn is_context(&self) -> bool {
        let words = [
            "maximum context length",
            "context window",
            "available context size",
            "context length exceeded",
            "input token count",
            "`inputs` tokens",
            "reduce the length of the messages",
        ];
        let input = self.mentions_any(&["input length", "prompt", "input"])
            && self.mentions_any(&["exceed", "too long", "longer than"]);
        self.has_code(&["context_length_exceeded", "exceed_context_size_error"])
            || self.mentions_any(&words)
            || input && self.mentions_any(&["context", "prompt is too long", "maximum input length"])
    }

    fn is_no_model(&self) -> bool {
        let unknown = ["not found", "does not exist", "no such model", "not a valid model", "unknown model"];
        self.has_code(&["model_not_found"])
            || self.is_json && self.status == 404 && self.mentions_any(&["model"])
            || self.is_json
                && self.mentions_any(&["model"])
                && self.mentions_any(&unknown)
                && matches!(self.status, 400 | 422 | 500)
    }
}

/// Reason why the body of a successful response is unusable.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fault {
    /// It is an error.
    Problem(Problem),
    /// It is incomplete.
    Broken(String),
    /// It is something else.
    Invalid(String),
}

impl Fault {
    /// Creates the fault of a text that should be JSON.
    pub(super) fn not_json(text: &str, cause: &impl std::fmt::Display) -> Self {
        Self::Invalid(describe_unusable(text, cause))
    }

    /// Creates the fault of a reply that the server broke off, by its own word.
    pub(super) fn finished(reason: Option<&str>) -> Self {
        Self::Broken(format!("with the finish reason `{}`", reason.unwrap_or_default()))
    }

    /// Creates the fault of an error of which no words are known.
    pub(super) fn of_error(error: &Json) -> Self {
        let problem = Problem::from_json(&serde_json::json!({ "error": error }));
        problem.map_or_else(|| Self::Invalid(error.to_string()), Self::Problem)
    }

    /// Creates the fault of a stream that ends inside a line.
    pub(super) fn cut_line() -> Self {
        Self::Broken("in the middle of a line of its stream".to_owned())
    }

    /// Converts the fault for the caller.
    pub(super) fn into_error(self, http: &Http, request: &ChatRequest, body: &str) -> ModelError {
        match self {
            Self::Problem(problem) => classify_problem(http, &request.model, &request.parameters, &problem),
            Self::Broken(cause) => http.broken_error(&cause),
            Self::Invalid(cause) => http.invalid_error(&cause, body.as_bytes()),
        }
    }
}

/// Describes a text that should be JSON.
pub(super) fn describe_unusable(text: &str, cause: &impl std::fmt::Display) -> String {
    let begin: String = text.chars().take(80).collect();
    match html_title(text) {
        Some(title) => format!("it is a page (\"{title}\"), not JSON; is the address right?"),
        None if text.trim().is_empty() => "it is empty".to_owned(),
        None => format!("it is not JSON ({cause}): {begin}"),
    }
}

/// Classifies a server's error (contract R7); the only place that does.
///
/// `sent` holds the parameters of the request, one of which the server may name.
pub(super) fn classify_problem(http: &Http, model: &str, sent: &Map<String, Json>, problem: &Problem) -> ModelError {
    let server = http.server().name.clone();
    let message = http.redactor().redact_error(&problem.message);
    let model = model.to_owned();
    match problem.status {
        402 | 403 | 429 | 500 if problem.is_quota() => ModelError::Quota { server, message },
        _ if problem.has_code(&["insufficient_quota"]) => ModelError::Quota { server, message },
        401 | 403 | 500 if problem.status != 500 || problem.is_key() => {
            ModelError::Key { server, message, variable: http.server().key_variable.clone() }
        }
        413 => ModelError::ContextFull { model, message },
        400 | 422 | 500 if problem.is_context() => ModelError::ContextFull { model, message },
        400 | 404 | 422 | 500 if problem.is_no_model() => ModelError::NoModel { server, model, message },
        status @ (408 | 409 | 425 | 429 | 500..) => {
            ModelError::Busy { server, status, message, retry_after: problem.retry_after }
        }
        404 if !problem.is_json => {
            let message = format!("nothing is served at {}; is the address right? ({message})", http.server().base_url);
            ModelError::Refused { server, parameter: None, status: 404, message }
        }
        status => ModelError::Refused { server, parameter: find_parameter(sent, problem), status, message },
    }
}

/// Finds the parameter that a server names: its own `param`, or a sent one that its message mentions.
fn find_parameter(sent: &Map<String, Json>, problem: &Problem) -> Option<String> {
    let options = sent.get("options").and_then(Json::as_object);
    let sent: Vec<&String> = sent.keys().chain(options.into_iter().flat_map(|o| o.keys())).collect();
    let quoted = |name: &str| ["'", "\"", "`"].iter().any(|q| problem.message.contains(&format!("{q}{name}{q}")));
    // Common words count only if they are quoted.
    let plain =
        |name: &str| !matches!(name, "stop" | "stream" | "seed" | "options") && has_word(&problem.message, name);
    let named = || sent.iter().find(|n| quoted(n)).or_else(|| sent.iter().find(|n| plain(n)));
    problem.parameter.clone().or_else(|| named().map(|n| (*n).clone()))
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|w| w.eq_ignore_ascii_case(word))
}

/// Returns the first element of a list, else the value itself.
fn first_of(json: &Json) -> &Json {
    json.as_array().and_then(|list| list.first()).unwrap_or(json)
}

/// Returns a message, that of an object, or the first of a list of messages (`detail` of some servers).
fn find_message(json: &Json) -> Option<String> {
    match first_of(json) {
        Json::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Json::Object(inner) => WORDS.iter().find_map(|key| inner.get(*key)?.as_str()).map(str::to_owned),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => None,
    }
}

/// Returns the last name of `detail[0].loc`.
fn find_location(json: &Json) -> Option<String> {
    json.get("detail")?.get(0)?.get("loc")?.as_array()?.last()?.as_str().map(str::to_owned)
}

/// Parses a status written as a number or as text.
fn parse_status(json: &Json) -> Option<u16> {
    let number = json.as_u64().or_else(|| json.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|s| (400..600).contains(s))
}
