//! Meaning of a server's error, which arrives as an HTTP status or inside a stream.

use super::http::{Answer, Http};
use super::parameters::sent_schema;
use super::text::{has_word, html_title};
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

/// Codes and words by which a server's filter refuses a prompt.
const FILTER_CODES: [&str; 12] = [
    "content_filter",
    "content_filtered",
    "content_policy_violation",
    "ResponsibleAIPolicyViolation",
    "data_inspection_failed",
    "DataInspectionFailed",
    "moderation_blocked",
    "content_blocked",
    "prompt_blocked",
    "safety",
    "sensitive",
    "1301",
];
const FILTER_WORDS: [&str; 9] = [
    "content management policy",
    "content policy",
    "content filter",
    "content exists risk",
    "considered high risk",
    "safety system",
    "inappropriate content",
    "unsafe or sensitive content",
    "flagged by",
];
/// Codes and words by which a server refuses a prompt that is too long.
const CONTEXT_CODES: [&str; 7] = [
    "context_length_exceeded",
    "exceed_context_size_error",
    "context_window_exceeded",
    "context_overflow",
    "prompt_too_long",
    "input_too_long",
    "1261",
];
const CONTEXT_WORDS: [&str; 31] = [
    "maximum context length",
    "context window",
    "context size",
    "context length",
    "context limit",
    "context overflow",
    "context_length",
    "maximum model length",
    "max_model_len",
    "n_ctx",
    "n_keep",
    "maximum prompt length",
    "prompt length",
    "prompt too long",
    "prompt is too long",
    "prompt exceeds",
    "prompt has too many tokens",
    "input token count",
    "input length",
    "input is too long",
    "input too long",
    "input exceeds",
    "maximum input",
    "`inputs` tokens",
    "model token limit",
    "too many tokens",
    "too many input tokens",
    "maximum number of tokens",
    "maximum allowed number of input tokens",
    "maximum number of input tokens",
    "reduce the length of the",
];
/// Words by which a server names a trouble that passes.
const PASSING_WORDS: [&str; 6] =
    ["too many requests", "rate limit", "overloaded", "is loading", "warming up", "try again later"];
