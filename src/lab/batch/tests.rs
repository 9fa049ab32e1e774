use super::*;
use crate::design::edit::{Changes, split_assignment};
use crate::design::{CellSpec, Overrides, Plan, Role, Zip, key};
use crate::lab::Narrowing;
use crate::lab::change::changed_document;
use std::collections::BTreeSet;

fn ints(levels: &[i64]) -> Vec<Value> {
    levels.iter().copied().map(Value::Int).collect()
}

fn factor(name: &str, levels: &[i64]) -> Factor {
    Factor { name: name.to_owned(), levels: ints(levels), was: None }
}

fn role(name: &str) -> Role {
    let (plural, pronouns) = (format!("{name}s"), "he/his".to_owned());
    let prompt = crate::design::PromptText { start: "You speak.\n".to_owned(), ..Default::default() };
    Role { name: name.to_owned(), agents: 1, plural, pronouns, prompt, ..Role::default() }
}

/// A market with two roles; one has a blank in its name.
fn market(factors: Vec<Factor>) -> Experiment {
    let mut experiment = Experiment::empty("market");
    experiment.starting_message = "Begin.".to_owned();
    experiment.models = vec![ModelSpec::bare("scripted")];
    experiment.protocol.messages = 6;
    experiment.roles = vec![role("seller"), role("first buyer")];
    experiment.factors = factors;
    experiment
}

/// The experiment after the flags of `edit`, as the command reads them.
fn edited(experiment: &Experiment, flags: &[String]) -> Experiment {
    let pairs = flags.chunks(2).map(|pair| {
        assert_eq!(pair[0], "--set");
        let (key, value) = split_assignment(&pair[1]).unwrap();
        (key.to_owned(), value.to_owned())
    });
    let changes = Changes { set: pairs.collect(), ..Changes::default() };
    changed_document(experiment, &changes, &crate::lab::Servers::default()).unwrap().0
}

/// Overrides, as `run` and `plan` read these flags.
fn overrides(flags: &[String]) -> Overrides {
    let mut narrowing = Narrowing::default();
    let mut words = flags.iter();
    while let Some(word) = words.next() {
        if let Some(only) = word.strip_prefix("--only=") {
            narrowing.only.push(only.to_owned());
            continue;
        }
        let value = words.next().unwrap().clone();
        match word.as_str() {
            "--agents" => narrowing.agents.push(value),
            "--days" => narrowing.days = Some(value),
            "--messages" => narrowing.messages = value.parse().ok(),
            "--speakers" => narrowing.speakers = Some(value),
            other => panic!("{other}"),
        }
    }
    narrowing.read_overrides().unwrap()
}

fn keys(experiment: &Experiment, flags: &[String]) -> BTreeSet<String> {
    let overrides = Overrides { replicates: Some(2), ..overrides(flags) };
    let plan = Plan::new(experiment, &overrides).unwrap();
    plan.selected(experiment, &overrides).unwrap().into_iter().map(|cell| cell.key).collect()
}

/// Stores and runs a batch; returns the experiment after it, and the keys that it ran.
fn run(experiment: &Experiment, answer: impl FnOnce(&mut Batch)) -> (Experiment, BTreeSet<String>) {
    let mut batch = Batch::new(experiment, 1);
    answer(&mut batch);
    let words = batch.list_words(experiment, true);
    let after = edited(experiment, &words.edit);
    let ran = keys(&after, &words.run);
    assert_eq!(ran, keys(experiment, &words.plan), "the plan that was shown: {words:?}");
    // Flags give the same conversations, as before levels were stored.
    let by_flags = batch.list_words(experiment, false);
    assert!(by_flags.edit.is_empty());
    assert_eq!(ran, keys(experiment, &by_flags.run), "{by_flags:?}");
    (after, ran)
}

#[test]
fn levels_are_placed_by_the_experiment_and_its_owner() {
    let three = market(vec![factor("days", &[1, 2, 3])]);
    let place = |wanted: &[i64], mine| place_levels(&three, "days", &ints(wanted), mine);
    assert_eq!(place(&[3, 2, 1], true), Placed::Same);
    assert_eq!(place(&[1, 2, 3], false), Placed::Same);
    assert_eq!((place(&[1, 2], true), place(&[2], false)), (Placed::Only, Placed::Only));
    assert_eq!(place(&[1, 2, 3, 4], true), Placed::Widen { levels: ints(&[1, 2, 3, 4]), only: false });
    assert_eq!(place(&[0, 1], true), Placed::Widen { levels: ints(&[0, 1, 2, 3]), only: true });
    assert_eq!(place(&[4], true), Placed::Widen { levels: ints(&[1, 2, 3, 4]), only: true });
    assert_eq!(place(&[4], false), Placed::Flag { tied: false });
    let place = |name: &str, wanted: &[i64], mine| place_levels(&three, name, &ints(wanted), mine);
    assert_eq!(place("messages", &[8], true), Placed::Set);
    assert_eq!(place("messages", &[8], false), Placed::Flag { tied: false });
    assert_eq!(place("agents.seller", &[1, 2], true), Placed::Widen { levels: ints(&[1, 2]), only: false });
}

