//! `check --preview`: each prompt of each condition exactly as replicate 1 will send it.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::printer::{Look, Piece, Printer};
use crate::cli::terminal::text::wrap;
use crate::design::check::Checked;
use crate::design::{Condition, Expression, Problem, markdown};
use crate::exchange;
use crate::lab::preview::preview_settings;
use crate::process::{Agent, Setting};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::io;

/// Prints the prompts to standard output, and problems of the experiment to standard error.
pub fn run(
    context: &Context,
    role: Option<&str>,
    only: &[String],
    checked: &Checked,
    problems: &[Problem],
) -> Result<Exit, CliError> {
    let (Some(experiment), Some(plan)) = (&checked.experiment, &checked.plan) else { return Ok(Exit::Experiment) };
    let settings = preview_settings(experiment, plan, expressions(only)?, role)?;
    if context.printer.json {
        let all: Vec<Json> = settings.iter().map(|(c, s)| object(c, s, role)).collect();
        context.printer.json_ok(&Json::Array(all))?;
        return Ok(Exit::Done);
    }
    for problem in problems {
        context.printer.say_pieces(&crate::cli::problems::pieces(problem, &problem.to_string()));
    }
    let mut page = Page { printer: &context.printer, role, group: only.is_empty(), seen: BTreeMap::new() };
    for (condition, setting) in &settings {
        page.condition(condition, setting)?;
    }
    Ok(Exit::Done)
}

/// Parses conditions in the form of `--only`.
fn expressions(only: &[String]) -> Result<Vec<Expression>, CliError> {
    let read = |text: &String| {
        markdown::expression(text).map_err(|(_, message)| {
            CliError::usage(format!("`--only {text}`: {message}")).hint("write it as in 'goal=escape risks=true'")
        })
    };
    only.iter().map(read).collect()
}

fn agents<'a>(setting: &'a Setting, role: Option<&str>) -> impl Iterator<Item = &'a Agent> {
    setting.agents.iter().filter(move |a| role.is_none_or(|role| role == a.role))
}

fn object(condition: &Condition, setting: &Setting, role: Option<&str>) -> Json {
    let agents: Vec<Json> = agents(setting, role)
        .map(|a| json!({ "name": a.name, "role": a.role, "model": a.model.id, "prompt": a.system() }))
        .collect();
    json!({
        "condition": exchange::condition(&condition.levels),
        "agents": agents,
        "starting_message": setting.starting_message,
        "selector": setting.selector.as_ref().map(|h| &h.prompt),
        "summarizer": setting.summarizer.as_ref().map(|h| &h.prompt),
    })
}

/// Prints conditions one after another. A repeated prompt is only named, unless all are requested. The comparison
/// ignores names of agents, which always differ.
struct Page<'a> {
    printer: &'a Printer,
    role: Option<&'a str>,
    group: bool,
    seen: BTreeMap<String, String>,
}

impl Page<'_> {
    fn condition(&mut self, condition: &Condition, setting: &Setting) -> io::Result<()> {
        let name = condition.name();
        self.heading(&name)?;
        if self.role.is_none() {
            self.prompt(("opening", "Researcher says"), &setting.starting_message, &setting.starting_message, &name)?;
        }
        for agent in agents(setting, self.role) {
            let title = format!("{} reads ({}, {})", agent.name, agent.role, agent.model.id);
            let system = agent.system();
            let bare = system.replace(&agent.name, "\0");
            self.prompt((&agent.role, &title), &system, &bare, &name)?;
        }
        if self.role.is_some() {
            return Ok(());
        }
        for (who, helper) in [("selector", &setting.selector), ("summarizer", &setting.summarizer)] {
            let Some(helper) = helper else { continue };
            let title = format!("the {who} reads ({})", helper.model.id);
            let bare = setting.agents.iter().fold(helper.prompt.clone(), |text, a| text.replace(&a.name, "\0"));
            self.prompt((who, &title), &helper.prompt, &bare, &name)?;
        }
        Ok(())
    }

    fn heading(&self, name: &str) -> io::Result<()> {
        for line in wrap(&format!("== {name}"), self.printer.width()) {
            self.printer.pieces(&[Piece(&line, Look::Bold)])?;
        }
        self.printer.out("")
    }

    fn prompt(&mut self, (who, title): (&str, &str), text: &str, bare: &str, name: &str) -> io::Result<()> {
        let width = self.printer.width();
        for line in wrap(&format!("-- {title}"), width) {
            self.printer.pieces(&[Piece(&line, Look::Yellow)])?;
        }
        let before = self.seen.get(&format!("{who}\n{bare}")).filter(|_| self.group);
        if let Some(before) = before {
            for line in wrap(&format!("as in {before}"), width) {
                self.printer.pieces(&[Piece(&line, Look::Dim)])?;
            }
        } else {
            for line in wrap(text, width) {
                self.printer.out(&line)?;
            }
            self.seen.insert(format!("{who}\n{bare}"), name.to_owned());
        }
        self.printer.out("")
    }
}
