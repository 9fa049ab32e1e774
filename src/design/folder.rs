//! An experiment as files: read from their texts. This module opens no file.

use super::experiment::{Experiment, READS, Role, SILENT};
use super::keys::{MIND, ROLE, WORLD, key_names, read_keys};
use super::markdown;
use super::mind::Mind;
use super::person_file::{LARGEST, LARGEST_SUM, MOST_FILES, PersonFile, TextFile, is_people_path};
use super::problem::{Problems, Severity};
use super::protocol;
use super::tree::{FILE, Node, Tree};
use super::value::Named;
use super::world::{World, is_link_path};
use super::{action, factor, inflect};
use crate::people::Source;
use crate::people::source::read_level;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::de::DeTable;

pub use super::names::{bad_name, same_name};

/// The files of an experiment by their path within its folder: `experiment.toml`, `shared.md`, `summarizer.md`,
/// `roles/NAME.md`, and files in `people/` that `experiment.toml` names. Nothing else is read.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The prompt that all agents read.
pub const SHARED: &str = "shared.md";
/// The prompt of the summariser.
pub const SUMMARIZER: &str = "summarizer.md";

/// Returns the path of a role's prompt.
pub fn role_file(role: &str) -> String {
    format!("roles/{role}.md")
}

/// Texts of the files, and the place of each key and section. Messages show these places.
#[derive(Debug, Default)]
pub struct Sources {
    /// Text of `experiment.toml`.
    pub toml: String,
    /// Byte ranges of keys and items in `experiment.toml`, by dotted path.
    pub places: BTreeMap<String, Range<usize>>,
    /// Text and structure of each prompt file.
    pub prompts: BTreeMap<String, (String, markdown::Parsed)>,
    /// Files of people that are text.
    pub people: Vec<PersonFile>,
    /// Further files.
    pub files: Vec<TextFile>,
    /// Roles whose plural or pronouns were guessed.
    pub guessed: Vec<Guess>,
}

/// Words of a role that were guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guess {
    /// The role.
    pub role: String,
    /// The plural, if it is a guess.
    pub plural: Option<String>,
    /// The pronouns, if they are a guess.
    pub pronouns: Option<String>,
}

impl Sources {
    /// Finds the bytes of a dotted path. If the path has none, returns the bytes of the nearest path that contains it,
    /// or else the beginning of the file.
    pub fn place(&self, path: &str) -> Range<usize> {
        let mut path = path;
        loop {
            if let Some(span) = self.places.get(path) {
                return span.clone();
            }
            match path.rfind(['.', '[']) {
                Some(at) => path = &path[..at],
                None => return 0..0,
            }
        }
    }

    /// Adds a problem at a dotted path of `experiment.toml`.
    pub fn report(
        &self,
        problems: &mut Problems,
        severity: Severity,
        code: &'static str,
        path: &str,
        message: String,
        hint: Option<String>,
    ) {
        problems.at(severity, code, (FILE, &self.toml, self.place(path)), message, hint);
    }
}

/// Reads an experiment from its files, and reports the mistakes of each file. Returns `None` if no experiment can be
/// built despite these mistakes.
pub fn read(files: &Files, problems: &mut Problems) -> (Option<Experiment>, Sources) {
    let mut sources = Sources::default();
    let mut is_text = true;
    report_limits(files, problems);
    for (path, bytes) in files {
        if is_people_path(path) {
            sources.people.extend(read_person_file(path, bytes, problems));
            continue;
        }
        if is_link_path(path) {
            sources.files.push(TextFile::new(path, decode_utf8(path, bytes, problems).0));
            continue;
        }
        let (text, is_utf8) = decode_utf8(path, bytes, problems);
        if path == FILE {
            sources.toml = text;
            is_text = is_utf8;
        } else {
            let parsed = read_prompt(path, &text, problems);
            sources.prompts.insert(path.clone(), (text, parsed));
        }
    }
    if !files.contains_key(FILE) {
        let hint = "`convoke new NAME` writes a folder to start from".to_owned();
        problems.of_file(Severity::Error, "no-experiment", FILE, "there is no `experiment.toml`", hint);
        return (None, sources);
    }
    if !is_text {
        return (None, sources);
    }
    let toml = std::mem::take(&mut sources.toml);
    let mut experiment = read_toml(&toml, &mut sources, problems);
    if let Some(experiment) = &mut experiment {
        let named = find_sources(toml.as_bytes());
        let is_named = |file: &&PersonFile| named.iter().any(|source| source.matches(&file.path));
        experiment.people = sources.people.iter().filter(is_named).cloned().collect();
        let links = find_links_file(toml.as_bytes());
        experiment.files = sources.files.iter().filter(|file| links.as_ref() == Some(&file.path)).cloned().collect();
    }
    sources.toml = toml;
    (experiment, sources)
}

