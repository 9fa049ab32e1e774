//! Fetching a model: progress, cuts, stalls, and missing models.

use super::support::{Fake, Step, chunk, chunked, response};
use super::*;
use convoke::model::pull::{Progress, Pull};

const PULL: Pull =
    Pull { retries: 2, stall: Duration::from_millis(200), pause: Duration::from_millis(10), insecure: true };

fn version() -> Vec<Step> {
    response(200, "", br#"{"version": "0.9.6"}"#)
}

fn tags() -> Vec<Step> {
    let model = json!({"name": "m:latest", "size": 9, "digest": "d", "modified_at": "2026-01-01T00:00:00Z"});
    response(200, "", json!({ "models": [model] }).to_string().as_bytes())
}

fn layer(completed: u64) -> String {
    format!("{}\n", json!({"status": "pulling d", "digest": "d", "total": 9, "completed": completed}))
}

/// A stream of these lines, then `end`.
fn stream(lines: &[String], end: &[Step]) -> Vec<Step> {
    [vec![chunked()], lines.iter().map(|l| chunk(l.as_bytes())).collect(), end.to_vec()].concat()
}

async fn pull(fake: &Fake) -> (Result<(), ModelError>, Vec<Progress>) {
    let mut seen = Vec::new();
    let connection = Connection::open(&server(ServerKind::Ollama, fake.port)).unwrap();
    let result = connection.pull_model("m", PULL, &mut |progress| seen.push(progress)).await;
    (result, seen)
}

#[tokio::test]
async fn a_pull_that_is_cut_is_taken_up_again() {
    let success = stream(&[layer(9), "{\"status\": \"success\"}\n".to_owned()], &[Step::Send(b"0\r\n\r\n".to_vec())]);
    let (cut, stalled) = (stream(&[layer(3)], &[]), stream(&[layer(6)], &[Step::Silence]));
    let fake = Fake::start(vec![version(), cut, stalled, success, tags()]).await;
    let (result, seen) = pull(&fake).await;
    result.unwrap();
    assert_eq!(seen.iter().filter_map(|p| p.completed).collect::<Vec<_>>(), [3, 6, 9]);
    assert_eq!(seen[0].total, Some(9));
    let sent = fake.seen();
    assert!(String::from_utf8_lossy(&sent[1].body).contains(r#""insecure":true"#));
    assert!(sent[1].head.starts_with("post /api/pull") && sent[3].body == sent[1].body);
}

#[tokio::test]
async fn without_progress_a_pull_is_given_up() {
    let error = stream(&["{\"error\": \"connection reset by peer\"}\n".to_owned()], &[]);
    let fake = Fake::start(vec![version(), error]).await;
    let (result, _) = pull(&fake).await;
    assert_eq!(result.unwrap_err().word(), "busy");
    assert_eq!(fake.seen().len(), 4, "the look-up, the first pull and two more");
}

#[tokio::test]
async fn a_model_that_is_nowhere_is_asked_for_once() {
    let error = "{\"error\": \"pull model manifest: file does not exist\"}\n".to_owned();
    let fake = Fake::start(vec![version(), stream(&[error], &[])]).await;
    let (result, _) = pull(&fake).await;
    assert_eq!(result.unwrap_err().word(), "no-model");
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn lists_have_names_sizes_and_digests() {
    let fake = Fake::start(vec![tags()]).await;
    let offered = Connection::open(&server(ServerKind::Ollama, fake.port)).unwrap().list_models().await.unwrap();
    assert_eq!(
        (offered[0].name.as_str(), offered[0].size, offered[0].digest.as_deref()),
        ("m:latest", Some(9), Some("d"))
    );
    for seen in fake.seen() {
        assert!(seen.head.contains(&format!("authorization: bearer {KEY}")), "{}", seen.head);
    }
    let models = json!({"data": [{"id": "gpt-x"}, {"odd": 1}]}).to_string();
    let fake = Fake::start(vec![response(200, "", models.as_bytes())]).await;
    let offered = Connection::open(&server(ServerKind::OpenAi, fake.port)).unwrap().list_models().await.unwrap();
    assert_eq!(offered.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(), ["gpt-x"]);
}
