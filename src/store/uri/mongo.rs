//! The address of a `MongoDB`: a whole URI, or built from parts.

use super::driver;
use super::error::UriError;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};

/// A `MongoDB` address. The password in it is not printable.
#[derive(Clone)]
pub struct MongoUri {
    /// `None` if no scheme was written. Hosts and user then decide the scheme.
    scheme: Option<Scheme>,
    /// Hosts with their ports, as written.
    hosts: String,
    /// The database in the path of a whole URI, as written. The driver looks for the user in this database.
    path: String,
    /// Text after the `?`, as written.
    query: String,
    password: Option<SecretString>,
    /// True if the address names the user, so that a login is required.
    insists: bool,
    /// The database, if the address names one or a person chose it.
    pub database: Option<String>,
    /// The user. convoke signs in only with a password, or with a mechanism that works without a password. Otherwise
    /// the user is only a name.
    pub user: Option<String>,
}

/// Parts that are given separately from the address. If both have a part, the address takes precedence.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// The user.
    pub user: Option<String>,
    /// The password, not escaped.
    pub password: Option<SecretString>,
    /// The database.
    pub database: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Hosts,
    Srv,
}

fn address_error(cause: &str) -> UriError {
    UriError::Mongo { cause: cause.to_owned() }
}

const ESCAPE: &str = "user and password must be percent-escaped (@ is %40, : %3A, / %2F, ? %3F, # %23, % %25), or be \
                      given apart as DB_USER and DB_PASSWORD";

impl PartialEq for MongoUri {
    fn eq(&self, other: &Self) -> bool {
        (self.secret_uri(), &self.database, &self.user) == (other.secret_uri(), &other.database, &other.user)
    }
}

impl Eq for MongoUri {}

impl MongoUri {
    /// Reads a whole URI, or only `HOST[:PORT],…[/DATABASE][?OPTIONS]`. `parts` add the parts that the address lacks.
    /// If no scheme is written, a user and a host name without a port mean `mongodb+srv://`. A port, an IP address or
    /// `localhost` means `mongodb://`.
    pub fn from_parts(address: &str, parts: Parts) -> Result<Self, UriError> {
        let address = printed_address(address);
        let (scheme, rest) = match address.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("mongodb") => (Some(Scheme::Hosts), rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("mongodb+srv") => (Some(Scheme::Srv), rest),
            Some(_) => return Err(address_error("it begins with mongodb:// or mongodb+srv://, or has no scheme")),
            None if address.starts_with("mongodb:") || address.starts_with("mongodb+srv:") => {
                return Err(address_error("`//` is missing after the scheme"));
            }
            None => (None, address),
        };
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let query = plain_options(query);
        if query.contains('@') {
            return Err(address_error(&format!("an @ after the ? is written %40; {ESCAPE}")));
        }
        let (login, place) = before.rsplit_once('@').map_or((None, before), |(login, place)| (Some(login), place));
        let (user, password) = login.map_or(Ok((None, None)), login_of)?;
        let (hosts, path) = place.split_once('/').unwrap_or((place, ""));
        check_hosts(hosts)?;
        let database = Some(percent_decode(path)?).filter(|d| !d.is_empty());
        let mut uri = Self {
            scheme,
            hosts: bracket_ipv6(hosts),
            // Path of a whole URI only. If it is empty, the driver looks for the user in its default database.
            path: if scheme.is_some() { path.to_owned() } else { String::new() },
            query,
            insists: user.is_some(),
            password: None,
            database: None,
            user: user.or(parts.user),
        };
        uri.password = uri.user.as_ref().and(password.or(parts.password));
        if let Some(name) = database.or(parts.database) {
            uri = uri.with_database(&name)?;
        }
        uri.checked_by_driver()
    }

    /// Returns the address with another login. If no scheme was written, the new login decides the scheme.
    pub fn with_login(mut self, user: &str, password: Option<SecretString>) -> Result<Self, UriError> {
        self.user = Some(user.to_owned());
        self.insists = true;
        self.password = password;
        self.checked_by_driver()
    }

