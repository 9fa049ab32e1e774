//! Order of speakers.

use super::*;

#[test]
fn round_robin_goes_in_order_and_begins_anew_each_day() {
    let three = setting(&["A_1", "B_2", "C_3"], 11);
    let setting = Setting { summarizer: Some(helper("Sum.")), ..under(three, |p| p.days = 2) };
    let run = run(&setting, words);
    assert_eq!(run.speakers(), ["A_1", "B_2", "C_3", "A_1", "B_2", "A_1", "B_2", "C_3", "A_1"]);
}

#[test]
fn random_never_takes_the_last_speaker_and_follows_the_key() {
    let three = under(setting(&["A_1", "B_2", "C_3"], 60), |p| p.speakers = Speakers::Random);
    let first = run(&three, words);
    assert!(first.speakers().windows(2).all(|two| two[0] != two[1]));
    assert_eq!(
        first.speakers(),
        run(&three, |ask| format!("{} again", words(ask))).speakers(),
        "the key alone decides"
    );
    let another = Setting { key: "another".to_owned(), ..three };
    assert_ne!(first.speakers(), run(&another, words).speakers());
    assert_eq!(first.log.len(), first.asked.len() + 1, "it costs no call");
}

#[test]
fn random_asks_the_same_speaker_again() {
    let three = under(setting(&["A_1", "B_2", "C_3"], 20), |p| p.speakers = Speakers::Random);
    let three = policy(three, Flag::Length, 2, false);
    let run = run(&three, |ask| Answer { length: ask.call.ask < 2, ..words(ask).into() });
    for turn in run.log[1..].chunks(3) {
        assert_eq!(turn.iter().map(|e| e.kind).collect::<Vec<_>>(), [Kind::Rejected, Kind::Rejected, Kind::Speech]);
        assert!(turn.iter().all(|e| e.speaker == turn[0].speaker));
        assert_eq!(turn.iter().filter_map(|e| e.call).map(|c| c.ask).collect::<Vec<_>>(), [0, 1, 2]);
    }
}

/// Chooses the last candidate of the selector's list.
fn last_candidate(ask: &Ask) -> String {
    match ask.call.purpose {
        Purpose::Selection => ask.others.last().cloned().unwrap_or_default(),
        _ => words(ask),
    }
}

#[test]
fn auto_asks_a_model_and_never_for_the_last_speaker() {
    let run = run(&auto(6), last_candidate);
    assert_eq!(run.speakers(), ["Prisoner_3", "Guard_2", "Prisoner_3", "Guard_2", "Prisoner_3"]);
    let candidates: Vec<Vec<String>> =
        run.asked.iter().filter(|(a, _)| a.call.purpose == Purpose::Selection).map(|(a, _)| a.others.clone()).collect();
    assert_eq!(candidates[0].len(), 3);
    assert_eq!(candidates[1], ["Guard_1", "Guard_2"]);
    assert_eq!(run.of(Kind::Selection).count(), 5);
    assert!(run.of(Kind::Selection).all(|e| e.speaker == "selector" && e.role.as_deref() == Some("selector")));
}

#[test]
fn one_candidate_costs_no_call() {
    let two = setting(&["Guard_1", "Prisoner_3"], 9);
    let two = under(two, |p| (p.speakers, p.days) = (Speakers::Auto, 2));
    let two = Setting { selector: Some(helper("Choose.")), summarizer: Some(helper("Sum.")), ..two };
    let run = run(&two, last_candidate);
    assert_eq!(run.of(Kind::Selection).count(), 2, "the first speaker of each day");
    assert_eq!(run.speakers()[..2], ["Prisoner_3", "Guard_1"]);
}

#[test]
fn a_bad_choice_is_asked_again_twice_then_the_next_in_order_speaks() {
    let run =
        run(&auto(3), |ask| if ask.call.purpose == Purpose::Selection { "nobody".to_owned() } else { words(ask) });
    let turn = [Kind::Rejected, Kind::Rejected, Kind::Selection, Kind::Speech];
    assert_eq!(run.kinds(), [&[Kind::Opening][..], &turn, &turn].concat());
    assert_eq!(run.speakers(), ["Guard_1", "Guard_2"], "in order, after the last speaker");
    assert_eq!(run.log[3].flags, [Flag::ChoiceFallback]);
    assert!(run.log[1].flags.is_empty() && run.log[2].flags.is_empty());
    let third = run.sent(2);
    let authors: Vec<Author> = third.iter().map(|(a, _)| *a).collect();
    let (user, assistant) = (Author::User, Author::Assistant);
    assert_eq!(authors, [Author::System, user, assistant, user, assistant, user]);
    assert_eq!((third[2].1, third[4].1), ("nobody", "nobody"));
}

#[test]
fn the_selector_sees_nothing_private_and_no_opening() {
    let run = run(&auto(5), last_candidate);
    let selections = run.asked.iter().filter(|(a, _)| a.call.purpose == Purpose::Selection);
    for (_, messages) in selections {
        let all: String = messages.iter().map(|m| m.content.as_str()).collect();
        assert!(!all.contains("You are") && !all.contains("Begin."), "{all}");
    }
    let last = run.asked.iter().rposition(|(a, _)| a.call.purpose == Purpose::Selection).expect("a selection");
    let turns: Vec<String> = run.of(Kind::Speech).take(3).map(|e| format!("{}: {}", e.speaker, e.content)).collect();
    assert!(run.sent(last)[1].1.starts_with(&turns.join("\n\n")), "the day's turns, labelled");
}

#[test]
fn a_day_of_auto_begins_with_everybody() {
    let two_days = Setting { summarizer: Some(helper("Sum.")), ..under(auto(8), |p| p.days = 2) };
    let run = run(&two_days, last_candidate);
    let first =
        run.asked.iter().find(|(a, _)| a.day == 2 && a.call.purpose == Purpose::Selection).expect("a selection");
    assert_eq!(first.0.others.len(), 3);
}
