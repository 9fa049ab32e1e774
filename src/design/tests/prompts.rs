//! Tests of the blocks in a prompt and of their order.

use super::*;
use crate::design::compose;

const ROLES: &str =
    "[roles.guard]\nplural='guards'\npronouns='he/his'\n[roles.prisoner]\nplural='prisoners'\npronouns='he/his'\n";

fn experiment_of(sections: &str) -> Experiment {
    let toml = format!(
        "name='e'\nmodels=['ollama/m']\nsections={sections}\n[protocol]\nmessages=8\ndays=2\nagents={{guard=1,prisoner=1}}\n\
         {ROLES}[factors]\ngoal=['a','b']\n"
    );
    read_experiment(
        &toml,
        &[
            ("shared.md", "\n  Shared start. \n\n## Setting\n\nA prison.\n\n## Rules {goal=b}\nNone.\n"),
            (
                "roles/guard.md",
                "<!-- nothing -->\n## Goal {goal=a}\nOne.<!-- x -->\n## Empty\n\n## Goal {goal=b}\nTwo.\n",
            ),
            ("roles/prisoner.md", "Prisoner start.\n"),
            ("summarizer.md", "Sum.\n\n## Rules\nShort.\n"),
        ],
    )
}

fn compose_prompts(sections: &str, condition: usize) -> [String; 4] {
    let experiment = experiment_of(sections);
    let plan = plan_experiment(&experiment);
    let condition = &plan.conditions[condition];
    let agent = |role| compose::agent_prompt(&experiment, condition, role);
    [
        agent(0),
        agent(1),
        compose::selector_prompt(&experiment, condition),
        compose::summarizer_prompt(&experiment, condition),
    ]
}

#[test]
fn shared_comes_first_and_each_file_keeps_its_order() {
    let [guard, prisoner, selector, summarizer] = compose_prompts("[]", 1);
    let shared = "Shared start.\n\n## Setting\nA prison.\n\n## Rules\nNone.";
    assert_eq!(guard, format!("{shared}\n\n## Empty\n\n## Goal\nTwo."));
    assert_eq!(prisoner, "Shared start.\n\nPrisoner start.\n\n## Setting\nA prison.\n\n## Rules\nNone.");
    assert_eq!(selector, shared);
    assert_eq!(summarizer, "Sum.\n\n## Rules\nShort.");
}

#[test]
fn listed_sections_come_first_shared_and_private_mixed() {
    let [guard, ..] = compose_prompts("['Goal','Nothing','Setting']", 0);
    assert_eq!(guard, "Shared start.\n\n## Goal\nOne.\n\n## Setting\nA prison.\n\n## Empty");
}
