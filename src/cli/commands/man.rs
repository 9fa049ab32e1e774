//! `convoke man`: writes the help of every command as pages for `man`.

use crate::cli::context::Context;
use crate::cli::error::{CliError, Exit};
use crate::cli::help::groups;
use crate::lab::PlaceError;
use crate::lab::output::{Destination, write_files};
use clap::Args;
use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use serde_json::json;
use std::fs;
use std::path::PathBuf;

/// `convoke man`.
#[derive(Debug, Args)]
pub struct Manual {
    /// Folder to write one page for each command to [default: print the page of `convoke`]
    #[arg(value_hint = clap::ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
    /// Replace existing pages
    #[arg(long, requires = "dir")]
    pub force: bool,
}

/// Name of the section that lists the commands.
const COMMANDS: &str = "COMMANDS";

/// File name and text of a page.
type Page = (String, Vec<u8>);

/// Writes the pages of all commands into a folder, or the first to standard output.
pub fn run(context: &Context, args: &Manual, mut command: Command) -> Result<Exit, CliError> {
    command.build();
    let Some(folder) = &args.dir else {
        let (_, text) = page(&command)?;
        let text = String::from_utf8_lossy(&text);
        if context.printer.json {
            context.printer.json_ok(&json!({ "page": text }))?;
        } else {
            text.lines().try_for_each(|line| context.printer.out(line))?;
        }
        return Ok(Exit::Done);
    };
    let mut pages = Vec::new();
    collect(&command, &mut pages)?;
    let path = context.world.folder.join(folder);
    let to = |name: &String| Destination::new(path.join(name), args.force);
    let is_there = |name, text: &[u8]| fs::read(path.join(name)).is_ok_and(|old| old == text);
    let pages_to_write = pages.iter().filter(|(name, text)| !is_there(name, text));
    let files: Vec<_> = pages_to_write.map(|(name, text)| (to(name), text.as_slice())).collect();
    write_files(&files).map_err(|error| {
        let is_taken = PlaceError::is_taken(&error);
        CliError::from(error).maybe_hint(is_taken.then(|| "--force replaces pages".to_owned()))
    })?;
    if context.printer.json {
        let names: Vec<&String> = pages.iter().map(|(name, _)| name).collect();
        context.printer.json_ok(&json!({ "folder": folder, "pages": names }))?;
    } else {
        let number = crate::cli::terminal::text::count(pages.len(), "page");
        context.printer.chat(&format!("wrote {number}: man {}", folder.join("convoke.1").display()));
    }
    Ok(Exit::Done)
}

fn collect(command: &Command, pages: &mut Vec<Page>) -> Result<(), CliError> {
    pages.push(page(command)?);
    let has_page = |c: &&Command| !c.is_hide_set() && c.get_name() != "help";
    command.get_subcommands().filter(has_page).try_for_each(|c| collect(c, pages))
}

fn page(command: &Command) -> Result<Page, CliError> {
    let page = Man::new(command.clone()).source(format!("convoke {}", env!("CARGO_PKG_VERSION")));
    let mut text = Vec::new();
    if command.get_display_name().unwrap_or_else(|| command.get_name()) != "convoke" {
        page.render(&mut text)?;
        return Ok((page.get_filename(), text));
    }
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    commands(command).to_writer(&mut text)?;
    page.render_options_section(&mut text)?;
    page.render_extra_section(&mut text)?;
    page.render_version_section(&mut text)?;
    Ok((page.get_filename(), text))
}

/// Lists the commands in their groups.
fn commands(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [COMMANDS]);
    for (purpose, commands) in groups(command) {
        roff.control("SS", [purpose]);
        for (name, about) in commands {
            roff.control("TP", []);
            roff.text([bold(format!("convoke {name}"))]);
            roff.text([roman(about)]);
        }
    }
    roff
}
