//! Setting of a conversation: a condition with its names drawn and its texts rendered.

use super::agent::{Agent, Helper};
use super::log::Flag;
use super::random::Stream;
use super::selector;
use super::turn::TurnForm;
use crate::design::template::{Forms, RoleForms, RoleTags, Template};
use crate::design::{Condition, Experiment, Labels, Policy, Protocol, compose, estimate};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that the state machine reads besides the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The conversation's key.
    pub key: String,
    /// Agents in speaking order.
    pub agents: Vec<Agent>,
    /// Text of `Researcher` at the start of a day.
    pub starting_message: String,
    /// The protocol in force.
    pub protocol: Protocol,
    /// True if the speaker's name precedes others' turns.
    pub labels: bool,
    /// Policy for each flag.
    pub health: Vec<(Flag, Policy)>,
    /// Selector of speakers, if `speakers` is `auto` or `manual`.
    pub selector: Option<Helper>,
    /// Summariser of days.
    pub summarizer: Option<Helper>,
    /// Number of times that the conversation was retried after a failure.
    pub retries: u32,
    /// Expected total number of calls.
    pub calls: u32,
}

impl Setting {
    /// Creates the setting of one conversation of `condition`: draws names from the key and renders texts.
    pub fn new(experiment: &Experiment, condition: &Condition, key: &str) -> Self {
        let words = Words::new(experiment, condition);
        let roles: Vec<usize> =
            condition.agents.iter().enumerate().flat_map(|(role, n)| std::iter::repeat_n(role, *n as usize)).collect();
        let names = draw_names(key, roles.iter().map(|r| experiment.roles[*r].name.as_str()));
        let prompts: Vec<String> =
            (0..experiment.roles.len()).map(|role| compose::agent_prompt(experiment, condition, role)).collect();
        let models = condition.models.iter().flatten();
        let agents: Vec<Agent> = roles
            .iter()
            .zip(names)
            .zip(models)
            .map(|((role, name), model)| Agent {
                prompt: words.render(&prompts[*role], Some(&name)),
                name,
                role: experiment.roles[*role].name.clone(),
                model: model.clone(),
                form: TurnForm::of_role(&condition.minds[*role], &experiment.actions, &experiment.roles[*role].name),
            })
            .collect();
        let protocol = &condition.protocol;
        let labels = match protocol.labels {
            Labels::Auto => agents.len() > 2,
            Labels::Always => true,
            Labels::Never => false,
        };
        let policy = |p: &crate::design::Named<Policy>| Flag::of(&p.name).map(|flag| (flag, p.value));
        Self {
            key: key.to_owned(),
            starting_message: words.render(&condition.starting_message, None),
            protocol: protocol.clone(),
            labels,
            health: experiment.health.iter().filter_map(policy).collect(),
            selector: condition.selector.clone().map(|model| Helper {
                model,
                prompt: selector::system(
                    &agents,
                    &words.render(&compose::selector_prompt(experiment, condition), None),
                ),
            }),
            summarizer: condition.summarizer.clone().map(|model| Helper {
                model,
                prompt: words.render(&compose::summarizer_prompt(experiment, condition), None),
            }),
            agents,
            retries: 0,
            calls: estimate::count_calls(experiment, condition).expected as u32,
        }
    }

    /// Returns the number of messages on day `day` (from 1). The numbers of two days differ by at most one; longer days
    /// come first.
    pub fn messages_of(&self, day: u32) -> u32 {
        messages_of_day(self.protocol.messages, self.protocol.days, day)
    }

    /// Returns the policy for a flag.
    pub fn policy(&self, flag: Flag) -> Policy {
        self.health.iter().find(|(f, _)| *f == flag).map_or(flag.usual_policy(), |(_, p)| *p)
    }
}

/// Values of tags in one condition.
struct Words {
    tags: RoleTags,
    forms: Forms,
}

impl Words {
    fn new(experiment: &Experiment, condition: &Condition) -> Self {
        let names: Vec<&str> = experiment.roles.iter().map(|r| r.name.as_str()).collect();
        let forms = experiment.roles.iter().zip(&condition.agents).map(|(role, count)| RoleForms {
            count: *count,
            noun: role.name.clone(),
            plural: role.plural.clone(),
            pronouns: role.pronouns.clone(),
        });
        Self { tags: RoleTags::new(&names), forms: Forms { roles: forms.collect(), agent_name: None } }
    }

    fn render(&self, text: &str, agent: Option<&str>) -> String {
        let forms = Forms { agent_name: agent.map(str::to_owned), ..self.forms.clone() };
        Template::parse(text, &self.tags).0.render(&forms)
    }
}

/// Returns the number of messages on day `day` (from 1), if `messages` are divided among `days`.
pub fn messages_of_day(messages: u32, days: u32, day: u32) -> u32 {
    messages / days + u32::from(day <= messages % days)
}

/// Draws unique names of agents from (conversation key, agent). A name is the role with its first letter in upper case
/// and `_` for spaces, then `_` and a number. The number has three digits, or more once all of three digits are used.
pub fn draw_names<'a>(key: &str, roles: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    roles
        .enumerate()
        .map(|(agent, role)| {
            let mut stream = Stream::new(key, agent as u32, "name", 0);
            let stem = capitalised(role);
            let numbers = taken.entry(stem.clone()).or_default();
            let low = lowest_free(numbers.len() as u64);
            loop {
                let number = low + stream.below(9 * low);
                if numbers.insert(number) {
                    return format!("{stem}_{number}");
                }
            }
        })
        .collect()
}

