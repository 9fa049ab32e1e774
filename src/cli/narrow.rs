//! Flags of `plan` and `run` as overrides.

use crate::cli::error::CliError;
use crate::design::{Expression, Named, Overrides, Value, markdown};
use clap::Args;

/// Flags of `plan` and `run` that narrow or override.
#[derive(Debug, Clone, Args)]
pub struct Narrow {
    /// Model to use, by its name in the experiment or SERVER/NAME, or human; repeated, each is a level
    #[arg(long, value_name = "ID")]
    pub model: Vec<String>,
    /// Days, or a range A..B of which each is a level
    #[arg(long, value_name = "N|A..B")]
    pub days: Option<String>,
    /// Agents of a role, or a range; repeated for several roles
    #[arg(long, value_name = "ROLE=N|A..B")]
    pub agents: Vec<String>,
    /// Openings and speeches together
    #[arg(long, value_name = "N")]
    pub messages: Option<u32>,
    /// Who speaks next: round-robin, random, auto or manual
    #[arg(long, value_name = "S")]
    pub speakers: Option<String>,
    /// Conversations per condition
    #[arg(long, value_name = "N")]
    pub replicates: Option<u32>,
    /// Seed of everything random
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Any factor or protocol key; the value is read as TOML, else as text; repeated for several
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Only conditions that hold, as in 'goal=escape risks=true'; repeated, any of them
    #[arg(long, value_name = "EXPR")]
    pub only: Vec<String>,
    /// So many conversations, replicate 1 of every condition first
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Replace every model by `scripted`, which is none and costs nothing
    #[arg(long)]
    pub offline: bool,
}

/// Reads the flags. What they name is looked at when the plan is made.
pub fn overrides(narrow: &Narrow) -> Result<Overrides, CliError> {
    let mut overrides = Overrides {
        models: narrow.model.clone(),
        replicates: narrow.replicates,
        seed: narrow.seed,
        limit: narrow.limit,
        offline: narrow.offline,
        only: narrow.only.iter().map(|text| expression("--only", text)).collect::<Result<_, _>>()?,
        ..Overrides::default()
    };
    if narrow.replicates == Some(0) || narrow.limit == Some(0) {
        return Err(CliError::usage("--replicates and --limit are at least 1"));
    }
    if narrow.seed.is_some_and(|s| i64::try_from(s).is_err()) {
        return Err(CliError::usage("--seed is at most 9223372036854775807"));
    }
    let mut set: Vec<Named<Vec<Value>>> = Vec::new();
    if let Some(days) = &narrow.days {
        set.push(Named::new("days", range("--days", days)?));
    }
    for agents in &narrow.agents {
        let (role, number) = pair("--agents", agents, "ROLE=N")?;
        set.push(Named::new(format!("agents.{role}"), range("--agents", number)?));
    }
    if let Some(messages) = narrow.messages {
        set.push(Named::new("messages", vec![Value::Int(i64::from(messages))]));
    }
    if let Some(speakers) = &narrow.speakers {
        set.push(Named::new("speakers", vec![Value::Text(speakers.clone())]));
    }
    for written in &narrow.set {
        let (key, value) = pair("--set", written, "KEY=VALUE")?;
        match (key, value_of(value)) {
            ("stop_phrases", Written::List(phrases)) => overrides.stop_phrases = Some(phrases),
            ("replicates" | "seed", _) => {
                return Err(CliError::usage(format!("--set {key}=…: it is no factor or protocol key"))
                    .hint(format!("--{key} N")));
            }
            (_, Written::One(value)) => set.push(Named::new(key, vec![value])),
            (_, Written::List(_)) => {
                return Err(CliError::usage(format!("--set {key}: one value at a time; only stop_phrases is a list")));
            }
        }
    }
    for (i, one) in set.iter().enumerate() {
        if set[..i].iter().any(|s| s.name == one.name) {
            return Err(CliError::usage(format!("`{}` is set twice", one.name)));
        }
    }
    overrides.set = set;
    Ok(overrides)
}

/// Conditions as `--only` has them.
pub fn expression(flag: &str, text: &str) -> Result<Expression, CliError> {
    markdown::expression(text).map_err(|(_, message)| {
        CliError::usage(format!("{flag} {text}: {message}")).hint("write conditions as in 'goal=escape risks=true'")
    })
}

fn pair<'a>(flag: &str, text: &'a str, form: &str) -> Result<(&'a str, &'a str), CliError> {
    let wrong = || CliError::usage(format!("{flag} {text}: it is not {form}"));
    text.split_once('=').filter(|(key, value)| !key.is_empty() && !value.is_empty()).ok_or_else(wrong)
}

/// `N` or `A..B`, both ends included.
fn range(flag: &str, text: &str) -> Result<Vec<Value>, CliError> {
    let wrong = || CliError::usage(format!("{flag} {text}: write a number, or a range as in 1..3"));
    let number = |t: &str| t.trim().parse::<u32>().map_err(|_| wrong());
    let Some((from, to)) = text.split_once("..") else {
        return Ok(vec![Value::Int(i64::from(number(text)?))]);
    };
    let (from, to) = (number(from)?, number(to.trim_start_matches('='))?);
    if from > to || to - from > 10_000 {
        return Err(wrong());
    }
    Ok((from..=to).map(|n| Value::Int(i64::from(n))).collect())
}

enum Written {
    One(Value),
    List(Vec<String>),
}

/// Reads a value as TOML, else as text.
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

    fn narrow(set: &[&str], days: Option<&str>) -> Narrow {
        Narrow {
            model: Vec::new(),
            days: days.map(str::to_owned),
            agents: Vec::new(),
            messages: None,
            speakers: None,
            replicates: None,
            seed: None,
            set: set.iter().map(|s| (*s).to_owned()).collect(),
            only: Vec::new(),
            limit: None,
            offline: false,
        }
    }

    #[test]
    fn values_are_read_as_toml_else_as_text() {
        let of = |text: &str| overrides(&narrow(&[text], None)).unwrap().set[0].value[0].clone();
        assert_eq!(of("a=true"), Value::Bool(true));
        assert_eq!(of("a=0.7"), Value::Float(0.7));
        assert_eq!(of("a=\"7\""), Value::Text("7".into()));
        assert_eq!(of("a=escape"), Value::Text("escape".into()));
        assert_eq!(of("a=b=c"), Value::Text("b=c".into()));
        let phrases = overrides(&narrow(&["stop_phrases=[\"[END]\"]"], None)).unwrap().stop_phrases;
        assert_eq!(phrases, Some(vec!["[END]".to_owned()]));
    }

    #[test]
    fn ranges_include_both_ends() {
        let days = |text| overrides(&narrow(&[], Some(text))).map(|o| o.set[0].value.len()).map_err(|e| e.exit);
        assert_eq!(days("2"), Ok(1));
        assert_eq!(days("1..3"), Ok(3));
        for bad in ["3..1", "x", "1..", "-1", ""] {
            assert!(days(bad).is_err(), "{bad}");
        }
    }
}
