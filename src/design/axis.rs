//! Axes of a design, built from its factors, zips and cells, and changed by flags.

use super::effect::{bad_level, is_setting, names_models, near_settable};
use super::experiment::{CellSpec, Experiment, Factor, ModelSpec, SCRIPTED, Zip, find_declared};
use super::overrides::Overrides;
use super::problem::{Obstacle, did_you_mean};
use super::protocol::bad_model_id;
use super::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One axis of the grid: factors whose levels change together. Each combination is a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Names of its factors.
    pub factors: Vec<String>,
    /// Combinations: one level of each factor.
    pub rows: Vec<Vec<Value>>,
}

impl Axis {
    fn of_factor(name: &str, levels: Vec<Value>) -> Self {
        Self { factors: vec![name.to_owned()], rows: levels.into_iter().map(|l| vec![l]).collect() }
    }

    fn find_column(&self, name: &str) -> Option<usize> {
        self.factors.iter().position(|f| f == name)
    }
}

/// Expands an experiment into axes. Reports all obstacles together.
pub fn expand_axes(experiment: &Experiment, overrides: &Overrides) -> Result<Vec<Axis>, Vec<Obstacle>> {
    let mut obstacles = factor_obstacles(experiment);
    obstacles.extend(zip_obstacles(experiment));
    obstacles.extend(cell_obstacles(experiment));
    if !obstacles.is_empty() {
        return Err(obstacles);
    }
    let mut axes = written_axes(experiment);
    for set in overrides.list_settings() {
        if let Err(obstacle) = override_axis(experiment, &mut axes, &set.name, &set.value) {
            obstacles.push(obstacle);
        }
    }
    if overrides.offline {
        take_offline(&mut axes);
    }
    if obstacles.is_empty() { Ok(axes) } else { Err(obstacles) }
}

/// Returns every combination of rows; the first axis changes slowest.
pub fn combine_rows(axes: &[Axis]) -> impl Iterator<Item = BTreeMap<String, Value>> + '_ {
    let total = axes.iter().map(|a| a.rows.len()).product();
    (0..total).map(move |mut number: usize| {
        let mut levels = BTreeMap::new();
        for axis in axes.iter().rev() {
            let row = &axis.rows[number % axis.rows.len()];
            number /= axis.rows.len();
            levels.extend(axis.factors.iter().cloned().zip(row.iter().cloned()));
        }
        levels
    })
}

fn written_axes(experiment: &Experiment) -> Vec<Axis> {
    let mut axes: Vec<Axis> = Vec::new();
    if !experiment.factors.iter().any(|f| f.name == "model") {
        let mut seen = BTreeSet::new();
        let names = experiment.models.iter().map(ModelSpec::name).filter(|name| seen.insert(*name));
        axes.push(Axis::of_factor("model", names.map(|name| Value::Text(name.to_owned())).collect()));
    }
    for factor in &experiment.factors {
        if axes.iter().any(|a| a.find_column(&factor.name).is_some()) {
            continue;
        }
        let zip = experiment.design.zip.iter().find(|z| z.factors.contains(&factor.name));
        let celled = experiment.design.cells.first().filter(|c| c.levels.iter().any(|l| l.name == factor.name));
        axes.push(match (zip, celled) {
            (Some(zip), _) => zipped_axis(experiment, zip),
            (None, Some(first)) => celled_axis(experiment, first),
            (None, None) => Axis::of_factor(&factor.name, factor.levels.clone()),
        });
    }
    axes
}

fn zipped_axis(experiment: &Experiment, zip: &Zip) -> Axis {
    let columns: Vec<&Factor> =
        zip.factors.iter().filter_map(|name| experiment.factors.iter().find(|f| f.name == *name)).collect();
    let length = columns.first().map_or(0, |f| f.levels.len());
    let rows = (0..length).map(|i| columns.iter().map(|f| f.levels[i].clone()).collect()).collect();
    Axis { factors: zip.factors.clone(), rows }
}

fn celled_axis(experiment: &Experiment, first: &CellSpec) -> Axis {
    let factors: Vec<String> = first.levels.iter().map(|l| l.name.clone()).collect();
    let level = |cell: &CellSpec, name: &String| cell.levels.iter().find(|l| l.name == *name).map(|l| l.value.clone());
    let rows = experiment.design.cells.iter().map(|c| factors.iter().filter_map(|n| level(c, n)).collect()).collect();
    Axis { factors, rows }
}

fn factor_obstacles(experiment: &Experiment) -> Vec<Obstacle> {
    let mut found = Vec::new();
    for factor in &experiment.factors {
        let at = format!("factors.{}", factor.name);
        let roles = &experiment.roles;
        if factor.name == "agents" || (factor.name.contains('.') && !is_setting(&factor.name, roles)) {
            let hint = near_settable(&factor.name, roles).unwrap_or_else(|| {
                "a factor with a point sets `agents.ROLE`, `mind.KEY` or `roles.ROLE.KEY`".to_owned()
            });
            found.push(Obstacle::new("unknown-factor", at.clone(), format!("`{}` sets nothing", factor.name), hint));
            continue;
        }
        found.extend(level_obstacles(experiment, factor, &at));
    }
    found
}

