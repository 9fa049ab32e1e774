//! The first menu: the database, and the actions in it.

use super::session::{Guide, HINT};
use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::terminal::printer::{Look, Piece};
use crate::cli::terminal::prompt;
use crate::store::StoreUri;

/// An action of the first menu.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    Create,
    GoOn,
    Select,
    Import,
    Elsewhere,
    Exit,
}

impl Start {
    /// Lists the actions.
    fn list_actions(has_drafts: bool) -> Vec<Self> {
        let all = [Self::Create, Self::GoOn, Self::Select, Self::Import, Self::Elsewhere, Self::Exit];
        all.into_iter().filter(|action| has_drafts || *action != Self::GoOn).collect()
    }

    fn describe_action(self, drafts: Option<&str>) -> String {
        let words = match self {
            Self::Create => "create an experiment",
            Self::GoOn => drafts.unwrap_or_default(),
            Self::Select => "select an experiment",
            Self::Import => "import an experiment from a folder",
            Self::Elsewhere => "sign in elsewhere, or open another file",
            Self::Exit => "exit",
        };
        words.to_owned()
    }
}

impl Guide {
    /// Shows the first menu until the person leaves.
    pub(super) async fn first_menu(&mut self) -> Result<Exit, CliError> {
        self.print_database();
        let mut next = Start::Create;
        loop {
            let drafts = self.describe_drafts();
            let actions = Start::list_actions(drafts.is_some());
            let items: Vec<String> = actions.iter().map(|action| action.describe_action(drafts.as_deref())).collect();
            let at = actions.iter().position(|action| *action == next).unwrap_or_default();
            let chosen = prompt::ask_one_of(&self.context.terminal, "what next?", &items, at, HINT).await?;
            let Some(action) = chosen.map(|place| actions[place]) else { return Ok(Exit::Done) };
            next = action;
            match action {
                Start::Create if self.create_experiment().await? => next = Start::Select,
                Start::GoOn if self.continue_draft().await? => next = Start::Select,
                Start::Select => Box::pin(self.select_experiment()).await?,
                Start::Import if self.import_folder().await? => next = Start::Create,
                Start::Elsewhere if self.change_database().await? => {
                    self.print_database();
                    next = Start::Create;
                }
                Start::Create | Start::GoOn | Start::Import | Start::Elsewhere => {}
                Start::Exit => return Ok(Exit::Done),
            }
        }
    }

    /// Prints the database and the origin of its address.
    fn print_database(&self) {
        let Context { settings, world, printer, .. } = &self.context;
        let place = match &settings.store.uri {
            StoreUri::Sqlite { path, .. } => {
                let path = world.folder.join(path);
                path.strip_prefix(&world.folder).unwrap_or(&path).display().to_string()
            }
            StoreUri::Mongo(uri) => uri.to_string(),
        };
        let origin = settings.store.origin.word();
        printer.say_pieces(&[Piece("convoke", Look::Bold), Piece(&format!(" · {place} ({origin})"), Look::Plain)]);
    }

    /// Imports an experiment from a folder; true if it was stored.
    async fn import_folder(&mut self) -> Result<bool, CliError> {
        self.say_dim(
            "A folder with experiment.toml becomes a stored experiment; nothing is run. Tab completes a path.",
        );
        let mut folder = String::new();
        while let Some(typed) = self.ask_path("folder of the experiment", &folder).await? {
            if self.run_words(&["import", &self.expand_home(&typed)]).await? == Exit::Done {
                return Ok(true);
            }
            folder = typed;
        }
        Ok(false)
    }

    /// Asks for a line; `None` on Esc or for an empty line.
    pub(super) async fn ask_filled_line(&self, question: &str, text: &str) -> Result<Option<String>, CliError> {
        Ok(prompt::ask_line(&self.context.terminal, question, text, HINT).await?.filter(|line| !line.is_empty()))
    }

