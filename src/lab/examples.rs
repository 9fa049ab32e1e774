//! The experiments that ship with the program.

use super::error::LabError;
use crate::design::Obstacle;
use crate::design::folder::Files;
use crate::design::problem::did_you_mean;

/// A file of a shipped experiment: path and text.
type Shipped = (&'static str, &'static str);

/// Name of the empty experiment.
pub const EMPTY: &str = "empty";

const STARTER: &[Shipped] = &[
    ("experiment.toml", include_str!("../../prompts/starter/experiment.toml")),
    ("shared.md", include_str!("../../prompts/starter/shared.md")),
    ("roles/interviewer.md", include_str!("../../prompts/starter/roles/interviewer.md")),
    ("roles/applicant.md", include_str!("../../prompts/starter/roles/applicant.md")),
];

const EXAMPLES: &[(&str, &[Shipped])] = &[
    (
        "prison",
        &[
            ("experiment.toml", include_str!("../../experiments/prison/experiment.toml")),
            ("shared.md", include_str!("../../experiments/prison/shared.md")),
            ("roles/guard.md", include_str!("../../experiments/prison/roles/guard.md")),
            ("roles/prisoner.md", include_str!("../../experiments/prison/roles/prisoner.md")),
        ],
    ),
    (
        "debate",
        &[
            ("experiment.toml", include_str!("../../experiments/debate/experiment.toml")),
            ("shared.md", include_str!("../../experiments/debate/shared.md")),
            ("summarizer.md", include_str!("../../experiments/debate/summarizer.md")),
            ("roles/moderator.md", include_str!("../../experiments/debate/roles/moderator.md")),
            ("roles/advocate.md", include_str!("../../experiments/debate/roles/advocate.md")),
            ("roles/opponent.md", include_str!("../../experiments/debate/roles/opponent.md")),
        ],
    ),
    (
        "negotiation",
        &[
            ("experiment.toml", include_str!("../../experiments/negotiation/experiment.toml")),
            ("shared.md", include_str!("../../experiments/negotiation/shared.md")),
            ("roles/seller.md", include_str!("../../experiments/negotiation/roles/seller.md")),
            ("roles/buyer.md", include_str!("../../experiments/negotiation/roles/buyer.md")),
        ],
    ),
    (
        "focus-group",
        &[
            ("experiment.toml", include_str!("../../experiments/focus-group/experiment.toml")),
            ("shared.md", include_str!("../../experiments/focus-group/shared.md")),
            ("roles/moderator.md", include_str!("../../experiments/focus-group/roles/moderator.md")),
            ("roles/customer.md", include_str!("../../experiments/focus-group/roles/customer.md")),
            ("people/amina.json", include_str!("../../experiments/focus-group/people/amina.json")),
            ("people/bernard.json", include_str!("../../experiments/focus-group/people/bernard.json")),
            ("people/chiara.toml", include_str!("../../experiments/focus-group/people/chiara.toml")),
            ("people/dae-jung.json", include_str!("../../experiments/focus-group/people/dae-jung.json")),
            ("people/fragments/picky.json", include_str!("../../experiments/focus-group/people/fragments/picky.json")),
        ],
    ),
    (
        "interview",
        &[
            ("experiment.toml", include_str!("../../experiments/interview/experiment.toml")),
            ("shared.md", include_str!("../../experiments/interview/shared.md")),
            ("roles/interviewee.md", include_str!("../../experiments/interview/roles/interviewee.md")),
            ("roles/interviewer.md", include_str!("../../experiments/interview/roles/interviewer.md")),
            ("people/edda.json", include_str!("../../experiments/interview/people/edda.json")),
            ("people/malik.json", include_str!("../../experiments/interview/people/malik.json")),
            ("people/rosalind.json", include_str!("../../experiments/interview/people/rosalind.json")),
        ],
    ),
    (
        "ad-evaluation",
        &[
            ("experiment.toml", include_str!("../../experiments/ad-evaluation/experiment.toml")),
            ("shared.md", include_str!("../../experiments/ad-evaluation/shared.md")),
            ("roles/reader.md", include_str!("../../experiments/ad-evaluation/roles/reader.md")),
            ("people/gerard.json", include_str!("../../experiments/ad-evaluation/people/gerard.json")),
            ("people/ines.json", include_str!("../../experiments/ad-evaluation/people/ines.json")),
            ("people/torben.json", include_str!("../../experiments/ad-evaluation/people/torben.json")),
            ("people/yuki.json", include_str!("../../experiments/ad-evaluation/people/yuki.json")),
        ],
    ),
    (
        "market-research",
        &[
            ("experiment.toml", include_str!("../../experiments/market-research/experiment.toml")),
            ("shared.md", include_str!("../../experiments/market-research/shared.md")),
            ("roles/interviewer.md", include_str!("../../experiments/market-research/roles/interviewer.md")),
            ("roles/shopper.md", include_str!("../../experiments/market-research/roles/shopper.md")),
            ("people/carmen.json", include_str!("../../experiments/market-research/people/carmen.json")),
            ("people/lars.json", include_str!("../../experiments/market-research/people/lars.json")),
            ("people/noor.json", include_str!("../../experiments/market-research/people/noor.json")),
            ("people/wanda.json", include_str!("../../experiments/market-research/people/wanda.json")),
            (
                "people/fragments/picky.json",
                include_str!("../../experiments/market-research/people/fragments/picky.json"),
            ),
        ],
    ),
    (
        "office",
        &[
            ("experiment.toml", include_str!("../../experiments/office/experiment.toml")),
            ("shared.md", include_str!("../../experiments/office/shared.md")),
            ("roles/colleague.md", include_str!("../../experiments/office/roles/colleague.md")),
            ("roles/celebrant.md", include_str!("../../experiments/office/roles/celebrant.md")),
            ("people/hana.json", include_str!("../../experiments/office/people/hana.json")),
            ("people/joost.json", include_str!("../../experiments/office/people/joost.json")),
            ("people/matteo.json", include_str!("../../experiments/office/people/matteo.json")),
            ("people/priya.json", include_str!("../../experiments/office/people/priya.json")),
        ],
    ),
    (
        "rumour",
        &[
            ("experiment.toml", include_str!("../../experiments/rumour/experiment.toml")),
            ("shared.md", include_str!("../../experiments/rumour/shared.md")),
            ("roles/source.md", include_str!("../../experiments/rumour/roles/source.md")),
            ("roles/neighbour.md", include_str!("../../experiments/rumour/roles/neighbour.md")),
        ],
    ),
];

