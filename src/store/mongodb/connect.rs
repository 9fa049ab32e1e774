//! Connecting and signing in, and classifying failures.
//!
//! A driver's future must never be dropped before it ends. So each future runs in a task of its own, which runs to its
//! end even if its caller stops waiting.

use crate::store::uri::driver::error_text;
use crate::store::{MongoUri, SignInFailure, StoreError};
use ::mongodb::bson::{Document, doc};
use ::mongodb::error::{Error, ErrorKind};
use ::mongodb::event::EventHandler;
use ::mongodb::event::sdam::SdamEvent;
use ::mongodb::options::{Acknowledgment, ClientOptions, ServerAddress, Tls, WriteConcern};
use ::mongodb::{Client, Database};
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Time for which the driver looks for a server, unless the address sets another.
const SELECTION: Duration = Duration::from_secs(10);

/// Connects, signs in, and returns the chosen database, else `convoke`.
pub(super) async fn connect_database(uri: &MongoUri) -> Result<Database, StoreError> {
    let signed_in = SignedIn::open(uri).await?;
    Ok(signed_in.client.database(uri.database.as_deref().unwrap_or("convoke")))
}

/// A server that accepted the login, before a database is chosen.
pub struct SignedIn {
    client: Client,
    uri: MongoUri,
    seen: Arc<Seen>,
    /// True if the connection is encrypted.
    pub tls: bool,
}

impl SignedIn {
    /// Connects and signs in. Reads a little of the chosen database, to check that the user may read it.
    pub async fn open(uri: &MongoUri) -> Result<Self, StoreError> {
        if uri.lacks_login() {
            let cause = "its address says how to sign in, and nobody does".to_owned();
            return Err(StoreError::SignIn { place: uri.to_string(), failure: SignInFailure::NeedsUser, cause });
        }
        let seen = Arc::new(Seen::default());
        let address = uri.secret_uri();
        let parsed = run_whole(uri, async move { ClientOptions::parse(address).await }).await?;
        let options = prepare_options(parsed.map_err(|e| connection_error(uri, &e, &seen))?, &seen);
        let tls = matches!(options.tls, Some(Tls::Enabled(_)));
        let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
        seen.await_hosts(hosts.len(), tls);
        let client = Client::with_options(options).map_err(|e| connection_error(uri, &e, &seen))?;
        let signed_in = Self { client, uri: uri.clone(), seen, tls };
        match signed_in.check_access().await {
            Ok(()) => Ok(signed_in),
            Err(error) if tls => Err(deaf_to_tls(error, &hosts).await),
            Err(error) => Err(error),
        }
    }

    async fn check_access(&self) -> Result<(), StoreError> {
        self.run_command("admin", doc! { "ping": 1 }).await?;
        match &self.uri.database {
            Some(name) => self.run_command(name, doc! { "find": "experiments", "limit": 1, "singleBatch": true }).await,
            None => self.run_command("admin", doc! { "listDatabases": 1, "nameOnly": true }).await,
        }
        .map(drop)
    }

    /// Returns the user that the server reports as signed in.
    pub async fn current_user(&self) -> Result<Option<String>, StoreError> {
        let status = self.run_command("admin", doc! { "connectionStatus": 1 }).await?;
        let info = status.get_document("authInfo").ok();
        let users = info.and_then(|i| i.get_array("authenticatedUsers").ok());
        let first = users.and_then(|u| u.first()).and_then(|u| u.as_document());
        Ok(first.and_then(|u| u.get_str("user").ok()).map(str::to_owned))
    }

    /// Returns the version that the server reports.
    pub async fn server_version(&self) -> Result<String, StoreError> {
        let info = self.run_command("admin", doc! { "buildInfo": 1 }).await?;
        Ok(info.get_str("version").unwrap_or("unknown").to_owned())
    }

