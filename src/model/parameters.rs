//! Parameters of a request beside model and messages, and those that a protocol lacks. Pure.

use super::server::{MaxTokensAs, SchemaDialect};
use super::text::has_word;
use super::{ModelError, Server, ServerKind};
use crate::design::{ModelSpec, Sampling, Structured, Value};
use crate::process::TurnForm;
use crate::process::turn::schema::Dialect;
use serde_json::{Map, Value as Json, json};

/// Default context requested from Ollama, unless the model's is smaller. Ollama's own default is small, and it cuts
/// longer prompts without a message.
pub const CONTEXT: u32 = 10_000;

/// Returns everything in the body but model and messages, in the order in which it is sent. Unset parameters are
/// omitted.
///
/// `context` is the context of an Ollama model (see [`ModelFacts::default_context`](super::ModelFacts::default_context)), sent if
/// the researcher set none.
pub fn request_parameters(
    server: &Server,
    spec: &ModelSpec,
    seed: Option<u64>,
    context: Option<u32>,
) -> Map<String, Json> {
    match server.kind {
        ServerKind::Ollama => ollama_parameters(spec, seed, context),
        ServerKind::OpenAi | ServerKind::Azure => openai_parameters(name_of_max_tokens(server), spec, seed),
        ServerKind::Scripted => openai_parameters(MaxTokensAs::MaxTokens, spec, None),
    }
}

/// Returns the parameter that sends the schema of an answer; `None` if the model's answers are described by the prompt
/// alone.
pub fn schema_parameter(server: &Server, spec: &ModelSpec, form: &TurnForm) -> Option<(String, Json)> {
    match spec.structured {
        Some(Structured::Prompt) => return None,
        Some(Structured::Schema) | None => {}
    }
    let full = Dialect::Full { max_tokens: spec.sampling.max_tokens };
    let written = server.schema.map(|dialect| match dialect {
        SchemaDialect::Strict => Dialect::Strict,
        SchemaDialect::Full => full,
    });
    match server.kind {
        ServerKind::Ollama => Some(("format".to_owned(), form.schema(written.unwrap_or(full)))),
        ServerKind::OpenAi | ServerKind::Azure => {
            let schema = form.schema(written.unwrap_or(Dialect::Strict));
            let named = json!({ "name": "turn", "strict": true, "schema": schema });
            Some(("response_format".to_owned(), json!({ "type": "json_schema", "json_schema": named })))
        }
        ServerKind::Scripted => None,
    }
}

/// Lists the parameters that a protocol lacks.
pub fn lacking_parameters(kind: ServerKind) -> &'static [&'static str] {
    match kind {
        ServerKind::OpenAi | ServerKind::Azure => &["top_k", "num_ctx", "keep_alive"],
        ServerKind::Ollama | ServerKind::Scripted => &[],
    }
}

/// Returns the name under which `max_tokens` is sent. `OpenAI` has retired it; compatible servers may know only it.
fn name_of_max_tokens(server: &Server) -> MaxTokensAs {
    let default = if server.base_url.is_openai() { MaxTokensAs::MaxCompletionTokens } else { MaxTokensAs::MaxTokens };
    server.max_tokens_as.unwrap_or(default)
}

/// A change of a request that a refusal asks for. Only this program chose what is changed: the name of `max_tokens`, or a
/// field that the researcher did not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amendment {
    /// `max_tokens` gets this name.
    Rename(MaxTokensAs),
    /// `stream_options` is left out; the usage stays unknown.
    WithoutStreamOptions,
    /// The schema of the answer is left out; the prompt alone describes its form.
    WithoutSchema,
}

/// Names under which the schema of an answer is sent.
pub const SCHEMAS: [&str; 2] = ["response_format", "format"];

/// Returns the name under which a request sent a schema.
pub(super) fn sent_schema(sent: &Map<String, Json>) -> Option<String> {
    SCHEMAS.into_iter().find(|name| sent.get(*name).is_some_and(Json::is_object)).map(str::to_owned)
}

impl Amendment {
    /// Finds the change that a refusal asks for: it names the parameter that was sent, and the one that is wanted.
    pub fn find(sent: &Map<String, Json>, error: &ModelError) -> Option<Self> {
        let ModelError::Refused { parameter, message, .. } = error else { return None };
        let names = |name: &str| parameter.as_deref() == Some(name) || has_word(message, name);
        let renamed = MaxTokensAs::ALL.iter().copied().find(|to| {
            let is_sent =
                MaxTokensAs::ALL.iter().any(|from| from != to && sent.contains_key(from.word()) && names(from.word()));
            is_sent && has_word(message, to.word())
        });
        if parameter.is_some() && *parameter == sent_schema(sent) {
            return Some(Self::WithoutSchema);
        }
        let is_extra = sent.contains_key("stream_options") && (names("stream_options") || names("include_usage"));
        renamed.map(Self::Rename).or_else(|| is_extra.then_some(Self::WithoutStreamOptions))
    }

