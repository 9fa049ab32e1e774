//! Drawing the values of a population's people.
//!
//! A draw depends on the seed, the dimension and the person's place alone. Under a quota the shares of each dimension are
//! exact: each free place takes the value that the whole lacks most, and a drawn order joins the dimensions.

use super::fact::Fact;
use super::person::Person;
use super::population::{Band, Dimension, Normal, Population, Step, Values};
use super::random::Draws;
use std::collections::BTreeMap;
use std::f64::consts::TAU;

/// Values of one person, in the order of the dimensions.
pub type Row = Vec<(String, Fact)>;

/// Returns the values of all people of a population. The first ones are `known` and stay as they are.
pub fn draw_people(population: &Population, known: &[Row]) -> Vec<Row> {
    let number = (population.number as usize).max(known.len());
    let mut columns: BTreeMap<&str, Vec<Fact>> = BTreeMap::new();
    for dimension in in_order(&population.dimensions) {
        let base = match &dimension.values {
            Values::Given(given, _) => words_of(&population.dimensions, given, &columns),
            Values::Words(_) | Values::Bands(..) | Values::Normal(..) => Vec::new(),
        };
        let drawn = Column { population, dimension, known, number }.draw(&base);
        columns.insert(&dimension.name, drawn);
    }
    let row = |place: usize| {
        let value = |d: &Dimension| Some((d.name.clone(), columns.get(d.name.as_str())?.get(place)?.clone()));
        known.get(place).cloned().unwrap_or_else(|| population.dimensions.iter().filter_map(value).collect())
    };
    (0..number).map(row).collect()
}

/// Returns people with the values that a population of this size has under exact shares, and with nothing else: the target
/// of a comparison.
pub fn expected_people(population: &Population) -> Vec<Person> {
    let exact = Population { quota: true, ..population.clone() };
    let person = |(place, row): (usize, Row)| {
        let persona = row;
        Person { name: format!("{}", place + 1), hash: String::new(), persona }
    };
    draw_people(&exact, &[]).into_iter().enumerate().map(person).collect()
}

/// Returns dimensions so that each follows the one it depends on.
fn in_order(dimensions: &[Dimension]) -> Vec<&Dimension> {
    let depth = |dimension: &&Dimension| {
        let (mut at, mut depth) = (*dimension, 0);
        // A circle was refused; the bound keeps this function total.
        while let Values::Given(given, _) = &at.values
            && let Some(next) = dimensions.iter().find(|other| other.name == *given)
            && depth <= dimensions.len()
        {
            (at, depth) = (next, depth + 1);
        }
        depth
    };
    let mut ordered: Vec<&Dimension> = dimensions.iter().collect();
    ordered.sort_by_key(depth);
    ordered
}

/// Returns the words of a dimension's values, person by person.
fn words_of(dimensions: &[Dimension], name: &str, columns: &BTreeMap<&str, Vec<Fact>>) -> Vec<String> {
    let dimension = dimensions.iter().find(|dimension| dimension.name == name);
    let word = |fact: &Fact| dimension.map_or_else(String::new, |dimension| word_of(dimension, fact));
    columns.get(name).into_iter().flatten().map(word).collect()
}

/// Returns the word that stands for a value: the word itself, or its band's.
fn word_of(dimension: &Dimension, fact: &Fact) -> String {
    match (&dimension.values, fact) {
        (Values::Bands(bands, _), Fact::Number(number)) => {
            let number = number.parse().unwrap_or(f64::NAN);
            let band = bands.iter().find(|band| (band.from..=band.to).contains(&number));
            band.map_or_else(String::new, |band| band.word.clone())
        }
        (Values::Words(_) | Values::Bands(..) | Values::Given(..) | Values::Normal(..), Fact::Text(word)) => {
            word.clone()
        }
        (
            Values::Words(_) | Values::Bands(..) | Values::Given(..) | Values::Normal(..),
            Fact::Null | Fact::Bool(_) | Fact::Number(_) | Fact::List(_) | Fact::Table(_),
        ) => String::new(),
    }
}

/// One dimension of everybody.
struct Column<'a> {
    population: &'a Population,
    dimension: &'a Dimension,
    known: &'a [Row],
    number: usize,
}

