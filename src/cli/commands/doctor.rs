//! `convoke doctor`: checks database, keys, servers and models, and prints remedies. Changes nothing.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::settings::Origin;
use crate::cli::sign_in;
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::text::{Column, count, size, table, wrap};
use crate::lab::models::{Offer, list_offers};
use crate::model::{Connection, Server, ServerKind};
use crate::store::mongodb::connect::SignedIn;
use crate::store::sqlite::Sqlite;
use crate::store::{MongoUri, StoreError, StoreUri};
use clap::Args;
use serde_json::{Value as Json, json};
use std::cmp::Ordering;
use std::fs;
use std::path::Path;

/// `convoke doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Print every setting with its value and its source: flag, environment, .env, configuration file or default
    #[arg(long)]
    pub config: bool,
}

/// Result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Ok,
    /// Useful to know, but no fault.
    Note,
    Warn,
    Fail,
}

impl Standing {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    fn look(self) -> Look {
        match self {
            Self::Ok => Look::Green,
            Self::Note => Look::Dim,
            Self::Warn => Look::Yellow,
            Self::Fail => Look::Red,
        }
    }
}

/// One check and its result.
struct Finding {
    standing: Standing,
    what: String,
    message: String,
    hint: Option<String>,
    /// Exit code if the check fails.
    exit: Exit,
}

impl Finding {
    fn new(standing: Standing, what: &str, message: impl Into<String>) -> Self {
        Self { standing, what: what.to_owned(), message: message.into(), hint: None, exit: Exit::Store }
    }

