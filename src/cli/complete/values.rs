//! Values that flags take, by the experiment on the line: roles, factors and their levels, models, keys.

use super::lookup::{Found, LookUp, Wanted};
use crate::cli::narrow::settable_keys;
use crate::design::{Experiment, HUMAN, Speakers};
use clap_complete::CompletionCandidate;
use std::collections::BTreeSet;

/// Kinds of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Values {
    /// Names of roles.
    Roles,
    /// `ROLE=`.
    Agents,
    /// Names of factors.
    Factors,
    /// `FACTOR=LEVEL`, several with blanks between.
    Conditions,
    /// `KEY=VALUE`.
    Settings,
    /// Models of the experiment, and names of servers.
    Models,
    /// Methods of choosing speakers.
    Speakers,
    /// Creators of experiments.
    Creators,
}

impl Values {
    /// Returns the kind of the values of an argument, by the argument's id.
    pub fn of(argument: &str) -> Option<Self> {
        Some(match argument {
            "role" => Self::Roles,
            "agents" => Self::Agents,
            "by" => Self::Factors,
            "only" => Self::Conditions,
            "set" => Self::Settings,
            "model" => Self::Models,
            "speakers" => Self::Speakers,
            "creator" => Self::Creators,
            _ => return None,
        })
    }

    /// Returns the values that begin with what was typed. `words` are the words of the line that may name an experiment.
    pub fn complete(self, lookup: &LookUp, words: &[String], typed: &str) -> Vec<CompletionCandidate> {
        let document = || lookup.find_document(words);
        match self {
            Self::Roles => begin_with(roles(document().as_ref()), typed),
            Self::Agents => begin_with(roles(document().as_ref()).into_iter().map(|role| role + "=").collect(), typed),
            Self::Factors => begin_with(factors(document().as_ref()), typed),
            Self::Conditions => conditions(document().as_ref(), typed),
            Self::Settings => settings(document().as_ref(), typed),
            Self::Models => {
                let mut models = models(document().as_ref());
                models.push(HUMAN.to_owned());
                models.extend(lookup.list_servers().into_iter().map(|server| server + "/"));
                begin_with(models, typed)
            }
            Self::Speakers => begin_with(Speakers::WORDS.iter().map(|word| (*word).to_owned()).collect(), typed),
            Self::Creators => {
                let found = lookup.collect_found(Wanted::Experiments).into_iter();
                let creators = found.flat_map(|found| match found {
                    Found::Experiments(all) => all.into_iter().map(|e| e.creator).collect(),
                    Found::Conversations(_) | Found::Document(_) => BTreeSet::new(),
                });
                begin_with(creators.collect(), typed)
            }
        }
    }
}

fn begin_with(words: Vec<String>, typed: &str) -> Vec<CompletionCandidate> {
    words.into_iter().filter(|word| word.starts_with(typed)).map(CompletionCandidate::new).collect()
}

fn roles(document: Option<&Experiment>) -> Vec<String> {
    document.iter().flat_map(|d| &d.roles).map(|role| role.name.clone()).collect()
}

fn models(document: Option<&Experiment>) -> Vec<String> {
    let mut models = Vec::new();
    for model in document.iter().flat_map(|d| &d.models) {
        for name in [model.name(), model.id.as_str()] {
            if !models.iter().any(|known| known == name) {
                models.push(name.to_owned());
            }
        }
    }
    models
}

fn factors(document: Option<&Experiment>) -> Vec<String> {
    let own = document.iter().flat_map(|d| &d.factors).map(|factor| factor.name.clone());
    let mut factors: Vec<String> = own.collect();
    if document.is_some() && !factors.iter().any(|name| name == "model") {
        factors.push("model".to_owned());
    }
    factors
}

/// Levels that a factor has.
fn levels(document: Option<&Experiment>, name: &str) -> Vec<String> {
    let factor = document.iter().flat_map(|d| &d.factors).find(|factor| factor.name == name);
    match factor {
        Some(factor) => factor.levels.iter().map(ToString::to_string).collect(),
        None if name == "model" => document.iter().flat_map(|d| &d.models).map(|m| m.name().to_owned()).collect(),
        None => Vec::new(),
    }
}

/// Completes the last `FACTOR=LEVEL` of an expression.
fn conditions(document: Option<&Experiment>, typed: &str) -> Vec<CompletionCandidate> {
    let (head, pair) = typed.rfind(' ').map_or(("", typed), |at| typed.split_at(at + 1));
    let words = match pair.split_once('=') {
        None => factors(document).into_iter().map(|name| name + "=").collect(),
        Some((name, _)) => levels(document, name).into_iter().map(|level| format!("{name}={level}")).collect(),
    };
    begin_with(words, pair).into_iter().map(|candidate| candidate.add_prefix(head.to_owned())).collect()
}

/// Completes the key of `--set`, or its value where the experiment or the key lists some.
fn settings(document: Option<&Experiment>, typed: &str) -> Vec<CompletionCandidate> {
    if let Some((name, _)) = typed.split_once('=') {
        let mut values = levels(document, name);
        if name == "speakers" {
            values.extend(Speakers::WORDS.iter().map(|word| (*word).to_owned()));
        }
        values.dedup();
        return begin_with(values.into_iter().map(|value| format!("{name}={value}")).collect(), typed);
    }
    let keys = settable_keys().map(|(name, help)| (name.to_owned(), Some(help)));
    let own = document.iter().flat_map(|d| &d.factors).map(|factor| (factor.name.clone(), None));
    let mut seen = BTreeSet::new();
    let keys = keys.chain(own).filter(|(name, _)| name.starts_with(typed) && seen.insert(name.clone()));
    let keys: Vec<_> = keys.collect();
    keys.into_iter()
        .map(|(name, help)| CompletionCandidate::new(format!("{name}=")).help(help.map(Into::into)))
        .collect()
}
