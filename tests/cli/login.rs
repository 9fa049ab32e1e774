//! Signing in without a real server: each failure has its own error and hint, and no output shows the password.

use crate::support::{Outcome, Place};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, doc};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const CANARY: &str = "canary@p/w:%41 $x";

/// Starts a server that handles every connection in this way.
fn server(with: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || listener.incoming().flatten().for_each(with));
    address
}

/// Starts a server that accepts connections and never answers.
fn silent() -> String {
    let open = std::sync::Mutex::new(Vec::new());
    server(move |stream| open.lock().unwrap().push(stream))
}

fn tries(place: &Place, line: &str, variables: &[(&str, &str)]) -> Outcome {
    let outcome = place.run_with(line, variables);
    assert!(!outcome.out.contains("canary") && !outcome.err.contains("canary"), "{}", outcome.screen());
    outcome
}

/// `login`, `list` and `doctor` report the same error.
#[track_caller]
fn fails(address: &str, code: &str, words: &str, hint: &str) {
    let place = Place::new();
    let variables = [("DB_CLUSTER_URL", address), ("DB_PASSWORD", CANARY), ("DB_USER", "ann"), ("DB_NAME", "d")];
    for line in ["login --json", "list --json"] {
        let outcome = tries(&place, line, &variables).exits(4);
        let error = outcome.json()["error"].clone();
        assert_eq!(error["code"], code, "{}", outcome.screen());
        assert!(error["message"].as_str().unwrap().contains(words), "{}", outcome.screen());
        assert!(error["hint"].as_str().unwrap().contains(hint), "{}", outcome.screen());
    }
    let outcome = tries(&place, "doctor", &variables).exits(4);
    let screen = outcome.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(screen.contains(words), "{}", outcome.screen());
    assert!(place.files(".").is_empty(), "nothing is left behind");
}

#[test]
fn refused() {
    fails("127.0.0.1:9", "store-unreachable", "the connection is refused", "it is running");
}

#[test]
fn a_name_that_means_nothing() {
    fails("mongodb://nowhere.invalid/", "store-unreachable", "the host name cannot be resolved", "spelling");
    fails(
        "nowhere.invalid",
        "store-unreachable",
        "mongodb+srv://ann@nowhere.invalid/d: the host name cannot be resolved",
        "",
    );
}

#[test]
fn no_answer_in_time() {
    let address = format!("mongodb://{}/?serverSelectionTimeoutMS=700", silent());
    fails(&address, "store-unreachable", "no answer in time", "ask for your address to be allowed");
}

#[test]
fn tls_where_there_is_none() {
    let address = format!("mongodb://{}/?tls=true&serverSelectionTimeoutMS=700", silent());
    fails(&address, "store-tls", "no TLS connection", "tls=false");
    let talks = server(|mut stream| drop(stream.write_all(b"I speak no TLS at all, and never did.\n")));
    fails(&format!("mongodb://{talks}/?tls=true"), "store-tls", "no TLS connection", "tlsCAFile");
    fails("mongodb://127.0.0.1:9/?tls=true&tlsCAFile=absent.pem", "store-tls", "absent.pem", "tlsCAFile");
}

