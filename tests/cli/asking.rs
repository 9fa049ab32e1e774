//! `convoke ask`: agents of finished conversations are asked alone, and the conversations stay as they are.

use crate::assert_screen;
use crate::support::Place;
use crate::support::database::SMALL;
use crate::support::server::Fake;
use serde_json::Value;

/// Six offline conversations that are done.
fn finished() -> Place {
    let place = Place::new();
    place.folder("small", SMALL);
    place.run("run small --offline --quiet").exits(0);
    place
}

fn ask(place: &Place, question: &str, flags: &str) -> crate::support::Outcome {
    let mut words = vec!["ask", "small", question];
    words.extend(flags.split(' ').filter(|word| !word.is_empty()));
    place.words(&words, &[])
}

fn first_id(place: &Place) -> String {
    place.run("list small --json").exits(0).json()["data"][0]["id"].as_str().unwrap().to_owned()
}

fn answers(place: &Place) -> Vec<Value> {
    let out = place.run("export small --format jsonl --rows answers").exits(0).out;
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_agent_is_asked_once() {
    let place = finished();
    assert_screen!(ask(&place, "Why did you act so?", "--plan").exits(0));
    assert_screen!(ask(&place, "Why did you act so?", "").exits(0));
    assert!(ask(&place, "Why did you act so?", "--offline").exits(0).err.contains("nothing is missing"));
    assert!(ask(&place, "Why did you act so?", "--plan").exits(0).out.contains("12 done, 0 left"));
    let rows = answers(&place);
    assert_eq!(rows.len(), 12);
    let keys: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "conversation",
            "experiment",
            "revision",
            "condition",
            "replicate",
            "question",
            "again",
            "speaker",
            "role",
            "model",
            "content",
            "raw",
            "reply_flags"
        ]
    );
    let order: Vec<_> = rows.iter().map(|r| (r["conversation"].to_string(), r["role"].to_string())).collect();
    assert!(order.is_sorted(), "{order:?}");
    assert!(rows.iter().all(|r| r["again"] == 1 && r["question"] == "Why did you act so?" && r["model"] == "scripted"));
    let csv = place.run("export small --format csv --rows answers").exits(0).out;
    let header = "conversation,experiment,revision,condition_model,goal,replicate,question,again,speaker,role,model,content,raw,reply_flags";
    assert_eq!(csv.lines().next(), Some(header));
    place.run("verify").exits(0);
}

#[test]
fn a_conversation_is_not_touched() {
    let place = finished();
    let look = || {
        let id = first_id(&place);
        let list = place.run("list small --json").exits(0).out;
        let all = place.run("list --json").exits(0).out;
        let entries = place.run("export small --format jsonl").exits(0).out;
        let plan = place.run("plan small --offline --json").exits(0).out;
        let show = place.run(&format!("show {id} --json --calls")).exits(0).json();
        let mut data = show["data"].as_object().unwrap().clone();
        data.remove("questions");
        (list, all, entries, plan, data)
    };
    let before = look();
    ask(&place, "Why?", "--again 2").exits(0);
    assert!(before == look(), "something of the conversations changed");
    let again = place.run("run small --offline").exits(0).err;
    assert!(again.contains("6 done, 0 to do") && again.contains("all 6 conversations are done"), "{again}");
    let verified = place.run("verify").exits(0).out;
    assert!(verified.starts_with("6 conversations, 24 questions, "), "{verified}");
}

