//! A server of chat completions that holds each answer until it is released. Its replies are a function of the
//! request's bytes, unless a test says otherwise.

use crate::panel::{FOUR, LAST};
use convoke::design::key::sha256;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The key of a conversation, and a speaker.
pub type Lane = (String, &'static str);

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub lane: Lane,
    pub body: String,
}

/// A reply that a test chose: a status and a text, or an error's message.
pub type Chosen = (u16, String);

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    released: BTreeSet<Lane>,
    releases_all: bool,
    chosen: BTreeMap<&'static str, Chosen>,
}

/// The server.
pub struct Gated {
    pub port: u16,
    state: Arc<watch::Sender<State>>,
}

impl Gated {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(watch::Sender::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { port, state }
    }

    /// Lets the answer of a lane go, now or as soon as it is asked for.
    pub fn release(&self, key: &str, who: &'static str) {
        self.state.send_modify(|state| _ = state.released.insert((key.to_owned(), who)));
    }

    /// Lets every answer go, from now on.
    pub fn release_all(&self) {
        self.state.send_modify(|state| state.releases_all = true);
    }

    /// Chooses the reply of a speaker, in every conversation.
    pub fn choose(&self, who: &'static str, status: u16, text: &str) {
        self.state.send_modify(|state| _ = state.chosen.insert(who, (status, text.to_owned())));
    }

    /// Takes back all that was chosen.
    pub fn be_good(&self) {
        self.state.send_modify(|state| state.chosen.clear());
    }

    /// Waits until a lane was asked.
    pub async fn asked(&self, key: &str, who: &'static str) {
        let is_lane = |seen: &Seen| seen.lane.0 == key && seen.lane.1 == who;
        self.state.subscribe().wait_for(|state| state.seen.iter().any(is_lane)).await.unwrap();
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.borrow().seen.clone()
    }

    /// The speakers of every request so far.
    pub fn speakers(&self) -> Vec<&'static str> {
        self.state.borrow().seen.iter().map(|seen| seen.lane.1).collect()
    }
}

async fn serve(mut stream: TcpStream, state: Arc<watch::Sender<State>>) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let body = read(&mut stream, &mut bytes).await?;
        let lane = lane_of(&body);
        let seen = Seen { lane: lane.clone(), body: body.clone() };
        state.send_modify(|state| state.seen.push(seen));
        let may_go = |state: &State| state.releases_all || state.released.contains(&lane);
        let chosen = state.subscribe().wait_for(may_go).await.ok()?.chosen.get(lane.1).cloned();
        stream.write_all(answer(&body, lane.1, chosen).as_bytes()).await.ok()?;
    }
}

/// The body of the next request of a connection.
async fn read(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(head) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let words = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
            let length = words.lines().find_map(|l| l.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            let end = head + 4 + length.unwrap_or_default();
            if bytes.len() >= end {
                let rest = bytes.split_off(end);
                let whole = std::mem::replace(bytes, rest);
                return String::from_utf8(whole[head + 4..].to_vec()).ok();
            }
        }
        let mut piece = [0; 4096];
        let n = stream.read(&mut piece).await.ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&piece[..n]);
    }
}

/// The lane of a request, which its first message names.
fn lane_of(body: &str) -> Lane {
    let body: Json = serde_json::from_str(body).unwrap();
    let words: Vec<&str> = body["messages"][0]["content"].as_str().unwrap().split([' ', '.']).collect();
    let [_, _, who, _, key, _] = words[..] else { panic!("{words:?}") };
    let who = FOUR.into_iter().chain([LAST]).find(|name| *name == who).unwrap();
    (key.to_owned(), who)
}

fn answer(body: &str, who: &str, chosen: Option<Chosen>) -> String {
    let (status, text) = chosen.unwrap_or_else(|| (200, format!("{who} thinks of {}.", &sha256(body)[..12])));
    let json = if status == 200 {
        // One of them always comes to the limit of its length.
        let finish = if who == FOUR[2] { "length" } else { "stop" };
        json!({
            "model": "m-1",
            "choices": [{ "message": { "content": text }, "finish_reason": finish }],
            "usage": { "prompt_tokens": body.len() / 4, "completion_tokens": text.len() / 4 },
        })
    } else {
        json!({ "error": { "message": text } })
    };
    let json = json.to_string();
    format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{json}", json.len())
}
