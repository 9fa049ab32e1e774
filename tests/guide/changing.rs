//! A change in the guide equals the same flags, and Esc goes back one question without losing an answer.

use crate::hand::{Beside, SUMMARIZER};
use crate::support::{made_over, selected};
use crate::terminal::{SMALL, Terminal, USUAL};
use std::path::Path;
use tempfile::TempDir;

/// A second folder in which flags make the same change.
fn before() -> TempDir {
    made_over("tester", SUMMARIZER)
}

/// Starts at the list of parts of the experiment itself, with these ticked.
fn changing(parts: &[&str]) -> Beside {
    let mut it = Beside::start(before());
    it.terminal.takes("select").at("experiment").enter().at("talk");
    it.equal_after(1);
    it.terminal.takes("change it").at("what is to be").takes_ticked(parts);
    it
}

#[track_caller]
fn saves(it: &mut Beside, flags: &[&str]) {
    it.terminal.field("save it?").types("y");
    it.terminal.at("talk");
    it.equal_after(1);
    it.is_by_flags("talk", before().path(), &[&["edit", "talk"], flags].concat());
    it.terminal.interrupt();
}

/// Types a text of one line.
fn types(t: &mut Terminal, name: &str, text: &str) {
    t.at(name).takes("type it").shows("Type the text.");
    t.types(&format!("{text}\r.\r"));
}

#[test]
fn a_role_comes_and_one_goes() {
    let mut it = changing(&["roles"]);
    let t = &mut it.terminal;
    t.field("roles in speaking").writes("warden=2, guard=x").shows("no whole one").pop();
    t.field("roles in speaking").writes("warden=2, guard=3");
    types(t, "warden: Goal", "Watch the <GUARD_NOUN>.");
    saves(&mut it, &["--roles", "warden=2,guard=3", "--section", "warden/Goal=Watch the <GUARD_NOUN>."]);
}

#[test]
fn a_title_is_shared_and_private_again() {
    let mut it = changing(&["section titles"]);
    let t = &mut it.terminal;
    t.field("section titles").writes("setting, rules").at("which do all");
    t.takes_ticked(&["Rules"]);
    types(t, "shared: Rules", "Be short.");
    t.field("save it?").escape();
    // Back, question by question, with every answer kept.
    t.at("shared: Rules").until("the text", |s| s.contains("keep it: Be short."));
    t.escape();
    t.at("which do all").until("both ticked", |s| s.contains("[x] Setting") && s.contains("[x] Rules"));
    t.escape();
    t.field("section titles, in order: Setting, Rules").writes("setting, goal").at("which do all");
    t.takes_ticked(&["Setting"]);
    t.field("save it?").escape();
    t.at("which do all").takes_ticked(&["Setting"]);
    // Unchanged again: nothing is to be saved.
    t.shows("nothing was changed");
    t.at("what is to be").enter();
    t.field("section titles").enter().at("which do all").takes_ticked(&["Setting", "Goal"]);
    // Their texts differ, so one for all is asked for.
    types(t, "shared: Goal", "Be good.");
    t.field("save it?").types("n");
    t.at("what is to be").enter();
    t.field("section titles").writes("goal, setting").at("which do all").takes_ticked(&["Goal"]);
    saves(&mut it, &["--private", "Setting", "--set", "sections=['Goal', 'Setting']"]);
}

#[test]
fn contents_are_changed_and_a_new_title_is_asked_of_each_role() {
    let mut it = changing(&["section titles", "section contents"]);
    let t = &mut it.terminal;
    t.field("section titles").writes("goal, setting, fear").at("which do all").enter();
    types(t, "guard: Fear", "Heights.");
    // Unfinished lines are offered again after a step back.
    t.at("prisoner: Fear").takes("type it").shows("Type the text.").pop();
    t.types("Dogs.\r");
    t.shows("Dogs.");
    t.escape();
    t.at("prisoner: Fear").escape();
    t.at("guard: Fear").takes("keep it").at("prisoner: Fear").takes("go on typing (lines so far: 1)");
    t.shows("  Dogs.").pop();
    t.types(".\r");
    t.at("which contents?").takes_ticked(&["shared: Setting", "prisoner: what stands"]);
    t.at("shared: Setting").takes("add lines").shows("  A yard.").pop();
    t.types("It rains.\r.\r");
    t.at("prisoner: what stands").takes("correct").field("line 1").writes("You are <AGENT_NAME>, in here.");
    saves(
        &mut it,
        &[
            "--section=guard/Fear=Heights.",
            "--section=prisoner/Fear=Dogs.",
            "--section=Setting=A yard.\nIt rains.",
            "--section=prisoner/=You are <AGENT_NAME>, in here.",
            "--set=sections=['Goal', 'Setting', 'Fear']",
        ],
    );
}

