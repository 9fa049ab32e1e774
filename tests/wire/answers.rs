//! Answers: whole and streamed, in any pieces, and unusable ones.

use super::support::{Fake, Step, chunk, chunked, last_chunk, response, slowly};
use super::*;
use convoke::model::{Finish, Usage};

#[tokio::test]
async fn the_body_is_sent_byte_for_byte() {
    for kind in KINDS {
        let fake = Fake::start(vec![response(200, "", said(kind, "Good day.").as_bytes())]).await;
        let reply = ask(&server(kind, fake.port), false).await.unwrap();
        assert_eq!((reply.content.as_str(), reply.finish), ("Good day.", Finish::Stop));
        assert_eq!(reply.served.model.as_deref(), Some("m-1"));
        assert_eq!(reply.raw, said(kind, "Good day."));
        let seen = &fake.seen()[0];
        assert_eq!(seen.body, request(&streaming(kind, false)).body());
        let path = if kind == ServerKind::OpenAi { "post /v1/chat/completions " } else { "post /api/chat " };
        assert!(seen.head.starts_with(path), "{}", seen.head);
        assert!(seen.head.contains(&format!("authorization: bearer {KEY}")), "{}", seen.head);
    }
}

#[tokio::test]
async fn a_character_cut_between_two_pieces_stays_whole() {
    for kind in KINDS {
        for (is_streamed, body) in
            [(false, said(kind, "one perché three")), (true, streamed(kind, "one perché", " three"))]
        {
            let bytes = body.as_bytes();
            let cut = body.find('é').unwrap() + 1;
            let reply = once(kind, is_streamed, slowly(&[&bytes[..cut], &bytes[cut..]])).await.unwrap();
            assert_eq!(reply.content, "one perché three");
        }
    }
}

#[tokio::test]
async fn streams_are_counted_and_kept_as_received() {
    for kind in KINDS {
        let body = streamed(kind, "a", "b");
        // The chunks do not end, but all useful lines have arrived.
        let script = vec![chunked(), chunk(body.as_bytes()), Step::Silence];
        let reply = once(kind, true, script).await.unwrap();
        assert_eq!((reply.content.as_str(), reply.finish), ("ab", Finish::Stop));
        assert_eq!(reply.usage, Usage { prompt: Some(3), completion: Some(2), cached: None });
        assert_eq!(reply.raw.trim_end(), body.trim_end());
    }
}

#[tokio::test]
async fn what_is_no_answer_is_invalid() {
    for kind in KINDS {
        for streamed in [false, true] {
            let page = b"<!DOCTYPE html><title>Sign in</title>".as_slice();
            for body in [page, b"{\"choices\": [{\"mess", b"\xff\xfe{}", b"", b"[]", b"42", b"\"text\""] {
                let error = once(kind, streamed, response(200, "", body)).await.unwrap_err();
                assert!(matches!(error, ModelError::Invalid { .. }), "{kind:?} {streamed} {error:?}");
            }
            let error = once(kind, streamed, response(200, "", page)).await.unwrap_err().to_string();
            assert!(error.contains("Sign in") && error.contains("address"), "{error}");
        }
    }
}

#[tokio::test]
async fn cut_answers_are_broken() {
    for kind in KINDS {
        let body = said(kind, "Good day.");
        let short = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len() + 10);
        let no_end = vec![chunked(), chunk(body.as_bytes())];
        for script in [vec![Step::Send(short.into_bytes())], no_end, vec![]] {
            let error = once(kind, false, script).await.unwrap_err();
            assert!(matches!(error, ModelError::Broken { .. }), "{kind:?} {error:?}");
            assert!(error.possible_spend());
        }
        let whole = streamed(kind, "Good", " day.");
        let half = &whole.as_bytes()[..whole.find(" day").unwrap()];
        let one = &whole.as_bytes()[..=whole.find('\n').unwrap()];
        for script in [vec![chunked(), chunk(half)], vec![chunked(), chunk(one), last_chunk()]] {
            let error = once(kind, true, script).await.unwrap_err();
            assert!(matches!(error, ModelError::Broken { .. }), "{kind:?} {error:?}");
        }
    }
}

#[tokio::test]
async fn filtered_prompts_are_answers() {
    let azure = json!({"error": {"message": "no", "code": "bad", "innererror": {"code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {"violence": {"filtered": true}}}}});
    for (status, body) in [
        (400, json!({"error": {"message": "The prompt was filtered", "code": "content_filter"}})),
        (400, json!({"error": {"message": "no", "code": "content_policy_violation"}})),
        (403, azure),
        (400, json!({"error": {"message": "Input data may contain inappropriate content.", "code": null}})),
        (422, json!({"code": "data_inspection_failed", "message": "no"})),
        (400, json!({"error": {"code": 1301, "message": "unsicher"}})),
        (400, json!({"error": "Content Exists Risk"})),
        (200, json!({"error": {"message": "no", "code": "content_filter"}})),
    ] {
        let body = body.to_string();
        let reply = once(ServerKind::OpenAi, false, response(status, "", body.as_bytes())).await.unwrap();
        assert_eq!((reply.content.as_str(), reply.finish, reply.raw), ("", Finish::Filtered, body));
    }
    for page in ["<title>Blocked: content_filter</title>", "content_filter"] {
        let error = once(ServerKind::OpenAi, false, response(403, "", page.as_bytes())).await.unwrap_err();
        assert_eq!(error.word(), "refused", "{error}");
    }
    let refusal = json!({"choices": [{"message": {"content": null, "refusal": "I won't."}, "finish_reason": "stop"}]});
    let reply = once(ServerKind::OpenAi, false, response(200, "", refusal.to_string().as_bytes())).await.unwrap();
    assert!(reply.refused && reply.content == "I won't.");
}

#[tokio::test]
async fn a_key_in_a_reply_is_taken_out() {
    for kind in KINDS {
        let reply =
            once(kind, false, response(200, "", said(kind, &format!("It is {KEY}.")).as_bytes())).await.unwrap();
        assert_eq!(reply.content, "It is [redacted].");
        assert!(!reply.raw.contains("canary"));
        // The pieces of a stream hold it only when joined.
        let body = streamed(kind, "It is sk-canary", "-0123456789.");
        let reply = once(kind, true, response(200, "", body.as_bytes())).await.unwrap();
        assert_eq!(reply.content, "It is [redacted].");
    }
}

#[tokio::test]
async fn a_context_larger_than_the_model_has_is_told() {
    let fake = Fake::start(vec![response(200, "", said(ServerKind::Ollama, "x").as_bytes())]).await;
    let connection = Connection::open(&server(ServerKind::Ollama, fake.port)).unwrap();
    let known = ModelFacts { context: Some(4096), digest: Some("abc".to_owned()), ..ModelFacts::default() };
    let sent = request(&json!({"stream": false, "options": {"num_ctx": 10_000}}));
    let reply = connection.model(known).chat(&sent).await.unwrap();
    assert_eq!(reply.differs, ["num_ctx: sent 10000, the model has 4096"]);
    assert_eq!(reply.served.digest.as_deref(), Some("abc"));
}
