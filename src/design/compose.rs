//! Prompts of a condition before substitution: the blocks and their order.

use super::condition::Condition;
use super::experiment::{Experiment, PromptText, Section};
use super::markdown;
use crate::people::render;

/// Texts that the program itself sends to a selector. The condition key includes them.
pub const PROGRAM_WORDS: [&str; 3] = [
    include_str!("../../prompts/selector.md"),
    include_str!("../../prompts/selector-question.md"),
    include_str!("../../prompts/selector-again.md"),
];

/// Composes the prompt of the agents of role `index`: starting prompts (shared, then the role's), then sections.
/// Sections follow the order of `sections`. Sections that are not listed there come last: first the shared ones, then
/// the role's, in the order of each file.
///
/// For a role with people, a heading marks the place of the person's section.
pub fn agent_prompt(experiment: &Experiment, condition: &Condition, index: usize) -> String {
    let (before, after) = agent_prompt_around(experiment, condition, index);
    match after {
        None => before,
        Some(after) => join_texts([before, format!("## {}", render::TITLE), after]),
    }
}

/// Composes the same prompt as the text before and the text after the person's section. The second is `None` for a
/// role without people, whose prompt is the first.
pub fn agent_prompt_around(experiment: &Experiment, condition: &Condition, index: usize) -> (String, Option<String>) {
    let own = experiment.roles.get(index).map(|r| &r.prompt);
    let files = [Some(&experiment.shared), own];
    if condition.cast(index).is_none() {
        return (join_blocks(experiment, condition, &files), None);
    }
    let place = experiment.sections.iter().position(|title| title == render::TITLE);
    let (starts, sections) = list_blocks(experiment, condition, &files);
    let (before, after): (Vec<_>, Vec<_>) =
        sections.into_iter().partition(|(at, _)| place.is_some_and(|place| *at < place));
    let text = |blocks: Vec<(usize, String)>| blocks.into_iter().map(|(_, block)| block);
    (join_texts(starts.into_iter().chain(text(before))), Some(join_texts(text(after))))
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
    let (starts, sections) = list_blocks(experiment, condition, files);
    join_texts(starts.into_iter().chain(sections.into_iter().map(|(_, block)| block)))
}

/// Joins the texts that are not empty by blank lines.
fn join_texts(texts: impl IntoIterator<Item = String>) -> String {
    texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// Returns the starting prompts, and the sections in order, each with the place of its title in `sections`.
fn list_blocks(
    experiment: &Experiment,
    condition: &Condition,
    files: &[Option<&PromptText>],
) -> (Vec<String>, Vec<(usize, String)>) {
    let files: Vec<&PromptText> = files.iter().copied().flatten().collect();
    let mut sections: Vec<&Section> = files.iter().flat_map(|f| applying_sections(experiment, condition, f)).collect();
    let place = |s: &&Section| experiment.sections.iter().position(|t| *t == s.title).unwrap_or(usize::MAX);
    sections.sort_by_key(place);
    let starts = files.iter().map(|f| markdown::sent_text(&f.start)).collect();
    let titled = sections.into_iter().map(|s| {
        let text = markdown::sent_text(&s.text);
        let block = if text.is_empty() { format!("## {}", s.title) } else { format!("## {}\n{text}", s.title) };
        (place(&s), block)
    });
    (starts, titled.collect())
}