    fn error(what: &str, standing: Standing, error: &CliError) -> Self {
        let finding = Self::new(standing, what, error.message.clone());
        Self { hint: error.hint.clone(), exit: error.exit, ..finding }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Runs `convoke doctor`.
pub async fn run(context: &Context, args: &Doctor) -> Result<Exit, CliError> {
    if args.config {
        return config(context);
    }
    let mut findings = database(context).await;
    findings.push(logs(context));
    findings.extend(dotenv(context));
    for asked in list_offers(&context.settings.servers).await {
        findings.extend(server(context, &asked).await);
    }
    findings.push(terminal(context));
    let failed = findings.iter().filter(|f| f.standing == Standing::Fail).map(|f| f.exit).collect::<Vec<_>>();
    let exit = [Exit::Store, Exit::Model].into_iter().find(|e| failed.contains(e)).unwrap_or(Exit::Done);
    report(context, &findings, failed.len(), exit)?;
    Ok(exit)
}

fn report(context: &Context, findings: &[Finding], failed: usize, exit: Exit) -> Result<(), CliError> {
    if context.printer.json {
        let object = |f: &Finding| json!({ "standing": f.standing.word(), "what": f.what, "message": f.message, "hint": f.hint });
        let data = Json::Array(findings.iter().map(object).collect());
        if exit == Exit::Done {
            return Ok(context.printer.json_ok(&data)?);
        }
        let error = CliError::new(exit, "unhealthy", format!("{} failed", count(failed, "thing")));
        return Ok(context.printer.json_error(&error.hint("`data` says what to do").json(), Some(&data))?);
    }
    let width = context.printer.width();
    let margin = findings.iter().map(|f| f.what.chars().count()).max().unwrap_or(0).min(16) + 7;
    for finding in findings {
        let (word, what) = (format!("{:<5}", finding.standing.word()), &finding.what);
        let lines = wrap(&finding.message, width.map(|w| w.saturating_sub(margin)));
        for (i, line) in lines.iter().enumerate() {
            let column = margin - 5;
            let head = if i == 0 { format!("{what:<column$}") } else { " ".repeat(column) };
            let word = if i == 0 { word.as_str() } else { "     " };
            let pieces = [Piece(word, finding.standing.look()), Piece(&head, Look::Bold), Piece(line, Look::Plain)];
            context.printer.pieces(&pieces)?;
        }
        for line in finding.hint.iter().flat_map(|h| wrap(&format!("hint: {h}"), width.map(|w| w - 5))) {
            context.printer.pieces(&[Piece("     ", Look::Plain), Piece(&line, Look::Dim)])?;
        }
    }
    Ok(())
}

async fn database(context: &Context) -> Vec<Finding> {
    match &context.settings.store.uri {
        StoreUri::Sqlite { path, .. } => file(context, &context.world.folder.join(path)),
        StoreUri::Mongo(uri) => mongo(context, uri).await,
    }
}

/// Checks a database server: its answer, version, database and login. Asks the person nothing.
async fn mongo(context: &Context, uri: &MongoUri) -> Vec<Finding> {
    let place = format!("{uri} ({})", context.settings.store.origin.word());
    if uri.lacks_password() {
        let finding = Finding::new(Standing::Fail, "database", format!("{place}: the password is missing"));
        return vec![finding.hint("set DB_PASSWORD, or `convoke login`")];
    }
    let signed_in = match SignedIn::open(uri).await {
        Ok(signed_in) => signed_in,
        Err(error) => return vec![Finding::error("database", Standing::Fail, &error.into())],
    };
    let version = signed_in.server_version().await.map_or_else(|_| String::new(), |v| format!(", version {v}"));
    let mut findings = vec![Finding::new(Standing::Ok, "database", format!("{place} answers{version}"))];
    findings.push(match &uri.database {
        Some(name) => Finding::new(Standing::Ok, "its name", name.clone()),
        None => {
            Finding::new(Standing::Warn, "its name", "no database is named").hint("set DB_NAME, or `convoke login`")
        }
    });
    findings.push(match signed_in.current_user().await {
        Ok(Some(user)) => Finding::new(Standing::Ok, "signed in", format!("as {user}")),
        Ok(None) => {
            let message = format!("nobody signed in; you are {} (unverified)", context.settings.creator);
            Finding::new(Standing::Note, "signed in", message)
        }
        Err(error) => Finding::error("signed in", Standing::Warn, &error.into()),
    });
    findings.push(match (signed_in.tls, uri.is_loopback()) {
        (true, _) => Finding::new(Standing::Ok, "TLS", "what is sent is encrypted"),
        (false, false) if uri.signs_in() => Finding::new(Standing::Warn, "TLS", sign_in::PLAIN),
        (false, false) => Finding::new(Standing::Note, "TLS", "none: others on the way can read what is sent"),
        (false, true) => Finding::new(Standing::Note, "TLS", "none, and none is needed on this machine"),
    });
    findings
}

fn file(context: &Context, path: &Path) -> Vec<Finding> {
    let origin = context.settings.store.origin.word();
    let place = format!("{} ({origin})", context.settings.store.uri);
    if let Err(error) = Sqlite::check_locks(path) {
        return vec![Finding::error("database", Standing::Fail, &error.into())];
    }
    let health = match Sqlite::check_file(path) {
        Ok(health) => health,
        Err(StoreError::Missing { .. }) => {
            let note = format!("{place} does not exist yet; the first `convoke run` makes it");
            let folder = path.parent().unwrap_or(Path::new("."));
            return vec![
                Finding::new(Standing::Note, "database", note),
                writable("its folder", folder, Standing::Fail),
            ];
        }
        Err(error) => return vec![Finding::error("database", Standing::Fail, &error.into())],
    };
    let (found, known) = health.schema;
    let mut findings = vec![Finding::new(Standing::Ok, "database", format!("{place}, {}", size(health.bytes)))];
    findings.push(schema(found, known));
    for fault in &health.faults {
        findings
            .push(Finding::new(Standing::Fail, "integrity", fault.clone()).hint("`convoke verify` lists every fault"));
    }
    if health.faults.is_empty() {
        findings.push(Finding::new(
            Standing::Ok,
            "integrity",
            "the file is whole; `convoke verify` reads what is in it",
        ));
    }
    if let Some(holder) = health.holder {
        findings.push(Finding::new(Standing::Note, "in use", format!("by {holder}")));
    }
    findings
}

fn schema(found: u32, known: u32) -> Finding {
    match found.cmp(&known) {
        Ordering::Equal => Finding::new(Standing::Ok, "schema", found.to_string()),
        Ordering::Greater => {
            let message = format!("schema {found}; this version of convoke knows schemas up to {known}");
            Finding::new(Standing::Fail, "schema", message).hint("use a newer convoke")
        }
        Ordering::Less => {
            let message = format!("schema {found}; this version of convoke writes schema {known}");
            Finding::new(Standing::Warn, "schema", message).hint("the next `convoke run` brings it up to date")
        }
    }
}

fn logs(context: &Context) -> Finding {
    let folder = crate::cli::logs::beside(context).join("logs");
    let near = folder.ancestors().find(|f| f.is_dir()).unwrap_or(Path::new("/")).to_owned();
    let finding = writable("logs", &near, Standing::Warn);
    if finding.standing == Standing::Ok {
        Finding { message: folder.display().to_string(), ..finding }
    } else {
        finding
    }
}

/// Checks that a folder is writable: creates a file and removes it.
fn writable(what: &str, folder: &Path, otherwise: Standing) -> Finding {
    let probe = folder.join(format!(".convoke-doctor.{}", std::process::id()));
    let made = fs::File::create_new(&probe);
    let _ = fs::remove_file(&probe);
    match made {
        Ok(_) => Finding::new(Standing::Ok, what, format!("{} can be written", folder.display())),
        Err(error) => Finding::new(otherwise, what, format!("{} cannot be written: {error}", folder.display()))
            .hint("change its permissions, or name another database with --store"),
    }
}

fn dotenv(context: &Context) -> Vec<Finding> {
    if !context.world.folder.join(".env").is_file() {
        return vec![Finding::new(
            Standing::Note,
            ".env",
            "there is none in the working folder; .env_template says what it may hold",
        )];
    }
    let warnings = context.settings.warnings.iter();
    let mut findings: Vec<Finding> = warnings.map(|w| Finding::new(Standing::Warn, ".env", w.clone())).collect();
    if findings.is_empty() {
        findings.push(Finding::new(Standing::Ok, ".env", "it is read, and its permissions are fine"));
    }
    findings
}

/// True if the person set the address or key of a server, or added the server.
fn is_configured(context: &Context, server: &Server) -> bool {
    let of = |what: &str| {
        let name = format!("{}.{what}", server.name);
        context.settings.shown.iter().any(|s| s.name == name && s.origin != Origin::Default)
    };
    of("address") || of("key")
}

async fn server(context: &Context, asked: &Offer<'_>) -> Vec<Finding> {
    let (server, name) = (asked.server, asked.server.name.as_str());
    let standing = if is_configured(context, server) { Standing::Fail } else { Standing::Note };
    let models = match &asked.models {
        Ok(models) => models,
        Err(error) => return vec![Finding::error(name, standing, &error.clone().into())],
    };
    let key = match (&server.key, server.key_variable.as_str()) {
        (Some(_), variable) => format!(", {variable} is set"),
        (None, variable) if server.kind == ServerKind::OpenAi && !variable.is_empty() => {
            format!(", {variable} is not set")
        }
        (None, _) => String::new(),
    };
    let mut message = format!("{} answers, {}{key}", server.base_url, count(models.len(), "model"));
    if server.kind == ServerKind::Ollama {
        let version = async { Connection::open(server)?.version().await }.await;
        if let Ok(version) = version {
            message = format!("{message}, version {version}");
        }
    }
    let mut findings = vec![Finding::new(Standing::Ok, name, message)];
    if models.is_empty() && server.kind == ServerKind::Ollama {
        let hint = format!("`convoke models pull {name}/llama3.1` fetches one");
        findings.push(Finding::new(Standing::Note, name, "it has no model yet").hint(hint));
    }
    for model in models.iter().filter(|_| server.kind == ServerKind::Ollama) {
        let length = model.context.map_or_else(|| "context not told".to_owned(), |c| format!("context {c} tokens"));
        findings.push(Finding::new(Standing::Ok, name, format!("{name}/{}: {length}", model.name)));
    }
    findings
}

fn terminal(context: &Context) -> Finding {
    let [input, output, errors] = context.world.terminals;
    let is = |terminal: bool| if terminal { "a terminal" } else { "no terminal" };
    let width = context.printer.width().map(|w| format!(" of {w} columns")).unwrap_or_default();
    let colour = if context.printer.colour { "colour" } else { "no colour" };
    let message = format!("input {}, output {}{width}, errors {}; {colour}", is(input), is(output), is(errors));
    Finding::new(Standing::Ok, "terminal", message)
}

const SETTINGS: &[Column] = &[Column::text("SETTING", 12, 0), Column::text("VALUE", 12, 0), Column::text("FROM", 8, 0)];

fn config(context: &Context) -> Result<Exit, CliError> {
    let shown = &context.settings.shown;
    if context.printer.json {
        let object =
            |s: &crate::cli::settings::Shown| json!({ "name": s.name, "value": s.value, "from": s.origin.word() });
        context.printer.json_ok(&Json::Array(shown.iter().map(object).collect()))?;
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> =
        shown.iter().map(|s| vec![s.name.clone(), s.value.clone(), s.origin.word().to_owned()]).collect();
    for line in table(SETTINGS, &rows, context.printer.width()) {
        context.printer.out(&line)?;
    }
    Ok(Exit::Done)
}
