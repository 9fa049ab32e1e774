//! Changes that flags of a command make to an experiment.
//!
//! Each change names only the part that it changes. Changes can be applied again after another person has edited the
//! document, and nothing is lost. Changes are applied in a fixed order: the whole document, name, opening, models,
//! roles; then sections are dropped, moved and written; keys come last.

use super::experiment::{Experiment, ModelSpec, PromptText, Role, Section};
use super::folder::Files;
use super::inflect;
use super::markdown;
use super::problem::{Obstacle, did_you_mean};
use super::write::write_files;

mod set;
#[cfg(test)]
mod tests;

/// Requested changes. An empty field changes nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    /// A document that replaces the whole.
    pub whole: Option<Box<Experiment>>,
    /// The new name.
    pub name: Option<String>,
    /// The new starting message.
    pub starting_message: Option<String>,
    /// The list of models: names of declared models, which keep their parameters, or `SERVER/NAME`.
    pub models: Vec<String>,
    /// The list of roles in speaking order. A role without a number keeps its number of agents; a new role has one
    /// agent.
    pub roles: Vec<(String, Option<u32>)>,
    /// Addresses of sections to drop.
    pub drop: Vec<String>,
    /// Titles of shared sections to copy to each role.
    pub private: Vec<String>,
    /// Titles of the roles' sections to move to the shared prompt.
    pub share: Vec<String>,
    /// Sections to replace or add: address and text.
    pub sections: Vec<(String, String)>,
    /// Keys of `experiment.toml` and their values as written; an empty value removes the key.
    pub set: Vec<(String, String)>,
}

/// The prompt in which a section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Shared,
    Role(usize),
    Summarizer,
}

/// A section as a flag names it: `[ROLE/]TITLE [{factor=level}]`. Without a title it means the text before the first
/// heading.
struct Address {
    place: Place,
    heading: Option<Section>,
    written: String,
}

impl Changes {
    /// Returns true if nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the files of the changed experiment, or all obstacles. The caller checks these files like a folder.
    pub fn apply(&self, old: &Experiment) -> Result<Files, Vec<Obstacle>> {
        let mut new = self.whole.as_deref().unwrap_or(old).clone();
        let mut wrong = Vec::new();
        if let Some(name) = &self.name {
            new.name.clone_from(name);
        }
        if let Some(message) = &self.starting_message {
            new.starting_message.clone_from(message);
        }
        if !self.models.is_empty() {
            new.models = self.models.iter().map(|m| find_model(&new, m)).collect();
        }
        let mut tell = |done: Result<(), Obstacle>| wrong.extend(done.err());
        if !self.roles.is_empty() {
            tell(put_roles(&mut new, &self.roles));
        }
        self.drop.iter().for_each(|a| tell(drop_section(&mut new, a)));
        self.private.iter().for_each(|title| tell(make_private(&mut new, title)));
        self.share.iter().for_each(|title| tell(make_shared(&mut new, title, self.gives_shared(title))));
        self.sections.iter().for_each(|(address, text)| tell(put_section(&mut new, address, text)));
        forget_titles(old, &mut new);
        let mut files = write_files(&new);
        wrong.extend(set::set(&mut files, &new, &self.set));
        if wrong.is_empty() { Ok(files) } else { Err(wrong) }
    }

    fn gives_shared(&self, title: &str) -> bool {
        self.sections.iter().any(|(address, _)| address.strip_prefix("shared/").unwrap_or(address) == title)
    }
}

