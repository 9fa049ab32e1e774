//! One HTTP request: connect, first-byte, idle and whole-attempt limits, a cap on size, no redirects, no retries.
//!
//! The first-byte limit runs from the request to the first byte of the *body*, because some servers send their headers
//! before they compute. A proxy from the environment is used for `https` only, where it cannot read the key. Requests
//! over plain `http` (this machine, a laboratory's server) go directly to the server.

use super::error::CONNECTION;
use super::inflate::Body;
use super::text::Redactor;
use super::{ModelError, Server, ServerKind};
use crate::design::key::sha256;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use secrecy::ExposeSecret;
use std::error::Error;
use std::io::ErrorKind;
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, timeout_at};
use url::Url;

/// Wait for the end of a body whose answer is complete, so that the connection can be reused.
const TAIL: Duration = Duration::from_millis(50);
/// Wait for what may follow the finish reason of a stream, in all: heartbeats do not extend it.
const AFTER_FINISH: Duration = Duration::from_secs(2);
/// Some servers close a connection after five idle seconds. A request on such a connection would look like a broken
/// answer; over plain `http` a new connection costs almost nothing.
const KEPT: Duration = Duration::from_secs(4);
/// A larger number of a requested wait is a time of day in seconds since 1970 …
const SECONDS_OF_DAY: f64 = 1e9;
/// … and a larger one still in milliseconds.
const MILLISECONDS_OF_DAY: f64 = 1e12;

/// A client of one server.
#[derive(Debug, Clone)]
pub(super) struct Http {
    server: Server,
    client: reqwest::Client,
    redactor: Redactor,
}

/// A server's answer, with any status.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The whole body, without the key.
    pub(super) text: String,
    /// The wait that the server requests.
    pub(super) retry_after: Option<Duration>,
}

/// Way of reading a body.
#[derive(Clone, Copy)]
pub(super) enum Reading {
    /// One text.
    Whole,
    /// Lines, each within the idle limit; the function tells how far a line brings the answer.
    Lines(fn(&[u8]) -> Progress),
}

/// Progress of a streamed answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    /// More is to come.
    Open,
    /// The text is complete; only counts and the end mark may follow.
    Finished,
    /// Nothing of use follows.
    Ended,
}

impl Http {
    pub(super) fn new(server: &Server) -> Result<Self, ModelError> {
        if let Some(fault) = &server.fault {
            return Err(ModelError::Setting { server: server.name.clone(), message: fault.clone() });
        }
        let builder = reqwest::Client::builder()
            .default_headers(key_headers(server)?)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(server.limits.connect)
            .user_agent(concat!("convoke/", env!("CARGO_PKG_VERSION")));
        let direct = server.base_url.url().scheme() == "http";
        // Without TLS the certificates are not needed, and loading them takes longer than a request.
        let builder = if direct { builder.no_proxy().tls_certs_only([]).pool_idle_timeout(KEPT) } else { builder };
        let client = builder.build().map_err(|e| unreachable_error(server, &e))?;
        Ok(Self { server: server.clone(), client, redactor: Redactor::new(server.key.as_ref()) })
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    pub(super) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Posts exactly these bytes.
    pub(super) async fn post_chat(&self, model: &str, body: Vec<u8>, reading: Reading) -> Result<Answer, ModelError> {
        let request = self.post_json(self.server.chat_url(model), body);
        self.send_request(request, reading, self.server.limits.attempt).await
    }

    /// Posts texts to be embedded.
    pub(super) async fn post_texts(&self, model: &str, body: Vec<u8>) -> Result<Answer, ModelError> {
        let request = self.post_json(self.server.embed_url(model), body);
        self.send_request(request, Reading::Whole, self.server.limits.attempt).await
    }

    /// Sends a GET request that must finish within `limit`, or a POST request if there is a body.
    pub(super) async fn look_up(&self, url: Url, body: Option<Vec<u8>>, limit: Duration) -> Result<Answer, ModelError> {
        let request = match body {
            Some(body) => self.post_json(url, body),
            None => self.client.get(url),
        };
        self.send_request(request, Reading::Whole, limit).await
    }

    fn post_json(&self, url: Url, body: Vec<u8>) -> reqwest::RequestBuilder {
        self.client.post(url).header(header::CONTENT_TYPE, "application/json").body(body)
    }

    async fn send_request(
        &self,
        request: reqwest::RequestBuilder,
        reading: Reading,
        attempt: Duration,
    ) -> Result<Answer, ModelError> {
        let mut clock = Clock::new(self.server.limits.first_byte, attempt);
        let sent = timeout_at(clock.next_limit().0, request.send()).await;
        let response = sent.map_err(|_| self.timeout_error(&clock))?.map_err(|e| self.send_error(&e))?;
        self.refuse_redirect(&response)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers(), SystemTime::now());
        let is_success = response.status().is_success();
        let reading = if is_success { reading } else { Reading::Whole };
        let encoding = content_encoding(response.headers());
        let text = match Body::new(&encoding, self.server.limits.reply_bytes) {
            Some(body) => self.read_text(response, (reading, body), &mut clock).await?,
            None if is_success => return Err(self.encoding_error(&encoding)),
            None => String::new(),
        };
        Ok(Answer { status, text: self.redactor.redact_reply(text), retry_after })
    }