fn level_obstacles(experiment: &Experiment, factor: &Factor, at: &str) -> Vec<Obstacle> {
    let mut found = Vec::new();
    let zipped = experiment.design.zip.iter().any(|z| z.factors.contains(&factor.name));
    let setting = is_setting(&factor.name, &experiment.roles);
    let mut told = BTreeSet::new();
    if factor.levels.is_empty() {
        let hint = "write at least one, or remove the factor".to_owned();
        found.push(Obstacle::new("no-levels", at, format!("`{at}` has no level"), hint));
    }
    for (i, level) in factor.levels.iter().enumerate() {
        let place = format!("{at}[{i}]");
        let first = &factor.levels[0];
        if std::mem::discriminant(level) != std::mem::discriminant(first) {
            let message = format!(
                "levels of `{}` have one type: `{first}` is {}, `{level}` is {}",
                factor.name,
                first.kind(),
                level.kind()
            );
            let hint = "write all with a point, all without, or all in quotes".to_owned();
            found.push(Obstacle::new("mixed-levels", place.clone(), message, hint));
        }
        if !zipped && !told.insert(level.to_string()) {
            let message = format!("level `{level}` of `{}` stands twice", factor.name);
            let hint = "levels may repeat only in a zip".to_owned();
            found.push(Obstacle::new("duplicate", place.clone(), message, hint));
        }
        if let Some(right) = bad_level(&factor.name, level).filter(|_| setting) {
            let message = format!("`{}` cannot be `{level}`", factor.name);
            found.push(Obstacle::new("bad-level", place, message, format!("write {right}")));
        }
    }
    if let Some(was) = factor.was.as_ref().filter(|w| !factor.levels.is_empty() && !factor.levels.contains(w)) {
        let levels: Vec<String> = factor.levels.iter().map(ToString::to_string).collect();
        let message = format!("`was` of `{}` is `{was}`, which is none of its levels", factor.name);
        found.push(Obstacle::new(
            "bad-was",
            format!("{at}.was"),
            message,
            format!("its levels: {}", levels.join(", ")),
        ));
    }
    found
}

fn zip_obstacles(experiment: &Experiment) -> Vec<Obstacle> {
    let mut found = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (i, zip) in experiment.design.zip.iter().enumerate() {
        let at = format!("design.zip[{i}]");
        let mut lengths = Vec::new();
        for (j, name) in zip.factors.iter().enumerate() {
            let place = format!("{at}[{j}]");
            match experiment.factors.iter().find(|f| f.name == *name) {
                None => found.push(unknown_factor(experiment, name, place)),
                Some(_) if seen.contains(&name.as_str()) => {
                    let hint = "a factor stands in one zip, once".to_owned();
                    found.push(Obstacle::new("duplicate", place, format!("factor `{name}` is zipped twice"), hint));
                }
                Some(factor) => lengths.push((name, factor.levels.len())),
            }
            seen.push(name);
        }
        if lengths.windows(2).any(|w| w[0].1 != w[1].1) {
            let each: Vec<String> = lengths.iter().map(|(n, l)| format!("`{n}` has {l}")).collect();
            let message = format!("zipped factors need equally many levels: {}", each.join(", "));
            let hint = "give each as many levels as the longest; in a zip they may repeat".to_owned();
            found.push(Obstacle::new("uneven-zip", at, message, hint));
        }
    }
    found
}

fn cell_obstacles(experiment: &Experiment) -> Vec<Obstacle> {
    let mut found = Vec::new();
    let Some(first) = experiment.design.cells.first() else { return found };
    let mut names: Vec<&str> = first.levels.iter().map(|l| l.name.as_str()).collect();
    names.sort_unstable();
    for (i, cell) in experiment.design.cells.iter().enumerate() {
        let at = format!("design.cells[{i}]");
        let mut own: Vec<&str> = cell.levels.iter().map(|l| l.name.as_str()).collect();
        own.sort_unstable();
        if own != names || names.is_empty() {
            let list = |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let message =
                format!("every cell names the same factors: the first names {}, this one {}", list(&names), list(&own));
            let hint = "write a level of each of them in every row".to_owned();
            found.push(Obstacle::new("uneven-cells", at.clone(), message, hint));
        }
        for level in &cell.levels {
            let place = format!("{at}.{}", level.name);
            let Some(factor) = experiment.factors.iter().find(|f| f.name == level.name) else {
                found.push(unknown_factor(experiment, &level.name, place));
                continue;
            };
            if experiment.design.zip.iter().any(|z| z.factors.contains(&level.name)) {
                let message = format!("factor `{}` is in a zip and in `cells`", level.name);
                let hint = "leave it out of one of them".to_owned();
                found.push(Obstacle::new("duplicate", place.clone(), message, hint));
            }
            if !factor.levels.contains(&level.value) {
                let levels: Vec<String> = factor.levels.iter().map(ToString::to_string).collect();
                let message = format!("`{}` is no level of `{}`", level.value, level.name);
                found.push(Obstacle::new("bad-level", place, message, format!("its levels: {}", levels.join(", "))));
            }
        }
    }
    found
}

