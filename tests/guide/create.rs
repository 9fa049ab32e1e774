//! Creating an experiment with the guide: all questions, and everything that may happen at them.

use crate::road::*;
use crate::support::started;
use crate::terminal::{SMALL, Size, Terminal, USUAL};
use std::fs;
use tempfile::TempDir;

/// Removes values that change from run to run.
fn settled(screens: &[String]) -> String {
    let all = screens.join("\n────────\n");
    let mut out = String::new();
    let mut rest = all.as_str();
    while let Some(at) = rest.find("(id ") {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        out.push_str("(id …)");
        rest = after.find(')').map_or("", |end| &after[end + 1..]);
    }
    out + rest
}

fn whole_road(size: Size) -> (TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = creating(&dir, size);
    let mut screens = Vec::new();
    for step in ROAD {
        screens.extend(goes(&mut terminal, step));
    }
    screens.push(stands(&terminal, &["? what now?"]));
    terminal.types(OK);
    screens.push(stands(&terminal, &["? what next?"]));
    assert_eq!(drafts(&dir), 0, "what is stored is no draft");
    terminal.escape();
    assert_eq!(terminal.ends().1, 0);
    (dir, settled(&screens))
}

#[test]
fn the_whole_road() {
    let (dir, screens) = whole_road(USUAL);
    insta::assert_snapshot!("road_80x24", screens);
    is_stored(&dir);
    let list = convoke(dir.path(), &["list", "--json"]);
    assert!(String::from_utf8_lossy(&list.stdout).contains("\"starred\":true"));
}

#[test]
fn the_whole_road_in_a_small_window() {
    let (dir, screens) = whole_road(SMALL);
    insta::assert_snapshot!("road_40x15", screens);
    is_stored(&dir);
}

/// From the overview back to the first question, and out; all answers remain.
#[test]
fn escape_goes_back_at_every_question() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = creating(&dir, USUAL);
    for step in ROAD {
        goes(&mut terminal, step);
    }
    stands(&terminal, &["? what now?"]);
    for (at, step) in ROAD.iter().enumerate().rev() {
        terminal.escape();
        let first: &[&str] = if at == 2 { &["? models ›"] } else { step[0].0 };
        last_is(&terminal, first);
    }
    terminal.escape();
    stands(&terminal, &["? what next?", "The draft is kept"]);
    terminal.types(OK);
    stands(&terminal, &["? there is a draft"]);
    terminal.types(OK);
    // Every answer is shown for confirmation.
    for (at, step) in ROAD.iter().enumerate() {
        let first: &[&str] = if at == 2 { &["? models ›"] } else { step[0].0 };
        last_is(&terminal, first);
        terminal.types(OK);
    }
    stands(&terminal, &["? what now?"]);
    terminal.types(OK);
    stands(&terminal, &["? what next?", "the same by hand"]);
    terminal.escape();
    terminal.ends();
    is_stored(&dir);
}

/// Waits until this question is the last on the screen: a list, or the line of a field.
#[track_caller]
fn last_is(terminal: &Terminal, asked: &[&str]) {
    let part = asked[0];
    terminal.until(part, |screen| {
        let lines: Vec<&str> = screen.lines().collect();
        let list = lines.iter().rposition(|line| line.starts_with("? "));
        let end = match list {
            Some(at) => lines[at.saturating_sub(1)..].join("\n"),
            None => lines[lines.len().saturating_sub(2)..].join("\n"),
        };
        end.contains(part) && (list.is_some() || part.starts_with("? ") || !end.starts_with("? "))
    });
    stands(terminal, asked);
}

