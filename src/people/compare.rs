//! Distributions of facts over people: counts of words, quantiles of numbers, and the distance between two sets.

use super::fact::{Fact, Facts, follow_path};
use super::person::Person;
use std::collections::BTreeMap;

/// Maximum number of different numbers that are compared one by one; more are compared in intervals.
const MOST_NUMBERS: usize = 12;
/// Number of intervals for many different numbers.
const INTERVALS: usize = 10;
/// Maximum number of characters of a value that a list shows whole.
const SHORT: usize = 40;

/// The values of one key over a set of people.
#[derive(Debug, Clone, PartialEq)]
pub enum Distribution {
    /// Each value with the number of people who have it, the most frequent first.
    Words {
        /// Values and numbers of people.
        counts: Vec<(String, usize)>,
        /// Number of people without a single value.
        lacking: usize,
    },
    /// Numbers.
    Numbers {
        /// Number of people who have one.
        count: usize,
        /// Number of people without a number.
        lacking: usize,
        /// Mean of the numbers.
        mean: f64,
        /// Smallest number, quartiles and largest number; between two numbers they are interpolated.
        quantiles: [f64; 5],
    },
}

/// One key, compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Path of the key.
    pub key: String,
    /// Distribution in the first set.
    pub a: Distribution,
    /// Distribution in the second set.
    pub b: Option<Distribution>,
    /// Total variation distance between the two sets, from 0 (equal) to 1 (nothing in common).
    pub distance: Option<f64>,
}

/// Compares one set of people, or two, by each key that has a single value for somebody.
pub fn compare_people(a: &[&Person], b: Option<&[&Person]>) -> Vec<Comparison> {
    let keys = list_keys(a.iter().chain(b.unwrap_or_default()).copied());
    let compared = keys.into_iter().filter(|key| key != "name" && key != "full_name").map(|key| {
        let (of_a, of_b) = (values_of(a, &key), b.map(|b| values_of(b, &key)));
        let all: Vec<&Option<Single>> = of_a.iter().chain(of_b.iter().flatten()).collect();
        let are_numbers = all.iter().copied().flatten().all(|value| value.number.is_some());
        let distance = of_b.as_ref().map(|of_b| {
            let group = if are_numbers { group_numbers(&all) } else { None };
            measure_distance(&of_a, of_b, group)
        });
        let distribution = |values: &Vec<Option<Single>>| distribute(values, are_numbers);
        Comparison { a: distribution(&of_a), b: of_b.as_ref().map(distribution), distance, key }
    });
    compared.collect()
}

/// Returns the keys, at most `most`, that more than half of the people have with a short single value.
pub fn common_keys(people: &[&Person], most: usize) -> Vec<String> {
    let is_short = |value: &Option<Single>| value.as_ref().is_some_and(|v| v.text.chars().count() <= SHORT);
    let shared = |key: &String| 2 * values_of(people, key).iter().filter(|v| is_short(v)).count() > people.len();
    let keys = list_keys(people.iter().copied()).into_iter().filter(|key| key != "name" && key != "full_name");
    keys.filter(shared).take(most).collect()
}

/// Returns the single value at a path, as text.
pub fn value_at(person: &Person, path: &str) -> Option<String> {
    follow_path(&person.persona, path)?.scalar()
}

/// Lists the paths of single values, in the order of first appearance.
fn list_keys<'p>(people: impl Iterator<Item = &'p Person>) -> Vec<String> {
    let mut keys: BTreeMap<String, usize> = BTreeMap::new();
    for person in people {
        collect_keys(&person.persona, "", &mut keys);
    }
    let mut keys: Vec<(String, usize)> = keys.into_iter().collect();
    keys.sort_by_key(|(_, place)| *place);
    keys.into_iter().map(|(key, _)| key).collect()
}

fn collect_keys(facts: &Facts, at: &str, keys: &mut BTreeMap<String, usize>) {
    for (name, fact) in facts.iter().filter(|(name, _)| !name.contains('.')) {
        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        match fact {
            Fact::Table(inner) => collect_keys(inner, &path, keys),
            Fact::Bool(_) | Fact::Number(_) | Fact::Text(_) => {
                let place = keys.len();
                keys.entry(path).or_insert(place);
            }
            Fact::Null | Fact::List(_) => {}
        }
    }
}

/// A single value: its text, and the number that it is.
struct Single {
    text: String,
    number: Option<f64>,
}

fn values_of(people: &[&Person], key: &str) -> Vec<Option<Single>> {
    let single = |person: &&Person| {
        let fact = follow_path(&person.persona, key)?;
        let number = match fact {
            Fact::Number(number) => number.parse().ok(),
            Fact::Null | Fact::Bool(_) | Fact::Text(_) | Fact::List(_) | Fact::Table(_) => None,
        };
        Some(Single { text: fact.scalar()?, number })
    };
    people.iter().map(single).collect()
}