/// Returns the files of a shipped experiment under a new name; without `example`, those of the starter. Comments and
/// layout are preserved.
pub fn example_files(name: &str, example: Option<&str>) -> Result<Files, LabError> {
    Ok(rename_files(name, shipped_files(example)?))
}

fn shipped_files(example: Option<&str>) -> Result<&'static [Shipped], LabError> {
    let Some(name) = example else { return Ok(STARTER) };
    let found = EXAMPLES.iter().find(|(known, _)| *known == name);
    found.map(|(_, files)| *files).ok_or_else(|| {
        let near = did_you_mean(name, EXAMPLES.iter().map(|(known, _)| *known));
        let all: Vec<&str> = EXAMPLES.iter().map(|(known, _)| *known).collect();
        let hint = near.unwrap_or_else(|| format!("there are: {}, {EMPTY}", all.join(", ")));
        Obstacle::usage(format!("there is no example `{name}`"), hint).into()
    })
}

fn rename_files(name: &str, shipped: &[Shipped]) -> Files {
    let written = toml_edit::Value::from(name).to_string();
    // The experiment's name is the first; actions have names too.
    let renamed = |text: &str| match text.split_once("name = ") {
        Some((before, rest)) => {
            let rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
            format!("{before}name = {}\n{rest}", written.trim())
        }
        None => text.to_owned(),
    };
    let text = |path: &str, text: &str| if path == "experiment.toml" { renamed(text) } else { text.to_owned() };
    shipped.iter().map(|(path, content)| ((*path).to_owned(), text(path, content).into_bytes())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::check::{KnownServer, check};
    use crate::design::plan::Plan;

    #[test]
    fn every_example_is_whole_and_takes_its_new_name() {
        let servers = [KnownServer { name: "ollama".to_owned(), lacks: &[], refused: None }];
        for (example, shipped) in EXAMPLES.iter().chain(&[("starter", STARTER)]) {
            let checked = check(&rename_files("a \"new\" name", shipped), &servers);
            assert!(checked.problems.is_empty(), "{example}: {:?}", checked.problems);
            assert_eq!(checked.experiment.unwrap().name, "a \"new\" name", "{example}");
            assert!(checked.plan.is_some_and(|p: Plan| p.conditions.len() > 1), "{example}");
        }
    }
}
