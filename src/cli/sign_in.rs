//! Signing in to MongoDB, for every command. On a terminal it asks only for missing or wrong values, and keeps the
//! others.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::identity::Identity;
use crate::cli::settings::dotenv;
use crate::cli::settings::{Origin, Settings};
use crate::cli::terminal::prompt;
use crate::store::mongodb::Mongo;
use crate::store::mongodb::connect::SignedIn;
use crate::store::sqlite::OpenMode;
use crate::store::{MongoUri, Parts, SignInFailure, Store, StoreError, StoreUri};
use secrecy::{ExposeSecret, SecretString};
use std::io::Read;
use std::sync::Arc;

const HOW_ADDRESS: &str = "name the server by --url or DB_CLUSTER_URL";
pub const HOW_USER: &str = "name the user by --user or DB_USER";
const HOW_PASSWORD: &str = "give the password by DB_PASSWORD, or by `convoke login --password-stdin`";
const HOW_DATABASE: &str = "name the database by DB_NAME, by `convoke login --database`, or in the address";

/// Opens the database on a server for any command. On a terminal it asks for a missing password or database. After a
/// refused login it asks again.
pub async fn open_server(context: &Context, uri: &MongoUri, mode: OpenMode) -> Result<Arc<dyn Store>, CliError> {
    let uri = match context.identity.get() {
        Some(identity) => &identity.uri,
        // Address that is complete: convoke prompts for no password or database. Its user is known or not needed, so
        // convoke does not query the server.
        None if !uri.lacks_password() && uri.database.is_some() && uri.signs_in() == uri.user.is_some() => uri,
        None => &sign_in(context, uri).await?.uri,
    };
    let opened = match Mongo::open(uri, mode).await {
        Err(error) if is_of_login(&error) && context.may_ask() && context.identity.get().is_none() => {
            Mongo::open(&sign_in(context, uri).await?.uri, mode).await?
        }
        opened => opened?,
    };
    Ok(Arc::new(opened))
}

fn is_of_login(error: &StoreError) -> bool {
    matches!(error, StoreError::SignIn { failure, .. } if failure.is_of_login())
}

/// Signs in. A command signs in at most once.
pub async fn sign_in<'a>(context: &'a Context, uri: &MongoUri) -> Result<&'a Identity, CliError> {
    if let Some(identity) = context.identity.get() {
        return Ok(identity);
    }
    let mut asking = Asking::of_command(context, uri);
    let (uri, signed_in) = asking.until_let_in().await?;
    if asking.asked {
        offer(context, &uri, None).await?;
    }
    let creator = creator(context, &uri, &signed_in).await?;
    Ok(context.identity.get_or_init(|| Identity { uri, creator }))
}

/// Returns the user that the server verified, or the configured name if no user signed in.
pub async fn creator(context: &Context, uri: &MongoUri, signed_in: &SignedIn) -> Result<String, CliError> {
    if !uri.signs_in() {
        return Ok(if context.settings.signs_in {
            context.world.user.clone()
        } else {
            context.settings.creator.clone()
        });
    }
    let user = signed_in.current_user().await?.or_else(|| uri.user.clone());
    Ok(user.unwrap_or_else(|| context.settings.creator.clone()))
}

/// Warning about a connection that others can read.
pub const PLAIN: &str = "without TLS, and not on this machine: add ?tls=true to the address if the server can";