fn unknown_factor(experiment: &Experiment, name: &str, at: String) -> Obstacle {
    let factors: Vec<&str> = experiment.factors.iter().map(|f| f.name.as_str()).collect();
    let hint =
        did_you_mean(name, factors.iter().copied()).unwrap_or_else(|| format!("declared: {}", factors.join(", ")));
    Obstacle::new("unknown-factor", at, format!("there is no factor `{name}`"), hint)
}

/// Applies a flag to the axes. A label keeps only the levels that the flag names. A setting gets these levels instead
/// of its own. A zipped factor keeps the rows that contain one of them.
fn override_axis(experiment: &Experiment, grid: &mut Vec<Axis>, name: &str, levels: &[Value]) -> Result<(), Obstacle> {
    let setting = is_setting(name, &experiment.roles);
    if let Some(wrong) = levels.iter().find_map(|l| bad_level(name, l).filter(|_| setting)) {
        let given: Vec<String> = levels.iter().map(ToString::to_string).collect();
        let hint = format!("write {wrong}");
        return Err(Obstacle::usage(format!("`{name}` cannot be `{}`", given.join(", ")), hint));
    }
    if let Some(obstacle) = levels.iter().filter(|_| setting).find_map(|l| bad_model(experiment, name, l)) {
        return Err(obstacle);
    }
    let Some(place) = grid.iter().position(|a| a.find_column(name).is_some()) else {
        if !setting {
            let known = experiment.factors.iter().map(|f| f.name.as_str());
            let hint =
                did_you_mean(name, known).or_else(|| near_settable(name, &experiment.roles)).unwrap_or_else(|| {
                    let names: Vec<&str> = experiment.factors.iter().map(|f| f.name.as_str()).collect();
                    format!("factors: {}; or a key of [protocol]", names.join(", "))
                });
            return Err(Obstacle::usage(format!("there is no factor or protocol key `{name}` to set"), hint));
        }
        if levels.len() > 1 {
            grid.push(Axis::of_factor(name, levels.to_vec()));
        }
        return Ok(());
    };
    let axis = &mut grid[place];
    if setting && axis.factors.len() == 1 {
        *axis = Axis::of_factor(name, levels.to_vec());
        return Ok(());
    }
    let column = axis.find_column(name).unwrap_or_default();
    let known: Vec<String> = axis.rows.iter().map(|r| r[column].to_string()).collect();
    if let Some(level) = levels.iter().find(|l| !known.iter().any(|k| l.is_written(k))) {
        let hint = did_you_mean(&level.to_string(), known.iter().map(String::as_str))
            .unwrap_or_else(|| format!("its levels: {}", known.join(", ")));
        return Err(Obstacle::usage(format!("`{level}` is no level of `{name}`"), hint));
    }
    axis.rows.retain(|row| levels.iter().any(|l| row[column].is_written(&l.to_string())));
    Ok(())
}

fn bad_model(experiment: &Experiment, name: &str, level: &Value) -> Option<Obstacle> {
    let Value::Text(model) = level else { return None };
    if find_declared(experiment, model).is_some() || !names_models(name) {
        return None;
    }
    let names = experiment.models.iter().map(ModelSpec::name);
    let (_, message, hint) = bad_model_id(model)?;
    let near = did_you_mean(model, names);
    Some(Obstacle::usage(format!("`{name}` cannot be `{model}`: {message}"), near.unwrap_or(hint)))
}

/// Returns the model that a flag names: a declared model, else `SERVER/NAME`.
///
/// # Errors
/// The name is neither a declared model nor `SERVER/NAME`.
pub fn model_named(experiment: &Experiment, name: &str) -> Result<ModelSpec, Obstacle> {
    match bad_model(experiment, "model", &Value::Text(name.to_owned())) {
        Some(obstacle) => Err(obstacle),
        None => Ok(find_declared(experiment, name).cloned().unwrap_or_else(|| ModelSpec::bare(name))),
    }
}

/// Replaces every model for `--offline`, and drops rows that have become equal.
fn take_offline(axes: &mut [Axis]) {
    for axis in axes {
        let columns: Vec<usize> = (0..axis.factors.len()).filter(|c| names_models(&axis.factors[*c])).collect();
        if columns.is_empty() {
            continue;
        }
        let mut rows: Vec<Vec<Value>> = Vec::new();
        for mut row in std::mem::take(&mut axis.rows) {
            for column in &columns {
                row[*column] = Value::Text(SCRIPTED.to_owned());
            }
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        axis.rows = rows;
    }
}