/// Returns the text of a file, and true if it is UTF-8. Otherwise the text is the readable part, so that its other
/// mistakes are reported too.
fn decode_utf8(path: &str, bytes: &[u8], problems: &mut Problems) -> (String, bool) {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let text = markdown::unix_lines(&String::from_utf8_lossy(bytes));
    let Err(error) = std::str::from_utf8(bytes) else { return (text, true) };
    let at = markdown::unix_lines(&String::from_utf8_lossy(&bytes[..error.valid_up_to()])).len();
    let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
    let hint = "save the file as UTF-8".to_owned();
    problems.at(Severity::Error, "not-utf8", (path, &text, at..end), "the file is not UTF-8 from here on", hint);
    (text, false)
}

/// Reports files of people that are too large or too many together.
fn report_limits(files: &Files, problems: &mut Problems) {
    let people: Vec<usize> = files.iter().filter(|(path, _)| is_people_path(path)).map(|(_, b)| b.len()).collect();
    let sum: usize = people.iter().sum();
    let (count, most, all) = (people.len(), MOST_FILES, LARGEST_SUM >> 20);
    if count > most || sum > LARGEST_SUM {
        let message = format!("people and fragments are more than {most} files or {all} MiB together");
        let hint = "name fewer files under `people` and `fragments`".to_owned();
        problems.of_file(Severity::Error, "too-large", FILE, message, hint);
    }
}

/// Reads the text of a file of people. Line ends and a byte order mark stay as they are.
fn read_person_file(path: &str, bytes: &[u8], problems: &mut Problems) -> Option<PersonFile> {
    if bytes.len() > LARGEST {
        let hint = "a person is some kilobytes of facts: leave out what is none".to_owned();
        let message = format!("the file is larger than {} MiB", LARGEST >> 20);
        problems.of_file(Severity::Error, "too-large", path, message, hint);
        return None;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(PersonFile::new(path, text.to_owned()));
    }
    decode_utf8(path, bytes, problems);
    None
}

/// Returns the sources of people and fragments that roles and factors of `experiment.toml` name. Mistakes in the file are
/// not reported here.
pub fn find_sources(toml: &[u8]) -> Vec<Source> {
    let text = String::from_utf8_lossy(toml.strip_prefix("\u{feff}".as_bytes()).unwrap_or(toml)).into_owned();
    let (table, errors) = DeTable::parse_recoverable(&text);
    if !errors.is_empty() {
        return Vec::new();
    }
    let mut problems = Problems::default();
    let mut tree = Tree { text: &text, problems: &mut problems, places: BTreeMap::new() };
    let roles = table.get_ref().get("roles").and_then(|node| node.get_ref().as_table());
    let mut sources = Vec::new();
    for (_, role) in roles.into_iter().flatten() {
        let Some(fields) = role.get_ref().as_table() else { continue };
        let fields = fields.iter().map(|(key, node)| (key.get_ref().as_ref(), node)).collect();
        let mut role = Role::default();
        read_keys(&mut tree, "", &fields, ROLE, &mut role);
        sources.extend(role.people.into_iter().chain(role.fragments));
    }
    let factors = table.get_ref().get("factors").map(|node| factor::read_factors(&mut tree, node));
    let named = factors.into_iter().flatten().filter(|f| f.name.ends_with(".people") || f.name.ends_with(".fragments"));
    sources.extend(named.flat_map(|f| f.levels).flat_map(|level| read_level(&level.to_string())));
    sources.retain(|source| source.refuse().is_none());
    sources
}

