//! A change in the guide equals the same flags, survives a kill, and Esc goes back one question without losing an answer.

use crate::hand::{Beside, SUMMARIZER};
use crate::support::{is_list, made_over, selected, started};
use crate::terminal::{SMALL, Size, Terminal, USUAL};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A second folder in which flags make the same change.
fn before() -> TempDir {
    made_over("tester", SUMMARIZER)
}

/// Starts at the overview of a change of the experiment itself.
fn changing() -> Beside {
    let mut it = Beside::start(before());
    it.terminal.takes("select").at("experiment").enter().at("talk");
    it.equal_after(1);
    it.terminal.takes("change it").at("what now?").shows("nothing is changed yet");
    it
}

#[track_caller]
fn saves(it: &mut Beside, flags: &[&str]) {
    it.terminal.at("what now?").takes("save").at("talk");
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
    let mut it = changing();
    let t = &mut it.terminal;
    t.changes("roles").field("roles in speaking").writes("warden=2, guard=x").shows("a whole number").pop();
    t.field("roles in speaking").writes("warden=2, guard=3");
    t.field("several of warden").enter().field("pronouns of one warden").enter().at("model of warden").enter();
    t.at("warden: before").takes("leave");
    types(t, "warden: Goal", "Watch the <GUARD_NOUN>.");
    saves(&mut it, &["--roles", "warden=2,guard=3", "--section", "warden/Goal=Watch the <GUARD_NOUN>."]);
}

#[test]
fn a_title_is_shared_and_private_again() {
    let mut it = changing();
    let t = &mut it.terminal;
    t.changes("section titles").field("section titles").writes("setting, rules").at("which are shared");
    t.takes_ticked(&["Rules"]);
    types(t, "shared: Rules", "Be short.");
    t.at("what now?").escape();
    // Back, question by question, with every answer kept.
    t.at("shared: Rules").until("the text", |s| s.contains("keep it: Be short."));
    t.escape();
    t.at("which are shared").until("both ticked", |s| s.contains("[x] Setting") && s.contains("[x] Rules"));
    t.escape();
    t.field("section titles, with commas in between: Setting, Rules").writes("setting, goal");
    // Unchanged again: nothing is to be saved.
    t.at("what now?").shows("nothing is changed yet");
    // The texts differ, so one for all is asked for.
    t.changes("shared sections").at("which are shared").takes_ticked(&["Goal"]);
    types(t, "shared: Goal", "Be good.");
    t.changes("shared sections").at("which are shared").takes_ticked(&["Setting", "Goal"]);
    t.changes("shared sections").at("which are shared").takes_ticked(&["Goal"]);
    t.changes("order of").field("in which order").writes("goal, setting");
    // Shared sections are first where no order is named.
    saves(&mut it, &["--share=Goal", "--section=Goal=Be good.", "--private=Setting"]);
}

#[test]
fn contents_are_changed_and_a_new_title_is_asked_of_each_role() {
    let mut it = changing();
    let t = &mut it.terminal;
    t.changes("section titles").field("section titles").writes("goal, setting, fear").at("which are shared").enter();
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
    t.changes("contents of shared: Setting").at("shared: Setting").takes("add lines").shows("  A yard.").pop();
    t.types("It rains.\r.\r");
    t.changes("contents of prisoner: before").at("prisoner: before").takes("correct");
    t.field("line 1").writes("You are <AGENT_NAME>, in here.");
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
    let mut it = changing();
    let t = &mut it.terminal;
    t.changes("summariser").field("a summariser? [y/n, Enter: yes]").says("n").at("what now?").escape();
    t.field("a summariser? [y/n, Enter: no]").says("y").at("what now?").shows("nothing is changed yet").pop();
    t.changes("contents of summarizer: Goal");
    types(t, "summarizer: Goal", "Two sentences.");
    t.changes("the summariser's").field("the summariser's").writes("goal, tone");
    types(t, "summarizer: Tone", "Dry.");
    saves(&mut it, &["--section=summarizer/Goal=Two sentences.", "--section=summarizer/Tone=Dry."]);
    let mut it = changing();
    it.terminal.changes("summariser").field("a summariser?").says("n");
    saves(&mut it, &["--drop-section=summarizer/", "--drop-section=summarizer/Goal"]);
}

