//! The command that saves a draft.

use crate::design::edit::Changes;
use crate::lab::draft::{Base, Draft};

/// Returns the command that saves a draft. `word` names the experiment that it begins with.
pub fn saving_command(draft: &Draft, word: &str) -> Vec<String> {
    let changes = draft.list_changes();
    let name = draft.new.name.as_str();
    let first: &[&str] = match draft.base {
        Base::New => &["new", name, "--stored", "--from", "empty"],
        Base::Change(_) => &["edit", word],
        Base::Copy(_) => &["duplicate", word],
    };
    let mut words: Vec<String> = first.iter().map(|word| (*word).to_owned()).collect();
    let note = draft.new_note().map(str::to_owned);
    let marks = [("--name", &changes.name), ("--note", &note), ("--starting-message", &changes.starting_message)];
    for (flag, value) in marks.into_iter().filter_map(|(flag, value)| Some((flag, value.as_ref()?))) {
        push_flag(&mut words, flag, value);
    }
    push_changes(&mut words, &changes);
    words
}

fn push_changes(words: &mut Vec<String>, changes: &Changes) {
    changes.models.iter().for_each(|model| push_flag(words, "--model", model));
    if !changes.roles.is_empty() {
        let roles = changes.roles.iter().map(|(name, agents)| match agents {
            Some(agents) => format!("{name}={agents}"),
            None => name.clone(),
        });
        push_flag(words, "--roles", &roles.collect::<Vec<_>>().join(","));
    }
    changes.drop.iter().for_each(|address| push_flag(words, "--drop-section", address));
    for (address, text) in &changes.sections {
        // A text that begins with `@` must not be read as a file name.
        let at = if text.starts_with('@') { "@" } else { "" };
        push_flag(words, "--section", &format!("{address}={at}{text}"));
    }
    changes.set.iter().for_each(|(key, value)| push_flag(words, "--set", &format!("{key}={value}")));
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
    use crate::design::places::put_text;
    use crate::design::{Experiment, ModelSpec, RoleModel, Value, key};
    use crate::lab::draft::Origin;
    use clap::Parser;

    fn known_servers() -> Vec<KnownServer> {
        vec![KnownServer { name: "ollama".to_owned(), lacks: &[], refused: None }]
    }

    fn hard_draft() -> Draft {
        let mut draft = Draft::create();
        "Ünïcödé 漢字 it's \"q\"".clone_into(&mut draft.new.name);
        "-- start: {x} = <PRISON_GUARD_NUM> e\u{301}".clone_into(&mut draft.new.starting_message);
        let mut models = vec![ModelSpec::bare("ollama/llama3.1"), ModelSpec::bare("ollama/q")];
        models[0].sampling.temperature = Some(0.7);
        models[1].alias = Some("a \"b\" ' c".to_owned());
        draft.set_models(models);
        draft.set_titles(["Goal", "A/B", "漢字 title", "Empty"].map(str::to_owned).to_vec());
        draft.set_shared("A/B", true);
        draft.set_shared("Goal", true);
        draft.set_roles(&["prison guard", "囚人", "it's"].map(|name| (name.to_owned(), 2)));
        draft.set_summarizer(true);
        draft.new.note = Some("-n 'q' \"d\" 👩\u{200d}🚀\nsecond".to_owned());
        let role = &mut draft.new.roles[0];
        "guards \"of\" it's".clone_into(&mut role.plural);
        "he/his".clone_into(&mut role.pronouns);
        role.model = RoleModel::One("a \"b\" ' c".to_owned());
        for (address, text) in TEXTS {
            put_text(&mut draft.new, address, text);
        }
        let levels = ["it's = {a}", "two \"words\""].map(|level| Value::Text(level.to_owned()));
        draft.make_versions("囚人/漢字 title", "漢", levels.to_vec());
        draft.put_factor("agents.prison guard", vec![Value::Int(1), Value::Int(2)]);
        draft
    }

    const TEXTS: [(&str, &str); 7] = [
        ("shared/", "@file is no file\n\n  indented"),
        ("Goal", "a=b {c=d} $HOME `x` \\n \"quoted\" 'single' 漢字 e\u{301} 👩\u{200d}🚀"),
        ("shared/A/B", "@@"),
        ("prison guard/漢字 title", "-x\n---\n### deeper\n<PRISON_GUARD_NOUN> \\<X>"),
        ("囚人/漢字 title", "= {x}"),
        ("囚人/", "You are <AGENT_NAME>."),
        ("summarizer/Goal", "Say it short."),
    ];

    /// Parses the command of a draft as the program would, and returns the experiment that it gives.
    fn read_back(draft: &Draft) -> Experiment {
        let words = saving_command(draft, "word");
        let cli = Cli::try_parse_from(["convoke".to_owned()].iter().chain(&words)).unwrap();
        let (flags, name) = match cli.command {
            Some(Command::New(args)) => (args.changes, None),
            Some(Command::Edit(args) | Command::Duplicate(args)) => (args.changes, args.name),
            _ => panic!("another command: {words:?}"),
        };
        let read = crate::cli::changes::read_with(&flags, &|file| panic!("{file} is read")).unwrap();
        let changes = Changes { name, ..read };
        assert_eq!(changes, draft.list_changes());
        assert_eq!(flags.note.as_deref(), draft.new_note());
        let checked = check(&changes.apply(&draft.start()).unwrap(), &known_servers());
        assert!(!checked.has_errors(), "{:?}", checked.problems);
        checked.experiment.unwrap()
    }

    #[test]
    fn words_give_the_document_that_was_previewed() {
        let draft = hard_draft();
        let experiment = read_back(&draft);
        let previewed = draft.check_draft(&known_servers()).experiment.unwrap();
        assert_eq!(key::hash_revision(&experiment), key::hash_revision(&previewed));
        assert_eq!(experiment, previewed);
        assert_eq!(experiment.name, draft.new.name);
        assert_eq!(experiment.starting_message, draft.new.starting_message);
        assert_eq!(experiment.models, draft.new.models);
        assert_eq!(experiment.factors, draft.new.factors);
        assert_eq!(experiment.sections, ["Goal", "A/B", "漢字 title"]);
        for (address, text) in TEXTS.iter().filter(|(address, _)| *address != "囚人/漢字 title") {
            assert_eq!(crate::design::places::find_text(&experiment, address).unwrap().trim(), *text, "{address}");
        }
        assert_eq!(experiment.roles[0].plural, "guards \"of\" it's");
        assert_eq!(experiment.roles[0].model, RoleModel::One("a \"b\" ' c".to_owned()));
        assert_eq!(experiment.roles[2].agents, 2);
    }

    #[test]
    fn words_change_and_copy_what_is_stored() {
        let stored = read_back(&hard_draft());
        let origin = || Origin { id: "1".to_owned(), revision: "a".to_owned() };
        let copy = Draft::copy(origin(), stored.clone(), "it's 2".to_owned());
        for mut draft in [Draft::change(origin(), stored.clone()), copy] {
            draft.set_shared("A/B", false);
            draft.set_titles(["漢字 title", "A/B"].map(str::to_owned).to_vec());
            draft.rename_factor("漢", "other");
            draft.remove_factor("agents.prison guard", "");
            draft.new.note = None;
            draft.set_models(vec![stored.models[1].clone()]);
            let changed = read_back(&draft);
            assert_eq!(changed.models, stored.models[1..]);
            assert_eq!(changed.sections, ["漢字 title", "A/B"]);
            assert_eq!(changed.roles[1].prompt.sections[0].when[0].factor, "other");
        }
    }
}
