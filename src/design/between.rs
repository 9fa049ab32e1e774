//! The changes that turn one experiment into another, as flags can name them.
//!
//! A section without a text is not written where the first experiment does not have it, and is dropped where it had a
//! text. Notes are not compared: they have a flag of their own.

use super::edit::{Changes, find_model};
use super::experiment::{Experiment, Factor, PromptText, Section};
use super::folder::Files;
use super::places::{find_text, list_prompts, list_sections, prompts_mut, section_address, start_address};
use super::tree::FILE;
use super::write::write_files;
use std::collections::BTreeSet;
use toml::{Table, Value};

/// Returns the changes that turn `old` into `new`.
pub fn changes_between(old: &Experiment, new: &Experiment) -> Changes {
    let new = &without_blanks(old, new);
    let models: Vec<String> = new.models.iter().map(|model| model.name().to_owned()).collect();
    let are_known = models.iter().zip(&new.models).all(|(name, model)| find_model(old, name) == *model);
    let players = |e: &Experiment| e.roles.iter().map(|r| (r.name.clone(), Some(r.agents))).collect::<Vec<_>>();
    let mut changes = Changes {
        name: (old.name != new.name).then(|| new.name.clone()),
        starting_message: (old.starting_message != new.starting_message).then(|| new.starting_message.clone()),
        models: if are_known && old.models != new.models { models } else { Vec::new() },
        roles: if players(old) == players(new) { Vec::new() } else { players(new) },
        ..Changes::default()
    };
    compare_texts(old, new, &mut changes);
    if let Ok(files) = changes.apply(old) {
        changes.set = compare_keys(&files, old, new);
    }
    changes
}

/// Leaves out sections without a text that the old experiment does not have, and titles of the order without a section.
fn without_blanks(old: &Experiment, new: &Experiment) -> Experiment {
    let mut kept = new.clone();
    let is_blank = |text: &str| text.trim().is_empty();
    for (prompt, text) in prompts_mut(&mut kept) {
        let was_blank = |s: &Section| find_text(old, &section_address(prompt, s)).is_some_and(is_blank);
        text.sections.retain(|section| !is_blank(&section.text) || was_blank(section));
    }
    kept.summarizer = kept.summarizer.filter(|text| !text.sections.is_empty() || !is_blank(&text.start));
    let has = |experiment: &Experiment, title: &str| list_sections(experiment).any(|(_, s)| s.title == title);
    let was_idle = |title: &String| old.sections.contains(title) && !has(old, title);
    let titles: Vec<String> = new.sections.iter().filter(|t| has(&kept, t) || was_idle(t)).cloned().collect();
    kept.sections = if titles.len() == 1 && old.sections.is_empty() { Vec::new() } else { titles };
    kept
}

fn compare_texts(old: &Experiment, new: &Experiment, changes: &mut Changes) {
    let none = PromptText::default();
    let (before, after) = (list_prompts(old), list_prompts(new));
    let find = |prompts: &[(&str, &PromptText)], name: &str| prompts.iter().position(|(n, _)| *n == name);
    let gone = before.iter().filter(|(name, _)| *name == super::places::SUMMARIZER && find(&after, name).is_none());
    for (name, text) in after.iter().copied().chain(gone.map(|(name, _)| (*name, &none))) {
        let was = find(&before, name).map_or(&none, |at| before[at].1);
        if was.start.trim() != text.start.trim() {
            let address = start_address(name);
            match text.start.trim_end() {
                "" => changes.drop.push(address),
                start => changes.sections.push((address, start.to_owned())),
            }
        }
        compare_sections(name, was, text, &new.sections, changes);
    }
}

/// Compares the sections of one prompt. `listed` are the titles whose order the experiment names.
fn compare_sections(name: &str, was: &PromptText, text: &PromptText, listed: &[String], changes: &mut Changes) {
    let same = |a: &Section, b: &Section| a.title == b.title && a.when == b.when;
    let in_both = |s: &Section| was.sections.iter().any(|o| same(o, s)) && text.sections.iter().any(|o| same(o, s));
    // A flag without conditions would name the conditioned sections of its title, so these are written again.
    let is_unclear = |s: &&Section| s.when.is_empty() && !in_both(s);
    let mut again: BTreeSet<&str> = text.sections.iter().filter(is_unclear).map(|s| s.title.as_str()).collect();
    let stays = |s: &Section, again: &BTreeSet<&str>| in_both(s) && !again.contains(s.title.as_str());
    // New sections are appended, so those that another order puts behind them are written again, too.
    let kept = was.sections.iter().filter(|s| stays(s, &again));
    let order = list_titles(kept.chain(text.sections.iter().filter(|s| !stays(s, &again))), listed);
    let wanted = list_titles(text.sections.iter(), listed);
    let right = order.iter().zip(&wanted).take_while(|(a, b)| a == b).count();
    again.extend(&wanted[right..]);
    let gone = was.sections.iter().filter(|s| !stays(s, &again));
    changes.drop.extend(gone.map(|section| section_address(name, section)));
    let mut sections: Vec<&Section> = text.sections.iter().collect();
    let titles = list_titles(text.sections.iter(), &[]);
    sections.sort_by_key(|s| (titles.iter().position(|title| *title == s.title), !s.when.is_empty()));
    for section in sections {
        let before = was.sections.iter().find(|o| same(o, section)).filter(|o| stays(o, &again));
        if before.is_none_or(|before| before.text.trim() != section.text.trim()) {
            changes.sections.push((section_address(name, section), section.text.trim_end().to_owned()));
        }
    }
}

