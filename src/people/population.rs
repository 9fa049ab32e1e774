//! A population as researchers write it: how many people, and the shares of each of their traits.

use super::fact::{Fact, Facts, find_fact};
use super::fault::Fault;
use super::toml::read_toml;

/// Most people of one population.
pub const MOST_PEOPLE: u32 = 10_000;
/// Allowed difference between 1 and a sum of shares.
const TOLERANCE: f64 = 0.001;
/// Word of a conditional dimension for all values that have no shares of their own.
const OTHERS: &str = "*";
/// Most steps between the ends of a range.
const MOST_STEPS: f64 = 1e9;

/// A population.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Population {
    /// Number of people.
    pub number: u32,
    /// Source of every draw.
    pub seed: u64,
    /// Files that the writer reads, as written.
    pub context: Vec<String>,
    /// Model that writes, as SERVER/NAME.
    pub writer: Option<String>,
    /// Instruction for the writer.
    pub brief: String,
    /// True for exact shares, false for independent draws.
    pub quota: bool,
    /// Traits, as written.
    pub dimensions: Vec<Dimension>,
}

/// A trait whose values are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Dimension {
    /// Key in the persona.
    pub name: String,
    /// Possible values.
    pub values: Values,
}

/// The possible values of a dimension.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Words with their shares.
    Words(Vec<(String, f64)>),
    /// Numbers in bands with their shares; within a band all are equally likely.
    Bands(Vec<Band>, Step),
    /// Words whose shares depend on the value of another dimension.
    Given(String, Vec<Case>),
    /// Numbers of a normal distribution that is cut at both ends.
    Normal(Normal, Step),
}

/// A band of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// Its word, as written: `18-24`.
    pub word: String,
    /// Smallest number.
    pub from: f64,
    /// Largest number.
    pub to: f64,
    /// Its share of the people.
    pub share: f64,
}

/// Shares under one value of another dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The value, or `*` for all others.
    pub of: String,
    /// Words with their shares.
    pub shares: Vec<(String, f64)>,
}

/// A normal distribution between two ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normal {
    /// Mean before cutting.
    pub mean: f64,
    /// Standard deviation before cutting.
    pub sd: f64,
    /// Smallest number.
    pub from: f64,
    /// Largest number.
    pub to: f64,
}

/// Distance of neighbouring numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The distance.
    pub size: f64,
    /// Digits behind the point.
    pub places: usize,
}

impl Step {
    /// Whole numbers.
    const WHOLE: Self = Self { size: 1.0, places: 0 };

    /// Writes a number as JSON does.
    pub fn write(self, number: f64) -> String {
        // Adding zero turns −0 into 0.
        format!("{:.*}", self.places, number + 0.0)
    }
}

impl Dimension {
    /// Returns the words that stand for its values: words, or the words of bands. A normal distribution has none.
    pub fn words(&self) -> Vec<&str> {
        let mut words: Vec<&str> = match &self.values {
            Values::Words(shares) => shares.iter().map(|(word, _)| word.as_str()).collect(),
            Values::Bands(bands, _) => bands.iter().map(|band| band.word.as_str()).collect(),
            Values::Given(_, cases) => {
                cases.iter().flat_map(|case| &case.shares).map(|(word, _)| word.as_str()).collect()
            }
            Values::Normal(..) => Vec::new(),
        };
        let mut seen = std::collections::BTreeSet::new();
        words.retain(|word| seen.insert(*word));
        words
    }

    /// Returns the shares under a value of the dimension that it depends on; `None` if the value has none.
    pub fn shares_given(cases: &[Case], of: &str) -> Option<Vec<(String, f64)>> {
        let case = |of: &str| cases.iter().find(|case| case.of == of);
        case(of).or_else(|| case(OTHERS)).map(|case| case.shares.clone())
    }
}