    async fn read_text(
        &self,
        response: reqwest::Response,
        (reading, mut body): (Reading, Body),
        clock: &mut Clock,
    ) -> Result<String, ModelError> {
        let is_success = response.status().is_success();
        self.read_body(response, reading, &mut body, clock).await?;
        match std::str::from_utf8(body.bytes()) {
            Ok(text) => Ok(text.to_owned()),
            // The words of an error are no data.
            Err(_) if !is_success => Ok(String::from_utf8_lossy(body.bytes()).into_owned()),
            Err(error) => Err(self.invalid_error(&describe_bytes(body.bytes(), error), body.bytes())),
        }
    }

    async fn read_body(
        &self,
        mut response: reqwest::Response,
        reading: Reading,
        body: &mut Body,
        clock: &mut Clock,
    ) -> Result<(), ModelError> {
        if response.content_length().is_some_and(|n| n > self.server.limits.reply_bytes) {
            return Err(self.too_large());
        }
        let mut line = 0;
        loop {
            let piece = match timeout_at(clock.next_limit().0, response.chunk()).await {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) => return Ok(()),
                // The answer is complete although its stream has no end. Its connection is closed here.
                Ok(Err(_)) | Err(_) if clock.is_finished() => return Ok(()),
                Ok(Err(error)) => return Err(self.broken_error(&root_cause(&error))),
                Err(_) => return Err(self.timeout_error(clock)),
            };
            body.add_piece(&piece).map_err(|e| self.inflate_error(&e, &piece))?;
            let Reading::Lines(progress_of) = reading else {
                clock.note_piece(None);
                continue;
            };
            clock.note_piece(Some(self.server.limits.idle));
            match read_lines(body.bytes(), &mut line, progress_of) {
                Progress::Open => {}
                Progress::Finished => clock.note_finish(),
                Progress::Ended => {
                    // Reading the rest only frees the connection.
                    let rest = async { while let Ok(Some(_)) = response.chunk().await {} };
                    drop(tokio::time::timeout(TAIL, rest).await);
                    return Ok(());
                }
            }
        }
    }

    fn refuse_redirect(&self, response: &reqwest::Response) -> Result<(), ModelError> {
        if !response.status().is_redirection() {
            return Ok(());
        }
        let place = response.headers().get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or("elsewhere");
        let place = place.split(['?', '#']).next().unwrap_or_default();
        let place = if place.contains('@') { "an address with a user name" } else { place };
        Err(ModelError::Refused {
            server: self.server.name.clone(),
            parameter: None,
            status: response.status().as_u16(),
            message: format!(
                "{} is redirected to {}; set the server's address to it",
                self.server.base_url,
                self.redactor.redact_error(place)
            ),
        })
    }

    fn send_error(&self, error: &reqwest::Error) -> ModelError {
        if error.is_connect() && error.is_timeout() {
            let Server { name, limits, .. } = &self.server;
            return ModelError::Timeout { server: name.clone(), what: CONNECTION, limit: limits.connect };
        }
        if error.is_connect() || error.is_builder() {
            return unreachable_error(&self.server, error);
        }
        self.broken_error(&root_cause(error))
    }

    fn timeout_error(&self, clock: &Clock) -> ModelError {
        let (_, what, limit) = clock.next_limit();
        ModelError::Timeout { server: self.server.name.clone(), what, limit }
    }

    fn too_large(&self) -> ModelError {
        ModelError::TooLarge { server: self.server.name.clone(), limit: self.server.limits.reply_bytes }
    }

    pub(super) fn broken_error(&self, cause: &str) -> ModelError {
        ModelError::Broken { server: self.server.name.clone(), cause: self.redactor.redact_error(cause) }
    }

    /// Creates the error of an unusable body.
    pub(super) fn invalid_error(&self, cause: &str, body: &[u8]) -> ModelError {
        let received = if body.is_empty() { String::new() } else { sha256(body) };
        let (server, cause) = (self.server.name.clone(), self.redactor.redact_error(cause));
        ModelError::Invalid { server, cause, received }
    }

    fn encoding_error(&self, encoding: &str) -> ModelError {
        let encoding = self.redactor.redact_error(encoding);
        ModelError::Encoded { server: self.server.name.clone(), encoding }
    }

    fn inflate_error(&self, error: &std::io::Error, piece: &[u8]) -> ModelError {
        match error.kind() {
            ErrorKind::FileTooLarge => self.too_large(),
            _ => self.invalid_error(&format!("it is not compressed as its Content-Encoding says: {error}"), piece),
        }
    }
}