#[test]
fn questions_are_shown_with_their_conversation() {
    let place = finished();
    let id = first_id(&place);
    place.words(&["ask", &id, "Why did you act so?", "--role", "guard"], &[]).exits(0);
    let json = place.run(&format!("show {id} --json")).exits(0).json();
    let question = &json["data"]["questions"][0];
    assert_eq!([&question["question"], &question["role"]], ["Why did you act so?", "guard"]);
    assert_eq!(question["answers"].as_array().unwrap().len(), 1);
    let question = question["id"].as_str().unwrap();
    let shown = place.run(&format!("show {id}")).exits(0).out;
    insta::assert_snapshot!(shown.replace(&id, "[ID]").replace(&question[..8], "[QUESTION]"));
    let page = place.run(&format!("show {question} --calls")).exits(0).out;
    assert!(page.contains("hash ok") && page.contains("Why did you act so?"), "{page}");
    let experiment = place.run("show small").exits(0).out;
    assert!(experiment.contains("Why did you act so? · 1 done, 0 left"), "{experiment}");
    let markdown = place.run(&format!("export {id} --format md -o -")).exits(0).out;
    assert!(markdown.contains("## Asked afterwards"), "{markdown}");
    let refused = place.run(&format!("export {question} --format jsonl")).exits(2).err;
    assert!(refused.contains("--rows answers"), "{refused}");
    assert_eq!(place.run(&format!("export {question} --format jsonl --rows answers")).exits(0).out.lines().count(), 1);
}

#[test]
fn one_document_with_json() {
    let place = finished();
    let data = ask(&place, "Why?", "--json --limit 1").exits(0).json();
    let rows = data["data"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row["status"] == "done" && row["id"].as_str().unwrap().len() == 16));
    let plan = ask(&place, "Why?", "--json --plan").exits(0).json();
    assert_eq!([&plan["data"]["calls"], &plan["data"]["left"], &plan["data"]["done"]], [12, 10, 2]);
}

#[test]
fn askings_texts_models_and_roles_are_apart() {
    let place = finished();
    ask(&place, "Why?", "--role guard").exits(0);
    assert_eq!(answers(&place).len(), 6);
    ask(&place, "Why?", "").exits(0);
    assert_eq!(answers(&place).len(), 12, "the guards are not asked twice");
    ask(&place, "Why?", "--again 3 --only goal=escape").exits(0);
    let rows = answers(&place);
    assert_eq!(rows.len(), 12 + 2 * 6);
    let again = |n: u32| rows.iter().filter(|row| row["again"] == n).count();
    assert_eq!([again(1), again(2), again(3)], [12, 6, 6]);
    place.write("question.txt", "Was it\nworth it?\n");
    place.run("ask small @question.txt --limit 1").exits(0);
    assert!(answers(&place).iter().any(|row| row["question"] == "Was it\nworth it?"));
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let place = Place::new();
    place.folder("small", SMALL);
    place.run("import small").exits(0);
    assert_screen!(ask(&place, "Why?", "").exits(6));
    let place = finished();
    assert_screen!(ask(&place, "Why?", "--role gard").exits(2));
    for (flags, code) in [
        ("--only goal=escap", 2),
        ("--only gaol=escape", 2),
        ("--model human", 2),
        ("--model nowhere/m", 5),
        ("--model llama --offline", 2),
        ("--answer x", 2),
        ("--again 0", 2),
        ("--limit 0", 2),
        ("--jobs 0", 2),
        ("--jobs 0 --plan", 2),
        ("--again 1001 --plan", 2),
    ] {
        let refused = ask(&place, "Why?", flags).exits(code).err;
        assert!(refused.contains("error: "), "{flags}: {refused}");
    }
    ask(&place, "  ", "").exits(2);
    place.run("ask small").exits(2);
    place.run("ask small @nowhere.txt").exits(6);
    place.run("ask nothing Why?").exits(6);
    assert!(answers(&place).is_empty());
}