/// Reads a population.
///
/// # Errors
/// The text is not TOML, or has a key or value that a population cannot have.
pub fn read_population(text: &str) -> Result<Population, Fault> {
    let facts = read_toml(text)?;
    refuse_others(&facts, "", &["number", "seed", "context", "writer", "brief", "quota", "dimensions"])?;
    let number = find_fact(&facts, "number").ok_or_else(|| fault("`number` is missing", "number = 100"))?;
    let number = read_whole(number, "number")?;
    let number = u32::try_from(number).ok().filter(|n| (1..=MOST_PEOPLE).contains(n));
    let number = number.ok_or_else(|| fault("`number` is out of range", "write a whole number from 1 to 10000"))?;
    let seed = find_fact(&facts, "seed").map_or(Ok(0), |seed| read_whole(seed, "seed"))?;
    let quota = match find_fact(&facts, "quota") {
        None => true,
        Some(Fact::Bool(quota)) => *quota,
        Some(other) => return Err(wrong("quota", other, "quota = true")),
    };
    let dimensions = match find_fact(&facts, "dimensions") {
        Some(Fact::Table(table)) if !table.is_empty() => read_dimensions(table)?,
        Some(Fact::Table(_)) | None => {
            return Err(fault("the population has no dimensions", "write a table `[dimensions]`, or use `--describe`"));
        }
        Some(other) => return Err(wrong("dimensions", other, "write a table `[dimensions]`")),
    };
    Ok(Population {
        number,
        seed,
        context: read_context(&facts)?,
        writer: read_text(&facts, "writer")?,
        brief: read_text(&facts, "brief")?.unwrap_or_default(),
        quota,
        dimensions,
    })
}

fn read_context(facts: &Facts) -> Result<Vec<String>, Fault> {
    let hint = "context = [\"brazil.json\"]";
    match find_fact(facts, "context") {
        None => Ok(Vec::new()),
        Some(Fact::List(items)) => items
            .iter()
            .map(|item| match item {
                Fact::Text(path) => Ok(path.clone()),
                other => Err(wrong("context", other, hint)),
            })
            .collect(),
        Some(other) => Err(wrong("context", other, hint)),
    }
}

fn read_text(facts: &Facts, key: &str) -> Result<Option<String>, Fault> {
    match find_fact(facts, key) {
        None => Ok(None),
        Some(Fact::Text(text)) => Ok(Some(text.clone())),
        Some(other) => Err(wrong(key, other, &format!("{key} = \"…\""))),
    }
}

fn read_dimensions(table: &Facts) -> Result<Vec<Dimension>, Fault> {
    let read = |(name, fact): &(String, Fact)| {
        let path = format!("dimensions.{name}");
        if ["name", "full_name", "from"].contains(&name.as_str()) || name.trim().is_empty() {
            return Err(fault(format!("no dimension can be called `{name}`"), "choose another name"));
        }
        match fact {
            Fact::Table(table) => Ok(Dimension { name: name.clone(), values: read_values(table, &path)? }),
            other => Err(wrong(&path, other, "write shares, such as { Male = 0.49, Female = 0.51 }")),
        }
    };
    let dimensions: Vec<Dimension> = table.iter().map(read).collect::<Result<_, _>>()?;
    dimensions.iter().try_for_each(|dimension| check_given(dimension, &dimensions))?;
    Ok(dimensions)
}

fn read_values(table: &Facts, path: &str) -> Result<Values, Fault> {
    let has = |key: &str| find_fact(table, key).is_some();
    if let Some(Fact::Text(given)) = find_fact(table, "given") {
        return read_given(table, given, path);
    }
    if has("mean") || has("sd") {
        refuse_others(table, path, &["mean", "sd", "from", "to", "step"])?;
        let number = |key: &str| read_number(table, path, key);
        let normal = Normal { mean: number("mean")?, sd: number("sd")?, from: number("from")?, to: number("to")? };
        if normal.sd <= 0.0 {
            return Err(fault(format!("`{path}.sd` is not above 0"), "write a standard deviation above 0"));
        }
        let step = read_step(table, path, (normal.from, normal.to))?;
        let reach = 3.0 * normal.sd;
        if normal.from > normal.mean + reach || normal.to < normal.mean - reach {
            let message = format!("`{path}` lies more than three standard deviations from its mean");
            return Err(fault(message, "change `mean`, `sd`, `from` or `to`"));
        }
        return Ok(Values::Normal(normal, step));
    }
    if has("from") || has("to") {
        return read_bands(table, path);
    }
    Ok(Values::Words(read_shares(table, path)?))
}

fn read_given(table: &Facts, given: &str, path: &str) -> Result<Values, Fault> {
    let cases = table.iter().filter(|(key, _)| key != "given").map(|(of, fact)| match fact {
        Fact::Table(shares) => Ok(Case { of: of.clone(), shares: read_shares(shares, &format!("{path}.{of}"))? }),
        other => Err(wrong(&format!("{path}.{of}"), other, "write shares, such as { low = 0.3, high = 0.7 }")),
    });
    Ok(Values::Given(given.to_owned(), cases.collect::<Result<_, _>>()?))
}

