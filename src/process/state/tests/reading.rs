//! Context of each participant.

use super::*;

#[test]
fn own_turns_are_bare_and_others_are_labelled_among_more_than_two() {
    let three = setting(&["A_1", "B_2", "C_3"], 6);
    let run = run(&three, |ask| format!("{} says {}", ask.speaker, words(ask)));
    let said: Vec<&str> = run.of(Kind::Speech).map(|e| e.content.as_str()).collect();
    let heard = format!("B_2: {}\n\nC_3: {}", said[1], said[2]);
    assert_eq!(
        run.sent(3),
        [
            (Author::System, "You are A_1."),
            (Author::User, "Begin."),
            (Author::Assistant, said[0]),
            (Author::User, heard.as_str())
        ]
    );
}

#[test]
fn what_is_not_merged_stands_alone() {
    let three = Setting { labels: false, ..under(setting(&["A_1", "B_2", "C_3"], 6), |p| p.merge = false) };
    let run = run(&three, words);
    let said: Vec<&str> = run.of(Kind::Speech).map(|e| e.content.as_str()).collect();
    let texts: Vec<&str> = run.sent(2).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["You are C_3.", "Begin.", said[0], said[1]]);
    assert!(run.sent(2)[1..].iter().all(|(author, _)| *author == Author::User));
}

#[test]
fn silence_is_read_as_an_ellipsis_by_all() {
    let three = setting(&["A_1", "B_2", "C_3"], 6);
    let run = run(&three, |ask| if ask.index == 1 { String::new() } else { words(ask) });
    assert_eq!(run.log[1].content, "");
    assert_eq!(run.sent(1)[1], (Author::User, "Begin.\n\nA_1: …"));
    assert_eq!(run.sent(3)[2], (Author::Assistant, "…"));
}

#[test]
fn an_empty_prompt_is_not_sent() {
    let mut two = setting(&["A_1", "B_2"], 2);
    two.agents[0].prompt.clear();
    assert_eq!(run(&two, words).sent(0), [(Author::User, "Begin.")]);
}

#[test]
fn the_summariser_reads_labelled_turns_as_one_message() {
    let two = setting(&["A_1", "B_2"], 4);
    let two = under(two, |p| (p.merge, p.final_summary) = (false, true));
    let two = Setting { summarizer: Some(helper("Sum.")), ..two };
    let run = run(&two, |ask| if ask.index == 2 { String::new() } else { words(ask) });
    let said: Vec<&str> = run.of(Kind::Speech).map(|e| e.content.as_str()).collect();
    let turns = format!("A_1: {}\n\nB_2: …\n\nA_1: {}", said[0], said[2]);
    assert_eq!(run.sent(3), [(Author::System, "Sum."), (Author::User, turns.as_str())]);
}
