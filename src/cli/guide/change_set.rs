//! Requested changes of an experiment or its copy, as flags of `edit` and `duplicate`, and the resulting differences.

use super::session::Guide;
use crate::cli::args::{Cli, Command};
use crate::cli::changes;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::text::wrap;
use crate::design::check::{KnownServer, check};
use crate::design::diff::{Difference, Line, diff};
use crate::design::edit::Changes;
use crate::design::folder::{SHARED, SUMMARIZER};
use crate::design::write::models_in_line;
use crate::design::{Experiment, ModelSpec, Problem, PromptText, Section, Severity, markdown};
use clap::Parser;

/// Requested changes. A value that is `None` or empty stays unchanged.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ChangeSet {
    pub name: Option<String>,
    pub note: Option<String>,
    pub starting_message: Option<String>,
    pub models: Option<Vec<ModelSpec>>,
    pub roles: Option<String>,
    /// The order of the sections in a prompt.
    pub order: Option<Vec<String>>,
    pub drop: Vec<String>,
    pub private: Vec<String>,
    pub share: Vec<String>,
    /// Sections to write: address and text.
    pub sections: Vec<(String, String)>,
}

impl ChangeSet {
    /// True if at most the name is changed.
    pub fn is_empty(&self) -> bool {
        *self == Self { name: self.name.clone(), ..Self::default() }
    }

    /// Returns the flags for `edit` and `duplicate`.
    pub fn change_flags(&self, old: &Experiment) -> Vec<String> {
        let mut flags = Vec::new();
        let mut one = |flag: &str, value: &str| flags.push(format!("--{flag}={value}"));
        for (flag, value) in [("name", &self.name), ("note", &self.note), ("starting-message", &self.starting_message)]
        {
            if let Some(value) = value {
                one(flag, value);
            }
        }
        match &self.models {
            Some(models) if models.iter().all(|m| is_by_name(old, m)) => {
                for model in models {
                    one("model", model.name());
                }
            }
            Some(models) => one("set", &format!("models={}", models_in_line(models))),
            None => {}
        }
        if let Some(roles) = &self.roles {
            one("roles", roles);
        }
        for (flag, addresses) in [("drop-section", &self.drop), ("private", &self.private), ("share", &self.share)] {
            for address in addresses {
                one(flag, address);
            }
        }
        for (address, text) in &self.sections {
            // A text that begins with `@` must not be read as a file name.
            let at = if text.starts_with('@') { "@" } else { "" };
            one("section", &format!("{address}={at}{text}"));
        }
        if let Some(order) = &self.order {
            let titles: Vec<String> = order.iter().map(|title| toml::Value::from(title.as_str()).to_string()).collect();
            one("set", &format!("sections=[{}]", titles.join(", ")));
        }
        flags
    }

    /// Sets the new text of a section.
    pub fn set_section(&mut self, address: String, text: String) {
        self.drop.retain(|dropped| *dropped != address);
        match self.sections.iter_mut().find(|(written, _)| *written == address) {
            Some(section) => section.1 = text,
            None => self.sections.push((address, text)),
        }
    }

    /// Removes a section.
    pub fn remove_section(&mut self, address: String, old: &Experiment) {
        self.sections.retain(|(written, _)| *written != address);
        if list_places(old).iter().any(|place| place.address == address) && !self.drop.contains(&address) {
            self.drop.push(address);
        }
    }

    /// Returns the changes as `edit` parses them.
    pub fn to_changes(&self, context: &Context, old: &Experiment) -> Result<Changes, CliError> {
        let flags = self.change_flags(old);
        let words = ["convoke", "edit", "it"].into_iter().chain(flags.iter().map(String::as_str));
        let Ok(Some(Command::Edit(args))) = Cli::try_parse_from(words).map(|cli| cli.command) else {
            return Err(CliError::usage("this cannot be said in flags"));
        };
        changes::read(context, &args.changes)
    }

    /// Returns the experiment with the changes so far, for the next questions.
    pub fn document_so_far(&self, context: &Context, old: &Experiment) -> Experiment {
        let files = self.to_changes(context, old).ok().and_then(|changes| changes.apply(old).ok());
        let checked = files.map(|files| check(&files, &context.settings.servers.known_servers()));
        checked.and_then(|checked| checked.experiment).unwrap_or_else(|| old.clone())
    }
}

/// True if `--model` describes the model completely.
fn is_by_name(old: &Experiment, model: &ModelSpec) -> bool {
    let declared = old.models.iter().find(|m| m.name() == model.name());
    declared.map_or_else(|| *model == ModelSpec::bare(&model.id), |declared| declared == model)
}

