//! Ctrl-C and SIGTERM. The first signal stops the run in good order, the second ends the program at once (contract R6).

use crate::cli::error::Exit;
use crate::lab::Stop;
use crate::run::Event;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::WeakUnboundedSender;
use tokio_util::sync::CancellationToken;

/// The signals received so far.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    stop: Stop,
    /// Cancelled by the second signal, which ends the program at once.
    pub now: CancellationToken,
    first: Arc<AtomicU8>,
}

impl Signals {
    /// Starts to listen for signals, which stop a run through `stop`. `events` is weak, since the listeners of a run
    /// end only after all senders are dropped.
    pub fn listen(grace: Duration, stop: &Stop, events: WeakUnboundedSender<Event>) -> std::io::Result<Self> {
        let signals = Self { stop: stop.clone(), ..Self::default() };
        let mut incoming = Incoming::new()?;
        let heard = signals.clone();
        tokio::spawn(async move {
            let exit = tokio::select! {
                exit = incoming.next_exit() => exit,
                () = heard.stop.leave.cancelled() => Exit::Interrupt,
            };
            heard.first.store(exit as u8, Ordering::Relaxed);
            heard.stop.stop.cancel();
            // If the person left, no message is needed. The turns of other participants are still awaited.
            if let Some(events) = events.upgrade().filter(|_| !heard.stop.leave.is_cancelled()) {
                let _ = events.send(Event::Stopping { grace: grace.as_secs() });
            }
            tokio::select! {
                _ = incoming.next_exit() => {}
                () = tokio::time::sleep(grace) => {
                    heard.stop.abort.cancel();
                    incoming.next_exit().await;
                }
            }
            heard.now.cancel();
        });
        Ok(signals)
    }

    /// Returns the exit code of the first signal, if there was one.
    pub fn exit(&self) -> Option<Exit> {
        match self.first.load(Ordering::Relaxed) {
            130 => Some(Exit::Interrupt),
            143 => Some(Exit::Terminate),
            _ => self.stop.leave.is_cancelled().then_some(Exit::Interrupt),
        }
    }
}

/// Number of SIGXFSZ on Linux and macOS.
#[cfg(unix)]
const FILE_LIMIT: i32 = 25;

/// Keeps the process alive where a file reaches the limit of `ulimit -f`: the write then fails, and is reported.
pub fn outlive_file_limit() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        // The handler stays when the receiver is dropped.
        let _ = signal(SignalKind::from_raw(FILE_LIMIT));
    }
}

/// Waits for the first signal; used before a run starts.
pub async fn first() -> std::io::Result<Exit> {
    Ok(Incoming::new()?.next_exit().await)
}

/// Waits for a signal that arrives while `somebody_hears` is false, so that no other listener handles it.
pub async fn unheard(somebody_hears: &AtomicBool) -> std::io::Result<Exit> {
    let mut incoming = Incoming::new()?;
    loop {
        let exit = incoming.next_exit().await;
        if !somebody_hears.load(Ordering::Relaxed) {
            return Ok(exit);
        }
    }
}

#[cfg(unix)]
struct Incoming {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Incoming {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next_exit(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupt,
            _ = self.terminate.recv() => Exit::Terminate,
        }
    }
}

#[cfg(not(unix))]
struct Incoming;

#[cfg(not(unix))]
impl Incoming {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next_exit(&mut self) -> Exit {
        // If Ctrl-C cannot be received, this function never returns.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Exit::Interrupt
    }
}