/// Offers to save the working values. Returns true if they were saved. `save` is the flag of `login`.
pub async fn offer(context: &Context, uri: &MongoUri, save: Option<bool>) -> Result<bool, CliError> {
    let values = match (save, context.settings.store.name) {
        (Some(_), _) | (None, "DB_CLUSTER_URL") => to_save(uri),
        // An address from another source stays there, so only the database is saved.
        _ => to_save(uri).into_iter().filter(|(name, _)| *name == "DB_NAME" && !context.names_database()).collect(),
    };
    if values.is_empty() {
        return Ok(false);
    }
    if save != Some(true) {
        let is_kept = is_saved(context, uri) && save.is_some();
        if is_kept || !context.may_ask() {
            return Ok(false);
        }
        if !prompt::confirm(&context.terminal, "save this to .env, so that the next command need not ask?", "--save")
            .await?
        {
            return Ok(false);
        }
    }
    dotenv::save_variables(&context.world.folder, &values)?;
    context.printer.chat("saved to .env, which only you can read");
    match Settings::resolve(&context.world, context.global.store.as_deref().filter(|_| save.is_none())) {
        Ok(next) if next.store.uri != StoreUri::Mongo(uri.clone()) => {
            let (name, origin) = (next.store.name, next.store.origin.word());
            context.printer.warn(&format!("the next command uses {} all the same: {name} ({origin})", next.store.uri));
        }
        _ => {}
    }
    Ok(true)
}

impl Context {
    /// Returns true if the settings name a database on the server.
    fn names_database(&self) -> bool {
        matches!(&self.settings.store.uri, StoreUri::Mongo(uri) if uri.database.is_some())
    }
}

/// Returns true if the next command signs in to the same database even if nothing is saved now.
fn is_saved(context: &Context, uri: &MongoUri) -> bool {
    context.settings.store.origin != Origin::Flag && context.settings.store.uri == StoreUri::Mongo(uri.clone())
}

fn to_save(uri: &MongoUri) -> Vec<(&'static str, String)> {
    let password = uri.password().map(|p| p.expose_secret().to_owned());
    let mut values = vec![("DB_CLUSTER_URL", uri.env_address())];
    values.extend(uri.user.clone().map(|user| ("DB_USER", user)));
    // An empty value replaces a password that was saved earlier.
    values.push(("DB_PASSWORD", password.unwrap_or_default()));
    values.extend(uri.database.clone().map(|database| ("DB_NAME", database)));
    values
}

/// A question of a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    Address,
    User,
    Password,
    Database,
}

/// Asks for values until the server accepts the login. Esc goes back one question, and keeps what was answered.
pub struct Asking<'a> {
    context: &'a Context,
    /// The address as known so far.
    uri: Option<MongoUri>,
    /// Text of an address that could not be read.
    wrong_address: String,
    /// User, password and database for an address that is typed.
    parts: Parts,
    /// User that a flag names.
    flag_user: Option<String>,
    /// True if the command may not change the address.
    login_only: bool,
    /// Question to ask next, before another attempt.
    next: Option<Question>,
    /// Answered questions, the last one last.
    trail: Vec<Question>,
    /// True once the person was asked a question.
    asked: bool,
}

impl<'a> Asking<'a> {
    /// Begins with the address of the settings, which the command may not change.
    fn of_command(context: &'a Context, uri: &MongoUri) -> Self {
        Self { uri: Some(uri.clone()), login_only: true, ..Self::of_login(context, Parts::default(), None) }
    }

    /// Begins without an address. `parts` complete the typed one; `user` is the user that a flag names.
    pub fn of_login(context: &'a Context, parts: Parts, user: Option<String>) -> Self {
        Self {
            context,
            uri: None,
            wrong_address: String::new(),
            parts,
            flag_user: user,
            login_only: false,
            next: None,
            trail: Vec::new(),
            asked: false,
        }
    }

    /// Begins with this address.
    pub fn start_with(&mut self, uri: MongoUri) {
        self.uri = Some(uri);
    }

    /// Reports that an address cannot be read, and begins with the question for it.
    pub fn correct_address(&mut self, address: &str, error: &CliError) {
        self.report_error(error);
        self.wrong_address = crate::store::without_password(address);
    }

    pub async fn until_let_in(&mut self) -> Result<(MongoUri, SignedIn), CliError> {
        loop {
            if let Some(question) = self.find_question() {
                self.ask_question(question, None).await?;
                continue;
            }
            let Some(uri) = self.uri.clone() else { continue };
            match SignedIn::open(&uri).await {
                Ok(signed_in) if uri.database.is_some() => return Ok((uri, signed_in)),
                Ok(signed_in) => self.ask_question(Question::Database, Some(&signed_in)).await?,
                Err(error) => self.next = Some(self.question_after(&uri, error)?),
            }
        }
    }

