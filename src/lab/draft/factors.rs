//! Factors of a draft: versions of a text, and settings that vary.

use super::sections::blank_section;
use super::state::Draft;
use super::step::Step;
use crate::design::effect::{bad_level, is_setting, list_settings};
use crate::design::places::{find_section, prompts_mut, section_address};
use crate::design::{Design, Expression, Factor, Obstacle, Section, Value, When};

/// Splits a line into the levels of a factor, and checks them.
///
/// # Errors
/// The reason why they cannot be its levels.
pub fn parse_levels(draft: &Draft, factor: &str, line: &str) -> Result<Vec<Value>, Obstacle> {
    let is_text = !is_setting(factor, &draft.new.roles);
    let words = line.split(',').map(str::trim).filter(|word| !word.is_empty());
    let read = |word: &str| if is_text { Value::Text(word.to_owned()) } else { Value::read(word) };
    let mut levels: Vec<Value> = words.map(read).collect();
    // Numbers of one factor have one type.
    if levels.iter().any(|level| matches!(level, Value::Float(_))) {
        for level in &mut levels {
            if let Value::Int(number) = level {
                *level = Value::Float(*number as f64);
            }
        }
    }
    if let Some((level, right)) = levels.iter().find_map(|l| Some((l, bad_level(factor, l).filter(|_| !is_text)?))) {
        return Err(Obstacle::usage(format!("`{factor}` cannot be `{level}`"), format!("write {right}")));
    }
    let twice = levels.iter().enumerate().find(|(at, level)| levels[..*at].contains(level));
    match twice {
        Some((_, level)) => Err(Obstacle::usage(format!("`{level}` is there twice"), "name each once".to_owned())),
        None if levels.len() < 2 => {
            Err(Obstacle::usage("at least two are needed".to_owned(), "write them with commas in between".to_owned()))
        }
        None => Ok(levels),
    }
}

/// Lists the settings that can vary and do not yet, each with a line of explanation.
pub fn list_varied(draft: &Draft) -> Vec<(String, String)> {
    list_settings(&draft.new.roles).into_iter().filter(|(name, _)| !draft.is_factor(name)).collect()
}

