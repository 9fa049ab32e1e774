//! A server: its kind, address, key and limits. Values only; the caller reads the environment.

use crate::design::words::words;
use secrecy::SecretString;
use std::borrow::Cow;
use std::fmt;
use std::net::Ipv6Addr;
use std::time::Duration;
use url::{Host, Url};

/// Ollama's port if an address has none.
const OLLAMA_PORT: u16 = 11_434;
/// The address of OpenAI itself.
pub const OPENAI: &str = "https://api.openai.com/v1";
/// The default address of Ollama on this machine.
pub const OLLAMA: &str = "http://127.0.0.1:11434";

/// A server of language models.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its name: the part of a model's id before the `/`.
    pub name: String,
    /// Its protocol.
    pub kind: ServerKind,
    /// Its address.
    pub base_url: Address,
    /// Its key: sent to this server's host only, and hidden from `Debug`.
    pub key: Option<SecretString>,
    /// The variable that supplies the key, for error messages.
    pub key_variable: String,
    /// Time and size limits.
    pub limits: Limits,
    /// The name under which `max_tokens` is sent, if the person wrote one.
    pub max_tokens_as: Option<MaxTokensAs>,
    /// The dialect of JSON schemas that it understands, if the person wrote one.
    pub schema: Option<SchemaDialect>,
    /// The version of Azure's interface; without one its newest path is used.
    pub api_version: Option<String>,
    /// A setting that cannot be understood. The first request to this server is refused for it.
    pub fault: Option<String>,
}

words! {
    /// The dialect of JSON schemas that a server understands.
    pub enum SchemaDialect {
        /// Without bounds of length, as `OpenAI` wants it.
        Strict = "strict",
        /// With bounds of length.
        Full = "full",
    }
}

words! {
    /// The name under which `max_tokens` is sent.
    pub enum MaxTokensAs {
        /// Its old name.
        MaxTokens = "max_tokens",
        /// The name that `OpenAI` wants since its reasoning models.
        MaxCompletionTokens = "max_completion_tokens",
    }
}

words! {
    /// The protocol of a server.
    pub enum ServerKind {
        /// Chat completions: OpenAI and compatible servers.
        OpenAi = "openai",
        /// Chat completions of Azure `OpenAI`: a model is a deployment.
        Azure = "azure",
        /// Ollama's own protocol.
        Ollama = "ollama",
        /// No server: replies are generated in this process, offline.
        Scripted = "scripted",
    }
}

/// Limits of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Limit for connecting.
    pub connect: Duration,
    /// Limit from the request to the first byte of the answer's body; headers alone do not count.
    pub first_byte: Duration,
    /// Limit between two pieces of a streamed answer.
    pub idle: Duration,
    /// Limit from the request to the end of the answer.
    pub attempt: Duration,
    /// Maximum size of an answer's body, in bytes.
    pub reply_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_mins(5),
            idle: Duration::from_mins(1),
            attempt: Duration::from_mins(10),
            reply_bytes: 8 * 1024 * 1024,
        }
    }
}

/// An address without a user, a password, a query or a fragment: safe to show anywhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

/// Reason why an address cannot be used. Omits the address itself, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is not a URL.
    #[error("is not an address such as {OPENAI} or 127.0.0.1:11434: {0}")]
    Malformed(String),
    /// It is neither `http` nor `https`.
    #[error("does not begin with http:// or https://")]
    Scheme,
    /// It holds a user or a password, which would appear in logs.
    #[error("holds a user name or a password: give the key by its variable instead")]
    Secret,
    /// It holds a query or a fragment, which may hide a key.
    #[error("holds a `?` or `#`: give only what stands before it, and the key by its variable")]
    Query,
}

impl Address {
    /// Parses a server's address. Ollama's has the form of `OLLAMA_HOST`: a bare host gets port 11434, and `0.0.0.0`
    /// means this machine. A bare OpenAI-compatible host gets `https`, or `http` on this machine.
    pub fn parse(kind: ServerKind, text: &str) -> Result<Self, AddressError> {
        let text = unquote(text.trim());
        let bare = !text.contains("://");
        if bare && let Some((scheme, _)) = text.split_once(':').filter(|(s, _)| is_scheme(s)) {
            return Err(AddressError::Malformed(format!("`{scheme}:` lacks its `//`")));
        }
        let text = if kind == ServerKind::Ollama && bare { complete_host(text) } else { Cow::Borrowed(text) };
        let full = if bare { format!("{}://{text}", default_scheme(kind, &text)) } else { text.to_string() };
        let url = Url::parse(&full).map_err(|e| AddressError::Malformed(e.to_string()))?;
        let mut url = check_url(url)?;
        if kind == ServerKind::Ollama && bare && url.scheme() == "http" && !names_port(&text) {
            url.set_port(Some(OLLAMA_PORT)).map_err(|()| AddressError::Malformed("it can have no port".to_owned()))?;
        }
        if is_everywhere(&url) {
            url.set_host(Some("127.0.0.1")).map_err(|e| AddressError::Malformed(e.to_string()))?;
        }
        // The portal of Azure prints addresses with the path of one interface.
        let path = url.path().split("/openai").next().filter(|_| kind == ServerKind::Azure).unwrap_or(url.path());
        let path = format!("{}/", path.trim_end_matches('/'));
        url.set_path(&path);
        Ok(Self(url))
    }

