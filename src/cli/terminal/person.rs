//! A person at this terminal who plays a participant of conversations.

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::terminal::drafts::Drafts;
use crate::cli::terminal::printer::{Look, Piece, Printer};
use crate::cli::terminal::prompt::{self, LineEffect};
use crate::cli::terminal::text::{count, short, wrap};
use crate::model::person::{Answer, Person, Scene};
use crate::process::harmless::harmless;
use crate::process::prompt::Author;
use crate::process::{Message, Purpose};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const COMMANDS: [(&str, &str); 5] = [
    (".", "alone on a line sends what you typed"),
    ("/undo", "takes the last line back"),
    ("/show", "shows everything again"),
    ("/stop", "leaves; what you typed is kept, and the same command continues"),
    ("//", "at the beginning of a line is a / that you want to say"),
];

/// A person at this terminal.
pub struct AtTerminal {
    context: Context,
    drafts: Drafts,
    /// True while the person types. During that time no other output is written to the terminal.
    types: Arc<AtomicBool>,
}

/// A line that the person typed.
#[derive(Debug, PartialEq, Eq)]
enum Typed<'a> {
    Text(&'a str),
    Help,
    Undo,
    Show,
    Stop,
    Unknown(&'a str),
}

/// Parses a line. `/` begins a command; `//` begins text that starts with `/`.
fn parse_line(line: &str) -> Typed<'_> {
    let Some(rest) = line.strip_prefix('/') else { return Typed::Text(line) };
    if rest.starts_with('/') {
        return Typed::Text(rest);
    }
    match line.trim_end() {
        "/help" => Typed::Help,
        "/undo" => Typed::Undo,
        "/show" => Typed::Show,
        "/stop" => Typed::Stop,
        other => Typed::Unknown(other.split_whitespace().next().unwrap_or(other)),
    }
}

impl AtTerminal {
    /// Creates the person who sits at the terminal of a command.
    pub fn new(context: &Context) -> Self {
        let drafts = Drafts::of(context.settings.state.as_deref());
        let context = context.with_line(context.world.arguments.clone(), context.global.clone());
        Self { context, drafts, types: Arc::default() }
    }

    /// Returns the flag that is true while the person types.
    pub fn types(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.types)
    }

    fn open_stage(&self, scene: &Scene<'_>) -> Stage {
        Stage {
            printer: self.context.printer.clone(),
            heading: format_heading(scene),
            messages: scene.messages.to_vec(),
            drafts: self.drafts.clone(),
            place: (scene.conversation.to_owned(), scene.seq),
            is_told: false,
        }
    }
}

#[async_trait]
impl Person for AtTerminal {
    async fn write(&self, scene: &Scene<'_>) -> Answer {
        let typing = Typing::begin(&self.types, &self.context.printer);
        let mut stage = self.open_stage(scene);
        stage.print_new(scene);
        let already = self.drafts.load_lines(scene.conversation, scene.seq);
        if !already.is_empty() {
            stage.print_dim("what you typed before, and did not send:");
            stage.print_typed(&already);
        }
        let what = if scene.purpose == Purpose::Summary { "the summary" } else { "your turn" };
        stage.print_dim(&format!("{what}: a lone . on a line sends it, /help tells more"));
        self.context.terminal.typing.save_in(self.drafts.unfinished_file(scene.conversation, scene.seq));
        let typed =
            prompt::ask_lines(&self.context.terminal, what, already, move |lines| stage.handle_line(lines)).await;
        self.context.terminal.typing.save_in(None);
        match typed {
            Ok(Some(lines)) => typing.finish_with(lines.join("\n")),
            Ok(None) => Answer::Left("you left".to_owned()),
            Err(error) => Answer::Left(describe_end(&error)),
        }
    }

