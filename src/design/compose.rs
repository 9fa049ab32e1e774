//! Prompts of a condition before substitution: which blocks, in which order.

use super::condition::Condition;
use super::experiment::{Experiment, PromptText, Section};
use super::markdown;

/// The program's own words to a selector (contract: they count in a condition's key).
pub const PROGRAM_WORDS: [&str; 3] = [
    include_str!("../../prompts/selector.md"),
    include_str!("../../prompts/selector-question.md"),
    include_str!("../../prompts/selector-again.md"),
];

/// The prompt of the agents of role `index`: the starting prompts (shared, then the role's), then the sections in
/// the order of `sections`, those not listed after: shared first, each file's order kept.
pub fn agent(experiment: &Experiment, condition: &Condition, index: usize) -> String {
    let own = experiment.roles.get(index).map(|r| &r.prompt);
    blocks(experiment, condition, &[Some(&experiment.shared), own])
}

/// What a selector may read: what all agents share.
pub fn selector(experiment: &Experiment, condition: &Condition) -> String {
    blocks(experiment, condition, &[Some(&experiment.shared)])
}

/// The summariser's prompt.
pub fn summarizer(experiment: &Experiment, condition: &Condition) -> String {
    blocks(experiment, condition, &[experiment.summarizer.as_ref()])
}

/// Sections of a file that apply in a condition.
pub fn applying<'a>(
    experiment: &'a Experiment,
    condition: &'a Condition,
    text: &'a PromptText,
) -> impl Iterator<Item = &'a Section> {
    text.sections.iter().filter(|s| condition.meets(experiment, &s.when))
}

fn blocks(experiment: &Experiment, condition: &Condition, files: &[Option<&PromptText>]) -> String {
    let files: Vec<&PromptText> = files.iter().copied().flatten().collect();
    let mut sections: Vec<&Section> = files.iter().flat_map(|f| applying(experiment, condition, f)).collect();
    let place = |s: &&Section| experiment.sections.iter().position(|t| *t == s.title).unwrap_or(usize::MAX);
    sections.sort_by_key(place);
    let starts = files.iter().map(|f| markdown::sent(&f.start));
    let titled = sections.into_iter().map(|s| {
        let text = markdown::sent(&s.text);
        if text.is_empty() { format!("## {}", s.title) } else { format!("## {}\n{text}", s.title) }
    });
    starts.chain(titled).filter(|b| !b.is_empty()).collect::<Vec<_>>().join("\n\n")
}