impl Draft {
    /// Returns the reason why a factor of texts cannot have this name.
    pub fn bad_factor(&self, name: &str) -> Option<String> {
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || "={}|\".,".contains(c)) || name == "agents" {
            return Some(format!("`{name}` cannot be a factor's name: use letters, digits, `_` and `-`"));
        }
        is_setting(name, &self.new.roles).then(|| format!("`{name}` is a setting: choose another name"))
    }

    /// Returns the last factor that the heading of a text names; `None` if this factor is a setting.
    pub fn factor_of(&self, address: &str) -> Option<&Factor> {
        let (_, section) = find_section(&self.new, address)?;
        let named = section.when.iter().rev().find_map(|when| self.find_factor(&when.factor));
        named.filter(|factor| !is_setting(&factor.name, &self.new.roles))
    }

    /// Proposes the name of the factor for versions of the text at an address: its title.
    pub fn propose_factor(&self, address: &str) -> String {
        let title = find_section(&self.new, address).map(|(_, section)| section.title.to_lowercase());
        let part = |c: char| if c.is_alphanumeric() || c == '-' { c } else { '_' };
        let name: String = title.unwrap_or_default().chars().map(part).collect();
        if self.bad_factor(&name).is_some() { format!("{name}_text") } else { name }
    }

    /// Makes versions of the text at an address. The present text is that of the first level; the others are asked for.
    pub fn make_versions(&mut self, address: &str, factor: &str, levels: Vec<Value>) {
        let Some((name, section)) = find_section(&self.new, address).map(|(n, s)| (n.to_owned(), s.clone())) else {
            return;
        };
        self.keep_order();
        let first = levels.first().map(ToString::to_string).unwrap_or_default();
        for (_, prompt) in prompts_mut(&mut self.new).filter(|(other, _)| *other == name) {
            let same = |other: &&mut Section| other.title == section.title && other.when == section.when;
            for section in prompt.sections.iter_mut().filter(same) {
                section.when.push(When { factor: factor.to_owned(), any: vec![first.clone()] });
            }
        }
        self.put_factor(factor, levels);
        self.fill_versions(factor);
    }

    /// Sets the levels of a factor, which is added if it is new.
    pub fn put_factor(&mut self, name: &str, levels: Vec<Value>) {
        match self.new.factors.iter_mut().find(|factor| factor.name == name) {
            Some(factor) => {
                factor.was = factor.was.take().filter(|was| levels.contains(was));
                factor.levels = levels;
            }
            None => self.new.factors.push(Factor { name: name.to_owned(), levels, was: None }),
        }
    }

    /// Sets the names of a factor's versions: as many as before rename them in order, more add some, and fewer remove
    /// those that are missing.
    ///
    /// # Errors
    /// The reason why it is not clear which version is which.
    pub fn set_versions(&mut self, name: &str, levels: Vec<Value>) -> Result<(), Obstacle> {
        let before = self.find_factor(name).map(|factor| factor.levels.clone()).unwrap_or_default();
        let is_within = |some: &[Value], all: &[Value]| some.iter().all(|level| all.contains(level));
        if levels.len() == before.len() && !is_within(&levels, &before) {
            let pairs: Vec<(String, String)> =
                before.iter().zip(&levels).map(|(old, new)| (old.to_string(), new.to_string())).collect();
            let rename = |word: &mut String| {
                if let Some((_, new)) = pairs.iter().find(|(old, _)| old == word) {
                    word.clone_from(new);
                }
            };
            self.change_conditions(|when| {
                if when.factor == name {
                    when.any.iter_mut().for_each(rename);
                }
                true
            });
        } else if !is_within(&before, &levels) && !is_within(&levels, &before) {
            let hint = "keep the names that are there, or write as many new ones".to_owned();
            return Err(Obstacle::usage("it is not clear which version is which".to_owned(), hint));
        }
        for gone in before.iter().filter(|level| levels.len() < before.len() && !levels.contains(level)) {
            self.drop_level(name, &gone.to_string());
        }
        self.put_factor(name, levels);
        self.fill_versions(name);
        Ok(())
    }

    /// Renames a factor.
    pub fn rename_factor(&mut self, old: &str, new: &str) {
        for factor in self.new.factors.iter_mut().filter(|factor| factor.name == old) {
            new.clone_into(&mut factor.name);
        }
        self.change_conditions(|when| {
            if when.factor == old {
                new.clone_into(&mut when.factor);
            }
            true
        });
        let Design { zip, cells, .. } = &mut self.new.design;
        let zipped = zip.iter_mut().flat_map(|zip| &mut zip.factors);
        let celled = cells.iter_mut().flat_map(|cell| &mut cell.levels).map(|level| &mut level.name);
        zipped.chain(celled).filter(|name| *name == old).for_each(|name| new.clone_into(name));
    }

    /// Removes a factor. Its texts stay as they are at the level `kept`.
    pub fn remove_factor(&mut self, name: &str, kept: &str) {
        let levels = self.find_factor(name).map(|factor| factor.levels.clone()).unwrap_or_default();
        for gone in levels.iter().map(ToString::to_string).filter(|level| level != kept) {
            self.drop_level(name, &gone);
        }
        self.change_conditions(|when| when.factor != name);
        self.new.factors.retain(|factor| factor.name != name);
        let Design { zip, exclude, cells } = &mut self.new.design;
        exclude.retain(|expression| !expression.all.is_empty());
        zip.retain_mut(|zip| {
            zip.factors.retain(|factor| factor != name);
            zip.factors.len() > 1
        });
        cells.retain_mut(|cell| {
            cell.levels.retain(|level| level.name != name);
            !cell.levels.is_empty()
        });
        prompts_mut(&mut self.new).for_each(|(_, prompt)| join_twins(&mut prompt.sections));
        self.fill_blanks();
    }

    /// Removes the texts and the exclusions of one level.
    fn drop_level(&mut self, name: &str, level: &str) {
        let Design { exclude, cells, .. } = &mut self.new.design;
        let is_of = |Expression { all }: &Expression| all.iter().any(|w| w.factor == name && w.any == [level]);
        exclude.retain(|expression| !is_of(expression));
        cells.retain(|cell| !cell.levels.iter().any(|l| l.name == name && l.value.to_string() == level));
        for (_, prompt) in prompts_mut(&mut self.new) {
            prompt.sections.retain(|section| !section.when.iter().any(|w| w.factor == name && w.any == [level]));
        }
        self.change_conditions(|when| {
            if when.factor == name {
                when.any.retain(|word| word != level);
            }
            true
        });
    }

    /// Changes each condition of headings and exclusions, and removes those for which `change` returns false.
    fn change_conditions(&mut self, change: impl Fn(&mut When) -> bool) {
        for (_, prompt) in prompts_mut(&mut self.new) {
            prompt.sections.iter_mut().for_each(|section| section.when.retain_mut(&change));
        }
        self.new.design.exclude.iter_mut().for_each(|expression| expression.all.retain_mut(&change));
        // The addresses of the texts are others now.
        let steps = self.list_steps();
        self.answered.retain(|step| !matches!(step, Step::Text(_)) || steps.contains(step));
    }

    /// Gives each text that varies by a factor a section for each of its levels.
    fn fill_versions(&mut self, factor: &str) {
        let levels = self.find_factor(factor).map(|factor| factor.levels.clone()).unwrap_or_default();
        let others = |s: &Section| s.when.iter().filter(|w| w.factor != factor).cloned().collect::<Vec<When>>();
        let mut new = Vec::new();
        for (name, prompt) in prompts_mut(&mut self.new) {
            let mut at = 0;
            while let Some(section) = prompt.sections.get(at).cloned() {
                at += 1;
                let group = |o: &Section| o.title == section.title && others(o) == others(&section);
                let is_last = !prompt.sections[at..].iter().any(group);
                if !is_last || !section.when.iter().any(|when| when.factor == factor) {
                    continue;
                }
                for level in &levels {
                    let is_level = |w: &When| w.factor == factor && w.any.iter().any(|word| level.is_written(word));
                    let has = |o: &Section| group(o) && o.when.iter().any(is_level);
                    if prompt.sections.iter().any(has) {
                        continue;
                    }
                    let any = vec![level.to_string()];
                    let when = [others(&section), vec![When { factor: factor.to_owned(), any }]].concat();
                    prompt.sections.insert(at, Section { when, ..blank_section(&section.title) });
                    new.push(Step::Text(section_address(name, &prompt.sections[at])));
                    at += 1;
                }
            }
        }
        self.answered.retain(|step| !new.contains(step));
    }
}

/// Joins sections that have the same heading now.
fn join_twins(sections: &mut Vec<Section>) {
    let mut joined: Vec<Section> = Vec::new();
    for section in sections.drain(..) {
        match joined.iter_mut().find(|other| other.title == section.title && other.when == section.when) {
            Some(other) => other.text = format!("{}\n\n{}", other.text.trim_end(), section.text),
            None => joined.push(section),
        }
    }
    *sections = joined;
}