#[test]
fn a_question_is_sent_after_what_was_read() {
    let server = Fake::saying("I had my reasons.");
    let place = Place::new();
    place.folder("small", SMALL);
    let base = format!("http://{}/v1", server.address);
    place.write(
        "configuration/convoke/config.toml",
        &format!("[servers.fake]\nkind = \"openai\"\nbase_url = \"{base}\"\n"),
    );
    place.run("run small --model fake/m --replicates 1 --only goal=escape").exits(0);
    let before = server.seen().iter().filter(|seen| seen.is_chat()).count();
    ask(&place, "Why did you act so?", "").exits(0);
    let chats: Vec<Value> = server
        .seen()
        .iter()
        .filter(|seen| seen.is_chat())
        .map(|seen| serde_json::from_str(&seen.body).unwrap())
        .collect();
    assert_eq!(chats.len(), before + 2);
    for chat in &chats[before..] {
        let messages = chat["messages"].as_array().unwrap();
        assert_eq!(messages[0]["role"], "system");
        let last = messages.last().unwrap();
        assert!(last["role"] == "user" && last["content"].as_str().unwrap().ends_with("Why did you act so?"), "{last}");
        // The opening and four speeches, some joined.
        assert!(chat.to_string().matches("I had my reasons.").count() == 4, "{chat}");
    }
    assert!(ask(&place, "Why did you act so?", "").exits(0).err.contains("nothing is missing"));
    ask(&place, "Why did you act so?", "--model fake/other").exits(0);
    let models: Vec<Value> =
        server.seen().iter().filter(|s| s.is_chat()).map(|s| serde_json::from_str(&s.body).unwrap()).collect();
    assert_eq!(models.len(), before + 4);
    assert!(models[before + 2..].iter().all(|body: &Value| body["model"] == "other"));
    place.run("verify").exits(0);
}

#[test]
fn a_question_is_continued_by_its_id() {
    let server = Fake::start(|seen, stream| {
        let is_question = seen.body.contains("Why did you act so?");
        let (status, body) = if is_question && !seen.body.contains("guard 2") {
            (400, "{\"error\": {\"message\": \"no\"}}".to_owned())
        } else {
            (200, crate::support::server::completion("Yes."))
        };
        crate::support::server::respond(stream, status, "", body.as_bytes());
    });
    let place = Place::new();
    place.folder("small", SMALL);
    let configuration = |address: &str| {
        let text = format!("[servers.fake]\nkind = \"openai\"\nbase_url = \"http://{address}/v1\"\n");
        place.write("configuration/convoke/config.toml", &text);
    };
    configuration(&server.address);
    place.run("run small --model fake/m --replicates 1 --only goal=escape").exits(0);
    let failed = ask(&place, "Why did you act so?", "--role guard");
    assert_ne!(failed.code, 0, "{}", failed.screen());
    let id = first_id(&place);
    let shown = place.run(&format!("show {id} --json")).exits(0).json();
    let question = shown["data"]["questions"][0]["id"].as_str().unwrap().to_owned();
    let none = place.run("run small --model fake/m --replicates 1 --only goal=escape").exits(0).err;
    assert!(none.contains("nothing is missing"), "a run never continues a question: {none}");
    let kind = Fake::saying("Because.");
    configuration(&kind.address);
    assert!(place.run(&format!("run {question} --limit 1")).exits(2).err.contains("--limit"));
    let continued = place.run(&format!("run {question} --retry-failed")).exits(0).err;
    assert!(continued.contains("= 1 call: 0 done, 1 left"), "{continued}");
    assert_eq!(answers(&place).len(), 1);
    let again = place.run(&format!("run {question}")).exits(0).err;
    assert!(again.contains("nothing is missing: the question is done"), "{again}");
}

#[test]
fn offline_answers_are_apart_once_others_were_asked() {
    let server = Fake::saying("I had my reasons.");
    let place = Place::new();
    place.folder("small", SMALL);
    let address = format!("[servers.fake]\nkind = \"openai\"\nbase_url = \"http://{}/v1\"\n", server.address);
    place.write("configuration/convoke/config.toml", &address);
    place.run("run small --model fake/m --replicates 1 --only goal=escape").exits(0);
    ask(&place, "Why did you act so?", "--offline").exits(0);
    assert_eq!(answers(&place).len(), 2, "there are no others");
    ask(&place, "Why did you act so?", "").exits(0);
    assert!(answers(&place).iter().all(|row| row["model"] == "fake/m"));
    let wrote = place.run("export small --format csv --rows answers -o a.csv").exits(0).err;
    assert!(wrote.contains("2 answers") && wrote.contains("left out: 2 questions answered offline (--all)"), "{wrote}");
    let json = place.run("export small --format csv --rows answers -o b.csv --json").exits(0).json();
    assert_eq!(json["data"]["offline_questions_left_out"], 2);
    assert_eq!(place.run("export small --format jsonl --rows answers --all").exits(0).out.lines().count(), 4);
}