    /// Changes the parameters of a request; the order of the others stays.
    pub fn apply(self, parameters: &mut Map<String, Json>) {
        let renamed = |name: String| match self {
            Self::Rename(to) if MaxTokensAs::of(&name).is_some() => Some(to.word().to_owned()),
            Self::WithoutStreamOptions if name == "stream_options" => None,
            Self::WithoutSchema if SCHEMAS.contains(&name.as_str()) => None,
            Self::Rename(_) | Self::WithoutStreamOptions | Self::WithoutSchema => Some(name),
        };
        *parameters = std::mem::take(parameters).into_iter().filter_map(|(n, v)| Some((renamed(n)?, v))).collect();
    }
}

fn openai_parameters(longest: MaxTokensAs, spec: &ModelSpec, seed: Option<u64>) -> Map<String, Json> {
    let Sampling { temperature, top_p, max_tokens, ref stop, .. } = spec.sampling;
    let mut map = keep_present([
        ("temperature", temperature.map(Json::from)),
        ("top_p", top_p.map(Json::from)),
        (longest.word(), max_tokens.map(Json::from)),
        ("stop", list_json(stop)),
        ("seed", seed.map(Json::from)),
    ]);
    if spec.stream == Some(true) {
        map.insert("stream".to_owned(), json!(true));
        map.insert("stream_options".to_owned(), json!({ "include_usage": true }));
    }
    map
}

fn ollama_parameters(spec: &ModelSpec, seed: Option<u64>, context: Option<u32>) -> Map<String, Json> {
    let Sampling { temperature, top_p, top_k, max_tokens, ref stop, num_ctx, .. } = spec.sampling;
    let options = keep_present([
        ("temperature", temperature.map(Json::from)),
        ("top_k", top_k.map(Json::from)),
        ("top_p", top_p.map(Json::from)),
        ("seed", seed.map(Json::from)),
        ("stop", list_json(stop)),
        ("num_predict", max_tokens.map(Json::from)),
        ("num_ctx", Some(Json::from(num_ctx.or(context).unwrap_or(CONTEXT)))),
    ]);
    keep_present([
        // Always sent: Ollama streams by default.
        ("stream", Some(json!(spec.stream == Some(true)))),
        ("options", Some(Json::Object(options))),
        ("keep_alive", spec.keep_alive.as_ref().map(scalar_json)),
    ])
}

fn keep_present<const N: usize>(pairs: [(&str, Option<Json>); N]) -> Map<String, Json> {
    pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn list_json(list: &[String]) -> Option<Json> {
    (!list.is_empty()).then(|| Json::from(list.to_vec()))
}

fn scalar_json(value: &Value) -> Json {
    match value {
        Value::Bool(b) => Json::from(*b),
        Value::Int(i) => Json::from(*i),
        Value::Float(x) => Json::from(*x),
        Value::Text(t) => Json::from(t.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full_spec() -> ModelSpec {
        let sampling = Sampling {
            temperature: Some(0.7),
            top_p: Some(0.9),
            top_k: Some(40),
            max_tokens: Some(400),
            stop: vec!["END".to_owned()],
            num_ctx: None,
            seed: None,
        };
        ModelSpec { sampling, keep_alive: Some(Value::Text("30m".to_owned())), ..ModelSpec::bare("x/y") }
    }

    fn sent_json(kind: ServerKind, address: &str, spec: &ModelSpec, context: Option<u32>) -> String {
        let server = Server::new("x", kind, address).unwrap();
        serde_json::to_string(&request_parameters(&server, spec, Some(5), context)).unwrap()
    }

    #[test]
    fn names_at_each_server() {
        let streamed = ModelSpec { stream: Some(true), ..full_spec() };
        assert_eq!(
            sent_json(ServerKind::OpenAi, "https://api.openai.com/v1", &full_spec(), None),
            r#"{"temperature":0.7,"top_p":0.9,"max_completion_tokens":400,"stop":["END"],"seed":5}"#
        );
        assert_eq!(
            sent_json(ServerKind::OpenAi, "http://localhost:8000/v1", &streamed, None),
            r#"{"temperature":0.7,"top_p":0.9,"max_tokens":400,"stop":["END"],"seed":5,"stream":true,"stream_options":{"include_usage":true}}"#
        );
        assert_eq!(
            sent_json(ServerKind::Ollama, "localhost", &streamed, Some(4096)),
            r#"{"stream":true,"options":{"temperature":0.7,"top_k":40,"top_p":0.9,"seed":5,"stop":["END"],"num_predict":400,"num_ctx":4096},"keep_alive":"30m"}"#
        );
    }

    #[test]
    fn what_is_not_set_is_not_sent() {
        let bare = ModelSpec::bare("x/y");
        assert_eq!(sent_json(ServerKind::OpenAi, "localhost/v1", &bare, None), r#"{"seed":5}"#);
        let ollama = sent_json(ServerKind::Ollama, "localhost", &bare, None);
        assert_eq!(ollama, r#"{"stream":false,"options":{"seed":5,"num_ctx":10000}}"#);
        assert_eq!(sent_json(ServerKind::Scripted, "localhost", &bare, None), "{}");
    }

    #[test]
    fn what_a_protocol_lacks() {
        for kind in [ServerKind::OpenAi, ServerKind::Ollama] {
            let sent = sent_json(kind, "localhost", &full_spec(), None);
            let unsent = ["top_k", "num_ctx", "keep_alive"].into_iter().filter(|name| !sent.contains(*name));
            assert!(unsent.eq(lacking_parameters(kind).iter().copied()), "{sent}");
        }
    }
}
