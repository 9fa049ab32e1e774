//! Flags of `edit` and `duplicate` as changes of a document.

use crate::cli::context::Context;
use crate::cli::error::{CliError, file_error};
use crate::design::edit::{Changes, split_assignment};
use crate::design::folder::bad_name;
use clap::Args;

/// Flags of `edit`, `duplicate` and `new` that change an experiment.
#[derive(Debug, Clone, Args)]
pub struct ChangeFlags {
    /// Note of the experiment, for people
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Message that opens each day
    #[arg(long, value_name = "TEXT")]
    pub starting_message: Option<String>,
    /// Model of the list that replaces the old one: SERVER/NAME, or a name in the experiment to keep that model's
    /// parameters; repeat it for each
    #[arg(long, value_name = "ID")]
    pub model: Vec<String>,
    /// All roles in speaking order, such as guard=1,prisoner=2; a role left out is removed with its texts
    #[arg(long, value_name = "ROLE=N,…")]
    pub roles: Option<String>,
    /// Section to replace or add: TITLE names a shared section, ROLE/TITLE one of a role; =@FILE reads the text from a
    /// file, and a text that begins with @ is written =@@…; repeat it for several
    #[arg(long, value_name = "[ROLE/]TITLE=TEXT")]
    pub section: Vec<String>,
    /// Section to remove; repeat it for several
    #[arg(long, value_name = "[ROLE/]TITLE")]
    pub drop_section: Vec<String>,
    /// Shared section to copy into each role and remove from the shared prompt; repeat it for several
    #[arg(long, value_name = "TITLE")]
    pub private: Vec<String>,
    /// Title of sections to move from the roles to the shared prompt; repeat it for several
    #[arg(long, value_name = "TITLE")]
    pub share: Vec<String>,
    /// Any key of experiment.toml, such as messages=30 or `factors.tone=["kind", "cold"]`; the value is read as TOML,
    /// else as text; an empty value removes the key; repeat it for several
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Rejects an invalid name for an experiment.
pub fn good_name(name: &str) -> Result<(), CliError> {
    let Some(why) = bad_name(name) else { return Ok(()) };
    let message = format!("`{name}` cannot be an experiment's name: {why}");
    Err(CliError::usage(message).hint("write a name that could name a folder"))
}

/// Reads the flags that change an experiment, and the files that the flags name.
pub fn read(context: &Context, args: &crate::cli::changes::ChangeFlags) -> Result<Changes, CliError> {
    let read = |file: &str| {
        let path = context.world.folder.join(file);
        std::fs::read_to_string(&path).map_err(|e| file_error("read", std::path::Path::new(file), &e))
    };
    read_with(args, &read)
}

/// Reads the flags. `read` replaces the function that reads a file.
pub(super) fn read_with(
    args: &crate::cli::changes::ChangeFlags,
    read: &dyn Fn(&str) -> Result<String, CliError>,
) -> Result<Changes, CliError> {
    let sections = args.section.iter().map(|written| parse_section(read, written)).collect::<Result<_, _>>()?;
    let set = args.set.iter().map(|written| {
        let (key, value) = split_pair("--set", written, "KEY=VALUE")?;
        Ok((key.to_owned(), value.to_owned()))
    });
    Ok(Changes {
        starting_message: args.starting_message.clone(),
        models: args.model.clone(),
        roles: args.roles.as_deref().map(parse_roles).transpose()?.unwrap_or_default(),
        drop: args.drop_section.clone(),
        private: args.private.clone(),
        share: args.share.clone(),
        sections,
        set: set.collect::<Result<_, CliError>>()?,
        ..Changes::default()
    })
}

fn split_pair<'a>(flag: &str, written: &'a str, form: &str) -> Result<(&'a str, &'a str), CliError> {
    split_assignment(written).filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
        CliError::usage(format!("{flag} {written}: it is not {form}")).hint(format!("write {flag} '{form}'"))
    })
}

/// Parses `TITLE=TEXT` or `TITLE=@FILE`; `@@` begins a text that starts with `@`.
fn parse_section(read: &dyn Fn(&str) -> Result<String, CliError>, written: &str) -> Result<(String, String), CliError> {
    let (address, text) = split_pair("--section", written, "[ROLE/]TITLE=TEXT")?;
    let text = match text.strip_prefix('@') {
        None => text.to_owned(),
        Some(rest) if rest.starts_with('@') => rest.to_owned(),
        Some(file) => read(file)?,
    };
    Ok((address.to_owned(), text))
}

/// Parses `guard=1,prisoner=2`.
fn parse_roles(written: &str) -> Result<Vec<(String, Option<u32>)>, CliError> {
    let wrong = |part: &str, why: &str| {
        CliError::usage(format!("--roles {written}: `{part}`: {why}"))
            .hint("write every role with its number of agents, as in guard=1,prisoner=2")
    };
    let one = |part: &str| {
        let (name, number) = part.split_once('=').map_or((part, None), |(name, number)| (name, Some(number)));
        if let Some(why) = bad_name(name.trim()) {
            return Err(wrong(part, why));
        }
        let number = number.map(|n| n.trim().parse().map_err(|_| wrong(part, "its number is no whole one")));
        Ok((name.trim().to_owned(), number.transpose()?))
    };
    written.split(',').map(one).collect()
}
