//! The command that creates the experiment of a draft.

use crate::lab::draft::Draft;

/// Returns the command that creates the experiment of a draft.
pub fn creation_command(draft: &Draft) -> Vec<String> {
    let changes = draft.list_changes();
    let mut words = ["new", &draft.name, "--stored", "--from", "empty"].map(str::to_owned).to_vec();
    if let Some(message) = &changes.starting_message {
        push_flag(&mut words, "--starting-message", message);
    }
    let roles: Vec<String> = draft.roles.iter().map(|r| format!("{}={}", r.name, r.agents)).collect();
    push_flag(&mut words, "--roles", &roles.join(","));
    changes.set.iter().for_each(|(key, value)| push_flag(&mut words, "--set", &format!("{key}={value}")));
    for (address, text) in &changes.sections {
        let at = if text.starts_with('@') { "@" } else { "" };
        push_flag(&mut words, "--section", &format!("{address}={at}{text}"));
    }
    if !draft.note.is_empty() {
        push_flag(&mut words, "--note", &draft.note);
    }
    words
}

/// Adds a flag and its value; a value that looks like a flag is joined with `=`.
fn push_flag(words: &mut Vec<String>, flag: &str, value: &str) {
    if value.starts_with('-') {
        words.push(format!("{flag}={value}"));
    } else {
        words.extend([flag.to_owned(), value.to_owned()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Command};
    use crate::design::check::{KnownServer, check};
    use crate::design::{Experiment, ModelSpec, RoleModel, key};
    use crate::lab::draft::{Players, Step, Typed, Words};
    use clap::Parser;

    fn known_servers() -> Vec<KnownServer> {
        vec![KnownServer { name: "ollama".to_owned(), lacks: &[] }]
    }

    fn hard_draft() -> Draft {
        let mut draft = Draft {
            name: "Ünïcödé 漢字 it's \"q\"".to_owned(),
            starting_message: "-- start: {x} = <PRISON_GUARD_NUM> e\u{301}".to_owned(),
            models: vec![ModelSpec::bare("ollama/llama3.1"), ModelSpec::bare("ollama/q")],
            titles: ["Goal", "A/B", "漢字 title", "Empty"].map(str::to_owned).to_vec(),
            shared: vec!["A/B".to_owned(), "Goal".to_owned()],
            roles: ["prison guard", "囚人", "it's"].map(|n| Players { name: n.to_owned(), agents: 2 }).to_vec(),
            summarizer: true,
            note: "-n 'q' \"d\" 👩\u{200d}🚀\nsecond".to_owned(),
            ..Draft::default()
        };
        draft.models[0].sampling.temperature = Some(0.7);
        draft.models[1].alias = Some("a \"b\" ' c".to_owned());
        draft.words.insert(
            "prison guard".to_owned(),
            Words {
                plural: Some("guards \"of\" it's".to_owned()),
                pronouns: Some("he/his".to_owned()),
                model: Some("a \"b\" ' c".to_owned()),
            },
        );
        for (address, text) in [
            ("shared/", "@file is no file\n\n  indented"),
            ("Goal", "a=b {c=d} $HOME `x` \\n \"quoted\" 'single' 漢字 e\u{301} 👩\u{200d}🚀"),
            ("shared/A/B", "@@"),
            ("prison guard/漢字 title", "-x\n---\n### deeper\n<PRISON_GUARD_NOUN> \\<X>"),
            ("囚人/", "You are <AGENT_NAME>."),
            ("summarizer/Goal", "Say it short."),
            ("gone/Goal", "not lost"),
        ] {
            draft.texts.insert(address.to_owned(), text.to_owned());
        }
        draft
    }

    /// Parses the command of a draft as the program would.
    fn read_back(draft: &Draft) -> (crate::cli::commands::new::New, Experiment) {
        let words = creation_command(draft);
        let cli = Cli::try_parse_from(["convoke".to_owned()].iter().chain(&words)).unwrap();
        let Some(Command::New(args)) = cli.command else { panic!("another command") };
        let changes = crate::cli::changes::read_with(&args.changes, &|file| panic!("{file} is read")).unwrap();
        let start = Experiment { note: args.changes.note.clone(), ..Experiment::empty(&args.name) };
        let checked = check(&changes.apply(&start).unwrap(), &known_servers());
        assert!(!checked.has_errors(), "{:?}", checked.problems);
        (*args, checked.experiment.unwrap())
    }

    #[test]
    fn words_give_the_document_that_was_previewed() {
        for draft in [
            hard_draft(),
            Draft { models: vec![ModelSpec::bare("scripted")], name: "x".to_owned(), ..Draft::default() },
        ] {
            let (args, experiment) = read_back(&draft);
            let previewed = draft.check_draft(&known_servers()).experiment.unwrap();
            assert_eq!(experiment, previewed);
            assert_eq!(key::hash_revision(&experiment), key::hash_revision(&previewed));
            assert!(args.stored);
        }
        let (_, experiment) = read_back(&hard_draft());
        assert_eq!(experiment.name, hard_draft().name);
        assert_eq!(experiment.starting_message, hard_draft().starting_message);
        assert_eq!(experiment.models, hard_draft().models);
        assert_eq!(experiment.note.as_deref(), Some(hard_draft().note.as_str()));
        assert_eq!(experiment.sections, ["Goal", "A/B", "漢字 title"]);
        assert_eq!(experiment.shared.start.trim(), hard_draft().texts["shared/"]);
        assert_eq!(experiment.shared.sections[0].text.trim(), hard_draft().texts["Goal"]);
        assert_eq!(experiment.shared.sections[1].text.trim(), "@@");
        assert_eq!(experiment.roles[0].prompt.sections[0].text.trim(), hard_draft().texts["prison guard/漢字 title"]);
        assert_eq!(experiment.roles[0].plural, "guards \"of\" it's");
        assert_eq!(experiment.roles[0].model, RoleModel::One("a \"b\" ' c".to_owned()));
        assert_eq!(experiment.roles[2].agents, 2);
        assert_eq!(experiment.summarizer.unwrap().sections[0].text.trim(), "Say it short.");
    }

    #[test]
    fn a_draft_is_kept_whole() {
        let mut draft = hard_draft();
        draft.typed = Some(Typed { address: "Goal".to_owned(), lines: vec!["half a".to_owned()] });
        draft.step = Step::Text("Goal".to_owned());
        draft.mark_answered(&Step::Plural("it's".to_owned()));
        let kept: Draft = serde_json::from_str(&serde_json::to_string(&draft).unwrap()).unwrap();
        assert_eq!(kept, draft);
        let older: Draft = serde_json::from_str("{\"name\": \"x\"}").unwrap();
        assert_eq!(older, Draft { name: "x".to_owned(), ..Draft::default() });
    }

    #[test]
    fn every_question_follows_from_the_answers() {
        let mut draft = Draft::default();
        let mut step = Step::Name;
        let mut asked = vec![step.clone()];
        while let Some(next) = draft.neighbour_step(&step, 1) {
            assert_eq!(draft.neighbour_step(&next, -1), Some(step));
            draft.mark_answered(&next);
            asked.push(next.clone());
            step = next;
        }
        assert_eq!(asked, draft.list_steps());
        insta::assert_snapshot!(asked.iter().map(Step::step_name).collect::<Vec<_>>().join("\n"));
        assert_eq!(draft.neighbour_step(&Step::Name, -1), None);
        draft.mark_answered(&Step::Name);
        assert_eq!(draft.open_step(), Step::Overview);
        draft.roles.push(Players { name: "warden".to_owned(), agents: 1 });
        assert_eq!(draft.open_step(), Step::Plural("warden".to_owned()));
    }

    #[test]
    fn a_wrong_tag_is_told_at_its_line_of_the_text() {
        let draft = Draft::default();
        for address in ["shared/", "guard/", "guard/Goal"] {
            let problems = draft.check_text(address, "fine\nThe <GAURD_NOUN> is\n<GUARD_NOUN>", &known_servers());
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!((problems[0].line, problems[0].column), (2, 5), "{address}");
            assert!(problems[0].hint.as_ref().is_some_and(|h| h.contains("<GUARD_NOUN>")));
        }
        assert_eq!(draft.check_text("guard/Goal", "Escape.", &known_servers()), []);
        let heading = draft.check_text("guard/Goal", "a\n## b\nc", &known_servers());
        assert!(heading[0].message.contains("heading"), "{heading:?}");
        let fence = draft.check_text("guard/Goal", "a\n```\nc", &known_servers());
        assert!(fence[0].message.contains("fence"), "{fence:?}");
    }

    #[test]
    fn a_text_comes_back_with_its_title() {
        let mut draft = Draft { models: vec![ModelSpec::bare("scripted")], ..Draft::default() };
        draft.name = "x".to_owned();
        draft.texts.insert("guard/Goal".to_owned(), "Order.".to_owned());
        let before = draft.list_changes();
        let titles = std::mem::replace(&mut draft.titles, vec!["Other".to_owned()]);
        assert!(draft.list_changes().sections.is_empty());
        draft.titles = titles;
        assert_eq!(draft.list_changes(), before);
    }
}