    /// Appends `path` to this address.
    pub(super) fn join_path(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}{path}", self.0.path()));
        url
    }

    /// The URL, ending in `/`.
    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// True if the address is this machine.
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
    }

    /// True if requests leave encrypted.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// True for OpenAI itself, false for a compatible server.
    pub fn is_openai(&self) -> bool {
        self.0.host_str().is_some_and(|host| host == "api.openai.com" || host.ends_with(".api.openai.com"))
    }
}

/// Prints the address without the last `/`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Server {
    /// Creates a server at `address` with the default limits and no key.
    pub fn new(name: &str, kind: ServerKind, address: &str) -> Result<Self, AddressError> {
        Ok(Self {
            name: name.to_owned(),
            kind,
            base_url: Address::parse(kind, address)?,
            key: None,
            key_variable: String::new(),
            limits: Limits::default(),
            max_tokens_as: None,
            schema: None,
            api_version: None,
            fault: None,
        })
    }

    /// Returns the address to which a request for a reply of this model goes.
    pub(super) fn chat_url(&self, model: &str) -> Url {
        match (self.kind, &self.api_version) {
            (ServerKind::Ollama, _) => self.base_url.join_path("api/chat"),
            (ServerKind::OpenAi | ServerKind::Scripted, _) => self.base_url.join_path("chat/completions"),
            (ServerKind::Azure, None) => self.base_url.join_path("openai/v1/chat/completions"),
            (ServerKind::Azure, Some(version)) => self.deployment_url(version, &[model, "chat", "completions"]),
        }
    }

    /// Returns the address to which texts go that this model embeds.
    pub(super) fn embed_url(&self, model: &str) -> Url {
        match (self.kind, &self.api_version) {
            (ServerKind::Ollama, _) => self.base_url.join_path("api/embed"),
            (ServerKind::OpenAi | ServerKind::Scripted, _) => self.base_url.join_path("embeddings"),
            (ServerKind::Azure, None) => self.base_url.join_path("openai/v1/embeddings"),
            (ServerKind::Azure, Some(version)) => self.deployment_url(version, &[model, "embeddings"]),
        }
    }

    /// Returns an address of a deployment on Azure.
    fn deployment_url(&self, version: &str, segments: &[&str]) -> Url {
        let mut url = self.base_url.join_path("openai/deployments");
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(segments);
        }
        url.query_pairs_mut().append_pair("api-version", version);
        url
    }

    /// Returns the address of the list of models.
    pub(super) fn list_url(&self) -> Url {
        match (self.kind, &self.api_version) {
            (ServerKind::Ollama, _) => self.base_url.join_path("api/tags"),
            (ServerKind::OpenAi | ServerKind::Scripted, _) => self.base_url.join_path("models"),
            (ServerKind::Azure, None) => self.base_url.join_path("openai/v1/models"),
            (ServerKind::Azure, Some(version)) => {
                let mut url = self.base_url.join_path("openai/models");
                url.query_pairs_mut().append_pair("api-version", version);
                url
            }
        }
    }

    /// The offline server. Its address is never used.
    pub fn scripted() -> Result<Self, AddressError> {
        Self::new("scripted", ServerKind::Scripted, "http://127.0.0.1:9")
    }

    /// Adds this key, read from this variable.
    #[must_use]
    pub fn with_key(mut self, key: Option<SecretString>, variable: &str) -> Self {
        self.key = key;
        variable.clone_into(&mut self.key_variable);
        self
    }
}

fn default_scheme(kind: ServerKind, bare: &str) -> &'static str {
    let here = ["localhost", "127.", "[::1]", "0.0.0.0"].iter().any(|h| bare.starts_with(h));
    let is_secure = match kind {
        ServerKind::OpenAi | ServerKind::Azure => !here,
        ServerKind::Ollama => bare == "ollama.com",
        ServerKind::Scripted => false,
    };
    if is_secure { "https" } else { "http" }
}

fn is_scheme(word: &str) -> bool {
    ["http", "https"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// Removes one pair of quotes, which some shells and container files keep.
fn unquote(text: &str) -> &str {
    let inner = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}

/// Completes the forms that Ollama takes: a port alone, and IPv6 without brackets.
fn complete_host(bare: &str) -> Cow<'_, str> {
    if bare.parse::<Ipv6Addr>().is_ok() {
        return format!("[{bare}]").into();
    }
    if bare.starts_with(':') { format!("127.0.0.1{bare}").into() } else { bare.into() }
}

fn check_url(url: Url) -> Result<Url, AddressError> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::Secret);
    }
    if !matches!(url.scheme(), "http" | "https") {
        return Err(AddressError::Scheme);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(AddressError::Query);
    }
    Ok(url)
}

/// True if an address without a scheme names a port. It is parsed under a scheme without a default port, since `http`
/// drops a written `:80`.
fn names_port(bare: &str) -> bool {
    Url::parse(&format!("ollama://{bare}")).is_ok_and(|u| u.port().is_some())
}

