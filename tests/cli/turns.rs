//! Turns as JSON through whole commands: offline, with a server that takes schemas and with one that takes none, in
//! transcripts, exports and keys.

use crate::support::Place;
use crate::support::server::{Fake, Seen, completion, respond};
use serde_json::{Value as Json, json};

const MARKET: &str = r#"name = "market"
models = [{ id = "fake/m", max_tokens = 300 }]
[protocol]
messages = 5
agents = { seller = 1, buyer = 1 }
[roles.seller]
plural = "sellers"
pronouns = "she/her"
[roles.buyer]
plural = "buyers"
pronouns = "he/his"
[roles.buyer.mind]
state = ["limit"]
[mind]
thoughts = true
[[actions]]
name = "offer"
text = "Offer a price."
fields = { price = "number", rate = { from = 0, to = 10 } }
who = ["seller"]
heard = true
says = "offers <price>"
"#;

fn market(toml: &str, config: &str) -> Place {
    let place = Place::new();
    let files = [("experiment.toml", toml), ("roles/seller.md", "You sell."), ("roles/buyer.md", "You buy.")];
    place.folder("market", &files);
    place.write("configuration/convoke/config.toml", config);
    place
}

fn openai(server: &Fake, more: &str) -> String {
    format!("[servers.fake]\nkind = \"openai\"\nbase_url = \"http://{}/v1\"\n{more}", server.address)
}

fn bodies(server: &Fake) -> Vec<Json> {
    server.seen().iter().filter(|seen| seen.is_chat()).map(|seen| serde_json::from_str(&seen.body).unwrap()).collect()
}

/// The turn that a body asks for: sellers offer, buyers set a limit.
fn turn_for(body: &Json) -> String {
    let system = body["messages"][0]["content"].as_str().unwrap();
    if system.contains("You sell.") {
        json!({ "thought": "Cheap.", "text": "Look at this.", "actions": [{ "do": "offer", "price": 4.5, "rate": 7 }] })
    } else {
        json!({ "thought": "Dear.", "text": "Hm.", "state": { "limit": "four" } })
    }
    .to_string()
}

/// A server that refuses a schema in these words, or takes it.
fn server(refusal: Option<&'static str>) -> Fake {
    Fake::start(move |seen: &Seen, socket| {
        if !seen.is_chat() {
            return respond(socket, 404, "", b"{}");
        }
        let body: Json = serde_json::from_str(&seen.body).unwrap();
        match refusal.filter(|_| body.get("response_format").is_some()) {
            Some(words) => respond(socket, 400, "", words.as_bytes()),
            None => respond(socket, 200, "", completion(&turn_for(&body)).as_bytes()),
        }
    })
}

