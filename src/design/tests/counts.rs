//! Number of conditions = product over the axes (a zip is one axis) − excluded combinations. Number of conversations =
//! conditions × replicates.

use super::*;
use crate::design::arbitrary;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Counts combinations of labels by brute force: nested loops over the factors, then a filter for zips, cells and
/// exclusions.
fn by_the_rule(experiment: &Experiment) -> usize {
    let mut combinations: Vec<Vec<(String, usize, Value)>> = vec![Vec::new()];
    for factor in &experiment.factors {
        combinations = combinations
            .iter()
            .flat_map(|before| {
                factor.levels.iter().enumerate().map(move |(i, level)| {
                    let mut levels = before.clone();
                    levels.push((factor.name.clone(), i, level.clone()));
                    levels
                })
            })
            .collect();
    }
    let in_step = |levels: &Vec<(String, usize, Value)>| {
        experiment.design.zip.iter().all(|zip| {
            let rows: BTreeSet<usize> = levels.iter().filter(|(n, ..)| zip.factors.contains(n)).map(|l| l.1).collect();
            rows.len() <= 1
        })
    };
    let in_cells = |levels: &Vec<(String, usize, Value)>| {
        let cells = &experiment.design.cells;
        let is_row = |cell: &CellSpec| {
            cell.levels.iter().all(|c| {
                levels.iter().any(|(name, _, level)| *name == c.name && level.to_string() == c.value.to_string())
            })
        };
        cells.is_empty() || cells.iter().any(is_row)
    };
    let excluded = |levels: &Vec<(String, usize, Value)>| {
        experiment.design.exclude.iter().any(|expression| {
            expression.all.iter().all(|when| {
                let level =
                    levels.iter().find(|(name, ..)| *name == when.factor).map(|(_, _, level)| level.to_string());
                level.is_some_and(|level| when.any.contains(&level))
            })
        })
    };
    let models = experiment.models.len();
    models * combinations.iter().filter(|c| in_step(c) && in_cells(c) && !excluded(c)).count()
}

/// Generates experiments in which every model takes part. Some have cells instead of a grid.
fn any_experiment() -> impl Strategy<Value = Experiment> {
    (arbitrary::any_experiment(5), any::<bool>()).prop_map(|(mut experiment, cells)| {
        experiment.roles[0].model = RoleModel::Condition;
        let free =
            experiment.factors.iter().filter(|f| !experiment.design.zip.iter().any(|z| z.factors.contains(&f.name)));
        let free: Vec<&Factor> = free.take(2).collect();
        if cells && free.len() == 2 {
            let rows = free[0].levels.iter().zip(&free[1].levels).map(|(a, b)| CellSpec {
                levels: vec![Named::new(free[1].name.clone(), b.clone()), Named::new(free[0].name.clone(), a.clone())],
            });
            experiment.design.cells = rows.collect();
        }
        experiment
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn conditions_are_the_product_less_the_excluded(experiment in any_experiment()) {
        let expected = by_the_rule(&experiment);
        match Plan::new(&experiment, &Overrides::default()) {
            Ok(plan) => {
                prop_assert_eq!(plan.conditions.len(), expected);
                let cells = plan.cells();
                prop_assert_eq!(cells.len(), expected * experiment.run.replicates as usize);
                let keys: BTreeSet<&str> = cells.iter().map(|c| c.key.as_str()).collect();
                prop_assert_eq!(keys.len(), cells.len(), "every conversation has a key of its own");
                prop_assert!(cells[..expected].iter().all(|c| c.replicate == 1));
            }
            Err(obstacles) => {
                prop_assert_eq!(expected, 0, "{:?}", obstacles);
                prop_assert_eq!(obstacles[0].code, "no-condition");
            }
        }
    }
}

#[test]
fn the_order_is_as_written_the_first_axis_slowest() {
    let experiment = read_experiment(
        "name='e'\nmodels=['ollama/a','ollama/b']\n[protocol]\nmessages=4\nagents={a=1,b=1}\n[roles.a]\nplural='as'\n\
         pronouns='he/his'\n[roles.b]\nplural='bs'\npronouns='he/his'\n[factors]\ny=['q','p']\nz=[1,2]\nx=['s','r']\n\
         [design]\nzip=[['x','y']]\nexclude=['z=1 model=ollama/b']\n",
        &[("roles/a.md", ""), ("roles/b.md", "")],
    );
    let names: Vec<String> = plan_experiment(&experiment).conditions.iter().map(Condition::name).collect();
    assert_eq!(
        names,
        [
            "model=ollama/a y=q z=1 x=s",
            "model=ollama/a y=q z=2 x=s",
            "model=ollama/a y=p z=1 x=r",
            "model=ollama/a y=p z=2 x=r",
            "model=ollama/b y=q z=2 x=s",
            "model=ollama/b y=p z=2 x=r",
        ]
    );
}