fn read_bands(table: &Facts, path: &str) -> Result<Values, Fault> {
    refuse_others(table, path, &["from", "to", "step", "shares"])?;
    let (from, to) = (read_number(table, path, "from")?, read_number(table, path, "to")?);
    let step = read_step(table, path, (from, to))?;
    let shares = match find_fact(table, "shares") {
        None => {
            let word = format!("{}-{}", step.write(from), step.write(to));
            return Ok(Values::Bands(vec![Band { word, from, to, share: 1.0 }], step));
        }
        Some(Fact::Table(shares)) => read_shares(shares, &format!("{path}.shares"))?,
        Some(other) => {
            return Err(wrong(&format!("{path}.shares"), other, "shares = { \"18-24\" = 0.2, \"25-90\" = 0.8 }"));
        }
    };
    let mut bands = Vec::new();
    for (word, share) in shares {
        let ends = read_band(&word).ok_or_else(|| {
            fault(
                format!("`{path}.shares`: `{word}` is no band"),
                "write two numbers with `-` between, such as \"18-24\"",
            )
        })?;
        if ends.0 < from || ends.1 > to {
            let message = format!("`{path}.shares`: the band `{word}` leaves the range {from} to {to}");
            return Err(fault(message, "change the band, `from` or `to`"));
        }
        let steps = |end: f64| (end - from) / step.size;
        if [ends.0, ends.1].into_iter().any(|end| (steps(end) - steps(end).round()).abs() > 1e-6) {
            let message = format!("`{path}.shares`: the band `{word}` does not fit the steps from {from}");
            return Err(fault(message, "write ends that lie on steps"));
        }
        bands.push(Band { word, from: ends.0, to: ends.1, share });
    }
    let overlap = bands.iter().enumerate().find_map(|(place, band)| {
        Some((band, bands[..place].iter().find(|other| other.from <= band.to && band.from <= other.to)?))
    });
    match overlap {
        None => Ok(Values::Bands(bands, step)),
        Some((band, other)) => {
            let message = format!("`{path}.shares`: the bands `{}` and `{}` overlap", other.word, band.word);
            Err(fault(message, "let each band begin above the end of the one below it"))
        }
    }
}

/// Reads `18-24`, also with a minus before either number.
fn read_band(word: &str) -> Option<(f64, f64)> {
    let first = word.char_indices().find(|(at, c)| *at > 0 && *c == '-')?.0;
    let (from, to) = (word[..first].trim().parse::<f64>().ok()?, word[first + 1..].trim().parse::<f64>().ok()?);
    (from.is_finite() && to.is_finite() && from <= to).then_some((from, to))
}

fn read_step(table: &Facts, path: &str, (from, to): (f64, f64)) -> Result<Step, Fault> {
    let step = match find_fact(table, "step") {
        None => Step::WHOLE,
        Some(Fact::Number(written)) => {
            let places = written.split_once('.').map_or(0, |(_, behind)| behind.len());
            Step { size: written.parse().unwrap_or(0.0), places }
        }
        Some(other) => return Err(wrong(&format!("{path}.step"), other, "step = 0.1")),
    };
    if step.size <= 0.0 || step.places > 9 {
        return Err(fault(format!("`{path}.step` is not above 0"), "write a step such as 1 or 0.1"));
    }
    if from > to {
        return Err(fault(format!("`{path}` has an empty range: {from} to {to}"), "let `from` be at most `to`"));
    }
    if (to - from) / step.size > MOST_STEPS {
        return Err(fault(format!("`{path}` has too many steps"), "write a larger `step`, or a smaller range"));
    }
    // Numbers are written with the digits of the step, so the first one must not have more.
    if (from - step.write(from).parse::<f64>().unwrap_or(from)).abs() > 1e-12 {
        return Err(fault(
            format!("`{path}.from` has more digits than the step"),
            "write `step = 0.1`, or a whole number",
        ));
    }
    Ok(step)
}

