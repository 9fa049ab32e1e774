//! Parts that the tests of menus share: an experiment, and a person's moves in lists and fields.

use crate::terminal::{Size, Terminal};
use convoke::design::check::{KnownServer, check};
use convoke::design::folder::Files;
use convoke::design::key;
use convoke::store::sqlite::{OpenMode, Sqlite};
use convoke::store::{NewExperiment, Store};
use std::path::Path;
use tempfile::TempDir;

/// Two agents talk about two topics; the offline model needs no server.
pub const TALK: &[(&str, &str)] = &[
    (
        "experiment.toml",
        r#"name = "talk"
note = "Two talk"
starting_message = "Begin."
models = [{ id = "scripted", as = "one" }, { id = "scripted", as = "two", temperature = 0.5 }]

[protocol]
messages = 4
agents = { guard = 1, prisoner = 1 }

[roles.guard]
plural = "guards"
pronouns = "he/his"

[roles.prisoner]
plural = "prisoners"
pronouns = "she/her"
"#,
    ),
    ("shared.md", "## Setting\nA yard.\n"),
    ("roles/guard.md", "You are <AGENT_NAME>.\n\n## Goal\nKeep order.\n"),
    ("roles/prisoner.md", "You are <AGENT_NAME>.\n\n## Goal\nGet out.\n"),
];

/// A folder with a database that holds the experiment, with fixed ids.
pub fn made(creator: &str) -> TempDir {
    made_with(creator, "scripted")
}

/// The same folder with models of this id.
pub fn made_with(creator: &str, model: &str) -> TempDir {
    let text = |text: &str| text.replace("\"scripted\"", &format!("\"{model}\"")).into_bytes();
    made_of(creator, &TALK.iter().map(|(p, t)| ((*p).to_owned(), text(t))).collect())
}

/// The same folder with these files first.
pub fn made_over(creator: &str, over: &[(&str, &str)]) -> TempDir {
    made_of(creator, &TALK.iter().chain(over).map(|(p, t)| ((*p).to_owned(), t.as_bytes().to_vec())).collect())
}

fn made_of(creator: &str, files: &Files) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let servers = ["ollama", "fake"].map(|name| KnownServer { name: name.to_owned(), lacks: &[], refused: None });
    let checked = check(files, &servers);
    assert!(checked.plan.is_some(), "{:?}", checked.problems);
    let document = checked.experiment.unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Sqlite::open(&dir.path().join("convoke.db"), OpenMode::Run, None).unwrap().store;
        let revision = key::hash_revision(&document);
        let (id, creator, now) = ("0123456789abcdef".to_owned(), creator.to_owned(), 1_795_165_687_006);
        store.save(NewExperiment { id, creator, now, document, revision, parent: None }).await.unwrap();
    });
    dir
}

/// The guide in a folder, at its first question.
pub fn started(dir: &Path, size: Size) -> Terminal {
    let terminal = Terminal::start(dir, &[], size, &[("NO_COLOR", "1")]);
    terminal.asks("what next?");
    terminal
}
impl Terminal {
    /// Moves down a list to the item with this beginning, and takes it.
    #[track_caller]
    pub fn takes(&mut self, item: &str) -> &mut Self {
        let stands_at =
            |screen: &str| screen.lines().rev().find(|l| l.starts_with("> ")).unwrap_or_default().to_owned();
        for _ in 0..40 {
            let now = self.until("a list", |screen| !stands_at(screen).is_empty());
            if stands_at(&now).trim_start_matches("> ").starts_with(item) {
                self.types("\r");
                return self;
            }
            self.arrow('B');
            self.until("the next item", |screen| stands_at(screen) != stands_at(&now));
        }
        assert!(self.screen().is_empty(), "`{item}` is not in the list:\n{}", self.screen());
        self
    }

    /// Goes from the overview of a change to one of its answers.
    #[track_caller]
    pub fn changes(&mut self, answer: &str) -> &mut Self {
        self.at("what now?").takes("change an").at("which one?").takes(answer)
    }

    /// Waits until the last line holds this, which means that all above it is drawn.
    #[track_caller]
    pub fn ends_in(&self, text: &str) -> String {
        self.until(text, |screen| screen.lines().last().is_some_and(|l| l.contains(text)))
    }

    /// Waits until this is the active list.
    #[track_caller]
    pub fn at(&mut self, question: &str) -> &mut Self {
        self.until(&format!("the list `{question}`"), |screen| {
            let (line, has_items) = asked(screen);
            line.contains(question) && line.ends_with([':', '|', '?', ']']) && has_items
        });
        self
    }