/// Returns the path of the links file that `experiment.toml` names. Mistakes in the file are not reported here.
pub fn find_links_file(toml: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(toml.strip_prefix("\u{feff}".as_bytes()).unwrap_or(toml)).into_owned();
    let (table, _) = DeTable::parse_recoverable(&text);
    let world = table.get_ref().get("world")?.get_ref().as_table()?;
    let path = world.get("links")?.get_ref().as_table()?.get("file")?.get_ref().as_str()?.to_owned();
    is_link_path(&path).then_some(path)
}

fn read_prompt(path: &str, text: &str, problems: &mut Problems) -> markdown::Parsed {
    let parsed = markdown::parse(text);
    for problem in &parsed.problems {
        let place = (path, text, problem.span.clone());
        problems.at(Severity::Error, problem.code, place, problem.message.clone(), Some(problem.hint.clone()));
    }
    parsed
}

fn read_toml(toml: &str, sources: &mut Sources, problems: &mut Problems) -> Option<Experiment> {
    let (table, errors) = DeTable::parse_recoverable(toml);
    let hint = "mend the syntax first: what else is wrong in this file can only then be told".to_owned();
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        problems.at(
            Severity::Error,
            "toml",
            (FILE, toml, span),
            format!("not TOML: {}", error.message()),
            hint.clone(),
        );
    }
    if !errors.is_empty() {
        return None;
    }
    let mut tree = Tree { text: toml, problems, places: BTreeMap::new() };
    let experiment = read_experiment(&mut tree, table.get_ref(), sources);
    sources.places = tree.places;
    experiment
}

const TOP: [&str; 17] = [
    "format",
    "name",
    "note",
    "starting_message",
    "sections",
    "models",
    "protocol",
    "roles",
    "selector",
    "summarizer",
    "mind",
    "world",
    "actions",
    "factors",
    "design",
    "health",
    "run",
];

fn read_experiment(tree: &mut Tree<'_>, table: &DeTable<'_>, sources: &mut Sources) -> Option<Experiment> {
    let fields = tree.read_fields("", table, &TOP);
    let get = |key: &str| fields.get(key).copied();
    let format = get("format").map_or(Some(SILENT), |n| format_number(tree, n))?;
    let name = read_name(tree, get("name"));
    let models = protocol::read_models(tree, get("models"));
    let protocol = protocol::read_protocol(tree, get("protocol"), get("world").is_some());
    let agents = protocol.as_ref().and_then(|p| p.agents.clone());
    let roles = agents.as_ref().map(|agents| read_roles(tree, agents, get("roles"), sources)).unwrap_or_default();
    let summarizer = sources.prompts.get(SUMMARIZER).map(|(_, parsed)| parsed.text.clone());
    // Without roles or a protocol there is no experiment. The rest is still read, so that its mistakes are reported.
    let protocol = protocol.filter(|_| agents.is_some()).map(|p| p.protocol);
    let is_whole = protocol.is_some();
    let experiment = Experiment {
        format,
        name: name.unwrap_or_default(),
        note: get("note").and_then(|n| tree.read_text("note", n)),
        starting_message: get("starting_message")
            .and_then(|n| tree.read_text("starting_message", n))
            .unwrap_or_else(|| "Start the experiment".to_owned()),
        sections: get("sections").map(|n| read_titles(tree, n)).unwrap_or_default(),
        models,
        protocol: protocol.unwrap_or_default(),
        roles,
        shared: sources.prompts.get(SHARED).map(|(_, p)| p.text.clone()).unwrap_or_default(),
        summarizer,
        summarizer_model: get("summarizer").and_then(|n| helper_model(tree, "summarizer", n)),
        selector_model: get("selector").and_then(|n| helper_model(tree, "selector", n)),
        mind: get("mind").map(|n| read_mind(tree, "mind", n)).unwrap_or_default(),
        world: get("world").and_then(|n| read_world(tree, n)),
        actions: get("actions").map(|n| action::read_actions(tree, n)).unwrap_or_default(),
        factors: get("factors").map(|n| factor::read_factors(tree, n)).unwrap_or_default(),
        design: get("design").map(|n| factor::read_design(tree, n)).unwrap_or_default(),
        health: get("health").map(|n| protocol::read_health(tree, n)).unwrap_or_default(),
        people: Vec::new(),
        files: Vec::new(),
        run: get("run").map(|n| protocol::read_run(tree, n)).unwrap_or_default(),
    };
    is_whole.then_some(experiment)
}

