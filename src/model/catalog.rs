//! The connection to a server, and the list of its models with names, digests and contexts.
//!
//! `ollama-rs` pulls Ollama's models. Its client is built here, so that it follows no redirect and keeps our time limits.
//! Lists are our own requests, since they are read tolerantly.

use super::classify::{Problem, classify_problem, describe_unusable};
use super::embed::HttpEmbedder;
use super::http::{Answer, Http, key_headers};
use super::ollama::Ollama;
use super::openai::OpenAi;
use super::tolerant::parse_json;
use super::{ChatModel, Embedder, ModelError, ModelFacts, Server, ServerKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Time limit of a look-up, which is never retried.
const CHECK: Duration = Duration::from_secs(5);

/// A connection to a server: one pool for all its models.
#[derive(Debug, Clone)]
pub struct Connection {
    pub(super) http: Http,
}

/// A model that a server offers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Offered {
    /// Its name at the server.
    pub name: String,
    /// Size in bytes.
    pub size: Option<u64>,
    /// Ollama's digest.
    pub digest: Option<String>,
    /// The longest context it was trained for, in tokens; filled by [`Connection::list_models_with_context`] only.
    pub context: Option<u32>,
    /// Time of the last change, in the server's format.
    pub modified: Option<String>,
    /// Number of parameters, such as `8.0B`.
    pub parameters: Option<String>,
    /// Quantization, such as `Q4_K_M`.
    pub quantization: Option<String>,
}

/// A model that Ollama has loaded into memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    /// Its name.
    pub name: String,
    /// Its digest.
    #[serde(default)]
    pub digest: Option<String>,
    /// The context it was loaded with, if this version of Ollama reports it.
    #[serde(default)]
    pub context_length: Option<u32>,
}

/// Compares two names of Ollama models; a name without a tag means `latest`.
pub fn is_same_model(a: &str, b: &str) -> bool {
    add_default_tag(a).eq_ignore_ascii_case(&add_default_tag(b))
}

/// Returns the name with its tag, which is `latest` if it names none.
pub fn add_default_tag(name: &str) -> String {
    let has_tag = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if has_tag { name.to_owned() } else { format!("{name}:latest") }
}

impl Connection {
    /// Builds the client; sends nothing.
    pub fn open(server: &Server) -> Result<Self, ModelError> {
        Ok(Self { http: Http::new(server)? })
    }

    /// The server.
    pub fn server(&self) -> &Server {
        self.http.server()
    }

    /// Returns a model of this server; each request names the model.
    pub fn model(&self, known: ModelFacts) -> Arc<dyn ChatModel> {
        let http = self.http.clone();
        match self.server().kind {
            ServerKind::OpenAi | ServerKind::Azure => Arc::new(OpenAi { http }),
            ServerKind::Ollama => Arc::new(Ollama { http, known }),
            ServerKind::Scripted => Arc::new(super::Scripted::improvised()),
        }
    }

    /// Returns what embeds texts at this server; each request names the model.
    pub fn embedder(&self) -> Arc<dyn Embedder> {
        match self.server().kind {
            ServerKind::OpenAi | ServerKind::Azure | ServerKind::Ollama => {
                Arc::new(HttpEmbedder { http: self.http.clone() })
            }
            ServerKind::Scripted => Arc::new(super::Scripted::improvised()),
        }
    }

    /// Lists the server's models, in its own order.
    pub async fn list_models(&self) -> Result<Vec<Offered>, ModelError> {
        match self.server().kind {
            ServerKind::Ollama => self.offered_by_ollama().await,
            ServerKind::OpenAi => self.offered_by_openai().await,
            // Azure lists what could be deployed, not the deployments.
            ServerKind::Azure => self.offered_by_openai().await.map(|_| Vec::new()),
            ServerKind::Scripted => Ok(Vec::new()),
        }
    }

    /// Lists the server's models with the context of each, which takes one more request per model at Ollama.
    pub async fn list_models_with_context(&self) -> Result<Vec<Offered>, ModelError> {
        let mut offered = self.list_models().await?;
        if self.server().kind == ServerKind::Ollama {
            for model in &mut offered {
                model.context = self.read_facts(&model.name, None).await.ok().and_then(|known| known.context);
            }
        }
        Ok(offered)
    }

