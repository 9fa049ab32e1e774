//! A real Ollama, and its OpenAI-compatible endpoint, where variables name them; otherwise each test says loudly
//! that it is skipped. The model `tiny` must be there.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests fail as tests do, and skip loudly")]

use convoke::design::{ModelSpec, Sampling};
use convoke::model::catalog::is_same_model;
use convoke::model::parameters::request_parameters;
use convoke::model::pull::Pull;
use convoke::model::{
    ChatReply, ChatRequest, Connection, EmbedRequest, Embedded, Finish, ModelError, ModelFacts, Server, ServerKind,
    Turn,
};
use convoke::process::memory::request::Unit;
use convoke::process::memory::{Form, importance, plans, reflection};
use convoke::process::turn::schema::Dialect;
use convoke::process::{Author, Message, Purpose};
use secrecy::SecretString;
use std::collections::BTreeSet;

const MODEL: &str = "tiny";

/// The two endpoints use different contexts, and each change makes Ollama reload the model: one test at a time.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok().filter(|v| !v.is_empty());
    if value.is_none() {
        eprintln!("SKIPPED: {name} is not set, so nothing was tried on a real server");
    }
    value
}

fn ollama() -> Option<Connection> {
    let server = Server::new("ollama", ServerKind::Ollama, &variable("CONVOKE_TEST_OLLAMA_HOST")?).unwrap();
    Some(Connection::open(&server).unwrap())
}

fn openai() -> Option<Connection> {
    let server = Server::new("lab", ServerKind::OpenAi, &variable("CONVOKE_TEST_OPENAI_BASE_URL")?).unwrap();
    let key = variable("CONVOKE_TEST_OPENAI_API_KEY").map(SecretString::from);
    Some(Connection::open(&server.with_key(key, "CONVOKE_TEST_OPENAI_API_KEY")).unwrap())
}

async fn ask(connection: &Connection, model: &str, spec: &ModelSpec, seed: u32) -> Result<ChatReply, ModelError> {
    let known = connection.look_up_model(model).await?;
    let context = known.default_context();
    let messages = vec![Message { author: Author::User, content: "What do you say of the yard?".to_owned() }];
    let parameters = request_parameters(connection.server(), spec, Some(seed.into()), Some(context));
    connection.model(known).chat(&ChatRequest { model: model.to_owned(), messages, parameters, ..blank() }).await
}

/// The different texts that four seeds give.
async fn texts(connection: &Connection, sampling: Sampling) -> BTreeSet<String> {
    let sampling = Sampling { max_tokens: Some(20), ..sampling };
    let spec = ModelSpec { sampling, ..ModelSpec::bare(MODEL) };
    let mut texts = BTreeSet::new();
    for seed in 1..=4 {
        texts.insert(ask(connection, MODEL, &spec, seed).await.unwrap().content);
    }
    texts
}

/// Checks that parameters have an effect, by the answers and not by the request.
async fn parameters_act(connection: &Connection, has_top_k: bool) {
    let hot = Sampling { temperature: Some(2.0), top_p: Some(1.0), ..Sampling::default() };
    assert!(texts(connection, hot.clone()).await.len() >= 3, "temperature 2 varies with the seed");
    let cold = Sampling { temperature: Some(0.0), ..Sampling::default() };
    assert_eq!(texts(connection, cold).await.len(), 1, "temperature 0 does not");
    let narrow = Sampling { top_p: Some(0.000_1), ..hot.clone() };
    assert_eq!(texts(connection, narrow).await.len(), 1, "nor does a tiny nucleus");
    if has_top_k {
        let one = Sampling { top_k: Some(1), ..hot.clone() };
        assert_eq!(texts(connection, one).await.len(), 1, "nor does one candidate");
    }
    let spec = ModelSpec { sampling: hot.clone(), ..ModelSpec::bare(MODEL) };
    let first = ask(connection, MODEL, &spec, 11).await.unwrap();
    assert_eq!(first.content, ask(connection, MODEL, &spec, 11).await.unwrap().content, "one seed, one text");
    assert!(first.usage.prompt.is_some() && first.usage.completion.is_some());
    let streamed = ModelSpec { stream: Some(true), ..spec.clone() };
    let streamed = ask(connection, MODEL, &streamed, 11).await.unwrap();
    assert_eq!((&streamed.content, streamed.usage), (&first.content, first.usage), "streamed or not");
    let short = ModelSpec { sampling: Sampling { max_tokens: Some(3), ..hot }, ..ModelSpec::bare(MODEL) };
    let cut = ask(connection, MODEL, &short, 11).await.unwrap();
    assert_eq!((cut.finish, cut.usage.completion), (Finish::Length, Some(3)));
}

