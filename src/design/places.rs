//! The texts of an experiment by their addresses, as `--section` names them.

use super::experiment::{Experiment, PromptText, Role, Section};
use super::markdown;

/// Name of the shared prompt in an address.
pub const SHARED: &str = "shared";
/// Name of the summariser's prompt in an address.
pub const SUMMARIZER: &str = "summarizer";

/// Returns each prompt with its name in an address: the shared one, those of the roles, that of the summariser.
pub fn list_prompts(experiment: &Experiment) -> Vec<(&str, &PromptText)> {
    let roles = experiment.roles.iter().map(|role| (role.name.as_str(), &role.prompt));
    let helper = experiment.summarizer.iter().map(|text| (SUMMARIZER, text));
    std::iter::once((SHARED, &experiment.shared)).chain(roles).chain(helper).collect()
}

/// Returns the same prompts to be changed.
pub fn prompts_mut(experiment: &mut Experiment) -> impl Iterator<Item = (&str, &mut PromptText)> {
    let roles = experiment.roles.iter_mut().map(|Role { name, prompt, .. }| (name.as_str(), prompt));
    let helper = experiment.summarizer.iter_mut().map(|text| (SUMMARIZER, text));
    std::iter::once((SHARED, &mut experiment.shared)).chain(roles).chain(helper)
}

/// Returns the address of a section: for a shared one its heading alone.
pub fn section_address(prompt: &str, section: &Section) -> String {
    let when = markdown::write_when(&section.when);
    let heading = if when.is_empty() { section.title.clone() } else { format!("{} {{{when}}}", section.title) };
    if prompt == SHARED && !section.title.contains('/') { heading } else { format!("{prompt}/{heading}") }
}

/// Returns the address of the text before the first section.
pub fn start_address(prompt: &str) -> String {
    format!("{prompt}/")
}

/// Returns each section with the name of its prompt.
pub fn list_sections(experiment: &Experiment) -> impl Iterator<Item = (&str, &Section)> {
    list_prompts(experiment).into_iter().flat_map(|(name, prompt)| prompt.sections.iter().map(move |s| (name, s)))
}

/// Finds the section at an address, with the name of its prompt.
pub fn find_section<'a>(experiment: &'a Experiment, address: &str) -> Option<(&'a str, &'a Section)> {
    list_sections(experiment).find(|(name, section)| section_address(name, section) == address)
}

/// Returns the text at an address; `None` if there is no such section.
pub fn find_text<'a>(experiment: &'a Experiment, address: &str) -> Option<&'a str> {
    let start = list_prompts(experiment).into_iter().find(|(name, _)| start_address(name) == address);
    let section = || find_section(experiment, address).map(|(_, section)| section.text.as_str());
    start.map(|(_, prompt)| prompt.start.as_str()).or_else(section)
}

/// Replaces the text at an address, if there is one.
pub fn put_text(experiment: &mut Experiment, address: &str, text: &str) {
    for (name, prompt) in prompts_mut(experiment) {
        if start_address(name) == address {
            text.clone_into(&mut prompt.start);
        }
        for section in prompt.sections.iter_mut().filter(|section| section_address(name, section) == address) {
            text.clone_into(&mut section.text);
        }
    }
}
