//! What every command works with: the world, the settings, the printer; and how it finds what it is asked for.

use super::identity::Identity;
use crate::cli::error::{CliError, Exit};
use crate::cli::global::{Color, Global};
use crate::cli::settings::{Settings, World};
use crate::cli::terminal::printer::Printer;
use crate::cli::terminal::prompt::Terminal;
use crate::cli::terminal::typing::Typing;
use crate::design::check::{self, Checked};
use crate::design::folder::{Files, SHARED, SUMMARIZER};
use crate::design::{Experiment, problem};
use crate::store::{ConversationRecord, ExperimentRecord, Store, StoreUri};
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

/// What every command works with.
pub struct Context {
    /// What the program finds around it.
    pub world: World,
    /// Options that hold everywhere.
    pub global: Global,
    /// Everything resolved.
    pub settings: Settings,
    /// The only door to the terminal.
    pub printer: Printer,
    /// Who signed in where, once somebody has.
    pub identity: OnceLock<Identity>,
    /// Where a person is asked.
    pub terminal: Terminal,
}

/// What a person named.
pub enum What {
    /// An experiment's folder.
    Folder(PathBuf),
    /// An experiment in the database.
    Experiment(Box<ExperimentRecord>),
    /// A conversation in the database.
    Conversation(Box<ConversationRecord>),
}

impl Context {
    /// Resolves the settings and says what is to be warned of.
    pub fn new(world: World, global: Global) -> Result<Self, CliError> {
        let printer = printer(&world, &global);
        let settings = Settings::resolve(&world, global.store.as_deref())?;
        for warning in &settings.warnings {
            printer.warn(warning);
        }
        Ok(Self::fresh(world, global, settings, printer))
    }

    /// One in which nobody has signed in yet.
    fn fresh(world: World, global: Global, settings: Settings, printer: Printer) -> Self {
        let may_ask = !global.no_input && !global.json && world.terminals[0] && world.terminals[2];
        let (env, printing) = (world.env.clone(), printer.clone());
        let (typing, agreed) = (Typing::default(), Mutex::default());
        let terminal = Terminal { may_ask, yes: global.yes, env, printer: printing, typing, agreed };
        Self { world, global, settings, printer, terminal, identity: OnceLock::new() }
    }

    /// The same with another database: its address is read as that of `--store` is, with the same rules for passwords.
    pub fn at(&self, store: &str) -> Result<Self, CliError> {
        let (world, printer) = (self.world.clone(), self.printer.clone());
        let global = Global { store: Some(store.to_owned()), ..self.global.clone() };
        let settings = Settings::resolve(&world, Some(store))?;
        for warning in settings.warnings.iter().filter(|w| !self.settings.warnings.contains(w)) {
            printer.warn(warning);
        }
        Ok(Self::fresh(world, global, settings, printer))
    }

    /// The same for a command that the guide gives in a person's stead: signed in as this one is.
    #[must_use]
    pub fn again(&self, arguments: Vec<String>, global: Global) -> Self {
        let world = World { arguments, ..self.world.clone() };
        let (settings, printer) = (self.settings.clone(), Printer { json: global.json, ..self.printer.clone() });
        let mut again = Self { identity: self.identity.clone(), ..Self::fresh(world, global, settings, printer) };
        again.terminal.typing = self.terminal.typing.clone();
        again
    }

    /// The same in another database, where somebody signed in. What was saved is found there without a flag.
    pub fn signed_in(&self, identity: Identity) -> Result<Self, CliError> {
        let uri = StoreUri::Mongo(identity.uri.clone());
        let found = Settings::resolve(&self.world, None).ok().filter(|settings| settings.store.uri == uri);
        let (flag, settings) = if let Some(settings) = found {
            (None, settings)
        } else {
            let flag = identity.uri.for_flag();
            let mut settings = Settings::resolve(&self.world, Some(&flag))?;
            settings.store.uri = uri;
            (Some(flag), settings)
        };
        let (world, printer) = (self.world.clone(), self.printer.clone());
        let global = Global { store: flag, ..self.global.clone() };
        let mut there = Self { identity: OnceLock::from(identity), ..Self::fresh(world, global, settings, printer) };
        there.terminal.typing = self.terminal.typing.clone();
        Ok(there)
    }