#[tokio::test]
async fn ollama_lists_shows_and_answers() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(ollama) = ollama() else { return };
    let offered = ollama.list_models().await.unwrap();
    let tiny = offered.iter().find(|o| is_same_model(&o.name, MODEL)).expect("the model `tiny` must be there");
    assert!(tiny.size.is_some_and(|s| s > 1000) && tiny.digest.as_ref().is_some_and(|d| d.len() == 64));
    assert!(ollama.list_models_with_context().await.unwrap().iter().all(|o| o.context == Some(4096)));
    let known = ollama.look_up_model(MODEL).await.unwrap();
    assert_eq!((&known.digest, known.context, known.default_context()), (&tiny.digest, Some(4096), 4096));
    assert!(known.parameters.contains("num_predict") && known.quantization.is_some(), "{known:?}");
    assert!(ollama.version().await.unwrap().starts_with(|c: char| c.is_ascii_digit()));
    parameters_act(&ollama, true).await;
    let reply = ask(&ollama, MODEL, &ModelSpec::bare(MODEL), 1).await.unwrap();
    assert_eq!((reply.served.digest, reply.differs), (known.digest, Vec::new()));
    assert!(ollama.list_loaded().await.unwrap().iter().any(|m| is_same_model(&m.name, MODEL)));
}

#[tokio::test]
async fn chat_completions_list_and_answer() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(openai) = openai() else { return };
    assert!(openai.list_models().await.unwrap().iter().any(|o| is_same_model(&o.name, MODEL)));
    parameters_act(&openai, false).await;
}

#[tokio::test]
async fn a_model_that_is_not_there() {
    let _turn = ONE_AT_A_TIME.lock().await;
    for connection in [ollama(), openai()].into_iter().flatten() {
        let spec = ModelSpec::bare("absent");
        let known = connection.look_up_model("absent").await;
        assert!(known.is_err() || known == Ok(ModelFacts::default()));
        let error = match ask(&connection, "absent", &spec, 1).await {
            Err(error) => error,
            Ok(reply) => panic!("{reply:?}"),
        };
        assert_eq!(error.word(), "no-model", "{error:?}");
    }
}

/// Both endpoints give the vectors of the same texts. Chat models of Ollama embed too.
#[tokio::test]
async fn texts_are_embedded() {
    let _turn = ONE_AT_A_TIME.lock().await;
    for connection in [ollama(), openai()].into_iter().flatten() {
        let texts = ["The yard is cold.", "The yard is cold.", "A guard sings."].map(str::to_owned).to_vec();
        let request = EmbedRequest { model: MODEL.to_owned(), texts, process: "key".to_owned() };
        let Embedded { vectors, tokens } = connection.embedder().embed(&request).await.unwrap();
        let lengths: Vec<usize> = vectors.iter().map(Vec::len).collect();
        assert!(
            lengths[0] > 1 && lengths == [lengths[0]; 3] && tokens.is_some_and(|n| n > 0),
            "{lengths:?} {tokens:?}"
        );
        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        assert!(near(&vectors[0], &vectors[1]) > near(&vectors[0], &vectors[2]));
        let absent = EmbedRequest { model: "absent".to_owned(), ..request };
        assert_eq!(connection.embedder().embed(&absent).await.unwrap_err().word(), "no-model");
    }
}