/// The time limits of one attempt.
struct Clock {
    start: Instant,
    attempt: Duration,
    next: Option<(Instant, &'static str, Duration)>,
    /// End of the wait for what may follow a finished answer.
    finished: Option<Instant>,
}

impl Clock {
    fn new(first_byte: Duration, attempt: Duration) -> Self {
        let start = Instant::now();
        Self { start, attempt, next: Some((start + first_byte, "first byte", first_byte)), finished: None }
    }

    /// Notes a received piece; the next must arrive within `idle`, if that is set.
    fn note_piece(&mut self, idle: Option<Duration>) {
        self.next = idle.map(|idle| (Instant::now() + idle, "next byte", idle));
    }

    fn note_finish(&mut self) {
        self.finished.get_or_insert_with(|| Instant::now() + AFTER_FINISH);
    }

    fn is_finished(&self) -> bool {
        self.finished.is_some()
    }

    fn next_limit(&self) -> (Instant, &'static str, Duration) {
        let whole = (self.start + self.attempt, "whole answer", self.attempt);
        let finished = self.finished.map(|end| (end, "end", AFTER_FINISH));
        self.next.into_iter().chain(finished).fold(whole, |first, next| if next.0 < first.0 { next } else { first })
    }
}

/// Returns the progress by the complete lines from `line` on. Lines are bytes, so that a character split between two
/// pieces stays whole.
fn read_lines(bytes: &[u8], line: &mut usize, progress_of: fn(&[u8]) -> Progress) -> Progress {
    let mut progress = Progress::Open;
    while let Some(rest) = bytes.get(*line..)
        && let Some(length) = rest.iter().position(|b| matches!(b, b'\n' | b'\r'))
    {
        *line += length + 1;
        progress = progress.max(progress_of(rest.get(..length).unwrap_or_default().trim_ascii()));
    }
    progress
}

/// Returns the compressions of a body that are not `identity`, as the server names them.
fn content_encoding(headers: &HeaderMap) -> String {
    let values = headers.get_all(header::CONTENT_ENCODING).into_iter().filter_map(|v| v.to_str().ok());
    let names = values.flat_map(|v| v.split(',')).map(str::trim);
    names.filter(|n| !n.is_empty() && !n.eq_ignore_ascii_case("identity")).collect::<Vec<_>>().join(", ")
}

/// Describes bytes that are no text. Their encoding is not guessed.
fn describe_bytes(bytes: &[u8], error: std::str::Utf8Error) -> String {
    let name = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it is UTF-16, not UTF-8",
        _ => "it is not UTF-8",
    };
    format!("{name}: {error}")
}

pub(super) fn key_headers(server: &Server) -> Result<HeaderMap, ModelError> {
    let mut headers = HeaderMap::new();
    let Some(key) = server.key.as_ref().map(|k| k.expose_secret().trim()).filter(|k| !k.is_empty()) else {
        return Ok(headers);
    };
    let (name, value) = match server.kind {
        ServerKind::Azure => (HeaderName::from_static("api-key"), key.to_owned()),
        ServerKind::OpenAi | ServerKind::Ollama | ServerKind::Scripted => {
            (header::AUTHORIZATION, format!("Bearer {key}"))
        }
    };
    let mut value = HeaderValue::from_str(&value).map_err(|_| ModelError::Key {
        server: server.name.clone(),
        message: "it holds characters that no header can carry".to_owned(),
        variable: server.key_variable.clone(),
    })?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(headers)
}

