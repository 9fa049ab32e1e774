use super::*;
use crate::design::RoleModel;
use crate::design::check::{KnownServer, check};
use crate::design::diff::diff;
use crate::design::{arbitrary, folder, problem};
use proptest::prelude::*;

const TOML: &str = "name = 'e'\nsections = ['Goal', 'Tone']\n\
    models = ['ollama/a', { id = 'openai/b', as = 'b', temperature = 0.5 }]\n[protocol]\nmessages = 8\n\
    agents = { guard = 1, prisoner = 2 }\n[roles.guard]\nplural = 'guards'\npronouns = 'he/his'\n[roles.prisoner]\n\
    plural = 'prisoners'\npronouns = 'she/her'\n[factors]\ngoal = ['escape', 'yard']\n";
const FILES: &[(&str, &str)] = &[
    ("experiment.toml", TOML),
    ("shared.md", "A prison.\n\n## Risks\nThere are some.\n\n## Tone\nBe brief.\n"),
    ("roles/guard.md", "## Goal\nKeep order.\n"),
    (
        "roles/prisoner.md",
        "You wait.\n\n## Goal {goal=escape}\nGet out.\n\n## Goal {goal=yard}\nWalk.\n\n## Habit\nNone.\n",
    ),
];

fn sample_experiment() -> Experiment {
    let files: Files = FILES.iter().map(|(p, t)| ((*p).to_owned(), t.as_bytes().to_vec())).collect();
    read_files(&files)
}

fn read_files(files: &Files) -> Experiment {
    let mut problems = problem::Problems::default();
    folder::read(files, &mut problems).0.expect("an experiment")
}

fn apply_changes(changes: &Changes) -> Experiment {
    let files = changes.apply(&sample_experiment()).unwrap_or_else(|wrong| panic!("{wrong:?}"));
    read_files(&files)
}

fn refuse_changes(changes: &Changes) -> String {
    let wrong = changes.apply(&sample_experiment()).expect_err("something in the way");
    assert!(wrong.iter().all(|o| o.usage), "a flag is at fault");
    wrong.iter().map(|o| format!("{} | {}", o.message, o.hint.as_deref().unwrap_or("-"))).collect::<Vec<_>>().join("\n")
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|w| (*w).to_owned()).collect()
}

fn put(sections: &[(&str, &str)]) -> Changes {
    Changes { sections: pairs(sections), ..Changes::default() }
}

fn set(keys: &[(&str, &str)]) -> Changes {
    Changes { set: pairs(keys), ..Changes::default() }
}

fn section_texts(text: &PromptText) -> Vec<(String, String)> {
    text.sections.iter().map(|s| (s.title.clone(), s.text.clone())).collect()
}

#[test]
fn nothing_asked_changes_nothing() {
    assert!(Changes::default().is_empty());
    assert_eq!(apply_changes(&Changes::default()), sample_experiment());
}

#[test]
fn sections_are_replaced_where_they_stand_and_added_at_the_end() {
    let new = apply_changes(&put(&[
        ("Risks", "Many."),
        ("guard/Mood", "Calm.\n\n"),
        ("prisoner/Goal {goal=yard}", "Run."),
        ("prisoner/Habit {goal=escape}", "Digging."),
        ("shared/", "A camp."),
        ("shared/Pros/Cons", "Both."),
        ("summarizer/Task", "Sum up."),
    ]));
    assert_eq!(new.shared.start, "A camp.\n\n", "the blank line behind it stays");
    assert_eq!(
        section_texts(&new.shared),
        pairs(&[("Risks", "Many.\n\n"), ("Tone", "Be brief.\n"), ("Pros/Cons", "Both.\n")])
    );
    assert_eq!(section_texts(&new.roles[0].prompt), pairs(&[("Goal", "Keep order.\n"), ("Mood", "Calm.\n")]));
    let goals: Vec<&str> = new.roles[1].prompt.sections.iter().map(|s| s.text.trim()).collect();
    assert_eq!(goals, ["Get out.", "Run.", "None.", "Digging."], "one of another condition is another");
    assert_eq!(section_texts(&new.summarizer.expect("one")), pairs(&[("Task", "Sum up.\n")]));
}

/// Files often have a blank line under a heading, which is not part of the prompt. A text without that line is no
/// change.
#[test]
fn the_same_text_is_no_change() {
    let mut spaced = sample_experiment();
    spaced.shared.sections[0].text = "\nThere are some.\n\n".to_owned();
    let same =
        read_files(&put(&[("Risks", "There are some."), ("shared/", "A prison.")]).apply(&spaced).expect("files"));
    assert_eq!(same, spaced);
    let other = read_files(&put(&[("Risks", "There are none.\n")]).apply(&spaced).expect("files"));
    assert_eq!(other.shared.sections[0].text, "\nThere are none.\n\n");
}

