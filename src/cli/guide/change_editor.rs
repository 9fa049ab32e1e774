//! The questions about a change and the answers so far, so that Esc goes back one question and loses nothing.

use super::change_set::{ChangeSet, Place, list_places, section_address};
use crate::cli::context::Context;
use crate::design::Experiment;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A part of an experiment that can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Name,
    StartingMessage,
    Models,
    Roles,
    Titles,
    Contents,
    Summarizer,
    Note,
}

impl Part {
    /// Lists the parts. A copy always gets its own name; the note of the person's own experiment has its own menu.
    pub fn list_parts(copy: bool) -> Vec<Self> {
        let middle = [Self::StartingMessage, Self::Models, Self::Roles, Self::Titles, Self::Contents, Self::Summarizer];
        let first = (!copy).then_some(Self::Name).into_iter();
        first.chain(middle).chain(copy.then_some(Self::Note)).collect()
    }

    /// Returns the text in the list.
    pub fn words(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::StartingMessage => "starting message",
            Self::Models => "models",
            Self::Roles => "roles, and how many agents",
            Self::Titles => "section titles",
            Self::Contents => "section contents",
            Self::Summarizer => "summariser",
            Self::Note => "note",
        }
    }
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The first question of a part.
    Of(Part),
    /// The titles that all agents share.
    Sharing,
    /// The summariser's titles.
    SummarizerTitles,
    /// The choice among the summariser's sections.
    SummarizerContents,
    /// The text of a section, by its address.
    Text(String),
}

/// A change of the summariser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Titles,
    Contents,
    Gone,
}

/// Unfinished lines of texts, by address.
pub(super) type Typed = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// The questions, and the answers so far.
pub(super) struct ChangeEditor<'a> {
    pub old: &'a Experiment,
    /// The parts to change.
    pub parts: Vec<Part>,
    pub wanted: ChangeSet,
    /// New titles that all agents share.
    pub shared: Vec<String>,
    /// Addresses of the sections whose text changes.
    pub contents: Vec<String>,
    pub way: Way,
    /// The summariser's titles.
    pub summarizer: Option<Vec<String>>,
    pub typed: Typed,
}

impl<'a> ChangeEditor<'a> {
    pub fn new(old: &'a Experiment, name: Option<String>) -> Self {
        let wanted = ChangeSet { name, ..ChangeSet::default() };
        let (shared, contents, summarizer) = (Vec::new(), Vec::new(), None);
        Self { old, parts: Vec::new(), wanted, shared, contents, way: Way::Titles, summarizer, typed: Typed::default() }
    }

