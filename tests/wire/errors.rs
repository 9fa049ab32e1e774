//! Errors: each status and wording means one thing.

use super::support::{Fake, Step, chunk, chunked, response};
use super::*;

async fn refused(kind: ServerKind, status: u16, body: &Json) -> ModelError {
    let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    once(kind, false, response(status, "", text.as_bytes())).await.unwrap_err()
}

fn openai(message: &str, code: &str) -> Json {
    json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": code}})
}

#[tokio::test]
async fn what_each_error_means() {
    let quota = "You exceeded your current quota, please check your plan and billing details.";
    let rate = "Rate limit reached for m. You can increase it by adding a payment method at /account/billing.";
    let long = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.";
    for (status, body, word) in [
        (401, openai("Incorrect API key provided", "invalid_api_key"), "key"),
        (402, json!({"error": {"message": "Insufficient credits", "code": 402}}), "quota"),
        (429, openai(quota, "insufficient_quota"), "quota"),
        (429, openai(rate, "rate_limit_exceeded"), "busy"),
        (404, openai("The model `m` does not exist or you do not have access to it.", "model_not_found"), "no-model"),
        (404, json!({"object": "error", "message": "The model `m` does not exist.", "code": 404}), "no-model"),
        (400, openai("m is not a valid model ID", ""), "no-model"),
        (404, json!("404 page not found"), "refused"),
        (400, openai(long, "context_length_exceeded"), "context-full"),
        (400, openai("the request exceeds the available context size", ""), "context-full"),
        (400, openai("prompt is too long: 9 tokens > 8 maximum", ""), "context-full"),
        (413, openai("input length and max_tokens exceed context limit", ""), "context-full"),
        (413, json!("<html><title>413 Request Entity Too Large</title>"), "context-full"),
        (
            400,
            openai("The input token count (9) exceeds the maximum number of tokens allowed (8).", ""),
            "context-full",
        ),
        (
            422,
            json!({"error": "`inputs` tokens + `max_new_tokens` must be <= 8", "error_type": "validation"}),
            "context-full",
        ),
        (422, json!({"detail": [{"loc": ["body", "top_p"], "msg": "must be below 1"}]}), "refused"),
        (408, json!({}), "busy"),
        (409, json!({}), "busy"),
        (425, json!({}), "busy"),
        (503, json!("<html><title>Bad gateway</title>"), "busy"),
    ] {
        let error = refused(ServerKind::OpenAi, status, &body).await;
        assert_eq!(error.word(), word, "{status} {body} {error:?}");
        assert!(!error.possible_spend(), "{error:?}");
    }
    assert!(refused(ServerKind::OpenAi, 502, &json!({})).await.possible_spend());
}

#[tokio::test]
async fn a_prompt_that_is_too_long_in_any_words() {
    let vllm = "The decoder prompt (length 4970) is longer than the maximum model length of 4096.";
    for (status, body) in [
        (400, json!({"object": "error", "message": vllm, "type": "BadRequestError", "param": null, "code": 400})),
        (500, json!({"detail": format!("[address=0.0.0.0:1, pid=2] {vllm}")})),
        (400, json!({"error": "Trying to keep the first 4970 tokens when context the overflows."})),
        (400, json!({"error": "The number of tokens to keep is greater (n_keep: 9000 >= n_ctx: 8192)."})),
        (
            400,
            json!({"code": "Client specified an invalid argument",
            "error": "This model's maximum prompt length is 131072 but the request contains 136973 tokens."}),
        ),
        (400, json!({"error": {"code": "1261", "message": "Prompt too long"}})),
        (400, json!({"error": {"code": 1261, "message": "zu lang"}})),
        (422, json!({"message": "Your request exceeded model token limit: 8192"})),
        (400, json!({"error": {"message": "Range of input length should be [1, 30720]"}})),
        (413, json!({"error": {"message": "Request too large for model `m`: Limit 6000, Requested 7000 tokens"}})),
        (431, json!({"error": {"message": "input is too long for requested model"}})),
        (400, json!({"detail": {"error": {"type": "prompt_too_long", "message": "no"}}})),
    ] {
        let error = refused(ServerKind::OpenAi, status, &body).await;
        assert_eq!((error.word(), error.possible_spend()), ("context-full", false), "{status} {body} {error:?}");
    }
}