/// Returns the titles that are not listed, each where it is first.
fn list_titles<'a>(sections: impl Iterator<Item = &'a Section>, listed: &[String]) -> Vec<&'a str> {
    let mut titles: Vec<&str> = Vec::new();
    for section in sections.filter(|section| !listed.contains(&section.title)) {
        if !titles.contains(&section.title.as_str()) {
            titles.push(&section.title);
        }
    }
    titles
}

/// Compares what `experiment.toml` holds besides.
fn compare_keys(files: &Files, old: &Experiment, new: &Experiment) -> Vec<(String, String)> {
    let read = |files: &Files| {
        let text = files.get(FILE).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
        text.parse::<Table>().unwrap_or_default()
    };
    let (before, after) = (read(files), read(&write_files(new)));
    let mut set = Vec::new();
    let write = |path: &[&str]| write_key(old, path);
    compare_tables(&[], Some(&before), Some(&after), &mut |path, value| {
        set.push((write(path), value.map(Value::to_string).unwrap_or_default()));
    });
    // The order of factors counts, so all after the first that is elsewhere are written again.
    let named = |factor: &Factor| write(&["factors", &factor.name]);
    let kept = old.factors.iter().zip(&new.factors).take_while(|(a, b)| a.name == b.name).count();
    set.extend(old.factors[kept..].iter().map(|factor| (named(factor), String::new())));
    let written = |factor: &Factor| after.get("factors")?.get(&factor.name).map(Value::to_string);
    let other = new.factors.iter().enumerate().filter(|(at, factor)| *at >= kept || old.factors[*at] != **factor);
    set.extend(other.filter_map(|(_, factor)| Some((named(factor), written(factor)?))));
    set
}

fn compare_tables<'t>(
    path: &[&str],
    before: Option<&'t Table>,
    after: Option<&'t Table>,
    found: &mut dyn FnMut(&[&str], Option<&'t Value>),
) {
    let keys: BTreeSet<&String> = before.iter().chain(&after).flat_map(|table| table.keys()).collect();
    for key in keys {
        let path = [path, &[key.as_str()]].concat();
        let (was, is) = (before.and_then(|table| table.get(key)), after.and_then(|table| table.get(key)));
        match path.as_slice() {
            // These have flags of their own, or are compared apart.
            ["format" | "name" | "note" | "factors"] | ["protocol", "agents"] => {}
            ["protocol" | "roles" | "selector" | "summarizer" | "design" | "health" | "run"] | ["roles", _] => {
                compare_tables(&path, was.and_then(Value::as_table), is.and_then(Value::as_table), found);
            }
            _ if was != is => found(&path, is),
            _ => {}
        }
    }
}

/// Writes a path as `--set` names it. A name that is a factor's means the factor there, so another form is chosen.
fn write_key(experiment: &Experiment, path: &[&str]) -> String {
    let is_factor = |name: &str| experiment.factors.iter().any(|factor| factor.name == name);
    if let ["protocol", key] = path
        && !is_factor(key)
    {
        return (*key).to_owned();
    }
    let bare: Vec<String> = path.iter().map(|part| toml_edit::Key::new(*part).to_string()).collect();
    let quoted: Vec<String> = path.iter().map(|part| Value::from(*part).to_string()).collect();
    if is_factor(&bare.join(".")) { quoted.join(".") } else { bare.join(".") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::{arbitrary, folder, problem};
    use proptest::prelude::*;

    /// The experiment without what flags cannot write: the order of sections in a file, and blank lines around texts.
    fn settled(mut experiment: Experiment) -> Experiment {
        for (name, prompt) in prompts_mut(&mut experiment) {
            prompt.start = prompt.start.trim().to_owned();
            let mut seen = BTreeSet::new();
            prompt.sections.retain(|section| seen.insert(section_address(name, section)));
            prompt.sections.iter_mut().for_each(|section| section.text = section.text.trim().to_owned());
            prompt.sections.sort_by_key(|section| section_address(name, section));
        }
        experiment.note = None;
        experiment.sections.retain(|title| list_prompts_of(&experiment.shared, &experiment.roles, title));
        experiment
    }

    fn list_prompts_of(shared: &PromptText, roles: &[crate::design::Role], title: &str) -> bool {
        roles.iter().map(|r| &r.prompt).chain([shared]).flat_map(|t| &t.sections).any(|s| s.title == title)
    }

    fn applied(old: &Experiment, changes: &Changes) -> Experiment {
        let files = changes.apply(old).unwrap_or_else(|wrong| panic!("{wrong:?}: {changes:?}"));
        let mut problems = problem::Problems::default();
        folder::read(&files, &mut problems).0.expect("an experiment")
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn the_changes_between_two_experiments_turn_one_into_the_other(
            old in arbitrary::any_experiment(3), new in arbitrary::any_experiment(3)
        ) {
            let (old, new) = (settled(old), settled(new));
            let changes = changes_between(&old, &new);
            let mut wanted = settled(without_blanks(&old, &new));
            let found = settled(applied(&old, &changes));
            wanted.sections.retain(|title| found.sections.contains(title));
            prop_assert_eq!(&found, &wanted, "{:?}", changes);
            prop_assert!(changes_between(&found, &new).set.iter().all(|(key, _)| key == "sections"));
        }

        #[test]
        fn nothing_is_between_an_experiment_and_itself(experiment in arbitrary::any_experiment(3)) {
            let experiment = settled(experiment);
            prop_assert!(changes_between(&experiment, &experiment).is_empty());
        }
    }
}