/// A setting varies, and a wrong combination is told at its question.
#[test]
fn a_setting_varies_and_what_it_makes_wrong_is_told_at_once() {
    let mut it = changing();
    let t = &mut it.terminal;
    t.changes("factors").at("what varies?").takes("vary").at("which setting?").takes("messages");
    t.field("values of messages").writes("1, 8").shows("each day needs two").pop();
    t.at("what now?").takes("answer again").field("values of messages").writes("4, 8");
    t.at("what varies?").takes("vary").at("which setting?").takes("days");
    t.field("values of days").writes("1, x").shows("a whole number from 1").pop();
    t.field("values of days").writes("1, 2").at("what varies?").takes("change days").at("days");
    t.takes("let it vary no more").at("what varies?").takes("that is all");
    t.at("what now?").shows("factors: messages (4, 8); 4 conditions").pop();
    saves(&mut it, &["--set=factors.messages=[4, 8]"]);
}

/// A text that already is there gets versions; the first of them is the text.
#[test]
fn versions_of_a_text_of_a_stored_experiment() {
    let mut it = changing();
    let t = &mut it.terminal;
    t.changes("contents of guard: Goal").at("guard: Goal").takes("several").field("name of the factor").enter();
    t.field("a name for each").writes("order, peace");
    types(t, "guard: Goal {goal=peace}", "Keep peace.");
    t.changes("contents of prisoner: Goal").at("prisoner: Goal").takes("several").field("name of the factor").enter();
    types(t, "prisoner: Goal {goal=peace}", "Sleep.");
    t.changes("factors").at("what varies?").takes("change goal").at("goal:").takes("its name");
    t.field("name of the factor").writes("aim").at("what varies?").takes("change aim").at("aim:").takes("the names");
    t.field("names of the versions").writes("law, peace").at("what varies?").takes("that is all");
    saves(
        &mut it,
        &[
            "--drop-section=guard/Goal",
            "--drop-section=prisoner/Goal",
            "--section=guard/Goal {aim=law}=Keep order.",
            "--section=guard/Goal {aim=peace}=Keep peace.",
            "--section=prisoner/Goal {aim=law}=Get out.",
            "--section=prisoner/Goal {aim=peace}=Sleep.",
            "--set=factors.aim=['law', 'peace']",
            "--set=sections=['Setting', 'Goal']",
        ],
    );
}