/// Esc goes back within the parts of a question, too.
#[test]
fn escape_goes_back_within_a_question() {
    for size in [USUAL, SMALL] {
        let dir = tempfile::tempdir().unwrap();
        let mut terminal = creating(&dir, size);
        goes(&mut terminal, ROAD[0]);
        goes(&mut terminal, ROAD[1]);
        stands(&terminal, &["? ollama cannot be asked ›"]);
        terminal.escape();
        last_is(&terminal, ROAD[1][0].0);
        terminal.types(OK);
        goes(&mut terminal, &ROAD[2][..1]);
        stands(&terminal, &["? model ›"]);
        terminal.escape();
        last_is(&terminal, ROAD[1][0].0);
        terminal.types(OK);
        goes(&mut terminal, &ROAD[2][..2]);
        stands(&terminal, &["as in llama3.1 or"]);
        terminal.escape();
        stands(&terminal, &["? model ›"]);
        terminal.types(OK);
        last_is(&terminal, &["as in llama3.1 or"]);
        terminal.types("mine\r");
        stands(&terminal, &["? which server has mine? ›"]);
        terminal.escape();
        // The answer given before stands there too, and must not be taken for the new field.
        terminal.until("the name again", |screen| {
            !screen.contains("? which") && screen.lines().filter(|line| line.ends_with(" mine")).count() == 2
        });
        terminal.types("\u{15}gpt-4.1\r");
        stands(&terminal, &["? parameters of openai/gpt-4.1"]);
        terminal.escape();
        stands(&terminal, &["? model ›"]);
        terminal.types(OK);
        last_is(&terminal, &["as in llama3.1 or"]);
        terminal.types("gpt-4.1\r");
        stands(&terminal, &["? parameters of openai/gpt-4.1"]);
        terminal.types(SECOND);
        stands(&terminal, &["temperature (0 to 2)"]);
        terminal.types("\u{15}0.1\r");
        stands(&terminal, &["top_p (above 0"]);
        terminal.escape();
        terminal.until("temperature again", |screen| screen.matches("temperature (0 to 2)").count() == 2);
        terminal.escape();
        stands(&terminal, &["? parameters of openai/gpt-4.1"]);
        terminal.types(OK);
        stands(&terminal, &["? models ›"]);
        terminal.interrupt();
        assert_eq!(terminal.ends().1, 130);
    }
}

/// From the overview to an answer and back; only the questions that a new answer opens are asked.
#[test]
fn an_answer_is_changed_and_no_text_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = creating(&dir, USUAL);
    for step in ROAD {
        goes(&mut terminal, step);
    }
    // Titles: the goals are removed, and added again.
    for (titles, number) in [("Personality, Communication rules", 5), ("Goal, Personality, Communication rules", 7)] {
        stands(&terminal, &["? what now?"]);
        terminal.types(THIRD);
        stands(&terminal, &["? which one? ›", "section titles: "]);
        terminal.types(&format!("{}\r", "\u{1b}[B".repeat(3)));
        last_is(&terminal, &["section titles"]);
        terminal.types(&format!("\u{15}{titles}\r"));
        stands(&terminal, &["? what now?", &format!("texts: {number}")]);
    }
    // One more role: its own questions are asked.
    terminal.types(THIRD);
    stands(&terminal, &["? which one? ›"]);
    terminal.types(&format!("{}\r", "\u{1b}[B".repeat(6)));
    last_is(&terminal, &["roles in speaking"]);
    terminal.types(", warden=2\r");
    for (asked, keys) in [
        ("several of warden", OK),
        ("pronouns of one warden", OK),
        ("? model of warden ›", OK),
        ("? warden: before the sections ›", THIRD),
        ("? warden: Goal ›", THIRD),
        ("? warden: Personality ›", THIRD),
    ] {
        stands(&terminal, &[asked]);
        terminal.types(keys);
    }
    stands(&terminal, &["? what now?", "roles: 1 guard, 1 prisoner, 2 wardens"]);
    terminal.types(SECOND);
    // Of one condition only: the first model.
    stands(&terminal, &["? which condition? ›", "model=openai/gpt-4.1", "model=scripted"]);
    terminal.types(THIRD);
    let screen = stands(&terminal, &["? what now?", "the summarizer reads (scripted)"]);
    assert!(!screen.contains("== model=openai"), "{screen}");
    terminal.types(OK);
    stands(&terminal, &["? what next?", "the same by hand"]);
    terminal.escape();
    terminal.ends();
    let document = exported(dir.path(), "prison");
    for part in ["warden = 2", "Keep the <PRISONER_NOUN> in.", "Get out.", "Say it short."] {
        assert!(document.contains(part), "{part}: {document}");
    }
}

/// A text from the person's editor, which shows the previous text.
#[test]
fn a_text_comes_from_an_editor() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let editor = dir.path().join("editor");
    fs::write(&editor, "#!/bin/sh\ncp \"$1\" before\nprintf 'Of an editor,\\n\\n漢字.\\n' > \"$1\"\n").unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
    let editor = editor.display().to_string();
    let mut terminal = Terminal::start(dir.path(), &[], USUAL, &[("EDITOR", &editor)]);
    stands(&terminal, &["? what next?"]);
    terminal.types(OK);
    for step in &ROAD[..15] {
        goes(&mut terminal, step);
    }
    stands(&terminal, &["? shared: before the sections ›"]);
    terminal.types(SECOND);
    stands(&terminal, &["? shared: Communication rules"]);
    draft_holds(&dir, "Of an editor,\\n\\n漢字.");
    terminal.escape();
    stands(&terminal, &["? shared: before the sections ›", "keep it: Of an editor, 漢字."]);
    terminal.types(&format!("{}\r", "\u{1b}[B".repeat(3)));
    stands(&terminal, &["? shared: Communication rules"]);
    assert_eq!(fs::read_to_string(dir.path().join("before")).unwrap(), "Of an editor,\n\n漢字.");
    terminal.interrupt();
    terminal.ends();
}

