//! Answers of a draft, and the flags that follow from them.

use super::*;
use crate::design::between::changes_between;
use crate::design::check::{KnownServer, check};
use crate::design::places::{self, list_sections, put_text, section_address};
use crate::design::{Experiment, Factor, ModelSpec, SCRIPTED, Value, arbitrary, compose, folder, problem};
use proptest::prelude::*;

fn servers() -> Vec<KnownServer> {
    vec![KnownServer { name: "ollama".to_owned(), lacks: &[], refused: None }]
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn levels(list: &[&str]) -> Vec<Value> {
    list.iter().map(|text| Value::Text((*text).to_owned())).collect()
}

fn roles(list: &[&str]) -> Vec<(String, u32)> {
    list.iter().map(|name| ((*name).to_owned(), 1)).collect()
}

/// A new experiment about a guard and a prisoner, without texts.
fn new_draft() -> Draft {
    let mut draft = Draft::create();
    "x".clone_into(&mut draft.new.name);
    draft.set_models(vec![ModelSpec::bare(SCRIPTED)]);
    draft.set_roles(&roles(&["guard", "prisoner"]));
    draft
}

/// A stored experiment that a person changes.
fn change_draft() -> Draft {
    let mut draft = new_draft();
    for (address, text) in [
        ("shared/", "A prison."),
        ("guard/Goal", "Order."),
        ("guard/Personality", "Stern."),
        ("guard/Communication rules", "Be brief."),
        ("prisoner/Goal", "Freedom."),
    ] {
        put_text(&mut draft.new, address, text);
    }
    let stored = draft.check_draft(&servers()).experiment.unwrap();
    Draft::change(Origin { id: "1".to_owned(), revision: "a".to_owned() }, stored)
}

fn applied(draft: &Draft) -> Experiment {
    let changes = draft.list_changes();
    let files = changes.apply(&draft.start()).unwrap_or_else(|wrong| panic!("{wrong:?}: {changes:?}"));
    folder::read(&files, &mut problem::Problems::default()).0.unwrap()
}

#[test]
fn every_question_follows_from_the_answers() {
    let mut draft = new_draft();
    let mut asked = vec![Step::Name];
    while let Some(next) = draft.neighbour_step(&asked[asked.len() - 1], 1) {
        assert_eq!(draft.neighbour_step(&next, -1).as_ref(), asked.last());
        draft.mark_answered(&next);
        asked.push(next);
    }
    assert_eq!(asked, draft.list_steps());
    insta::assert_snapshot!(asked.iter().map(Step::step_name).collect::<Vec<_>>().join("\n"), @r"
    name
    starting message
    models
    section titles
    shared sections
    order of sections
    roles
    plural of guard
    pronouns of guard
    plural of prisoner
    pronouns of prisoner
    summariser
    contents of shared: before the sections
    contents of guard: before the sections
    contents of guard: Goal
    contents of guard: Personality
    contents of guard: Communication rules
    contents of prisoner: before the sections
    contents of prisoner: Goal
    contents of prisoner: Personality
    contents of prisoner: Communication rules
    factors
    star
    note
    overview
    ");
    assert_eq!(draft.neighbour_step(&Step::Name, -1), None);
    draft.mark_answered(&Step::Name);
    assert_eq!(draft.open_step(), Step::Overview);
    draft.set_roles(&roles(&["guard", "prisoner", "warden"]));
    assert_eq!(draft.open_step(), Step::Plural("warden".to_owned()));
}

#[test]
fn a_wrong_tag_is_told_at_its_line_of_the_text() {
    let mut draft = new_draft();
    draft.make_versions("guard/Goal", "goal", levels(&["a", "b"]));
    for address in ["shared/", "guard/", "guard/Goal {goal=b}", "prisoner/Goal"] {
        let problems = draft.check_text(address, "fine\nThe <GAURD_NOUN> is\n<GUARD_NOUN>", &servers());
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!((problems[0].line, problems[0].column), (2, 5), "{address}");
        assert!(problems[0].hint.as_ref().is_some_and(|h| h.contains("<GUARD_NOUN>")));
    }
    assert_eq!(draft.check_text("prisoner/Goal", "Escape.", &servers()), []);
    let heading = draft.check_text("prisoner/Goal", "a\n## b\nc", &servers());
    assert!(heading[0].message.contains("heading"), "{heading:?}");
    let fence = draft.check_text("prisoner/Goal", "a\n```\nc", &servers());
    assert!(fence[0].message.contains("fence"), "{fence:?}");
    let named = draft.check_text(OPENING, "Go, <AGENT_NAME>!", &servers());
    assert_eq!((named.len(), named[0].line), (1, 1), "{named:?}");
    assert_eq!(draft.check_text(OPENING, "", &servers()).len(), 1);
}

#[test]
fn texts_come_back_with_their_title_their_role_and_the_summariser() {
    let mut draft = change_draft();
    assert!(draft.is_untouched(), "{:?}", draft.list_changes());
    draft.set_titles(texts(&["Personality", "Communication rules"]));
    assert_eq!(draft.list_changes().drop, ["guard/Goal", "prisoner/Goal"]);
    draft.set_titles(texts(&["Goal", "Personality", "Communication rules"]));
    assert_eq!(draft.text_at("guard/Goal"), "Order.\n");
    // Shared, the texts of the roles differ, so one for all is asked for.
    draft.set_shared("Goal", true);
    assert_eq!(draft.open_step(), Step::Text("Goal".to_owned()));
    put_text(&mut draft.new, "Goal", "Live.");
    draft.set_titles(texts(&["Personality"]));
    draft.set_titles(texts(&["Goal", "Personality"]));
    assert_eq!((draft.text_at("Goal"), draft.is_shared("Goal")), ("Live.", true));
    draft.set_shared("Goal", false);
    assert_eq!((draft.text_at("guard/Goal"), draft.text_at("prisoner/Goal")), ("Order.\n", "Freedom.\n"));
    draft.set_roles(&roles(&["guard", "cook"]));
    assert_eq!(draft.text_at("cook/Goal"), "");
    draft.set_roles(&roles(&["guard", "prisoner"]));
    assert_eq!(draft.text_at("prisoner/Goal"), "Freedom.\n");
    // None of the roles stays, and their titles do.
    draft.set_roles(&roles(&["cook", "maid"]));
    assert_eq!(draft.list_titles(), ["Goal", "Personality"]);
    draft.set_roles(&roles(&["guard", "prisoner"]));
    draft.set_summarizer(true);
    put_text(&mut draft.new, "summarizer/Goal", "Short.");
    draft.set_summarizer(false);
    assert!(draft.new.summarizer.is_none());
    draft.set_summarizer(true);
    draft.set_summary_titles(&texts(&["Tone", "Goal"]));
    assert_eq!(draft.text_at("summarizer/Goal"), "Short.");
    assert_eq!(applied(&draft).summarizer.unwrap().sections[0].title, "Goal", "a title without a text is not written");
}

#[test]
fn a_shared_title_made_private_is_copied_to_each_role() {
    let mut draft = new_draft();
    draft.set_shared("Goal", true);
    put_text(&mut draft.new, "Goal", "Live.");
    draft.set_shared("Goal", false);
    assert_eq!((draft.text_at("guard/Goal"), draft.text_at("prisoner/Goal")), ("Live.", "Live."));
    assert_eq!(draft.list_titles(), ["Goal", "Personality", "Communication rules"]);
}

/// Versions of a text stay at its place in the prompt, and one of them stays when the factor goes.
#[test]
fn versions_of_a_text_are_conditions_at_its_place() {
    let mut draft = change_draft();
    let prompt = |experiment: &Experiment, at: usize| {
        let plan = check(&crate::design::write::write_files(experiment), &servers()).plan.unwrap();
        compose::agent_prompt(experiment, &plan.conditions[at], 0)
    };
    let before = prompt(&draft.old, 0);
    assert_eq!(draft.propose_factor("guard/Goal"), "goal");
    draft.make_versions("guard/Goal", "goal", levels(&["kind", "cold"]));
    assert_eq!(draft.open_step(), Step::Text("guard/Goal {goal=cold}".to_owned()));
    put_text(&mut draft.new, "guard/Goal {goal=cold}", "Fear.");
    let changes = draft.list_changes();
    assert_eq!(changes.drop, ["guard/Goal"]);
    assert_eq!(changes.set.last().unwrap(), &("factors.goal".to_owned(), r#"["kind", "cold"]"#.to_owned()));
    let checked = draft.check_draft(&servers());
    assert_eq!((checked.plan.unwrap().conditions.len(), checked.problems), (2, Vec::new()));
    let made = checked.experiment.unwrap();
    assert_eq!(prompt(&made, 0), before);
    assert_eq!(prompt(&made, 1), before.replace("Order.", "Fear."));
    // The same factor for another text, one more version, other names.
    draft.make_versions("prisoner/Goal", "goal", levels(&["kind", "cold"]));
    draft.set_versions("goal", levels(&["kind", "cold", "odd"])).unwrap();
    assert_eq!(draft.open_step(), Step::Text("guard/Goal {goal=odd}".to_owned()));
    assert!(draft.set_versions("goal", levels(&["a", "b"])).is_err());
    draft.set_versions("goal", levels(&["kind", "cold"])).unwrap();
    draft.set_versions("goal", levels(&["good", "bad"])).unwrap();
    draft.rename_factor("goal", "aim");
    assert_eq!((draft.text_at("guard/Goal {aim=good}"), draft.text_at("guard/Goal {aim=bad}")), ("Order.\n", "Fear."));
    let made = applied(&draft);
    assert_eq!(prompt(&made, 0), before);
    draft.remove_factor("aim", "bad");
    assert!(draft.new.factors.is_empty());
    assert_eq!(prompt(&applied(&draft), 0), before.replace("Order.", "Fear."));
    draft.make_versions("guard/Goal", "goal", levels(&["a", "b"]));
    draft.remove_factor("goal", "a");
    put_text(&mut draft.new, "guard/Goal", "Order.");
    put_text(&mut draft.new, "prisoner/Goal", "Freedom.");
    assert!(draft.list_changes().drop.is_empty(), "{:?}", draft.list_changes());
}

#[test]
fn levels_are_read_and_refused_at_once() {
    let draft = new_draft();
    let read = |factor: &str, line: &str| parse_levels(&draft, factor, line);
    assert_eq!(read("days", "1, 2"), Ok(vec![Value::Int(1), Value::Int(2)]));
    assert_eq!(read("temperature", "0, 0.5, 1"), Ok(vec![Value::Float(0.0), Value::Float(0.5), Value::Float(1.0)]));
    assert_eq!(read("goal", "1, true"), Ok(levels(&["1", "true"])));
    assert_eq!(read("speakers", "random, auto"), Ok(levels(&["random", "auto"])));
    for (factor, line) in [
        ("days", "1"),
        ("days", "1, x"),
        ("days", "0, 1"),
        ("days", "1, 1"),
        ("temperature", "0, 3"),
        ("merge", "yes, no"),
        ("agents.guard", "1, -2"),
        ("goal", ""),
        ("goal", "a, a"),
    ] {
        assert!(read(factor, line).is_err(), "{factor}: {line}");
    }
    assert!(list_varied(&draft).iter().any(|(name, _)| name == "agents.guard"));
    for wrong in ["", "two words", "a=b", "days", "style", "agents", "agents.guard", "a,b"] {
        assert!(draft.bad_factor(wrong).is_some(), "{wrong}");
    }
}

/// Two people change an experiment: what the first stored stays.
#[test]
fn a_change_goes_on_top_of_somebody_elses() {
    let mut draft = change_draft();
    put_text(&mut draft.new, "guard/Goal", "Peace.");
    draft.new.note = Some("mine".to_owned());
    let mut other = draft.old.clone();
    put_text(&mut other, "prisoner/Goal", "Sleep.\n");
    draft.move_onto(other.clone(), "b").unwrap();
    assert_eq!((draft.text_at("guard/Goal").trim(), draft.text_at("prisoner/Goal").trim()), ("Peace.", "Sleep."));
    assert_eq!((draft.origin().unwrap().revision.as_str(), draft.new_note()), ("b", Some("mine")));
    assert_eq!(draft.list_changes().sections, [("guard/Goal".to_owned(), "Peace.".to_owned())]);
    draft.set_titles(texts(&["Personality", "Communication rules"]));
    other.roles[0].prompt.sections.clear();
    assert!(draft.move_onto(other, "c").is_err(), "what it drops is gone");
    assert_eq!(draft.origin().unwrap().revision, "b");
}

/// A note or name that the draft leaves alone is not a change: the newer one stays.
#[test]
fn somebody_elses_note_and_name_stay() {
    for before in [None, Some("old".to_owned())] {
        let mut draft = change_draft();
        draft.old.note.clone_from(&before);
        draft.new.note = before;
        put_text(&mut draft.new, "guard/Goal", "Peace.");
        let other = Experiment { name: "theirs".to_owned(), note: Some("theirs".to_owned()), ..draft.old.clone() };
        draft.move_onto(other, "b").unwrap();
        assert_eq!((draft.new.name.as_str(), draft.new.note.as_deref()), ("theirs", Some("theirs")));
        assert_eq!((draft.list_changes().name, draft.new_note()), (None, None));
        draft.new.note = None;
        draft.move_onto(Experiment { note: Some("newer".to_owned()), ..draft.old.clone() }, "c").unwrap();
        assert_eq!(draft.new_note(), Some(""), "the draft removes the note");
    }
}

/// An answer that makes another part wrong is found at its question.
#[test]
fn a_new_mistake_is_found_and_an_old_one_is_not() {
    let before = change_draft();
    let mut draft = before.clone();
    draft.put_factor("messages", vec![Value::Int(1), Value::Int(20)]);
    let wrong = draft.find_new_errors(&before, &servers());
    assert!(wrong.iter().any(|p| p.code == "too-few-messages"), "{wrong:?}");
    assert_eq!(draft.find_new_errors(&draft, &servers()), []);
    assert_eq!(new_draft().find_new_errors(&Draft::create(), &servers()), [], "nothing is complete yet");
}

#[test]
fn a_draft_is_kept_whole() {
    let mut draft = change_draft();
    draft.set_titles(texts(&["Goal"]));
    draft.typed.insert("guard/Goal".to_owned(), texts(&["half a"]));
    draft.step = Step::Text("guard/Goal".to_owned());
    let kept: Draft = serde_json::from_str(&serde_json::to_string(&draft).unwrap()).unwrap();
    assert_eq!(kept, draft);
}

/// One answer, drawn from the present state.
fn answer(draft: &mut Draft, which: u8, at: prop::sample::Index) {
    let titles = draft.list_titles();
    let title = |at: prop::sample::Index| (!titles.is_empty()).then(|| at.get(&titles).clone());
    let addresses: Vec<String> = list_sections(&draft.new).map(|(name, s)| section_address(name, s)).collect();
    let labels: Vec<Factor> =
        draft.new.factors.iter().filter(|f| draft.bad_factor(&f.name).is_none()).cloned().collect();
    match which {
        0 => draft.set_titles(titles.iter().filter(|t| Some(*t) != title(at).as_ref()).cloned().collect()),
        1 if !titles.contains(&"New".to_owned()) => draft.set_titles([texts(&["New"]), titles].concat()),
        2 => title(at).into_iter().for_each(|title| draft.set_shared(&title, !draft.is_shared(&title))),
        3 => draft.set_roles(&roles(&["cook", "b", "guard"])),
        4 => draft.set_roles(&roles(&["guard", "字"])),
        5 if !addresses.is_empty() => {
            draft.make_versions(at.get::<String>(&addresses), "ver", levels(&["x", "two words"]));
        }
        6 if !addresses.is_empty() => put_text(&mut draft.new, at.get::<String>(&addresses), "Some text."),
        7 => draft.set_summarizer(draft.new.summarizer.is_none()),
        8 => draft.put_factor("days", vec![Value::Int(1), Value::Int(2)]),
        9 if !labels.is_empty() => draft.rename_factor(&at.get(&labels).name, "other"),
        10 if !labels.is_empty() => {
            let factor = at.get(&labels);
            draft.remove_factor(&factor.name, &factor.levels[0].to_string());
        }
        _ => draft.set_models(vec![ModelSpec::bare("ollama/new")]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    /// Whatever is answered, in whatever order: the flags give the experiment that is shown.
    #[test]
    fn the_flags_give_what_was_answered(
        old in arbitrary::any_experiment(2),
        answers in prop::collection::vec((0..12_u8, any::<prop::sample::Index>()), 1..8),
        is_new in any::<bool>(),
    ) {
        let mut old = old;
        for (name, prompt) in places::prompts_mut(&mut old) {
            let mut seen = std::collections::BTreeSet::new();
            prompt.sections.retain(|section| seen.insert(section_address(name, section)));
        }
        let origin = Origin { id: "1".to_owned(), revision: "a".to_owned() };
        let mut draft = if is_new { new_draft() } else { Draft::change(origin, old) };
        for (which, at) in answers {
            let names: Vec<String> = draft.new.factors.iter().map(|f| f.name.clone()).collect();
            // Each heading names a factor once, and each factor has its own name.
            if (which == 5 && names.contains(&"ver".to_owned())) || (which == 9 && names.contains(&"other".to_owned())) {
                continue;
            }
            answer(&mut draft, which, at);
        }
        let found = applied(&draft);
        let rest = changes_between(&found, &draft.new);
        prop_assert!(rest.is_empty(), "{:?} after {:?}", rest, draft.list_changes());
    }
}