    async fn offered_by_openai(&self) -> Result<Vec<Offered>, ModelError> {
        let list: Json = self.look_up(self.server().list_url(), None).await?;
        let models = list.get("data").or(Some(&list)).and_then(Json::as_array);
        let models = models.ok_or_else(|| self.no_list_error(&list))?;
        let names = models.iter().filter_map(|m| m.get("id")?.as_str());
        Ok(names.map(|name| Offered { name: name.to_owned(), ..Offered::default() }).collect())
    }

    /// Creates the error of an answer that is no list: mostly it is an error.
    fn no_list_error(&self, answer: &Json) -> ModelError {
        match Problem::from_json(answer) {
            Some(problem) => classify_problem(&self.http, "", &Map::new(), &problem),
            None => self.http.invalid_error("its list of models has no `data`", b""),
        }
    }

    /// Reads Ollama's list. Imitations leave fields out or send them otherwise: only names are needed.
    async fn offered_by_ollama(&self) -> Result<Vec<Offered>, ModelError> {
        let list: Json = self.look_up(self.server().list_url(), None).await?;
        let models = list.get("models").unwrap_or(&list);
        let models = models.as_array().map(Vec::as_slice).or_else(|| models.is_null().then_some(&[]));
        Ok(models.ok_or_else(|| self.no_list_error(&list))?.iter().filter_map(read_tag).collect())
    }

    /// Returns the digest, context and parameters of an Ollama model; nothing for other servers.
    pub async fn look_up_model(&self, model: &str) -> Result<ModelFacts, ModelError> {
        if self.server().kind != ServerKind::Ollama {
            return Ok(ModelFacts::default());
        }
        let listed = self.offered_by_ollama().await?;
        self.read_facts(model, listed.into_iter().find(|o| is_same_model(&o.name, model))).await
    }

    async fn read_facts(&self, model: &str, listed: Option<Offered>) -> Result<ModelFacts, ModelError> {
        let url = self.server().base_url.join_path("api/show");
        let shown = match self.look_up::<Json>(url, Some(serde_json::json!({ "model": model }))).await {
            Ok(shown) => shown,
            // An imitation that lists a model need not describe it.
            Err(ModelError::Nowhere { .. } | ModelError::Invalid { .. }) if listed.is_some() => Json::Null,
            Err(error) => return Err(error),
        };
        let parameters = shown.get("parameters").and_then(Json::as_str).unwrap_or_default().to_owned();
        Ok(ModelFacts {
            context: shown.get("model_info").and_then(Json::as_object).and_then(context_length),
            num_ctx: find_parameter(&parameters, "num_ctx").and_then(|n| n.parse().ok()),
            parameters,
            quantization: listed.as_ref().and_then(|o| o.quantization.clone()),
            digest: listed.and_then(|o| o.digest),
        })
    }

    /// Returns Ollama's version.
    pub async fn version(&self) -> Result<String, ModelError> {
        let json: Json = self.look_up(self.server().base_url.join_path("api/version"), None).await?;
        let version = json.get("version").and_then(Json::as_str);
        version.map(str::to_owned).ok_or_else(|| self.http.invalid_error("it tells no version", b""))
    }

    /// Lists the models that Ollama has loaded into memory.
    pub async fn list_loaded(&self) -> Result<Vec<Loaded>, ModelError> {
        #[derive(Deserialize)]
        struct Running {
            models: Vec<Loaded>,
        }
        Ok(self.look_up::<Running>(self.server().base_url.join_path("api/ps"), None).await?.models)
    }

    async fn look_up<T: for<'a> Deserialize<'a>>(&self, url: Url, body: Option<Json>) -> Result<T, ModelError> {
        let body = body.map(|body| body.to_string().into_bytes());
        let answer: Answer = self.http.look_up(url, body, CHECK).await?;
        if !(200..300).contains(&answer.status) {
            return Err(classify_problem(&self.http, "", &Map::new(), &Problem::from_answer(&answer)));
        }
        let text = &answer.text;
        let read = parse_json(text).and_then(serde_json::from_value);
        read.map_err(|e| self.http.invalid_error(&describe_unusable(text, &e), text.as_bytes()))
    }