    /// Whether a question may be asked.
    pub fn may_ask(&self) -> bool {
        self.terminal.may_ask
    }

    /// Who acts: whom the database let in, else the name that the surroundings say. Known once the database is open.
    pub fn creator(&self) -> &str {
        self.identity.get().map_or(&self.settings.creator, |i| &i.creator)
    }

    /// What must not be in a log.
    pub fn secrets(&self) -> Vec<SecretString> {
        let asked = self.identity.get().map(|i| i.uri.secrets()).unwrap_or_default();
        self.settings.secrets().into_iter().chain(asked).collect()
    }

    /// The folder that `what` names, if it is a path: one that exists wins over a name, and `./` says path.
    pub fn folder(&self, what: &str) -> Result<Option<PathBuf>, CliError> {
        if what.starts_with("id:") {
            return Ok(None);
        }
        let path = self.world.folder.join(what);
        let says_path = what.starts_with("./") || what.starts_with("../") || Path::new(what).is_absolute();
        if path.is_dir() {
            return Ok(Some(path));
        }
        if path.file_name().is_some_and(|n| n == "experiment.toml") && path.is_file() {
            return Ok(path.parent().map(Path::to_path_buf));
        }
        if path.exists() {
            let error = CliError::new(
                Exit::Experiment,
                "experiment-invalid",
                format!("{what} is a file, not an experiment's folder"),
            );
            return Err(error.hint("`convoke new NAME` writes a folder to start from"));
        }
        if says_path {
            return Err(CliError::not_found(format!("there is no folder {what}")).hint("`convoke new NAME` writes one"));
        }
        Ok(None)
    }

    /// Finds what a person named: a folder, else an experiment by name or id, else a conversation by id.
    pub async fn find(&self, what: &str) -> Result<What, CliError> {
        match self.folder(what)? {
            Some(folder) => Ok(What::Folder(folder)),
            None => self.find_stored(what, &*self.reader().await?).await,
        }
    }

    /// Finds what a person named in the database. A folder only names its experiment.
    pub async fn find_stored(&self, what: &str, store: &dyn Store) -> Result<What, CliError> {
        let name = match self.folder(what)? {
            Some(folder) => Self::name_of(&folder)?,
            None => what.to_owned(),
        };
        let experiments = store.records().await?;
        if let Some(found) = self.by_name(&name, &experiments)? {
            return Ok(What::Experiment(Box::new(found)));
        }
        let prefix = name.strip_prefix("id:").unwrap_or(&name);
        let mut found: Vec<What> = Vec::new();
        if !prefix.is_empty() {
            let ids = experiments.iter().filter(|e| e.id.starts_with(prefix));
            found.extend(ids.map(|e| What::Experiment(Box::new(e.clone()))));
            let conversations = store.find_conversations(prefix).await?;
            found.extend(conversations.into_iter().map(|c| What::Conversation(Box::new(c))));
        }
        match (found.len(), found.pop()) {
            (1, Some(only)) => Ok(only),
            (0, _) => {
                let hint = problem::did_you_mean(&name, experiments.iter().map(|e| e.name.as_str()))
                    .unwrap_or_else(|| "`convoke list` lists what there is".to_owned());
                Err(CliError::not_found(format!(
                    "there is no experiment or conversation `{name}` in {}",
                    store.place()
                ))
                .hint(hint))
            }
            (n, _) => Err(CliError::new(Exit::NotFound, "ambiguous", format!("`{name}` is the beginning of {n} ids"))
                .hint("write more of it")),
        }
    }

    fn by_name(&self, name: &str, experiments: &[ExperimentRecord]) -> Result<Option<ExperimentRecord>, CliError> {
        let named: Vec<&ExperimentRecord> = experiments.iter().filter(|e| e.name == name).collect();
        let own = named.iter().find(|e| e.creator == self.creator());
        match (own, named.as_slice()) {
            (Some(own), _) => Ok(Some((*own).clone())),
            (None, [only]) => Ok(Some((*only).clone())),
            (None, []) => Ok(None),
            (None, several) => {
                let ids: Vec<String> = several.iter().map(|e| format!("id:{} by {}", e.id, e.creator)).collect();
                Err(CliError::new(Exit::NotFound, "ambiguous", format!("`{name}` is the name of several experiments"))
                    .hint(ids.join(", ")))
            }
        }
    }

