//! Policies: repeated asks, failures, and the server's own flags.

use super::*;

fn two(messages: u32) -> Setting {
    setting(&["A_1", "B_2"], messages)
}

/// Returns replies that the server cut at the length limit where `bad` is true.
fn cut(bad: impl Fn(&Ask) -> bool) -> impl FnMut(&Ask) -> Answer {
    move |ask| Answer { length: bad(ask), ..words(ask).into() }
}

#[test]
fn kept_replies_keep_their_flags() {
    let run = run(&two(3), |ask| Answer { length: true, refused: true, filtered: ask.seq == 1, ..words(ask).into() });
    assert_eq!(run.kinds(), [Kind::Opening, Kind::Speech, Kind::Speech]);
    assert_eq!(run.log[1].flags, [Flag::Refusal, Flag::Length, Flag::Filtered]);
    assert_eq!(run.log[1].raw.as_deref(), Some(run.log[1].content.as_str()));
}

#[test]
fn fail_ends_the_conversation_at_once() {
    let run = run(&policy(two(6), Flag::Length, 0, true), cut(|ask| ask.index == 2));
    assert_eq!(run.kinds(), [Kind::Opening, Kind::Speech, Kind::Rejected]);
    assert_eq!(run.end, Next::Failed("a reply of B_2 on day 1 was flagged length".to_owned()));
}

#[test]
fn asking_comes_before_failing_and_may_save_it() {
    let saved = run(&policy(two(4), Flag::Length, 2, true), cut(|ask| ask.call.ask < 2));
    assert_eq!((saved.of(Kind::Rejected).count(), saved.end), (6, Next::Done(EndedBy::Messages)));
    let lost = run(&policy(two(4), Flag::Length, 2, true), cut(|_| true));
    assert_eq!(lost.kinds(), [Kind::Opening, Kind::Rejected, Kind::Rejected, Kind::Rejected]);
    assert!(matches!(lost.end, Next::Failed(_)));
    let kept = run(&policy(two(4), Flag::Length, 2, false), cut(|_| true));
    assert_eq!((kept.of(Kind::Rejected).count(), kept.of(Kind::Speech).count()), (6, 3));
}

#[test]
fn a_rejected_reply_is_not_read() {
    let run = run(&policy(two(3), Flag::Length, 1, false), cut(|ask| ask.call.ask == 0));
    assert_eq!(run.sent(0), run.sent(1), "asked again, the prompt is the same");
    assert_eq!(run.sent(2).len(), 2);
    assert!(!run.sent(2)[1].1.contains(run.log[1].content.as_str()));
}

#[test]
fn a_failure_with_no_asking_left_wins_over_further_askings() {
    let both = Setting {
        health: vec![(Flag::Length, Policy { ask: 3, fail: false }), (Flag::Refusal, Policy { ask: 0, fail: true })],
        ..two(4)
    };
    let run = run(&both, |ask| Answer { length: true, refused: true, ..words(ask).into() });
    assert_eq!(run.kinds(), [Kind::Opening, Kind::Rejected]);
    assert!(matches!(run.end, Next::Failed(_)));
}

#[test]
fn each_retry_gives_one_more_asking_of_that_turn() {
    let failing = policy(two(4), Flag::Length, 1, true);
    let first = run(&failing, cut(|_| true));
    assert_eq!(first.log.len(), 3);
    let again = |retries, bad: fn(&Ask) -> bool| {
        go_on(&Setting { retries, ..failing.clone() }, first.log.clone(), &mut cut(bad))
    };
    let still = again(1, |_| true);
    assert_eq!(still.log.len(), 4);
    assert_eq!(still.log[3].call.map(|c| c.ask), Some(2));
    assert!(matches!(still.end, Next::Failed(_)));
    let well = again(1, |ask| ask.call.ask < 2 && ask.index == 1);
    assert_eq!(well.end, Next::Done(EndedBy::Messages));
    let whole = go_on(
        &Setting { retries: 1, ..failing.clone() },
        Vec::new(),
        &mut cut(|ask| ask.call.ask < 2 && ask.index == 1),
    );
    assert_eq!(well.log, whole.log);
    let replayed = go_on(&failing, well.log.clone(), &mut cut(|_| true));
    assert_eq!(replayed.end, Next::Done(EndedBy::Messages), "what was passed over stays so");
}

