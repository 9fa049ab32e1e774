//! The server's clock, which decides when leases lapse, since the clocks of colleagues' machines may differ.

use super::fail::{Fail, error_code};
use crate::store::gone::is_gone;
use crate::store::{LEASE, Lease, Millis};
use ::mongodb::Client;
use ::mongodb::bson::{Bson, doc};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

const NO_SUCH_COMMAND: i32 = 59;

/// The server's clock as last read, advanced by this machine's clock.
pub(super) struct Clock {
    heard: Mutex<(Millis, Instant)>,
}

/// Returns the server's time.
pub(super) async fn server_time(client: &Client) -> Result<Millis, Fail> {
    let admin = client.database("admin");
    let answer = match admin.run_command(doc! { "hello": 1 }).await {
        // Older servers know only this command.
        Err(error) if error_code(&error) == Some(NO_SUCH_COMMAND) => admin.run_command(doc! { "isMaster": 1 }).await?,
        answer => answer?,
    };
    match answer.get("localTime") {
        Some(Bson::DateTime(time)) => Ok(time.timestamp_millis()),
        _ => Err(Fail::Damaged("the server does not tell its time".to_owned())),
    }
}

impl Clock {
    pub(super) fn new(now: Millis) -> Self {
        Self { heard: Mutex::new((now, Instant::now())) }
    }

    pub(super) fn set(&self, now: Millis) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = (now, Instant::now());
    }

    pub(super) fn now(&self) -> Millis {
        let (time, at) = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        time + at.elapsed().as_millis() as Millis
    }

    /// Returns the instant at which a lease lapses if it is taken now.
    pub(super) fn lease_end(&self) -> Millis {
        self.now() + LEASE
    }

    /// Returns true if a lease excludes `other`. It does so until it lapses, or until its process is known to have
    /// ended.
    pub(super) fn excludes_other(&self, lease: &Lease, other: &Lease) -> bool {
        let here = (&lease.host, &lease.boot) == (&other.host, &other.boot);
        lease.until > self.now() && !(here && is_gone(lease.pid))
    }

    /// Returns true if a lease has not lapsed.
    pub(super) fn is_live(&self, lease: &Lease) -> bool {
        lease.until > self.now()
    }
}
