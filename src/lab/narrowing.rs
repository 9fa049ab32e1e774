//! Flags that narrow or override a plan, as written.

use super::error::LabError;
use crate::design::{Expression, Named, Obstacle, Overrides, Value, markdown};

/// The flags. Their names are those of the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// `--model`.
    pub models: Vec<String>,
    /// `--days`: a number, or a range `A..B`.
    pub days: Option<String>,
    /// `--agents`: `ROLE=N` or `ROLE=A..B`.
    pub agents: Vec<String>,
    /// `--messages`.
    pub messages: Option<u32>,
    /// `--speakers`.
    pub speakers: Option<String>,
    /// `--replicates`.
    pub replicates: Option<u32>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--set`: `KEY=VALUE`.
    pub set: Vec<String>,
    /// `--only`.
    pub only: Vec<String>,
    /// `--limit`.
    pub limit: Option<usize>,
    /// `--offline`.
    pub offline: bool,
}

impl Narrowing {
    /// Parses the flags. The plan checks the names in them later.
    pub fn read_overrides(&self) -> Result<Overrides, LabError> {
        if self.replicates == Some(0) || self.limit == Some(0) {
            return Err(usage_error("--replicates and --limit are at least 1".to_owned()).into());
        }
        if self.seed.is_some_and(|s| i64::try_from(s).is_err()) {
            return Err(usage_error("--seed is at most 9223372036854775807".to_owned()).into());
        }
        let mut overrides = Overrides {
            models: self.models.clone(),
            replicates: self.replicates,
            seed: self.seed,
            limit: self.limit,
            offline: self.offline,
            only: self.only.iter().map(|text| parse_expression("--only", text)).collect::<Result<_, _>>()?,
            set: self.short_forms()?,
            ..Overrides::default()
        };
        for written in &self.set {
            add_setting(&mut overrides, written)?;
        }
        let names = || overrides.set.iter().map(|one| &one.name).enumerate();
        match names().find(|(i, name)| overrides.set[..*i].iter().any(|one| one.name == **name)) {
            Some((_, name)) => Err(usage_error(format!("`{name}` is set twice")).into()),
            None => Ok(overrides),
        }
    }

    /// Flags that abbreviate `--set`.
    fn short_forms(&self) -> Result<Vec<Named<Vec<Value>>>, LabError> {
        let mut set = Vec::new();
        if let Some(days) = &self.days {
            set.push(Named::new("days", parse_range("--days", days)?));
        }
        for agents in &self.agents {
            let (role, number) = split_pair("--agents", agents, "ROLE=N")?;
            set.push(Named::new(format!("agents.{role}"), parse_range("--agents", number)?));
        }
        if let Some(messages) = self.messages {
            set.push(Named::new("messages", vec![Value::Int(i64::from(messages))]));
        }
        if let Some(speakers) = &self.speakers {
            set.push(Named::new("speakers", vec![Value::Text(speakers.clone())]));
        }
        Ok(set)
    }
}

/// Adds one `--set`.
fn add_setting(overrides: &mut Overrides, written: &str) -> Result<(), LabError> {
    let (key, value) = split_pair("--set", written, "KEY=VALUE")?;
    match (key, value_of(value)) {
        ("stop_phrases", Written::List(phrases)) => overrides.stop_phrases = Some(phrases),
        ("replicates" | "seed", _) => {
            let message = format!("--set {key}=…: it is no factor or protocol key");
            return Err(Obstacle::usage(message, format!("--{key} N")).into());
        }
        (_, Written::One(value)) => overrides.set.push(Named::new(key, vec![value])),
        (_, Written::List(_)) => {
            return Err(usage_error(format!("--set {key}: one value at a time; only stop_phrases is a list")).into());
        }
    }
    Ok(())
}

fn usage_error(message: String) -> Obstacle {
    Obstacle::usage(message, None)
}

/// Parses conditions in the form of `--only`.
pub fn parse_expression(flag: &str, text: &str) -> Result<Expression, LabError> {
    let hint = "write conditions as in 'goal=escape risks=true'".to_owned();
    markdown::expression(text).map_err(|(_, message)| Obstacle::usage(format!("{flag} {text}: {message}"), hint).into())
}

fn split_pair<'a>(flag: &str, text: &'a str, form: &str) -> Result<(&'a str, &'a str), LabError> {
    let wrong = || usage_error(format!("{flag} {text}: it is not {form}")).into();
    text.split_once('=').filter(|(key, value)| !key.is_empty() && !value.is_empty()).ok_or_else(wrong)
}

/// Parses `N` or `A..B`, both ends included.
fn parse_range(flag: &str, text: &str) -> Result<Vec<Value>, LabError> {
    let wrong = || usage_error(format!("{flag} {text}: write a number, or a range as in 1..3"));
    let number = |t: &str| t.trim().parse::<u32>().map_err(|_| wrong());
    let Some((from, to)) = text.split_once("..") else {
        return Ok(vec![Value::Int(i64::from(number(text)?))]);
    };
    let (from, to) = (number(from)?, number(to.trim_start_matches('='))?);
    if from > to || to - from > 10_000 {
        return Err(wrong().into());
    }
    Ok((from..=to).map(|n| Value::Int(i64::from(n))).collect())
}

enum Written {
    One(Value),
    List(Vec<String>),
}

/// Parses a value as TOML, else takes it as text.
fn value_of(text: &str) -> Written {
    let parsed = toml::from_str::<toml::Table>(&format!("x = {text}")).ok();
    match parsed.and_then(|mut t| if t.len() == 1 { t.remove("x") } else { None }) {
        Some(toml::Value::Boolean(b)) => Written::One(Value::Bool(b)),
        Some(toml::Value::Integer(i)) => Written::One(Value::Int(i)),
        Some(toml::Value::Float(x)) if x.is_finite() => Written::One(Value::Float(x)),
        Some(toml::Value::String(s)) => Written::One(Value::Text(s)),
        Some(toml::Value::Array(list)) if list.iter().all(toml::Value::is_str) => {
            Written::List(list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect())
        }
        _ => Written::One(Value::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[&str], days: Option<&str>) -> Result<Overrides, LabError> {
        let set = set.iter().map(|s| (*s).to_owned()).collect();
        Narrowing { set, days: days.map(str::to_owned), ..Narrowing::default() }.read_overrides()
    }

    #[test]
    fn values_are_read_as_toml_else_as_text() {
        let value = |text: &str| of(&[text], None).unwrap().set[0].value[0].clone();
        assert_eq!(value("a=true"), Value::Bool(true));
        assert_eq!(value("a=0.7"), Value::Float(0.7));
        assert_eq!(value("a=\"7\""), Value::Text("7".into()));
        assert_eq!(value("a=escape"), Value::Text("escape".into()));
        assert_eq!(value("a=b=c"), Value::Text("b=c".into()));
        let phrases = of(&["stop_phrases=[\"[END]\"]"], None).unwrap().stop_phrases;
        assert_eq!(phrases, Some(vec!["[END]".to_owned()]));
    }

    #[test]
    fn ranges_include_both_ends() {
        let days = |text| of(&[], Some(text)).map(|o| o.set[0].value.len()).ok();
        assert_eq!(days("2"), Some(1));
        assert_eq!(days("1..3"), Some(3));
        for bad in ["3..1", "x", "1..", "-1", ""] {
            assert_eq!(days(bad), None, "{bad}");
        }
    }
}