#[test]
fn a_summary_fails_without_being_asked_again() {
    let summed = Setting { summarizer: Some(helper("Sum.")), ..under(two(3), |p| p.final_summary = true) };
    let empty = |ask: &Ask| if ask.call.purpose == Purpose::Summary { String::new() } else { words(ask) };
    let kept = run(&summed, empty);
    assert_eq!(kept.log.last().map(|e| (e.kind, e.flags.clone())), Some((Kind::Summary, vec![Flag::Empty])));
    let asked = run(&policy(summed.clone(), Flag::Empty, 2, false), empty);
    assert_eq!(asked.log, kept.log, "askings are of speeches only");
    let failed = run(&policy(summed, Flag::Empty, 2, true), empty);
    assert_eq!(failed.kinds().last(), Some(&Kind::Rejected));
    assert_eq!(failed.end, Next::Failed("a reply of summarizer on day 1 was flagged empty".to_owned()));
}

#[test]
fn a_selection_fails_by_its_flags() {
    let nobody = |ask: &Ask| if ask.call.purpose == Purpose::Selection { "nobody".to_owned() } else { words(ask) };
    let failed = run(&policy(auto(4), Flag::ChoiceFallback, 0, true), nobody);
    assert_eq!(failed.kinds(), [Kind::Opening, Kind::Rejected, Kind::Rejected, Kind::Rejected]);
    assert!(matches!(failed.end, Next::Failed(_)));
    let kept = run(&policy(auto(4), Flag::ChoiceFallback, 2, false), nobody);
    assert_eq!(kept.end, Next::Done(EndedBy::Messages));
    let cut = |ask: &Ask| {
        let choice = ask.others.last().cloned().unwrap_or_default();
        let selects = ask.call.purpose == Purpose::Selection;
        Answer { length: selects, ..if selects { choice.into() } else { Answer::from(words(ask)) } }
    };
    let failed = run(&policy(auto(4), Flag::Length, 2, true), cut);
    assert_eq!(failed.kinds(), [Kind::Opening, Kind::Rejected]);
    assert_eq!(run(&policy(auto(4), Flag::Length, 2, false), cut).end, Next::Done(EndedBy::Messages));
}

/// Returns, for each turn, true if its reply is flagged as `prompt-cut`. `tokens` are the server's counts.
fn prompt_cut(tokens: &[Option<u32>], context: Option<u32>) -> Vec<bool> {
    let long = "word ".repeat(40);
    let mut counted = tokens.iter();
    let run = run(&two(tokens.len() as u32 + 1), |ask| Answer {
        tokens: *counted.next().unwrap_or(&None),
        context,
        ..format!("{long} {}", words(ask)).into()
    });
    run.of(Kind::Speech).map(|e| e.flags.contains(&Flag::PromptCut)).collect()
}

#[test]
fn a_prompt_that_shrinks_within_the_day_was_cut() {
    let no = [false; 4];
    assert_eq!(prompt_cut(&[Some(10), Some(60), Some(110), Some(160)], None), no);
    assert_eq!(
        prompt_cut(&[Some(10), Some(60), Some(11), Some(160)], None),
        [false, false, true, false],
        "by A before"
    );
    assert_eq!(prompt_cut(&[Some(10), None, Some(110), Some(160)], None), no, "what was not counted says nothing");
    assert_eq!(prompt_cut(&[None, None, None, None], Some(50)), no);
    assert!(prompt_cut(&[Some(10), Some(1), Some(110), Some(160)], None)[1], "1 token for 240 bytes");
    assert_eq!(prompt_cut(&[Some(10), Some(60), Some(110), Some(160)], Some(110)), [false, false, true, true]);
}

#[test]
fn each_day_counts_its_prompts_anew() {
    let days = Setting { summarizer: Some(helper("Sum.")), ..under(two(8), |p| p.days = 2) };
    let run = run(&days, |ask| Answer { tokens: Some(20 + 10 * ask.index), ..words(ask).into() });
    assert!(run.log.iter().all(|e| !e.flags.contains(&Flag::PromptCut)));
}