/// Letters of all kinds, edited with arrows and Backspace in a narrow window, where they wrap.
#[test]
fn any_letters_are_typed_edited_and_stored() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = creating(&dir, SMALL);
    // A letter with its accent, and an emoji of several code points, are removed by one Backspace.
    terminal.types("Ünïcödé 漢字x e\u{301}e\u{301}👩\u{200d}🚀👩\u{200d}🚀");
    terminal.types("\u{7f}");
    terminal.arrow('D');
    terminal.types("\u{7f}");
    // To the left of `x`, over a letter with its accent and a space, then the wide letter before it is removed.
    for _ in 0..3 {
        terminal.arrow('D');
    }
    terminal.types("\u{7f}\r");
    stands(&terminal, ROAD[1][0].0);
    terminal.types(SECOND);
    stands(&terminal, &["line 1: Start the"]);
    let long = "漢字 und Ünïcödé über mehr als eine Zeile hinweg, e\u{301} am Ende";
    terminal.types("\u{15}");
    terminal.types(long);
    terminal.arrow('D');
    terminal.types("\u{7f}N");
    terminal.types("\r");
    for step in &ROAD[2..] {
        goes(&mut terminal, step);
    }
    let screen = stands(&terminal, &["? what now?"]);
    insta::assert_snapshot!("letters_40x15", screen);
    terminal.types(OK);
    stands(&terminal, &["? what next?"]);
    terminal.escape();
    terminal.ends();
    let name = "Ünïcödé 漢x e\u{301}👩\u{200d}🚀";
    let document = exported(dir.path(), name);
    assert!(document.contains(&format!("name = \"{name}\"")), "{document}");
    assert!(document.contains("e\u{301} am EnNe"), "{document}");
    assert!(document.contains("It is 漢字 e\u{301}."), "{document}");
}

/// From nothing to two conditions: two versions of a text, of which the second is asked for.
#[test]
fn two_versions_of_a_text_are_made_from_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut t = started(dir.path(), USUAL);
    t.takes("create").field("name of").writes("mood").at("starting message").enter();
    t.at("ollama cannot").takes("go on").at("model ").takes("scripted").at("models").enter();
    t.field("section titles").writes("goal, tone").at("which are shared").enter().field("in which order").enter();
    t.field("roles in").writes("buyer").shows("At least two agents").pop();
    t.field("roles in").writes("buyer, seller");
    for role in ["buyer", "seller"] {
        t.field(&format!("several of {role}")).enter().field(&format!("pronouns of one {role}")).enter();
    }
    t.field("a summariser?").enter().at("shared: before").takes("leave").at("buyer: before").takes("leave");
    t.at("buyer: Goal")
        .takes("several versions")
        .field("name of the factor: goal")
        .writes("days")
        .shows("a setting")
        .pop();
    t.field("name of the factor: days").escape();
    t.at("buyer: Goal").takes("several versions").field("name of the factor: goal").enter();
    t.field("a name for each").writes("kind").shows("at least two").pop();
    t.field("a name for each").writes("kind, cold");
    // A pasted line with a point only is text; a typed one ends the text, also after a paste that ends in a line break.
    t.at("buyer: Goal {goal=kind}").takes("type it").shows("Type the text.").pop();
    t.types("\u{1b}[200~Be kind.\r.\rAlways.\r.\u{1b}[201~\r.\r");
    t.at("buyer: Goal {goal=cold}").takes("type it").shows("Type the text.").pop();
    t.types("\u{1b}[200~Be cold.\r\r.\rTail.\r\u{1b}[201~");
    t.shows("Tail.").pop();
    t.types(".\r");
    t.at("buyer: Tone").takes("leave").at("seller: before").takes("leave").at("seller: Goal").takes("leave");
    t.at("seller: Tone").takes("type it").shows("Type the text.").pop();
    t.types("Dry.\r.\r");
    // A level that is added later has its text asked for, and no other text is asked for again.
    t.at("what varies?").takes("change goal").at("goal:").takes("the names").field("names of the versions");
    t.writes("kind, cold, sad").at("what varies?").takes("that is all");
    t.at("buyer: Goal {goal=sad}").takes("type it").shows("Type the text.").pop();
    t.types("Be sad.\r.\r");
    t.field("a star?").enter().field("note").enter();
    let screen = t.at("what now?").shows("factors: goal (kind, cold, sad); 3 conditions");
    assert!(!screen.contains("warning"), "{screen}");
    t.takes("preview").at("which condition?").takes("model=scripted goal=cold").at("what now?");
    let screen = t.shows("Be cold.");
    assert!(!screen.contains("Be kind."), "{screen}");
    t.takes("save").at("what next?").interrupt();
    t.ends();
    let document = exported(dir.path(), "mood");
    let texts = ["kind}\nBe kind.\n.\nAlways.\n.\n", "cold}\nBe cold.\n\n.\nTail.\n"];
    for part in ["\"goal\" = [\"kind\", \"cold\", \"sad\"]", "sad}\nBe sad.", texts[0], texts[1], "Dry."] {
        assert!(document.contains(part), "{part}: {document}");
    }
    let plan = convoke(dir.path(), &["plan", "mood"]);
    assert!(
        String::from_utf8_lossy(&plan.stdout).contains("3 conditions"),
        "{}",
        String::from_utf8_lossy(&plan.stdout)
    );
}