fn unreachable_error(server: &Server, error: &reqwest::Error) -> ModelError {
    ModelError::Unreachable {
        server: server.name.clone(),
        cause: format!("{}: {}", server.base_url, root_cause(error)),
    }
}

/// Returns the innermost cause: `Connection refused`, not `error sending request`.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// Reads `retry-after-ms`, else `Retry-After` in seconds, as a time of day in seconds or milliseconds since 1970, or as a
/// date. A time of day is compared to the reply's own `Date`, or to `now` if there is none.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let now = text("date").and_then(date).unwrap_or(now);
    let until = |time: SystemTime| time.duration_since(now).unwrap_or_default();
    let number = |text: &str, unit: f64| {
        let number = text.parse::<f64>().ok()?;
        let is_time = number > SECONDS_OF_DAY;
        let unit = if number > MILLISECONDS_OF_DAY {
            1000.0
        } else if is_time {
            1.0
        } else {
            unit
        };
        let seconds = Duration::try_from_secs_f64(number / unit).ok()?;
        if is_time { Some(until(SystemTime::UNIX_EPOCH.checked_add(seconds)?)) } else { Some(seconds) }
    };
    text("retry-after-ms").and_then(|t| number(t, 1000.0)).or_else(|| {
        let asked = text("retry-after")?;
        number(asked, 1.0).or_else(|| Some(until(date(asked)?)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_wait(pairs: &[(&'static str, &str)]) -> Option<Duration> {
        let headers =
            pairs.iter().map(|(k, v)| (header::HeaderName::from_static(k), HeaderValue::from_str(v).unwrap()));
        retry_after(&headers.collect(), SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn waits_asked_for() {
        let seconds = Duration::from_secs;
        assert_eq!(read_wait(&[("retry-after", "7")]), Some(seconds(7)));
        assert_eq!(read_wait(&[("retry-after", "1.5")]), Some(Duration::from_millis(1500)));
        assert_eq!(read_wait(&[("retry-after-ms", "250"), ("retry-after", "7")]), Some(Duration::from_millis(250)));
        let date = ("date", "Thu, 01 Jan 2026 00:00:10 GMT");
        assert_eq!(read_wait(&[("retry-after", "Thu, 01 Jan 2026 00:00:40 GMT"), date]), Some(seconds(30)));
        assert_eq!(read_wait(&[("retry-after", "Thu, 01 Jan 2026 00:00:00 GMT"), date]), Some(seconds(0)));
        assert_eq!(read_wait(&[("retry-after", "Thu, 01 Jan 1970 00:00:09 GMT")]), Some(seconds(9)));
        assert_eq!(read_wait(&[("retry-after", "1e300")]), None);
        // Times of day, against the server's own clock: 1767225610 is that of `date`.
        assert_eq!(read_wait(&[("retry-after", "1767225613"), date]), Some(seconds(3)));
        assert_eq!(read_wait(&[("retry-after", "1767225613500"), date]), Some(Duration::from_millis(3500)));
        assert_eq!(read_wait(&[("retry-after-ms", "1767225613500"), date]), Some(Duration::from_millis(3500)));
        assert_eq!(read_wait(&[("retry-after", "1767225600"), date]), Some(seconds(0)));
        assert_eq!(read_wait(&[("retry-after", "86400"), date]), Some(seconds(86_400)));
        assert_eq!(read_wait(&[("retry-after", "soon")]), None);
        assert_eq!(read_wait(&[("retry-after", "-1")]), None);
    }

    #[test]
    fn the_last_line_is_found_whatever_the_pieces() {
        let progress_of = |l: &[u8]| if l == b"data: [DONE]" { Progress::Ended } else { Progress::Open };
        for text in [b"one\ndata: [DONE]\r\n\n", b"one\rdata: [DONE]\r\r\r"] {
            let mut line = 0;
            let found = (1..=text.len()).find(|n| read_lines(&text[..*n], &mut line, progress_of) == Progress::Ended);
            assert_eq!(found, Some(17));
        }
        assert_eq!(read_lines(b"data: [DONE]", &mut 0, progress_of), Progress::Open);
    }
}
