//! Embeddings: the bodies that leave, the vectors that are read, and errors of servers that embed nothing.

use super::support::{Fake, response};
use super::*;
use convoke::model::{EmbedRequest, Embedded};

fn request_of(texts: &[&str]) -> EmbedRequest {
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    EmbedRequest { model: "m".to_owned(), texts, process: "key".to_owned() }
}

async fn embed(kind: ServerKind, status: u16, body: &Json) -> (Result<Embedded, ModelError>, Fake) {
    let fake = Fake::start(vec![response(status, "", body.to_string().as_bytes())]).await;
    let embedder = Connection::open(&server(kind, fake.port)).unwrap().embedder();
    (embedder.embed(&request_of(&["a", "b"])).await, fake)
}

#[tokio::test]
async fn texts_leave_and_vectors_return() {
    let openai = json!({ "data": [{ "index": 0, "embedding": [1, 0] }, { "index": 1, "embedding": [0.5, -0.5] }],
        "usage": { "prompt_tokens": 4, "total_tokens": 4 } });
    let ollama = json!({ "model": "m", "embeddings": [[1, 0], [0.5, -0.5]], "prompt_eval_count": 4 });
    for (kind, answer, path) in
        [(ServerKind::OpenAi, openai, "post /v1/embeddings "), (ServerKind::Ollama, ollama, "post /api/embed ")]
    {
        let (embedded, fake) = embed(kind, 200, &answer).await;
        let vectors = vec![vec![1.0, 0.0], vec![0.5, -0.5]];
        assert_eq!(embedded, Ok(Embedded { vectors, tokens: Some(4) }));
        let seen = &fake.seen()[0];
        assert!(seen.head.starts_with(path), "{}", seen.head);
        assert!(seen.head.contains(&format!("authorization: bearer {KEY}")));
        assert_eq!(String::from_utf8_lossy(&seen.body), r#"{"model":"m","input":["a","b"]}"#);
    }
}

#[tokio::test]
async fn a_model_that_embeds_nothing_is_named() {
    for (kind, status, body) in [
        (ServerKind::Ollama, 500, json!({ "error": "this model does not support embeddings" })),
        (ServerKind::Ollama, 501, json!({ "error": "this model does not support embeddings" })),
        (ServerKind::OpenAi, 400, json!({ "error": { "message": "The model does not support Embeddings API" } })),
        (
            ServerKind::OpenAi,
            501,
            json!({ "error": { "code": 501, "type": "not_supported_error",
            "message": "This server does not support embeddings. Start it with `--embeddings`" } }),
        ),
        (
            ServerKind::OpenAi,
            403,
            json!({ "error": { "type": "invalid_request_error",
            "message": "You are not allowed to generate embeddings from this model" } }),
        ),
    ] {
        let (embedded, _) = embed(kind, status, &body).await;
        let error = embedded.unwrap_err();
        assert_eq!(error.word(), "no-embeddings", "{body} {error:?}");
        assert!(error.to_string().starts_with("model `m` of lab embeds no texts: "), "{error}");
        assert!(!error.possible_spend());
    }
}

#[tokio::test]
async fn other_errors_are_those_of_any_request() {
    let long = json!({ "error": "the input length exceeds the context length" });
    for (kind, status, body, word) in [
        (ServerKind::Ollama, 404, json!({ "error": "model \"m\" not found, try pulling it first" }), "no-model"),
        (ServerKind::OpenAi, 401, json!({ "error": { "message": "Incorrect API key provided" } }), "key"),
        (ServerKind::OpenAi, 429, json!({ "error": { "message": "Rate limit reached" } }), "busy"),
        (ServerKind::OpenAi, 200, json!({ "error": { "message": "overloaded", "code": 529 } }), "busy"),
        (ServerKind::Ollama, 400, long, "context-full"),
        (ServerKind::OpenAi, 404, json!("404 page not found"), "refused"),
        (ServerKind::OpenAi, 200, json!({ "data": [{ "embedding": [1] }] }), "invalid"),
        (ServerKind::OpenAi, 200, json!({ "data": [{ "embedding": [1] }, { "embedding": [1, 2] }] }), "invalid"),
        (ServerKind::OpenAi, 200, json!({ "data": [{ "embedding": "AAAA" }, { "embedding": "AAAA" }] }), "invalid"),
        (ServerKind::Ollama, 200, json!({ "hello": 1 }), "invalid"),
    ] {
        let (embedded, _) = embed(kind, status, &body).await;
        let error = embedded.unwrap_err();
        assert_eq!(error.word(), word, "{status} {body} {error:?}");
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}
