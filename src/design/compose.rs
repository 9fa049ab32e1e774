//! Prompts of a condition before substitution: the blocks and their order.

use super::condition::Condition;
use super::experiment::{Experiment, PromptText, Section};
use super::markdown;

/// Texts that the program itself sends to a selector. The condition key includes them.
pub const PROGRAM_WORDS: [&str; 3] = [
    include_str!("../../prompts/selector.md"),
    include_str!("../../prompts/selector-question.md"),
    include_str!("../../prompts/selector-again.md"),
];

/// Composes the prompt of the agents of role `index`: starting prompts (shared, then the role's), then sections.
/// Sections follow the order of `sections`. Sections that are not listed there come last: first the shared ones, then
/// the role's, in the order of each file.
pub fn agent_prompt(experiment: &Experiment, condition: &Condition, index: usize) -> String {
    let own = experiment.roles.get(index).map(|r| &r.prompt);
    join_blocks(experiment, condition, &[Some(&experiment.shared), own])
}

/// Composes the prompt of a selector, which contains only the shared prompt.
pub fn selector_prompt(experiment: &Experiment, condition: &Condition) -> String {
    join_blocks(experiment, condition, &[Some(&experiment.shared)])
}

/// Composes the prompt of the summariser.
pub fn summarizer_prompt(experiment: &Experiment, condition: &Condition) -> String {
    join_blocks(experiment, condition, &[experiment.summarizer.as_ref()])
}

fn applying_sections<'a>(
    experiment: &'a Experiment,
    condition: &'a Condition,
    text: &'a PromptText,
) -> impl Iterator<Item = &'a Section> {
    text.sections.iter().filter(|s| condition.satisfies(experiment, &s.when))
}

fn join_blocks(experiment: &Experiment, condition: &Condition, files: &[Option<&PromptText>]) -> String {
    let files: Vec<&PromptText> = files.iter().copied().flatten().collect();
    let mut sections: Vec<&Section> = files.iter().flat_map(|f| applying_sections(experiment, condition, f)).collect();
    let place = |s: &&Section| experiment.sections.iter().position(|t| *t == s.title).unwrap_or(usize::MAX);
    sections.sort_by_key(place);
    let starts = files.iter().map(|f| markdown::sent_text(&f.start));
    let titled = sections.into_iter().map(|s| {
        let text = markdown::sent_text(&s.text);
        if text.is_empty() { format!("## {}", s.title) } else { format!("## {}\n{text}", s.title) }
    });
    starts.chain(titled).filter(|b| !b.is_empty()).collect::<Vec<_>>().join("\n\n")
}