fn distribute(values: &[Option<Single>], are_numbers: bool) -> Distribution {
    let lacking = values.iter().filter(|value| value.is_none()).count();
    let mut numbers: Vec<f64> = values.iter().flatten().filter_map(|value| value.number).collect();
    if are_numbers && !numbers.is_empty() {
        numbers.sort_by(f64::total_cmp);
        let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
        let quantiles = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| quantile(&numbers, share));
        return Distribution::Numbers { count: numbers.len(), lacking, mean, quantiles };
    }
    let mut counts: Vec<(String, usize)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for value in values.iter().flatten() {
        let place = *places.entry(&value.text).or_insert_with(|| {
            counts.push((value.text.clone(), 0));
            counts.len() - 1
        });
        counts[place].1 += 1;
    }
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Distribution::Words { counts, lacking }
}

/// Returns the value below which this share of the sorted numbers lies.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// Returns the bounds of equal intervals, if there are many different numbers.
fn group_numbers(values: &[&Option<Single>]) -> Option<(f64, f64)> {
    let mut numbers: Vec<f64> = values.iter().copied().flatten().filter_map(|value| value.number).collect();
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    let bounds = (*numbers.first()?, *numbers.last()?);
    (numbers.len() > MOST_NUMBERS).then_some(bounds)
}

fn measure_distance(a: &[Option<Single>], b: &[Option<Single>], group: Option<(f64, f64)>) -> f64 {
    let name = |value: &Option<Single>| match (value, group) {
        (None, _) => None,
        (Some(Single { number: Some(number), .. }), Some((low, high))) => {
            let place = ((number - low) / (high - low) * INTERVALS as f64) as usize;
            Some(place.min(INTERVALS - 1).to_string())
        }
        (Some(Single { number: Some(number), .. }), None) => Some(number.to_string()),
        (Some(Single { text, number: None }), _) => Some(text.clone()),
    };
    let mut shares: BTreeMap<Option<String>, f64> = BTreeMap::new();
    for (set, sign) in [(a, 1.0), (b, -1.0)] {
        for value in set {
            *shares.entry(name(value)).or_default() += sign / set.len() as f64;
        }
    }
    shares.values().map(|share| share.abs()).sum::<f64>() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::json::read_json;

    fn people(jobs: &[(&str, &str)]) -> Vec<Person> {
        let person = |(i, (age, job)): (usize, &(&str, &str))| {
            let text = format!("{{\"name\":\"P{i}\",\"age\":{age},\"job\":{{\"title\":{job}}},\"skills\":[1]}}");
            Person::new(read_json(&text).unwrap()).unwrap()
        };
        jobs.iter().enumerate().map(person).collect()
    }

    #[test]
    fn sets_are_counted_and_compared() {
        let a = people(&[("20", "\"x\""), ("30", "\"x\""), ("40", "\"y\""), ("null", "[]")]);
        let b = people(&[("20", "\"x\""), ("20.0", "\"z\"")]);
        let (a, b): (Vec<&Person>, Vec<&Person>) = (a.iter().collect(), b.iter().collect());
        let found = compare_people(&a, Some(&b));
        assert_eq!(found.iter().map(|c| c.key.as_str()).collect::<Vec<_>>(), ["age", "job.title"]);
        let quantiles = [20.0, 25.0, 30.0, 35.0, 40.0];
        assert_eq!(found[0].a, Distribution::Numbers { count: 3, lacking: 1, mean: 30.0, quantiles });
        assert_eq!(found[0].distance, Some(0.75), "20 and 20.0 are one number");
        let counts = vec![("x".to_owned(), 2), ("y".to_owned(), 1)];
        assert_eq!(found[1].a, Distribution::Words { counts, lacking: 1 });
        assert_eq!(found[1].distance, Some(0.5));
        assert!(compare_people(&a, Some(&a)).iter().all(|c| c.distance == Some(0.0)));
        assert_eq!(compare_people(&a, None)[0].distance, None);
        assert_eq!(common_keys(&a, 5), ["age", "job.title"]);
    }

    #[test]
    fn many_numbers_are_compared_in_intervals() {
        let set = |from: u32| people(&(from..from + 20).map(|_| ("0", "1")).collect::<Vec<_>>());
        let with_ages = |from: u32| -> Vec<Person> {
            let person = |i: u32| Person::new(read_json(&format!("{{\"name\":\"P\",\"age\":{i}}}")).unwrap()).unwrap();
            (from..from + 20).map(person).collect()
        };
        assert_eq!(set(1).len(), 20);
        let (a, b) = (with_ages(0), with_ages(10));
        let (a, b): (Vec<&Person>, Vec<&Person>) = (a.iter().collect(), b.iter().collect());
        let distance = compare_people(&a, Some(&b))[0].distance.unwrap();
        assert!((distance - 0.5).abs() < 0.06, "{distance}");
    }
}