fn is_everywhere(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_unspecified(),
        Some(Host::Ipv6(ip)) => ip.is_unspecified(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ollama_url(text: &str) -> String {
        Address::parse(ServerKind::Ollama, text).unwrap().to_string()
    }

    #[test]
    fn addresses_of_ollama() {
        for (written, meant) in [
            ("127.0.0.1:11434", "http://127.0.0.1:11434"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("[::]:8080", "http://127.0.0.1:8080"),
            ("http://gpu01:1234/", "http://gpu01:1234"),
            ("gpu01", "http://gpu01:11434"),
            ("gpu01:80", "http://gpu01"),
            ("https://lab.example/ollama/", "https://lab.example/ollama"),
            (" localhost ", "http://localhost:11434"),
            (":8200", "http://127.0.0.1:8200"),
            ("::1", "http://[::1]:11434"),
            ("::", "http://127.0.0.1:11434"),
            ("fe80::7", "http://[fe80::7]:11434"),
            ("[::1]:8200", "http://[::1]:8200"),
            ("\"127.0.0.1:8200\"", "http://127.0.0.1:8200"),
            ("'gpu01'", "http://gpu01:11434"),
            ("HTTP://gpu01:1", "http://gpu01:1"),
            ("ollama.com", "https://ollama.com"),
        ] {
            assert_eq!(ollama_url(written), meant, "{written}");
        }
    }

    #[test]
    fn addresses_of_openai() {
        for (written, meant) in [
            ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
            ("https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
            ("localhost:8000/v1", "http://localhost:8000/v1/chat/completions"),
            ("router.example/api/v1", "https://router.example/api/v1/chat/completions"),
        ] {
            let address = Address::parse(ServerKind::OpenAi, written).unwrap();
            assert_eq!(address.join_path("chat/completions").as_str(), meant, "{written}");
        }
    }

    #[test]
    fn secrets_in_addresses_are_refused_and_not_repeated() {
        for address in ["http://ann:hunter2@host/v1", "ann:hunter2@host:80", "https://host/v1?key=hunter2"] {
            let error = Address::parse(ServerKind::OpenAi, address).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        for wrong in ["http:/host/v1", "https:host", "HTTP:8080/v1", "http:"] {
            let error = Address::parse(ServerKind::OpenAi, wrong).unwrap_err();
            assert!(matches!(error, AddressError::Malformed(_)), "{wrong} {error}");
        }
        for wrong in ["127.0.0.1:66000", "a b", "::1]", "tcp://h"] {
            assert!(Address::parse(ServerKind::Ollama, wrong).is_err(), "{wrong}");
        }
        assert_eq!(Address::parse(ServerKind::OpenAi, "ftp://host"), Err(AddressError::Scheme));
        assert!(matches!(Address::parse(ServerKind::OpenAi, "http://"), Err(AddressError::Malformed(_))));
    }

    #[test]
    fn hosts_of_openai() {
        for (host, is_openai) in [
            ("https://api.openai.com/v1", true),
            ("https://eu.api.openai.com/v1", true),
            ("https://us.api.openai.com/v1", true),
            ("https://notapi.openai.com.example/v1", false),
            ("https://xapi.openai.com/v1", false),
        ] {
            assert_eq!(Address::parse(ServerKind::OpenAi, host).unwrap().is_openai(), is_openai, "{host}");
        }
    }

    #[test]
    fn addresses_of_azure() {
        let version = Some("2024-10-21".to_owned());
        for endpoint in
            ["https://x.openai.azure.com/", "x.openai.azure.com/openai/v1/", "https://x.openai.azure.com/openai"]
        {
            let server = Server::new("azure", ServerKind::Azure, endpoint).unwrap();
            assert_eq!(server.chat_url("d").as_str(), "https://x.openai.azure.com/openai/v1/chat/completions");
            assert_eq!(server.embed_url("d").as_str(), "https://x.openai.azure.com/openai/v1/embeddings");
            assert_eq!(server.list_url().as_str(), "https://x.openai.azure.com/openai/v1/models");
            let server = Server { api_version: version.clone(), ..server };
            assert_eq!(
                server.chat_url("a/b c").as_str(),
                "https://x.openai.azure.com/openai/deployments/a%2Fb%20c/chat/completions?api-version=2024-10-21"
            );
            assert_eq!(
                server.embed_url("a/b c").as_str(),
                "https://x.openai.azure.com/openai/deployments/a%2Fb%20c/embeddings?api-version=2024-10-21"
            );
            assert_eq!(server.list_url().as_str(), "https://x.openai.azure.com/openai/models?api-version=2024-10-21");
        }
    }

    #[test]
    fn the_key_is_in_no_debug() {
        let key = Some(SecretString::from("sk-canary".to_owned()));
        let server = Server::new("openai", ServerKind::OpenAi, OPENAI).unwrap().with_key(key, "OPENAI_API_KEY");
        assert!(!format!("{server:?}").contains("canary"));
        assert!(format!("{server:?}").contains("OPENAI_API_KEY"));
    }
}