fn format_number(tree: &mut Tree<'_>, node: &Node<'_>) -> Option<u32> {
    let number = tree.read_whole("format", node, 1, u64::from(u32::MAX))?;
    if number > u64::from(READS) {
        tree.error(
            node.span(),
            "newer-format",
            format!("the experiment has format {number}; this version of convoke reads up to {READS}"),
            format!("a version of convoke that reads format {number} is needed"),
        );
        return None;
    }
    Some(number as u32)
}

fn read_name(tree: &mut Tree<'_>, node: Option<&Node<'_>>) -> Option<String> {
    let Some(node) = node else {
        let hint = "write `name = \"…\"` at the top".to_owned();
        tree.error(0..0, "missing", "the experiment has no `name`", hint);
        return None;
    };
    let name = tree.read_text("name", node)?;
    match bad_name(&name) {
        None => Some(name),
        Some(why) => {
            tree.error(
                node.span(),
                "bad-name",
                format!("`{name}` cannot be an experiment's name: {why}"),
                "write a name that could name a folder".to_owned(),
            );
            None
        }
    }
}

fn read_mind(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Mind {
    let mut mind = Mind::default();
    if let Some(table) = tree.read_table(at, node) {
        let fields = tree.read_fields(at, table, &key_names(MIND).collect::<Vec<_>>());
        read_keys(tree, at, &fields, MIND, &mut mind);
    }
    mind
}

/// Reads `[world]`.
fn read_world(tree: &mut Tree<'_>, node: &Node<'_>) -> Option<World> {
    let table = tree.read_table("world", node)?;
    let fields = tree.read_fields("world", table, &key_names(WORLD).collect::<Vec<_>>());
    let mut world = World::default();
    let read = read_keys(tree, "world", &fields, WORLD, &mut world);
    if !fields.contains_key("steps") {
        let span = tree.places.get("world").cloned().unwrap_or(node.span());
        tree.error(span, "missing", "[world] has no `steps`", "write `steps = 12`: the steps of a day".to_owned());
    }
    if !read.contains(&"steps") {
        // An unreadable number becomes a usable one, so that one mistake is not reported as two.
        world.steps = 1;
    }
    Some(world)
}

fn read_titles(tree: &mut Tree<'_>, node: &Node<'_>) -> Vec<String> {
    let titles = tree.read_texts("sections", node);
    for (i, title) in titles.iter().enumerate() {
        if titles[..i].contains(title) {
            let span = tree.places.get(&format!("sections[{i}]")).cloned().unwrap_or(node.span());
            let message = format!("section `{title}` stands twice in `sections`");
            tree.error(span, "duplicate", message, "name it once".to_owned());
        }
    }
    titles
}

fn helper_model(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<String> {
    let table = tree.read_table(at, node)?;
    let fields = tree.read_fields(at, table, &["model"]);
    fields.get("model").and_then(|n| tree.read_text(&format!("{at}.model"), n))
}

/// Reads roles in the order of `agents`, each with its file.
fn read_roles(tree: &mut Tree<'_>, agents: &[Named<u32>], node: Option<&Node<'_>>, sources: &mut Sources) -> Vec<Role> {
    let mut written = node.map(|n| role_tables(tree, n, agents)).unwrap_or_default();
    match_forms(agents, sources);
    let known = |path: &str| agents.iter().any(|a| role_file(&a.name) == path) || path == SHARED || path == SUMMARIZER;
    for path in sources.prompts.keys().filter(|p| !known(p)) {
        let message = format!("`{path}` is the file of a role that is not in `agents`");
        tree.problems.of_file(
            Severity::Error,
            "unused-role",
            path,
            message,
            "add the role to `agents` under [protocol] (0 is allowed), or remove the file".to_owned(),
        );
    }
    agents.iter().map(|agents| read_role(tree, agents, written.remove(&agents.name), sources)).collect()
}

/// Gives a file the name of its role, if the two differ only in the Unicode form of their accents: some systems and
/// archives change it.
fn match_forms(agents: &[Named<u32>], sources: &mut Sources) {
    for wanted in agents.iter().map(|a| role_file(&a.name)) {
        let is_same = |path: &&String| same_name(path, &wanted) && !agents.iter().any(|a| role_file(&a.name) == **path);
        let found = sources.prompts.keys().find(is_same).cloned();
        if !sources.prompts.contains_key(&wanted)
            && let Some(prompt) = found.and_then(|path| sources.prompts.remove(&path))
        {
            sources.prompts.insert(wanted, prompt);
        }
    }
}

/// A role as written in its table, and the keys that were read.
#[derive(Default)]
struct WrittenRole {
    role: Role,
    keys: Vec<&'static str>,
}

fn role_tables(tree: &mut Tree<'_>, node: &Node<'_>, agents: &[Named<u32>]) -> BTreeMap<String, WrittenRole> {
    let Some(table) = tree.read_table("roles", node) else { return BTreeMap::new() };
    let mut roles = BTreeMap::new();
    for (key, value) in table {
        let written = key.get_ref().to_string();
        let same = agents.iter().find(|a| a.name == written).or(agents.iter().find(|a| same_name(&a.name, &written)));
        let name = same.map_or(written, |agent| agent.name.clone());
        let at = format!("roles.{name}");
        tree.places.insert(at.clone(), key.span());
        if !agents.iter().any(|a| a.name == name) {
            let hint = super::problem::did_you_mean(&name, agents.iter().map(|a| a.name.as_str()))
                .unwrap_or_else(|| "add it to `agents` under [protocol] (0 is allowed)".to_owned());
            tree.error(key.span(), "unused-role", format!("[roles.{name}] is a role that is not in `agents`"), hint);
        }
        let Some(table) = tree.read_table(&at, value) else { continue };
        let fields = tree.read_fields(&at, table, &key_names(ROLE).chain(["mind"]).collect::<Vec<_>>());
        let mut role = Role::default();
        let keys = read_keys(tree, &at, &fields, ROLE, &mut role);
        role.mind = fields.get("mind").map(|n| read_mind(tree, &format!("{at}.mind"), n)).unwrap_or_default();
        roles.insert(name, WrittenRole { role, keys });
    }
    roles
}

fn read_role(tree: &mut Tree<'_>, agents: &Named<u32>, written: Option<WrittenRole>, sources: &mut Sources) -> Role {
    let name = agents.name.clone();
    let WrittenRole { mut role, keys } = written.unwrap_or_default();
    let path = role_file(&name);
    let at = format!("protocol.agents.{name}");
    let span = tree.places.get(&at).cloned().unwrap_or(0..0);
    let prompt = sources.prompts.get(&path).map(|(_, parsed)| parsed.text.clone());
    if prompt.is_none() && bad_name(&name).is_none() {
        tree.error(span, "missing-role-file", format!("role `{name}` has no file `{path}`"), format!("write `{path}`"));
    }
    let guess = |key: &str, guessed: String, field: &mut String| {
        let is_guess = !keys.contains(&key);
        if is_guess {
            field.clone_from(&guessed);
        }
        is_guess.then_some(guessed)
    };
    let plural = guess("plural", inflect::guess_plural(&name), &mut role.plural);
    let pronouns = guess("pronouns", inflect::GUESSED_PRONOUNS.to_owned(), &mut role.pronouns);
    if (plural.is_some() || pronouns.is_some()) && bad_name(&name).is_none() {
        sources.guessed.push(Guess { role: name.clone(), plural, pronouns });
    }
    Role { name, agents: agents.value, prompt: prompt.unwrap_or_default(), ..role }
}
