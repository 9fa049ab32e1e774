//! Placeholders (docs/format.md, "Placeholders"): a text is parsed once into pieces and rendered in one pass.
//!
//! Knows roles by their tags and nothing of files, sections or conversations: who may use which tag, and
//! whether a role has an agent, is for the caller, who is given every tag with its place.

use super::inflect;
use std::ops::Range;

mod tags;
#[cfg(test)]
mod tests;

pub use tags::{RoleTags, Tag, tag_of};

/// Something in a text that is no tag though it looks like one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagProblem {
    /// Bytes of the text, from `<` to `>`.
    pub span: Range<usize>,
    /// What stands between `<` and `>`.
    pub tag: String,
    /// What is wrong with it.
    pub kind: TagProblemKind,
}

/// What is wrong with a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagProblemKind {
    /// An error: there is no such tag. The nearest known one, unless none comes near.
    Unknown {
        /// Without `<` and `>`.
        nearest: Option<String>,
    },
    /// An error: what follows `_VERB_` is not a single word.
    NotAVerb,
    /// A warning: it is text, but would be this tag if it were written in capitals.
    LooksLike {
        /// Without `<` and `>`.
        tag: String,
    },
}

/// A text with its tags found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Text with `\<` already read as `<`.
    Text(String),
    Tag(Tag, Range<usize>),
}

/// What stands at a `<`.
enum Found {
    Tag(Tag, usize),
    /// Text as it stands, so many bytes of it.
    Text(usize, Option<TagProblemKind>),
}

impl Template {
    /// Finds the tags of a text. What only looks like one is reported, and stays as text.
    pub fn parse(text: &str, roles: &RoleTags) -> (Self, Vec<TagProblem>) {
        let mut problems = Vec::new();
        let mut template = Self::default();
        let mut at = 0;
        while let Some(next) = text[at..].find('<').map(|found| at + found) {
            if text[at..next].ends_with('\\') {
                template.push_text(&text[at..next - 1]);
                template.push_text("<");
                at = next + 1;
                continue;
            }
            template.push_text(&text[at..next]);
            match look(&text[next..], roles) {
                Found::Tag(tag, len) => {
                    template.pieces.push(Piece::Tag(tag, next..next + len));
                    at = next + len;
                }
                Found::Text(len, problem) => {
                    at = next + len;
                    template.push_text(&text[next..at]);
                    problems.extend(problem.map(|kind| TagProblem {
                        span: next..at,
                        tag: text[next + 1..at - 1].to_owned(),
                        kind,
                    }));
                }
            }
        }
        template.push_text(&text[at..]);
        (template, problems)
    }

    /// The tags, each with its bytes in the text, in order.
    pub fn tags(&self) -> impl Iterator<Item = (&Tag, Range<usize>)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Tag(tag, span) => Some((tag, span.clone())),
            Piece::Text(_) => None,
        })
    }

    /// The text with every tag replaced. A value is never read again, so a name that holds a tag stays as it is.
    ///
    /// `forms.roles` are those of the [`RoleTags`] that the text was parsed with, in their order.
    pub fn render(&self, forms: &Forms) -> String {
        self.pieces.iter().fold(String::new(), |mut out, piece| {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Tag(tag, _) => forms.write(tag, &mut out),
            }
            out
        })
    }

    fn push_text(&mut self, text: &str) {
        if let Some(Piece::Text(before)) = self.pieces.last_mut() {
            before.push_str(text);
        } else if !text.is_empty() {
            self.pieces.push(Piece::Text(text.to_owned()));
        }
    }
}

/// Judges a text that begins with `<`.
fn look(text: &str, roles: &RoleTags) -> Found {
    let inside = &text[1..];
    let Some(end) = inside.find(['<', '>', '\n']).filter(|&end| inside[end..].starts_with('>')) else {
        return Found::Text(1, None);
    };
    let (name, len) = (&inside[..end], end + 2);
    if let Some(tag) = roles.find(name) {
        return Found::Tag(tag, len);
    }
    if roles.is_verb_of_role(name) {
        return Found::Text(len, Some(TagProblemKind::NotAVerb));
    }
    if tags::has_form_of_tag(name) {
        return Found::Text(len, Some(TagProblemKind::Unknown { nearest: roles.nearest(name) }));
    }
    let meant = tag_of(name.trim());
    let problem = roles.find(&meant).map(|_| TagProblemKind::LooksLike { tag: meant });
    Found::Text(len, problem)
}

/// What the tags stand for in one text of one conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forms {
    /// The roles, in the order of the tags.
    pub roles: Vec<RoleForms>,
    /// The name of the agent that reads the text; `None` where nobody in particular does.
    pub agent_name: Option<String>,
}

/// What a role's tags stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleForms {
    /// Agents that play it; none takes the forms of several.
    pub count: u32,
    /// One of them: `guard`.
    pub noun: String,
    /// Several: `guards`.
    pub plural: String,
    /// Pronoun and possessive of one: `he/his`.
    pub pronouns: String,
}

impl Forms {
    fn write(&self, tag: &Tag, out: &mut String) {
        match tag {
            Tag::AgentsNum => number(self.roles.iter().map(|role| u64::from(role.count)).sum(), out),
            Tag::RolesNum => number(self.roles.iter().filter(|role| role.count > 0).count() as u64, out),
            Tag::AgentName => out.push_str(self.agent_name.as_deref().unwrap_or("the agent")),
            Tag::Num(_) | Tag::Noun(_) | Tag::Poss(_) | Tag::Pron(_) | Tag::PossPron(_) | Tag::Verb(..) => {
                if let Some(role) = tag.role().and_then(|index| self.roles.get(index)) {
                    role.write(tag, out);
                }
            }
        }
    }
}

impl RoleForms {
    fn write(&self, tag: &Tag, out: &mut String) {
        let one = self.count == 1;
        match tag {
            Tag::Num(_) => number(self.count.into(), out),
            Tag::Noun(_) if one => out.push_str(&self.noun),
            Tag::Noun(_) => out.push_str(&self.plural),
            Tag::Poss(_) if one => out.push_str(&inflect::possessive_one(&self.noun)),
            Tag::Poss(_) => out.push_str(&inflect::possessive_several(&self.plural)),
            Tag::Pron(_) => out.push_str(self.pronouns().0),
            Tag::PossPron(_) => out.push_str(self.pronouns().1),
            Tag::Verb(_, base) if one => out.push_str(&inflect::third_person(base)),
            Tag::Verb(_, base) => out.push_str(&inflect::base_for_several(base)),
            Tag::AgentsNum | Tag::RolesNum | Tag::AgentName => {}
        }
    }

    /// What is written of one, else what is right of any number.
    fn pronouns(&self) -> (&str, &str) {
        let of_one = if self.count == 1 { inflect::pronouns(&self.pronouns) } else { None };
        of_one.unwrap_or(("they", "their"))
    }
}

fn number(count: u64, out: &mut String) {
    out.push_str(&count.to_string());
}
