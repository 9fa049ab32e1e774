//! The question for yes or no.

use super::screen::{Size, View};
use super::theme::Theme;
use console::Key;

/// A question for yes or no.
#[derive(Debug)]
pub struct YesNo {
    /// The look of the question.
    pub theme: Theme,
    /// The question, in one line.
    pub question: String,
    /// The answer that Enter gives.
    pub usual: bool,
}

impl View for YesNo {
    /// The answer; `None` on Esc.
    type Answer = Option<bool>;

    fn draw(&mut self, size: Size) -> Vec<String> {
        self.theme.yes_or_no(&self.question, self.usual, size.columns)
    }

    fn press(&mut self, key: &Key, _: Size) -> Option<Self::Answer> {
        match key {
            Key::Char('y' | 'Y') => Some(Some(true)),
            Key::Char('n' | 'N') => Some(Some(false)),
            Key::Enter => Some(Some(self.usual)),
            Key::Escape => Some(None),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn y_n_and_enter_answer_and_nothing_else_does() {
        let size = Size { columns: 80, rows: 24 };
        for usual in [true, false] {
            let mut question = YesNo { theme: Theme { colour: false }, question: "run it?".to_owned(), usual };
            for (key, answer) in [
                (Key::Char('y'), Some(Some(true))),
                (Key::Char('Y'), Some(Some(true))),
                (Key::Char('n'), Some(Some(false))),
                (Key::Enter, Some(Some(usual))),
                (Key::Escape, Some(None)),
                (Key::Char('x'), None),
                (Key::Char(' '), None),
                (Key::ArrowDown, None),
            ] {
                assert_eq!(question.press(&key, size), answer, "{key:?}");
            }
        }
    }
}
