//! A list of items, of which a person takes one or ticks several: keys go in, lines come out. Pure.

use super::screen::{Size, View};
use super::theme::Theme;
use console::Key;
use unicode_width::UnicodeWidthStr;

/// Maximum number of items shown at once.
const MOST_ROWS: usize = 20;
/// Lines above a list that stay visible, since they say what happened before, in a window that has room for
/// [`LEAST_ROWS`] items more.
const ABOVE: usize = 3;
/// Number of items that are shown before anything above the list is.
const LEAST_ROWS: usize = 5;
/// Columns that signs take beside an item.
const ITEM: usize = 6;

/// Use of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One item is taken.
    One,
    /// One item is taken, and typing narrows the list.
    Search,
    /// Any number of items is ticked.
    Several,
}

/// A list on the screen.
#[derive(Debug)]
pub struct List {
    theme: Theme,
    question: String,
    /// The items, each of one line.
    items: Vec<String>,
    kind: Kind,
    ticked: Vec<bool>,
    /// The text that narrows the list.
    typed: String,
    /// Indexes of the items that the typed text leaves.
    found: Vec<usize>,
    /// Place of the cursor among those.
    at: usize,
    /// Place of the first visible one.
    top: usize,
}

impl List {
    /// Creates a list. The cursor starts on the item at the index `usual`.
    pub fn new(theme: Theme, question: String, items: Vec<String>, kind: Kind, usual: usize) -> Self {
        let (found, ticked) = ((0..items.len()).collect(), vec![false; items.len()]);
        let at = usual.min(items.len().saturating_sub(1));
        Self { theme, question, items, kind, ticked, typed: String::new(), found, at, top: 0 }
    }

    /// Ticks items at first.
    #[must_use]
    pub fn tick(self, ticked: &[bool]) -> Self {
        let ticked = (0..self.items.len()).map(|i| ticked.get(i).copied().unwrap_or_default()).collect();
        Self { ticked, ..self }
    }

    /// Formats the answer that these items give.
    pub fn answer(&self, chosen: &[usize], columns: usize) -> String {
        let items: Vec<&str> = chosen.iter().filter_map(|i| self.items.get(*i)).map(String::as_str).collect();
        let answer = if items.is_empty() { "none".to_owned() } else { items.join(", ") };
        self.theme.answered(&self.question, &answer, columns)
    }

    /// Number of items that a window shows below the question.
    fn visible_rows(&self, size: Size) -> usize {
        let room = size.rows.saturating_sub(self.question_lines(size).len() + 2).max(1);
        room.min(room.saturating_sub(ABOVE).max(LEAST_ROWS)).min(MOST_ROWS)
    }

    fn question_lines(&self, size: Size) -> Vec<String> {
        let typed = (self.kind == Kind::Search).then_some(self.typed.as_str());
        self.theme.question(&self.question, typed, size.columns)
    }

    /// Moves the cursor by some items; at an end it stays.
    fn move_by(&mut self, by: isize) {
        let last = self.found.len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(by).min(last);
    }

    /// Moves the cursor to the next item; after the last comes the first.
    fn step(&mut self, down: bool) {
        let number = self.found.len().max(1);
        self.at = if down { (self.at + 1) % number } else { (self.at + number - 1) % number };
    }

    /// Finds the items that hold the typed text, else those that hold every word of it. Items that begin with it come
    /// first.
    fn narrow(&mut self) {
        let typed = self.typed.trim().to_lowercase();
        let words: Vec<&str> = typed.split_whitespace().collect();
        let lower: Vec<String> = self.items.iter().map(|item| item.to_lowercase()).collect();
        let find = |holds: &dyn Fn(&String) -> bool| (0..lower.len()).filter(|i| holds(&lower[*i])).collect();
        self.found = find(&|item| item.contains(&typed));
        if self.found.is_empty() {
            self.found = find(&|item| words.iter().all(|word| item.contains(word)));
        }
        self.found.sort_by_key(|i| !lower[*i].starts_with(&typed));
        (self.at, self.top) = (0, 0);
    }

