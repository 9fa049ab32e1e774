//! Signing in to real servers, where variables name them; otherwise each test says loudly that it is skipped
//! (`CONVOKE_TEST_REQUIRE_SERVERS=1` makes that a failure).

#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stderr, reason = "a skip is said loudly")]

use rexpect::session::{PtySession, spawn_command};
use serde_json::Value as Json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const CANARY: &str = "canary@p:w/d %é$'\"#\\";

fn variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok().filter(|v| !v.is_empty());
    if value.is_none() {
        assert!(std::env::var_os("CONVOKE_TEST_REQUIRE_SERVERS").is_none(), "{name} is not set");
        eprintln!("SKIPPED: {name} is not set, so nothing was tried on a real server");
    }
    value
}

/// The server with users, and its user.
struct Auth {
    uri: String,
    address: String,
    user: String,
    password: String,
}

fn auth() -> Option<Auth> {
    let of = |part: &str| variable(&format!("CONVOKE_TEST_MONGODB_AUTH_{part}"));
    Some(Auth { uri: of("URI")?, address: of("ADDRESS")?, user: of("USER")?, password: of("PASSWORD")? })
}

impl Auth {
    /// The whole URI, with this database.
    fn whole(&self, database: &str) -> String {
        let (before, query) = self.uri.split_once('?').unwrap_or((&self.uri, ""));
        let source = if query.contains("authSource") { "" } else { "&authSource=admin" };
        format!("{}/{database}?{query}{source}", before.trim_end_matches('/'))
    }
}

fn command(dir: &TempDir, line: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("convoke"));
    command.current_dir(dir.path()).args(line.split(' ').filter(|w| !w.is_empty())).env_clear();
    command.env("XDG_CONFIG_HOME", dir.path().join("configuration")).env("TERM", "xterm-256color");
    command.envs(variables.to_vec());
    command
}

struct Outcome {
    code: i32,
    out: String,
    err: String,
}

