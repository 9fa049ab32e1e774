//! Flags of `run`, `talk` and `ask` about the manner in which they work.

use crate::cli::error::CliError;
use crate::run::ServerWait;
use clap::Args;
use std::time::Duration;

/// Flags about the manner in which a run works.
#[derive(Debug, Clone, Args)]
pub struct Manner {
    /// Maximum number of requests in flight [default: the sum of the limits of all servers]
    ///
    /// The limit of a server is 4 for Ollama and 16 for others. N also replaces these limits. It does not replace a
    /// `concurrency` that a model or the configuration file sets.
    #[arg(long, value_name = "N")]
    pub jobs: Option<u32>,
    /// Maximum number of further attempts of a request that failed
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub max_retries: u32,
    /// Continue failed conversations (with `ask`: questions) too; by default they are skipped
    #[arg(long)]
    pub retry_failed: bool,
    /// Fail if an Ollama server lacks a model, instead of fetching it
    #[arg(long)]
    pub no_pull: bool,
    /// Stop after N calls of this invocation, counted as `plan` counts them; retries are not counted
    ///
    /// After N calls no new request is sent; requests in flight finish. Conversations that have begun get the status
    /// `incomplete: budget`, and the exit code is 8. The same command continues.
    #[arg(long, value_name = "N")]
    pub max_calls: Option<u32>,
    /// Stop after this time, such as 8h: no further request leaves, and those in flight finish; then the exit code is 8
    ///
    /// Requests in flight have the time of --grace. One that is cut then counts as possible spend.
    #[arg(long, value_name = "TIME")]
    pub max_time: Option<String>,
    /// Run this command of the shell at the end, with the last line of `run --json` as its input
    ///
    /// It runs however the run ends: done, an error before the first request, a bound, a server that is stopped, one
    /// Ctrl-C. A second Ctrl-C leaves at once, without it. It has 30 seconds. Variables of keys and passwords are not in
    /// its environment. Its failure is reported and changes no exit code.
    #[arg(long, value_name = "COMMAND")]
    pub notify: Option<String>,
    /// Time that requests in flight may take to finish after Ctrl-C or --max-time, such as 30s or 2m
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub grace: String,
    /// Time to wait for a model server that has answered and goes away; no prompt is sent meanwhile [default: 1h]
    ///
    /// The list of its models is requested until it is back. If you give this flag, the run waits also for a server that
    /// has never answered. It never waits after a refused key, a used-up quota, an unknown model or a refused prompt.
    #[arg(long, value_name = "TIME")]
    pub server_wait: Option<String>,
    /// Time to wait for a database that becomes unreachable or full; then the exit code is 4
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub store_wait: String,
}

/// Time limits of a run.
pub struct Waits {
    /// Limit for turns in flight after Ctrl-C or the end of `all`.
    pub grace: Duration,
    /// Limit of a wait for the database.
    pub store: Duration,
    /// Patience with servers.
    pub server: ServerWait,
    /// Limit of the invocation.
    pub all: Option<Duration>,
}

impl Manner {
    /// Returns the command for the end, unless it is empty.
    pub fn notice(&self) -> Option<&str> {
        self.notify.as_deref().filter(|command| !command.trim().is_empty())
    }

    /// Checks the bounds, and parses the time limits.
    pub fn waits(&self) -> Result<Waits, CliError> {
        let (grace, store) = (duration("--grace", &self.grace)?, duration("--store-wait", &self.store_wait)?);
        let all = self.max_time.as_deref().map(|text| duration("--max-time", text)).transpose()?;
        if self.notify.as_deref().is_some_and(|command| command.trim().is_empty()) {
            return Err(CliError::usage("--notify '': the command is empty").hint("leave the flag out to run none"));
        }
        if self.jobs == Some(0) || self.max_calls == Some(0) || all == Some(Duration::ZERO) {
            return Err(CliError::usage("--jobs, --max-calls and --max-time are more than 0"));
        }
        let given = self.server_wait.as_deref().map(|text| duration("--server-wait", text)).transpose()?;
        let server = given.map_or_else(ServerWait::default, |time| ServerWait { time, at_start: true });
        Ok(Waits { grace, store, server, all })
    }
}

/// Parses `30s`, `10m`, `1h 30m`, or a number of seconds.
fn duration(flag: &str, text: &str) -> Result<Duration, CliError> {
    let seconds =
        text.trim().parse::<f64>().ok().filter(|s| s.is_finite() && *s >= 0.0 && *s < 1e9).map(Duration::from_secs_f64);
    let friendly = || text.trim().parse::<jiff::SignedDuration>().ok().and_then(|d| Duration::try_from(d).ok());
    seconds.or_else(friendly).ok_or_else(|| {
        CliError::usage(format!("{flag} {text}: it is not a time")).hint("write a time such as 30s, 10m or 1h")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::error::Exit;

    #[test]
    fn times_are_read() {
        let of = |text: &str| duration("--grace", text).map(|d| d.as_secs_f64()).map_err(|e| e.exit);
        assert_eq!(of("30s"), Ok(30.0));
        assert_eq!(of("10m"), Ok(600.0));
        assert_eq!(of("1h 30m"), Ok(5400.0));
        assert_eq!(of("500ms"), Ok(0.5));
        assert_eq!(of("2"), Ok(2.0));
        for bad in ["", "x", "-1s", "1 fortnight"] {
            assert_eq!(of(bad), Err(Exit::Usage), "{bad}");
        }
    }
}
