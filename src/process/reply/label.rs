//! Labels: `Guard_117:`, `**Guard:**`, `[Guard]:` for the names and roles of one conversation.

use super::scene::Scene;

/// Number of characters of markup and spaces that a label may have beside its name.
const SLACK: usize = 16;

/// Owner of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The speaker's name or role.
    Own,
    /// Another agent's name, or a role that is not the speaker's.
    Other,
}

/// A label found at the start of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label {
    /// Owner of the label.
    pub(super) whose: Whose,
    /// End of the label, in bytes from the start of the text.
    pub(super) end: usize,
}

/// Folded labels of a scene.
pub(super) struct Labels {
    known: Vec<(String, Whose)>,
    /// Length of the longest label, in characters.
    longest: usize,
}

impl Labels {
    /// Collects the labels. The speaker's own precede others with the same text.
    pub(super) fn of(scene: &Scene<'_>) -> Self {
        let own = [scene.own_name, scene.own_role].map(|text| (fold(text), Whose::Own));
        let others = scene.others.iter().flat_map(|(name, role)| [*name, *role]).map(|text| (fold(text), Whose::Other));
        let known: Vec<_> = own.into_iter().chain(others).filter(|(text, _)| !text.is_empty()).collect();
        let longest = known.iter().map(|(text, _)| text.chars().count()).max().unwrap_or(0);
        Self { known, longest }
    }

    /// Returns the label at the start of `text`. Reads only to the maximum length of a label and to the line's end.
    pub(super) fn at(&self, text: &str) -> Option<Label> {
        let body = text.trim_start_matches(opens);
        let reach = self.longest + SLACK;
        let (colon, mark) = body
            .char_indices()
            .take(reach)
            .take_while(|(_, c)| !matches!(c, '\n' | '\r'))
            .find(|(_, c)| matches!(c, ':' | '：'))?;
        let name = body[..colon].trim_end_matches(closes);
        let whose = self.whose(name)?;
        let opened = text[..text.len() - body.len()].chars().filter(|c| closes_what(*c)).count();
        let closed = body[name.len()..colon].chars().filter(|c| !c.is_whitespace()).count();
        let behind = &body[colon + mark.len_utf8()..];
        let rest = without_closing(behind, opened.saturating_sub(closed));
        Some(Label { whose, end: text.len() - rest.len() })
    }

    fn whose(&self, name: &str) -> Option<Whose> {
        let name = fold(name);
        self.known.iter().find(|(known, _)| *known == name).map(|(_, whose)| *whose)
    }
}

/// True for markup that may precede a name: `**`, `### `, `[` …
fn opens(c: char) -> bool {
    matches!(c, '*' | '_' | '#' | '[' | '(' | '{' | '`') || (c.is_whitespace() && !matches!(c, '\n' | '\r'))
}

/// True for markup that may follow a name or the colon.
fn closes(c: char) -> bool {
    matches!(c, '*' | '_' | ']' | ')' | '}' | '`') || (c.is_whitespace() && !matches!(c, '\n' | '\r'))
}

/// True for opening markup with a closing counterpart; a heading's `#` has none.
fn closes_what(c: char) -> bool {
    matches!(c, '*' | '_' | '[' | '(' | '{' | '`')
}

/// Removes at most `open` closing marks, so that `Guard: **Stop**` keeps its emphasis and `**Guard:** Stop` loses the
/// label's marks.
fn without_closing(mut text: &str, open: usize) -> &str {
    for _ in 0..open {
        text = text.strip_prefix(['*', '_', ']', ')', '}', '`']).unwrap_or(text);
    }
    text
}

/// Folds case, `_` and Markdown's `\_`, which do not distinguish names.
pub(super) fn fold(name: &str) -> String {
    let spaced = name.replace('\\', "").replace('_', " ").to_lowercase();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}
