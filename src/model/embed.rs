//! Embeddings: texts as vectors, by `/embeddings` of OpenAI-compatible servers and by Ollama's `/api/embed`.

use super::classify::{Problem, classify_problem};
use super::http::Http;
use super::tolerant::parse_json;
use super::{ModelError, ServerKind};
use async_trait::async_trait;
use serde_json::{Map, Value as Json, json};

/// Maximum number of texts in one request.
const TEXTS: usize = 64;
/// Maximum size of the texts of one request, in bytes, unless one text alone is longer.
const BYTES: usize = 100_000;

/// One embedding model at one server. One call is one attempt.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Sends the request once.
    async fn embed(&self, request: &EmbedRequest) -> Result<Embedded, ModelError>;
}

/// Texts of which a model returns the vectors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedRequest {
    /// The model's name at its server.
    pub model: String,
    /// The texts; none is empty.
    pub texts: Vec<String>,
    /// Key of the process that needs them; never sent.
    pub process: String,
}

/// The vectors of a request's texts, in their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Embedded {
    /// One vector for each text, all of one length.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of the texts as the server counted them.
    pub tokens: Option<u32>,
}

impl EmbedRequest {
    /// Returns the body, which both protocols share.
    fn body(&self) -> Vec<u8> {
        json!({ "model": self.model, "input": self.texts }).to_string().into_bytes()
    }

    /// Divides texts into requests that a server takes.
    pub fn batches(model: &str, process: &str, texts: &[String]) -> Vec<Self> {
        let (mut batches, mut bytes): (Vec<Self>, _) = (Vec::new(), 0);
        for text in texts {
            let is_full = |batch: &Self| batch.texts.len() == TEXTS || bytes + text.len() > BYTES;
            if let Some(batch) = batches.last_mut().filter(|batch| !is_full(batch)) {
                batch.texts.push(text.clone());
                bytes += text.len();
            } else {
                let (model, process) = (model.to_owned(), process.to_owned());
                batches.push(Self { model, texts: vec![text.clone()], process });
                bytes = text.len();
            }
        }
        batches
    }
}

/// An embedding model behind HTTP.
#[derive(Debug)]
pub(super) struct HttpEmbedder {
    pub(super) http: Http,
}

#[async_trait]
impl Embedder for HttpEmbedder {
    async fn embed(&self, request: &EmbedRequest) -> Result<Embedded, ModelError> {
        let answer = self.http.post_texts(&request.model, request.body()).await?;
        if !(200..300).contains(&answer.status) {
            return Err(self.refusal(request, &Problem::from_answer(&answer)));
        }
        let invalid = |cause: &str| self.http.invalid_error(cause, answer.text.as_bytes());
        let json = parse_json(&answer.text).map_err(|e| invalid(&format!("it is not JSON ({e})")))?;
        let kind = self.http.server().kind;
        let Some(found) = find_vectors(kind, &json) else {
            let refused = Problem::from_json(&json).map(|problem| self.refusal(request, &problem));
            return Err(refused.unwrap_or_else(|| invalid("it has no embeddings")));
        };
        let vectors = found.and_then(|vectors| check_vectors(vectors, request.texts.len()));
        let vectors = vectors.map_err(|cause| invalid(&cause))?;
        Ok(Embedded { vectors, tokens: count_tokens(kind, &json) })
    }
}

impl HttpEmbedder {
    fn refusal(&self, request: &EmbedRequest, problem: &Problem) -> ModelError {
        let words = problem.message.to_lowercase();
        let refuses = ["not support", "unsupported", "not allowed", "cannot", "no embedding"];
        if words.contains("embedding") && refuses.iter().any(|refusal| words.contains(refusal)) {
            let (server, model) = (self.http.server().name.clone(), request.model.clone());
            let message = self.http.redactor().redact_error(&problem.message);
            return ModelError::NoEmbeddings { server, model, message };
        }
        classify_problem(&self.http, &request.model, &Map::new(), problem)
    }
}