    /// Changes to another database; true if that succeeded.
    async fn change_database(&mut self) -> Result<bool, CliError> {
        let items = ["a MongoDB: sign in", "a file", "back"].map(str::to_owned);
        let mut at = 0;
        loop {
            let chosen = prompt::ask_one_of(&self.context.terminal, "where?", &items, at, HINT).await?;
            let goes_on = match chosen {
                Some(0) => self.sign_in().await?,
                Some(1) => self.open_file().await?,
                _ => return Ok(false),
            };
            if goes_on {
                return Ok(true);
            }
            at = chosen.unwrap_or(0);
        }
    }

    async fn sign_in(&mut self) -> Result<bool, CliError> {
        let given = &self.context.settings.given;
        let now = match &self.context.settings.store.uri {
            StoreUri::Mongo(uri) => Some(uri),
            StoreUri::Sqlite { .. } => None,
        };
        let address = now.map(crate::store::MongoUri::env_address);
        let address = address.or_else(|| given.address.as_ref().map(|a| crate::store::without_password(&a.0)));
        let user = now.and_then(|uri| uri.user.clone()).or_else(|| given.user.clone()).unwrap_or_default();
        let database = given.database.clone().unwrap_or_default();
        let mut answers = [address.unwrap_or_default(), user, database];
        let mut at = 0;
        loop {
            if !self.ask_login(&mut answers, at).await? {
                return Ok(false);
            }
            let [address, user, database] = &answers;
            let mut words = vec!["login".to_owned(), format!("--url={address}")];
            words.extend((!user.is_empty()).then(|| format!("--user={user}")));
            words.extend((!database.is_empty()).then(|| format!("--database={database}")));
            match self.try_words(&words).await? {
                Ok(exit) => return Ok(exit == Exit::Done),
                Err(error) if error.code != "declined" => self.report_error(&error),
                // Esc at the first question of the command.
                Err(_) => {}
            }
            at = answers.len() - 1;
        }
    }

    /// Asks the questions of a sign-in from `at` on; false if the person goes back from the first.
    async fn ask_login(&self, answers: &mut [String; 3], mut at: usize) -> Result<bool, CliError> {
        let questions = [
            ("address of the MongoDB", "As your provider or colleague gives it: a whole address, or HOST:PORT."),
            ("user (may be empty)", "A password is asked next. Without a user, the server must let anybody in."),
            ("database (empty: chosen from a list)", "Experiments and conversations are kept in this database."),
        ];
        while at < questions.len() {
            let (question, explanation) = questions[at];
            self.say_dim(explanation);
            match prompt::ask_line(&self.context.terminal, question, &answers[at], HINT).await? {
                Some(answer) if at > 0 || !answer.is_empty() => {
                    answers[at] = answer;
                    at += 1;
                }
                Some(_) => self.say("An address is needed; Esc goes back."),
                None if at == 0 => return Ok(false),
                None => at -= 1,
            }
        }
        Ok(true)
    }

    async fn open_file(&mut self) -> Result<bool, CliError> {
        self.say_dim("One file holds a whole database; it is made when something is stored. Tab completes a path.");
        let mut typed = "convoke.db".to_owned();
        loop {
            let Some(path) = self.ask_path("file of the database", &typed).await? else { return Ok(false) };
            let file = self.expand_home(path.strip_prefix("sqlite:").unwrap_or(&path));
            let address = format!("sqlite:{file}");
            match self.wrong_file(&file) {
                Some(why) => self.say(&why),
                None => match self.context.with_store(&address) {
                    Ok(context) => {
                        self.context = context;
                        let store = crate::cli::shell::quoted(&address);
                        self.say(&format!("every command goes there with --store {store}"));
                        return Ok(true);
                    }
                    Err(error) => self.report_error(&error),
                },
            }
            typed = path;
        }
    }

    /// Explains why a path cannot be a file of a database; `None` if it can.
    fn wrong_file(&self, path: &str) -> Option<String> {
        let place = self.context.world.folder.join(path);
        if place.is_dir() {
            return Some(format!("{path} is a folder: name a file in it."));
        }
        let folder = place.parent().filter(|folder| !folder.is_dir())?;
        Some(format!("The folder {} does not exist.", folder.display()))
    }
}