/// Words by which a server names its own trouble with status 500.
const OWN_WORDS: [&str; 14] = [
    "internal",
    "server error",
    "server had an error",
    "unexpected",
    "unavailable",
    "timeout",
    "timed out",
    "overload",
    "capacity",
    "try again",
    "terminated",
    "crash",
    "out of memory",
    "eof",
];
/// Names by which a server calls the schema of an answer.
const SCHEMA_NAMES: [&str; 4] = ["response_format", "json_schema", "format", "schema"];
/// Words that name the schema of an answer and nothing else.
const SCHEMA_WORDS: [&str; 12] = [
    "response_format",
    "response format",
    "json_schema",
    "json schema",
    "structured output",
    "guided_json",
    "invalid format:",
    "invalid schema",
    "format parameter",
    "parameter format",
    "schema parameter",
    "required for format",
];
/// Words about a grammar, which some servers make of a schema, that they cannot use.
const GRAMMAR_WORDS: [&str; 5] = ["parse", "support", "compile", "invalid", "convert"];
/// Words about an address that the server does not have.
const ADDRESS_WORDS: [&str; 3] = ["unexpected endpoint", "unknown endpoint", "invalid endpoint"];
/// Words about the right to use a model.
const ACCESS_WORDS: [&str; 11] = [
    "access",
    "verif",
    "region",
    "country",
    "available",
    "allowed",
    "permi",
    "enabled",
    "entitled",
    "authorized",
    "subscri",
];

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
        let mut inner = outer;
        let has_words = |value: &Json| WORDS.iter().any(|key| value.get(*key).is_some_and(Json::is_string));
        while let Some(next) = find_nested(inner).filter(|_| std::ptr::eq(inner, outer) || !has_words(inner)) {
            inner = next;
        }
        let message = WORDS.iter().find_map(|key| find_message(inner.get(*key)?))?;
        let innermost = inner.get("innererror").unwrap_or(inner);
        let codes =
            || [inner, innermost, outer].into_iter().flat_map(|object| CODES.iter().filter_map(|key| object.get(*key)));
        let parameter = inner.get("param").and_then(Json::as_str).filter(|p| !p.is_empty()).map(str::to_owned);
        Some(Self {
            status: codes().find_map(parse_status).unwrap_or(500),
            codes: codes().filter_map(write_code).collect(),
            parameter: parameter.or_else(|| find_location(outer).or_else(|| find_location(inner.get("message")?))),
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

    /// True if the server's filter refused the prompt: that is an answer, judged by health. A page is never one.
    pub(super) fn is_filter(&self) -> bool {
        self.is_json
            && matches!(self.status, 400 | 403 | 422 | 451 | 500)
            && (self.has_code(&FILTER_CODES) || self.mentions_any(&FILTER_WORDS))
    }

    fn is_quota(&self) -> bool {
        self.status == 402
            || self.has_code(&["insufficient_quota", "billing_hard_limit_reached", "billing_not_active"])
            // Some servers report a limit per minute as "exceeded your current quota"; those name a time.
            || matches!(self.status, 403 | 429 | 500)
                && self.retry_after.is_none()
                && self.mentions_any(&["insufficient quota", "exceeded your current quota", "insufficient balance",
                    "insufficient credit", "credit balance is too low", "out of credits"])
                && !self.mentions_any(&["retry in", "try again in"])
    }

    /// True if the words are about the key.
    fn is_key(&self) -> bool {
        self.has_code(&["invalid_api_key"])
            || self.mentions_any(&["incorrect api key", "invalid api key", "api key not valid", "api secret key"])
    }

    /// True if the words are about the rights of the key.
    fn is_forbidden(&self) -> bool {
        let words = ["forbidden", "api key", "api-key", "apikey", "credential", "authenti", "authori", "permission"];
        self.is_json && (self.is_key() || self.mentions_any(&words))
    }

    /// True if the key may not use this model: it may use others.
    fn denies_model(&self, model: &str) -> bool {
        let named = || contains_name(&self.message, model) && self.mentions_any(&ACCESS_WORDS);
        self.is_json && !self.is_key() && (self.has_code(&["model_not_found"]) || named())
    }

    fn is_context(&self) -> bool {
        let is_long = self.mentions_any(&["input", "prompt", "messages", "request"])
            && self.mentions_any(&["exceed", "too long", "too large", "longer than", "overflow"])
            && self.mentions_any(&["context", "token"]);
        let overflows = self.mentions_any(&["context"]) && self.mentions_any(&["overflow"]);
        self.has_code(&CONTEXT_CODES) || self.mentions_any(&CONTEXT_WORDS) || is_long || overflows
    }

    /// True if the server names the schema of an answer as the cause. The mere word `format` names none: it may be that of
    /// a message or a picture.
    fn refuses_schema(&self) -> bool {
        let is_named =
            |name: &str| self.parameter.as_deref().is_some_and(|p| p.split(['.', '[']).any(|part| part == name));
        let is_quoted = |name: &str| ["'", "\"", "`"].iter().any(|q| self.message.contains(&format!("{q}{name}{q}")));
        let is_grammar = self.mentions_any(&["grammar"]) && self.mentions_any(&GRAMMAR_WORDS);
        self.is_json
            && !self.is_passing()
            && (SCHEMA_NAMES.iter().any(|name| is_named(name) || is_quoted(name))
                || self.mentions_any(&SCHEMA_WORDS)
                || is_grammar)
    }

    fn is_no_model(&self) -> bool {
        let unknown = ["not found", "does not exist", "no such model", "not a valid model", "unknown model"];
        let is_unknown = self.is_json && self.mentions_any(&["model"]) && self.mentions_any(&unknown);
        self.has_code(&["model_not_found"])
            || is_unknown
            || self.is_json && self.status == 404 && self.mentions_any(&["model"]) && !self.is_passing()
    }

    fn is_passing_status(&self) -> bool {
        matches!(self.status, 408 | 409 | 421 | 423 | 424 | 425 | 429 | 498 | 499 | 500..)
    }

    /// True for a 500 written as JSON that names another reason than the server's own trouble.
    fn is_unclear(&self) -> bool {
        self.is_json
            && self.status == 500
            && self.retry_after.is_none()
            && !self.is_passing()
            && !self.mentions_any(&OWN_WORDS)
    }

    /// True for a status that else refuses for good.
    fn is_passing_refusal(&self) -> bool {
        matches!(self.status, 400 | 403 | 404 | 449) && self.is_passing()
    }

    /// True if the words name a trouble that passes.
    fn is_passing(&self) -> bool {
        let message = self.message.to_lowercase();
        let in_time = message.split_once("try again in ").is_some_and(|(_, time)| time.starts_with(char::is_numeric));
        in_time || self.mentions_any(&PASSING_WORDS)
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
    let parameter = find_parameter(sent, problem);
    match problem.status {
        200..=500 if problem.mentions_any(&ADDRESS_WORDS) => {
            ModelError::Nowhere { server, address: http.server().base_url.to_string(), message }
        }
        402 | 403 | 429 | 500 if problem.is_quota() => ModelError::Quota { server, message },
        _ if problem.has_code(&["insufficient_quota"]) => ModelError::Quota { server, message },
        401 | 403 if problem.denies_model(&model) => ModelError::NoAccess { server, model, message },
        401 | 403 | 500 if is_about_key(problem) => {
            ModelError::Key { server, message, variable: http.server().key_variable.clone() }
        }
        413 => ModelError::ContextFull { model, message },
        400..=424 | 431 | 500 if problem.is_context() => ModelError::ContextFull { model, message },
        400 | 404 | 422 | 500 | 501 if problem.refuses_schema() && sent_schema(sent).is_some() => {
            ModelError::Refused { server, parameter: sent_schema(sent), status: problem.status, message }
        }
        400 | 404 | 422 | 500 if problem.is_no_model() => ModelError::NoModel { server, model, message },
        status if problem.is_passing_status() || parameter.is_none() && problem.is_passing_refusal() => {
            let is_unclear = problem.is_unclear();
            ModelError::Busy { server, status, message, retry_after: problem.retry_after, is_unclear }
        }
        404 => ModelError::Nowhere { server, address: http.server().base_url.to_string(), message },
        status => ModelError::Refused { server, parameter, status, message },
    }
}

/// True for an error about the key. A page with status 403 may be anything.
fn is_about_key(problem: &Problem) -> bool {
    match problem.status {
        401 => true,
        403 => problem.is_forbidden(),
        _ => problem.is_key(),
    }
}

/// Finds the parameter that a server names: its own `param`, or a sent one that its message mentions.
fn find_parameter(sent: &Map<String, Json>, problem: &Problem) -> Option<String> {
    let options = sent.get("options").and_then(Json::as_object);
    let sent: Vec<&String> = sent.keys().chain(options.into_iter().flat_map(|o| o.keys())).collect();
    let quoted = |name: &str| ["'", "\"", "`"].iter().any(|q| problem.message.contains(&format!("{q}{name}{q}")));
    // Common words count only if they are quoted.
    let plain = |name: &str| {
        !matches!(name, "stop" | "stream" | "seed" | "options" | "format") && has_word(&problem.message, name)
    };
    let named = || sent.iter().find(|n| quoted(n)).or_else(|| sent.iter().find(|n| plain(n)));
    problem.parameter.clone().or_else(|| named().map(|n| (*n).clone()))
}

/// True if a text holds a name that is not part of a longer word.
fn contains_name(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let is_outside = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
    let mut found = text.match_indices(&name);
    found.any(|(at, _)| {
        let (before, after) = (text.get(..at), text.get(at + name.len()..));
        is_outside(before.and_then(|t| t.chars().next_back())) && is_outside(after.and_then(|t| t.chars().next()))
    })
}

/// Finds an object that holds an error.
fn find_nested(json: &Json) -> Option<&Json> {
    NESTED.iter().filter_map(|key| json.get(*key)).map(first_of).find(|value| value.is_object())
}

/// Returns the first element of a list, else the value itself.
fn first_of(json: &Json) -> &Json {
    json.as_array().and_then(|list| list.first()).unwrap_or(json)
}

/// Returns a message, that of an object, or the first of a list of messages (`detail` of some servers).
fn find_message(json: &Json) -> Option<String> {
    match first_of(json) {
        Json::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Json::Object(inner) => WORDS.iter().find_map(|key| find_message(inner.get(*key)?)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => None,
    }
}

/// Returns the last name of `detail[0].loc`.
fn find_location(json: &Json) -> Option<String> {
    json.get("detail")?.get(0)?.get("loc")?.as_array()?.last()?.as_str().map(str::to_owned)
}

fn write_code(json: &Json) -> Option<String> {
    json.as_str().map(str::to_owned).or_else(|| Some(json.as_u64()?.to_string()))
}

/// Parses a status written as a number or as text.
fn parse_status(json: &Json) -> Option<u16> {
    let number = json.as_u64().or_else(|| json.as_str()?.parse().ok())?;
    u16::try_from(number).ok().filter(|s| (400..600).contains(s))
}