    /// Returns the questions, in order. An answer may add or remove questions.
    pub fn steps(&self, now: &Experiment) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for part in &self.parts {
            let asked = match part {
                Part::Roles => [vec![Step::Of(*part)], self.new_role_steps(now)].concat(),
                Part::Titles => [vec![Step::Of(*part), Step::Sharing], self.new_title_steps(now)].concat(),
                Part::Contents => [vec![Step::Of(*part)], self.chosen_texts(now, false)].concat(),
                Part::Summarizer => self.summarizer_steps(now),
                Part::Name | Part::StartingMessage | Part::Models | Part::Note => vec![Step::Of(*part)],
            };
            for step in asked {
                if !steps.contains(&step) {
                    steps.push(step);
                }
            }
        }
        steps
    }

    fn new_role_steps(&self, now: &Experiment) -> Vec<Step> {
        let is_new = |name: &str| !self.old.roles.iter().any(|old| old.name == name);
        // New titles get questions of their own.
        let mut titles = titles_of(self.old, false);
        titles.retain(|title| {
            self.current_titles().contains(title) && !is_shared(self.old, title) && !self.is_shared(title)
        });
        let new = now.roles.iter().filter(|role| is_new(&role.name));
        new.flat_map(|role| titles.iter().map(|title| Step::Text(section_address(&role.name, title)))).collect()
    }

    /// Returns the experiment with the answers so far, for the next questions.
    pub fn current_document(&self, context: &Context) -> Experiment {
        let mut wanted = self.wanted.clone();
        // A newly shared section without a text would be an error.
        wanted.share.retain(|title| {
            let there = section_address("shared", title);
            !self.has_different_texts(title) || wanted.sections.iter().any(|(address, _)| *address == there)
        });
        wanted.document_so_far(context, self.old)
    }

    /// True if the roles have different texts under a title, or not all have one.
    fn has_different_texts(&self, title: &str) -> bool {
        let of_roles = list_places(self.old).into_iter().filter(|p| !p.summarizer && !p.shared && p.title == title);
        let texts: Vec<String> = of_roles.map(|place| place.text).collect();
        texts.len() != self.old.roles.len() || texts.windows(2).any(|pair| pair[0] != pair[1])
    }

    fn new_title_steps(&self, now: &Experiment) -> Vec<Step> {
        let before = titles_of(self.old, false);
        let differ = self.wanted.share.iter().filter(|title| self.has_different_texts(title));
        let mut steps: Vec<Step> = differ.map(|title| Step::Text(section_address("shared", title))).collect();
        for title in self.current_titles().iter().filter(|title| !before.contains(title)) {
            if self.is_shared(title) {
                steps.push(Step::Text(section_address("shared", title)));
            } else {
                steps.extend(now.roles.iter().map(|role| Step::Text(section_address(&role.name, title))));
            }
        }
        steps
    }

    fn chosen_texts(&self, now: &Experiment, summarizer: bool) -> Vec<Step> {
        let there = list_places(now).into_iter().filter(|place| place.summarizer == summarizer);
        let chosen = there.filter(|place| self.contents.contains(&place.address));
        chosen.map(|place| Step::Text(place.address)).collect()
    }

    fn summarizer_steps(&self, now: &Experiment) -> Vec<Step> {
        let first = self.has_summarizer().then_some(Step::Of(Part::Summarizer));
        let way = if first.is_some() { self.way } else { Way::Titles };
        let more = match way {
            Way::Titles => {
                let before = titles_of(self.old, true);
                let new = self.summarizer_titles().into_iter().filter(|title| !before.contains(title));
                let texts = new.map(|title| Step::Text(section_address("summarizer", &title)));
                std::iter::once(Step::SummarizerTitles).chain(texts).collect()
            }
            Way::Contents => [vec![Step::SummarizerContents], self.chosen_texts(now, true)].concat(),
            Way::Gone => Vec::new(),
        };
        first.into_iter().chain(more).collect()
    }

    /// True if the experiment has a summariser.
    fn has_summarizer(&self) -> bool {
        list_places(self.old).iter().any(|place| place.summarizer)
    }

    /// Returns the current titles of the agents' sections.
    pub fn current_titles(&self) -> Vec<String> {
        self.wanted.order.clone().unwrap_or_else(|| titles_of(self.old, false))
    }

    /// Returns the current titles of the summariser's sections.
    pub fn summarizer_titles(&self) -> Vec<String> {
        self.summarizer.clone().unwrap_or_else(|| titles_of(self.old, true))
    }

    /// True if all agents share the section of that title.
    pub fn is_shared(&self, title: &String) -> bool {
        let was = is_shared(self.old, title) && !self.wanted.private.contains(title);
        was || self.wanted.share.contains(title) || self.shared.contains(title)
    }

    /// Sets the titles. A section that is removed and added again is unchanged.
    pub fn set_titles(&mut self, after: &[String], summarizer: bool) {
        let before = if summarizer { self.summarizer_titles() } else { self.current_titles() };
        for place in list_places(self.old).into_iter().filter(|p| p.summarizer == summarizer && !p.title.is_empty()) {
            if after.contains(&place.title) {
                let was_gone = !before.contains(&place.title);
                self.wanted.drop.retain(|dropped| !was_gone || *dropped != place.address);
            } else {
                self.wanted.remove_section(place.address, self.old);
            }
        }
        for gone in before.iter().filter(|title| !after.contains(title)) {
            self.forget_texts(gone, |file| (file == "summarizer") == summarizer);
            if !summarizer {
                for list in [&mut self.wanted.share, &mut self.wanted.private, &mut self.shared] {
                    list.retain(|title| title != gone);
                }
            }
        }
        if summarizer {
            self.summarizer = Some(after.to_vec());
        } else {
            self.wanted.order = (after != titles_of(self.old, false)).then(|| after.to_vec());
        }
    }

    /// Sets if all agents share a title.
    pub fn set_shared(&mut self, title: &String, is: bool) {
        if self.is_shared(title) == is {
            return;
        }
        // A text written for the other place would appear there, too.
        self.forget_texts(title, |file| (file == "shared") != is && file != "summarizer");
        for list in [&mut self.wanted.share, &mut self.wanted.private, &mut self.shared] {
            list.retain(|one| one != title);
        }
        if !titles_of(self.old, false).contains(title) {
            self.shared.extend(is.then(|| title.clone()));
        } else if is_shared(self.old, title) != is {
            let list = if is { &mut self.wanted.share } else { &mut self.wanted.private };
            list.push(title.clone());
        }
    }

    fn forget_texts(&mut self, title: &str, in_file: impl Fn(&str) -> bool) {
        self.wanted.sections.retain(|(address, _)| {
            let (file, heading) = address.split_once('/').unwrap_or(("shared", address));
            heading.split(" {").next() != Some(title) || !in_file(file)
        });
    }

    /// Sets the change of the summariser. Its removal can be undone.
    pub fn set_way(&mut self, way: Way) {
        let own: Vec<Place> = list_places(self.old).into_iter().filter(|place| place.summarizer).collect();
        for place in own {
            if way == Way::Gone {
                self.wanted.remove_section(place.address, self.old);
            } else if self.way == Way::Gone {
                self.wanted.drop.retain(|dropped| *dropped != place.address);
            }
        }
        self.way = way;
    }

    /// Chooses the sections to ask for, of agents or of the summariser.
    pub fn choose_contents(&mut self, all: &[Place], chosen: &[usize]) {
        self.contents.retain(|address| !all.iter().any(|place| place.address == *address));
        self.contents.extend(chosen.iter().map(|at| all[*at].address.clone()));
    }

    /// Returns a section, which may not exist yet, in its current state.
    pub fn current_place(&self, now: &Experiment, at: &str) -> Place {
        if let Some(place) = list_places(now).into_iter().find(|place| place.address == at) {
            return place;
        }
        let (file, title) = at.split_once('/').unwrap_or(("shared", at));
        let (summarizer, shared) = (file == "summarizer", file == "shared");
        let words = format!("{file}: {title}");
        let written = self.wanted.sections.iter().find(|(address, _)| address == at);
        let text = written.map(|(_, text)| text.clone()).unwrap_or_default();
        Place { address: at.to_owned(), words, title: title.to_owned(), text, summarizer, shared }
    }

    /// Sets the new text of a section.
    pub fn write_text(&mut self, place: &Place, text: String) {
        let old = list_places(self.old).into_iter().find(|old| old.address == place.address);
        if old.is_some_and(|old| old.text == text) && !self.wanted.drop.contains(&place.address) {
            self.wanted.sections.retain(|(address, _)| *address != place.address);
        } else if text != place.text || text.is_empty() {
            self.wanted.set_section(place.address.clone(), text);
        }
        self.typed.lock().unwrap_or_else(PoisonError::into_inner).remove(&place.address);
    }
}

/// Returns the titles of the agents' or the summariser's sections, in order.
fn titles_of(document: &Experiment, summarizer: bool) -> Vec<String> {
    let mut found: Vec<String> = if summarizer { Vec::new() } else { document.sections.clone() };
    for place in list_places(document).into_iter().filter(|p| p.summarizer == summarizer && !p.title.is_empty()) {
        if !found.contains(&place.title) {
            found.push(place.title);
        }
    }
    found
}

/// True if all agents share the section of that title.
fn is_shared(document: &Experiment, title: &str) -> bool {
    list_places(document).iter().any(|place| place.shared && place.title == title)
}
