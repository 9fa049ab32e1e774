//! The columns of one export: those of its rows and options, with one for each factor, role and flag.

use super::columns::{
    ANSWERS, CALLS, CONDITION, CONVERSATIONS, Column, DATA, END, ENDS, ENTRIES, FLAG, Presence, ROLE, STATUSES, SUMMARY,
};
use super::rows::{RowPages, TableSource, join};
use super::{more_axes, more_roles};
use crate::design::Flag;
use crate::store::{Status, StoreError};

/// Formats of a single table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// One JSON object for each line.
    Jsonl,
    /// Comma-separated values.
    Csv,
}

impl Table {
    /// Returns the ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }
}

/// A column of an export.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Placed {
    /// Name in the header.
    pub(super) name: String,
    /// Its description.
    pub(super) column: &'static Column,
    /// Its values.
    pub(super) values: Values,
}

/// Values of a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Values {
    /// Values of the row with this name.
    Named(String),
    /// Levels of a factor.
    Factor(String),
    /// Values of a role, which the row has under the name `key`.
    Role {
        /// Name in a row.
        key: String,
        /// The role.
        role: String,
    },
}

impl Placed {
    /// Name of its values in a row; `None` for levels.
    pub(super) fn key(&self) -> Option<&str> {
        match &self.values {
            Values::Named(key) | Values::Role { key, .. } => Some(key),
            Values::Factor(_) => None,
        }
    }
}

/// Factors and roles of the conversations, in the order of first appearance; whether agents are persons, or act in worlds.
#[derive(Debug, Default)]
struct Survey {
    factors: Vec<String>,
    roles: Vec<String>,
    has_people: bool,
    has_worlds: bool,
}

/// Returns the columns of an export, in order. A first pass over the conversations finds factors and roles, if there
/// is a column for each.
pub(super) async fn place_columns(source: &TableSource<'_>, table: Table) -> Result<Vec<Placed>, StoreError> {
    let has_roles = source.rows.columns().iter().any(|column| column.name.ends_with(ROLE));
    let survey = if table == Table::Csv || has_roles { survey(source).await? } else { Survey::default() };
    Ok(place(source, table, &survey))
}

async fn survey(source: &TableSource<'_>) -> Result<Survey, StoreError> {
    let (mut pages, mut survey) = (RowPages::new(source), Survey::default());
    loop {
        let page = pages.next_records().await?;
        if page.is_empty() {
            return Ok(survey);
        }
        for conversation in &page {
            more_axes(&mut survey.factors, conversation);
            survey.has_people |= conversation.participants.iter().any(|p| p.person.is_some());
            survey.has_worlds |= conversation.is_world();
            more_roles(&mut survey.roles, conversation);
        }
    }
}

fn place(source: &TableSource<'_>, table: Table, survey: &Survey) -> Vec<Placed> {
    let is_here = |column: &&Column| match column.presence {
        Presence::Always => true,
        Presence::Ids => source.options.ids,
        Presence::Csv => table == Table::Csv,
        Presence::Times => source.options.times,
        Presence::Turns => source.fields.is_some(),
        Presence::Worlds => table == Table::Jsonl || survey.has_worlds,
        Presence::People => table == Table::Jsonl || survey.has_people,
    };
    let mut placed = Vec::new();
    for column in source.rows.columns().iter().filter(is_here) {
        if column.name == CONDITION && table == Table::Csv {
            for (factor, name) in survey.factors.iter().zip(name_factors(&survey.factors, &survey.roles)) {
                placed.push(Placed { name, column, values: Values::Factor(factor.clone()) });
            }
        } else if column.name == DATA && table == Table::Csv {
            placed.extend(source.fields.iter().flatten().map(|field| {
                let name = join(field);
                Placed { name: name.clone(), column, values: Values::Named(name) }
            }));
        } else {
            placed.extend(spread(column, &survey.roles));
        }
    }
    placed
}

