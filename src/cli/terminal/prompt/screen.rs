//! Lines that follow a person's keys: drawn, drawn again after a key or a change of the window, and erased.

use super::keys::{Input, Keys};
use console::{Key, Term, measure_text_width};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Size of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub columns: usize,
    /// Lines.
    pub rows: usize,
}

impl Size {
    /// Returns the size of the window of a terminal.
    pub fn of(term: &Term) -> Self {
        let (rows, columns) = term.size();
        Self { columns: usize::from(columns).max(20), rows: usize::from(rows) }
    }
}

/// Lines that keys change.
pub trait View {
    /// The answer that ends it.
    type Answer;

    /// Returns the lines.
    fn draw(&mut self, size: Size) -> Vec<String>;

    /// Handles a key; returns the answer, if there is one.
    fn press(&mut self, key: &Key, size: Size) -> Option<Self::Answer>;
}

/// Shows a view until a key gives the answer; then its lines are erased. `left` is true once nobody waits for it.
pub fn show<V: View>(view: &mut V, left: &AtomicBool) -> io::Result<V::Answer> {
    let term = Term::stderr();
    let keys = Keys::listen()?;
    term.hide_cursor()?;
    let mut drawn = Drawn { term: &term, lines: Vec::new() };
    let mut size = Size::of(&term);
    drawn.replace(view.draw(size))?;
    let answer = loop {
        let input = keys.wait(left)?;
        let now = Size::of(&term);
        if left.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match input {
            Input::Nothing if now == size => continue,
            Input::Nothing => {}
            Input::Key(key) => {
                if let Some(answer) = view.press(&key, now) {
                    break answer;
                }
            }
        }
        size = now;
        drawn.replace(view.draw(size))?;
    };
    drawn.replace(Vec::new())?;
    term.show_cursor()?;
    Ok(answer)
}

/// The lines on the screen, above the cursor.
struct Drawn<'a> {
    term: &'a Term,
    lines: Vec<String>,
}

impl Drawn<'_> {
    /// Replaces the lines.
    fn replace(&mut self, lines: Vec<String>) -> io::Result<()> {
        let columns = Size::of(self.term).columns;
        // A window that became narrower has wrapped them.
        let rows = self.lines.iter().map(|line| count_rows(line, columns)).sum();
        self.term.clear_last_lines(rows)?;
        for line in &lines {
            self.term.write_line(line)?;
        }
        self.lines = lines;
        Ok(())
    }
}

/// Number of rows that a line takes.
pub fn count_rows(line: &str, columns: usize) -> usize {
    measure_text_width(line).div_ceil(columns.max(1)).max(1)
}
