//! Long output page by page: through the person's pager, else `less`, else page by page here. Output that fits the
//! window, and output that no person reads, is printed as it is.

use super::printer::Printer;
use super::programs::page_lines;
use super::prompt::{Size, Terminal, View, count_rows, show_view};
use crate::cli::error::CliError;
use console::{Key, Term};
use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::sync::atomic::Ordering;

/// The command of `less`: colours, no second screen, and a last line with its keys.
const LESS: &str = "less -RX '-PsSpace shows more, b goes back, q leaves'";

/// The way in which long output is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pager {
    /// It is printed as it is.
    Off,
    /// By this command.
    Command(String),
    /// By this program.
    Own,
}

impl Pager {
    /// Chooses the pager. `CONVOKE_PAGER` wins over `PAGER`; `cat` switches paging off.
    pub fn choose(env: &BTreeMap<String, String>, is_there: impl Fn(&Path) -> bool) -> Self {
        let set = |name: &str| env.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        if set("TERM").is_none_or(|term| term == "dumb") {
            return Self::Off;
        }
        match set("CONVOKE_PAGER").or(set("PAGER")) {
            Some("cat") => Self::Off,
            Some(command) => Self::Command(command.to_owned()),
            None if std::env::split_paths(set("PATH").unwrap_or_default()).any(|p| is_there(&p.join("less"))) => {
                Self::Command(LESS.to_owned())
            }
            None => Self::Own,
        }
    }
}

/// Does work that prints to standard output. If a person reads it there and it does not fit the window, it is paged.
pub async fn page_output<T>(
    terminal: &Terminal,
    work: impl Future<Output = Result<T, CliError>>,
) -> Result<T, CliError> {
    let pager = Pager::choose(&terminal.env, Path::is_file);
    let is_read = terminal.may_ask && !terminal.printer.json && terminal.printer.width().is_some();
    if !is_read || pager == Pager::Off {
        return work.await;
    }
    terminal.printer.begin_page();
    let done = work.await;
    let lines = terminal.printer.end_page();
    show_lines(terminal, pager, lines).await?;
    done
}

async fn show_lines(terminal: &Terminal, pager: Pager, lines: Vec<String>) -> Result<(), CliError> {
    let size = Size::of(&Term::stdout());
    if lines.iter().map(|line| count_rows(line, size.columns)).sum::<usize>() + 1 < size.rows {
        return print_lines(&terminal.printer, &lines);
    }
    match pager {
        Pager::Off => print_lines(&terminal.printer, &lines),
        Pager::Own => show_pages(terminal, lines).await,
        Pager::Command(command) => {
            let (env, text) = (terminal.env.clone(), lines.clone());
            // The pager handles Ctrl-C, which the terminal sends to both.
            terminal.is_lent.store(true, Ordering::Relaxed);
            let ended = tokio::task::spawn_blocking(move || page_lines(&env, &command, &text)).await;
            terminal.is_lent.store(false, Ordering::Relaxed);
            let Err(error) = ended.map_err(std::io::Error::other).and_then(|done| done) else { return Ok(()) };
            terminal.printer.warn(&format!("the pager failed: {error}"));
            print_lines(&terminal.printer, &lines)
        }
    }
}

fn print_lines(printer: &Printer, lines: &[String]) -> Result<(), CliError> {
    Ok(lines.iter().try_for_each(|line| printer.print_painted(line))?)
}

/// Shows the lines page by page; the last page shown stays on the screen.
async fn show_pages(terminal: &Terminal, lines: Vec<String>) -> Result<(), CliError> {
    let last = show_view(terminal, "a long text", Pages { lines, top: 0 }).await?;
    print_lines(&terminal.printer, &last)
}

/// Lines of which one page is visible.
#[derive(Debug)]
struct Pages {
    lines: Vec<String>,
    top: usize,
}

impl Pages {
    /// Returns the end of the page that begins at a line.
    fn page_end(&self, from: usize, size: Size) -> usize {
        let (mut used, mut end) = (0, from);
        while let Some(line) = self.lines.get(end) {
            used += count_rows(line, size.columns);
            if used + 2 > size.rows && end > from {
                break;
            }
            end += 1;
        }
        end
    }