    /// Returns the address with another database. The driver looks for users in the same place as before.
    pub fn with_database(mut self, name: &str) -> Result<Self, UriError> {
        let forbidden = |c: char| c.is_control() || "/\\. \"$*<>:|?".contains(c);
        if name.is_empty() || name.len() > 63 || name.chars().any(forbidden) {
            return Err(UriError::Database { name: name.to_owned() });
        }
        self.database = Some(name.to_owned());
        Ok(self)
    }

    /// Lets the driver check the address. Its error may quote the login, which is removed.
    fn checked_by_driver(self) -> Result<Self, UriError> {
        // An address that names a mechanism may get its login later.
        let login = if self.lacks_login() { "user:password@".to_owned() } else { self.login_sent() };
        match driver::check_address(&self.format_uri(&login)) {
            Ok(()) => Ok(self),
            Err(cause) => Err(UriError::Mongo { cause: self.redact_secrets(&cause) }),
        }
    }

    /// Returns the address with its password, for the driver.
    pub(in crate::store) fn secret_uri(&self) -> String {
        self.format_uri(&self.login_sent())
    }

    fn format_uri(&self, login: &str) -> String {
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        format!("{}://{login}{}/{}{query}", self.scheme_text(), self.hosts, self.path)
    }

    fn login_sent(&self) -> String {
        if !self.signs_in() {
            return String::new();
        }
        let Some(user) = &self.user else { return String::new() };
        let password = self.password.as_ref().map(|p| format!(":{}", percent_escape(p.expose_secret())));
        format!("{}{}@", percent_escape(user), password.unwrap_or_default())
    }

    fn scheme_text(&self) -> &'static str {
        if self.is_srv() { "mongodb+srv" } else { "mongodb" }
    }

    /// Returns true if the address has one DNS name, from which the driver looks up the hosts.
    pub fn is_srv(&self) -> bool {
        match self.scheme {
            Some(scheme) => scheme == Scheme::Srv,
            None => self.user.is_some() && is_bare_name(&self.hosts),
        }
    }

    /// Returns true if the driver signs in, with a password or by a mechanism that works without a password.
    pub fn signs_in(&self) -> bool {
        (self.user.is_some() && self.password.is_some()) || self.needs_no_password()
    }

    /// Returns true if the address names a user without a password.
    pub fn lacks_password(&self) -> bool {
        self.insists && !self.signs_in()
    }

    /// Returns true if the address names a mechanism whose login is missing.
    pub fn lacks_login(&self) -> bool {
        self.auth_mechanism().is_some() && !self.signs_in()
    }

    fn auth_mechanism(&self) -> Option<&str> {
        self.query_options().find(|(key, _)| key.eq_ignore_ascii_case("authMechanism")).map(|(_, value)| value)
    }

    fn needs_no_password(&self) -> bool {
        self.auth_mechanism().is_some_and(|m| ["MONGODB-X509", "MONGODB-AWS", "MONGODB-OIDC", "GSSAPI"].contains(&m))
    }

    fn query_options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }

    /// Returns the address without its login, as `DB_CLUSTER_URL` stores it beside `DB_NAME`. Its options may contain
    /// secrets.
    pub fn env_address(&self) -> String {
        let (mut path, mut query) = (self.path.as_str(), self.query.clone());
        if self.database_in_address() != self.database {
            let has_source = self.query_options().any(|(key, _)| key.eq_ignore_ascii_case("authSource"));
            if !path.is_empty() && self.signs_in() && !has_source {
                query = [query.as_str(), &format!("authSource={path}")]
                    .into_iter()
                    .filter(|q| !q.is_empty())
                    .collect::<Vec<_>>()
                    .join("&");
            }
            path = "";
        }
        let query = if query.is_empty() { query } else { format!("?{query}") };
        match self.scheme {
            Some(_) => format!("{}://{}/{path}{query}", self.scheme_text(), self.hosts),
            None => format!("{}{query}", self.hosts),
        }
    }

    /// Returns the address with user and database as a flag takes it, without the password. The driver looks for users
    /// in the same place.
    pub fn for_flag(&self) -> String {
        let has_source = self.query_options().any(|(key, _)| key.eq_ignore_ascii_case("authSource"));
        if !self.signs_in() || has_source || self.database_in_address() == self.database {
            return self.to_string();
        }
        let source = if self.path.is_empty() { "admin" } else { &self.path };
        format!("{self}{}authSource={source}", if self.query.is_empty() { '?' } else { '&' })
    }

    fn database_in_address(&self) -> Option<String> {
        percent_decode(&self.path).ok().filter(|d| !d.is_empty())
    }

    /// Returns the password, to be kept in `.env`.
    pub fn password(&self) -> Option<&SecretString> {
        self.password.as_ref()
    }

    /// Returns true if every host is this machine.
    pub fn is_loopback(&self) -> bool {
        !self.is_srv() && self.hosts.split(',').all(|host| is_loopback(host_of(host)))
    }

    /// Returns the secrets: the password, plain and escaped, and options that are secrets.
    pub fn secrets(&self) -> Vec<SecretString> {
        let password = self.password.iter().map(|p| p.expose_secret().to_owned()).filter(|p| !p.is_empty());
        let mut secrets: Vec<String> = password.flat_map(|p| [percent_escape(&p), p]).collect();
        secrets.extend(self.query_options().filter(|(key, _)| is_secret(key)).map(|(_, v)| v.to_owned()));
        secrets.retain(|s| !s.is_empty());
        secrets.into_iter().map(SecretString::from).collect()
    }

    /// Returns a text without the secrets.
    pub(in crate::store) fn redact_secrets(&self, text: &str) -> String {
        let secrets = self.secrets();
        secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose_secret(), "[redacted]"))
    }
}