fn read_shares(table: &Facts, path: &str) -> Result<Vec<(String, f64)>, Fault> {
    let share = |(word, fact): &(String, Fact)| {
        let hint = "write a share from 0 to 1";
        let name = format!("{path}.{word}");
        let Fact::Number(number) = fact else { return Err(wrong(&name, fact, hint)) };
        let share = number.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
        let share = share.ok_or_else(|| fault(format!("`{name}` is {number}, which is no share"), hint))?;
        if word.trim().is_empty() {
            return Err(fault(format!("`{path}` has a value without a name"), "write a word"));
        }
        Ok((word.clone(), share))
    };
    let shares: Vec<(String, f64)> = table.iter().map(share).collect::<Result<_, _>>()?;
    let sum: f64 = shares.iter().fold(0.0, |sum, (_, share)| sum + share);
    if (sum - 1.0).abs() > TOLERANCE + 1e-12 {
        let sum = format!("{sum:.4}");
        let sum = sum.trim_end_matches('0').trim_end_matches('.');
        return Err(fault(format!("the shares of `{path}` sum to {sum}, not to 1"), "change the shares"));
    }
    Ok(shares)
}

/// Refuses a dimension that depends on none, on itself, or whose cases do not match the values.
fn check_given(dimension: &Dimension, all: &[Dimension]) -> Result<(), Fault> {
    let Values::Given(given, cases) = &dimension.values else { return Ok(()) };
    let name = &dimension.name;
    let find = |name: &str| all.iter().find(|other| other.name == name);
    let names: Vec<&str> = all.iter().filter(|other| !other.words().is_empty()).map(|d| d.name.as_str()).collect();
    let hint = format!("dimensions of words or bands: {}", names.join(", "));
    let Some(base) = find(given) else {
        return Err(fault(format!("`dimensions.{name}.given` names no dimension: `{given}`"), hint));
    };
    let (mut at, mut path) = (base, vec![name.as_str()]);
    while let Values::Given(next, _) = &at.values {
        let repeats = path.contains(&at.name.as_str());
        path.push(&at.name);
        if repeats {
            let message = format!("dimensions depend on each other in a circle: {}", path.join(" → "));
            return Err(fault(message, "remove one `given`"));
        }
        let Some(next) = find(next) else { return Ok(()) };
        at = next;
    }
    let values = base.words();
    if values.is_empty() {
        return Err(fault(format!("`dimensions.{name}.given`: `{given}` has neither words nor bands"), hint));
    }
    if let Some(case) = cases.iter().find(|case| case.of != OTHERS && !values.contains(&case.of.as_str())) {
        let message = format!("`dimensions.{name}`: `{given}` has no value `{}`", case.of);
        return Err(fault(message, format!("its values: {}", values.join(", "))));
    }
    match values.iter().find(|value| Dimension::shares_given(cases, value).is_none()) {
        None => Ok(()),
        Some(value) => {
            let message = format!("`dimensions.{name}` has no shares for `{value}` of `{given}`");
            Err(fault(message, "add them, or shares of \"*\" for all others"))
        }
    }
}

fn refuse_others(facts: &Facts, path: &str, known: &[&str]) -> Result<(), Fault> {
    match facts.iter().find(|(key, _)| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some((key, _)) => {
            let place = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            Err(fault(format!("unknown key `{place}`"), format!("known keys: {}", known.join(", "))))
        }
    }
}

fn read_number(table: &Facts, path: &str, key: &str) -> Result<f64, Fault> {
    match find_fact(table, key) {
        Some(Fact::Number(number)) => Ok(number.parse().unwrap_or(0.0)),
        Some(other) => Err(wrong(&format!("{path}.{key}"), other, "write a number")),
        None => Err(fault(format!("`{path}.{key}` is missing"), format!("add `{key}`"))),
    }
}

fn read_whole(fact: &Fact, key: &str) -> Result<u64, Fault> {
    let hint = "write a whole number, 0 or more";
    match fact {
        Fact::Number(number) => number.parse().map_err(|_| fault(format!("`{key}` is {number}"), hint)),
        other => Err(wrong(key, other, hint)),
    }
}

fn wrong(path: &str, found: &Fact, hint: &str) -> Fault {
    fault(format!("`{path}` is {}", found.kind()), hint)
}

fn fault(message: impl Into<String>, hint: impl Into<String>) -> Fault {
    Fault::of_file(message, hint)
}

#[cfg(test)]
#[path = "population_tests.rs"]
mod tests;
