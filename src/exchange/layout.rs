//! The columns of one export: those of its rows and options, with one for each factor, role and flag.

use super::columns::{CONDITION, Column, FLAG, Presence, ROLE};
use super::more_axes;
use super::rows::{RowPages, TableSource};
use crate::design::Flag;
use crate::store::StoreError;

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

/// Factors and roles of the conversations, in the order of first appearance; true if agents are persons.
#[derive(Debug, Default)]
struct Survey {
    factors: Vec<String>,
    roles: Vec<String>,
    has_people: bool,
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
            for role in &conversation.agents {
                if !survey.roles.contains(&role.name) {
                    survey.roles.push(role.name.clone());
                }
            }
        }
    }
}

fn place(source: &TableSource<'_>, table: Table, survey: &Survey) -> Vec<Placed> {
    let is_here = |column: &&Column| match column.presence {
        Presence::Always => true,
        Presence::Ids => source.options.ids,
        Presence::Csv => table == Table::Csv,
        Presence::Times => source.options.times,
        Presence::People => table == Table::Jsonl || survey.has_people,
    };
    let is_taken = |column: &&Column| column.presence != Presence::People || survey.has_people;
    let columns = source.rows.columns().iter();
    let mut taken: Vec<String> = columns.filter(is_taken).flat_map(|c| spread(c, survey)).map(|p| p.name).collect();
    let mut placed = Vec::new();
    for column in source.rows.columns().iter().filter(is_here) {
        if column.name == CONDITION && table == Table::Csv {
            for factor in &survey.factors {
                let name = name_factor(factor, &taken);
                taken.push(name.clone());
                placed.push(Placed { name, column, values: Values::Factor(factor.clone()) });
            }
        } else {
            placed.extend(spread(column, survey));
        }
    }
    placed
}

/// Returns the columns of a family; one for a column that is none.
fn spread(column: &'static Column, survey: &Survey) -> Vec<Placed> {
    let of = |name: String, values: Values| Placed { name, column, values };
    if column.name.ends_with(ROLE) {
        let mut placed: Vec<Placed> = Vec::new();
        for role in &survey.roles {
            let base = column.name.replace(ROLE, &role.replace('.', "_"));
            let name = first_free(&base, |name| placed.iter().any(|p| p.name == name));
            placed.push(of(name, Values::Role { key: column.name.replace(ROLE, role), role: role.clone() }));
        }
        return placed;
    }
    let named = |name: String| of(name.clone(), Values::Named(name));
    if column.name.ends_with(FLAG) {
        return Flag::ALL.iter().map(|flag| named(column.name.replace(FLAG, flag.word()))).collect();
    }
    vec![named(column.name.to_owned())]
}

/// Names the column of a factor. `model` and a name that is taken are `condition_NAME`.
pub(super) fn name_factor(factor: &str, taken: &[String]) -> String {
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
