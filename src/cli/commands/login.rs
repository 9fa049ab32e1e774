//! `convoke login`: signs in to a MongoDB and saves the working values.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::identity::Identity;
use crate::cli::settings::SAFER;
use crate::cli::sign_in::{Asking, HOW_USER, PLAIN, creator, from_stdin, offer};
use crate::store::{MongoUri, Parts};
use clap::Args;
use serde_json::json;

/// `convoke login`.
#[derive(Debug, Args)]
pub struct Login {
    /// Address: a URI such as `mongodb://HOST/DATABASE`, or HOST:PORT, or HOST [default: `DB_CLUSTER_URL`]
    #[arg(long, value_name = "U")]
    pub url: Option<String>,
    /// User [default: `DB_USER`]
    #[arg(long, value_name = "N")]
    pub user: Option<String>,
    /// Database [default: `DB_NAME`]
    #[arg(long, value_name = "D")]
    pub database: Option<String>,
    /// Read the password from the first line of standard input [default: `DB_PASSWORD`]
    #[arg(long)]
    pub password_stdin: bool,
    /// Save the address, user, password and database to .env, readable by you only; other lines of .env are kept
    #[arg(long)]
    pub save: bool,
}

/// `convoke login`.
pub async fn run(context: &Context, args: &Login) -> Result<Exit, CliError> {
    let mut asking = begin_asking(context, args)?;
    let (uri, signed_in) = asking.until_let_in().await?;
    let creator = creator(context, &uri, &signed_in).await?;
    let version = signed_in.server_version().await?;
    if uri.password().is_some() && !signed_in.tls && !uri.is_loopback() {
        context.printer.warn(PLAIN);
    }
    let user = uri.user.as_deref().filter(|_| uri.signs_in()).map(|_| creator.as_str());
    let database = uri.database.clone().unwrap_or_default();
    if !context.printer.json {
        let user =
            user.map_or_else(|| format!("without a user: you are {creator} (unverified)"), |u| format!("as {u}"));
        let tls = if signed_in.tls { "TLS" } else { "no TLS" };
        context.printer.out(&format!("signed in to {uri} {user}; version {version}; {tls}"))?;
    }
    // The guide continues with this identity, even if a later step fails.
    let _ = context.identity.set(Identity { uri: uri.clone(), creator: creator.clone() });
    let saved = offer(context, &uri, Some(args.save)).await?;
    if context.printer.json {
        context.printer.json_ok(&json!({
            "address": uri.to_string(), "user": user, "creator": creator, "database": database,
            "version": version, "tls": signed_in.tls, "saved": saved,
        }))?;
    }
    Ok(Exit::Done)
}

/// Begins with the address from flags and variables; flags win.
fn begin_asking<'a>(context: &'a Context, args: &Login) -> Result<Asking<'a>, CliError> {
    let given = &context.settings.given;
    let (address, name) = match (&args.url, &given.address) {
        (Some(url), _) => (Some(url), "--url"),
        (None, Some((address, _, name))) => (Some(address), *name),
        (None, None) => (None, ""),
    };
    let password = match (args.password_stdin, name) {
        (true, _) => Some(from_stdin()?),
        // A typed address may receive any configured password.
        (false, "--url" | "") => given.any_password.clone(),
        (false, _) => given.password.clone(),
    };
    let user = args.user.clone().or(given.user.clone());
    let database = args.database.clone().or(given.database.clone());
    let parts = Parts { user, password, database };
    let mut asking = Asking::of_login(context, parts.clone(), args.user.clone());
    let Some(address) = address else { return Ok(asking) };
    match MongoUri::from_parts(address, parts.clone()) {
        Err(error) if context.may_ask() => asking.correct_address(address, &error.into()),
        uri => asking.start_with(add_flags(uri?, &parts, args)?),
    }
    let has_password = |uri: MongoUri| uri.password().is_some();
    if name == "--url" && MongoUri::from_parts(address, Parts::default()).is_ok_and(has_password) {
        context.printer.warn(&format!("others on this machine can read the password in {name}: {SAFER}"));
    }
    Ok(asking)
}

/// Puts the login and the database that flags name in place of those of the address.
fn add_flags(mut uri: MongoUri, parts: &Parts, args: &Login) -> Result<MongoUri, CliError> {
    if args.user.is_some() || args.password_stdin {
        let user = args.user.clone().or(uri.user.clone());
        let user = user.ok_or_else(|| CliError::usage("a password of nobody").hint(HOW_USER))?;
        let own = uri.password().cloned().filter(|_| !args.password_stdin && uri.user.as_ref() == Some(&user));
        uri = uri.with_login(&user, own.or(parts.password.clone()))?;
    }
    match &args.database {
        Some(database) => Ok(uri.with_database(database)?),
        None => Ok(uri),
    }
}
