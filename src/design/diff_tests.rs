use super::*;
use crate::design::{arbitrary, folder, problem, write};
use proptest::prelude::*;

const TOML: &str = "name = 'e'\nmodels = ['ollama/a', { id = 'openai/b', as = 'b', temperature = 0.5 }]\n\
    [protocol]\nmessages = 8\nagents = { guard = 1, prisoner = 2 }\n\
    [roles.guard]\nplural = 'guards'\npronouns = 'he/his'\n\
    [roles.prisoner]\nplural = 'prisoners'\npronouns = 'she/her'\n\
    [factors]\ngoal = ['escape', 'yard']\nrisks = [true, false]\n[run]\nreplicates = 2\n";

fn changed_experiment(changes: &[(&str, &str)]) -> Experiment {
    let toml = changes.iter().fold(TOML.to_owned(), |toml, (old, new)| {
        assert!(toml.contains(old), "{old}");
        toml.replace(old, new)
    });
    let guard = "Keep order.\n\n## Goal\nOne.\nTwo.\nThree.\n\n## Tone\nBe brief.\n";
    let files = [("experiment.toml", toml.as_str()), ("shared.md", "A prison.\n"), ("roles/guard.md", guard)];
    let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
    let mut problems = problem::Problems::default();
    folder::read(&files.into_iter().collect(), &mut problems).0.expect("an experiment")
}

fn list_changes(changes: &[(&str, &str)]) -> Vec<String> {
    describe_differences(&changed_experiment(&[]), &changed_experiment(changes))
}

#[test]
fn everything_of_a_design_has_a_name() {
    assert_eq!(list_changes(&[("messages = 8", "messages = 8\ndays = 2")]), ["`days`: 1 → 2"]);
    assert_eq!(list_changes(&[("temperature = 0.5", "temperature = 0.7")]), ["model `b`, `temperature`: 0.5 → 0.7"]);
    assert_eq!(list_changes(&[("0.5", "0.5, top_p = 0.9")]), ["model `b`, `top_p` is new: 0.9"]);
    assert_eq!(list_changes(&[("'ollama/a', ", "")]), ["model `ollama/a` is gone: ollama/a"]);
    assert_eq!(list_changes(&[("'yard'", "'yard', 'none'")]), ["factor `goal`: escape, yard → escape, yard, none"]);
    assert_eq!(
        list_changes(&[("[true, false]", "['true', 'false']")]),
        ["factor `risks`: true, false → \"true\", \"false\""]
    );
    assert_eq!(list_changes(&[("\nrisks", "\ntone = ['kind']\nrisks")]), ["factor `tone` is new: kind"]);
    assert_eq!(list_changes(&[("'prisoners'", "'inmates'")]), ["role `prisoner`, `plural`: prisoners → inmates"]);
    assert_eq!(list_changes(&[("prisoner = 2", "prisoner = 3")]), ["role `prisoner`, `agents`: 2 → 3"]);
    assert_eq!(
        list_changes(&[("replicates = 2", "replicates = 4\nseed = 1")]),
        ["`run.replicates`: 2 → 4", "`run.seed`: 0 → 1"]
    );
    assert_eq!(list_changes(&[("name = 'e'", "name = 'f'\nnote = 'n'")]), Vec::<String>::new());
}

#[test]
fn order_is_told_of_what_both_have() {
    let order =
        [("goal = ['escape', 'yard']\nrisks = [true, false]", "risks = [true, false]\ngoal = ['escape', 'yard']")];
    assert_eq!(list_changes(&order), ["order of factors: goal, risks → risks, goal"]);
    let (mut a, mut b) = (changed_experiment(&[]), changed_experiment(&[]));
    b.roles.reverse();
    b.roles[1].prompt.sections.reverse();
    assert_eq!(
        describe_differences(&a, &b),
        [
            "roles in speaking order: guard, prisoner → prisoner, guard",
            "roles/guard.md, order of sections: Goal, Tone → Tone, Goal"
        ]
    );
    a.roles.truncate(1);
    assert_eq!(describe_differences(&a, &b)[0], "role `prisoner` is new");
}

#[test]
fn of_a_text_the_changed_lines_are_told() {
    let (a, mut b) = (changed_experiment(&[]), changed_experiment(&[]));
    b.roles[0].prompt.sections[0].text = "One.\n2\nThree.\n\n".to_owned();
    b.roles[0].prompt.sections.remove(1);
    b.shared.sections.push(Section { title: "New".to_owned(), text: "Here.\n".to_owned(), ..Section::default() });
    let found = diff(&a, &b);
    let all: Vec<(String, Vec<Line>)> = found.iter().map(|d| (d.line(), d.lines())).collect();
    let (gone, new) = (|t: &str| Line::Gone(t.to_owned()), |t: &str| Line::New(t.to_owned()));
    assert_eq!(
        all,
        [
            ("shared.md, section `New` is new".to_owned(), vec![new("Here.")]),
            ("roles/guard.md, section `Goal` has changed".to_owned(), vec![gone("Two."), new("2")]),
            ("roles/guard.md, section `Tone` is gone".to_owned(), vec![gone("Be brief.")]),
        ]
    );
}

proptest! {
    /// The description contains every difference that changes a run, and no difference that does not exist.
    #[test]
    fn what_is_told_is_what_differs(a in arbitrary::any_experiment(2), b in arbitrary::any_experiment(2)) {
        prop_assert!(diff(&a, &a).is_empty());
        let named = Experiment { name: a.name.clone(), note: a.note.clone(), ..b.clone() };
        prop_assert_eq!(diff(&a, &b).is_empty(), write::write_files(&a) == write::write_files(&named));
        for difference in diff(&a, &b) {
            prop_assert_ne!(&difference.a, &difference.b);
        }
        let what = |from: &Experiment, to: &Experiment| {
            let mut what: Vec<String> = diff(from, to).into_iter().map(|d| d.what).collect();
            what.sort();
            what
        };
        prop_assert_eq!(what(&a, &b), what(&b, &a));
    }
}