#[test]
fn a_turn_is_asked_for_with_a_schema_and_its_notes_are_kept() {
    let server = server(None);
    let place = market(MARKET, &openai(&server, ""));
    place.run("run market").exits(0);
    let bodies = bodies(&server);
    assert_eq!(bodies.len(), 4);
    let format = &bodies[0]["response_format"];
    assert_eq!((&format["type"], &format["json_schema"]["strict"]), (&json!("json_schema"), &json!(true)));
    let actions = &format["json_schema"]["schema"]["properties"]["actions"]["items"]["anyOf"];
    assert_eq!(actions[0]["properties"]["rate"], json!({ "type": "integer" }));
    assert_eq!(bodies[1]["response_format"]["json_schema"]["schema"]["required"], json!(["thought", "text", "state"]));
    let heard = bodies[1]["messages"].to_string();
    assert!(heard.contains("offers 4.5") && !heard.contains("Cheap."), "{heard}");
    let own = bodies[2]["messages"][2]["content"].as_str().unwrap();
    assert_eq!(own, r#"{"thought":"Cheap.","text":"Look at this.","actions":[{"do":"offer","price":4.5,"rate":7}]}"#);
    let last = bodies[3]["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned();
    assert!(last.ends_with("Only you read this:\n- limit: four"), "{last}");

    let listed = place.run("list market --json").exits(0).json();
    let id = listed["data"][0]["id"].as_str().unwrap();
    let shown = place.run(&format!("show {id}")).exits(0).out;
    for line in ["(thought)", "Cheap.", "(action)", "offer (price: 4.5, rate: 7)", "(state)", "limit: four"] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    assert!(!shown.contains("(turn)\n"), "a turn without flags is shown by its notes: {shown}");
    assert!(place.run(&format!("show {id} --raw")).exits(0).out.contains("(turn)"));
    place.run("verify").exits(0);

    let rows = place.run("export market --format csv").exits(0).out;
    let mut lines = rows.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert!(header.contains(&"offer.price") && header.contains(&"offer.rate"), "{header:?}");
    let at = |name: &str| header.iter().position(|h| *h == name).unwrap();
    let action = lines.find(|line| line.contains(",action,")).unwrap();
    let cells: Vec<&str> = action.split(',').collect();
    assert_eq!((cells[at("offer.price")], cells[at("offer.rate")]), ("4.5", "7"));
    let jsonl = place.run("export market --format jsonl").exits(0).out;
    assert!(jsonl.contains(r#""data":{"do":"offer","price":4.5,"rate":7}"#), "{jsonl}");
    let called = place.run("export market --format jsonl --rows calls").exits(0).out;
    assert_eq!(called.matches(r#""purpose":"turn","rung":"schema""#).count(), 4, "{called}");
}

#[test]
fn an_agent_that_is_asked_afterwards_has_its_thoughts_and_its_state_and_answers_with_plain_text() {
    let server = server(None);
    let place = market(MARKET, &openai(&server, ""));
    place.run("run market").exits(0);
    place.words(&["ask", "market", "Why?"], &[]).exits(0);
    let asked = &bodies(&server)[4..];
    assert_eq!(asked.len(), 2);
    for body in asked {
        let system = body["messages"][0]["content"].as_str().unwrap();
        let (own, other) = if system.contains("You sell.") { ("Cheap.", "Dear.") } else { ("Dear.", "Cheap.") };
        let sent = body["messages"].to_string();
        assert!(sent.contains(own) && !sent.contains(other), "{sent}");
        assert!(!system.contains("Your answer") && body.get("response_format").is_none(), "{system}");
        assert_eq!(sent.contains("- limit: four"), own == "Dear.", "{sent}");
        let last = body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned();
        assert!(last.ends_with("Why?"), "{last}");
    }
    place.run("verify").exits(0);
}

#[test]
fn a_server_that_takes_no_schema_gets_the_description_alone() {
    let words = r#"{"error": {"message": "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."}}"#;
    let refusing = server(Some(words));
    let place = market(MARKET, &openai(&refusing, ""));
    let run = place.run("run market --replicates 3 --jobs 1").exits(0);
    let bodies = bodies(&refusing);
    assert_eq!(bodies.len(), 1 + 12, "one refused request, and no further one with a schema");
    assert!(bodies[1..].iter().all(|body| body.get("response_format").is_none()));
    assert_eq!(bodies[0]["messages"], bodies[1]["messages"], "a rung changes a parameter and no message");
    assert_eq!((run.out.clone() + &run.err).matches("gets no schema").count(), 1, "{}\n{}", run.out, run.err);
    let calls = place.run("export market --format jsonl --rows calls").exits(0).out;
    assert_eq!(calls.matches(r#""rung":"prompt""#).count(), 12, "{calls}");
    place.run("verify").exits(0);

    let strict = MARKET.replace("max_tokens = 300", "max_tokens = 300, structured = \"schema\"");
    let refusing = server(Some(words));
    let place = market(&strict, &openai(&refusing, ""));
    let run = place.run("run market --jobs 1");
    assert_ne!(run.code, 0, "the model is stopped instead");
    let said = run.out + &run.err;
    assert!(said.contains("response_format") && said.contains("write structured = \"prompt\""), "{said}");

    let alone = MARKET.replace("max_tokens = 300", "max_tokens = 300, structured = \"prompt\"");
    let plain = server(None);
    let place = market(&alone, &openai(&plain, ""));
    place.run("run market").exits(0);
    assert!(self::bodies(&plain).iter().all(|body| body.get("response_format").is_none()));
}

/// Each refusal with its status, and whether it is about the schema.
#[test]
fn a_refusal_lowers_the_rung_only_if_it_names_the_schema() {
    let grammar = r#"{"error": {"code": 500, "message": "failed to parse grammar"}}"#;
    for (status, words, is_lowered) in [
        (400, r#"{"error": {"message": "The picture has an unknown format."}}"#, false),
        (400, r#"{"error": {"message": "Invalid value", "param": "response_format.json_schema"}}"#, true),
        (404, r#"{"error": {"message": "response_format is not supported by this model"}}"#, true),
        (422, r#"{"error": {"message": "The provided JSON schema holds features that are not supported"}}"#, true),
        (500, grammar, true),
        (501, r#"{"error": {"message": "response_format: not implemented"}}"#, true),
    ] {
        let refusing = Fake::start(move |seen: &Seen, socket| {
            if !seen.is_chat() {
                return respond(socket, 404, "", b"{}");
            }
            let body: Json = serde_json::from_str(&seen.body).unwrap();
            match body.get("response_format") {
                Some(_) => respond(socket, status, "", words.as_bytes()),
                None => respond(socket, 200, "", completion(&turn_for(&body)).as_bytes()),
            }
        });
        let place = market(MARKET, &openai(&refusing, ""));
        let run = place.run("run market --jobs 1 --max-retries 0");
        let said = run.out + &run.err;
        assert_eq!(run.code == 0, is_lowered, "{status} {words}: {said}");
        assert_eq!(said.contains("gets no schema"), is_lowered, "{status} {words}: {said}");
    }
}

fn database(place: &Place) -> rusqlite::Connection {
    rusqlite::Connection::open(place.path().join("convoke.db")).unwrap()
}

#[test]
fn verify_derives_the_notes_of_a_turn_again() {
    let server = server(None);
    let place = market(MARKET, &openai(&server, ""));
    place.run("run market").exits(0);
    place.run("verify").exits(0);
    for (kind, seq) in [("thought", 2), ("speech", 3), ("action", 4), ("state", 8)] {
        let changed = |text: &str| {
            let sql = format!("UPDATE messages SET content = '{text}' WHERE kind = '{kind}' AND seq = {seq}");
            assert_eq!(database(&place).execute(&sql, []).unwrap(), 1, "{kind}");
        };
        let sql = format!("SELECT content FROM messages WHERE kind = '{kind}' AND seq = {seq}");
        let before: String = database(&place).query_row(&sql, [], |row| row.get(0)).unwrap();
        changed("something else");
        let faults = place.run("verify").exits(4).out;
        // A change that a later prompt holds is found there first.
        let is_sent = kind != "thought" && faults.contains("is not the one that was sent");
        let what = format!("entry {seq}, of kind {kind}, is not the one that follows");
        assert!(is_sent || faults.contains(&what), "{faults}");
        changed(&before);
        place.run("verify").exits(0);
    }
}

#[test]
fn the_full_dialect_bounds_lengths() {
    let server = server(None);
    let place = market(MARKET, &openai(&server, "schema = \"full\"\n"));
    place.run("run market --limit 1").exits(0);
    let schema = &bodies(&server)[0]["response_format"]["json_schema"]["schema"]["properties"];
    assert_eq!(schema["text"]["maxLength"], 500, "600 characters, shared by text and thought: {schema}");
    assert_eq!(schema["actions"]["maxItems"], 3);
}

#[test]
fn offline_turns_are_played_and_equal_for_any_number_of_jobs() {
    let place = market(MARKET, "");
    place.run("run market --offline --replicates 4 --jobs 1").exits(0);
    let first = place.run("export market --format jsonl").exits(0).out;
    assert!(first.contains(r#""kind":"thought""#) && first.contains(r#""kind":"action""#), "{first}");
    assert!(!first.contains("malformed"), "{first}");
    let other = market(MARKET, "");
    other.run("run market --offline --replicates 4 --jobs 8").exits(0);
    assert_eq!(other.run("export market --format jsonl").exits(0).out, first);
}

/// Factors of the mind are conditions of their own; what changes nothing keeps every key.
#[test]
fn the_mind_counts_by_its_effect() {
    let keys = |toml: &str| {
        let place = market(toml, "");
        place.run("run market --offline").exits(0);
        let listed = place.run("list market --json").exits(0).json();
        let all = listed["data"].as_array().unwrap().clone();
        all.iter().map(|c| c["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let bare = MARKET.split("[roles.buyer.mind]").next().unwrap();
    let off = format!("{bare}[mind]\nthoughts = false\nmax_actions = 9\nstate = []\n");
    assert_eq!(keys(&off), keys(bare));
    let varied = format!("{bare}[factors]\n\"mind.thoughts\" = [true, false]\n");
    assert_eq!(keys(&varied)[1], keys(bare)[0], "the condition without keeps its key");
    assert_eq!(keys(&varied)[0], keys(&format!("{bare}[mind]\nthoughts = true\n"))[0]);
    let of_role = format!("{bare}[mind]\nthoughts = true\n[factors]\n\"roles.buyer.mind.thoughts\" = [true, false]\n");
    assert_eq!(keys(&of_role)[0], keys(&varied)[0]);
    assert_ne!(keys(&of_role)[1], keys(bare)[0], "the seller still thinks");
}

#[test]
fn mistakes_are_one_clear_error_each() {
    for (from, to, error) in [
        ("who = [\"seller\"]", "who = [\"sellr\"]", "action `offer` is for `sellr`, which is no role"),
        (
            "name = \"offer\"",
            "name = \"say\"",
            "`say` cannot be the name of an action or a field: the program uses that name itself",
        ),
        ("name = \"offer\"", "name = \"Offer it\"", "it can have small letters, digits and `_`, a letter first"),
        ("<price>", "<prize>", "names `<prize>`, which is no field"),
        ("heard = true", "heard = false", "is read by nobody: the action is not heard"),
        ("from = 0, to = 10", "from = 10, to = 0", "is no range"),
        ("rate = {", "rate = \"float\", x = {", "cannot be `float`"),
        ("state = [\"limit\"]", "state = [\"limit\", \"limit\"]", "cannot hold the title `limit`"),
        ("thoughts = true", "thougts = true", "unknown key `mind.thougts`"),
        ("who = [\"seller\"]", "who = []", "`actions[0].who` names no role"),
        ("Offer a price.", "Offer a price to <BUYER_NUM>.", "holds `<BUYER_NUM>`: tags are not replaced"),
        ("offers <price>", "offers <price> to <BUYR_NUM>", "holds `<BUYR_NUM>`: tags are not replaced"),
        ("state = [\"limit\"]", "state = [\"the <SELLER_NOUN>\"]", "holds `<SELLER_NOUN>`: tags are not replaced"),
    ] {
        let place = market(&MARKET.replace(from, to), "");
        let checked = place.run("check market");
        assert_eq!(checked.code, 3, "{to}: {}", checked.out);
        let text = checked.out + &checked.err;
        assert!(text.contains(error), "{to}: {text}");
        assert_eq!(text.matches("error:").count(), 1, "{to}: {text}");
    }
    let place = market(&MARKET.replace(", max_tokens = 300", ""), "");
    let checked = place.run("check market");
    assert!((checked.out + &checked.err).contains("a turn as JSON may grow without an end"));
    let place = market(&MARKET.replace("max_tokens = 300", "max_tokens = 1"), "");
    let checked = place.run("check market");
    assert!((checked.out + &checked.err).contains("a turn as JSON hardly fits in it"));
}

/// Policies for flags that no reply can have leave the keys as they are.
#[test]
fn health_of_turns_counts_only_where_turns_are_json() {
    let plain = MARKET.split("[roles.buyer.mind]").next().unwrap();
    let key = |toml: &str| {
        let place = market(toml, "");
        place.run("run market --offline").exits(0);
        let listed = place.run("list market --json").exits(0).json();
        listed["data"][0]["key"].as_str().unwrap().to_owned()
    };
    let health = "[health]\nmalformed = \"fail\"\n";
    assert_eq!(key(&format!("{plain}{health}")), key(plain));
    assert_ne!(key(&format!("{MARKET}{health}")), key(MARKET));
    assert_ne!(key(&format!("{plain}[health]\nempty = \"fail\"\n")), key(plain));
}

#[test]
fn a_range_is_exported_as_it_is_written() {
    let place = market(MARKET, "");
    place.run("import market").exits(0);
    place.run("export market --format folder -o again").exits(0);
    let written = place.read("again/experiment.toml");
    assert!(written.contains("rate = { from = 0, to = 10 }"), "{written}");
}