    /// Builds the client of `ollama-rs` with our redirect and time limits.
    pub(super) fn ollama_client(&self) -> Result<ollama_rs::Ollama, ModelError> {
        use reqwest_of_ollama as reqwest;
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CHECK)
            .default_headers(key_headers(self.server())?);
        if self.server().base_url.url().scheme() == "http" {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|e| self.http.invalid_error(&e.to_string(), b""))?;
        let url = self.server().base_url.url().clone();
        Ok(ollama_rs::Ollama::builder().url(url).reqwest_client(client).build())
    }

    /// Converts an error of `ollama-rs`, which keeps the message and drops the HTTP status.
    pub(super) fn of_library(&self, error: &ollama_rs::error::OllamaError, model: &str) -> ModelError {
        use ollama_rs::error::OllamaError;
        let server = self.server().name.clone();
        match error {
            OllamaError::ReqwestError(e) if e.is_timeout() => {
                ModelError::Timeout { server, what: "whole answer", limit: CHECK }
            }
            OllamaError::ReqwestError(e) if e.is_connect() => {
                ModelError::Unreachable { server, cause: format!("{}: no connection", self.server().base_url) }
            }
            OllamaError::ReqwestError(e) if e.is_decode() => self.http.invalid_error("its answer cannot be read", b""),
            OllamaError::ReqwestError(_) => self.http.broken_error("the connection was lost"),
            OllamaError::JsonError(e) => self.http.invalid_error(&format!("it is not the JSON expected ({e})"), b""),
            OllamaError::InternalError(e) => self.of_words(&e.message, model),
            OllamaError::Other(words) => self.of_words(words, model),
            OllamaError::ToolCallError(_) => self.http.invalid_error("a tool call", b""),
        }
    }

    fn of_words(&self, words: &str, model: &str) -> ModelError {
        let json = serde_json::from_str::<Json>(words).ok();
        let said = json.as_ref().and_then(|j| j.get("error")?.as_str()).unwrap_or(words);
        let message = self.http.redactor().redact_error(said);
        let server = self.server().name.clone();
        let is_missing = ["not found", "file does not exist", "manifest unknown"].iter().any(|w| message.contains(w));
        if is_missing {
            return ModelError::NoModel { server, model: model.to_owned(), message };
        }
        if message.contains("invalid model name") || message.contains("unauthorized") {
            return ModelError::Refused { server, parameter: None, status: 400, message };
        }
        ModelError::Busy { server, status: 500, message, retry_after: None, is_unclear: false }
    }
}

/// Reads a model of Ollama's list. A field that is missing or of another type is unknown.
fn read_tag(tag: &Json) -> Option<Offered> {
    let text = |path: &str| tag.pointer(path).and_then(Json::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
    Some(Offered {
        name: text("/name").or_else(|| text("/model"))?,
        size: tag.get("size").and_then(Json::as_u64),
        digest: text("/digest"),
        context: None,
        modified: text("/modified_at"),
        parameters: text("/details/parameter_size"),
        quantization: text("/details/quantization_level"),
    })
}

/// Finds `llama.context_length`, for any architecture.
fn context_length(info: &serde_json::Map<String, Json>) -> Option<u32> {
    let found = info.iter().find(|(key, _)| key.ends_with(".context_length"));
    found.and_then(|(_, value)| u32::try_from(value.as_u64()?).ok())
}

/// Finds a parameter in Ollama's lines of `name   value`.
fn find_parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = parameters.lines().map(|line| line.split_once(char::is_whitespace).unwrap_or((line, "")));
    lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_a_tag_mean_latest() {
        assert!(is_same_model("llama3.1", "llama3.1:latest"));
        assert!(is_same_model("127.0.0.1:5000/library/x", "127.0.0.1:5000/library/x:latest"));
        assert!(!is_same_model("llama3.1", "llama3.1:8b"));
    }

    #[test]
    fn what_ollama_shows() {
        let shown = "stop   \"<|end|>\"\nnum_ctx                        32768";
        assert_eq!(find_parameter(shown, "num_ctx"), Some("32768"));
        assert_eq!(find_parameter(shown, "num"), None);
        let info = serde_json::json!({"general.x": 1, "qwen3.context_length": 40_960});
        assert_eq!(context_length(info.as_object().unwrap()), Some(40_960));
    }
}