    /// Returns the question to ask before an attempt.
    fn find_question(&self) -> Option<Question> {
        match &self.uri {
            _ if self.next.is_some() => self.next,
            None => Some(Question::Address),
            Some(uri) => uri.lacks_password().then_some(Question::Password),
        }
    }

    /// Asks a question. Esc leads to the question before it, or ends the command at the first.
    async fn ask_question(&mut self, question: Question, signed_in: Option<&SignedIn>) -> Result<(), CliError> {
        (self.next, self.asked) = (None, true);
        let answer = match question {
            Question::Address => self.ask_address().await?,
            Question::User => self.ask_user().await?,
            Question::Password => self.ask_password().await?,
            Question::Database => self.ask_database(signed_in).await?,
        };
        let Some(uri) = answer else {
            self.trail.retain(|before| *before != question);
            self.next = Some(self.trail.pop().ok_or_else(declined_error)?);
            return Ok(());
        };
        self.uri = Some(uri);
        self.trail.retain(|before| *before != question);
        self.trail.push(question);
        Ok(())
    }

    /// Returns the question for the wrong value.
    fn question_after(&self, uri: &MongoUri, error: StoreError) -> Result<Question, CliError> {
        let StoreError::SignIn { failure, .. } = &error else { return Err(error.into()) };
        let failure = *failure;
        if !self.context.may_ask() || (self.login_only && !failure.is_of_login()) {
            return Err(error.into());
        }
        // A sign-in without a user is no mistake: the next question is the user.
        let is_next = !self.login_only && failure == SignInFailure::NeedsUser && uri.user.is_none();
        if !is_next {
            self.report_error(&error.into());
        }
        Ok(match (failure, &uri.user) {
            (SignInFailure::Authentication | SignInFailure::NeedsUser, Some(_)) => Question::Password,
            (SignInFailure::Authentication | SignInFailure::NeedsUser, None) => Question::User,
            (SignInFailure::Rights, _) => Question::Database,
            (
                SignInFailure::Address
                | SignInFailure::Name
                | SignInFailure::Refused
                | SignInFailure::Tls
                | SignInFailure::Timeout
                | SignInFailure::Protocol
                | SignInFailure::Other,
                _,
            ) => Question::Address,
        })
    }

    /// Prints an error. After a failed login no remedy is printed, since the next question is the remedy.
    fn report_error(&self, error: &CliError) {
        let hint = error.hint.as_deref().filter(|_| error.code != "store-authentication");
        self.context.printer.error(&error.message, &error.causes, hint);
    }

    /// Asks for the address. Another one keeps the login and the database.
    async fn ask_address(&mut self) -> Result<Option<MongoUri>, CliError> {
        let mut text = self.uri.as_ref().map_or_else(|| self.wrong_address.clone(), MongoUri::to_string);
        loop {
            let asked = prompt::ask_line(&self.context.terminal, "address of the MongoDB", &text, HOW_ADDRESS).await?;
            let Some(address) = asked else { return Ok(None) };
            match self.read_address(&address) {
                Ok(uri) => return Ok(Some(uri)),
                Err(error) => self.report_error(&error),
            }
            text = address;
        }
    }

    fn read_address(&self, address: &str) -> Result<MongoUri, CliError> {
        match &self.uri {
            Some(old) if old.to_string() == address => Ok(old.clone()),
            Some(old) => {
                let password = old.password().cloned();
                let parts = Parts { user: old.user.clone(), password, database: old.database.clone() };
                Ok(MongoUri::from_parts(address, parts)?)
            }
            None => {
                let uri = MongoUri::from_parts(address, self.parts.clone())?;
                let Some(user) = &self.flag_user else { return Ok(uri) };
                Ok(uri.with_login(user, self.parts.password.clone())?)
            }
        }
    }