    /// Changes the typed text with a key.
    fn type_key(&mut self, key: &Key) {
        match key {
            Key::Backspace => drop(self.typed.pop()),
            // Ctrl-U and Ctrl-W, as in a field.
            Key::Char('\u{15}') => self.typed.clear(),
            Key::Char('\u{17}') => {
                let kept = self.typed.trim_end().rfind(' ').map_or(0, |at| at + 1);
                self.typed.truncate(kept);
            }
            Key::Char(c) if !c.is_control() => self.typed.push(*c),
            _ => return,
        }
        self.narrow();
    }

    /// Describes the keys, as many as fit; before them, the part of the list that is shown.
    fn describe_keys(&self, rows: usize, columns: usize) -> String {
        let (number, is_long) = (self.found.len(), self.found.len() > rows);
        let mut parts = Vec::new();
        if is_long {
            parts.push(format!("{}-{} of {number}", self.top + 1, (self.top + rows).min(number)));
        } else if number < self.items.len() {
            parts.push(format!("{number} of {}", self.items.len()));
        }
        let keys: &[&str] = match self.kind {
            Kind::One => &["Enter takes", "Esc goes back"],
            Kind::Search => &["Enter takes", "Esc goes back", "typing narrows"],
            Kind::Several => &["space ticks", "Enter goes on", "Esc goes back"],
        };
        let (pages, moves) = (["PgUp PgDn page"].iter().filter(|_| is_long), ["↑↓ move"].iter());
        parts.extend(keys[..2].iter().chain(pages).chain(&keys[2..]).chain(moves).map(|key| (*key).to_owned()));
        let mut shown = String::new();
        for part in parts {
            let longer = if shown.is_empty() { part } else { format!("{shown} · {part}") };
            if longer.width() + 3 > columns {
                break;
            }
            shown = longer;
        }
        shown
    }
}

impl View for List {
    /// Indexes of the chosen items; `None` on Esc.
    type Answer = Option<Vec<usize>>;

    fn draw(&mut self, size: Size) -> Vec<String> {
        let rows = self.visible_rows(size);
        self.top = self.top.clamp((self.at + 1).saturating_sub(rows), self.at);
        let mut lines = self.question_lines(size);
        for (place, i) in self.found.iter().enumerate().skip(self.top).take(rows) {
            let item = console::truncate_str(&self.items[*i], size.columns.saturating_sub(ITEM), "…").into_owned();
            let ticked = (self.kind == Kind::Several).then(|| self.ticked[*i]);
            lines.push(self.theme.item(&item, place == self.at, ticked));
        }
        if self.found.is_empty() {
            lines.push(self.theme.foot("nothing here holds that: Backspace takes a letter back"));
        }
        lines.push(self.theme.foot(&self.describe_keys(rows, size.columns)));
        lines
    }

