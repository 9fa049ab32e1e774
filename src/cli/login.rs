//! `convoke login`, and signing in for every other command: what is missing or wrong is asked for on a terminal, and
//! only that; what was right is kept.

use super::args;
use super::context::Context;
use super::dotenv;
use super::error::{CliError, Exit};
use super::prompt;
use super::settings::{Origin, SAFER, Settings};
use crate::store::mongodb::Mongo;
use crate::store::mongodb::connect::SignedIn;
use crate::store::sqlite::OpenMode;
use crate::store::{MongoUri, Parts, SignInFailure, Store, StoreError, StoreUri};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::io::Read;
use std::sync::Arc;

/// Who signed in where.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The server, the database and the login, all of which worked.
    pub uri: MongoUri,
    /// Who acts: whom the server let in, else an unverified name.
    pub creator: String,
}

const HOW_ADDRESS: &str = "name the server by --url or DB_CLUSTER_URL";
const HOW_USER: &str = "name the user by --user or DB_USER";
const HOW_PASSWORD: &str = "give the password by DB_PASSWORD, or by `convoke login --password-stdin`";
const HOW_DATABASE: &str = "name the database by DB_NAME, by `convoke login --database`, or in the address";

/// Opens the database on a server for any command. On a terminal a password or a database that is missing, or a login
/// that is refused, is asked for.
pub async fn open(context: &Context, uri: &MongoUri, mode: OpenMode) -> Result<Arc<dyn Store>, CliError> {
    let uri = match context.identity.get() {
        Some(identity) => &identity.uri,
        // Tried at once where nothing is missing and the server need not be asked who that is.
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

/// Signs in, once for all that a command does.
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

/// Whom the server let in; who did not sign in has the name that the surroundings say.
async fn creator(context: &Context, uri: &MongoUri, signed_in: &SignedIn) -> Result<String, CliError> {
    if !uri.signs_in() {
        return Ok(if context.settings.signs_in {
            context.world.user.clone()
        } else {
            context.settings.creator.clone()
        });
    }
    let user = signed_in.user().await?.or_else(|| uri.user.clone());
    Ok(user.unwrap_or_else(|| context.settings.creator.clone()))
}

/// `convoke login`.
pub async fn run(context: &Context, args: &args::Login) -> Result<Exit, CliError> {
    let mut asking = Asking { context, uri: None, login_only: false, asked: false };
    asking.uri = asking.given(args).await?;
    let (uri, signed_in) = asking.until_let_in().await?;
    let creator = creator(context, &uri, &signed_in).await?;
    let version = signed_in.version().await?;
    if uri.password().is_some() && !signed_in.tls && !uri.is_loopback() {
        context.printer.warn(PLAIN);
    }
    let user = uri.user.as_deref().filter(|_| uri.signs_in()).map(|_| creator.as_str());
    let database = uri.database.clone().unwrap_or_default();
    if !context.printer.json {
        let user =
            user.map_or_else(|| format!("without a user: you are {creator} (unverified)"), |u| format!("as {u}"));
        let tls = if signed_in.tls { "TLS" } else { "no TLS" };
        context.printer.out(&format!("signed in to {uri} {user}; version {version}; {tls}"))?;
    }
    // The guide goes on there, whatever becomes of the rest.
    let _ = context.identity.set(Identity { uri: uri.clone(), creator: creator.clone() });
    let saved = offer(context, &uri, Some(args.save)).await?;
    if context.printer.json {
        context.printer.json_ok(&json!({
            "address": uri.to_string(), "user": user, "creator": creator, "database": database,
            "version": version, "tls": signed_in.tls, "saved": saved,
        }))?;
    }
    Ok(Exit::Done)
}

/// A password that others on the way can learn something of.
pub const PLAIN: &str = "without TLS, and not on this machine: add ?tls=true to the address if the server can";

/// Offers to keep what worked; `save` is the flag of `login`. Whether it was kept.
async fn offer(context: &Context, uri: &MongoUri, save: Option<bool>) -> Result<bool, CliError> {
    let values = match (save, context.settings.store.name) {
        (Some(_), _) | (None, "DB_CLUSTER_URL") => to_save(uri),
        // An address that was named otherwise stays where it was named; the database is remembered.
        _ => to_save(uri).into_iter().filter(|(name, _)| *name == "DB_NAME" && !context.names_database()).collect(),
    };
    if values.is_empty() {
        return Ok(false);
    }
    if save != Some(true) {
        let is_kept = kept(context, uri) && save.is_some();
        if is_kept || !context.may_ask() {
            return Ok(false);
        }
        if !prompt::confirm(context, "save this to .env, so that the next command need not ask?", "--save").await? {
            return Ok(false);
        }
    }
    dotenv::save(&context.world.folder, &values)?;
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
    /// Whether the settings name a database on the server.
    fn names_database(&self) -> bool {
        matches!(&self.settings.store.uri, StoreUri::Mongo(uri) if uri.database.is_some())
    }
}

/// Whether the next command signs in the same way without anything being saved.
fn kept(context: &Context, uri: &MongoUri) -> bool {
    context.settings.store.origin != Origin::Flag && context.settings.store.uri == StoreUri::Mongo(uri.clone())
}

fn to_save(uri: &MongoUri) -> Vec<(&'static str, String)> {
    let password = uri.password().map(|p| p.expose_secret().to_owned());
    let mut values = vec![("DB_CLUSTER_URL", uri.address())];
    values.extend(uri.user.clone().map(|user| ("DB_USER", user)));
    // Without one, an older one must not be used again.
    values.push(("DB_PASSWORD", password.unwrap_or_default()));
    values.extend(uri.database.clone().map(|database| ("DB_NAME", database)));
    values
}

/// Asks until somebody is let in.
struct Asking<'a> {
    context: &'a Context,
    uri: Option<MongoUri>,
    /// Whether another address is none of this command's business.
    login_only: bool,
    /// Whether anything was asked.
    asked: bool,
}

impl Asking<'_> {
    /// What flags and variables say; flags win.
    async fn given(&mut self, args: &args::Login) -> Result<Option<MongoUri>, CliError> {
        let given = &self.context.settings.given;
        let (address, name) = match (&args.url, &given.address) {
            (Some(url), _) => (url.clone(), "--url"),
            (None, Some((address, _, name))) => (address.clone(), *name),
            (None, None) => (self.ask_address(None).await?, ""),
        };
        let password = match (args.password_stdin, name) {
            (true, _) => Some(from_stdin()?),
            // Whoever types an address means it to have the password.
            (false, "--url" | "") => given.any_password.clone(),
            (false, _) => given.password.clone(),
        };
        let parts =
            Parts { user: args.user.clone().or(given.user.clone()), password, database: given.database.clone() };
        let mut uri = match MongoUri::of(&address, parts.clone()) {
            Err(error) if self.context.may_ask() => {
                self.tell(&error.into());
                self.other_address(None).await?
            }
            uri => uri?,
        };
        let has_password = |uri: MongoUri| uri.password().is_some();
        if name == "--url" && MongoUri::of(&address, Parts::default()).is_ok_and(has_password) {
            self.context.printer.warn(&format!("others on this machine can read the password in {name}: {SAFER}"));
        }
        if args.user.is_some() || args.password_stdin {
            let user = args.user.clone().or(uri.user.clone());
            let user = user.ok_or_else(|| CliError::usage("a password of nobody").hint(HOW_USER))?;
            let own = uri.password().cloned().filter(|_| !args.password_stdin && uri.user.as_ref() == Some(&user));
            uri = uri.with_login(&user, own.or(parts.password))?;
        }
        if let Some(database) = &args.database {
            uri = uri.with_database(database)?;
        }
        Ok(Some(uri))
    }

    async fn until_let_in(&mut self) -> Result<(MongoUri, SignedIn), CliError> {
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
                Ok(signed_in) => self.uri = Some(self.choose(&uri, &signed_in).await?),
                Err(error) => self.uri = Some(self.mended(uri, error).await?),
            }
        }
    }

    /// Asks again for what was wrong, and for nothing else.
    async fn mended(&mut self, uri: MongoUri, error: StoreError) -> Result<MongoUri, CliError> {
        let StoreError::SignIn { failure, .. } = &error else { return Err(error.into()) };
        let failure = *failure;
        if !self.context.may_ask() || (self.login_only && !failure.is_of_login()) {
            return Err(error.into());
        }
        self.tell(&error.into());
        match (failure, uri.user.clone()) {
            (SignInFailure::Authentication | SignInFailure::NeedsUser, Some(_)) => {
                let password = self.ask_password(&uri).await?;
                self.with_answer(uri, password).await
            }
            (SignInFailure::Authentication | SignInFailure::NeedsUser, None) => self.other_user(uri).await,
            (SignInFailure::Rights, _) => self.ask_database(&uri).await,
            _ => self.other_address(Some(&uri)).await,
        }
    }

    /// With a password that was asked for; nothing typed means another user.
    async fn with_answer(&mut self, uri: MongoUri, password: SecretString) -> Result<MongoUri, CliError> {
        match uri.user.clone() {
            Some(user) if !password.expose_secret().is_empty() => Ok(uri.with_login(&user, Some(password))?),
            _ => self.other_user(uri).await,
        }
    }

    async fn other_user(&mut self, uri: MongoUri) -> Result<MongoUri, CliError> {
        let known = uri.user.clone().or_else(|| self.context.settings.given.user.clone());
        let user = self.ask_user(known).await?;
        // The password is asked for next.
        Ok(uri.with_login(&user, None)?)
    }

    /// Says what failed. Where the login did, the question that follows is the remedy.
    fn tell(&self, error: &CliError) {
        let hint = error.hint.as_deref().filter(|_| error.code != "store-authentication");
        self.context.printer.error(&error.message, &error.causes, hint);
    }

    /// Another address, with the login and the database that there were.
    async fn other_address(&mut self, old: Option<&MongoUri>) -> Result<MongoUri, CliError> {
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
            match MongoUri::of(&address, parts) {
                Ok(uri) => return Ok(uri),
                Err(error) => self.tell(&error.into()),
            }
        }
    }

    async fn ask_address(&mut self, old: Option<String>) -> Result<String, CliError> {
        self.asked = true;
        let old = old.unwrap_or_default();
        answered(prompt::line(self.context, "address of the MongoDB", &old, HOW_ADDRESS).await?)
    }

    async fn ask_user(&mut self, known: Option<String>) -> Result<String, CliError> {
        self.asked = true;
        answered(prompt::line(self.context, "user", &known.unwrap_or_default(), HOW_USER).await?)
    }

    async fn ask_password(&mut self, uri: &MongoUri) -> Result<SecretString, CliError> {
        self.asked = true;
        let question = format!("password for {uri} (nothing: another user)");
        answered(prompt::password(self.context, &question, HOW_PASSWORD).await?)
    }

    async fn ask_database(&mut self, uri: &MongoUri) -> Result<MongoUri, CliError> {
        self.asked = true;
        loop {
            let name = answered(prompt::line(self.context, "database", "convoke", HOW_DATABASE).await?)?;
            match uri.clone().with_database(&name) {
                Ok(uri) => return Ok(uri),
                Err(error) => self.context.printer.error(&error.to_string(), &[], None),
            }
        }
    }

    /// A database from the list of what is there, or a new one. A server makes it with the first document.
    async fn choose(&mut self, uri: &MongoUri, signed_in: &SignedIn) -> Result<MongoUri, CliError> {
        if !self.context.may_ask() {
            let message = format!("{uri} names no database");
            return Err(CliError::new(Exit::Usage, "needs-answer", message).hint(HOW_DATABASE));
        }
        let mut names = signed_in.databases().await?;
        if names.is_empty() {
            return self.ask_database(uri).await;
        }
        names.push("another, or a new one".to_owned());
        self.asked = true;
        let chosen = prompt::one_of(self.context, "database", &names, 0, HOW_DATABASE).await?;
        match chosen {
            Some(place) if place + 1 < names.len() => Ok(uri.clone().with_database(&names[place])?),
            Some(_) => self.ask_database(uri).await,
            None => Err(CliError::new(Exit::Usage, "needs-answer", "no database was chosen").hint(HOW_DATABASE)),
        }
    }
}

/// What was answered. Esc leaves everything as it was.
fn answered<T>(answer: Option<T>) -> Result<T, CliError> {
    answer.ok_or_else(|| CliError::new(Exit::Usage, "declined", "left; nothing was changed"))
}

/// The first line of standard input.
fn from_stdin() -> Result<SecretString, CliError> {
    let mut text = String::new();
    // A password is short; what never ends is none.
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