#[test]
fn the_summariser_is_changed_and_goes() {
    let mut it = changing(&["summariser"]);
    let t = &mut it.terminal;
    t.at("summariser: what?").takes("no summ");
    t.field("save it?").escape();
    t.at("summariser: what?").until("where it stood", |s| s.contains("> no summ"));
    t.arrow('A');
    t.until("the one before", |s| s.lines().any(|l| l.starts_with("> its contents")));
    t.enter().at("which contents?").takes_ticked(&["summarizer: Goal"]);
    types(t, "summarizer: Goal", "Two sentences.");
    t.field("save it?").types("n");
    t.at("what is to be").enter().at("summariser: what?").arrow('A');
    t.until("the first", |s| s.lines().any(|l| l.starts_with("> its titles")));
    t.enter().field("titles of the").writes("goal, tone");
    types(t, "summarizer: Tone", "Dry.");
    saves(&mut it, &["--section=summarizer/Goal=Two sentences.", "--section=summarizer/Tone=Dry."]);
    let mut it = changing(&["summariser"]);
    it.terminal.at("summariser: what?").takes("no summ");
    saves(&mut it, &["--drop-section=summarizer/", "--drop-section=summarizer/Goal"]);
}

/// Each question of a change, and the action that leads to the next one.
const QUESTIONS: &[(&str, Go)] = &[
    ("name of", Go::Writes("other")),
    ("what is to be", Go::Ticks(&["starting", "models", "roles", "section t", "section c", "summ", "note"])),
    ("starting message", Go::Enters),
    ("models", Go::Enters),
    ("roles in", Go::Writes("guard=1, prisoner=1, cook=1")),
    ("cook: Goal", Go::Third),
    ("section titles", Go::Writes("goal, setting, fear")),
    ("which do all", Go::Enters),
    ("guard: Fear", Go::Third),
    ("prisoner: Fear", Go::Third),
    ("cook: Fear", Go::Third),
    ("which contents?", Go::Ticks(&["shared: Setting"])),
    ("shared: Setting", Go::Enters),
    ("summariser: what?", Go::Enters),
    ("titles of the", Go::Writes("goal")),
    ("note", Go::Writes("a copy")),
    ("save it?", Go::Writes("y")),
];

/// An action at a question.
#[derive(Debug, Clone, Copy)]
enum Go {
    Enters,
    Writes(&'static str),
    Ticks(&'static [&'static str]),
    /// The third of a list: left empty.
    Third,
}

/// True if the question is the last on the screen, in a window of any width.
fn stands(screen: &str, (question, go): (&str, Go)) -> bool {
    let lines: Vec<&str> = screen.lines().collect();
    let end = lines.iter().rposition(|l| !l.starts_with("> ") && !l.starts_with("  ")).unwrap_or(0);
    if matches!(go, Go::Writes(_)) {
        // A long question has lines of its own, and its field is ready once its mark appears.
        let is_here = lines[end].starts_with(question) && lines[end].contains([':', '[']) && end + 1 == lines.len();
        let from = end.saturating_sub(1);
        let is_asked = lines[from..=end].iter().any(|line| line.starts_with(question) && !line.contains(": "));
        return is_here || is_asked && lines[end + 1..].first().is_some_and(|line| line.starts_with("> "));
    }
    lines[end].starts_with(question) && lines[end].ends_with([':', '?']) && end + 1 < lines.len()
}

fn goes(t: &mut Terminal, (question, go): (&str, Go)) {
    t.until(question, |screen| stands(screen, (question, go)));
    match go {
        Go::Enters => drop(t.enter()),
        Go::Writes(text) => drop(t.writes(text)),
        Go::Ticks(items) => drop(t.takes_ticked(items)),
        Go::Third => t.types("\u{1b}[B\u{1b}[B\r"),
    }
}

/// Starts a change and stops at one of its questions.
fn asked_up_to(dir: &Path, place: usize, size: crate::terminal::Size) -> Terminal {
    let mut t = selected(dir, size);
    t.takes("duplicate");
    for asked in &QUESTIONS[..place] {
        goes(&mut t, *asked);
    }
    t.until(QUESTIONS[place].0, |screen| stands(screen, QUESTIONS[place]));
    t
}

#[test]
fn escape_goes_back_one_question_of_a_change_and_ctrl_c_leaves() {
    let dir = before();
    let last = QUESTIONS.len() - 1;
    let mut t = asked_up_to(dir.path(), last, USUAL);
    for asked in QUESTIONS[..last].iter().rev() {
        t.escape();
        t.until(asked.0, |screen| stands(screen, *asked));
    }
    t.escape();
    t.until("the menu", |s| s.lines().last().is_some_and(|l| l.contains("back")));
    t.interrupt();
    assert_eq!(t.ends().1, 130);
    // At every other question in a large window, at the rest in a small one.
    for place in 0..=last {
        let mut t = asked_up_to(dir.path(), place, if place % 2 == 0 { USUAL } else { SMALL });
        t.interrupt();
        let (screen, code) = t.ends();
        assert_eq!(code, 130, "{screen}");
    }
}
