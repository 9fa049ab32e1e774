//! `convoke models`: lists the models of each server, or fetches a model for an Ollama.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::text::{Column, short, size, table, wrap};
use crate::design::problem::did_you_mean;
use crate::lab::models::{Offer, list_offers};
use crate::model::catalog::{Offered, is_same_model};
use crate::model::pull::{Progress, Pull};
use crate::model::{Connection, ServerKind};
use crate::process::harmless::one_line;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// `convoke models`.
#[derive(Debug, Args)]
pub struct Models {
    /// Command; without one, the models are listed
    #[command(subcommand)]
    pub command: Option<ModelsCommand>,
}

/// What to do with models.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// Fetch a model to an Ollama server, such as ollama/llama3.1
    Pull {
        /// Model to fetch, as SERVER/NAME
        name: String,
        /// Allow a registry without TLS
        #[arg(long)]
        insecure: bool,
    },
}

const COLUMNS: &[Column] = &[
    Column::text("MODEL", 16, 0),
    Column::text("SIZE", 8, 0),
    Column::text("PARAMETERS", 6, 3),
    Column::text("QUANTIZATION", 6, 4),
    Column::number("CONTEXT", 1),
    Column::text("DIGEST", 8, 2),
    Column::text("CHANGED", 10, 5),
];

/// Lists models, or fetches one.
pub async fn run(context: &Context, args: &Models) -> Result<Exit, CliError> {
    match &args.command {
        Some(ModelsCommand::Pull { name, insecure }) => pull(context, name, *insecure).await,
        None => list(context).await,
    }
}

/// Returns the word for a protocol in configurations.
pub fn kind(kind: ServerKind) -> &'static str {
    match kind {
        ServerKind::OpenAi => "openai",
        ServerKind::Azure => "azure",
        ServerKind::Ollama => "ollama",
        ServerKind::Scripted => "scripted",
    }
}

async fn list(context: &Context) -> Result<Exit, CliError> {
    let asked = list_offers(&context.settings.servers).await;
    let nobody = asked.iter().all(|a| a.models.is_err());
    let exit = if nobody { Exit::Model } else { Exit::Done };
    if context.printer.json {
        let mut data: Vec<Json> = asked.iter().map(object).collect();
        data.push(json!({ "server": "scripted", "kind": "scripted", "address": null, "error": null,
            "models": [{ "name": "scripted" }] }));
        if nobody {
            let error = CliError::new(exit, "model-unusable", "no server could be asked")
                .hint("`data` has the reasons; `convoke doctor` checks each server");
            context.printer.json_error(&error.json(), Some(&Json::Array(data)))?;
        } else {
            context.printer.json_ok(&Json::Array(data))?;
        }
        return Ok(exit);
    }
    for server in &asked {
        show(context, server)?;
    }
    context.printer.pieces(&[Piece("scripted", Look::Bold), Piece("  no server", Look::Dim)])?;
    context.printer.out("  made-up replies for trying an experiment: `convoke run FOLDER --offline`")?;
    if nobody {
        context.printer.say("no server could be reached: `convoke doctor` checks each server");
    }
    Ok(exit)
}

fn object(asked: &Offer<'_>) -> Json {
    let server = asked.server;
    let models: Vec<&Offered> = asked.models.iter().flatten().collect();
    let error = asked.models.as_ref().err().map(ToString::to_string);
    let address = server.base_url.to_string();
    json!({ "server": server.name, "kind": kind(server.kind), "address": address, "error": error, "models": models })
}

fn show(context: &Context, asked: &Offer<'_>) -> Result<(), CliError> {
    let printer = &context.printer;
    let width = printer.width().map(|w| w.saturating_sub(2));
    let address = format!("  {} at {}", kind(asked.server.kind), asked.server.base_url);
    printer.pieces(&[Piece(&asked.server.name, Look::Bold), Piece(&address, Look::Dim)])?;
    match &asked.models {
        Err(error) => {
            let error = CliError::from(error.clone());
            for line in wrap(&error.message, width) {
                printer.pieces(&[Piece("  ", Look::Plain), Piece(&line, Look::Yellow)])?;
            }
            for line in error.hint.iter().flat_map(|hint| wrap(&format!("hint: {hint}"), width)) {
                printer.pieces(&[Piece("  ", Look::Plain), Piece(&line, Look::Dim)])?;
            }
        }
        Ok(_) if asked.server.kind == ServerKind::Azure => {
            let name = &asked.server.name;
            printer.out(&format!("  a model is a deployment, {name}/DEPLOYMENT; Azure's portal lists them"))?;
        }
        Ok(models) if models.is_empty() => {
            let name = &asked.server.name;
            printer.out(&format!("  no model yet: `convoke models pull {name}/NAME` fetches one"))?;
        }
        Ok(models) => {
            let rows: Vec<Vec<String>> = models.iter().map(|m| row(&asked.server.name, m)).collect();
            for line in table(COLUMNS, &rows, width) {
                printer.out(&format!("  {line}"))?;
            }
        }
    }
    Ok(printer.out("")?)
}

