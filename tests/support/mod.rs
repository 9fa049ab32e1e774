//! A server that answers byte by byte as a test defines, for tests of the wire.
#![allow(dead_code, missing_docs, clippy::unwrap_used, reason = "each test file uses its own part of this")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One thing that the server does with a connection after it has read the request.
#[derive(Debug, Clone)]
pub enum Step {
    Send(Vec<u8>),
    Pause(Duration),
    /// Sends the same bytes over and over until the client closes the connection.
    Endless(Vec<u8>),
    /// Sends nothing until the client closes the connection.
    Silence,
}

/// A received request.
#[derive(Debug, Clone)]
pub struct Seen {
    pub at: Instant,
    pub head: String,
    pub body: Vec<u8>,
}

/// The server. Each request gets the next script; after the last one, the last again.
pub struct Fake {
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    pub async fn start(scripts: Vec<Vec<Step>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (scripts, log) = (Arc::new(scripts), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (scripts, log) = (Arc::clone(&scripts), Arc::clone(&log));
                tokio::spawn(async move { serve(stream, &scripts, &log).await });
            }
        });
        Self { port, seen }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, scripts: &[Vec<Step>], log: &Mutex<Vec<Seen>>) -> Option<()> {
    let seen = read(&mut stream).await?;
    let script = {
        let mut log = log.lock().unwrap();
        log.push(seen);
        scripts.get(log.len() - 1).or(scripts.last())?.clone()
    };
    for step in script {
        match step {
            Step::Send(bytes) => {
                stream.write_all(&bytes).await.ok()?;
                stream.flush().await.ok()?;
            }
            Step::Pause(time) => tokio::time::sleep(time).await,
            Step::Endless(bytes) => while stream.write_all(&bytes).await.is_ok() {},
            Step::Silence => {
                let _gone = stream.read(&mut [0; 1]).await;
            }
        }
    }
    stream.shutdown().await.ok()
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end + 4;
        }
        let mut piece = [0; 4096];
        let n = stream.read(&mut piece).await.ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&piece[..n]);
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|l| l.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(end);
    while body.len() < length {
        let mut piece = [0; 4096];
        let n = stream.read(&mut piece).await.ok().filter(|n| *n > 0)?;
        body.extend_from_slice(&piece[..n]);
    }
    Some(Seen { at: Instant::now(), head, body })
}

/// A whole response with these headers, each ending in `\r\n`.
pub fn response(status: u16, headers: &str, body: &[u8]) -> Vec<Step> {
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    vec![Step::Send([head.into_bytes(), body.to_vec()].concat())]
}

/// The head of a chunked response.
pub fn chunked() -> Step {
    Step::Send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n".to_vec())
}

/// One chunk.
pub fn chunk(data: &[u8]) -> Step {
    Step::Send([format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat())
}

/// The end of a chunked response.
pub fn last_chunk() -> Step {
    Step::Send(b"0\r\n\r\n".to_vec())
}

/// Sends each piece in its own packet, as far as a test can ensure that.
pub fn slowly(pieces: &[&[u8]]) -> Vec<Step> {
    let mut steps = vec![chunked()];
    for piece in pieces {
        steps.extend([chunk(piece), Step::Pause(Duration::from_millis(15))]);
    }
    steps.push(last_chunk());
    steps
}