#[tokio::test]
async fn what_a_401_or_403_is_about() {
    let denied = "Project `proj_x1` does not have access to model `m`";
    let verify = "Your organization must be verified to use the model `m`.";
    for (status, body, word) in [
        (403, openai(denied, "model_not_found"), "no-access"),
        (401, openai(verify, "unsupported"), "no-access"),
        (403, json!({"message": "M is not available in your region"}), "no-access"),
        (403, json!({"error": "You do not have permission to use m."}), "no-access"),
        (403, json!({"error": "You do not have permission to use model-x."}), "key"),
        (401, json!({"error": "no"}), "key"),
        (403, openai("Invalid API key for m: no access", "invalid_api_key"), "key"),
        (403, json!({"detail": "Forbidden"}), "key"),
        (403, json!({"error": {"message": "insufficient balance"}}), "quota"),
        (403, json!({"error": {"message": "Too many requests"}}), "busy"),
        (403, json!({"error": {"message": "so nicht"}}), "refused"),
        (403, json!("<html><title>Attention Required! | Cloudflare</title>"), "refused"),
        (403, json!("<html><title>403 Forbidden</title>Access to model m is denied: safety</html>"), "refused"),
    ] {
        let error = refused(ServerKind::OpenAi, status, &body).await;
        assert_eq!((error.word(), error.possible_spend()), (word, false), "{status} {body} {error:?}");
    }
}

#[tokio::test]
async fn what_passes_is_retried_and_what_does_not_is_not() {
    for (status, words, word) in [
        (421, "", "busy"),
        (423, "the model is being loaded", "busy"),
        (424, "backend restarting", "busy"),
        (498, "Flex tier capacity exceeded. Try again later.", "busy"),
        (499, "cancelled", "busy"),
        (400, "Too many requests in this minute", "busy"),
        (404, "The model is warming up", "busy"),
        (404, "Please try again in 20s.", "busy"),
        (449, "You exceeded your current rate limit", "busy"),
        (400, "Model m is overloaded, top_p or not: overloaded", "refused"),
        (400, "try again with fewer tokens", "refused"),
        (400, "Please try again in a new chat", "refused"),
        (404, "model m not found, try again later", "no-model"),
        (424, "The prompt is too long; try again later", "context-full"),
        (418, "odd", "refused"),
        (404, "no route", "refused"),
        (405, "", "refused"),
        (200, "Unexpected endpoint or method. (POST /chat/completions)", "refused"),
    ] {
        let error = refused(ServerKind::OpenAi, status, &json!({"error": {"message": words, "code": "x"}})).await;
        assert_eq!((error.word(), error.possible_spend()), (word, false), "{status} {words} {error:?}");
    }
    let body = json!({"error": "Unexpected endpoint or method."});
    let error = refused(ServerKind::OpenAi, 200, &body).await;
    assert_eq!(convoke::model::retry::verdict(&error), convoke::model::Verdict::StopServer);
    assert!(error.to_string().contains("serves nothing at http://127.0.0.1"), "{error}");
}

#[tokio::test]
async fn what_each_error_of_ollama_means() {
    for (status, body, word) in [
        (404, "model \"m\" not found, try pulling it first", "no-model"),
        (200, "model \"m\" not found", "no-model"),
        (200, "an error was encountered while running the model", "busy"),
        (500, "the input length exceeds the context length", "context-full"),
        (500, "llama runner process has terminated", "busy"),
        (503, "server busy, please try again. maximum pending requests exceeded", "busy"),
        (400, "option \"top_k\" must be of type integer", "refused"),
    ] {
        let error = refused(ServerKind::Ollama, status, &json!({ "error": body })).await;
        assert_eq!(error.word(), word, "{status} {body} {error:?}");
    }
}

