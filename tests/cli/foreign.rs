//! Experiments of other programs through `convoke import`.

use crate::support::Place;

const CLASSROOM: &str = include_str!("../chatarena/nlp-classroom-3players.json");
const DILEMMA: &str = include_str!("../chatarena/prisoners_dilemma.json");

#[test]
fn arenas_of_chatarena_are_imported_and_run() {
    let place = Place::new();
    place.write("classroom.json", CLASSROOM);
    let imported = place.run("import classroom.json").exits(0);
    assert!(!imported.err.contains("not taken over"), "{}", imported.err);
    place.words(&["export", "NLP Classroom 3 Players", "--format", "folder", "-o", "made"], &[]).exits(0);
    let toml = place.read("made/experiment.toml");
    for line in [
        "id = \"openai/gpt-3.5-turbo\"",
        "as = \"student\"",
        "max_tokens = 100",
        "teaching_assistant = 1",
        "messages = 13",
    ] {
        assert!(toml.contains(line), "{line}\n{toml}");
    }
    assert!(place.read("made/roles/teaching_assistant.md").starts_with("You are Gamma, a teaching assistant"));
    assert!(place.read("made/shared.md").starts_with("You are in a university classroom"));
    place.words(&["run", "NLP Classroom 3 Players", "--offline"], &[]).exits(0);
    assert_eq!(place.run("verify").exits(0).out, "1 conversation, 13 entries: whole and in order\n");
}

#[test]
fn what_is_not_taken_over_is_listed_with_its_place() {
    let place = Place::new();
    let more = DILEMMA.replacen("\"role_desc\"", "\"voice\": 3, \"role_desc\"", 2);
    place.write("dilemma.json", &more.replacen("\"temperature\": 0.7", "\"temperature\": 0.7, \"merge\": true", 1));
    let said = place.run("import dilemma.json").exits(0).err;
    for place in [
        "environment.parallel: players speak in turn",
        "environment.moderator_visibility: ",
        "environment.moderator.terminal_condition: ",
        "environment.moderator.voice",
        "players[0].voice",
        "players[0].backend.merge",
    ] {
        assert!(said.contains(&format!("not taken over from ChatArena: {place}")), "{place}: {said}");
    }
    assert_eq!(said.matches("not taken over").count(), 6, "{said}");
}

/// Text of a file is text: it holds no tags of ours.
#[test]
fn tags_in_a_foreign_text_stay_as_they_are() {
    let place = Place::new();
    let player = |name: &str| format!("{{\"name\": \"{name}\", \"role_desc\": \"Say <STUDENT_NUM> or <b>.\"}}");
    let players = [player("Student"), player("Tutor")].join(", ");
    place.write("a.json", &format!("{{\"name\": \"a/b\", \"players\": [{players}]}}"));
    place.run("import a.json").exits(0);
    let read = place.run("check a-b --preview").exits(0).out;
    assert!(read.contains("Say <STUDENT_NUM> or <b>."), "{read}");
}

#[test]
fn a_file_that_is_no_experiment_is_one_clear_error() {
    let place = Place::new();
    for (text, why) in [
        ("[1]", "it is no JSON object"),
        ("{\"a\": ", "it is not JSON"),
        ("{\"a\": 1}", "its keys are those of no program"),
        ("{\"players\": []}", "`players` is no list with a player"),
        ("{\"players\": [{\"role_desc\": \"x\"}]}", "`players[0]` has no `name`"),
        ("{\"players\": [{\"name\": \"Ann\"}]}", "`players[0]` has no `role_desc`"),
        ("{\"players\": [{\"name\": \"…\", \"role_desc\": \"x\"}]}", "`players[0].name` cannot name a role"),
        (
            "{\"players\": [{\"name\": \"A b\", \"role_desc\": \"x\"}, {\"name\": \"a_b\", \"role_desc\": \"x\"}]}",
            "two players are named alike: `a_b`",
        ),
        (
            "{\"players\": [{\"name\": \"A\", \"role_desc\": \"x\"}], \"environment\": {\"env_type\": \"chess\"}}",
            "its environment `chess` has rules that are a program",
        ),
        ("{\"type\": \"TinyPerson\", \"persona\": {}}", "it is a person of TinyTroupe, which needs no import"),
        ("{\"type\": \"Fragment\", \"persona\": {}}", "it is a fragment of TinyTroupe, which needs no import"),
    ] {
        place.write("it.json", text);
        let outcome = place.run("import it.json").exits(2);
        assert!(outcome.err.contains(why), "{text}: {}", outcome.err);
        assert_eq!(outcome.err.matches("error:").count(), 1, "{}", outcome.err);
    }
    assert_eq!(place.files("."), ["it.json"], "nothing is made");
}
