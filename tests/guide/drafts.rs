//! The answers of a new experiment are offered again, however the program ended.

use crate::road::*;
use crate::terminal::USUAL;

/// A way to end the program in the middle.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cut {
    Kill,
    Interrupt,
}

/// Ends the program at every question; each time the draft is offered and continued.
fn cut_everywhere(cut: Cut) {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = creating(&dir, USUAL);
    for (at, step) in ROAD.iter().enumerate() {
        for n in 0..step.len() {
            goes(&mut terminal, &step[..n]);
            stands(&terminal, step[n].0);
            match cut {
                Cut::Kill => terminal.kill(),
                Cut::Interrupt => {
                    terminal.interrupt();
                    let (screen, code) = terminal.ends();
                    assert_eq!(code, 130, "{screen}");
                }
            }
            terminal = guide(&dir, USUAL);
            terminal.types(OK);
            // Without an answer there is no draft.
            if at > 0 {
                stands(&terminal, &["? there is a draft", "go on with `prison`, at: "]);
                terminal.types(OK);
            }
            stands(&terminal, if at == 2 { &["? ollama cannot be asked ›"] } else { step[0].0 });
            // The unfinished text is offered; here it is typed again.
            if step.len() == 3 && n == 2 {
                stands(&terminal, &["go on typing (lines so far: 1)"]);
                terminal.types("\u{1b}[B");
            }
        }
        goes(&mut terminal, step);
    }
    stands(&terminal, &["? what now?"]);
    terminal.types(OK);
    stands(&terminal, &["? what next?", "the same by hand"]);
    terminal.escape();
    terminal.ends();
    is_stored(&dir);
}

#[test]
fn a_draft_survives_a_kill_at_every_question() {
    cut_everywhere(Cut::Kill);
}

#[test]
fn ctrl_c_at_every_question_leaves_the_terminal_whole_and_a_draft() {
    cut_everywhere(Cut::Interrupt);
}

/// An unfinished text survives a kill, line by line.
#[test]
fn lines_of_a_text_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = creating(&dir, USUAL);
    for step in &ROAD[..15] {
        goes(&mut terminal, step);
    }
    goes(&mut terminal, &ROAD[15][..1]);
    stands(&terminal, ROAD[15][1].0);
    terminal.types("one\rtwo 漢字\r");
    draft_holds(&dir, "two 漢字");
    terminal.types("half of thr");
    stands(&terminal, &["half of thr"]);
    terminal.kill();
    let mut terminal = guide(&dir, USUAL);
    terminal.types(OK);
    stands(&terminal, &["go on with `prison`, at: contents of shared: before the sections"]);
    terminal.types(OK);
    stands(&terminal, &["go on typing (lines so far: 2)"]);
    terminal.types(OK);
    stands(&terminal, &["  one\n  two 漢字\n  half of thr"]);
    // Esc keeps the lines, too.
    terminal.escape();
    stands(&terminal, &["? shared: before the sections ›", "go on typing (lines so far: 2)"]);
    terminal.types(OK);
    terminal.until("typing", |screen| !screen.contains("? shared: before"));
    stands(&terminal, &["  half of thr"]);
    terminal.types("ee\r.\r");
    stands(&terminal, &["? shared: Communication rules"]);
    draft_holds(&dir, "one\\ntwo 漢字\\nhalf of three");
    terminal.interrupt();
    terminal.ends();
}

/// Half a word of the very first answer.
#[test]
fn half_a_name_survives_a_kill_and_ctrl_c() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = creating(&dir, USUAL);
    terminal.types("pris");
    stands(&terminal, &["experiment: pris"]);
    terminal.kill();
    let mut terminal = guide(&dir, USUAL);
    terminal.types(OK);
    stands(&terminal, &["? there is a draft", "go on with an experiment without a name, at: name"]);
    terminal.types(OK);
    stands(&terminal, &["experiment: pris"]);
    terminal.types("öns");
    stands(&terminal, &["experiment: prisöns"]);
    terminal.interrupt();
    assert_eq!(terminal.ends().1, 130);
    let mut terminal = guide(&dir, USUAL);
    terminal.types(OK);
    stands(&terminal, &["? there is a draft"]);
    terminal.types(OK);
    stands(&terminal, &["experiment: prisöns"]);
    terminal.types("\u{7f}\r");
    stands(&terminal, &["? starting message ›"]);
    draft_holds(&dir, "\"prisön\"");
    terminal.interrupt();
    terminal.ends();
}