/// `CONVOKE_TEST_PULL` names a model in a registry that needs no TLS, such as `127.0.0.1:5000/library/x`.
#[tokio::test]
async fn a_model_is_fetched() {
    let (Some(ollama), Some(model)) = (ollama(), variable("CONVOKE_TEST_PULL")) else { return };
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut seen = Vec::new();
    let pull = Pull { insecure: true, ..Pull::default() };
    ollama.pull_model(&model, pull, &mut |progress| seen.push(progress)).await.unwrap();
    assert!(seen.iter().any(|p| p.total.is_some() && p.completed == p.total), "{seen:?}");
    assert!(ollama.list_models().await.unwrap().iter().any(|o| is_same_model(&o.name, &model)));
    let absent = ollama.pull_model(&format!("{model}-absent"), pull, &mut |_| ()).await.unwrap_err();
    assert_eq!(absent.word(), "no-model", "{absent:?}");
}

/// Asks `tiny` with the schema of a faculty, and returns the reply and whether it was cut.
async fn ask_faculty(ollama: &Connection, text: &str, form: Form, seed: u32) -> (String, bool) {
    let known = ollama.look_up_model(MODEL).await.unwrap();
    let spec = ModelSpec::bare(MODEL);
    let mut parameters = request_parameters(ollama.server(), &spec, Some(seed.into()), Some(known.default_context()));
    parameters.insert("format".to_owned(), form.schema(Dialect::Full { max_tokens: None }));
    let messages = vec![Message { author: Author::User, content: text.to_owned() }];
    let request = ChatRequest { model: MODEL.to_owned(), messages, parameters, ..blank() };
    let reply = ollama.model(known).chat(&request).await.unwrap();
    (reply.content, reply.finish == Finish::Length)
}

fn blank() -> ChatRequest {
    let turn = Turn {
        conversation: "key".to_owned(),
        seq: 1,
        purpose: Purpose::Speech,
        ask: 0,
        ordinal: 0,
        speaker: "A".to_owned(),
        role: "a".to_owned(),
        others: Vec::new(),
        seed: 1,
        form: None,
    };
    ChatRequest { model: String::new(), messages: Vec::new(), parameters: serde_json::Map::new(), turn }
}

/// A model that understands nothing keeps to the schemas of the faculties, unless its reply is cut.
#[tokio::test]
async fn faculties_are_answered_by_their_schemas() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(ollama) = ollama() else { return };
    let events = [(3, "Ben: The yard is cold."), (5, "Ben goes to the hall.")];
    let lines: Vec<&str> = events.iter().map(|(_, text)| *text).collect();
    let mut read = [0; 4];
    for seed in 1..=2 {
        let appraisal = &importance::requests("Ada", &events)[0];
        let (reply, was_cut) = ask_faculty(&ollama, &appraisal.text, appraisal.form, seed).await;
        read[0] += u32::from(importance::read(&reply, was_cut, 2).is_ok_and(|a| a.value.iter().all(Option::is_some)));
        assert!(was_cut || importance::read(&reply, was_cut, 2).is_ok(), "{reply}");
        let text = reflection::request_questions("Ada", &lines);
        let (reply, was_cut) = ask_faculty(&ollama, &text, Form::Questions, seed).await;
        read[1] += u32::from(reflection::read_questions(&reply, was_cut).is_ok());
        assert!(was_cut || reflection::read_questions(&reply, was_cut).is_ok(), "{reply}");
        let text = reflection::request_insights("Ada", "Why is it cold?", &lines);
        let (reply, was_cut) = ask_faculty(&ollama, &text, Form::Insights, seed).await;
        read[2] += u32::from(reflection::read_insights(&reply, was_cut, &[3, 5]).is_ok());
        assert!(was_cut || reflection::read_insights(&reply, was_cut, &[3, 5]).is_ok(), "{reply}");
        let form = Form::Plans { number: 2, unit: Unit::Minutes };
        let (reply, was_cut) = ask_faculty(&ollama, &plans::request("Ada", 2, Unit::Minutes), form, seed).await;
        read[3] += u32::from(plans::read(&reply, was_cut, 2, Unit::Minutes).is_ok());
        assert!(was_cut || plans::read(&reply, was_cut, 2, Unit::Minutes).is_ok(), "{reply}");
    }
    eprintln!("read of 2 each: appraisals, questions, insights, plans: {read:?}");
    assert_eq!(read[0], 2, "each rating is within its bounds");
}