    /// Returns the beginning of the page that ends before a line.
    fn page_before(&self, end: usize, size: Size) -> usize {
        (0..end).rev().take_while(|from| self.page_end(*from, size) >= end).last().unwrap_or(0)
    }
}

impl View for Pages {
    /// The page that was visible.
    type Answer = Vec<String>;

    fn draw(&mut self, size: Size) -> Vec<String> {
        let end = self.page_end(self.top, size);
        let mut page = self.lines[self.top..end].to_vec();
        let place = format!("{}-{end} of {}", self.top + 1, self.lines.len());
        let foot = format!("{place} · Space shows more, b goes back, q leaves");
        page.push(console::truncate_str(&foot, size.columns.saturating_sub(1), "…").into_owned());
        page
    }

    fn press(&mut self, key: &Key, size: Size) -> Option<Self::Answer> {
        let end = self.page_end(self.top, size);
        let is_last = end >= self.lines.len();
        match key {
            Key::Char('q' | 'Q') | Key::Escape => return Some(self.lines[self.top..end].to_vec()),
            Key::Char(' ') | Key::Enter | Key::PageDown if is_last => return Some(self.lines[self.top..end].to_vec()),
            Key::Char(' ') | Key::PageDown => self.top = end,
            Key::Enter | Key::ArrowDown if !is_last => self.top += 1,
            Key::ArrowUp => self.top = self.top.saturating_sub(1),
            Key::Char('b') | Key::PageUp => self.top = self.page_before(self.top, size),
            Key::Char('g') | Key::Home => self.top = 0,
            Key::Char('G') | Key::End => self.top = self.page_before(self.lines.len(), size),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(env: &[(&str, &str)], has_less: bool) -> Pager {
        let mut all: BTreeMap<String, String> = env.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        all.entry("TERM".to_owned()).or_insert_with(|| "xterm".to_owned());
        all.insert("PATH".to_owned(), "/nowhere:/usr/bin".to_owned());
        Pager::choose(&all, |path| has_less && path == Path::new("/usr/bin/less"))
    }

    #[test]
    fn the_pager_is_that_of_the_person_then_less_then_our_own() {
        let command = |line: &str| Pager::Command(line.to_owned());
        assert_eq!(choose(&[("CONVOKE_PAGER", "a -b"), ("PAGER", "c")], true), command("a -b"));
        assert_eq!(choose(&[("CONVOKE_PAGER", " "), ("PAGER", "c")], true), command("c"));
        assert_eq!(choose(&[("CONVOKE_PAGER", "cat"), ("PAGER", "c")], true), Pager::Off);
        assert_eq!(choose(&[], true), command(LESS));
        assert_eq!(choose(&[], false), Pager::Own);
        assert_eq!(choose(&[("TERM", "dumb"), ("PAGER", "c")], true), Pager::Off);
    }

    #[test]
    fn every_line_is_on_some_page() {
        let lines: Vec<String> = (1..=50).map(|n| format!("line {n} {}", "x".repeat(n))).collect();
        let size = Size { columns: 30, rows: 10 };
        let mut pages = Pages { lines: lines.clone(), top: 0 };
        let mut seen = Vec::new();
        loop {
            let mut page = pages.draw(size);
            assert!(page.iter().map(|line| count_rows(line, size.columns)).sum::<usize>() < size.rows, "{page:?}");
            page.pop();
            seen.extend(page);
            if pages.press(&Key::Char(' '), size).is_some() {
                break;
            }
        }
        assert_eq!(seen, lines);
        pages.press(&Key::End, size);
        let at_end = pages.top;
        assert!(pages.draw(size).iter().any(|line| line.starts_with("line 50")));
        pages.press(&Key::Char('b'), size);
        pages.press(&Key::Char(' '), size);
        assert_eq!(pages.top, at_end, "a page back and forth");
        pages.press(&Key::Home, size);
        pages.press(&Key::ArrowDown, size);
        assert_eq!(pages.draw(size)[0], lines[1]);
        assert_eq!(pages.press(&Key::Escape, size).map(|page| page[0].clone()), Some(lines[1].clone()));
    }
}