    /// Asks for the user; nobody is valid, too.
    async fn ask_user(&mut self) -> Result<Option<MongoUri>, CliError> {
        let Some(uri) = self.uri.clone() else { return Ok(None) };
        let known = uri.user.clone().or_else(|| self.context.settings.given.user.clone()).unwrap_or_default();
        let asked = prompt::ask_line(&self.context.terminal, "user (may be empty)", &known, HOW_USER).await?;
        let Some(user) = asked else { return Ok(None) };
        if user.is_empty() {
            let parts = Parts { user: None, password: None, database: uri.database.clone() };
            return Ok(Some(MongoUri::from_parts(&uri.env_address(), parts)?));
        }
        // The same user keeps the password.
        let password = uri.password().cloned().filter(|_| uri.user.as_deref() == Some(&user));
        Ok(Some(uri.with_login(&user, password)?))
    }

    /// Asks for the password. An empty one leads to the question for another user.
    async fn ask_password(&mut self) -> Result<Option<MongoUri>, CliError> {
        let Some(uri) = self.uri.clone() else { return Ok(None) };
        let question = format!("password for {uri} (nothing: another user)");
        let asked = prompt::ask_password(&self.context.terminal, &question, HOW_PASSWORD).await?;
        let Some(password) = asked else { return Ok(None) };
        match uri.user.clone() {
            Some(user) if !password.expose_secret().is_empty() => Ok(Some(uri.with_login(&user, Some(password))?)),
            _ => {
                self.next = Some(Question::User);
                Ok(Some(uri))
            }
        }
    }

    /// Asks for a database: from the server's list, or another one, which the server creates with its first document.
    async fn ask_database(&mut self, signed_in: Option<&SignedIn>) -> Result<Option<MongoUri>, CliError> {
        let Some(uri) = self.uri.clone() else { return Ok(None) };
        let Some(signed_in) = signed_in else { return self.type_database(&uri).await };
        if !self.context.may_ask() {
            let message = format!("{uri} names no database");
            return Err(CliError::new(Exit::Usage, "needs-answer", message).hint(HOW_DATABASE));
        }
        let mut names = signed_in.list_databases().await?;
        if names.is_empty() {
            return self.type_database(&uri).await;
        }
        names.push("another, or a new one".to_owned());
        loop {
            let chosen = prompt::ask_one_of(&self.context.terminal, "database", &names, 0, HOW_DATABASE).await?;
            match chosen {
                None => return Ok(None),
                Some(place) if place + 1 < names.len() => return Ok(Some(uri.with_database(&names[place])?)),
                Some(_) => {
                    if let Some(uri) = self.type_database(&uri).await? {
                        return Ok(Some(uri));
                    }
                }
            }
        }
    }

    async fn type_database(&self, uri: &MongoUri) -> Result<Option<MongoUri>, CliError> {
        let mut name = uri.database.clone().unwrap_or_else(|| "convoke".to_owned());
        loop {
            let asked = prompt::ask_line(&self.context.terminal, "database", &name, HOW_DATABASE).await?;
            let Some(typed) = asked else { return Ok(None) };
            match uri.clone().with_database(&typed) {
                Ok(uri) => return Ok(Some(uri)),
                Err(error) => self.context.printer.error(&error.to_string(), &[], None),
            }
            name = typed;
        }
    }
}

/// The error that ends a command whose first question was left, without a change.
fn declined_error() -> CliError {
    CliError::new(Exit::Usage, "declined", "left; nothing was changed")
}

/// Reads a password from the first line of standard input.
pub fn from_stdin() -> Result<SecretString, CliError> {
    let mut text = String::new();
    // A password is short, so reading stops at a limit.
    std::io::stdin().take(64 * 1024).read_to_string(&mut text).map_err(|e| {
        CliError::usage("cannot read the password from standard input").cause(e).hint("it is one line of UTF-8")
    })?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(
            CliError::usage("standard input holds no password").hint("printf %s \"$PASSWORD\" | convoke login …")
        );
    }
    Ok(SecretString::from(line))
}