#[test]
fn a_section_that_is_not_meant_for_certain_is_asked_about() {
    insta::assert_snapshot!(refuse_changes(&put(&[
        ("prisoner/Goal", "Which of the two?"),
        ("gaurd/Goal", "Whose?"),
        ("Pros/Cons", "Both."),
        ("", "No title."),
        ("Two\nlines", "x"),
        ("Tone {goal=", "x"),
        ("Tone", "Text.\n## Another\nMore."),
        ("Tone", "```\nnever closed"),
    ])));
}

#[test]
fn sections_are_dropped_and_leave_the_order() {
    let new = apply_changes(&Changes { drop: words(&["Tone", "prisoner/Goal", "prisoner/"]), ..Changes::default() });
    assert_eq!(section_texts(&new.shared), pairs(&[("Risks", "There are some.\n\n")]));
    assert_eq!(section_texts(&new.roles[1].prompt), pairs(&[("Habit", "None.\n")]));
    assert_eq!((new.roles[1].prompt.start.as_str(), new.sections), ("", words(&["Goal"])));
    let one = apply_changes(&Changes { drop: words(&["prisoner/Goal {goal=yard}"]), ..Changes::default() });
    assert_eq!(one.roles[1].prompt.sections.len(), 2);
    insta::assert_snapshot!(refuse_changes(&Changes {
        drop: words(&["Tome", "guard/Risks", "summarizer/Task"]),
        ..Changes::default()
    }));
}

#[test]
fn shared_becomes_private_and_back() {
    let private = Changes { private: words(&["Risks"]), ..Changes::default() };
    let new = apply_changes(&private);
    assert_eq!(section_texts(&new.shared), pairs(&[("Tone", "Be brief.\n")]));
    for role in &new.roles {
        assert_eq!(section_texts(&role.prompt).last(), Some(&("Risks".to_owned(), "There are some.\n\n".to_owned())));
    }
    let with_own = Changes { sections: pairs(&[("guard/Risks", "None for you.")]), ..private };
    assert_eq!(section_texts(&apply_changes(&with_own).roles[0].prompt)[1].1, "None for you.\n\n");

    let shared = Changes { share: words(&["Habit"]), ..Changes::default() };
    let new = apply_changes(&shared);
    assert_eq!(section_texts(&new.shared).last(), Some(&("Habit".to_owned(), "None.\n".to_owned())));
    assert!(new.roles.iter().all(|r| r.prompt.sections.iter().all(|s| s.title != "Habit")));
    insta::assert_snapshot!(refuse_changes(&Changes {
        private: words(&["Rissk", "Goal"]),
        share: words(&["Risks"]),
        ..Changes::default()
    }));
    let mood = [("guard/Mood", "Calm."), ("prisoner/Mood", "Angry.")];
    let differing = read_files(&put(&mood).apply(&sample_experiment()).expect("files"));
    let shared = Changes { share: words(&["Mood"]), ..Changes::default() };
    assert!(shared.apply(&differing).expect_err("they differ")[0].message.contains("texts differ"));
    let given = Changes { sections: pairs(&[("Mood", "Mixed.")]), ..shared };
    let new = read_files(&given.apply(&differing).expect("files"));
    assert_eq!(section_texts(&new.shared).last(), Some(&("Mood".to_owned(), "Mixed.\n".to_owned())));
}

#[test]
fn roles_come_and_go_with_their_texts() {
    let list = vec![("prisoner".to_owned(), None), ("warden".to_owned(), None), ("night nurse".to_owned(), Some(3))];
    let new =
        apply_changes(&Changes { roles: list, sections: pairs(&[("warden/Goal", "Rule.")]), ..Changes::default() });
    let roles: Vec<(&str, u32, &str)> =
        new.roles.iter().map(|r| (r.name.as_str(), r.agents, r.plural.as_str())).collect();
    assert_eq!(roles, [("prisoner", 2, "prisoners"), ("warden", 1, "wardens"), ("night nurse", 3, "night nurses")]);
    assert_eq!(section_texts(&new.roles[1].prompt), pairs(&[("Goal", "Rule.\n")]));
    assert!(new.roles[2].prompt.is_empty(), "it reads what all share");
    let twice = vec![("a".to_owned(), None), ("a".to_owned(), Some(2))];
    assert!(refuse_changes(&Changes { roles: twice, ..Changes::default() }).contains("stands twice"));
}

#[test]
fn models_that_are_known_keep_their_parameters() {
    let new = apply_changes(&Changes { models: words(&["openai/b", "ollama/c"]), ..Changes::default() });
    assert_eq!(new.models, [sample_experiment().models[1].clone(), ModelSpec::bare("ollama/c")]);
}

