//! The values of a population's people.

use super::super::population::read_population;
use super::*;
use crate::people::tests::BRAZIL;

fn population(number: u32, quota: bool) -> Population {
    Population { number, quota, ..read_population(BRAZIL).unwrap() }
}

fn value<'r>(row: &'r Row, name: &str) -> &'r Fact {
    &row.iter().find(|(known, _)| known == name).unwrap().1
}

fn number(row: &Row, name: &str) -> f64 {
    let Fact::Number(number) = value(row, name) else { panic!("{row:?}") };
    number.parse().unwrap()
}

fn count(rows: &[Row], keep: impl Fn(&Row) -> bool) -> f64 {
    rows.iter().filter(|row| keep(row)).count() as f64
}

fn is(row: &Row, name: &str, word: &str) -> bool {
    *value(row, name) == Fact::Text(word.to_owned())
}

#[test]
fn ten_thousand_draws_are_within_three_standard_errors() {
    let rows = draw_people(&population(10_000, false), &[]);
    let near = |found: f64, of: f64, share: f64, what: &str| {
        let error = (of * share * (1.0 - share)).sqrt();
        assert!((found - of * share).abs() <= 3.0 * error, "{what}: {found} of {of}, share {share}");
    };
    for (name, word, share) in [("gender", "Male", 0.492), ("region", "Southeast", 0.418), ("region", "North", 0.086)] {
        near(count(&rows, |row| is(row, name, word)), 10_000.0, share, word);
    }
    for (from, to, share) in [(18.0, 24.0, 0.18), (25.0, 54.0, 0.54), (55.0, 64.0, 0.12), (65.0, 90.0, 0.16)] {
        near(count(&rows, |row| (from..=to).contains(&number(row, "age"))), 10_000.0, share, "age");
    }
    // Within a band all ages are equally likely.
    near(count(&rows, |row| number(row, "age") < 18.5), 10_000.0, 0.18 / 7.0, "18 years");
    for (is_southeast, share) in [(true, 0.7), (false, 0.4)] {
        let group = |row: &Row| is(row, "region", "Southeast") == is_southeast;
        let of = count(&rows, group);
        near(count(&rows, |row| group(row) && is(row, "income", "high")), of, share, "income");
    }
    for (name, mean, sd) in [("height", 168.0, 9.0), ("weight", 70.0, 12.0)] {
        let numbers: Vec<f64> = rows.iter().map(|row| number(row, name)).collect();
        let found = numbers.iter().sum::<f64>() / 10_000.0;
        // The cut moves the mean of weight by less than a tenth of its standard deviation's error.
        assert!((found - mean).abs() <= 3.0 * sd / 100.0 + 0.1, "{name}: {found}");
        let spread = (numbers.iter().map(|x| (x - found).powi(2)).sum::<f64>() / 10_000.0).sqrt();
        assert!((spread - sd).abs() <= 0.4, "{name}: {spread}");
    }
    assert!(rows.iter().all(|row| (140.0..=210.0).contains(&number(row, "height"))));
}

#[test]
fn a_narrow_normal_keeps_its_shape() {
    let normal = Normal { mean: 0.0, sd: 1.0, from: 0.0, to: 1.0 };
    let mut draws = Draws::new("narrow".to_owned());
    let step = Step { size: 1.0, places: 0 };
    let zeros = (0..4000).filter(|_| draw_normal(&mut draws, normal, step) == 0.0).count();
    // Densities 1 and e^(-1/2): a share of 0.622.
    assert!((zeros as f64 / 4000.0 - 0.622).abs() < 0.025, "{zeros}");
}

#[test]
fn a_quota_is_kept_within_one() {
    for people in [1, 7, 16, 100, 333] {
        let rows = draw_people(&population(people, true), &[]);
        assert_eq!(rows.len(), people as usize);
        let all = f64::from(people);
        let exact = |found: f64, target: f64, what: &str| {
            assert!((found - target).abs() < 1.0 + 1e-9, "{people} people, {what}: {found} for {target}");
        };
        for (name, word, share) in [("gender", "Male", 0.492), ("region", "South", 0.147), ("region", "North", 0.086)] {
            exact(count(&rows, |row| is(row, name, word)), all * share, word);
        }
        exact(count(&rows, |row| number(row, "age") <= 24.0), all * 0.18, "18-24");
        exact(count(&rows, |row| number(row, "age") >= 65.0), all * 0.16, "65-90");
        let southeast = |row: &Row| is(row, "region", "Southeast");
        let high = count(&rows, |row| southeast(row) && is(row, "income", "high"));
        exact(high, count(&rows, southeast) * 0.7, "high in the Southeast");
    }
}

#[test]
fn those_who_are_there_stay_and_the_whole_comes_nearer_to_the_shares() {
    let first = draw_people(&population(16, true), &[]);
    let grown = draw_people(&population(17, true), &first);
    assert_eq!((&grown[..16], grown.len()), (&first[..], 17));
    let much = draw_people(&population(100, true), &grown);
    assert_eq!(&much[..17], &grown[..]);
    assert!((count(&much, |row| is(row, "gender", "Male")) - 49.2).abs() < 1.0);
    assert!((count(&much, |row| number(row, "age") <= 24.0) - 18.0).abs() < 1.0);
    assert_eq!(draw_people(&population(5, true), &first).len(), 16, "nobody is taken away");
    // Independent draws depend on the place alone.
    let few = draw_people(&population(3, false), &[]);
    assert_eq!(few[..], draw_people(&population(50, false), &[])[..3]);
}

#[test]
fn the_values_never_change() {
    let rows = draw_people(&population(2, false), &[]);
    let texts = |row: &Row| row.iter().filter_map(|(_, fact)| fact.scalar()).collect::<Vec<_>>().join(" ");
    assert_eq!(texts(&rows[0]), "Female 78 low North 167 63.0");
    assert_eq!(texts(&rows[1]), "Female 66 low Northeast 162 78.7");
}
