//! Look of questions and answers. A long answer gets lines of its own, wrapped between words.

use crate::cli::terminal::text::wrap;
use console::Term;
use dialoguer::theme::{ColorfulTheme, Theme};
use std::fmt;
use unicode_width::UnicodeWidthStr;

/// A theme without colour.
pub struct Plain;

impl Theme for Plain {
    fn format_prompt(&self, f: &mut dyn fmt::Write, prompt: &str) -> fmt::Result {
        f.write_str(&end_question(prompt))
    }

    fn format_input_prompt_selection(&self, f: &mut dyn fmt::Write, prompt: &str, sel: &str) -> fmt::Result {
        write!(f, "{} {}", end_question(prompt), fold_answer(prompt, sel))
    }

    fn format_multi_select_prompt_selection(&self, f: &mut dyn fmt::Write, of: &str, sel: &[&str]) -> fmt::Result {
        self.format_input_prompt_selection(f, of, &list_ticked(sel))
    }
}

/// Ends a question with `?` or `:`.
pub fn end_question(question: &str) -> String {
    if question.ends_with('?') { question.to_owned() } else { format!("{question}:") }
}

/// Lists the ticked items.
fn list_ticked(ticked: &[&str]) -> String {
    if ticked.is_empty() { "none".to_owned() } else { ticked.join(", ") }
}

/// Puts an answer after its question, or below it if both together are too wide.
fn fold_answer(question: &str, answer: &str) -> String {
    /// Columns of the signs around question and answer.
    const SIGNS: usize = 5;
    let columns = usize::from(Term::stderr().size().1).max(20);
    if question.width() + answer.width() + SIGNS <= columns {
        return answer.to_owned();
    }
    format!("\n  {}", wrap(answer, Some(columns - 3)).join("\n  "))
}

/// A theme in colour. The cursor's line has a mark too, so that colour is never the only sign.
#[derive(Default)]
pub struct Coloured(ColorfulTheme);

impl Theme for Coloured {
    fn format_prompt(&self, f: &mut dyn fmt::Write, prompt: &str) -> fmt::Result {
        self.0.format_prompt(f, prompt)
    }

    fn format_confirm_prompt(&self, f: &mut dyn fmt::Write, prompt: &str, usual: Option<bool>) -> fmt::Result {
        self.0.format_confirm_prompt(f, prompt, usual)
    }

    fn format_confirm_prompt_selection(&self, f: &mut dyn fmt::Write, of: &str, sel: Option<bool>) -> fmt::Result {
        self.0.format_confirm_prompt_selection(f, of, sel)
    }

    fn format_input_prompt_selection(&self, f: &mut dyn fmt::Write, prompt: &str, sel: &str) -> fmt::Result {
        self.0.format_input_prompt_selection(f, prompt, &fold_answer(prompt, sel))
    }

    fn format_select_prompt_item(&self, f: &mut dyn fmt::Write, text: &str, active: bool) -> fmt::Result {
        self.0.format_select_prompt_item(f, text, active)
    }

    fn format_multi_select_prompt_selection(&self, f: &mut dyn fmt::Write, of: &str, sel: &[&str]) -> fmt::Result {
        self.format_input_prompt_selection(f, of, &list_ticked(sel))
    }

    fn format_multi_select_prompt_item(
        &self,
        f: &mut dyn fmt::Write,
        text: &str,
        checked: bool,
        active: bool,
    ) -> fmt::Result {
        write!(f, "{} ", if active { "❯" } else { " " })?;
        self.0.format_multi_select_prompt_item(f, text, checked, active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show_answer(theme: &dyn Theme, question: &str, answer: &str) -> String {
        let mut line = String::new();
        theme.format_select_prompt_selection(&mut line, question, answer).unwrap();
        console::strip_ansi_codes(&line).into_owned()
    }

    #[test]
    fn a_question_has_one_sign_and_a_long_answer_its_own_lines() {
        assert_eq!(show_answer(&Plain, "what next?", "exit"), "what next? exit");
        assert_eq!(show_answer(&Plain, "models", "that is all"), "models: that is all");
        assert_eq!(show_answer(&Coloured::default(), "models", "that is all"), "✔ models · that is all");
        let (question, answer) = ("q".repeat(60), "word ".repeat(30));
        for theme in [&Plain as &dyn Theme, &Coloured::default()] {
            let lines = show_answer(theme, &question, answer.trim());
            assert!(lines.lines().skip(1).all(|line| line.starts_with("  word") && line.width() <= 80), "{lines}");
            assert_eq!(lines.matches("word").count(), 30, "{lines}");
        }
    }

    #[test]
    fn nothing_ticked_is_said() {
        let mut line = String::new();
        Plain.format_multi_select_prompt_selection(&mut line, "which?", &[]).unwrap();
        assert_eq!(line, "which? none");
    }
}
