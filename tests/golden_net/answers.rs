//! Answers of the fake model servers: a pure function of the request's bytes. It never changes, since the kept
//! transcripts hold the answers that 0.1.0 got.

use crate::kept::in_lines;
use convoke::design::key::sha256;
use serde_json::{Value as Json, json};

const WORDS: [&str; 16] = [
    "bread", "water", "window", "morning", "letter", "garden", "silence", "bargain", "promise", "weather", "corridor",
    "visitor", "lantern", "stone", "river", "winter",
];

/// An answer of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// Words of a model, before a protocol wraps them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    content: String,
    thinking: Option<&'static str>,
    refusal: Option<&'static str>,
    finish: &'static str,
    prompt_tokens: usize,
}

/// A request as far as the fake models read it.
struct Asked {
    model: String,
    system: String,
    last: String,
    all: String,
    digits: Vec<usize>,
    hash: String,
    bytes: usize,
    streams: bool,
}

/// Answers a request.
pub fn answer(path: &str, body: &str) -> Answer {
    match path {
        "/api/tags" => ok(TAGS.to_owned()),
        "/api/show" => ok(SHOWN.to_owned()),
        "/api/chat" => chat(body, native),
        "/v1/chat/completions" => chat(body, completion),
        _ => Answer { status: 404, body: "{}".to_owned() },
    }
}

const TAGS: &str = r#"{"models":[{"name":"clay:latest","model":"clay:latest","modified_at":"2026-01-02T03:04:05Z","size":4661224676,"digest":"46e0c10c039e019119339687c3c1757cc81b9da49709a3b3924863ba87ca666e","details":{"parameter_size":"8.0B","quantization_level":"Q4_K_M"}},{"name":"odd:latest","model":"odd:latest","modified_at":"2026-01-02T03:04:05Z","size":1,"digest":"0dd0c10c039e019119339687c3c1757cc81b9da49709a3b3924863ba87ca666e","details":{}}]}"#;
const SHOWN: &str = r#"{"license":"","modelfile":"","parameters":"temperature 0.5\nnum_ctx 200","template":"","model_info":{"llama.context_length":131072},"capabilities":[]}"#;

fn ok(body: String) -> Answer {
    Answer { status: 200, body }
}

fn chat(body: &str, put: fn(&Asked, &Said) -> String) -> Answer {
    let asked = Asked::read(body);
    if asked.model == "narrow" && asked.digits[6].is_multiple_of(3) {
        let message = "This model's maximum context length is 64 tokens, and the prompt has more.";
        let error = json!({ "error": { "message": message, "type": "invalid_request_error", "code": "context_length_exceeded" } });
        return Answer { status: 400, body: error.to_string() };
    }
    ok(put(&asked, &asked.said()))
}

impl Asked {
    fn read(body: &str) -> Self {
        let json: Json = serde_json::from_str(body).unwrap();
        let texts: Vec<String> = json["messages"].as_array().unwrap().iter().map(text).collect();
        let hash = sha256(body);
        Self {
            model: json["model"].as_str().unwrap().to_owned(),
            system: texts.first().cloned().unwrap_or_default(),
            last: texts.last().cloned().unwrap_or_default(),
            all: texts.join("\n"),
            digits: hash.chars().map(|c| c.to_digit(16).unwrap() as usize).collect(),
            hash,
            bytes: body.len(),
            streams: json["stream"] == true,
        }
    }

    fn word(&self, place: usize) -> &'static str {
        WORDS[self.digits[place]]
    }

    fn sentence(&self) -> String {
        format!(
            "The {} and the {} are at the {} today, so the {} must wait for {}.",
            self.word(0),
            self.word(1),
            self.word(2),
            self.word(3),
            &self.hash[..8]
        )
    }

    /// Names among which a selector is to choose.
    fn candidates(&self) -> Vec<String> {
        let Some((_, list)) = self.last.rsplit_once("of these:\n") else { return Vec::new() };
        names(list)
    }

    /// The reader's name, where the prompt gives it.
    fn own(&self) -> String {
        let after = self.system.split_once("You are ").map_or("", |(_, after)| after);
        names(after).into_iter().next().unwrap_or_else(|| "Nobody_100".to_owned())
    }

    /// A name in the request that is not the reader's.
    fn other(&self) -> String {
        let own = self.own();
        names(&self.all).into_iter().rev().find(|n| *n != own).unwrap_or_else(|| "Somebody_100".to_owned())
    }

    fn said(&self) -> Said {
        let usual = |content: String| Said {
            content,
            thinking: None,
            refusal: None,
            finish: "stop",
            prompt_tokens: self.bytes / 4,
        };
        let candidates = self.candidates();
        if !candidates.is_empty() {
            return usual(self.choice(&candidates));
        }
        match (self.model.as_str(), self.digits[4]) {
            ("quits", 0..=3) => usual(format!("{} [END]", self.sentence())),
            ("silent", 0..=11) | ("moody", 0..=3) => usual(" \n".to_owned()),
            ("moody", 4..=6) => usual("I'm sorry, but I can't help with that request.".to_owned()),
            ("moody", 7) => Said { finish: "length", ..usual(self.sentence()) },
            ("odd", digit) => self.odd(digit, usual(self.sentence())),
            _ => usual(self.sentence()),
        }
    }

    /// A name; one time in four none or several, so that the program asks again.
    fn choice(&self, candidates: &[String]) -> String {
        let name = &candidates[self.digits[5] % candidates.len()];
        match (self.model.as_str(), self.digits[4]) {
            ("stubborn", _) | (_, 0 | 1) => self.sentence(),
            (_, 2 | 3) => candidates.join(" or "),
            (_, 4 | 5) => format!("  {}.\n", name.to_lowercase()),
            (_, 6) => format!("<think>Who was it?</think>{name}<|im_end|>"),
            _ => name.clone(),
        }
    }

    /// Every trait that the program flags, by turns.
    fn odd(&self, digit: usize, usual: Said) -> Said {
        let (own, other, sentence) = (self.own(), self.other(), usual.content.clone());
        let with = |content: String| Said { content, ..usual.clone() };
        match digit {
            0 => with(format!("<think>They want {}.</think>\n{sentence}", self.word(7))),
            1 => Said { thinking: Some("A hidden thought."), ..usual },
            2 => with(format!("{sentence}<|im_end|>\n<|im_start|>user\nand more")),
            3 => with(format!("**{own}:** {sentence}")),
            4 => with(format!("{sentence}\n\n{other}: No, the {} is mine.", self.word(8))),
            5 => with(format!("{other}: {sentence}")),
            6 => with("I'm sorry, but I can't help with that request.".to_owned()),
            7 => Said { content: String::new(), refusal: Some("I cannot take part in this."), ..usual },
            8 => Said { finish: "length", ..usual },
            9 => Said { finish: "content_filter", ..with("The rest was".to_owned()) },
            10 => with(String::new()),
            11 => with(self.system.lines().max_by_key(|line| line.len()).unwrap_or_default().to_owned()),
            12 => with([sentence.as_str(); 4].join(" ")),
            13 => Said { prompt_tokens: 3, ..usual },
            14 => with(format!(
                "\u{feff}=\"{sentence}\"\t\u{1b}[31m<b>é字🙂\u{0}</b> ![x](http://example.org/x.png) | # h\r\n\r\n"
            )),
            _ => with(format!("{own} (softly): {sentence}\n{other} (loudly): No.\n{own} (softly): Yes.")),
        }
    }
}

