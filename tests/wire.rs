//! The wire: requests to misbehaving servers (contract R7, S2, S5). Each server here is a fake on loopback that sends
//! exactly the given bytes.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod support;

#[path = "wire/answers.rs"]
mod answers;
#[path = "wire/embed.rs"]
mod embed;
#[path = "wire/errors.rs"]
mod errors;
#[path = "wire/limits.rs"]
mod limits;
#[path = "wire/odd.rs"]
mod odd;
#[path = "wire/pull.rs"]
mod pull;
#[path = "wire/retries.rs"]
mod retries;

use convoke::model::{ChatReply, ChatRequest, Connection, Limits, ModelError, ModelFacts, Server, ServerKind, Turn};
use convoke::process::{Author, Message, Purpose};
use secrecy::SecretString;
use serde_json::{Map, Value as Json, json};
use std::time::Duration;
use support::{Fake, Step};

const KEY: &str = "sk-canary-0123456789";

/// Limits small enough for a test and large enough for a busy machine.
fn limits() -> Limits {
    Limits {
        connect: Duration::from_secs(5),
        first_byte: Duration::from_secs(5),
        idle: Duration::from_secs(5),
        attempt: Duration::from_secs(10),
        reply_bytes: 100_000,
    }
}

fn server(kind: ServerKind, port: u16) -> Server {
    let path = if kind == ServerKind::OpenAi { "/v1" } else { "" };
    let key = Some(SecretString::from(KEY.to_owned()));
    let server = Server::new("lab", kind, &format!("http://127.0.0.1:{port}{path}")).unwrap();
    Server { limits: limits(), ..server.with_key(key, "LAB_API_KEY") }
}

fn request(parameters: &Json) -> ChatRequest {
    let turn = Turn {
        conversation: "key".to_owned(),
        seq: 1,
        purpose: Purpose::Speech,
        ask: 0,
        ordinal: 0,
        speaker: "A".to_owned(),
        role: "a".to_owned(),
        others: Vec::new(),
        seed: 1,
        form: None,
    };
    let messages = vec![Message { author: Author::User, content: "Hello".to_owned() }];
    let parameters = parameters.as_object().cloned().unwrap_or_else(Map::new);
    ChatRequest { model: "m".to_owned(), messages, parameters, turn }
}

/// Parameters that request a stream, or none, from this kind of server.
fn streaming(kind: ServerKind, streamed: bool) -> Json {
    match kind {
        ServerKind::OpenAi if !streamed => json!({ "temperature": 0.5, "top_p": 0.9 }),
        _ => json!({ "stream": streamed }),
    }
}

async fn ask(server: &Server, streamed: bool) -> Result<ChatReply, ModelError> {
    let connection = Connection::open(server)?;
    connection.model(ModelFacts::default()).chat(&request(&streaming(server.kind, streamed))).await
}

/// Sends one request to a server with this script, and returns the result.
async fn once(kind: ServerKind, streamed: bool, script: Vec<Step>) -> Result<ChatReply, ModelError> {
    let fake = Fake::start(vec![script]).await;
    let result = ask(&server(kind, fake.port), streamed).await;
    if let Err(error) = &result {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("canary"), "the key is in an error: {shown}");
    }
    result
}

/// A whole answer of either kind with this content.
fn said(kind: ServerKind, content: &str) -> String {
    match kind {
        ServerKind::OpenAi => {
            json!({"model": "m-1", "choices": [{"message": {"content": content}, "finish_reason": "stop"}]}).to_string()
        }
        _ => json!({"model": "m-1", "message": {"content": content}, "done": true, "done_reason": "stop"}).to_string(),
    }
}

/// A streamed answer of either kind, in two pieces of text.
fn streamed(kind: ServerKind, first: &str, second: &str) -> String {
    match kind {
        ServerKind::OpenAi | ServerKind::Azure => {
            let one = json!({"model": "m-1", "choices": [{"delta": {"content": first}}]});
            let two = json!({"choices": [{"delta": {"content": second}, "finish_reason": "stop"}]});
            let usage = json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}});
            format!("data: {one}\n\ndata: {two}\n\ndata: {usage}\n\ndata: [DONE]\n\n")
        }
        ServerKind::Ollama | ServerKind::Scripted => {
            let one = json!({"model": "m-1", "message": {"content": first}, "done": false});
            let two = json!({"model": "m-1", "message": {"content": second}, "done": true, "done_reason": "stop",
                "prompt_eval_count": 3, "eval_count": 2});
            format!("{one}\n{two}\n")
        }
    }
}

const KINDS: [ServerKind; 2] = [ServerKind::OpenAi, ServerKind::Ollama];
