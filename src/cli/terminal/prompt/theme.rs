//! Look of questions and answers, with and without colour: that of `dialoguer`, whose own questions neither page, nor
//! follow the size of the window, nor end when nobody waits for them. Colour is never the only sign.

use crate::cli::terminal::text::wrap;
use console::Style;
use dialoguer::theme::{ColorfulTheme, SimpleTheme, Theme as _};
use unicode_width::UnicodeWidthStr;

/// Columns that the signs of a question take.
const SIGNS: usize = 5;

/// The look of questions.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    /// True for colour.
    pub colour: bool,
}

impl Theme {
    /// Formats a question above a list, wrapped; `typed` is the text that narrows the list.
    pub fn question(self, question: &str, typed: Option<&str>, columns: usize) -> Vec<String> {
        let mut lines = wrap(question, Some(columns.saturating_sub(SIGNS).max(1)));
        let last = lines.pop().unwrap_or_default();
        if !self.colour {
            lines.push(match typed {
                Some(typed) => format!("{last} {typed}|"),
                None => end_question(&last),
            });
            return lines;
        }
        let looks = ColorfulTheme::default();
        let bold = |text: &str| looks.prompt_style.apply_to(text).to_string();
        let mut lines: Vec<String> = lines.iter().map(|line| bold(line)).collect();
        let cursor = Style::new().for_stderr().reverse().apply_to(" ");
        let typed = typed.map(|typed| format!(" {typed}{cursor}")).unwrap_or_default();
        lines.push(format!("{} {}{typed}", bold(&last), looks.prompt_suffix));
        lines[0].insert_str(0, &format!("{} ", looks.prompt_prefix));
        lines
    }

    /// Formats a question for yes or no, wrapped; `usual` is the answer that Enter gives.
    pub fn yes_or_no(self, question: &str, usual: bool, columns: usize) -> Vec<String> {
        let lines = wrap(&format!("{question} {}", describe_keys(usual)), Some(columns.saturating_sub(SIGNS).max(1)));
        if !self.colour {
            return lines;
        }
        let looks = ColorfulTheme::default();
        let bold = lines.iter().map(|line| looks.prompt_style.apply_to(line).to_string());
        bold.enumerate()
            .map(|(i, line)| if i == 0 { format!("{} {line}", looks.prompt_prefix) } else { line })
            .collect()
    }

    /// Formats an item of a list; `ticked` is given where several items can be chosen.
    pub fn item(self, text: &str, is_active: bool, ticked: Option<bool>) -> String {
        let mut item = String::new();
        // Writing into a string cannot fail.
        let _ = match (self.colour, ticked) {
            (false, None) => SimpleTheme.format_select_prompt_item(&mut item, text, is_active),
            (false, Some(ticked)) => SimpleTheme.format_multi_select_prompt_item(&mut item, text, ticked, is_active),
            (true, None) => ColorfulTheme::default().format_select_prompt_item(&mut item, text, is_active),
            (true, Some(ticked)) => {
                let looks = ColorfulTheme::default();
                let tick = if ticked { looks.checked_item_prefix.clone() } else { looks.unchecked_item_prefix.clone() };
                looks.format_select_prompt_item(&mut item, &format!("{tick} {text}"), is_active)
            }
        };
        item
    }

    /// Formats the line at the foot of a list.
    pub fn foot(self, text: &str) -> String {
        let style = if self.colour { Style::new().for_stderr().dim() } else { Style::new() };
        format!("  {}", style.apply_to(text))
    }

    /// Formats a question with its answer. An answer that is too wide gets lines of its own.
    pub fn answered(self, question: &str, answer: &str, columns: usize) -> String {
        let answer = if question.width() + answer.width() + SIGNS <= columns {
            answer.to_owned()
        } else {
            format!("\n  {}", wrap(answer, Some(columns.saturating_sub(3).max(1))).join("\n  "))
        };
        if !self.colour {
            return format!("{} {answer}", end_question(question));
        }
        let looks = ColorfulTheme::default();
        let lines: Vec<String> = answer.split('\n').map(|line| looks.values_style.apply_to(line).to_string()).collect();
        let question = looks.prompt_style.apply_to(question);
        format!("{} {question} {} {}", looks.success_prefix, looks.success_suffix, lines.join("\n"))
    }
}

/// Ends a question with `?` or `:`.
pub fn end_question(question: &str) -> String {
    if question.ends_with('?') { question.to_owned() } else { format!("{question}:") }
}

/// Describes the keys of a question for yes or no.
fn describe_keys(usual: bool) -> &'static str {
    if usual { "[y/n, Enter: yes]" } else { "[y/n, Enter: no]" }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Theme = Theme { colour: false };
    const COLOURED: Theme = Theme { colour: true };

    fn bare(text: &str) -> String {
        console::strip_ansi_codes(text).into_owned()
    }

    #[test]
    fn a_question_has_one_sign_and_a_long_answer_its_own_lines() {
        assert_eq!(PLAIN.answered("what next?", "exit", 80), "what next? exit");
        assert_eq!(PLAIN.answered("models", "that is all", 80), "models: that is all");
        assert_eq!(bare(&COLOURED.answered("models", "that is all", 80)), "✔ models · that is all");
        let (question, answer) = ("q".repeat(60), "word ".repeat(30));
        for theme in [PLAIN, COLOURED] {
            let lines = bare(&theme.answered(&question, answer.trim(), 80));
            assert!(lines.lines().skip(1).all(|line| line.starts_with("  word") && line.width() <= 80), "{lines}");
            assert_eq!(lines.matches("word").count(), 30, "{lines}");
        }
    }

    #[test]
    fn a_question_for_yes_or_no_shows_its_keys_in_any_width() {
        assert_eq!(PLAIN.yes_or_no("run it?", true, 80), ["run it? [y/n, Enter: yes]"]);
        assert_eq!(bare(&COLOURED.yes_or_no("run it?", false, 80)[0]), "? run it? [y/n, Enter: no]");
        let narrow = PLAIN.yes_or_no("put your answers on top of that, and go through them again?", true, 40);
        assert!(narrow.len() > 1 && narrow.iter().all(|line| line.width() <= 40), "{narrow:?}");
        assert!(narrow.concat().ends_with("Enter: yes]"), "{narrow:?}");
    }

    #[test]
    fn the_cursor_and_a_tick_are_signs_without_colour() {
        assert_eq!([PLAIN.item("a", true, None), PLAIN.item("a", false, None)], ["> a", "  a"]);
        assert_eq!([PLAIN.item("a", true, Some(true)), PLAIN.item("a", false, Some(false))], ["> [x] a", "  [ ] a"]);
        assert_eq!(bare(&COLOURED.item("a", true, Some(false))), "❯ ⬚ a");
        assert_eq!(bare(&COLOURED.question("which?", Some("ta"), 80).concat()), "? which? › ta ");
        assert_eq!(PLAIN.question("experiment", Some("ta"), 80), ["experiment ta|"]);
    }
}
