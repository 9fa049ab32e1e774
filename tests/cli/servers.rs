//! Servers as they are out there: gateways that want other parameters, imitations of Ollama, names of models, proxies,
//! addresses, Azure. Each case counts the requests and the possible spend.

use crate::support::server::{Fake, Seen, completion, respond};
use crate::support::{Outcome, Place};
use serde_json::{Value as Json, json};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An experiment with this model and one condition of four calls.
fn experiment(model: &str, config: &str) -> Place {
    let place = Place::new();
    let toml = format!(
        "name = \"x\"\nmodels = [{model}]\n[protocol]\nmessages = 5\nagents = {{ guard = 1, prisoner = 1 }}\n[roles.guard]\n\
         plural = \"guards\"\npronouns = \"he/his\"\n[roles.prisoner]\nplural = \"prisoners\"\npronouns = \"he/his\"\n"
    );
    let files = [("experiment.toml", toml.as_str()), ("roles/guard.md", "Guard."), ("roles/prisoner.md", "P.")];
    place.folder("x", &files);
    place.write("configuration/convoke/config.toml", config);
    place
}

fn openai(server: &Fake, more: &str) -> String {
    format!("[servers.fake]\nkind = \"openai\"\nbase_url = \"http://{}/v1\"\n{more}", server.address)
}

fn chats(server: &Fake) -> Vec<Json> {
    let chats = server.seen().into_iter().filter(Seen::is_chat);
    chats.map(|seen| serde_json::from_str(&seen.body).unwrap()).collect()
}

fn spend(outcome: &Outcome) -> u64 {
    let end: Json = serde_json::from_str(outcome.out.lines().last().unwrap()).unwrap();
    end["possible_spend"].as_u64().unwrap()
}

/// A server that refuses chats whose body holds a key, in these words.
fn strict(key: &'static str, status: u16, words: &'static str, stream: bool) -> Fake {
    Fake::start(move |seen, socket| {
        if !seen.is_chat() {
            return respond(socket, 404, "", b"{}");
        }
        let body: Json = serde_json::from_str(&seen.body).unwrap();
        if body.get(key).is_some() {
            return respond(socket, status, "", words.as_bytes());
        }
        let delta =
            "data: {\"choices\":[{\"delta\":{\"content\":\"Well.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        respond(socket, 200, "", if stream { delta.to_owned() } else { completion("Well.") }.as_bytes());
    })
}