/// Returns the lowest number that may be drawn after `taken` numbers: 100, or 1000 once all of three digits are used,
/// and so on.
fn lowest_free(taken: u64) -> u64 {
    let mut low = 100;
    let mut full = 9 * low;
    while taken >= full {
        low *= 10;
        full += 9 * low;
    }
    low
}

fn capitalised(role: &str) -> String {
    let mut chars = role.chars();
    let first: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}", chars.as_str()).split_whitespace().collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_differ_by_at_most_one_message_longer_first() {
        let days = |messages, days| (1..=days).map(|d| messages_of_day(messages, days, d)).collect::<Vec<_>>();
        assert_eq!(days(20, 1), [20]);
        assert_eq!(days(10, 3), [4, 3, 3]);
        assert_eq!(days(11, 3), [4, 4, 3]);
        assert_eq!(days(6, 3), [2, 2, 2]);
    }

    #[test]
    fn names_follow_the_key_and_are_unique() {
        let roles = ["guard", "prison guard", "élève"];
        let names = draw_names("key", roles.into_iter());
        assert_eq!(names, draw_names("key", roles.into_iter()));
        assert_ne!(names, draw_names("another", roles.into_iter()));
        assert!(names[1].starts_with("Prison_guard_") && names[2].starts_with("Élève_"), "{names:?}");
        let many = draw_names("key", std::iter::repeat_n("guard", 10_000));
        assert_eq!(many.iter().collect::<BTreeSet<_>>().len(), 10_000);
        let digits: Vec<usize> = many.iter().map(|n| n.len() - "Guard_".len()).collect();
        assert!(digits[..900].iter().all(|n| *n == 3) && digits[900..9900].iter().all(|n| *n == 4));
        assert_eq!(digits[9900], 5);
    }

    fn settings(protocol: &str) -> Setting {
        settings_of(2, protocol)
    }

    fn settings_of(guards: u32, protocol: &str) -> Setting {
        let toml = format!(
            "name='e'\nmodels=[\"ollama/m\",{{id=\"ollama/n\",as=\"n\"}}]\nstarting_message='Go, <GUARD_NOUN>'\n[protocol]\nmessages=8\n\
             agents={{\"prison guard\"={guards},guard=1}}\n{protocol}\n[roles.\"prison guard\"]\nplural='prison guards'\n\
             pronouns='he/his'\nmodel=['n','ollama/m']\n[roles.guard]\nplural='guards'\npronouns='she/her'\n[factors]\nmodel=['n']\n"
        );
        let file = |path: &str, text: &str| (path.to_owned(), text.as_bytes().to_vec());
        let files = crate::design::folder::Files::from([
            file("experiment.toml", &toml),
            file("shared.md", "<AGENT_NAME> reads <PRISON_GUARD_NUM> <PRISON_GUARD_NOUN>."),
            file("roles/prison guard.md", "Private to <AGENT_NAME>."),
            file("roles/guard.md", "## Secret\n<GUARD_PRON> <GUARD_VERB_watch>."),
            file("summarizer.md", "Sum up <AGENTS_NUM>."),
        ]);
        let servers = [crate::design::check::KnownServer { name: "ollama".into(), lacks: &[], refused: None }];
        let checked = crate::design::check::check(&files, &servers);
        let plan = checked.plan.expect("a sound experiment");
        Setting::new(&checked.experiment.expect("an experiment"), &plan.conditions[0], &plan.cells()[0].key)
    }

    #[test]
    fn texts_are_rendered_for_each_reader() {
        let setting = settings("speakers='auto'\nfinal_summary=true");
        let [first, second, third] = &setting.agents[..] else { panic!("three agents") };
        assert_eq!(first.prompt, format!("{0} reads 2 prison guards.\n\nPrivate to {0}.", first.name));
        assert_eq!(third.prompt, format!("{} reads 2 prison guards.\n\n## Secret\nshe watches.", third.name));
        let models: Vec<&str> = setting.agents.iter().map(|a| a.model.id.as_str()).collect();
        assert_eq!(models, ["ollama/n", "ollama/m", "ollama/n"]);
        assert_eq!(setting.starting_message, "Go, guard");
        assert!(second.name.starts_with("Prison_guard_") && second.name != first.name);
        let selector = setting.selector.expect("a selector").prompt;
        assert!(selector.contains(&format!("{} (prison guard)", first.name)));
        assert!(selector.contains("the agent reads 2 prison guards."));
        assert!(!selector.contains("Private") && !selector.contains("Secret"));
        assert_eq!(setting.summarizer.expect("a summariser").prompt, "Sum up 3.");
    }

    #[test]
    fn labels_follow_the_number_of_agents_unless_they_are_set() {
        let labels = |guards: u32, labels: &str| settings_of(guards, &format!("labels='{labels}'")).labels;
        assert_eq!([labels(2, "auto"), labels(2, "always"), labels(2, "never")], [true, true, false], "three speak");
        assert_eq!([labels(1, "auto"), labels(1, "always"), labels(1, "never")], [false, true, false], "two speak");
    }
}