/// Splits `KEY=VALUE` at the first `=` outside braces, since conditions of a heading contain `=`.
pub fn split_assignment(written: &str) -> Option<(&str, &str)> {
    let (mut depth, mut quoted) = (0_usize, false);
    let at = written.find(|c| {
        match c {
            '"' if depth > 0 => quoted = !quoted,
            '{' if !quoted => depth += 1,
            '}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == '=' && depth == 0
    })?;
    Some((&written[..at], &written[at + 1..]))
}

/// Returns the model of the experiment that a flag names, else a new one.
pub(super) fn find_model(experiment: &Experiment, name: &str) -> ModelSpec {
    let by_name = experiment.models.iter().find(|m| m.name() == name);
    let found = by_name.or_else(|| experiment.models.iter().find(|m| m.id == name));
    found.cloned().unwrap_or_else(|| ModelSpec::bare(name))
}

fn put_roles(experiment: &mut Experiment, list: &[(String, Option<u32>)]) -> Result<(), Obstacle> {
    let mut roles: Vec<Role> = Vec::new();
    for (name, agents) in list {
        if roles.iter().any(|r| r.name == *name) {
            let hint = "name each role once, as in guard=1,prisoner=2".to_owned();
            return Err(Obstacle::usage(format!("role `{name}` stands twice"), hint));
        }
        let known = experiment.roles.iter().find(|r| r.name == *name).cloned();
        let mut role = known.unwrap_or_else(|| Role {
            name: name.clone(),
            agents: 1,
            plural: inflect::guess_plural(name),
            pronouns: inflect::GUESSED_PRONOUNS.to_owned(),
            ..Role::default()
        });
        role.agents = agents.unwrap_or(role.agents);
        roles.push(role);
    }
    experiment.roles = roles;
    Ok(())
}

fn parse_address(experiment: &Experiment, written: &str) -> Result<Address, Obstacle> {
    let brace = written.find('{').unwrap_or(written.len());
    let slash = written[..brace].find('/');
    let (place, heading) = match slash.map(|at| (&written[..at], &written[at + 1..])) {
        None => (Place::Shared, written),
        Some((file, rest)) => (file_of(experiment, file)?, rest),
    };
    let of = |heading| Address { place, heading, written: written.to_owned() };
    if heading.is_empty() && slash.is_some() {
        return Ok(of(None));
    }
    let mut parsed = markdown::parse(&format!("## {heading}\n"));
    let problem = parsed.problems.first().map(|p| (p.message.clone(), p.hint.clone()));
    if let Some(section) = parsed.text.sections.pop().filter(|_| problem.is_none() && !heading.contains('\n')) {
        return Ok(of(Some(section)));
    }
    let (why, hint) = problem.unwrap_or_else(|| ("it is no heading".to_owned(), "write TITLE".to_owned()));
    Err(Obstacle::usage(format!("`{written}` names no section: {why}"), hint))
}

fn file_of(experiment: &Experiment, file: &str) -> Result<Place, Obstacle> {
    if let Some(role) = experiment.roles.iter().position(|r| r.name == file) {
        return Ok(Place::Role(role));
    }
    match file {
        "shared" => Ok(Place::Shared),
        "summarizer" => Ok(Place::Summarizer),
        _ => {
            let hint = did_you_mean(file, experiment.roles.iter().map(|r| r.name.as_str()))
                .unwrap_or_else(|| "ROLE/TITLE, or shared/TITLE for a title with a slash".to_owned());
            Err(Obstacle::usage(format!("there is no role `{file}`"), hint))
        }
    }
}

fn text_of(experiment: &mut Experiment, place: Place) -> &mut PromptText {
    match place {
        Place::Shared => &mut experiment.shared,
        Place::Role(role) => &mut experiment.roles[role].prompt,
        Place::Summarizer => experiment.summarizer.get_or_insert_default(),
    }
}

/// Finds the sections that a heading names. A heading without conditions names the section without conditions. If no
/// such section exists, it names all sections with its title.
fn find_sections(text: &PromptText, heading: &Section) -> Vec<usize> {
    let places = |fits: &dyn Fn(&Section) -> bool| -> Vec<usize> {
        (0..text.sections.len()).filter(|i| fits(&text.sections[*i])).collect()
    };
    let exact = places(&|s| s.title == heading.title && s.when == heading.when);
    if exact.is_empty() && heading.when.is_empty() { places(&|s| s.title == heading.title) } else { exact }
}

fn drop_section(experiment: &mut Experiment, written: &str) -> Result<(), Obstacle> {
    let address = parse_address(experiment, written)?;
    let missing = |experiment: &Experiment| {
        let titles = experiment.shared.sections.iter().chain(experiment.roles.iter().flat_map(|r| &r.prompt.sections));
        let hint = did_you_mean(&title_of(&address), titles.map(|s| s.title.as_str()))
            .unwrap_or_else(|| "ROLE/TITLE for a role's own; `convoke show` shows them".to_owned());
        Obstacle::usage(format!("there is no section `{}`", address.written), hint)
    };
    if address.place == Place::Summarizer && experiment.summarizer.is_none() {
        return Err(missing(experiment));
    }
    let text = text_of(experiment, address.place);
    match &address.heading {
        None => text.start.clear(),
        Some(heading) => {
            let places = find_sections(text, heading);
            if places.is_empty() {
                return Err(missing(experiment));
            }
            places.iter().rev().for_each(|i| drop(text.sections.remove(*i)));
        }
    }
    if experiment.summarizer.as_ref().is_some_and(PromptText::is_empty) {
        experiment.summarizer = None;
    }
    Ok(())
}

fn title_of(address: &Address) -> String {
    address.heading.as_ref().map(|h| h.title.clone()).unwrap_or_default()
}

fn make_private(experiment: &mut Experiment, title: &str) -> Result<(), Obstacle> {
    let (moved, kept): (Vec<Section>, Vec<Section>) =
        std::mem::take(&mut experiment.shared.sections).into_iter().partition(|s| s.title == title);
    experiment.shared.sections = kept;
    if moved.is_empty() {
        let hint = did_you_mean(title, experiment.shared.sections.iter().map(|s| s.title.as_str()))
            .unwrap_or_else(|| "only a shared section can become private".to_owned());
        return Err(Obstacle::usage(format!("there is no shared section `{title}`"), hint));
    }
    for role in &mut experiment.roles {
        let own = |s: &Section| role.prompt.sections.iter().any(|o| o.title == title && o.when == s.when);
        if moved.iter().any(own) {
            let message = format!("`{title}` cannot become private: role `{}` has one of its own", role.name);
            let hint = format!("drop it first: --drop-section '{}/{title}'", role.name);
            return Err(Obstacle::usage(message, hint));
        }
        role.prompt.sections.extend(moved.iter().cloned());
    }
    Ok(())
}

/// Moves the roles' sections of a title to the shared prompt. If their texts differ, the caller must provide the shared
/// text, and `given` is true.
fn make_shared(experiment: &mut Experiment, title: &str, given: bool) -> Result<(), Obstacle> {
    let mut shared: Vec<Section> = Vec::new();
    for section in experiment.roles.iter().flat_map(|r| &r.prompt.sections).filter(|s| s.title == title) {
        match shared.iter().find(|s| s.when == section.when) {
            None => shared.push(section.clone()),
            Some(same) if given || same.text.trim() == section.text.trim() => {}
            Some(_) => {
                let message = format!("`{title}` cannot be shared: the roles' texts differ");
                return Err(Obstacle::usage(message, format!("give the shared one: --section '{title}=TEXT'")));
            }
        }
    }
    if shared.is_empty() {
        let titles = experiment.roles.iter().flat_map(|r| &r.prompt.sections).map(|s| s.title.as_str());
        let hint = did_you_mean(title, titles).unwrap_or_else(|| "only a role's section can become shared".to_owned());
        return Err(Obstacle::usage(format!("no role has a section `{title}`"), hint));
    }
    for role in &mut experiment.roles {
        role.prompt.sections.retain(|s| s.title != title);
    }
    experiment.shared.sections.extend(shared);
    Ok(())
}

fn put_section(experiment: &mut Experiment, written: &str, text: &str) -> Result<(), Obstacle> {
    let address = parse_address(experiment, written)?;
    let body = whole_lines(text);
    stays_within(&address, &body)?;
    let prompt = text_of(experiment, address.place);
    let Some(heading) = address.heading else {
        prompt.start = if body.is_empty() { body } else { in_place_of(&prompt.start, &body) };
        return Ok(());
    };
    match find_sections(prompt, &heading).as_slice() {
        [] => prompt.sections.push(Section { text: body, ..heading }),
        [one] => prompt.sections[*one].text = in_place_of(&prompt.sections[*one].text, &body),
        several => {
            let when = markdown::write_when(&prompt.sections[several[0]].when);
            let message = format!("`{written}` names {} sections", several.len());
            Err(Obstacle::usage(message, format!("say which, as in '{written} {{{when}}}=TEXT'")))?;
        }
    }
    Ok(())
}

fn whole_lines(text: &str) -> String {
    let text = markdown::unix_lines(text.trim_start_matches('\u{feff}'));
    let text = text.trim_end();
    if text.is_empty() { String::new() } else { format!("{text}\n") }
}

/// Returns the new text between the blank lines that surrounded the old text, so that the file keeps its layout.
fn in_place_of(old: &str, body: &str) -> String {
    if old.trim().is_empty() {
        return body.to_owned();
    }
    let (before, after) = (&old[..old.len() - old.trim_start().len()], &old[old.trim_end().len()..]);
    format!("{before}{}{}", body.trim(), if after.contains('\n') { after } else { "\n" })
}

/// Refuses a text that opens a section or leaves a code fence open. Both would change the sections after it.
fn stays_within(address: &Address, body: &str) -> Result<(), Obstacle> {
    let found = markdown::parse(&format!("## x\n{body}## y\n")).text.sections.len();
    let wrong = |why: &str, hint: &str| {
        Err(Obstacle::usage(format!("the text of `{}` {why}", address.written), hint.to_owned()))
    };
    match found {
        2 => Ok(()),
        0 | 1 => wrong("does not end: it opens a code fence", "close it with ```"),
        _ => wrong("holds a heading `## …`", "give each section a --section of its own"),
    }
}

/// Removes titles from the order of sections if no file has them any more.
fn forget_titles(old: &Experiment, new: &mut Experiment) {
    let has = |experiment: &Experiment, title: &String| {
        let texts = experiment.roles.iter().map(|r| &r.prompt).chain([&experiment.shared]);
        texts.chain(&experiment.summarizer).flat_map(|t| &t.sections).any(|s| s.title == *title)
    };
    let gone: Vec<String> = new.sections.iter().filter(|t| has(old, t) && !has(new, t)).cloned().collect();
    new.sections.retain(|title| !gone.contains(title));
}