/// A section and its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    /// Its name in a flag.
    pub address: String,
    /// Its name for people.
    pub words: String,
    pub title: String,
    pub text: String,
    /// True for a section of the summariser.
    pub summarizer: bool,
    /// True for a section that all agents read.
    pub shared: bool,
}

/// Lists every section, and the text before the first section of a file.
pub(super) fn list_places(document: &Experiment) -> Vec<Place> {
    let mut found = places_in(&document.shared, "shared");
    for role in &document.roles {
        found.extend(places_in(&role.prompt, &role.name));
    }
    found.extend(document.summarizer.iter().flat_map(|text| places_in(text, "summarizer")));
    found
}

fn places_in(prompt: &PromptText, file: &str) -> Vec<Place> {
    let (summarizer, shared) = (file == "summarizer", file == "shared");
    let place = |address: String, title: &str, words: &str, text: &str| Place {
        address,
        words: format!("{file}: {words}"),
        title: title.to_owned(),
        text: text.trim().to_owned(),
        summarizer,
        shared,
    };
    let start = (!prompt.start.trim().is_empty())
        .then(|| place(format!("{file}/"), "", "what stands before the first title", &prompt.start));
    let sections = prompt.sections.iter().map(|section| {
        let heading = write_heading(section);
        place(section_address(file, &heading), &section.title, &heading, &section.text)
    });
    start.into_iter().chain(sections).collect()
}

/// Returns a section's name in a flag: for a shared section the title alone.
pub(super) fn section_address(file: &str, heading: &str) -> String {
    let title = heading.split('{').next().unwrap_or_default();
    if file == "shared" && !title.contains('/') { heading.to_owned() } else { format!("{file}/{heading}") }
}

fn write_heading(section: &Section) -> String {
    let when = markdown::write_when(&section.when);
    if when.is_empty() { section.title.clone() } else { format!("{} {{{when}}}", section.title) }
}

/// Returns the new mistakes of a text, with lines counted within it. Earlier mistakes of the experiment are ignored.
pub(super) fn find_problems(
    document: &Experiment,
    servers: &[KnownServer],
    wanted: &Changes,
    text: &str,
) -> Vec<Problem> {
    let files = match wanted.apply(document) {
        Ok(files) => files,
        Err(obstacles) => return obstacles.into_iter().map(|o| error_problem(o.code, o.message, o.hint)).collect(),
    };
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let before = check(&crate::design::write::write_files(document), servers).problems;
    let is_new = |p: &Problem| !before.iter().any(|b| (b.code, &b.message) == (p.code, &p.message));
    let found = check(&files, servers).problems.into_iter().filter(is_new);
    // An unsent section or a title missing in the order is reported for the whole experiment later.
    let of_text = found.filter(|p| ["unknown-tag", "agent-name"].contains(&p.code));
    of_text
        .map(|p| {
            let at = p.excerpt.as_ref().and_then(|(line, _)| lines.iter().position(|l| *l == line.trim_end()));
            match at {
                Some(at) => Problem { line: at + 1, ..p },
                // A starting message is part of another file, so the line is unknown.
                None => Problem { line: usize::from(lines.len() == 1), column: 1, excerpt: None, ..p },
            }
        })
        .collect()
}

fn error_problem(code: &'static str, message: String, hint: Option<String>) -> Problem {
    let (severity, path) = (Severity::Error, String::new());
    Problem { severity, code, path, line: 0, column: 0, message, hint, excerpt: None }
}

impl Guide {
    /// Prints the differences: a heading for each part, then its lines.
    pub(super) fn say_differences(&self, old: &Experiment, new: &Experiment, wanted: &ChangeSet) {
        let mut parts: Vec<(String, Vec<Difference>)> = Vec::new();
        for difference in diff(old, new) {
            let part = part_of(&difference.what);
            match parts.iter_mut().find(|(name, _)| *name == part) {
                Some((_, of)) => of.push(difference),
                None => parts.push((part, vec![difference])),
            }
        }
        for (what, new, old) in [("name", &wanted.name, Some(&old.name)), ("note", &wanted.note, old.note.as_ref())] {
            if let Some(new) = new.as_ref().filter(|new| Some(*new) != old) {
                self.print_heading(what, Look::Bold);
                self.print_lines("", new, Look::Plain);
            }
        }
        for (part, differences) in &parts {
            self.print_heading(part, Look::Bold);
            for difference in differences {
                let end = if difference.lines().is_empty() { "" } else { ":" };
                self.print_lines("", &format!("{}{end}", difference.line()), Look::Plain);
                for line in difference.lines() {
                    match line {
                        Line::Gone(text) => self.print_lines("  - ", &text, Look::Red),
                        Line::New(text) => self.print_lines("  + ", &text, Look::Green),
                    }
                }
            }
        }
    }

