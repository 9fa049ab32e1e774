//! Two terminals at once: the guide runs, or a person talks, in one. The other follows, turn by turn, the stored turns
//! and nothing else. On both databases, since a screen is only as good as its source.

use crate::base::Base;
use crate::follow::Gate;
use crate::place::{Place, SMALL as DESIGN};
use crate::support::is_list;
use crate::terminal::{SMALL, Size, Terminal, USUAL};
use serde_json::Value as Json;

/// Messages of a conversation.
const MESSAGES: usize = 4;

/// A folder on the embedded database.
fn embedded(gate: &Gate) -> Place {
    Place::new(&gate.server, DESIGN)
}

/// The program in a terminal of this folder, on its database.
fn terminal(place: &Place, line: &str, size: Size) -> Terminal {
    let words: Vec<&str> = line.split_whitespace().collect();
    Terminal::start(place.path(), &words, size, &[("CONVOKE_STORE", &place.store), ("NO_COLOR", "1")])
}

/// The stored messages of a conversation: speaker and text.
fn stored(place: &Place, id: &str) -> Vec<(String, String)> {
    let shown = place.run(&format!("show {id} --json")).exits(0).json();
    let entries = shown["data"]["entries"].as_array().unwrap().iter();
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    entries
        .filter(|e| e["kind"] == "opening" || e["kind"] == "speech")
        .map(|e| (text(&e["speaker"]), text(&e["content"])))
        .collect()
}

/// The ids of started conversations.
fn begun(place: &Place) -> Vec<String> {
    let listed = place.conversations("");
    let begun = listed.iter().filter(|c| c["status"] != "pending");
    begun.map(|c| c["id"].as_str().unwrap().to_owned()).collect()
}

/// Number of turns after the opening that a screen of `list --follow` shows.
fn told(screen: &str, id: &str) -> usize {
    let mine = screen.lines().filter(|line| line.starts_with(&id[..8]));
    mine.filter(|line| (2..=MESSAGES).any(|n| line.contains(&format!(" {n}/{MESSAGES}  ")))).count()
}

/// Goes through the guide until it runs the experiment, one more of each condition.
fn guided_to_run(place: &Place, size: Size) -> Terminal {
    let mut guide = terminal(place, "", size);
    guide.asks("what next?");
    guide.takes("select").shows("done,");
    guide.types("\r");
    guide.shows("run conversations");
    guide.takes("run conv").shows("how many more");
    guide.writes("1");
    for asked in ["messages of", "days:", "agents of guard", "agents of prisoner", "who speaks"] {
        guide.until(asked, |screen| screen.lines().rev().take(6).any(|line| line.contains(asked)));
        guide.types("\r");
    }
    guide.shows("run it?");
    guide.types("y");
    guide
}

fn a_batch_of_the_guide_is_watched(gate: &Gate, place: &Place, size: Size) {
    place.run("import e").exits(0);
    let mut guide = guided_to_run(place, size);
    gate.server.wait_for(2, || false);
    let ids = begun(place);
    assert_eq!(ids.len(), 2);
    let list = terminal(place, "list faults --follow", size);
    list.shows("faults: 0 done, 2 running");
    let show = terminal(place, &format!("show {} --follow", ids[0]), size);
    show.shows("Researcher");
    // The server answers one turn after the other: both the screen and the database have it.
    for turns in 1..=3 {
        gate.opens(turns);
        let screen = list.until("a turn", |screen| ids.iter().map(|id| told(screen, id)).sum::<usize>() >= turns);
        let all: usize = ids.iter().map(|id| stored(place, id).len() - 1).sum();
        assert_eq!((ids.iter().map(|id| told(&screen, id)).sum::<usize>(), all), (turns, turns), "{screen}");
        for id in &ids {
            assert_eq!(told(&screen, id), stored(place, id).len() - 1, "{screen}");
        }
        let (_, newest) = stored(place, &ids[0]).pop().unwrap();
        show.shows(newest.split(' ').next_back().unwrap());
    }
    assert!(!guide.screen().contains("2 done, 0 failed"), "{}", guide.screen());
    gate.opens(usize::MAX);
    let (screen, code) = list.ends();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.ends_with("faults: 2 done, 0 running, 0 pending"), "{screen}");
    assert_eq!(screen.lines().filter(|l| l.ends_with("  done")).count(), 2, "{screen}");
    assert!(screen.lines().all(|line| line.chars().count() <= usize::from(size.0)), "{screen}");
    let (screen, code) = show.ends();
    assert_eq!((code, screen.lines().last()), (0, Some("done")), "{screen}");
    guide.until("the menu", |s| s.contains("> old conv") && is_list(s));
    guide.interrupt();
    assert_eq!(guide.ends().1, 130);
    place.is_sound();
}

fn a_person_is_watched(gate: &Gate, place: &Place, size: Size) {
    gate.opens(usize::MAX);
    let mut person = terminal(place, "talk e --as guard --only goal=escape", size);
    person.shows("/help tells more");
    let ids = begun(place);
    let [id] = &ids[..] else { panic!("one conversation: {ids:?}") };
    let list = terminal(place, "list faults --follow", size);
    list.shows("faults: 0 done, 1 running");
    let show = terminal(place, &format!("show {id} --follow"), size);
    show.shows("Researcher");
    person.enters("Half a thought");
    // Typed text is private until it is sent: the database holds the opening only.
    person.shows("Half a thought");
    assert_eq!(stored(place, id).len(), 1);
    person.enters("comes to its end.");
    person.enters(".");
    show.shows("comes to its end.");
    assert_eq!(stored(place, id)[1].1, "Half a thought\ncomes to its end.");
    list.until("both turns", |screen| told(screen, id) == 2);
    let (_, answer) = stored(place, id).pop().unwrap();
    show.shows(answer.split(' ').next_back().unwrap());
    person.shows("message 4 of");
    assert!(!list.screen().contains("  4/4  "), "{}", list.screen());
    person.enters("Farewell.");
    person.enters(".");
    assert_eq!(person.ends().1, 0);
    let (screen, code) = list.ends();
    assert_eq!((code, told(&screen, id)), (0, 3), "{screen}");
    assert!(screen.ends_with("faults: 1 done, 0 running, 0 pending"), "{screen}");
    let (screen, code) = show.ends();
    assert_eq!((code, screen.lines().last()), (0, Some("done")), "{screen}");
    assert!(screen.contains("Farewell."), "{screen}");
    place.is_sound();
}

/// Runs a test at two sizes, each in a database of its own.
fn at_both_sizes(told: impl Fn(&Gate, &Place, Size)) {
    for size in [USUAL, SMALL] {
        let gate = Gate::closed();
        told(&gate, &embedded(&gate), size);
    }
}

/// The same on a server of the MongoDB protocol, if a variable names one.
fn at_both_sizes_on_a_server(told: impl Fn(&Gate, &Place, Size)) {
    for size in [USUAL, SMALL] {
        let Some(base) = Base::new("CONVOKE_TEST_MONGODB_URI") else { return };
        let gate = Gate::closed();
        told(&gate, &base.place(&gate.server, DESIGN), size);
    }
}

#[test]
fn a_batch_is_watched() {
    at_both_sizes(a_batch_of_the_guide_is_watched);
}

#[test]
fn a_batch_is_watched_on_a_server() {
    at_both_sizes_on_a_server(a_batch_of_the_guide_is_watched);
}

#[test]
fn a_talk_is_watched() {
    at_both_sizes(a_person_is_watched);
}

#[test]
fn a_talk_is_watched_on_a_server() {
    at_both_sizes_on_a_server(a_person_is_watched);
}