    /// The name in a folder's `experiment.toml`, whatever else is wrong with it.
    fn name_of(folder: &Path) -> Result<String, CliError> {
        let files = read_folder(folder)?;
        let mut problems = problem::Problems::default();
        let (experiment, _) = crate::design::folder::read(&files, &mut problems);
        let name = experiment.map(|e| e.name).filter(|n| !n.is_empty());
        name.ok_or_else(|| {
            CliError::new(Exit::Experiment, "experiment-invalid", format!("{} names no experiment", folder.display()))
                .hint(format!("`convoke check {}` reports every mistake", folder.display()))
        })
    }

    /// Reads and checks an experiment's folder.
    pub fn check_folder(&self, folder: &Path) -> Result<Checked, CliError> {
        Ok(check::check(&read_folder(folder)?, &self.settings.known_servers()))
    }

    /// Checks an experiment that came from the database.
    pub fn check_stored(&self, experiment: &Experiment) -> Checked {
        check::check(&crate::design::write::write(experiment), &self.settings.known_servers())
    }

    /// The current document of an experiment, with its `[run]` and note as they stand now.
    pub async fn document(&self, store: &dyn Store, record: &ExperimentRecord) -> Result<Experiment, CliError> {
        let document = store.document(&record.revision).await?;
        let mut document = document.ok_or_else(|| {
            CliError::new(
                Exit::Store,
                "store-damaged",
                format!("revision {} of `{}` is missing", record.revision, record.name),
            )
            .hint("`convoke verify` tells all")
        })?;
        document.run = record.run;
        document.note.clone_from(&record.note);
        Ok(document)
    }
}

/// The door to the terminal, as arguments and surroundings want it.
pub(super) fn printer(world: &World, global: &Global) -> Printer {
    let unwanted =
        world.env.get("NO_COLOR").is_some_and(|v| !v.is_empty()) || world.env.get("TERM").is_some_and(|t| t == "dumb");
    let colour = |terminal: bool| match global.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && !unwanted,
    };
    Printer {
        colour: colour(world.terminals[1]) && !global.json,
        colour_err: colour(world.terminals[2]),
        json: global.json,
        quiet: global.quiet,
    }
}

/// Reads the files of an experiment: `experiment.toml`, `shared.md`, `summarizer.md`, `roles/*.md`; nothing else.
/// Names in files never become paths: what is in `roles/` is listed, not looked up.
pub fn read_folder(folder: &Path) -> Result<Files, CliError> {
    let mut files = Files::new();
    let mut add = |name: String, path: &Path| -> Result<(), CliError> {
        match std::fs::read(path) {
            Ok(bytes) => {
                files.insert(name, bytes);
                Ok(())
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => {
                Err(CliError::new(Exit::Experiment, "experiment-invalid", format!("cannot read {}", path.display()))
                    .cause(e))
            }
        }
    };
    for name in ["experiment.toml", SHARED, SUMMARIZER] {
        add(name.to_owned(), &folder.join(name))?;
    }
    if let Ok(roles) = std::fs::read_dir(folder.join("roles")) {
        for entry in roles.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if Path::new(&name).extension().is_some_and(|e| e == "md") {
                add(format!("roles/{name}"), &entry.path())?;
            }
        }
    }
    Ok(files)
}

/// Writes an experiment's files into a folder that has none yet, whole or not at all.
pub fn write_folder(folder: &Path, files: &Files) -> Result<(), CliError> {
    let failed = |path: &Path, e: &std::io::Error| CliError::usage(format!("cannot write {}", path.display())).cause(e);
    if folder.symlink_metadata().is_ok() {
        return Err(
            CliError::usage(format!("{} exists already", folder.display())).hint("choose another name or folder")
        );
    }
    let parent = folder.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(|e| failed(parent, &e))?;
    let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let unfinished = parent.join(format!(".{name}.{}", std::process::id()));
    let written = files.iter().try_for_each(|(name, bytes)| {
        let path = unfinished.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(&unfinished)).and_then(|()| std::fs::write(&path, bytes))
    });
    let moved = written.and_then(|()| std::fs::rename(&unfinished, folder));
    moved.map_err(|e| {
        // What is left of the attempt is no use to anybody; that it cannot be removed adds nothing.
        let _ = std::fs::remove_dir_all(&unfinished);
        failed(folder, &e)
    })
}