impl Column<'_> {
    /// Draws the values. `base` holds the words of the dimension that this one depends on.
    fn draw(&self, base: &[String]) -> Vec<Fact> {
        let known = self.known.iter().map(|row| row.iter().find(|(name, _)| *name == self.dimension.name));
        let mut facts: Vec<Fact> = known.map(|value| value.map_or(Fact::Null, |(_, fact)| fact.clone())).collect();
        match &self.dimension.values {
            Values::Words(shares) => {
                let words = self.choose(shares, &facts, |_| true);
                facts.extend(words.into_iter().map(|(_, word)| Fact::Text(word)));
            }
            Values::Bands(bands, step) => {
                let shares: Vec<(String, f64)> = bands.iter().map(|band| (band.word.clone(), band.share)).collect();
                let words = self.choose(&shares, &facts, |_| true);
                facts.extend(words.into_iter().map(|(place, word)| self.draw_in(bands, *step, place, &word)));
            }
            Values::Given(_, cases) => {
                let mut drawn = Vec::new();
                let groups: std::collections::BTreeSet<&String> = base.iter().collect();
                for group in groups {
                    let shares = Dimension::shares_given(cases, group).unwrap_or_default();
                    let is_in = |place: usize| base.get(place) == Some(group);
                    drawn.extend(self.choose(&shares, &facts, is_in));
                }
                drawn.sort_unstable();
                facts.extend(drawn.into_iter().map(|(_, word)| Fact::Text(word)));
            }
            Values::Normal(normal, step) => {
                let draw =
                    |place| Fact::Number(step.write(draw_normal(&mut self.draws("normal", place), *normal, *step)));
                facts.extend((facts.len()..self.number).map(draw));
            }
        }
        facts
    }

    /// Returns the numbers of a person's draws. Places are counted, never the population's size.
    fn draws(&self, what: &str, place: usize) -> Draws {
        Draws::new(format!("{}\n{}\n{what}\n{place}", self.population.seed, self.dimension.name))
    }

    /// Chooses a word for each new place that `is_in` a group, with the shares of that group.
    fn choose(&self, shares: &[(String, f64)], known: &[Fact], is_in: impl Fn(usize) -> bool) -> Vec<(usize, String)> {
        let free: Vec<usize> = (known.len()..self.number).filter(|place| is_in(*place)).collect();
        if shares.is_empty() || free.is_empty() {
            return Vec::new();
        }
        if !self.population.quota {
            let pick = |place: usize| (place, draw_word(&mut self.draws("word", place), shares));
            return free.into_iter().map(pick).collect();
        }
        let there: Vec<String> = known
            .iter()
            .enumerate()
            .filter(|(place, _)| is_in(*place))
            .map(|(_, fact)| word_of(self.dimension, fact))
            .collect();
        let words = fill(shares, &there, free.len());
        // The first free place names the order, so that a later growth draws another one.
        let order = self.draws("order", free[0]).permute(free.len());
        free.into_iter().zip(order).map(|(place, which)| (place, words[which].clone())).collect()
    }

    fn draw_in(&self, bands: &[Band], step: Step, place: usize, word: &str) -> Fact {
        let Some(band) = bands.iter().find(|band| band.word == word) else { return Fact::Null };
        let steps = ((band.to - band.from) / step.size + 1e-6).floor() as u64;
        let drawn = self.draws("number", place).draw_below(steps + 1);
        Fact::Number(step.write(band.from + drawn as f64 * step.size))
    }
}

/// Returns `lacking` words so that all, with those who are `there`, come as near to the shares as possible. From nothing
/// this is the rule of the largest remainder.
fn fill(shares: &[(String, f64)], there: &[String], lacking: usize) -> Vec<String> {
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    let number = (there.len() + lacking) as f64;
    let have = |word: &String| there.iter().filter(|known| *known == word).count() as f64;
    let mut lacks: Vec<f64> = shares.iter().map(|(word, share)| share / sum * number - have(word)).collect();
    let mut words = Vec::new();
    for _ in 0..lacking {
        let mut most = 0;
        for (place, lack) in lacks.iter().enumerate() {
            // Of equals the first wins; rounding must not decide.
            if *lack > lacks[most] + 1e-9 {
                most = place;
            }
        }
        lacks[most] -= 1.0;
        words.push(shares[most].0.clone());
    }
    words
}

/// Returns a number from 0 to below 1.
fn draw_unit(draws: &mut Draws) -> f64 {
    (draws.next_bits() >> 11) as f64 / (1_u64 << 53) as f64
}

fn draw_word(draws: &mut Draws, shares: &[(String, f64)]) -> String {
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    let mut left = draw_unit(draws) * sum;
    let found = shares.iter().filter(|(_, share)| *share > 0.0).find(|(_, share)| {
        left -= share;
        left < 0.0
    });
    let last = shares.iter().rev().find(|(_, share)| *share > 0.0);
    found.or(last).map_or_else(String::new, |(word, _)| word.clone())
}

/// Draws from a normal distribution that is cut at both ends, on the grid of the steps.
fn draw_normal(draws: &mut Draws, normal: Normal, step: Step) -> f64 {
    let Normal { mean, sd, from, to } = normal;
    let steps = ((to - from) / step.size + 1e-6).floor();
    let density = |x: f64| (-0.5 * ((x - mean) / sd).powi(2)).exp();
    // A narrow range is drawn evenly and thinned; a wide one is drawn whole and cut. Either soon finds a number.
    let is_narrow = to - from <= 5.0 * sd;
    let peak = density(mean.clamp(from, to));
    loop {
        if is_narrow {
            let x = from + draws.draw_below(steps as u64 + 1) as f64 * step.size;
            if draw_unit(draws) * peak <= density(x) {
                return x;
            }
            continue;
        }
        let (a, b) = (1.0 - draw_unit(draws), draw_unit(draws));
        let x = mean + sd * (-2.0 * a.ln()).sqrt() * (TAU * b).cos();
        let place = ((x - from) / step.size).round();
        if (0.0..=steps).contains(&place) {
            return from + place * step.size;
        }
    }
}

#[cfg(test)]
#[path = "sample_tests.rs"]
mod tests;