#[test]
fn keys_are_set_where_they_stand() {
    let new = apply_changes(&set(&[
        ("messages", "12"),
        ("protocol.days", "2"),
        ("stop_phrases", "[\"[END]\"]"),
        ("agents.guard", "3"),
        ("roles.prisoner.model", "b"),
        ("goal", "[\"escape\", \"yard\", \"none\"]"),
        ("factors.risks", "{ levels = [true, false], was = true }"),
        ("temperature", "0.2"),
        ("seed", "9"),
        ("health.empty", "fail"),
        ("starting_message", "It begins."),
        ("sections", "[\"Tone\", \"Goal\"]"),
    ]));
    assert_eq!((new.protocol.messages, new.protocol.days, new.roles[0].agents), (12, 2, 3));
    assert_eq!(new.protocol.stop_phrases, ["[END]"]);
    assert_eq!(new.roles[1].model, RoleModel::One("b".to_owned()));
    assert_eq!(new.factors.iter().map(|f| f.levels.len()).collect::<Vec<_>>(), [3, 2]);
    assert!(new.models.iter().all(|m| m.sampling.temperature == Some(0.2)));
    assert_eq!((new.run.seed, new.starting_message.as_str()), (9, "It begins."));
    assert_eq!((new.health.len(), new.sections), (1, words(&["Tone", "Goal"])));
    let without = apply_changes(&set(&[("temperature", ""), ("factors.goal", ""), ("sections", "")]));
    assert!(without.factors.is_empty() && without.models.iter().all(|m| m.sampling.temperature.is_none()));
    insta::assert_snapshot!(refuse_changes(&set(&[
        ("mesages", "12"),
        ("risk", "1"),
        ("name", "x"),
        ("agents", "{ guard = 1 }"),
        ("health.empty", ""),
        ("protocol.messages.x", "1"),
    ])));
}

/// A value is written as one TOML value. It cannot add other keys to the file, and the check reads its content.
#[test]
fn a_value_is_one_value() {
    let servers = [KnownServer { name: "ollama".to_owned(), lacks: &[], refused: None }];
    for value in ["x\"\nname = \"other", "1\n[run]\nseed = 3", "]", "{", "\u{0}", "'''"] {
        let files = set(&[("starting_message", value)]).apply(&sample_experiment()).expect("files");
        let checked = check(&files, &servers).experiment.expect("an experiment");
        assert_eq!((checked.name.as_str(), checked.starting_message.as_str(), checked.run.seed), ("e", value, 0));
    }
    let checked = check(
        &set(&[("messages", "many"), ("speakers", "loud")]).apply(&sample_experiment()).expect("files"),
        &servers,
    );
    assert!(checked.problems.iter().filter(|p| p.path == "experiment.toml").count() >= 2, "{:?}", checked.problems);
}

#[test]
fn an_address_is_split_from_its_text_outside_of_braces() {
    assert_eq!(split_assignment("Goal=a=b"), Some(("Goal", "a=b")));
    assert_eq!(split_assignment("Goal {a=x b=\"}=\"}=text"), Some(("Goal {a=x b=\"}=\"}", "text")));
    assert_eq!(split_assignment("Goal {a=x}"), None);
    assert_eq!(split_assignment("Goal"), None);
}

/// Changes of two people can be applied in either order, and the document then contains both.
#[test]
fn changes_done_again_to_a_newer_document_lose_nothing() {
    let one = Changes { models: words(&["b"]), ..put(&[("Risks", "One."), ("guard/One", "x")]) };
    let other = Changes { starting_message: Some("Other".to_owned()), ..put(&[("prisoner/Habit", "Other.")]) };
    let after = |first: &Changes, second: &Changes| {
        read_files(&second.apply(&read_files(&first.apply(&sample_experiment()).expect("files"))).expect("files"))
    };
    assert_eq!(after(&one, &other), after(&other, &one));
    assert_eq!(
        diff(&sample_experiment(), &after(&one, &other)).len(),
        5,
        "{:?}",
        diff(&sample_experiment(), &after(&one, &other))
    );
}

proptest! {
    /// In any experiment, a section that is put exists afterwards, and nothing else has changed.
    #[test]
    fn a_section_is_put_and_nothing_else(old in arbitrary::any_experiment(2), text in "[a-z ]{1,20}") {
        prop_assume!(!old.shared.sections.iter().any(|s| s.title == "Put here"));
        let files = put(&[("Put here", &text)]).apply(&old).expect("files");
        let mut new = read_files(&files);
        let last = new.shared.sections.pop().expect("it is the last");
        prop_assert_eq!((last.title.as_str(), last.text.trim()), ("Put here", text.trim()));
        // The writer adds a missing line end where a heading follows.
        let ended = |e: &Experiment| e.shared.start.clone() + &e.shared.sections.iter().map(|s| s.text.clone()).collect::<String>();
        prop_assert_eq!(ended(&new).trim_end().to_owned(), ended(&old).trim_end().to_owned());
        new.shared = old.shared.clone();
        prop_assert_eq!(new, old);
    }
}