    async fn choose(&self, scene: &Scene<'_>) -> Answer {
        let typing = Typing::begin(&self.types, &self.context.printer);
        let stage = self.open_stage(scene);
        stage.print_new(scene);
        let candidates = || {
            for (number, name) in (1..).zip(scene.candidates) {
                stage.print_plain(&format!("{number:>3}  {name}"));
            }
        };
        candidates();
        let question = format!("who speaks? (Enter: {})", scene.next);
        loop {
            let typed = match prompt::ask_line(&self.context.terminal, &question, "", "run it on a terminal").await {
                Ok(Some(typed)) => typed,
                Ok(None) => return Answer::Left("you left".to_owned()),
                Err(error) => return Answer::Left(describe_end(&error)),
            };
            match parse_line(&typed) {
                Typed::Stop => return Answer::Left("you left".to_owned()),
                Typed::Show => {
                    stage.print_all();
                    candidates();
                }
                Typed::Help => {
                    stage.print_dim("a number or a name chooses; Enter takes the next in order; /show, /stop");
                }
                Typed::Text(text) => match find_candidate(text, scene.candidates) {
                    Some(name) => return typing.finish_with(name),
                    None => stage.print_plain(&format!("`{text}` is none of them: type a number from the list")),
                },
                Typed::Undo | Typed::Unknown(_) => {
                    stage.print_plain("there is no such command here: /show, /stop, /help");
                }
            }
        }
    }

    fn stored(&self, conversation: &str, seq: u32) {
        self.drafts.remove_through(conversation, seq);
        self.context.printer.say_pieces(&[Piece("kept", Look::Dim)]);
    }
}

/// Finds the candidate with this number or name. Empty input returns an empty name, which leaves the choice to the
/// program.
fn find_candidate(text: &str, candidates: &[String]) -> Option<String> {
    if text.is_empty() {
        return Some(String::new());
    }
    let by_number = text.parse::<usize>().ok().and_then(|n| candidates.get(n.checked_sub(1)?));
    let by_name = || candidates.iter().find(|c| c.to_lowercase() == text.to_lowercase());
    by_number.or_else(by_name).cloned()
}

/// Describes why a person's answer ended before it was sent.
fn describe_end(error: &CliError) -> String {
    if error.exit == crate::cli::error::Exit::Interrupt {
        return "you left".to_owned();
    }
    std::iter::once(&error.message).chain(&error.causes).cloned().collect::<Vec<_>>().join(": ")
}

fn format_heading(scene: &Scene<'_>) -> String {
    let who = match scene.purpose {
        Purpose::Speech | Purpose::Turn => format!("you are {} ({})", scene.name, scene.role),
        Purpose::Selection => "you choose who speaks".to_owned(),
        Purpose::Summary => format!("you sum up day {}", scene.day.0),
        Purpose::Answer => format!("you answer as {} ({})", scene.name, scene.role),
    };
    let day = if scene.day.1 > 1 { format!("day {} of {}, ", scene.day.0, scene.day.1) } else { String::new() };
    let message = match scene.purpose {
        Purpose::Summary | Purpose::Answer => String::new(),
        Purpose::Speech | Purpose::Turn | Purpose::Selection => {
            format!(" · {day}message {} of {}", scene.message.0, scene.message.1)
        }
    };
    format!("{who}{message} · conversation {}", short(scene.conversation))
}

/// Guard that marks the terminal as in use while a person types.
struct Typing<'a> {
    types: &'a AtomicBool,
    printer: &'a Printer,
    is_sent: bool,
}

impl<'a> Typing<'a> {
    fn begin(types: &'a AtomicBool, printer: &'a Printer) -> Self {
        types.store(true, Ordering::Relaxed);
        Self { types, printer, is_sent: false }
    }

    fn finish_with(mut self, text: String) -> Answer {
        self.is_sent = true;
        Answer::Typed(text)
    }
}

impl Drop for Typing<'_> {
    fn drop(&mut self) {
        self.types.store(false, Ordering::Relaxed);
        if !self.is_sent {
            // The cursor may still be in the middle of a line.
            self.printer.say("");
        }
    }
}

/// One turn as shown on the terminal.
struct Stage {
    printer: Printer,
    heading: String,
    messages: Vec<Message>,
    drafts: Drafts,
    place: (String, u32),
    /// True once the warning that drafts cannot be saved has been printed.
    is_told: bool,
}

impl Stage {
    /// Prints the heading and the new messages.
    fn print_new(&self, scene: &Scene<'_>) {
        self.print_plain("");
        self.print_bold(&self.heading);
        let is_new = |m: &&Message| scene.shown == 0 || m.author != Author::Assistant;
        for message in scene.messages.iter().skip(scene.shown).filter(is_new) {
            self.print_message(message);
        }
        if scene.again {
            self.print_plain("what you sent was empty, and this experiment asks again");
        }
        self.print_plain("");
    }