#[test]
fn a_rejected_reply_is_no_answer() {
    let server = Fake::start(|seen, stream| {
        let text = if seen.body.contains("Empty?") { " " } else { "Yes." };
        crate::support::server::respond(stream, 200, "", crate::support::server::completion(text).as_bytes());
    });
    let place = Place::new();
    place.folder("small", SMALL);
    let text = place.read("small/experiment.toml");
    place.write("small/experiment.toml", &format!("{text}\n[health]\nempty = {{ ask = 1, then = \"fail\" }}\n"));
    let address = format!("[servers.fake]\nkind = \"openai\"\nbase_url = \"http://{}/v1\"\n", server.address);
    place.write("configuration/convoke/config.toml", &address);
    place.run("run small --model fake/m --replicates 1 --only goal=escape").exits(0);
    let failed = ask(&place, "Empty?", "").exits(1).err;
    assert!(failed.contains("0 done, 2 failed"), "{failed}");
    let plan = ask(&place, "Empty?", "--plan").exits(0).out;
    assert!(plan.contains("2 calls: 0 done, 2 failed, 0 left"), "{plan}");
    let plan = ask(&place, "Empty?", "--plan --retry-failed").exits(0).out;
    assert!(plan.contains("2 calls: 0 done, 2 left"), "{plan}");
    let json = ask(&place, "Empty?", "--json").exits(1).json();
    assert_eq!([&json["status"], &json["error"]["code"]], ["error", "failed"]);
    // The prompts need no server; who answers does.
    place.write("configuration/convoke/config.toml", "");
    let missing = ask(&place, "Why?", "").exits(5).err;
    assert!(missing.contains("the server `fake` is not declared") && missing.contains("[servers.fake]"), "{missing}");
    ask(&place, "Why?", "--offline").exits(0);
}

#[test]
fn a_question_is_no_conversation() {
    let place = finished();
    ask(&place, "Why?", "--limit 1 --role guard").exits(0);
    let id = first_id(&place);
    let shown = place.run(&format!("show {id} --json")).exits(0).json();
    let question = shown["data"]["questions"][0]["id"].as_str().unwrap().to_owned();
    assert!(place.run(&format!("list {question}")).exits(2).err.contains("is a question"));
    assert!(place.run(&format!("ask {question} Why?")).exits(2).err.contains("is a question"));
    assert_eq!(place.run(&format!("star {question}")).exits(0).out, format!("starred question {}\n", &question[..8]));
    let deleted = place.run(&format!("delete {question} --yes --json")).exits(0).json();
    assert_eq!(deleted["data"]["kind"], "question");
    assert!(answers(&place).is_empty());
    let nowhere = Place::new();
    nowhere.run("ask small Why?").exits(6);
    assert!(nowhere.files(".").is_empty(), "no database is made for a question");
}

#[test]
fn a_question_goes_with_its_conversation() {
    let place = finished();
    ask(&place, "Why?", "").exits(0);
    let id = first_id(&place);
    let database = rusqlite::Connection::open(place.path().join("convoke.db")).unwrap();
    let change = |text: &str| {
        let of = "update messages set content = ?1 where kind = 'question' and rowid = \
                  (select min(rowid) from messages where kind = 'question')";
        database.execute(of, [text]).unwrap();
    };
    change("Why not?");
    let faults = place.run("verify").exits(4).out;
    assert!(faults.contains("entry 0 is not its question") && faults.lines().count() == 1, "{faults}");
    change("Why?");
    let said = place.run(&format!("delete {id} --yes")).exits(0).err;
    assert!(said.contains("questions that go with it: 2 questions: 2 of tester"), "{said}");
    assert_eq!(answers(&place).len(), 10);
    assert!(place.run("verify").exits(0).out.starts_with("5 conversations, 10 questions, "));
    let said = place.run("delete small --yes").exits(0).err;
    assert!(said.contains("10 questions"), "{said}");
    assert_eq!(place.run("verify").exits(0).out, "0 conversations, 0 entries: whole and in order\n");
}
