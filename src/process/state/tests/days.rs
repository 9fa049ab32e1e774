//! Days: their lengths, openings, numbers and ends.

use super::*;

fn of_days(messages: u32, days: u32) -> Setting {
    Setting { summarizer: Some(helper("Sum.")), ..under(setting(&["A_1", "B_2"], messages), |p| p.days = days) }
}

#[test]
fn messages_are_openings_and_speeches() {
    let run = run(&of_days(8, 3), words);
    let per_day =
        |day| run.log.iter().filter(|e| e.day == day && matches!(e.kind, Kind::Opening | Kind::Speech)).count();
    assert_eq!([1, 2, 3].map(per_day), [3, 3, 2]);
    assert_eq!(run.end, Next::Done(EndedBy::Messages));
    assert_eq!(run.of(Kind::Summary).count(), 2, "not the last day");
}

#[test]
fn seq_day_and_index_are_numbered() {
    let run = run(&of_days(7, 2), words);
    let numbers: Vec<(u32, u32, u32, Kind)> = run.log.iter().map(|e| (e.seq, e.day, e.index, e.kind)).collect();
    assert_eq!(
        numbers,
        [
            (0, 1, 0, Kind::Opening),
            (1, 1, 1, Kind::Speech),
            (2, 1, 2, Kind::Speech),
            (3, 1, 3, Kind::Speech),
            (4, 1, 4, Kind::Summary),
            (5, 2, 0, Kind::Opening),
            (6, 2, 1, Kind::Speech),
            (7, 2, 2, Kind::Speech),
        ]
    );
    let (opening, summary) = (&run.log[0], &run.log[4]);
    assert_eq!((opening.speaker.as_str(), &opening.role, &opening.model), ("Researcher", &None, &None));
    assert_eq!((summary.speaker.as_str(), summary.role.as_deref()), ("summarizer", Some("summarizer")));
    assert_eq!(summary.model.as_deref(), Some("ollama/h"));
}

#[test]
fn an_opening_holds_the_summary_of_every_earlier_day() {
    let reply = |ask: &Ask| match ask.call.purpose {
        Purpose::Summary => format!("Sum {}.", ask.day),
        _ => words(ask),
    };
    let run = run(&of_days(6, 3), reply);
    let openings: Vec<&str> = run.of(Kind::Opening).map(|e| e.content.as_str()).collect();
    assert_eq!(
        openings,
        ["Begin.", "Begin.\n\nDay 1 summary:\nSum 1.", "Begin.\n\nDay 1 summary:\nSum 1.\n\nDay 2 summary:\nSum 2."]
    );
}

#[test]
fn the_last_day_is_summarised_where_it_is_wanted() {
    let setting = under(of_days(4, 1), |p| p.final_summary = true);
    let run = run(&setting, words);
    assert_eq!(run.kinds().last(), Some(&Kind::Summary));
    assert_eq!((run.of(Kind::Summary).count(), run.end), (1, Next::Done(EndedBy::Messages)));
}

#[test]
fn an_agent_sees_today_only() {
    let run = run(&of_days(6, 2), words);
    let second = run.asked.iter().position(|(ask, _)| ask.day == 2).expect("a second day");
    let opening = run.of(Kind::Opening).nth(1).expect("a second day").content.clone();
    assert_eq!(run.sent(second), [(Author::System, "You are A_1."), (Author::User, opening.as_str())]);
}

#[test]
fn a_stop_phrase_ends_the_day_and_stays() {
    let setting = under(of_days(20, 2), |p| p.stop_phrases = vec!["[END]".to_owned()]);
    let run = run(&setting, |ask| if ask.seq == 2 { "Enough. [END] Bye.".to_owned() } else { words(ask) });
    let first: Vec<&Entry> = run.log.iter().filter(|e| e.day == 1).collect();
    assert_eq!(first.len(), 4, "opening, two speeches, summary");
    assert_eq!(first[2].content, "Enough. [END] Bye.");
    assert_eq!(run.log.iter().filter(|e| e.day == 2).count(), 10);
}

#[test]
fn a_stop_phrase_in_an_opening_or_a_rejected_reply_ends_nothing() {
    let setting = under(of_days(4, 1), |p| p.stop_phrases = vec!["Begin".to_owned(), "[END]".to_owned()]);
    let setting = policy(setting, Flag::Length, 1, false);
    let run = run(&setting, |ask| {
        let cut = ask.call.ask == 0 && ask.index == 1;
        Answer { length: cut, ..if cut { "x [END]".into() } else { Answer::from(words(ask)) } }
    });
    assert_eq!(run.kinds(), [Kind::Opening, Kind::Rejected, Kind::Speech, Kind::Speech, Kind::Speech]);
}

#[test]
fn silence_of_everybody_in_a_row_ends_the_day() {
    let three = setting(&["A_1", "B_2", "C_3"], 30);
    let silent_from = |seq: u32| move |ask: &Ask| if ask.seq >= seq { String::new() } else { words(ask) };
    assert_eq!(run(&three, silent_from(1)).speakers(), ["A_1", "B_2", "C_3"]);
    assert_eq!(run(&three, silent_from(3)).speakers(), ["A_1", "B_2", "C_3", "A_1", "B_2"]);
    let broken = run(&three, |ask| if ask.seq == 3 || ask.seq > 7 { words(ask) } else { String::new() });
    assert_eq!(broken.speakers().len(), 6, "C speaks at 3, then all three are silent");
    let random = under(three, |p| p.speakers = Speakers::Random);
    let run = run(&random, |_| "");
    let last: std::collections::BTreeSet<&str> = run.speakers().into_iter().collect();
    assert_eq!(last.len(), 3, "the run of silence holds each of them");
    assert!(run.of(Kind::Speech).all(|e| e.flags == [Flag::Empty]));
}

#[test]
fn a_log_of_wrong_numbers_is_refused() {
    let setting = of_days(4, 1);
    let mut log = run(&setting, words).log;
    log.remove(1);
    assert!(Conversation::replay(Arc::new(setting), log).is_err());
}