/// An unreachable server is started and queried again: no answer is lost.
#[test]
fn a_server_is_started_and_asked_again() {
    let dir = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut terminal = Terminal::start(dir.path(), &[], USUAL, &[("OLLAMA_HOST", &address)]);
    stands(&terminal, &["? what next?"]);
    terminal.types(OK);
    goes(&mut terminal, ROAD[0]);
    goes(&mut terminal, ROAD[1]);
    stands(&terminal, &["? ollama cannot be asked ›"]);
    ollama(&address);
    terminal.types(OK);
    stands(&terminal, &["? model ›", "ollama/llama3.1 (4.7 GB)"]);
    terminal.types(OK);
    stands(&terminal, &["these: temperature 0.7, top_p 0.9, top_k 40, num_ctx 10000"]);
    // The same model again, with a name and other parameters.
    terminal.types(OK);
    stands(&terminal, &["? models ›"]);
    terminal.types(SECOND);
    stands(&terminal, &["? model ›"]);
    terminal.types(OK);
    stands(&terminal, &["its name in the experiment: llama3.1-2"]);
    terminal.types(OK);
    stands(&terminal, &["? parameters of llama3.1-2 ›"]);
    terminal.types(SECOND);
    stands(&terminal, &["temperature (0 to 2): 0.7"]);
    terminal.types("\u{15}3\r");
    stands(&terminal, &["temperature cannot be `3`"]);
    terminal.types("\u{15}0\r");
    stands(&terminal, &["top_k (how many candidates): 40"]);
    terminal.types("\u{15}\r");
    stands(&terminal, &["top_p (above 0, up to 1): 0.9"]);
    terminal.types(OK);
    stands(&terminal, &["num_ctx (context in tokens): 10000"]);
    terminal.types("\u{15}4096\r");
    stands(&terminal, &["? models ›", "change llama3.1-2: ollama/llama3.1, temperature 0, top_p 0.9, num_ctx 4096"]);
    // A missing model is pulled by the run, which the guide reports.
    terminal.types(SECOND);
    stands(&terminal, &["? model ›"]);
    terminal.types("another\r");
    stands(&terminal, &["as in llama3.1 or"]);
    terminal.types("mistral\r");
    stands(&terminal, &["? which server has mistral? ›"]);
    terminal.types(OK);
    stands(&terminal, &["ollama does not have mistral: a run fetches it"]);
    terminal.interrupt();
    terminal.ends();
    draft_holds(&dir, "\"prison\"");
}

/// Starts an Ollama with one model that answers look-ups only.
fn ollama(address: &str) {
    use std::io::{BufRead, BufReader, Read, Write};
    let listener = std::net::TcpListener::bind(address).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut first, mut length) = (String::new(), 0);
            reader.read_line(&mut first).unwrap();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(n) = line.to_lowercase().strip_prefix("content-length:") {
                    length = n.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            reader.take(length).read_to_end(&mut Vec::new()).unwrap();
            let body = match first.split(' ').nth(1).unwrap_or_default() {
                "/api/tags" => {
                    r#"{"models":[{"name":"llama3.1:latest","model":"llama3.1:latest","modified_at":"2026-01-02T03:04:05Z","size":4661224676,"digest":"46e0"}]}"#
                }
                "/api/show" => {
                    r#"{"license":"","modelfile":"","parameters":"","template":"","model_info":{},"capabilities":[]}"#
                }
                _ => "{}",
            };
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
    });
}