#[tokio::test]
async fn the_parameter_is_named() {
    let by_field =
        json!({"error": {"message": "Unsupported value", "param": "temperature", "code": "unsupported_value"}});
    let by_words = openai("Unsupported parameter: 'top_p' is not supported with this model.", "unsupported_parameter");
    let by_place = json!({"detail": [{"loc": ["body", "top_p"], "msg": "must be below 1"}]});
    for (body, name) in [(by_field, "temperature"), (by_words, "top_p"), (by_place, "top_p")] {
        let error = refused(ServerKind::OpenAi, 400, &body).await;
        let ModelError::Refused { parameter, status: 400, .. } = &error else { panic!("{error:?}") };
        assert_eq!(parameter.as_deref(), Some(name));
        assert!(error.to_string().contains(&format!("the parameter `{name}`")), "{error}");
    }
}

#[tokio::test]
async fn the_key_variable_is_named_and_the_key_is_not() {
    let echo = format!("Incorrect API key provided: {KEY}. \u{1b}[31mSee\u{202e} https://lab.example");
    let error = refused(ServerKind::OpenAi, 401, &openai(&echo, "invalid_api_key")).await;
    let ModelError::Key { message, variable, .. } = &error else { panic!("{error:?}") };
    assert_eq!(variable, "LAB_API_KEY");
    assert_eq!(message, "Incorrect API key provided: [redacted]. [31mSee https://lab.example");
    let long = refused(ServerKind::OpenAi, 400, &openai(&"x".repeat(5000), "")).await;
    assert!(long.to_string().chars().count() < 600);
}

#[tokio::test]
async fn errors_inside_a_stream_are_errors() {
    for kind in KINDS {
        let begin = streamed(kind, "Good", " day.");
        let begin = &begin.as_bytes()[..=begin.find('\n').unwrap()];
        let lead = if kind == ServerKind::OpenAi { "\ndata: " } else { "" };
        let error = format!("{lead}{}\n", json!({"error": {"message": "overloaded", "code": 503}}));
        // The server keeps the connection open, but the error must be seen.
        let script = vec![chunked(), chunk(begin), chunk(error.as_bytes()), Step::Silence];
        let error = once(kind, true, script).await.unwrap_err();
        assert_eq!(error.word(), "busy", "{kind:?} {error:?}");
    }
}

// S2: a key is sent to its server's host only.
#[tokio::test]
async fn redirects_are_not_followed() {
    for kind in KINDS {
        let other = Fake::start(vec![response(200, "", said(kind, "stolen").as_bytes())]).await;
        let place = format!("location: http://127.0.0.1:{}/v1/x?k={KEY}\r\n", other.port);
        for status in [301, 302, 307, 308] {
            let error = once(kind, false, response(status, &place, b"")).await.unwrap_err();
            assert_eq!(error.word(), "refused");
            let text = error.to_string();
            assert!(text.contains("redirected to http://127.0.0.1") && text.contains("address"), "{text}");
        }
        let fake = Fake::start(vec![response(307, &place, b"")]).await;
        let connection = Connection::open(&server(kind, fake.port)).unwrap();
        assert!(connection.list_models().await.is_err());
        assert!(connection.pull_model("m", convoke::model::pull::Pull::default(), &mut |_| ()).await.is_err());
        assert!(other.seen().is_empty(), "the other host must see no request");
    }
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    for kind in KINDS {
        let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let error = ask(&server(kind, port), false).await.unwrap_err();
        assert!(error.to_string().contains("refused") && error.to_string().contains(&port.to_string()), "{error}");
        assert!(matches!(error, ModelError::Unreachable { .. }) && !error.possible_spend(), "{error:?}");
        let looked_up = Connection::open(&server(kind, port)).unwrap().list_models().await.unwrap_err();
        assert_eq!(looked_up.word(), "unreachable");
    }
}

#[tokio::test]
async fn a_key_that_no_header_can_carry_is_refused_unsaid() {
    let key = Some(SecretString::from("sk-canary\n-x".to_owned()));
    let server = Server { key, ..server(ServerKind::OpenAi, 9) };
    let error = Connection::open(&server).unwrap_err();
    assert_eq!(error.word(), "key");
    assert!(!format!("{error} {error:?} {server:?}").contains("canary"));
}

#[tokio::test]
async fn tls_that_fails_is_an_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    for kind in KINDS {
        let server = Server { limits: limits(), ..Server::new("lab", kind, &address).unwrap() };
        assert_eq!(ask(&server, false).await.unwrap_err().word(), "unreachable");
        assert!(Connection::open(&server).unwrap().list_models().await.is_err());
    }
}