fn row(server: &str, model: &Offered) -> Vec<String> {
    let day = |at: &String| at.chars().take(10).collect::<String>();
    vec![
        format!("{server}/{}", model.name),
        model.size.map(size).unwrap_or_default(),
        model.parameters.clone().unwrap_or_default(),
        model.quantization.clone().unwrap_or_default(),
        model.context.map(|c| c.to_string()).unwrap_or_default(),
        model.digest.as_deref().map(|d| short(d.trim_start_matches("sha256:")).to_owned()).unwrap_or_default(),
        model.modified.as_ref().map(day).unwrap_or_default(),
    ]
}

async fn pull(context: &Context, id: &str, insecure: bool) -> Result<Exit, CliError> {
    let Some((server, name)) = id.split_once('/').filter(|(_, name)| !name.is_empty()) else {
        return Err(CliError::usage(format!("`{id}` is not SERVER/NAME")).hint("write it as in ollama/llama3.1"));
    };
    let Some(found) = context.settings.servers.get(server) else {
        let names = context.settings.servers.usable.iter().map(|s| s.name.as_str());
        let hint = did_you_mean(server, names).unwrap_or_else(|| "write it as in ollama/llama3.1".to_owned());
        return Err(CliError::usage(format!("there is no server `{server}`")).hint(hint));
    };
    if found.kind != ServerKind::Ollama {
        let message = format!("`{server}` is not an Ollama: models cannot be fetched there");
        return Err(CliError::usage(message).hint("write it as in ollama/llama3.1"));
    }
    let _log = crate::cli::logs::of(context, "models");
    let connection = Connection::open(found)?;
    tracing::info!(model = %id, "fetching");
    let mut screen = Screen::new(context, id);
    let pulled = connection.pull_model(name, Pull { insecure, ..Pull::default() }, &mut |p| screen.progress(&p)).await;
    screen.end();
    tracing::info!(model = %id, error = pulled.as_ref().err().map(ToString::to_string), "fetched");
    pulled?;
    let there = connection.list_models().await?.into_iter().find(|m| is_same_model(&m.name, name));
    let bytes = there.and_then(|m| m.size);
    if context.printer.json {
        context.printer.json_ok(&json!({ "server": server, "name": name, "size": bytes }))?;
    } else {
        let of = bytes.map(|b| format!(" ({})", size(b))).unwrap_or_default();
        context.printer.out(&format!("{id} is there{of}"))?;
    }
    Ok(Exit::Done)
}

/// Progress of a pull: a bar on a terminal, else a line for each step.
struct Screen<'a> {
    context: &'a Context,
    bar: Option<ProgressBar>,
    status: String,
    /// Total and received bytes of each layer.
    layers: BTreeMap<String, (u64, u64)>,
}

impl<'a> Screen<'a> {
    fn new(context: &'a Context, id: &str) -> Self {
        let wanted = context.world.terminals[2] && !context.printer.quiet && !context.printer.json;
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {eta}";
        let bar = wanted.then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(one_line(id));
            bar
        });
        Self { context, bar, status: String::new(), layers: BTreeMap::new() }
    }

    fn progress(&mut self, progress: &Progress) {
        if let (Some(digest), Some(total)) = (&progress.digest, progress.total) {
            self.layers.insert(digest.clone(), (total, progress.completed.unwrap_or(0)));
        }
        let (total, done) = self.layers.values().fold((0, 0), |(t, d), (total, done)| (t + total, d + done));
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
        } else if progress.status != self.status && !self.context.printer.json {
            let of = progress.total.map(|t| format!(" ({})", size(t))).unwrap_or_default();
            self.context.printer.chat(&format!("{}{of}", progress.status));
        }
        self.status.clone_from(&progress.status);
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