    fn press(&mut self, key: &Key, size: Size) -> Option<Self::Answer> {
        let page = self.visible_rows(size).cast_signed();
        match key {
            Key::Escape => return Some(None),
            Key::Enter if self.kind == Kind::Several => {
                return Some(Some((0..self.items.len()).filter(|i| self.ticked[*i]).collect()));
            }
            Key::Enter => return self.found.get(self.at).map(|i| Some(vec![*i])),
            Key::ArrowDown | Key::Tab => self.step(true),
            Key::ArrowUp | Key::BackTab => self.step(false),
            Key::PageDown => self.move_by(page),
            Key::PageUp => self.move_by(-page),
            Key::Home => self.at = 0,
            Key::End => self.at = self.found.len().saturating_sub(1),
            Key::Char(' ') if self.kind == Kind::Several => {
                if let Some(i) = self.found.get(self.at) {
                    self.ticked[*i] = !self.ticked[*i];
                }
            }
            key if self.kind == Kind::Search => self.type_key(key),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Size = Size { columns: 80, rows: 24 };

    fn numbered(number: usize, kind: Kind) -> List {
        let items = (1..=number).map(|n| format!("item {n}")).collect();
        List::new(Theme { colour: false }, "which?".to_owned(), items, kind, 0)
    }

    fn press_all(list: &mut List, keys: &[Key]) -> Vec<String> {
        for key in keys {
            assert_eq!(list.press(key, WINDOW), None, "{key:?}");
            list.draw(WINDOW);
        }
        list.draw(WINDOW)
    }

    #[test]
    fn a_long_list_says_that_there_is_more_and_pages() {
        let mut list = numbered(120, Kind::One);
        let lines = list.draw(WINDOW);
        assert_eq!((lines.len(), lines[1].as_str(), lines[18].as_str()), (20, "> item 1", "  item 18"));
        assert_eq!(lines[19], "  1-18 of 120 · Enter takes · Esc goes back · PgUp PgDn page · ↑↓ move");
        let lines = press_all(&mut list, &[Key::PageDown]);
        assert_eq!((lines[18].as_str(), &lines[19][..13]), ("> item 19", "  2-19 of 120"));
        let lines = press_all(&mut list, &[Key::End]);
        assert_eq!((lines[18].as_str(), &lines[19][..16]), ("> item 120", "  103-120 of 120"));
        assert_eq!(press_all(&mut list, &[Key::PageUp, Key::ArrowUp])[1], "> item 101");
        assert_eq!(press_all(&mut list, &[Key::Home])[1], "> item 1");
        assert_eq!(press_all(&mut list, &[Key::ArrowUp])[18], "> item 120");
        assert_eq!(list.press(&Key::Enter, WINDOW), Some(Some(vec![119])));
        assert_eq!(list.press(&Key::Escape, WINDOW), Some(None));
    }

    #[test]
    fn the_foot_has_what_fits_in_one_line() {
        for columns in 10..120 {
            for kind in [Kind::One, Kind::Search, Kind::Several] {
                for number in [3, 200] {
                    let lines = numbered(number, kind).draw(Size { columns, rows: 24 });
                    assert!(lines.iter().all(|line| line.width() <= columns), "{columns}: {lines:?}");
                }
            }
        }
        let narrow = Size { columns: 40, rows: 15 };
        assert_eq!(numbered(3, Kind::One).draw(narrow).pop().unwrap(), "  Enter takes · Esc goes back · ↑↓ move");
        assert_eq!(numbered(3, Kind::Several).draw(narrow).pop().unwrap(), "  space ticks · Enter goes on");
    }

    #[test]
    fn typing_narrows_to_what_holds_every_word() {
        let items = ["a talk of two", "talk", "zoo", "two talks"].map(str::to_owned).to_vec();
        let mut list = List::new(Theme { colour: false }, "which?".to_owned(), items, Kind::Search, 3);
        let typed = |list: &mut List, text: &str| press_all(list, &text.chars().map(Key::Char).collect::<Vec<_>>());
        let lines = typed(&mut list, "TALK");
        assert_eq!(lines[..4], ["which? TALK|", "> talk", "  a talk of two", "  two talks"]);
        assert!(lines[4].starts_with("  3 of 4 · Enter"), "{lines:?}");
        assert_eq!(typed(&mut list, " two")[1..3], ["> a talk of two", "  two talks"]);
        assert_eq!(list.press(&Key::Enter, WINDOW), Some(Some(vec![0])));
        assert!(typed(&mut list, "x")[1].contains("nothing here holds that"));
        assert_eq!(list.press(&Key::Enter, WINDOW), None, "there is nothing to take");
        assert_eq!(press_all(&mut list, &[Key::Char('\u{17}')])[0], "which? TALK |");
        assert_eq!(press_all(&mut list, &[Key::Char('\u{15}')]).len(), 6);
    }

    #[test]
    fn several_are_ticked() {
        let mut list = numbered(3, Kind::Several).tick(&[true]);
        assert_eq!(list.draw(WINDOW)[1..4], ["> [x] item 1", "  [ ] item 2", "  [ ] item 3"]);
        press_all(&mut list, &[Key::Char(' '), Key::ArrowDown, Key::Char(' '), Key::ArrowDown, Key::Char(' ')]);
        assert_eq!(list.press(&Key::Enter, WINDOW), Some(Some(vec![1, 2])));
        assert_eq!(list.answer(&[1, 2], 80), "which? item 2, item 3");
        assert_eq!(list.answer(&[], 80), "which? none");
    }

    #[test]
    fn a_window_of_any_height_shows_the_cursor() {
        for rows in 1..30 {
            let mut list = numbered(50, Kind::One);
            let size = Size { columns: 40, rows };
            for _ in 0..49 {
                list.press(&Key::ArrowDown, size);
                let lines = list.draw(size);
                assert!(lines.iter().any(|line| line.starts_with("> ")), "{rows}: {lines:?}");
                assert!(rows < 4 || lines.len() < rows, "{rows}: {lines:?}");
            }
        }
    }
}