fn text(message: &Json) -> String {
    message["content"].as_str().unwrap().to_owned()
}

/// Words such as `Prison_guard_117`.
fn names(text: &str) -> Vec<String> {
    let is_name = |word: &&str| word.rsplit_once('_').is_some_and(|(_, n)| n.len() >= 3 && n.parse::<u32>().is_ok());
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(is_name).map(str::to_owned).collect()
}

/// Chat completions, whole or as a stream.
fn completion(asked: &Asked, said: &Said) -> String {
    let usage = json!({ "prompt_tokens": said.prompt_tokens, "completion_tokens": said.content.len() / 4 + 1 });
    if !asked.streams {
        let mut message = json!({ "role": "assistant", "content": said.content });
        for (name, text) in [("reasoning_content", said.thinking), ("refusal", said.refusal)] {
            if let Some(text) = text {
                message[name] = Json::from(text);
            }
        }
        let choice = json!({ "index": 0, "finish_reason": said.finish, "message": message });
        return json!({ "id": "x", "object": "chat.completion", "model": asked.model, "choices": [choice], "usage": usage })
            .to_string();
    }
    let mut deltas = vec![json!({ "role": "assistant", "content": "" })];
    deltas.extend(said.thinking.map(|t| json!({ "reasoning_content": t })));
    deltas.extend(said.refusal.map(|t| json!({ "refusal": t })));
    deltas.extend(said.content.split_inclusive(' ').map(|piece| json!({ "content": piece })));
    let chunk = |choices: Json| json!({ "id": "x", "model": asked.model, "choices": choices });
    let mut events: Vec<Json> = deltas.into_iter().map(|d| chunk(json!([{ "index": 0, "delta": d }]))).collect();
    events.push(chunk(json!([{ "index": 0, "delta": {}, "finish_reason": said.finish }])));
    let mut last = chunk(json!([]));
    last["usage"] = usage;
    events.push(last);
    let lines = in_lines(events.iter().map(|e| format!("data: {e}\n")));
    format!("{lines}data: [DONE]\n\n")
}

/// Ollama's own protocol, whole or as a stream.
fn native(asked: &Asked, said: &Said) -> String {
    let piece = |content: &str, thinking: Option<&str>| {
        let mut message = json!({ "role": "assistant", "content": content });
        if let Some(thinking) = thinking {
            message["thinking"] = Json::from(thinking);
        }
        json!({ "model": format!("{}:latest", asked.model), "created_at": "2026-01-02T03:04:05Z", "message": message, "done": false })
    };
    let whole = if said.content.is_empty() { said.refusal.unwrap_or_default() } else { &said.content };
    let mut pieces = if asked.streams {
        let mut pieces: Vec<Json> = whole.split_inclusive(' ').map(|p| piece(p, None)).collect();
        pieces.push(piece("", said.thinking));
        pieces
    } else {
        vec![piece(whole, said.thinking)]
    };
    let last = pieces.last_mut().unwrap();
    last["done"] = Json::from(true);
    last["done_reason"] = Json::from(said.finish);
    last["prompt_eval_count"] = Json::from(said.prompt_tokens);
    last["eval_count"] = Json::from(whole.len() / 4 + 1);
    in_lines(pieces)
}

#[test]
fn the_answer_to_a_request_is_always_the_same() {
    let body = r#"{"model":"plain","messages":[{"role":"system","content":"s"},{"role":"user","content":"u"}]}"#;
    let said = answer("/v1/chat/completions", body);
    assert_eq!((said.status, answer("/v1/chat/completions", body)), (200, said.clone()));
    assert_eq!(answer("/v1/models", "").status, 404);
}