    /// Returns the names of the databases, without the server's own.
    pub async fn list_databases(&self) -> Result<Vec<String>, StoreError> {
        let list = self.run_command("admin", doc! { "listDatabases": 1, "nameOnly": true }).await?;
        let databases = list.get_array("databases").map(Vec::as_slice).unwrap_or_default();
        let names = databases.iter().filter_map(|d| d.as_document()?.get_str("name").ok());
        let mut names: Vec<String> =
            names.filter(|n| !["admin", "config", "local"].contains(n)).map(str::to_owned).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Runs one command. If every host has failed for good, returns without waiting for the driver's retries.
    async fn run_command(&self, database: &str, command: Document) -> Result<Document, StoreError> {
        let database = self.client.database(database);
        let asked = run_whole(&self.uri, async move { database.run_command(command).await });
        let answer = tokio::select! {
            answer = asked => answer?,
            () = self.seen.hopeless.notified() => return Err(self.seen.host_failure(&self.uri)),
        };
        answer.map_err(|e| connection_error(&self.uri, &e, &self.seen))
    }
}

/// Classifies a timeout. A server that does not speak TLS does not answer either, which looks like a timeout.
async fn deaf_to_tls(error: StoreError, hosts: &[String]) -> StoreError {
    let StoreError::SignIn { place, failure: SignInFailure::Timeout, cause } = error else { return error };
    for host in hosts {
        let connected = tokio::time::timeout(Duration::from_secs(2), tokio::net::TcpStream::connect(host)).await;
        if matches!(connected, Ok(Ok(_))) {
            let cause = format!("{host} lets itself be reached and does not answer to TLS");
            return StoreError::SignIn { place, failure: SignInFailure::Tls, cause };
        }
    }
    StoreError::SignIn { place, failure: SignInFailure::Timeout, cause }
}

/// Runs a driver's future to its end, even if its caller stops waiting.
async fn run_whole<T: Send + 'static>(
    uri: &MongoUri,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, StoreError> {
    let broken = |e: tokio::task::JoinError| StoreError::SignIn {
        place: uri.to_string(),
        failure: SignInFailure::Other,
        cause: uri.redact_secrets(&e.to_string()),
    };
    tokio::spawn(work).await.map_err(broken)
}

fn prepare_options(mut options: ClientOptions, seen: &Arc<Seen>) -> ClientOptions {
    options.app_name.get_or_insert_with(|| "convoke".to_owned());
    options.server_selection_timeout.get_or_insert(SELECTION);
    options.write_concern.get_or_insert_with(WriteConcern::default).w = Some(Acknowledgment::Majority);
    let seen = Arc::clone(seen);
    options.sdam_event_handler = Some(EventHandler::callback(move |event| seen.record_event(event)));
    options
}

/// Failures of the hosts, as the driver's monitor reports them. The error of the driver contains them only as text.
#[derive(Default)]
struct Seen {
    state: Mutex<State>,
    /// Notified when every host has failed for good.
    hopeless: Notify,
}

#[derive(Default)]
struct State {
    hosts: usize,
    tls: bool,
    failures: BTreeMap<String, (usize, Error)>,
}

impl Seen {
    fn await_hosts(&self, hosts: usize, tls: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.hosts, state.tls) = (hosts, tls);
    }

    fn record_event(&self, event: SdamEvent) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            SdamEvent::ServerHeartbeatFailed(event) => {
                let failure =
                    state.failures.entry(host_name(&event.server_address)).or_insert((0, event.failure.clone()));
                *failure = (failure.0 + 1, event.failure);
            }
            SdamEvent::ServerHeartbeatSucceeded(event) => {
                state.failures.remove(&host_name(&event.server_address));
            }
            _ => return,
        }
        let for_good = state.failures.values().filter(|(times, error)| is_for_good(error, *times)).count();
        if state.hosts > 0 && for_good >= state.hosts {
            self.hopeless.notify_one();
        }
    }

    fn last_failure(&self) -> (Option<Error>, bool) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.failures.values().next().map(|(_, error)| error.clone()), state.tls)
    }

    fn host_failure(&self, uri: &MongoUri) -> StoreError {
        let none = || Error::from(io::Error::from(io::ErrorKind::TimedOut));
        connection_error(uri, &self.last_failure().0.unwrap_or_else(none), self)
    }
}

fn host_name(address: &ServerAddress) -> String {
    address.to_string()
}

/// Returns true if a retry cannot help. An error that may be temporary must occur twice.
fn is_for_good(error: &Error, times: usize) -> bool {
    match &*error.kind {
        ErrorKind::Io(e) => match e.kind() {
            io::ErrorKind::TimedOut => false,
            io::ErrorKind::ConnectionRefused | io::ErrorKind::InvalidData => true,
            _ => times > 1,
        },
        _ => true,
    }
}