impl fmt::Debug for MongoUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MongoUri({self})")
    }
}

impl fmt::Display for MongoUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_ref().filter(|_| self.insists || self.signs_in());
        let user = user.map_or_else(String::new, |u| format!("{}@", percent_escape(u)));
        let database = self.database.as_deref().map(percent_escape).unwrap_or_default();
        write!(f, "{}://{user}{}/{database}", self.scheme_text(), self.hosts)?;
        if self.query.is_empty() { Ok(()) } else { write!(f, "?{}", query_shown(&self.query)) }
    }
}

/// Options of other drivers that only tune them. The driver would refuse the address for them.
const TUNING: [&str; 18] = [
    "autoreconnect",
    "bufferTimeoutMS",
    "compressors",
    "family",
    "keepalive",
    "keepaliveinitialdelay",
    "maxlifetimems",
    "noDelay",
    "poolsize",
    "promoteValues",
    "safe",
    "slaveok",
    "usecreateindex",
    "usefindandmodify",
    "usenewurlparser",
    "useunifiedtopology",
    "waitqueuemultiple",
    "zlibcompressionlevel",
];

/// Returns the address in a text as a vendor prints it: in quotes, or as the argument of its shell.
pub(super) fn printed_address(text: &str) -> &str {
    let text = text.trim();
    let argument = ["mongosh ", "mongo "].iter().find_map(|shell| text.strip_prefix(shell)).map(str::trim);
    let text = argument.unwrap_or(text);
    let quoted = |quote: char| text.strip_prefix(quote)?.split(quote).next();
    let word = || if argument.is_some() { text.split_whitespace().next() } else { None };
    quoted('"').or_else(|| quoted('\'')).or_else(word).unwrap_or(text).trim()
}

/// Removes options that only tune, and escapes the `@` that one vendor writes in the name of the program.
fn plain_options(query: &str) -> String {
    let kept = query.split('&').filter(|pair| {
        let key = pair.split('=').next().unwrap_or_default();
        !TUNING.iter().any(|tuning| tuning.eq_ignore_ascii_case(key))
    });
    let escaped = kept.map(|pair| match pair.split_once('=') {
        Some((key, value)) if key.eq_ignore_ascii_case("appName") => format!("{key}={}", value.replace('@', "%40")),
        _ => pair.to_owned(),
    });
    escaped.collect::<Vec<_>>().join("&")
}