/// Finds the vectors of an answer; `None` if it has none at all.
fn find_vectors(kind: ServerKind, json: &Json) -> Option<Result<Vec<Vec<f32>>, String>> {
    match kind {
        ServerKind::Ollama => {
            let list = json.get("embeddings")?.as_array()?;
            Some(list.iter().map(read_vector).collect())
        }
        ServerKind::OpenAi | ServerKind::Azure | ServerKind::Scripted => {
            let list = json.get("data")?.as_array()?;
            let place = |(at, one): (usize, &Json)| one.get("index").and_then(Json::as_u64).unwrap_or(at as u64);
            let mut placed: Vec<(u64, &Json)> = list.iter().enumerate().map(|(at, o)| (place((at, o)), o)).collect();
            placed.sort_by_key(|(place, _)| *place);
            Some(placed.into_iter().map(|(_, one)| read_vector(one.get("embedding").unwrap_or(&Json::Null))).collect())
        }
    }
}

fn read_vector(json: &Json) -> Result<Vec<f32>, String> {
    let numbers = json.as_array().ok_or("an embedding is no list of numbers")?;
    let number = |n: &Json| n.as_f64().map(|n| n as f32).filter(|n| n.is_finite());
    let vector: Option<Vec<f32>> = numbers.iter().map(number).collect();
    vector.ok_or_else(|| "an embedding has something else than numbers".to_owned())
}

/// Checks that there is one vector for each text, and that all have one length.
fn check_vectors(vectors: Vec<Vec<f32>>, texts: usize) -> Result<Vec<Vec<f32>>, String> {
    if vectors.len() != texts {
        return Err(format!("it has {} embeddings for {texts} texts", vectors.len()));
    }
    let length = vectors.first().map_or(0, Vec::len);
    match vectors.iter().find(|vector| vector.len() != length || vector.is_empty()) {
        Some(odd) if odd.is_empty() => Err("an embedding is empty".to_owned()),
        Some(odd) => Err(format!("its embeddings have {length} and {} numbers", odd.len())),
        None => Ok(vectors),
    }
}

fn count_tokens(kind: ServerKind, json: &Json) -> Option<u32> {
    let path = match kind {
        ServerKind::Ollama => "/prompt_eval_count",
        ServerKind::OpenAi | ServerKind::Azure | ServerKind::Scripted => "/usage/prompt_tokens",
    };
    json.pointer(path)?.as_u64().and_then(|n| u32::try_from(n).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_divided_by_number_and_size() {
        let sizes = |texts: &[String]| {
            let batches = EmbedRequest::batches("m", "k", texts);
            assert_eq!(batches.iter().flat_map(|b| b.texts.clone()).collect::<Vec<_>>(), texts);
            batches.iter().map(|batch| batch.texts.len()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&[]), [0_usize; 0]);
        assert_eq!(sizes(&vec!["a".to_owned(); 130]), [64, 64, 2]);
        let long = ["a".repeat(60_000), "b".repeat(40_000), "c".to_owned(), "d".repeat(200_000), "e".to_owned()];
        assert_eq!(sizes(&long), [2, 1, 1, 1]);
    }

    #[test]
    fn vectors_of_both_protocols() {
        let ollama = json!({ "embeddings": [[1, 0.5], [0, -1]], "prompt_eval_count": 7 });
        let openai = json!({ "usage": { "prompt_tokens": 7 }, "data": [
            { "index": 1, "embedding": [0, -1] }, { "index": 0, "embedding": [1, 0.5] } ] });
        let vectors = vec![vec![1.0, 0.5], vec![0.0, -1.0]];
        for (kind, json) in [(ServerKind::Ollama, ollama), (ServerKind::OpenAi, openai)] {
            assert_eq!(find_vectors(kind, &json), Some(Ok(vectors.clone())), "{kind:?}");
            assert_eq!(count_tokens(kind, &json), Some(7));
        }
        assert_eq!(find_vectors(ServerKind::Ollama, &json!({ "error": "no" })), None);
    }

    #[test]
    fn odd_vectors_are_errors() {
        let odd = |vectors: Json, texts| {
            let found = find_vectors(ServerKind::Ollama, &json!({ "embeddings": vectors })).unwrap();
            found.and_then(|vectors| check_vectors(vectors, texts)).unwrap_err()
        };
        for (vectors, texts, why) in [
            (json!([[1]]), 2, "it has 1 embeddings for 2 texts"),
            (json!([[1], [1, 2]]), 2, "its embeddings have 1 and 2 numbers"),
            (json!([[]]), 1, "an embedding is empty"),
            (json!([["1"]]), 1, "an embedding has something else than numbers"),
            (json!(["AAAA"]), 1, "an embedding is no list of numbers"),
            (json!([[1e300]]), 1, "an embedding has something else than numbers"),
        ] {
            assert_eq!(odd(vectors, texts), why);
        }
    }
}
