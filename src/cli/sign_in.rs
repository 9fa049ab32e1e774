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
    let mut asking = Asking { context, uri: Some(uri.clone()), login_only: true, asked: false };
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

/// Asks for values until the server accepts the login.
pub struct Asking<'a> {
    pub context: &'a Context,
    /// The address as known so far.
    pub uri: Option<MongoUri>,
    /// True if the command may not change the address.
    pub login_only: bool,
    /// True once the person was asked a question.
    pub asked: bool,
}

impl Asking<'_> {
    pub async fn until_let_in(&mut self) -> Result<(MongoUri, SignedIn), CliError> {
        loop {
            let Some(uri) = self.uri.clone() else {
                self.uri = Some(self.other_address(None).await?);
                continue;
            };
            if uri.lacks_password() {
                let password = self.ask_password(&uri).await?;
                self.uri = Some(self.with_answer(uri, password).await?);
                continue;
            }
            match SignedIn::open(&uri).await {
                Ok(signed_in) if uri.database.is_some() => return Ok((uri, signed_in)),
                Ok(signed_in) => self.uri = Some(self.choose_database(&uri, &signed_in).await?),
                Err(error) => self.uri = Some(self.ask_again(uri, error).await?),
            }
        }
    }

    /// Asks again, but only for the wrong value.
    async fn ask_again(&mut self, uri: MongoUri, error: StoreError) -> Result<MongoUri, CliError> {
        let StoreError::SignIn { failure, .. } = &error else { return Err(error.into()) };
        let failure = *failure;
        if !self.context.may_ask() || (self.login_only && !failure.is_of_login()) {
            return Err(error.into());
        }
        // Whoever signs in and has named no user has made no mistake: the next question is the user.
        let is_next = !self.login_only && failure == SignInFailure::NeedsUser && uri.user.is_none();
        if !is_next {
            self.report_error(&error.into());
        }
        match (failure, uri.user.clone()) {
            (SignInFailure::Authentication | SignInFailure::NeedsUser, Some(_)) => {
                let password = self.ask_password(&uri).await?;
                self.with_answer(uri, password).await
            }
            (SignInFailure::Authentication | SignInFailure::NeedsUser, None) => self.other_user(uri).await,
            (SignInFailure::Rights, _) => self.ask_database(&uri).await,
            (
                SignInFailure::Address
                | SignInFailure::Name
                | SignInFailure::Refused
                | SignInFailure::Tls
                | SignInFailure::Timeout
                | SignInFailure::Protocol
                | SignInFailure::Other,
                _,
            ) => self.other_address(Some(&uri)).await,
        }
    }

    /// Adds the typed password. If the password is empty, asks for another user.
    async fn with_answer(&mut self, uri: MongoUri, password: SecretString) -> Result<MongoUri, CliError> {
        match uri.user.clone() {
            Some(user) if !password.expose_secret().is_empty() => Ok(uri.with_login(&user, Some(password))?),
            _ => self.other_user(uri).await,
        }
    }

    async fn other_user(&mut self, uri: MongoUri) -> Result<MongoUri, CliError> {
        let known = uri.user.clone().or_else(|| self.context.settings.given.user.clone());
        let user = self.ask_user(known).await?;
        // The loop asks for the password next.
        Ok(uri.with_login(&user, None)?)
    }

    /// Prints an error. After a failed login no remedy is printed, since the next question is the remedy.
    pub fn report_error(&self, error: &CliError) {
        let hint = error.hint.as_deref().filter(|_| error.code != "store-authentication");
        self.context.printer.error(&error.message, &error.causes, hint);
    }

    /// Asks for another address, and keeps the login and the database.
    pub async fn other_address(&mut self, old: Option<&MongoUri>) -> Result<MongoUri, CliError> {
        loop {
            let address = self.ask_address(old.map(MongoUri::to_string)).await?;
            if let Some(old) = old.filter(|o| o.to_string() == address) {
                return Ok(old.clone());
            }
            let given = &self.context.settings.given;
            let parts = match old {
                Some(old) => {
                    Parts { user: old.user.clone(), password: old.password().cloned(), database: old.database.clone() }
                }
                None => Parts { user: given.user.clone(), password: None, database: given.database.clone() },
            };
            match MongoUri::from_parts(&address, parts) {
                Ok(uri) => return Ok(uri),
                Err(error) => self.report_error(&error.into()),
            }
        }
    }

    pub async fn ask_address(&mut self, old: Option<String>) -> Result<String, CliError> {
        self.asked = true;
        let old = old.unwrap_or_default();
        require_answer(prompt::ask_line(&self.context.terminal, "address of the MongoDB", &old, HOW_ADDRESS).await?)
    }

    async fn ask_user(&mut self, known: Option<String>) -> Result<String, CliError> {
        self.asked = true;
        require_answer(prompt::ask_line(&self.context.terminal, "user", &known.unwrap_or_default(), HOW_USER).await?)
    }

    async fn ask_password(&mut self, uri: &MongoUri) -> Result<SecretString, CliError> {
        self.asked = true;
        let question = format!("password for {uri} (nothing: another user)");
        require_answer(prompt::ask_password(&self.context.terminal, &question, HOW_PASSWORD).await?)
    }

    async fn ask_database(&mut self, uri: &MongoUri) -> Result<MongoUri, CliError> {
        self.asked = true;
        loop {
            let name =
                require_answer(prompt::ask_line(&self.context.terminal, "database", "convoke", HOW_DATABASE).await?)?;
            match uri.clone().with_database(&name) {
                Ok(uri) => return Ok(uri),
                Err(error) => self.context.printer.error(&error.to_string(), &[], None),
            }
        }
    }

    /// Asks for a database from the server's list, or a new one, which the server creates with the first document.
    async fn choose_database(&mut self, uri: &MongoUri, signed_in: &SignedIn) -> Result<MongoUri, CliError> {
        if !self.context.may_ask() {
            let message = format!("{uri} names no database");
            return Err(CliError::new(Exit::Usage, "needs-answer", message).hint(HOW_DATABASE));
        }
        let mut names = signed_in.list_databases().await?;
        if names.is_empty() {
            return self.ask_database(uri).await;
        }
        names.push("another, or a new one".to_owned());
        self.asked = true;
        let chosen = prompt::ask_one_of(&self.context.terminal, "database", &names, 0, HOW_DATABASE).await?;
        match chosen {
            Some(place) if place + 1 < names.len() => Ok(uri.clone().with_database(&names[place])?),
            Some(_) => self.ask_database(uri).await,
            None => Err(CliError::new(Exit::Usage, "needs-answer", "no database was chosen").hint(HOW_DATABASE)),
        }
    }
}

/// Returns the answer. If the person pressed Esc, returns the error that ends the command without a change.
fn require_answer<T>(answer: Option<T>) -> Result<T, CliError> {
    answer.ok_or_else(|| CliError::new(Exit::Usage, "declined", "left; nothing was changed"))
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
