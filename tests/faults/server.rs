//! A server of chat completions whose replies depend on the request's bytes only. It keeps connections alive, logs
//! every complete request, and behaves differently only if a test says so.

use convoke::design::key::sha256;
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const WORDS: [&str; 16] = [
    "bread", "water", "window", "morning", "letter", "garden", "silence", "bargain", "promise", "weather", "corridor",
    "visitor", "lantern", "stone", "river", "winter",
];

/// A received request.
#[derive(Debug, Clone)]
pub struct Seen {
    /// From 0.
    pub number: usize,
    /// Instant at which it was complete.
    pub at: Instant,
    /// The body.
    pub body: String,
}

/// The server's answer to a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// Replies with this text.
    Text(String),
    /// Refuses with a status, headers (each ends in `\r\n`) and an error code.
    Error(u16, &'static str, &'static str),
    /// Begins a good answer and closes the connection in the middle.
    Cut,
}

type Habit = Box<dyn Fn(&Seen) -> Answer + Send + Sync>;

struct Inner {
    delay: Mutex<Duration>,
    habit: Mutex<Habit>,
    seen: Mutex<Vec<Seen>>,
    /// Instants of requests for the list of models.
    looks: Mutex<Vec<Instant>>,
    /// Open connections.
    streams: Mutex<Vec<TcpStream>>,
    is_up: AtomicBool,
}

/// The server.
#[derive(Clone)]
pub struct Server {
    pub port: u16,
    inner: Arc<Inner>,
}

impl Server {
    /// Starts a server that answers after `delay`, always by `usual`.
    pub fn start(delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let inner = Arc::new(Inner {
            delay: Mutex::new(delay),
            habit: Mutex::new(Box::new(usual)),
            seen: Mutex::default(),
            looks: Mutex::default(),
            streams: Mutex::default(),
            is_up: AtomicBool::new(true),
        });
        let server = Self { port, inner };
        server.listen(listener);
        server
    }

    fn listen(&self, listener: TcpListener) {
        let inner = Arc::clone(&self.inner);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if !inner.is_up.load(Ordering::SeqCst) {
                    return;
                }
                let (stream, inner) = (stream.unwrap(), Arc::clone(&inner));
                inner.streams.lock().unwrap().push(stream.try_clone().unwrap());
                // A client that was killed leaves its connection in any state.
                std::thread::spawn(move || {
                    let end = stream.try_clone().unwrap();
                    serve(stream, &inner).unwrap_or_default();
                    // The list of open connections holds another handle.
                    let _ = end.shutdown(std::net::Shutdown::Both);
                });
            }
        });
    }

    /// Dies: its connections break, and new ones are refused.
    pub fn die(&self) {
        self.inner.is_up.store(false, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        for stream in self.inner.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Starts again at the same port.
    pub fn rise(&self) {
        self.inner.is_up.store(true, Ordering::SeqCst);
        self.listen(TcpListener::bind(("127.0.0.1", self.port)).unwrap());
    }

    /// Number of requests for the list of models.
    pub fn looks(&self) -> usize {
        self.inner.looks.lock().unwrap().len()
    }

    /// Changes the answers from now on.
    pub fn habit(&self, habit: impl Fn(&Seen) -> Answer + Send + Sync + 'static) {
        *self.inner.habit.lock().unwrap() = Box::new(habit);
    }

    /// Changes the delay from now on.
    pub fn delay(&self, delay: Duration) {
        *self.inner.delay.lock().unwrap() = delay;
    }

    /// Returns every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.inner.seen.lock().unwrap().clone()
    }

    /// Number of requests so far.
    pub fn count(&self) -> usize {
        self.inner.seen.lock().unwrap().len()
    }

    /// Waits for this many requests, or until `end` returns true.
    pub fn wait_for(&self, count: usize, mut end: impl FnMut() -> bool) {
        let began = Instant::now();
        while self.count() < count && !end() {
            assert!(began.elapsed() < Duration::from_mins(1), "{} of {count} requests came", self.count());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A reply that depends on the body only: a choice for a selection, else a sentence.
pub fn usual(seen: &Seen) -> Answer {
    Answer::Text(reply(&seen.body))
}

/// The reply to a body: a name for a selection, else a sentence.
pub fn reply(body: &str) -> String {
    let hash = sha256(body);
    let digits: Vec<usize> = hash.bytes().map(|b| usize::from(b) % 16).collect();
    let sentence = format!(
        "The {} and the {} are at the {} today, so the {} must wait for {}.",
        WORDS[digits[0]],
        WORDS[digits[1]],
        WORDS[digits[2]],
        WORDS[digits[3]],
        &hash[..8]
    );
    let names = candidates(body);
    // One choice in four is invalid, so that it is asked again.
    if names.is_empty() || digits[4].is_multiple_of(4) { sentence } else { names[digits[5] % names.len()].clone() }
}

/// Candidates of the selection.
fn candidates(body: &str) -> Vec<String> {
    let body: Json = serde_json::from_str(body).unwrap();
    let question = body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned();
    let Some((_, list)) = question.rsplit_once("of these:\n") else { return Vec::new() };
    let words = list.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|w| w.contains('_')).map(str::to_owned).collect()
}

fn serve(stream: TcpStream, inner: &Inner) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(stream.try_clone()?), stream);
    while let Some(body) = read(&mut reader)? {
        if body.is_empty() {
            inner.looks.lock().unwrap().push(Instant::now());
            let list = r#"{"data":[{"id":"a"}]}"#;
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", list.len());
            writer.write_all((head + list).as_bytes())?;
            continue;
        }
        let seen = {
            let mut all = inner.seen.lock().unwrap();
            let seen = Seen { number: all.len(), at: Instant::now(), body };
            all.push(seen.clone());
            seen
        };
        let (delay, answer) = (*inner.delay.lock().unwrap(), inner.habit.lock().unwrap()(&seen));
        std::thread::sleep(delay);
        if !write(&mut writer, &seen, &answer)? {
            return Ok(());
        }
    }
    Ok(())
}

fn read(reader: &mut impl BufRead) -> std::io::Result<Option<String>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(n) = line.strip_prefix("content-length:") {
            length = n.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(String::from_utf8(body).unwrap()))
}

/// Returns true if the connection is kept open.
fn write(writer: &mut impl Write, seen: &Seen, answer: &Answer) -> std::io::Result<bool> {
    let (status, headers, body) = match answer {
        Answer::Text(text) => (200, "", completion(seen, text)),
        Answer::Cut => (200, "", completion(seen, "this will not come to its end")),
        Answer::Error(status, headers, code) => {
            let error = json!({ "error": { "message": format!("told to say {code}"), "code": code } });
            (*status, *headers, error.to_string())
        }
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    let whole = head + &body;
    let cut = matches!(answer, Answer::Cut);
    writer.write_all(&whole.as_bytes()[..if cut { whole.len() - 20 } else { whole.len() }])?;
    writer.flush()?;
    Ok(!cut)
}

fn completion(seen: &Seen, text: &str) -> String {
    let body: Json = serde_json::from_str(&seen.body).unwrap();
    json!({
        "id": "x", "object": "chat.completion", "model": body["model"],
        "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": text } }],
        "usage": { "prompt_tokens": seen.body.len() / 4, "completion_tokens": text.len() / 4 + 1 },
    })
    .to_string()
}
