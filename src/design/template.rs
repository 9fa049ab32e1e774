//! Placeholders (docs/format.md, "Placeholders"): a text is parsed once into pieces and rendered in one pass.
//!
//! This module knows roles only by their tags, and does not know files, sections or conversations. It returns every tag
//! with its place. The caller checks who may use each tag, and that the tag's role has an agent.

use super::inflect;
use crate::people::fact::{Fact, Facts, follow_path};
use std::ops::Range;

mod tags;
#[cfg(test)]
mod tests;

pub use tags::{RoleTags, Tag, tag_of};

/// A part of a text that looks like a tag but is not a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagProblem {
    /// Bytes of the text, from `<` to `>`.
    pub span: Range<usize>,
    /// The text between `<` and `>`.
    pub tag: String,
    /// The kind of mistake.
    pub kind: TagProblemKind,
}

/// The kind of mistake in a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagProblemKind {
    /// An error: this tag does not exist.
    Unknown {
        /// The tag without `<` and `>`.
        nearest: Option<String>,
    },
    /// An error: the text after `_VERB_` is not a single word.
    NotAVerb,
    /// A warning: the text stays text, but would be this tag if written in capitals.
    LooksLike {
        /// The tag without `<` and `>`.
        tag: String,
    },
}

/// A text divided at its tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Text in which each `\<` has been replaced by `<`.
    Text(String),
    Tag(Tag, Range<usize>),
}

enum Found {
    Tag(Tag, usize),
    /// Plain text with this number of bytes, and a problem if it looks like a tag.
    Text(usize, Option<TagProblemKind>),
}

impl Template {
    /// Finds the tags of a text. A part that only looks like a tag is reported and stays text.
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
            match judge_tag(&text[next..], roles) {
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

    /// Returns the tags in order, each with its bytes in the text.
    pub fn tags(&self) -> impl Iterator<Item = (&Tag, Range<usize>)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Tag(tag, span) => Some((tag, span.clone())),
            Piece::Text(_) => None,
        })
    }

    /// Replaces every tag. A value is never parsed again, so a name that contains a tag is unchanged.
    ///
    /// `forms.roles` has the order of the [`RoleTags`] with which the text was parsed.
    pub fn render(&self, forms: &Forms) -> String {
        self.pieces.iter().fold(String::new(), |mut out, piece| {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Tag(tag, _) => forms.write_tag(tag, &mut out),
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

fn judge_tag(text: &str, roles: &RoleTags) -> Found {
    let inside = &text[1..];
    let Some(end) = inside.find(['<', '>', '\n']).filter(|&end| inside[end..].starts_with('>')) else {
        return Found::Text(1, None);
    };
    let (name, len) = (&inside[..end], end + 2);
    if let Some(tag) = roles.find_tag(name) {
        return Found::Tag(tag, len);
    }
    if roles.is_verb_of_role(name) {
        return Found::Text(len, Some(TagProblemKind::NotAVerb));
    }
    if tags::has_form_of_tag(name) {
        return Found::Text(len, Some(TagProblemKind::Unknown { nearest: roles.nearest_tag(name) }));
    }
    let meant = tag_of(name.trim());
    let problem = roles.find_tag(&meant).map(|_| TagProblemKind::LooksLike { tag: meant });
    Found::Text(len, problem)
}

/// Values of the tags in one text of one conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forms {
    /// The roles, in the order of the tags.
    pub roles: Vec<RoleForms>,
    /// The name of the agent that reads the text; `None` if the text has no single reader.
    pub agent_name: Option<String>,
    /// Facts about that agent's person; empty if it is nobody in particular.
    pub facts: Facts,
}

/// Values of a role's tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleForms {
    /// Number of agents. At 0, tags use the plural forms.
    pub count: u32,
    /// Noun for one agent: `guard`.
    pub noun: String,
    /// Noun for several agents: `guards`.
    pub plural: String,
    /// Pronoun and possessive for one agent: `he/his`.
    pub pronouns: String,
}

impl Forms {
    fn write_tag(&self, tag: &Tag, out: &mut String) {
        match tag {
            Tag::AgentsNum => {
                out.push_str(&self.roles.iter().map(|role| u64::from(role.count)).sum::<u64>().to_string());
            }
            Tag::RolesNum => out.push_str(&self.roles.iter().filter(|role| role.count > 0).count().to_string()),
            Tag::Person(path, otherwise) => {
                let fact = follow_path(&self.facts, path).and_then(Fact::scalar);
                out.push_str(&fact.or_else(|| otherwise.clone()).unwrap_or_else(|| "unknown".to_owned()));
            }
            Tag::AgentName => out.push_str(self.agent_name.as_deref().unwrap_or("the agent")),
            Tag::Num(_) | Tag::Noun(_) | Tag::Poss(_) | Tag::Pron(_) | Tag::PossPron(_) | Tag::Verb(..) => {
                if let Some(role) = tag.role().and_then(|index| self.roles.get(index)) {
                    role.write_tag(tag, out);
                }
            }
        }
    }
}

impl RoleForms {
    fn write_tag(&self, tag: &Tag, out: &mut String) {
        let one = self.count == 1;
        match tag {
            Tag::Num(_) => out.push_str(&self.count.to_string()),
            Tag::Noun(_) if one => out.push_str(&self.noun),
            Tag::Noun(_) => out.push_str(&self.plural),
            Tag::Poss(_) if one => out.push_str(&inflect::possessive_one(&self.noun)),
            Tag::Poss(_) => out.push_str(&inflect::possessive_several(&self.plural)),
            Tag::Pron(_) => out.push_str(self.pronoun_pair().0),
            Tag::PossPron(_) => out.push_str(self.pronoun_pair().1),
            Tag::Verb(_, base) if one => out.push_str(&inflect::third_person(base)),
            Tag::Verb(_, base) => out.push_str(&inflect::base_for_several(base)),
            Tag::AgentsNum | Tag::RolesNum | Tag::AgentName | Tag::Person(..) => {}
        }
    }

    /// Returns the pronouns of the role if it has one agent and they are written; otherwise `they/their`.
    fn pronoun_pair(&self) -> (&str, &str) {
        let of_one = if self.count == 1 { inflect::split_pronouns(&self.pronouns) } else { None };
        of_one.unwrap_or(("they", "their"))
    }
}