#[test]
fn no_mongodb_at_all() {
    let web = server(|mut stream| {
        let _ = stream.read(&mut [0; 512]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    fails(&web, "store-unreachable", "the server is not a MongoDB", "host and port");
    let shut = server(drop);
    fails(&shut, "store-unreachable", "the server is not a MongoDB", "?tls=true");
}

#[test]
fn a_bad_address() {
    let place = Place::new();
    for address in [
        "mongodb://ann:canary@p@h/",
        "mongodb://ann:canary/p@h/",
        "mongodb://ann:canary?p@h/",
        "mongodb://ann:canary",
        "mongodb+srv://ann:canary@h:27017/",
        "mongodb://h/?journal=canary&password=canary",
        "http://ann:canary@h/",
        "h:port",
        "mongodb://h/a b",
    ] {
        for variable in ["DB_CLUSTER_URL", "CONVOKE_STORE"] {
            if variable == "DB_CLUSTER_URL" || address.starts_with("mongodb") {
                let outcome = tries(&place, "list --json", &[(variable, address)]).exits(2);
                assert!(
                    outcome.json()["error"]["message"].as_str().unwrap().contains(variable),
                    "{}",
                    outcome.screen()
                );
            }
        }
        let outcome = tries(&place, "login", &[]).exits(2);
        assert!(outcome.err.contains("--url"), "{}", outcome.screen());
        let line = format!("login --url {}", address.replace(' ', "%20"));
        tries(&place, &line, &[]).exits(2);
    }
}

#[test]
fn what_is_missing_is_named() {
    let place = Place::new();
    let outcome = tries(&place, "list --store mongodb://ann@127.0.0.1:9/d", &[]).exits(2);
    assert!(outcome.err.contains("DB_PASSWORD"), "{}", outcome.screen());
    let outcome = tries(&place, "login --url 127.0.0.1:9 --password-stdin", &[("DB_USER", "")]).exits(2);
    assert!(outcome.err.contains("standard input"), "{}", outcome.screen());
    let outcome = tries(&place, "doctor --store mongodb://ann@127.0.0.1:9/d", &[]).exits(4);
    assert!(outcome.out.contains("the password is missing"), "{}", outcome.screen());
}

/// An address from a folder gets no password of the user.
#[test]
fn an_address_of_a_dotenv_gets_no_password_of_the_environment() {
    let place = Place::new();
    place.write(".env", "DB_CLUSTER_URL=127.0.0.1:9\n");
    let variables = [("DB_PASSWORD", CANARY)];
    let outcome = tries(&place, "doctor --config --json", &variables).exits(0);
    assert!(outcome.err.contains("the password is not sent there"), "{}", outcome.screen());
    assert!(outcome.out.contains("tester (unverified)"), "{}", outcome.screen());
    place.write(".env", "DB_CLUSTER_URL=127.0.0.1:9\nDB_PASSWORD='canary x'\nDB_NAME=d\n");
    let outcome = tries(&place, "doctor --config", &[]).exits(0);
    assert!(outcome.out.contains("tester (signs in)"), "{}", outcome.screen());
    assert!(outcome.out.contains("mongodb://tester@127.0.0.1:9/d"), "{}", outcome.screen());
}

/// First wins: flag, `CONVOKE_STORE`, `DB_CLUSTER_URL`, configuration file, the nearest file.
#[test]
fn which_database() {
    let place = Place::new();
    let shown = |place: &Place, flag: &str, variables: &[(&str, &str)]| {
        let outcome = tries(place, &format!("doctor --config --json {flag}"), variables).exits(0);
        let settings = outcome.json()["data"].clone();
        let of = |name: &str| settings.as_array().unwrap().iter().find(|s| s["name"] == name).cloned().unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        [text(&of("store")["value"]), text(&of("store")["from"]), text(&of("creator")["value"])]
    };
    assert!(shown(&place, "", &[])[0].ends_with("convoke.db"));
    place.write("configuration/convoke/config.toml", "store = \"mongodb://eve:canary@c/d\"\n");
    let me = "tester (unverified)";
    assert_eq!(shown(&place, "", &[]), ["mongodb://eve@c/d", "configuration file", "eve (signs in)"]);
    let mut variables = vec![("DB_CLUSTER_URL", "h:1"), ("DB_NAME", "d")];
    assert_eq!(shown(&place, "", &variables), ["mongodb://h:1/d", "environment", me]);
    variables.push(("DB_PASSWORD", CANARY));
    assert_eq!(shown(&place, "", &variables), ["mongodb://tester@h:1/d", "environment", "tester (signs in)"]);
    variables.push(("CONVOKE_STORE", "sqlite:x.db"));
    assert_eq!(shown(&place, "", &variables), ["sqlite:x.db", "environment", me]);
    let flag = "--store mongodb://ann:canary@h";
    assert_eq!(shown(&place, flag, &variables), ["mongodb://ann@h/d", "flag", "ann (signs in)"]);
    let outcome = tries(&place, &format!("doctor --config {flag}"), &variables);
    assert!(outcome.err.contains("warning: others on this machine can read the password in --store"));
    assert_eq!(
        shown(&place, "--store mongodb://h/e", &variables),
        ["mongodb://h/e", "flag", me],
        "DB_USER is a mere name"
    );
}

/// Starts a server that accepts every login by `PLAIN`, so that it sees the password, and allows no reads.
fn forbidding(seen: std::sync::mpsc::Sender<Vec<u8>>) -> String {
    let hello = doc! { "ok": 1, "ismaster": true, "helloOk": true, "minWireVersion": 0, "maxWireVersion": 21,
    "maxBsonObjectSize": 16_777_216, "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 1000 };
    let none = Binary { subtype: BinarySubtype::Generic, bytes: Vec::new() };
    let seen = std::sync::Mutex::new(seen);
    server(move |mut stream| {
        let none = none.clone();
        let (hello, seen) = (hello.clone(), seen.lock().unwrap().clone());
        std::thread::spawn(move || {
            while let Some((id, opcode, command)) = receive(&mut stream) {
                let name = command.keys().next().unwrap().to_lowercase();
                let answer = match name.as_str() {
                    "hello" | "ismaster" => hello.clone(),
                    "saslstart" => {
                        seen.send(command.get_binary_generic("payload").unwrap().clone()).unwrap();
                        doc! { "ok": 1, "conversationId": 1, "done": true, "payload": none.clone() }
                    }
                    "ping" => doc! { "ok": 1 },
                    _ => doc! { "ok": 0, "code": 13, "codeName": "Unauthorized", "errmsg": "not authorized on d" },
                };
                // OP_REPLY to the old handshake, OP_MSG to all else.
                let (code, head) = if opcode == 2004 {
                    (1, vec![8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0])
                } else {
                    (2013, vec![0; 5])
                };
                let mut body = head;
                answer.to_writer(&mut body).unwrap();
                let header = [i32::try_from(body.len()).unwrap() + 16, 1, id, code].map(i32::to_le_bytes).concat();
                let _ = stream.write_all(&[header, body].concat());
            }
        });
    })
}

fn receive(stream: &mut TcpStream) -> Option<(i32, i32, Document)> {
    let mut header = [0; 16];
    stream.read_exact(&mut header).ok()?;
    let number = |at: usize| i32::from_le_bytes(header[at..at + 4].try_into().unwrap());
    let mut body = vec![0; number(0) as usize - 16];
    stream.read_exact(&mut body).ok()?;
    let at = if number(12) == 2004 { 4 + body[4..].iter().position(|b| *b == 0).unwrap() + 1 + 8 } else { 5 };
    Some((number(4), number(12), Document::from_reader(&body[at..]).ok()?))
}

#[test]
fn no_rights() {
    let (sender, seen) = std::sync::mpsc::channel();
    let address = format!("mongodb://{}/?authMechanism=PLAIN", forbidding(sender));
    fails(&address, "store-rights", "the user has no right to this database", "readWrite");
    assert_eq!(seen.recv().unwrap(), format!("\0ann\0{CANARY}").into_bytes());
}
