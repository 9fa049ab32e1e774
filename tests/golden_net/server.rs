//! A fake model server on loopback. It keeps connections alive, and notes every request for a reply that came whole.

use crate::answers::{Answer, answer};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// A request for a reply, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub path: String,
    pub body: String,
}

/// Every request for a reply, in the order of coming.
type Chats = Arc<Mutex<Vec<Seen>>>;

/// The server.
#[derive(Clone)]
pub struct Server {
    pub port: u16,
    chats: Chats,
}

impl Server {
    /// Starts one that answers as `answers` says.
    pub fn start() -> Self {
        Self::with(|seen| answer(&seen.path, &seen.body))
    }

    /// Starts one with answers of its own, each connection on a thread.
    pub fn with(habit: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (chats, habit) = (Chats::default(), Arc::new(habit));
        let noted = Arc::clone(&chats);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (noted, habit) = (Arc::clone(&noted), Arc::clone(&habit));
                // A client that was killed leaves its connection in any state.
                std::thread::spawn(move || serve(stream, &noted, &*habit).unwrap_or_default());
            }
        });
        Self { port, chats }
    }

    /// Requests for a reply so far.
    pub fn chats(&self) -> Vec<Seen> {
        self.chats.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn serve(stream: TcpStream, chats: &Chats, habit: &dyn Fn(&Seen) -> Answer) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(stream.try_clone()?), stream);
    while let Some(seen) = read(&mut reader)? {
        if seen.path.ends_with("/chat/completions") || seen.path.ends_with("/api/chat") {
            chats.lock().unwrap_or_else(PoisonError::into_inner).push(seen.clone());
        }
        let Answer { status, body } = habit(&seen);
        let head =
            format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        writer.write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        writer.flush()?;
    }
    Ok(())
}

/// Reads a whole request; none where the client went away.
fn read(reader: &mut impl BufRead) -> io::Result<Option<Seen>> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = n.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    Ok(Some(Seen { path, body: String::from_utf8(body).unwrap() }))
}
