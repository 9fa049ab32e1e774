//! Experiments that need a person, run without a terminal; and plans that count a person's calls.

use crate::assert_screen;
use crate::support::Place;

const TOML: &str = "name = \"small\"\nmodels = [\"scripted\"]\n\n[protocol]\nmessages = 6\nagents = { guard = 1, prisoner = 1 }\n\n\
    [roles.guard]\nplural = \"guards\"\npronouns = \"he/his\"\n\n[roles.prisoner]\nplural = \"prisoners\"\npronouns = \"he/his\"\n";

/// The experiment with one more line in `[roles.guard]`, and one in `[protocol]`.
fn place(guard: &str, protocol: &str) -> Place {
    let place = Place::new();
    let toml = TOML.replace("[roles.guard]\n", &format!("[roles.guard]\n{guard}"));
    place.write("small/experiment.toml", &toml.replace("[protocol]\n", &format!("[protocol]\n{protocol}")));
    place.write("small/roles/guard.md", "You are <AGENT_NAME>.\n");
    place.write("small/roles/prisoner.md", "You are <AGENT_NAME>.\n");
    place
}

/// Nothing was stored.
#[track_caller]
fn is_untouched(place: &Place) {
    assert!(!place.files("").iter().any(|f| f.contains("convoke.db")), "{:?}", place.files(""));
}

#[test]
fn without_a_terminal_nobody_is_asked_and_nothing_is_stored() {
    let role = place("model = \"human\"\n", "");
    for line in ["run small", "run small --yes", "run small --json", "run small --no-input", "talk small"] {
        role.run(line).exits(2);
        is_untouched(&role);
    }
    assert_screen!(role.run("run small"));
    assert_screen!(role.run("talk small"));
    let json = role.run("run small --json").json();
    assert_eq!((&json["event"], &json["error"]["code"]), (&"end".into(), &"needs-answer".into()));
    let chooser = place("", "speakers = \"manual\"\n");
    assert_screen!(chooser.run("run small").exits(2));
    is_untouched(&chooser);
    // Finished conversations need no person; new ones do.
    let none = place("model = \"human\"\n", "");
    none.run("run small --more 1").exits(2);
    is_untouched(&none);
    let by_flag = place("", "");
    assert_screen!(by_flag.run("run small --model human").exits(2));
    is_untouched(&by_flag);
}

#[test]
fn offline_asks_nobody() {
    let place = place("model = \"human\"\n", "speakers = \"manual\"\n");
    place.run("run small --offline").exits(0);
    let listed = place.run("list small --json").json();
    assert_eq!(listed["data"][0]["status"], "done");
    assert_eq!(listed["data"][0]["speakers"], "manual");
    assert!(!place.run("export small --format jsonl").out.contains("human"));
    assert_eq!(place.run("verify").exits(0).err, "");
}

#[test]
fn a_plan_says_what_a_person_types() {
    assert_screen!(place("model = \"human\"\n", "").run("plan small").exits(0));
    assert_screen!(place("", "speakers = \"manual\"\n").run("plan small").exits(0));
    assert_screen!(place("", "").run("plan small --model human").exits(0));
}

#[test]
fn talk_is_one_conversation_of_somebody() {
    let place = place("", "");
    for line in [
        "talk small",
        "talk small --as gard",
        "talk small --as guard --agents guard=0 --agents prisoner=2",
        "talk small --as guard --more 2",
        "talk small --as guard --offline",
        "talk small --as guard",
    ] {
        assert_screen!(place.run(line).exits(2));
    }
    is_untouched(&place);
    for help in ["talk --help", "--help"] {
        assert!(place.run(help).exits(0).out.contains("Take part in one conversation yourself"), "{help}");
    }
    assert!(!place.run("talk --help").out.contains("--offline"));
}