#[test]
fn a_server_that_wants_another_name_of_max_tokens_gets_it() {
    let model = "{ id = \"fake/m\", max_tokens = 200 }";
    for (status, words) in [
        (
            400,
            r#"{"error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", "param": "max_tokens"}}"#,
        ),
        (422, r#"{"detail": "max_tokens is deprecated, please use max_completion_tokens"}"#),
        (400, r#"{"message": "`max_completion_tokens` replaces `max_tokens`"}"#),
    ] {
        let server = strict("max_tokens", status, words, false);
        let place = experiment(model, &openai(&server, ""));
        let outcome = place.run("run x --replicates 3 --jobs 1 --json").exits(0);
        let sent = chats(&server);
        assert_eq!((sent.len(), spend(&outcome)), (1 + 12, 0), "{words}");
        assert!(sent[1..].iter().all(|body| body["max_completion_tokens"] == 200 && body.get("max_tokens").is_none()));
        // The request that was sent is recorded, with the refused attempt.
        place.run("verify").exits(0);
        let ids = place.run("list x --json").exits(0).json();
        let all: Vec<String> =
            ids["data"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap().to_owned()).collect();
        let calls: String = all.iter().map(|id| place.run(&format!("show {id} --calls")).exits(0).out).collect();
        assert_eq!(calls.matches("refuses the parameter").count(), 1, "{calls}");
        // For good, by the person's configuration.
        let server = strict("max_tokens", status, words, false);
        let place = experiment(model, &openai(&server, "max_tokens_as = \"max_completion_tokens\"\n"));
        place.run("run x").exits(0);
        assert_eq!(chats(&server).len(), 4);
    }
    let back = strict(
        "max_completion_tokens",
        400,
        r#"{"error": {"message": "unknown max_completion_tokens; known: max_tokens"}}"#,
        false,
    );
    let place = experiment(model, &openai(&back, "max_tokens_as = \"max_completion_tokens\"\n"));
    place.run("run x").exits(0);
    assert_eq!(chats(&back).len(), 5);
}

#[test]
fn a_server_that_refuses_stream_options_gets_none() {
    for (status, words) in [
        (
            422,
            r#"{"object": "error", "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options", "include_usage"], "msg": "Extra inputs are not permitted"}]}, "param": null}"#,
        ),
        (400, r#"{"error": {"message": "Unrecognized request argument supplied: stream_options"}}"#),
        (422, r#"{"detail": [{"loc": ["body", "stream_options"], "msg": "extra fields not permitted"}]}"#),
    ] {
        let server = strict("stream_options", status, words, true);
        let place = experiment("{ id = \"fake/m\", stream = true }", &openai(&server, ""));
        let outcome = place.run("run x --jobs 1 --json").exits(0);
        assert_eq!((chats(&server).len(), spend(&outcome)), (1 + 4, 0), "{words}");
        place.run("verify").exits(0);
    }
}

#[test]
fn nothing_else_is_changed_and_no_server_is_asked_for_ever() {
    for (key, words, most) in [
        (
            "temperature",
            r#"{"error": {"message": "temperature is not supported, use top_p", "param": "temperature"}}"#,
            1,
        ),
        (
            "model",
            r#"{"error": {"message": "max_tokens is wrong, use max_completion_tokens; max_completion_tokens is wrong, use max_tokens"}}"#,
            3,
        ),
        ("max_tokens", r#"{"error": {"message": "max_tokens must be below 100", "param": "max_tokens"}}"#, 1),
    ] {
        let server = strict(key, 400, words, false);
        let place = experiment("{ id = \"fake/m\", max_tokens = 200, temperature = 0.5 }", &openai(&server, ""));
        let outcome = place.run("run x --json").exits(5);
        assert_eq!((chats(&server).len(), spend(&outcome)), (most, 0), "{words}");
    }
}

#[test]
fn imitations_of_ollama_need_nothing_that_is_not_used() {
    let tag =
        json!({"name": "m:latest", "modified_at": "2026-01-01T00:00:00Z", "size": 1, "digest": "abc", "details": {}});
    let show = json!({"model_info": {"x.context_length": 8192}, "parameters": "", "template": "x", "license": "x"});
    let with = |base: &Json, key: &str, value: Json| {
        let mut changed = base.clone();
        changed[key] = value;
        changed
    };
    let list = |tag: Json| json!({ "models": [tag] });
    let mut cases = vec![
        (json!([tag]), show.clone()),
        (json!({"models": [{"model": "m:latest"}, {"odd": 1}, null]}), json!(null)),
        (list(tag.clone()), json!("nothing")),
        (json!("no list"), show.clone()),
        (json!({"models": "many"}), show.clone()),
        (json!({"models": null}), show.clone()),
    ];
    for key in ["model_info", "parameters", "template", "license", "capabilities", "details"] {
        cases.push((list(tag.clone()), with(&show, key, Json::Null)));
        cases.push((list(tag.clone()), with(&show, key, json!([7]))));
    }
    for key in ["modified_at", "size", "digest", "details"] {
        cases.push((list(with(&tag, key, Json::Null)), show.clone()));
        cases.push((list(with(&tag, key, json!(-1))), show.clone()));
    }
    for (tags, show) in cases {
        let said = json!({"message": {"content": "Well."}, "done": true, "done_reason": "stop", "eval_count": "3"});
        let (case, listed) = (format!("{tags} {show}"), tags != json!({"models": null}));
        let server = Fake::start(move |seen, socket| match seen.path.as_str() {
            "/api/tags" => respond(socket, 200, "", tags.to_string().as_bytes()),
            "/api/show" => respond(socket, 200, "", show.to_string().as_bytes()),
            "/api/chat" => respond(socket, 200, "", said.to_string().as_bytes()),
            _ => respond(socket, 404, "", b"404 page not found"),
        });
        let place = experiment("\"ollama/m\"", "");
        let variables = [("OLLAMA_HOST", server.address.as_str())];
        // A list without the model means that it is pulled, which this server cannot do.
        let exit = if listed { 0 } else { 5 };
        let outcome = place.run_with("run x --json --max-retries 0", &variables).exits(exit);
        assert_eq!((chats(&server).len(), spend(&outcome)), (if listed { 4 } else { 0 }, 0), "{case}");
    }
}

#[test]
fn names_of_models_are_sent_as_servers_have_them() {
    for name in [
        "@cf/meta/llama-3.1-8b-instruct",
        "claude@001",
        "Llama 3 8B Instruct",
        "hf.co/bartowski/x-GGUF:Q4_K_M",
        "a=b, c?d#e",
        "modèle (v2)",
    ] {
        let server = Fake::saying("Well.");
        let place = experiment(&format!("\"fake/{name}\""), &openai(&server, ""));
        place.run("check x").exits(0);
        place.run("run x --limit 1").exits(0);
        assert!(chats(&server).iter().all(|body| body["model"] == name), "{name}");
        let flag = format!("fake/{name}");
        place.words(&["list", "x"], &[]).exits(0);
        place.words(&["plan", "x", "--model", &flag], &[]).exits(0);
    }
    for id in ["me@host/m", "https://host/m", "fake/https://host/m", "fake/", "fake/ m", "fa ke/m", "fake/a\\nb"] {
        let server = Fake::saying("Well.");
        let place = experiment(&format!("\"{id}\""), &openai(&server, ""));
        place.run("check x").exits(3);
    }
}

/// A listener that counts connections and answers none.
fn counting() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, count) = (listener.local_addr().unwrap().to_string(), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&count);
    std::thread::spawn(move || {
        for _ in listener.incoming() {
            seen.fetch_add(1, Ordering::SeqCst);
        }
    });
    (address, count)
}

#[test]
fn a_proxy_that_is_not_understood_is_refused_before_the_request() {
    for (variable, value) in [
        ("ALL_PROXY", "socks://127.0.0.1:9"),
        ("all_proxy", "socks5://127.0.0.1:9"),
        ("HTTPS_PROXY", "http://"),
        ("https_proxy", "ftp://127.0.0.1:9"),
        ("HTTPS_PROXY", "nonsense here"),
        ("ALL_PROXY", "socks4a://127.0.0.1:9"),
    ] {
        let (address, count) = counting();
        let config = format!("[servers.fake]\nkind = \"openai\"\nbase_url = \"https://{address}/v1\"\n");
        let place = experiment("\"fake/m\"", &config);
        let outcome = place.run_with("run x --max-retries 0 --json", &[(variable, value)]).exits(5);
        assert!(outcome.out.contains(variable), "{}", outcome.screen());
        assert_eq!((count.load(Ordering::SeqCst), spend(&outcome)), (0, 0), "{variable}={value}");
        for line in ["list", "check x", "plan x", "run x --offline"] {
            place.run_with(line, &[(variable, value)]).exits(0);
        }
    }
    // A proxy that is understood is used, and plain http needs none.
    let (proxy, used) = counting();
    let place = experiment(
        "\"fake/m\"",
        "[servers.fake]\nkind = \"openai\"\nbase_url = \"https://fake.invalid/v1\"\n[limits]\nfirst_byte = 1\nconnect = 1\n",
    );
    place.run_with("run x --max-retries 0", &[("HTTPS_PROXY", proxy.as_str())]).exits(5);
    assert!(used.load(Ordering::SeqCst) > 0);
    let server = Fake::saying("Well.");
    experiment("\"fake/m\"", &openai(&server, "")).run_with("run x", &[("ALL_PROXY", "socks://127.0.0.1:9")]).exits(0);
}

#[test]
fn a_wrong_address_in_a_variable_concerns_its_server_only() {
    for (variable, value, model) in [
        ("OLLAMA_HOST", "tcp://127.0.0.1:8200", "ollama/m"),
        ("OLLAMA_HOST", "127.0.0.1:66000", "ollama/m"),
        ("OLLAMA_HOST", "http:/127.0.0.1", "ollama/m"),
        ("OPENAI_BASE_URL", "https://", "openai/m"),
    ] {
        let place = experiment(&format!("\"{model}\""), "");
        for line in ["run x --offline", "list", "check x", "plan x", "doctor --config"] {
            place.run_with(line, &[(variable, value)]).exits(0);
        }
        let outcome = place.run_with("run x --max-retries 0", &[(variable, value)]).exits(5);
        assert!(outcome.err.contains(variable), "{}", outcome.screen());
    }
    let place = experiment("\"fake/m\"", "[servers.fake]\nkind = \"openai\"\nbase_url = \"http:/host/v1\"\n");
    assert!(place.run("list").exits(2).err.contains("//"));
}

#[test]
fn an_address_without_v1_is_told_once() {
    let words = br#"{"error": "Unexpected endpoint or method. (POST /chat/completions). Returning 200 anyway"}"#;
    let server = Fake::start(move |_, socket| respond(socket, 200, "", words));
    let config = format!("[servers.fake]\nkind = \"openai\"\nbase_url = \"http://{}\"\n", server.address);
    let place = experiment("\"fake/m\"", &config);
    let outcome = place.run("run x --json").exits(5);
    assert_eq!((chats(&server).len(), spend(&outcome)), (1, 0));
    assert!(outcome.out.contains("serves nothing at") && !outcome.out.contains("busy"), "{}", outcome.screen());
    let models = place.run("models");
    assert!(models.out.contains("Unexpected endpoint") && models.out.contains("/v1"), "{}", models.screen());
}

/// A server of Azure that refuses everything but these requests.
fn azure(path: &'static str, filtered: bool) -> Fake {
    Fake::start(move |seen, socket| {
        let head = seen.head.to_lowercase();
        let body: Json = serde_json::from_str(&seen.body).unwrap_or_default();
        let is_right = seen.path == path
            && head.starts_with("post ")
            && head.contains("api-key: sk-azure-0123456789")
            && head.contains("content-type: application/json")
            && !head.contains("authorization")
            && body["model"] == "my-deployment"
            && body["max_tokens"] == 200
            && body["messages"].is_array()
            && body.as_object().is_some_and(|fields| fields.len() == 3);
        if !is_right {
            return respond(socket, 401, "", br#"{"error": {"code": "401", "message": "Access denied due to invalid subscription key or wrong API endpoint."}}"#);
        }
        let filter = json!({"error": {"message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
            "type": null, "param": "prompt", "code": "content_filter", "status": 400, "innererror": {
            "code": "ResponsibleAIPolicyViolation", "content_filter_result": {"violence": {"filtered": true, "severity": "high"}}}}});
        if filtered {
            return respond(socket, 400, "", filter.to_string().as_bytes());
        }
        respond(socket, 200, "", completion("Well.").as_bytes());
    })
}

#[test]
fn azure_gets_what_it_wants_and_nothing_else() {
    let model = "{ id = \"azure/my-deployment\", max_tokens = 200 }";
    let v1 = "/openai/v1/chat/completions";
    let dated = "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21";
    let version = ("AZURE_OPENAI_API_VERSION", "2024-10-21");
    for (path, key, version) in [
        (v1, "AZURE_OPENAI_API_KEY", None),
        (v1, "AZURE_OPENAI_KEY", None),
        (dated, "AZURE_OPENAI_API_KEY", Some(version)),
    ] {
        let server = azure(path, false);
        let endpoint = format!("http://{}/", server.address);
        let variables: Vec<_> = [("AZURE_OPENAI_ENDPOINT", endpoint.as_str()), (key, "sk-azure-0123456789")]
            .into_iter()
            .chain(version)
            .collect();
        let place = experiment(model, "");
        let outcome = place.run_with("run x --json", &variables).exits(0);
        assert_eq!((server.seen().len(), spend(&outcome)), (4, 0), "{path}");
    }
    // By the configuration, under any name.
    for (path, more) in [(v1, ""), (dated, "api_version = \"2024-10-21\"\n")] {
        let server = azure(path, false);
        let config = format!(
            "[servers.uni]\nkind = \"azure\"\nbase_url = \"http://{}/openai\"\napi_key_env = \"UNI_KEY\"\n{more}",
            server.address
        );
        let place = experiment(&model.replace("azure/", "uni/"), &config);
        place.run_with("run x", &[("UNI_KEY", "sk-azure-0123456789")]).exits(0);
        assert_eq!(server.seen().len(), 4, "{path}");
    }
    // A wrong key is told as one, and is in no output.
    let server = azure(v1, false);
    let place = experiment(model, "");
    let endpoint = format!("http://{}", server.address);
    let outcome =
        place.run_with("run x", &[("AZURE_OPENAI_ENDPOINT", &endpoint), ("AZURE_OPENAI_KEY", "sk-wrong-99")]).exits(5);
    assert!(outcome.err.contains("AZURE_OPENAI_KEY") && !outcome.err.contains("sk-wrong"), "{}", outcome.screen());
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn the_filter_of_azure_is_for_health_and_its_categories_are_kept() {
    let server = azure("/openai/v1/chat/completions", true);
    let place = experiment("{ id = \"azure/my-deployment\", max_tokens = 200 }", "");
    let endpoint = format!("http://{}", server.address);
    let variables = [("AZURE_OPENAI_ENDPOINT", endpoint.as_str()), ("AZURE_OPENAI_API_KEY", "sk-azure-0123456789")];
    let outcome = place.run_with("run x --json", &variables).exits(0);
    assert_eq!(spend(&outcome), 0);
    assert!(place.run("export x --format jsonl").exits(0).out.contains("\"filtered\""));
    let id = place.run("list x --json").exits(0).json()["data"][0]["id"].as_str().unwrap().to_owned();
    let calls = place.run(&format!("show {id} --calls --json")).exits(0).out;
    assert!(calls.contains("severity"), "{calls}");
}