fn convoke(folder: &Path, words: &[&str]) {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("convoke"));
    command.current_dir(folder).args(words).env_clear().env("DB_USER", "tester");
    let output = command.env("XDG_CONFIG_HOME", folder.join("configuration")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A killed change goes on where it was, on top of what somebody stored meanwhile.
#[test]
fn a_change_survives_a_kill_and_a_change_by_somebody_else() {
    let dir = before();
    let mut t = selected(dir.path(), USUAL);
    t.takes("change it").changes("note").field("note").writes("killed");
    t.changes("contents of guard: Goal").at("guard: Goal").takes("type it").shows("Type the text.").pop();
    t.types("Keep\rpea");
    t.shows("pea").pop();
    t.kill();
    // From the first menu.
    let mut t = started(dir.path(), USUAL);
    t.takes("go on with the change of `talk`, at: contents of guard: Goal").at("guard: Goal");
    t.shows("go on typing (lines so far: 1)").pop();
    t.kill();
    convoke(dir.path(), &["edit", "talk", "--section", "Setting=A hall."]);
    // From the experiment's menu.
    let mut t = selected(dir.path(), USUAL);
    t.takes("change it").at("there is a draft").takes("go on with the change of `talk`");
    t.field("put your changes on top").shows("A hall.").pop();
    t.types("y");
    t.at("what now?").shows("killed").pop();
    t.changes("contents of guard: Goal").at("guard: Goal").takes("go on typing").shows("  pea").pop();
    t.types("ce.\r.\r");
    // Once more, while the wizard is open.
    t.at("what now?").shows("peace.").pop();
    convoke(dir.path(), &["edit", "talk", "--section", "prisoner/Goal=Sleep."]);
    t.takes("save").field("put your changes on top").shows("Sleep.").pop();
    t.types("y");
    t.at("what now?").takes("save").at("talk").interrupt();
    t.ends();
    let expected = before();
    for words in [
        ["edit", "talk", "--section", "Setting=A hall."],
        ["edit", "talk", "--section", "prisoner/Goal=Sleep."],
        ["edit", "talk", "--section", "guard/Goal=Keep\npeace."],
    ] {
        convoke(expected.path(), &words);
    }
    convoke(expected.path(), &["note", "talk", "killed"]);
    let shown = |folder: &Path| crate::hand::json(folder, &["show", "talk"])["document"].to_string();
    assert_eq!(shown(dir.path()), shown(expected.path()));
    let drafts = std::fs::read_dir(dir.path().join("state/convoke/drafts")).unwrap();
    assert_eq!(drafts.count(), 0);
}

/// Each question of a change, and the action that leads to the next one.
const QUESTIONS: &[(&str, Go)] = &[
    ("name of", Go::Writes("other")),
    ("what now?", Go::Changes("roles")),
    ("roles in", Go::Writes("guard, prisoner, cook")),
    ("several of cook", Go::Writes("cooks")),
    ("pronouns of one cook", Go::Writes("he/his")),
    ("model of cook", Go::Enters),
    ("cook: before", Go::Third),
    ("cook: Goal", Go::Third),
    ("what now?", Go::Enters),
];

/// An action at a question.
#[derive(Debug, Clone, Copy)]
enum Go {
    Enters,
    Writes(&'static str),
    Changes(&'static str),
    /// The third of a list: left empty.
    Third,
}

/// Waits until the question is the last on the screen.
#[track_caller]
fn stands(t: &mut Terminal, (question, go): (&str, Go)) {
    if matches!(go, Go::Writes(_)) {
        t.narrow_field(question)
    } else {
        t.at(question)
    };
}

fn goes(t: &mut Terminal, (question, go): (&str, Go)) {
    stands(t, (question, go));
    match go {
        Go::Enters => drop(t.enter()),
        Go::Writes(text) => drop(t.writes(text)),
        Go::Changes(answer) => drop(t.changes(answer)),
        Go::Third => t.types("\u{1b}[B\u{1b}[B\r"),
    }
}

/// Starts a change and stops at one of its questions.
fn asked_up_to(dir: &Path, place: usize, size: Size) -> Terminal {
    let mut t = selected(dir, size);
    t.takes("duplicate");
    for asked in &QUESTIONS[..place] {
        goes(&mut t, *asked);
    }
    stands(&mut t, QUESTIONS[place]);
    t
}

#[test]
fn escape_goes_back_one_question_of_a_change_and_ctrl_c_leaves() {
    let last = QUESTIONS.len() - 1;
    let dir = before();
    let mut t = asked_up_to(dir.path(), last, USUAL);
    for asked in QUESTIONS[..last].iter().rev() {
        t.escape();
        stands(&mut t, *asked);
    }
    t.escape();
    t.until("the menu", is_list);
    t.interrupt();
    assert_eq!(t.ends().1, 130);
    // At every other question in a large window, at the rest in a small one.
    for place in 0..=last {
        let dir = before();
        let mut t = asked_up_to(dir.path(), place, if place % 2 == 0 { USUAL } else { SMALL });
        t.interrupt();
        let (screen, code) = t.ends();
        assert_eq!(code, 130, "{screen}");
    }
}