#[test]
fn a_factor_in_a_zip_or_in_cells_stays_as_it_is() {
    let mut zipped = market(vec![factor("days", &[1, 2]), factor("messages", &[6, 9])]);
    let mut celled = zipped.clone();
    zipped.design.zip = vec![Zip { factors: vec!["days".to_owned(), "messages".to_owned()] }];
    let cell = |day| CellSpec { levels: vec![Named::new("days", Value::Int(day))] };
    celled.design.cells = vec![cell(1), cell(2)];
    for experiment in [zipped, celled] {
        assert_eq!(place_levels(&experiment, "days", &ints(&[1, 2, 3]), true), Placed::Flag { tied: true });
        assert_eq!(place_levels(&experiment, "days", &ints(&[2]), true), Placed::Only);
        let mut batch = Batch::new(&experiment, 1);
        batch.levels[0] = ints(&[1, 2, 3]);
        let words = batch.list_words(&experiment, true);
        let flags = ["--days", "1..3"].map(str::to_owned).to_vec();
        let tied = vec!["days".to_owned()];
        assert_eq!(words, BatchWords { edit: Vec::new(), run: flags.clone(), plan: flags, tied });
    }
}

/// 1..3, then 1..2, then 1..4: each conversation of an earlier batch is part of the experiment after the later ones.
#[test]
fn batches_in_a_row_hide_no_conversation() {
    let (first, mut all) = run(&market(Vec::new()), |batch| {
        (batch.agents, batch.each_combination) = (vec![3, 2], true);
        batch.speakers = "random".to_owned();
    });
    assert_eq!(all.len(), 3 * 2 * 2);
    let at = |experiment: &Experiment, name: &str| experiment.factors.iter().position(|f| f.name == name).unwrap();
    let seller = at(&first, "agents.seller");
    let (second, ran) = run(&first, |batch| batch.levels[seller] = ints(&[1, 2]));
    assert_eq!(key::hash_revision(&second), key::hash_revision(&first), "a narrower batch changes nothing");
    assert_eq!(ran.len(), 2 * 2 * 2);
    all.extend(ran);
    let buyer = at(&second, "agents.first buyer");
    let (third, ran) = run(&second, |batch| {
        batch.levels[seller] = ints(&[1, 2, 3, 4]);
        batch.levels[buyer] = ints(&[4]);
    });
    assert_eq!(ran.len(), 4 * 2);
    all.extend(ran);
    let planned = keys(&third, &[]);
    assert!(all.is_subset(&planned), "{third:?}");
    assert_eq!(third.factors[buyer].levels, ints(&[1, 2, 4]));
    // As files, it plans the same conversations.
    let files = crate::design::write::write_files(&third);
    let read = crate::design::check::check(&files, &[]).experiment.unwrap();
    assert_eq!(keys(&read, &[]), planned);
}

#[test]
fn the_questions_show_the_levels_of_factors() {
    let experiment = market(vec![factor("agents.seller", &[1, 2, 3]), factor("tone", &[])]);
    let mut batch = Batch::new(&experiment, 1);
    let expected = [Step::More, Step::Messages, Step::Days, Step::Levels(0), Step::Agents(1), Step::Speakers];
    assert_eq!(batch.list_steps(&experiment), expected);
    assert_eq!(write_levels(&batch.levels[0]), "1..3");
    assert_eq!(batch.list_words(&experiment, true), BatchWords::default());
    (batch.agents[1], batch.days) = (2, 2);
    assert!([Step::EachDay, Step::EachCombination].iter().all(|step| batch.list_steps(&experiment).contains(step)));
}

#[test]
fn levels_are_read_as_they_are_written() {
    let days = factor("days", &[1, 2, 5]);
    let read = |line: &str| parse_levels(&days, line);
    for (line, levels) in [("1..3", &[1, 2, 3][..]), ("1, 5", &[1, 5]), ("7", &[7]), ("1, 2,2, 3", &[1, 2, 3])] {
        assert_eq!(read(line), Ok(ints(levels)), "{line}");
    }
    assert_eq!(write_levels(&days.levels), "1, 2, 5");
    for wrong in ["", ",", "1, 9", "3..1", "1..", "x", "0", "-1", "1..99999999999"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    let texts = ["random", "manual"].map(|word| Value::Text(word.to_owned())).to_vec();
    let speakers = Factor { name: "speakers".to_owned(), levels: texts.clone(), was: None };
    assert_eq!(parse_levels(&speakers, "random, manual"), Ok(texts));
    assert!(parse_levels(&speakers, "random, no-such").is_err());
    assert!(parse_levels(&factor("messages", &[6, 9]), "6..8").is_err(), "no flag has several");
}

#[test]
fn answers_move_onto_a_changed_experiment() {
    let old = market(vec![factor("days", &[1, 2])]);
    let mut batch = Batch::new(&old, 2);
    batch.agents[0] = 3;
    let mut new = old.clone();
    (new.protocol.messages, new.factors[0].levels) = (9, ints(&[1, 2, 3, 4]));
    let moved = batch.move_onto(&old, &new);
    assert_eq!((moved.messages, moved.agents[0], moved.more), (9, 3, 2));
    assert_eq!(moved.levels[0], ints(&[1, 2, 3, 4]));
    new.roles.remove(1);
    assert_eq!(batch.move_onto(&old, &new), Batch::new(&new, 2));
}
