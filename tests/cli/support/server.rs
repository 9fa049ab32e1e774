//! A server that answers as a test defines, on its own thread, and records its requests.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A received request.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Such as `/v1/chat/completions`.
    pub path: String,
    /// First line and headers.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Seen {
    /// True for a chat request, false for a look-up.
    pub fn is_chat(&self) -> bool {
        self.path.ends_with("/chat/completions") || self.path.ends_with("/api/chat")
    }
}

/// The server.
pub struct Fake {
    /// Such as `127.0.0.1:40123`.
    pub address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    /// Starts the server. Each request gets its own thread.
    pub fn start(answer: impl Fn(&Seen, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &log, &*answer));
            }
        });
        Self { address, seen }
    }

    /// Starts a server that answers every chat with this text, and offers nothing else.
    pub fn saying(text: &str) -> Self {
        let reply = completion(text);
        Self::sending(whole(200, "", reply.as_bytes()))
    }

    /// Starts a server that sends these bytes to every chat.
    pub fn sending(bytes: Vec<u8>) -> Self {
        Self::start(move |seen, stream| {
            let none = whole(404, "", b"{}");
            let _ = stream.write_all(if seen.is_chat() { &bytes } else { &none });
        })
    }

    /// Returns the received requests.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, log: &Mutex<Vec<Seen>>, answer: &dyn Fn(&Seen, &mut TcpStream)) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|n| n > 2) {}
    let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = Vec::new();
    let _ = reader.take(length.unwrap_or(0)).read_to_end(&mut body);
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let seen = Seen { path, head, body: String::from_utf8_lossy(&body).into_owned() };
    log.lock().unwrap().push(seen.clone());
    answer(&seen, &mut stream);
}

/// Sends a whole response; each header ends in `\r
/// `.
pub fn respond(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8]) {
    let _ = stream.write_all(&whole(status, headers, body));
}

/// Returns the bytes of a whole response.
pub fn whole(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Returns the body of an OpenAI-compatible reply.
pub fn completion(text: &str) -> String {
    serde_json::json!({
        "model": "m",
        "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": text } }],
        "usage": { "prompt_tokens": 9, "completion_tokens": 3 },
    })
    .to_string()
}
