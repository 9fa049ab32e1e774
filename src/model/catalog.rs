//! The connection to a server, and the list of its models with names, digests and contexts.
//!
//! `ollama-rs` lists, shows and pulls Ollama's models; our own requests add digests, versions and loaded models. Its
//! client is built here, so that it follows no redirect and keeps our time limits.

use super::classify::{Problem, classify_problem, describe_unusable};
use super::http::{Answer, Http, key_headers};
use super::ollama::Ollama;
use super::openai::OpenAi;
use super::tolerant::parse_json;
use super::{ChatModel, ModelError, ModelFacts, Server, ServerKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::sync::Arc;
use std::time::Duration;

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

fn add_default_tag(name: &str) -> String {
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
            ServerKind::OpenAi => Arc::new(OpenAi { http }),
            ServerKind::Ollama => Arc::new(Ollama { http, known }),
            ServerKind::Scripted => Arc::new(super::Scripted::improvised()),
        }
    }

    /// Lists the server's models, in its own order.
    pub async fn list_models(&self) -> Result<Vec<Offered>, ModelError> {
        match self.server().kind {
            ServerKind::Ollama => self.offered_by_ollama().await,
            ServerKind::OpenAi => self.offered_by_openai().await,
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
        let list: Json = self.look_up("models").await?;
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

    async fn offered_by_ollama(&self) -> Result<Vec<Offered>, ModelError> {
        // Our own request is first: it reports what `ollama-rs` hides (status, size limit), and has the digests.
        let tags: Tags = self.look_up("api/tags").await?;
        let listed = self.ollama_client(Some(CHECK))?.list_local_models().await.map_err(|e| self.of_library(&e, ""))?;
        let tag = |name: &str| tags.models.iter().find(|t| t.name == name);
        Ok(listed
            .into_iter()
            .map(|model| Offered {
                digest: tag(&model.name).map(|t| t.digest.clone()),
                parameters: tag(&model.name).and_then(|t| t.details.parameter_size.clone()),
                quantization: tag(&model.name).and_then(|t| t.details.quantization_level.clone()),
                context: None,
                size: Some(model.size),
                modified: Some(model.modified_at),
                name: model.name,
            })
            .collect())
    }

    /// Returns the digest, context and parameters of an Ollama model; nothing for other servers.
    pub async fn look_up_model(&self, model: &str) -> Result<ModelFacts, ModelError> {
        if self.server().kind != ServerKind::Ollama {
            return Ok(ModelFacts::default());
        }
        let tags: Tags = self.look_up("api/tags").await?;
        self.read_facts(model, tags.models.into_iter().find(|t| is_same_model(&t.name, model))).await
    }

    async fn read_facts(&self, model: &str, tag: Option<Tag>) -> Result<ModelFacts, ModelError> {
        let shown = self.ollama_client(Some(CHECK))?.show_model_info(model.to_owned()).await;
        let shown = shown.map_err(|e| self.of_library(&e, model))?;
        Ok(ModelFacts {
            context: context_length(&shown.model_info),
            num_ctx: find_parameter(&shown.parameters, "num_ctx").and_then(|n| n.parse().ok()),
            parameters: shown.parameters,
            quantization: tag.as_ref().and_then(|t| t.details.quantization_level.clone()),
            digest: tag.map(|t| t.digest),
        })
    }

    /// Returns Ollama's version.
    pub async fn version(&self) -> Result<String, ModelError> {
        let json: Json = self.look_up("api/version").await?;
        let version = json.get("version").and_then(Json::as_str);
        version.map(str::to_owned).ok_or_else(|| self.http.invalid_error("it tells no version", b""))
    }

    /// Lists the models that Ollama has loaded into memory.
    pub async fn list_loaded(&self) -> Result<Vec<Loaded>, ModelError> {
        #[derive(Deserialize)]
        struct Running {
            models: Vec<Loaded>,
        }
        Ok(self.look_up::<Running>("api/ps").await?.models)
    }

    async fn look_up<T: for<'a> Deserialize<'a>>(&self, path: &str) -> Result<T, ModelError> {
        let answer: Answer = self.http.get_within(path, CHECK).await?;
        if !(200..300).contains(&answer.status) {
            return Err(classify_problem(&self.http, "", &Map::new(), &Problem::from_answer(&answer)));
        }
        let text = &answer.text;
        let read = parse_json(text).and_then(serde_json::from_value);
        read.map_err(|e| self.http.invalid_error(&describe_unusable(text, &e), text.as_bytes()))
    }

    /// Builds the client of `ollama-rs` with our redirect and time limits.
    pub(super) fn ollama_client(&self, limit: Option<Duration>) -> Result<ollama_rs::Ollama, ModelError> {
        use reqwest_of_ollama as reqwest;
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CHECK)
            .default_headers(key_headers(self.server())?);
        if let Some(limit) = limit {
            builder = builder.timeout(limit);
        }
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
        ModelError::Busy { server, status: 500, message, retry_after: None }
    }
}

/// The answer of `/api/tags`, for the fields that `ollama-rs` drops.
#[derive(Debug, Deserialize)]
struct Tags {
    #[serde(default)]
    models: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
struct Tag {
    name: String,
    #[serde(default)]
    digest: String,
    #[serde(default)]
    details: Details,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    parameter_size: Option<String>,
    quantization_level: Option<String>,
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