    /// Prints the heading and all messages.
    fn print_all(&self) {
        self.print_plain("");
        self.print_bold(&self.heading);
        for message in &self.messages {
            self.print_message(message);
        }
        self.print_plain("");
    }

    fn print_message(&self, message: &Message) {
        self.print_plain("");
        let (before, look) = match message.author {
            Author::System => ("", Look::Dim),
            Author::User => ("", Look::Plain),
            Author::Assistant => ("you: ", Look::Plain),
        };
        for line in wrap(&harmless(&format!("{before}{}", message.content)), self.printer.talk_width()) {
            self.printer.say_pieces(&[Piece(&line, look)]);
        }
    }

    /// Handles the line that was just typed, which is the last of `lines`.
    fn handle_line(&mut self, lines: &[String]) -> LineEffect {
        let Some((last, before)) = lines.split_last() else { return LineEffect::Keep };
        let mut left = before.to_vec();
        match parse_line(last) {
            Typed::Text(text) => {
                left.push(text.to_owned());
                self.save_draft(&left);
            }
            Typed::Undo if left.pop().is_some() => {
                self.save_draft(&left);
                self.print_dim(&format!("{} left", count(left.len(), "line")));
                self.print_typed(&left);
            }
            Typed::Undo => self.print_dim("there is nothing to take back"),
            Typed::Help => COMMANDS.iter().for_each(|(word, does)| self.print_plain(&format!("{word:<6} {does}"))),
            Typed::Show => {
                self.print_all();
                self.print_typed(&left);
            }
            Typed::Stop => return LineEffect::Stop,
            Typed::Unknown(word) => {
                self.print_plain(&format!(
                    "there is no command {word}: the line is not sent; /{last} says it, /help tells more"
                ));
            }
        }
        LineEffect::Replace(left)
    }

    /// Saves the text typed so far. If that fails, warns once.
    fn save_draft(&mut self, lines: &[String]) {
        if let Err(error) = self.drafts.save_lines(&self.place.0, self.place.1, lines)
            && !std::mem::replace(&mut self.is_told, true)
        {
            self.printer.warn(&format!("what you type is kept nowhere until it is sent: {error}"));
        }
    }

    fn print_typed(&self, lines: &[String]) {
        for line in lines {
            self.print_plain(&format!("  {line}"));
        }
    }

    fn print_plain(&self, text: &str) {
        self.print_styled(text, Look::Plain);
    }

    fn print_bold(&self, text: &str) {
        self.print_styled(text, Look::Bold);
    }

    fn print_dim(&self, text: &str) {
        self.print_styled(text, Look::Dim);
    }

    fn print_styled(&self, text: &str, look: Look) {
        let lines = wrap(&harmless(text), self.printer.talk_width());
        for line in if lines.is_empty() { vec![String::new()] } else { lines } {
            self.printer.say_pieces(&[Piece(&line, look)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_begins_a_command_and_two_say_one() {
        assert_eq!(parse_line("hello /stop"), Typed::Text("hello /stop"));
        assert_eq!(parse_line("//stop"), Typed::Text("/stop"));
        assert_eq!(parse_line("/stop "), Typed::Stop);
        assert_eq!(parse_line("/undo"), Typed::Undo);
        assert_eq!(parse_line("/stopp now"), Typed::Unknown("/stopp"));
        assert_eq!(parse_line("/"), Typed::Unknown("/"));
        assert_eq!(parse_line(""), Typed::Text(""));
    }

    #[test]
    fn a_choice_is_a_number_a_name_or_nothing() {
        let candidates = ["Guard_1".to_owned(), "Prisoner_2".to_owned()];
        let of = |text: &str| find_candidate(text, &candidates);
        assert_eq!(of("2").as_deref(), Some("Prisoner_2"));
        assert_eq!(of("guard_1").as_deref(), Some("Guard_1"));
        assert_eq!(of("").as_deref(), Some(""));
        assert!([of("0"), of("3"), of("Guard"), of("-1")].iter().all(Option::is_none));
    }
}