fn run(dir: &TempDir, line: &str, variables: &[(&str, &str)]) -> Outcome {
    let output = command(dir, line, variables).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Outcome { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

impl Outcome {
    #[track_caller]
    fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {} {}", self.out, self.err))
    }

    /// Exit code 4, with this reason.
    #[track_caller]
    fn fails(&self, code: &str, words: &str) {
        let error = &self.json()["error"];
        assert!(self.code == 4 && error["code"] == code, "{} {error}", self.code);
        assert!(error["message"].as_str().unwrap().contains(words) && error["hint"].is_string(), "{error}");
    }

    #[track_caller]
    fn lacks(&self, secret: &str) {
        assert!(!self.out.contains(secret) && !self.err.contains(secret), "{} {}", self.out, self.err);
    }
}

fn here() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[track_caller]
fn is_let_in(auth: &Auth, dir: &TempDir, line: &str, variables: &[(&str, &str)]) {
    let outcome = run(dir, &format!("login --json {line}"), variables);
    let data = &outcome.json()["data"];
    assert!(outcome.code == 0 && data["user"] == auth.user.as_str(), "{} {}", outcome.out, outcome.err);
    assert_eq!(data["creator"], auth.user.as_str());
    assert_eq!(data["database"], "convoke_test_signin");
    outcome.lacks(&auth.password);
}

#[test]
fn the_hard_password_by_every_way_of_giving_it() {
    let Some(auth) = auth() else { return };
    let (dir, whole) = (here(), auth.whole("convoke_test_signin"));
    is_let_in(&auth, &dir, "", &[("CONVOKE_STORE", &whole)]);
    is_let_in(&auth, &dir, "", &[("DB_CLUSTER_URL", &whole)]);
    is_let_in(&auth, &dir, &format!("--store {whole}"), &[]);
    is_let_in(&auth, &dir, &format!("--url {whole}"), &[]);
    let name = ("DB_NAME", "convoke_test_signin");
    let parts =
        [("DB_CLUSTER_URL", auth.address.as_str()), ("DB_USER", &auth.user), ("DB_PASSWORD", &auth.password), name];
    is_let_in(&auth, &dir, "", &parts);
    let unescaped = format!("mongodb://{}@{}/?authSource=admin", auth.user, auth.address);
    is_let_in(&auth, &dir, "", &[("CONVOKE_STORE", &unescaped), ("DB_PASSWORD", &auth.password), name]);

    let lines: String = parts.map(|(name, value)| format!("{name}='{value}'\n")).concat();
    fs::write(dir.path().join(".env"), lines).unwrap();
    is_let_in(&auth, &dir, "", &[]);
    let doctor = run(&dir, "doctor --json", &[]);
    let signed_in = doctor.json()["data"].as_array().unwrap().iter().find(|f| f["what"] == "signed in").cloned();
    assert_eq!(signed_in.unwrap()["message"], format!("as {}", auth.user));
    doctor.lacks(&auth.password);
}

#[test]
fn standard_input_and_saving() {
    let Some(auth) = auth() else { return };
    let dir = here();
    fs::write(dir.path().join(".env"), "# mine\nDB_USER=nobody # not me\nOTHER='a b'\n").unwrap();
    let line = format!(
        "login --url {} --user {} --database convoke_test_signin --password-stdin --save --json",
        auth.address, auth.user
    );
    let mut login = command(&dir, &line, &[]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut login.stdin.take().unwrap(), format!("{}\n", auth.password).as_bytes()).unwrap();
    let output = login.wait_with_output().unwrap();
    let data: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success() && data["data"]["saved"] == true, "{data}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains(&auth.password));
    let file = dir.path().join(".env");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let begin = format!("# mine\nDB_USER={}\nOTHER='a b'\nDB_CLUSTER_URL={}\n", auth.user, auth.address);
    assert!(text.starts_with(&begin), "{text}");
    is_let_in(&auth, &dir, "", &[]);
    let again = run(&dir, "login --save", &[]);
    assert_eq!((again.code, fs::read_to_string(&file).unwrap()), (0, text), "{}", again.err);
}

#[test]
fn who_is_not_let_in() {
    let Some(auth) = auth() else { return };
    let dir = here();
    let name = ("DB_NAME", "convoke_test_signin");
    let of = |user: &'static str, password: &'static str| [("DB_USER", user), ("DB_PASSWORD", password)];
    for login in [of("convoke", CANARY), of("nobody", CANARY)] {
        let variables = [&[("DB_CLUSTER_URL", auth.address.as_str()), name], &login[..]].concat();
        for line in ["login --json", "list --json", "list --json --no-input"] {
            let outcome = run(&dir, line, &variables);
            outcome.fails("store-authentication", "user or password is wrong");
            outcome.lacks("canary");
        }
    }
    let nobody = run(&dir, "list --json", &[("DB_CLUSTER_URL", auth.address.as_str()), name]);
    nobody.fails("store-authentication", "a user and a password are required");
    let nowhere = [("DB_CLUSTER_URL", auth.address.as_str()), ("DB_USER", &auth.user), ("DB_PASSWORD", &auth.password)];
    let outcome = run(&dir, "list --json", &nowhere);
    assert!(outcome.code == 2 && outcome.out.contains("DB_NAME"), "{} {}", outcome.code, outcome.out);
}

#[test]
fn with_and_without_tls() {
    let Some(tls) = variable("CONVOKE_TEST_MONGODB_TLS_URI") else { return };
    let Some(plain) = variable("CONVOKE_TEST_MONGODB_URI") else { return };
    let dir = here();
    let host = |uri: &str| uri.trim_start_matches("mongodb://").split('/').next().unwrap().to_owned();
    let login =
        |address: &str| run(&dir, "login --json", &[("DB_CLUSTER_URL", address), ("DB_NAME", "convoke_test_x")]);
    assert_eq!(login(&tls).json()["data"]["tls"], true);
    assert_eq!(login(&plain).json()["data"]["tls"], false);
    login(&format!("mongodb://{}/?tls=true", host(&tls))).fails("store-tls", "no TLS connection");
    login(&format!("mongodb://{}/", host(&tls))).fails("store-unreachable", "the server is not a MongoDB");
    let silent = format!("mongodb://{}/?tls=true&serverSelectionTimeoutMS=1500", host(&plain));
    login(&silent).fails("store-tls", "does not answer to TLS");
}

/// Everything that is stored in a database, as text.
async fn stored(uri: &str, database: &str) -> String {
    let client = mongodb::Client::with_uri_str(uri).await.unwrap();
    let database = client.database(database);
    let mut text = String::new();
    for name in database.list_collection_names().await.unwrap() {
        let mut all = database.collection::<mongodb::bson::Document>(&name).find(mongodb::bson::doc! {}).await.unwrap();
        while all.advance().await.unwrap() {
            text.push_str(&all.deserialize_current().unwrap().to_string());
        }
    }
    database.drop().await.unwrap();
    text
}

/// Creates a user with a canary as password. Not every server knows roles.
async fn create_user(client: &mongodb::Client, user: &str) {
    let role = mongodb::bson::doc! { "role": "readWriteAnyDatabase", "db": "admin" };
    let mut create = mongodb::bson::doc! { "createUser": user, "pwd": CANARY, "roles": [role] };
    let admin = client.database("admin");
    if admin.run_command(create.clone()).await.is_err() {
        create.insert("roles", Vec::<mongodb::bson::Bson>::new());
        admin.run_command(create).await.unwrap();
    }
}

/// A password with a canary, given each way, is in no output, log, document, export or file but a saved `.env`.
#[tokio::test]
async fn a_canary_as_password() {
    let Some(auth) = auth() else { return };
    let (user, database) =
        (format!("canary_{}", std::process::id()), format!("convoke_test_canary_{}", std::process::id()));
    let client = mongodb::Client::with_uri_str(&auth.uri).await.unwrap();
    create_user(&client, &user).await;
    let escaped: String = CANARY.bytes().map(|b| format!("%{b:02x}")).collect::<Vec<_>>().concat();
    let whole = format!("mongodb://{user}:{escaped}@{}/{database}?authSource=admin", auth.address);
    let parts = [
        ("DB_CLUSTER_URL", auth.address.as_str()),
        ("DB_USER", &user),
        ("DB_PASSWORD", CANARY),
        ("DB_NAME", &database),
    ];
    let flag = format!("--store {whole}");
    for (flag, variables) in [(flag.as_str(), &[][..]), ("", &[("CONVOKE_STORE", whole.as_str())]), ("", &parts)] {
        let dir = here();
        for line in [
            "new small --from debate",
            "run small --offline --limit 1 -v",
            "run small --offline --limit 1 --json",
            "list",
            "list small --json",
            "show small",
            "export small --format jsonl",
            "export small --format md -o pages",
            "verify",
            "doctor",
            "doctor --config",
            "login",
            "login --json",
            "run absent --json",
        ] {
            let outcome = run(&dir, &format!("{line} {flag}"), variables);
            outcome.lacks("canary@");
            outcome.lacks(&escaped);
            assert_ne!(outcome.code, 101, "{line}: {}", outcome.err);
        }
        let files = Command::new("grep").args(["-rlE", "canary(@|%40)", "."]).current_dir(dir.path()).output().unwrap();
        assert!(files.stdout.is_empty(), "{}", String::from_utf8_lossy(&files.stdout));
    }
    let kept = stored(&auth.uri, &database).await;
    assert!(!kept.contains("canary@") && !kept.contains(&escaped), "{kept}");
    client.database("admin").run_command(mongodb::bson::doc! { "dropUser": &user }).await.unwrap();
}

fn terminal(dir: &TempDir, line: &str, variables: &[(&str, &str)]) -> PtySession {
    spawn_command(command(dir, line, variables), Some(20_000)).unwrap()
}

/// Creates a database on the server, so that there is a list to choose from.
fn with_a_database(uri: &str) {
    let insert = async {
        let client = mongodb::Client::with_uri_str(uri).await.unwrap();
        let database = client.database("convoke_test_signin_listed");
        database.collection("seed").insert_one(mongodb::bson::doc! { "a": 1 }).await.unwrap();
    };
    tokio::runtime::Runtime::new().unwrap().block_on(insert);
}

/// Waits for a question and answers it; keys typed before the terminal hides them would be lost.
#[track_caller]
fn answer(session: &mut PtySession, question: &str, text: &str) {
    session.exp_string(question).unwrap_or_else(|e| panic!("{question}: {e}"));
    std::thread::sleep(Duration::from_millis(300));
    session.send(text).unwrap();
    session.flush().unwrap();
}

#[test]
fn only_what_was_wrong_is_asked_again() {
    let Some(auth) = auth() else { return };
    with_a_database(&auth.uri);
    let dir = here();
    let mut session = terminal(&dir, "login", &[]);
    answer(&mut session, "address", "127.0.0.1:9\r");
    session.exp_string("refused").unwrap();
    // The old address is proposed and replaced.
    answer(&mut session, "address", &format!("{}{}\r", "\u{7f}".repeat(40), auth.address));
    // The user is the next question: nobody has made a mistake.
    let before = session.exp_string("user").unwrap();
    assert!(!before.contains("error:"), "{before:?}");
    std::thread::sleep(Duration::from_millis(300));
    session.send_line(&auth.user).unwrap();
    answer(&mut session, "password for", "canary-wrong\n");
    session.exp_string("user or password is wrong").unwrap();
    answer(&mut session, "password for", &format!("{}\n", auth.password));
    answer(&mut session, "database", "\u{1b}[A\r");
    answer(&mut session, "database", &format!("{}convoke_test_signin\r", "\u{7f}".repeat(10)));
    session.exp_string("signed in to").unwrap();
    answer(&mut session, "save this to .env", "y");
    let screen = session.exp_eof().unwrap();
    assert!(!screen.contains(&auth.password) && !screen.contains("canary"), "{screen:?}");
    is_let_in(&auth, &dir, "", &[]);
    assert!(!fs::read_to_string(dir.path().join(".env")).unwrap().contains("canary"));
}

/// Address, user, password, database: the order of the README, and no error.
#[test]
fn the_questions_have_the_order_of_the_readme() {
    let Some(auth) = auth() else { return };
    let dir = here();
    let mut session = terminal(&dir, "login", &[]);
    answer(&mut session, "address", &format!("{}\r", auth.address));
    answer(&mut session, "user", &format!("{}\r", auth.user));
    answer(&mut session, "password for", &format!("{}\n", auth.password));
    let before = session.exp_string("database").unwrap();
    assert!(!before.contains("error:") && !before.contains("save this"), "{before:?}");
    std::thread::sleep(Duration::from_millis(300));
    session.send_control('c').unwrap();
    let rest = session.exp_eof().unwrap();
    // The Ctrl-C is the only one.
    let interrupted = usize::from(rest.contains("interrupted; nothing was done"));
    assert_eq!(rest.matches("error:").count(), interrupted, "{rest:?}");
}

/// Other commands ask for a missing or wrong password, and keep the rest.
#[test]
fn other_commands_ask_for_the_password() {
    let Some(auth) = auth() else { return };
    let dir = here();
    let address = format!("mongodb://{}@{}/convoke_test_signin?authSource=admin", auth.user, auth.address);
    let mut session = terminal(&dir, "list", &[("CONVOKE_STORE", &address), ("DB_PASSWORD", "canary-wrong")]);
    session.exp_string("user or password is wrong").unwrap();
    answer(&mut session, "password for", &format!("{}\n", auth.password));
    let screen = session.exp_eof().unwrap();
    assert!(!screen.contains("is wrong") && !screen.contains("save this"), "{screen:?}");
    assert!(!dir.path().join(".env").exists());
}

/// A database is chosen from the list, and remembered if the address comes from elsewhere.
#[test]
fn a_database_is_chosen_and_remembered() {
    let Some(plain) = variable("CONVOKE_TEST_MONGODB_URI") else { return };
    with_a_database(&plain);
    let dir = here();
    let mut session = terminal(&dir, "list", &[("CONVOKE_STORE", &plain)]);
    // The last item of the list is a new one.
    answer(&mut session, "database", "\u{1b}[A\r");
    answer(&mut session, "database", &format!("{}convoke_test_chosen\r", "\u{7f}".repeat(10)));
    answer(&mut session, "save this to .env", "y");
    let screen = session.exp_eof().unwrap();
    assert_eq!(fs::read_to_string(dir.path().join(".env")).unwrap(), "DB_NAME=convoke_test_chosen\n", "{screen:?}");
    let login = run(&dir, "login --json", &[("CONVOKE_STORE", &plain)]);
    assert_eq!(login.json()["data"]["database"], "convoke_test_chosen");
}

/// Ctrl-C at the hidden question: nothing is changed, and later input is visible again.
#[test]
fn ctrl_c_at_the_password() {
    let dir = here();
    let program = assert_cmd::cargo::cargo_bin("convoke");
    let line =
        format!("stty echo; {} login --url mongodb://ann@127.0.0.1:9/d; echo code $?; stty -a", program.display());
    let mut shell = Command::new("bash");
    shell.current_dir(dir.path()).args(["-c", &line]);
    let mut session = spawn_command(shell, Some(20_000)).unwrap();
    session.exp_string("password for").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    session.send_control('c').unwrap();
    let screen = session.exp_eof().unwrap();
    assert!(screen.contains("code 130"), "{screen:?}");
    assert!(screen.contains(" echo ") && !screen.contains("-echo "), "{screen:?}");
}