    /// Waits until this is the label of the last field.
    #[track_caller]
    pub fn field(&mut self, question: &str) -> &mut Self {
        self.until(&format!("the field `{question}`"), |screen| {
            let (line, has_items) = asked(screen);
            line.starts_with(question) && !has_items
        });
        self
    }

    /// Waits until this is the question of the last field, in a window of any width: a long question has a line of its
    /// own, and its field is ready once its mark appears.
    #[track_caller]
    pub fn narrow_field(&mut self, question: &str) -> &mut Self {
        self.until(&format!("the field `{question}`"), |screen| {
            let (line, has_items) = asked(screen);
            let ends = screen.lines().last().is_some_and(|last| last.starts_with("> "));
            line.starts_with(question) && if line.contains(": ") || line.ends_with(':') { !has_items } else { ends }
        });
        self
    }

    /// Ticks these in a list and takes them.
    #[track_caller]
    pub fn takes_ticked(&mut self, items: &[&str]) -> &mut Self {
        let stands_at =
            |screen: &str| screen.lines().rev().find(|l| l.starts_with("> ")).unwrap_or_default().to_owned();
        for item in items {
            for _ in 0..20 {
                let now = stands_at(&self.until("a list", |screen| stands_at(screen).starts_with("> [")));
                if now.get(6..).is_some_and(|at| at.starts_with(item)) {
                    self.types(" ");
                    self.until("the tick", |screen| stands_at(screen) != now);
                    break;
                }
                self.arrow('B');
                self.until("the next item", |screen| stands_at(screen) != now);
            }
        }
        self.enter()
    }

    /// Presses a key.
    pub fn says(&mut self, key: &str) -> &mut Self {
        self.types(key);
        self
    }

    /// Takes the item at the cursor, or the text in the field.
    pub fn enter(&mut self) -> &mut Self {
        self.types("\r");
        self
    }

    /// Replaces the text of a field, and enters it.
    pub fn writes(&mut self, text: &str) -> &mut Self {
        self.types("\u{15}");
        self.enters(text);
        self
    }
}

/// True if the last lines are a list.
pub fn is_list(screen: &str) -> bool {
    asked(screen).1
}

/// The last line that is no item of a list; true if items follow it.
fn asked(screen: &str) -> (&str, bool) {
    let lines: Vec<&str> = screen.lines().collect();
    let is_item = |line: &&str| line.starts_with("> ") || line.starts_with("  ");
    let at = lines.iter().rposition(|line| !is_item(line));
    at.map_or(("", false), |at| (lines[at], at + 1 < lines.len()))
}

/// Goes to the menu of the experiment.
pub fn selected(dir: &Path, size: Size) -> Terminal {
    let mut terminal = started(dir, size);
    terminal.takes("select");
    terminal.shows("experiment");
    terminal.shows("done,");
    terminal.types("\r");
    terminal.shows("run conversations");
    terminal
}

/// True if the active question holds this: in its field, or at the cursor of its list.
pub fn ends_with(screen: &str, text: &str) -> bool {
    let lines: Vec<&str> = screen.lines().collect();
    let last = lines.last().copied().unwrap_or_default();
    let is_list = last.starts_with("  ");
    if is_list { lines.iter().rev().take(12).any(|l| l.starts_with(text)) } else { last.contains(text) }
}

/// A database of its own on a server that a variable names, dropped at the end.
pub struct Base {
    address: String,
    name: String,
}

impl Base {
    #[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
    pub fn new() -> Option<Self> {
        let variable = "CONVOKE_TEST_MONGODB_URI";
        let Some(address) = std::env::var(variable).ok().filter(|v| !v.is_empty()) else {
            assert!(std::env::var_os("CONVOKE_TEST_REQUIRE_SERVERS").is_none(), "{variable} is unset");
            eprintln!("SKIPPED: {variable} is unset, so nothing was tried on a real server");
            return None;
        };
        let name = format!("convoke_guide_{}", std::process::id());
        Some(Self { address, name })
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn variables(&self) -> [(&str, &str); 3] {
        [("DB_CLUSTER_URL", &self.address), ("DB_NAME", &self.name), ("NO_COLOR", "1")]
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = mongodb::Client::with_uri_str(&self.address).await.unwrap();
            client.database(&self.name).drop().await.unwrap();
        });
    }
}