/// Returns the columns of a family; one for a column that is none.
fn spread(column: &'static Column, roles: &[String]) -> Vec<Placed> {
    let of = |name: String, values: Values| Placed { name, column, values };
    if column.name.ends_with(ROLE) {
        let mut placed: Vec<Placed> = Vec::new();
        for role in roles {
            let base = column.name.replace(ROLE, &role.replace('.', "_"));
            let name = first_free(&base, |name| placed.iter().any(|p| p.name == name));
            placed.push(of(name, Values::Role { key: column.name.replace(ROLE, role), role: role.clone() }));
        }
        return placed;
    }
    let named = |name: String| of(name.clone(), Values::Named(name));
    let family = |end: &str, words: Vec<&str>| words.iter().map(|word| named(column.name.replace(end, word))).collect();
    if column.name.ends_with(FLAG) {
        family(FLAG, Flag::ALL.iter().map(|flag| flag.word()).collect())
    } else if column.name.ends_with(STATUSES) {
        family(STATUSES, Status::ALL.iter().map(|status| status.word()).collect())
    } else if column.name.ends_with(END) {
        family(END, ENDS.iter().map(|end| end.word()).chain(["unknown"]).collect())
    } else {
        vec![named(column.name.to_owned())]
    }
}

/// Names the columns of factors, in their order. A factor has the same name in every table, so no factor has the name of
/// any table's column.
pub(super) fn name_factors(factors: &[String], roles: &[String]) -> Vec<String> {
    let tables = [ENTRIES, ANSWERS, CONVERSATIONS, CALLS, SUMMARY];
    let mut taken: Vec<String> =
        tables.into_iter().flatten().flat_map(|column| spread(column, roles)).map(|placed| placed.name).collect();
    let mut names = Vec::new();
    for factor in factors {
        let name = name_factor(factor, &taken);
        taken.push(name.clone());
        names.push(name);
    }
    names
}

/// Names the column of a factor. `model` and a name that is taken are `condition_NAME`.
fn name_factor(factor: &str, taken: &[String]) -> String {
    let is_taken = |name: &str| taken.iter().any(|other| other == name);
    let name = factor.replace('.', "_");
    if name == "model" || is_taken(&name) { first_free(&format!("{CONDITION}_{name}"), is_taken) } else { name }
}

/// Returns the name, or the first of `NAME_2`, `NAME_3`, … that is free.
fn first_free(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let (mut free, mut number) = (name.to_owned(), 1);
    while is_taken(&free) {
        number += 1;
        free = format!("{name}_{number}");
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_has_one_name_in_every_table() {
        let named = |factor: &str| name_factors(&[factor.to_owned()], &["guard".to_owned()]).remove(0);
        for (factor, name) in [
            ("goal", "goal"),
            ("messages", "condition_messages"),
            ("question", "condition_question"),
            ("purpose", "condition_purpose"),
            ("turns.guard", "condition_turns_guard"),
            ("turns.prisoner", "turns_prisoner"),
            ("status.done", "condition_status_done"),
            ("ended_by.unknown", "condition_ended_by_unknown"),
        ] {
            assert_eq!(named(factor), name);
        }
    }

    #[test]
    fn columns_that_meet_get_names_of_their_own() {
        let mut taken: Vec<String> = ["status", "kind"].map(str::to_owned).to_vec();
        let mut names = Vec::new();
        for factor in
            ["model", "goal", "status", "condition_status", "agents.a", "agents_a", "agents..a", "condition.model"]
        {
            let name = name_factor(factor, &taken);
            taken.push(name.clone());
            names.push(name);
        }
        assert_eq!(
            names,
            [
                "condition_model",
                "goal",
                "condition_status",
                "condition_condition_status",
                "agents_a",
                "condition_agents_a",
                "agents__a",
                "condition_condition_model"
            ]
        );
        let third = name_factor("agents.a", &taken);
        assert_eq!(third, "condition_agents_a_2");
    }
}
