//! The context of a command: environment, settings, printer and terminal.

use super::identity::Identity;
use crate::cli::error::CliError;
use crate::cli::global::{Color, Global};
use crate::cli::settings::{Settings, World};
use crate::cli::terminal::printer::{Page, Printer};
use crate::cli::terminal::prompt::Terminal;
use crate::cli::terminal::typing::Typing;
use crate::store::StoreUri;
use secrecy::SecretString;
use std::sync::{Arc, Mutex, OnceLock};

/// The context of a command.
pub struct Context {
    /// The environment of the program.
    pub world: World,
    /// Global options.
    pub global: Global,
    /// All resolved settings.
    pub settings: Settings,
    /// The printer, through which all output passes.
    pub printer: Printer,
    /// The identity on a server, after signing in.
    pub identity: OnceLock<Identity>,
    /// The terminal for questions.
    pub terminal: Terminal,
}

impl Context {
    /// Resolves the settings and prints their warnings.
    pub fn new(world: World, global: Global) -> Result<Self, CliError> {
        let printer = create_printer(&world, &global);
        let settings = Settings::resolve(&world, global.store.as_deref())?;
        for warning in &settings.warnings {
            printer.warn(warning);
        }
        Ok(Self::before_sign_in(world, global, settings, printer))
    }

    /// Creates a context before any sign-in.
    fn before_sign_in(world: World, global: Global, settings: Settings, printer: Printer) -> Self {
        let may_ask = !global.no_input && !global.json && world.terminals[0] && world.terminals[2];
        let (env, printing) = (world.env.clone(), printer.clone());
        let (typing, agreed, is_lent) = (Typing::default(), Mutex::default(), Arc::default());
        let terminal = Terminal { may_ask, yes: global.yes, env, printer: printing, typing, agreed, is_lent };
        Self { world, global, settings, printer, terminal, identity: OnceLock::new() }
    }

    /// Returns a context for another database. `store` is an address as `--store` takes it.
    pub fn with_store(&self, store: &str) -> Result<Self, CliError> {
        let (world, printer) = (self.world.clone(), self.printer.clone());
        let global = Global { store: Some(store.to_owned()), ..self.global.clone() };
        let settings = Settings::resolve(&world, Some(store))?;
        for warning in settings.warnings.iter().filter(|w| !self.settings.warnings.contains(w)) {
            printer.warn(warning);
        }
        Ok(Self::before_sign_in(world, global, settings, printer).at_terminal_of(self))
    }

    /// Returns this context with the unfinished line and the signals of another one at the same terminal.
    fn at_terminal_of(mut self, other: &Self) -> Self {
        self.terminal.typing = other.terminal.typing.clone();
        self.terminal.is_lent = Arc::clone(&other.terminal.is_lent);
        self
    }

    /// Returns a context for a command that the guide runs, with the same identity.
    #[must_use]
    pub fn with_line(&self, arguments: Vec<String>, global: Global) -> Self {
        let world = World { arguments, ..self.world.clone() };
        let (settings, printer) = (self.settings.clone(), Printer { json: global.json, ..self.printer.clone() });
        let again = Self { identity: self.identity.clone(), ..Self::before_sign_in(world, global, settings, printer) };
        again.at_terminal_of(self)
    }

    /// Returns a context for the database that was signed in to. `--store` is left out if saved settings already name
    /// this database.
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
        let there =
            Self { identity: OnceLock::from(identity), ..Self::before_sign_in(world, global, settings, printer) };
        Ok(there.at_terminal_of(self))
    }

    /// Returns true if questions may be asked.
    pub fn may_ask(&self) -> bool {
        self.terminal.may_ask
    }

    /// Returns the creator's name: as verified by the database, else as configured. Once the database is open, the name
    /// no longer changes.
    pub fn creator(&self) -> &str {
        self.identity.get().map_or(&self.settings.creator, |i| &i.creator)
    }

    /// Returns every secret, so that logs can omit them.
    pub fn secrets(&self) -> Vec<SecretString> {
        let asked = self.identity.get().map(|i| i.uri.secrets()).unwrap_or_default();
        self.settings.secrets().into_iter().chain(asked).collect()
    }
}

/// Creates the printer for these options and this environment.
pub(super) fn create_printer(world: &World, global: &Global) -> Printer {
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
        page: Page::default(),
    }
}