/// Reads user and password. If a provider's placeholder `<username>` or `<password>` was not filled in, it counts as
/// missing.
fn login_of(login: &str) -> Result<(Option<String>, Option<SecretString>), UriError> {
    let (user, password) = login.split_once(':').map_or((login, None), |(u, p)| (u, Some(p)));
    let read = |text: &str| -> Result<Option<String>, UriError> {
        if text.starts_with('<') && text.ends_with('>') {
            return Ok(None);
        }
        if text.contains([':', '/', '?', '#', '[', ']', '@']) {
            return Err(address_error(ESCAPE));
        }
        Ok(Some(percent_decode(text)?).filter(|t| !t.is_empty()))
    };
    let password = password.map(read).transpose()?.flatten();
    Ok((read(user)?, password.map(SecretString::from)))
}

/// Checks hosts and ports. The error repeats no port, since a port that is not a number may be a password without its
/// `@HOST`.
fn check_hosts(hosts: &str) -> Result<(), UriError> {
    if hosts.is_empty() {
        return Err(address_error("it names no host"));
    }
    if hosts.parse::<Ipv6Addr>().is_ok() {
        return Ok(());
    }
    let fits = |port: &str| port.parse::<u16>().is_ok_and(|p| p > 0);
    let ports = hosts.split(',').filter_map(|host| host[host_of(host).len()..].strip_prefix(':'));
    if ports.into_iter().all(fits) { Ok(()) } else { Err(address_error("a port is a number from 1 to 65535")) }
}

/// Returns a host without its port. An `IPv6` address keeps its brackets.
fn host_of(host: &str) -> &str {
    let end = host.find(']').map_or_else(|| host.find(':'), |close| Some(close + 1));
    end.map_or(host, |end| &host[..end])
}

fn is_bare_name(hosts: &str) -> bool {
    let is_socket = hosts.to_ascii_lowercase().contains("%2f");
    !hosts.contains([',', ':', '[']) && !is_socket && !is_localhost(hosts) && hosts.parse::<IpAddr>().is_err()
}

fn is_localhost(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
}

fn is_loopback(host: &str) -> bool {
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    is_localhost(host) || ip.is_ok_and(|ip| ip.is_loopback()) || host.to_ascii_lowercase().contains("%2f")
}

/// Adds the brackets that a URI requires around an `IPv6` address.
fn bracket_ipv6(hosts: &str) -> String {
    if hosts.parse::<Ipv6Addr>().is_ok() { format!("[{hosts}]") } else { hosts.to_owned() }
}

/// Percent-escapes all but unreserved characters.
fn percent_escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// Undoes percent-escapes.
fn percent_decode(text: &str) -> Result<String, UriError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|b| char::from(*b).to_digit(16)).map(|d| d as u8);
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high * 16 + low);
                rest = &after[2..];
            }
            (b'%', ..) => return Err(address_error(ESCAPE)),
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| address_error("what is percent-escaped must be UTF-8"))
}

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    key.contains("password") || key == "authmechanismproperties"
}

fn query_shown(query: &str) -> String {
    let shown = query.split('&').map(|pair| match pair.split_once('=') {
        Some((key, value)) if is_secret(key) && !value.is_empty() => format!("{key}=[redacted]"),
        _ => pair.to_owned(),
    });
    shown.collect::<Vec<_>>().join("&")
}

/// Returns an address as typed, right or wrong, without its password. In doubt it removes too much rather than too
/// little.
pub fn without_password(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(s, r)| (s, r));
    let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
    let (login, place) = rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
    let user = login.map_or_else(String::new, |l| format!("{}@", l.split(':').next().unwrap_or_default()));
    let (before, query) = place.split_once('?').map_or((place, None), |(b, q)| (b, Some(q)));
    let (hosts, path) = before.split_once('/').map_or((before, String::new()), |(h, p)| (h, format!("/{p}")));
    let hosts = if check_hosts(hosts).is_ok() { hosts } else { host_of(hosts) };
    let query = query.map_or_else(String::new, |q| format!("?{}", query_shown(q)));
    format!("{scheme}{user}{hosts}{path}{query}")
}