    fn print_heading(&self, name: &str, look: Look) {
        self.context.printer.say_pieces(&[Piece("└ ", Look::Dim), Piece(name, look)]);
    }

    fn print_lines(&self, sign: &str, text: &str, look: Look) {
        let width = self.context.printer.width().map(|w| w.saturating_sub(sign.len() + 4));
        for (i, line) in wrap(text, width).iter().enumerate() {
            let sign = if i == 0 { sign.to_owned() } else { " ".repeat(sign.len()) };
            self.context.printer.say_pieces(&[Piece("    ", Look::Plain), Piece(&sign, look), Piece(line, look)]);
        }
    }
}

/// Returns the part of an experiment that a difference belongs to.
fn part_of(what: &str) -> String {
    if let Some((file, _)) = what.split_once(".md") {
        let file = format!("{file}.md");
        return match file.as_str() {
            SHARED => "what all read".to_owned(),
            SUMMARIZER => "summariser".to_owned(),
            _ => format!("prompt of {}", file.trim_start_matches("roles/").trim_end_matches(".md")),
        };
    }
    let begins = |words: &[&str]| words.iter().any(|word| what.starts_with(word));
    let part = if begins(&["model ", "order of models"]) {
        "models"
    } else if begins(&["role ", "roles "]) {
        "roles"
    } else if begins(&["factor ", "order of factors", "`design."]) {
        "factors"
    } else if begins(&["`starting_message`"]) {
        "starting message"
    } else if begins(&["`sections`"]) {
        "order of sections"
    } else {
        "protocol"
    };
    part.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::{Protocol, Role, RoleModel, When};

    fn test_document() -> Experiment {
        let section = |title: &str, text: &str| Section { title: title.into(), when: Vec::new(), text: text.into() };
        let role = |name: &str| Role {
            name: name.into(),
            agents: 1,
            plural: format!("{name}s"),
            pronouns: "they/their".into(),
            model: RoleModel::Condition,
            prompt: PromptText { start: "You are.\n".into(), sections: vec![section("Goal", "Keep order.\n")] },
        };
        Experiment {
            format: 1,
            name: "x".into(),
            note: None,
            starting_message: "Begin.".into(),
            sections: Vec::new(),
            models: vec![ModelSpec { alias: Some("one".into()), ..ModelSpec::bare("scripted") }],
            protocol: Protocol { messages: 5, ..Protocol::default() },
            roles: vec![role("guard"), role("prisoner")],
            shared: PromptText { start: String::new(), sections: vec![section("In/out", "A yard.\n")] },
            summarizer: None,
            summarizer_model: None,
            selector_model: None,
            factors: Vec::new(),
            design: crate::design::Design::default(),
            health: Vec::new(),
            run: crate::design::RunDefaults::default(),
        }
    }

    #[test]
    fn sections_are_named_as_flags_name_them() {
        let mut document = test_document();
        document.roles[0].prompt.sections[0].when = vec![When { factor: "a".into(), any: vec!["b".into()] }];
        let addresses: Vec<String> = list_places(&document).into_iter().map(|p| p.address).collect();
        assert_eq!(addresses, ["shared/In/out", "guard/", "guard/Goal {a=b}", "prisoner/", "prisoner/Goal"]);
    }

    #[test]
    fn what_is_wanted_is_said_in_flags() {
        let old = test_document();
        let mut wanted = ChangeSet::default();
        assert!(wanted.is_empty() && wanted.change_flags(&old).is_empty());
        wanted.models = Some(vec![old.models[0].clone(), ModelSpec::bare("ollama/x")]);
        wanted.set_section("guard/Goal".into(), "@home".into());
        wanted.set_section("guard/Goal".into(), "@home\nnow".into());
        wanted.remove_section("prisoner/Goal".into(), &old);
        wanted.remove_section("guard/New".into(), &old);
        wanted.order = Some(vec!["Goal".into(), "In/out".into()]);
        let flags = wanted.change_flags(&old);
        assert_eq!(
            flags,
            [
                "--model=one",
                "--model=ollama/x",
                "--drop-section=prisoner/Goal",
                "--section=guard/Goal=@@home\nnow",
                "--set=sections=[\"Goal\", \"In/out\"]"
            ]
        );
        let mut warm = old.models[0].clone();
        warm.sampling.temperature = Some(0.5);
        let wanted = ChangeSet { models: Some(vec![warm]), ..ChangeSet::default() };
        assert_eq!(wanted.change_flags(&old), [r#"--set=models=[{ id = "scripted", as = "one", temperature = 0.5 }]"#]);
    }
}