fn connection_error(uri: &MongoUri, error: &Error, seen: &Seen) -> StoreError {
    let (last, tls) = seen.last_failure();
    let told = match (&*error.kind, &last) {
        (ErrorKind::ServerSelection { .. } | ErrorKind::ConnectionPoolCleared { .. }, Some(last)) => last,
        _ => error,
    };
    let failure = classify_failure(told, tls, uri.signs_in());
    StoreError::SignIn { place: uri.to_string(), failure, cause: uri.redact_secrets(&error_text(told)) }
}

/// Classifies an error by kind and code, since servers word errors differently.
fn classify_failure(error: &Error, tls: bool, signs_in: bool) -> SignInFailure {
    match &*error.kind {
        ErrorKind::Authentication { .. } => SignInFailure::Authentication,
        ErrorKind::DnsResolve { .. } => SignInFailure::Name,
        ErrorKind::InvalidArgument { .. } => SignInFailure::Address,
        ErrorKind::InvalidTlsConfig { .. } => SignInFailure::Tls,
        ErrorKind::ServerSelection { .. } => SignInFailure::Timeout,
        ErrorKind::InvalidResponse { .. } | ErrorKind::Bson(_) | ErrorKind::IncompatibleServer { .. } => {
            SignInFailure::Protocol
        }
        ErrorKind::Command(e) => match e.code {
            // `AuthenticationFailed`, and the code that a hosted cluster returns for it.
            18 | 8000 => SignInFailure::Authentication,
            // `Unauthorized`: nobody signed in, or the user may not read the database.
            13 if signs_in => SignInFailure::Rights,
            13 => SignInFailure::NeedsUser,
            _ => SignInFailure::Other,
        },
        ErrorKind::Io(e) => io_failure(e, tls),
        _ => SignInFailure::Other,
    }
}

fn io_failure(error: &io::Error, tls: bool) -> SignInFailure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => SignInFailure::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            SignInFailure::Timeout
        }
        io::ErrorKind::InvalidData
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
            if tls =>
        {
            SignInFailure::Tls
        }
        io::ErrorKind::InvalidData
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => SignInFailure::Protocol,
        // The system's resolver has no error kind for an unknown name.
        _ if error.raw_os_error().is_none() && error.to_string().contains("lookup address") => SignInFailure::Name,
        _ => SignInFailure::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command_error(code: i32) -> Error {
        let said = doc! { "code": code, "errmsg": "no", "topologyVersion": null };
        Error::from(ErrorKind::Command(::mongodb::bson::deserialize_from_document(said).unwrap()))
    }

    fn io_error(kind: io::ErrorKind) -> Error {
        Error::from(io::Error::from(kind))
    }

    #[test]
    fn each_failure_is_told_apart() {
        use SignInFailure as F;
        for (error, tls, signs_in, expected) in [
            (command_error(18), false, true, F::Authentication),
            (command_error(8000), false, true, F::Authentication),
            (command_error(13), false, true, F::Rights),
            (command_error(13), false, false, F::NeedsUser),
            (command_error(59), false, false, F::Other),
            (io_error(io::ErrorKind::ConnectionRefused), true, false, F::Refused),
            (io_error(io::ErrorKind::TimedOut), true, false, F::Timeout),
            (io_error(io::ErrorKind::UnexpectedEof), true, false, F::Tls),
            (io_error(io::ErrorKind::UnexpectedEof), false, false, F::Protocol),
            (io_error(io::ErrorKind::InvalidData), true, false, F::Tls),
        ] {
            assert_eq!(classify_failure(&error, tls, signs_in), expected, "{error}");
        }
    }

    #[test]
    fn what_may_pass_must_come_twice() {
        assert!(is_for_good(&io_error(io::ErrorKind::ConnectionRefused), 1));
        assert!(
            !is_for_good(&io_error(io::ErrorKind::ConnectionReset), 1)
                && is_for_good(&io_error(io::ErrorKind::ConnectionReset), 2)
        );
        assert!(!is_for_good(&io_error(io::ErrorKind::TimedOut), 9));
    }
}
