//! Setting of a conversation: a condition with its names drawn and its texts rendered.

use super::agent::{Agent, Helper};
use super::log::Flag;
use super::random::Stream;
use super::selector;
use super::turn::TurnForm;
use super::world::scene::{Figure, Scene};
use crate::design::casting::Member;
use crate::design::dealing::Dealer;
use crate::design::template::{Forms, RoleForms, RoleTags, Template};
use crate::design::{Condition, Experiment, Labels, ModelSpec, Policy, Protocol, compose, estimate};
use crate::people::name::fold_name;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything in which the conversations of one condition differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw<'a> {
    /// The conversation's key, from which names are drawn.
    pub key: &'a str,
    /// The run's seed, from which people are dealt.
    pub seed: u64,
    /// Number of the replicate, from 1.
    pub replicate: u32,
}

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
    /// The world; `None` for a conversation.
    pub world: Option<Arc<Scene>>,
    /// Number of times that the conversation was retried after a failure.
    pub retries: u32,
    /// Expected total number of calls.
    pub calls: u32,
}

impl Setting {
    /// Creates the setting of one conversation of `condition`: deals people, draws names of other agents from the key, and
    /// renders texts.
    pub fn new(experiment: &Experiment, condition: &Condition, draw: Draw<'_>) -> Self {
        let words = Words::new(experiment, condition);
        let (mut agents, figures) =
            words.make_agents(experiment, condition, draw).into_iter().unzip::<_, _, Vec<Agent>, Vec<Figure>>();
        let world = condition.world.as_ref();
        let world = world.map(|world| Arc::new(Scene::new(experiment, world, figures, (draw.seed, draw.replicate))));
        for (place, agent) in agents.iter_mut().enumerate() {
            agent.surroundings = world.as_ref().map_or_else(String::new, |world| world.describe(place));
        }
        let protocol = &condition.protocol;
        let labels = match protocol.labels {
            Labels::Auto => agents.len() > 2,
            Labels::Always => true,
            Labels::Never => false,
        };
        let policy = |p: &crate::design::Named<Policy>| Flag::of(&p.name).map(|flag| (flag, p.value));
        Self {
            key: draw.key.to_owned(),
            starting_message: words.render(&condition.starting_message),
            protocol: protocol.clone(),
            labels,
            health: experiment.health.iter().filter_map(policy).collect(),
            selector: condition.selector.clone().map(|model| Helper {
                model,
                prompt: selector::system(&agents, &words.render(&compose::selector_prompt(experiment, condition))),
            }),
            summarizer: condition.summarizer.clone().map(|model| Helper {
                model,
                prompt: words.render(&compose::summarizer_prompt(experiment, condition)),
            }),
            agents,
            world,
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
        let tags = RoleTags::new(&names).with_people(experiment.has_people());
        Self { tags, forms: Forms { roles: forms.collect(), ..Forms::default() } }
    }

    /// Renders a text without a single reader.
    fn render(&self, text: &str) -> String {
        Template::parse(text, &self.tags).0.render(&self.forms)
    }

    fn make_agents(&self, experiment: &Experiment, condition: &Condition, draw: Draw<'_>) -> Vec<(Agent, Figure)> {
        let dealt = Dealer::new(condition, draw.seed).deal(draw.replicate);
        let seats: Vec<(usize, Option<&Member>)> = condition
            .agents
            .iter()
            .enumerate()
            .flat_map(|(role, n)| (0..*n as usize).map(move |seat| (role, seat)))
            .map(|(role, seat)| (role, dealt[role].get(seat).map(|member| &***member)))
            .collect();
        let names = seats.iter().map(|(role, member)| match member {
            Some(member) => Naming::Person(&member.person.name),
            None => Naming::Role(&experiment.roles[*role].name),
        });
        let names = draw_names(draw.key, names);
        let prompts: Vec<(String, Option<String>)> =
            (0..experiment.roles.len()).map(|role| compose::agent_prompt_around(experiment, condition, role)).collect();
        let models = condition.models.iter().flatten();
        let agent = |(((role, member), name), model): (((usize, Option<&Member>), String), &ModelSpec)| {
            let figure = Figure {
                name: name.clone(),
                role: experiment.roles[role].name.clone(),
                public: member.and_then(|member| member.person.public()).unwrap_or_default(),
                place: member.and_then(|member| member.person.place()),
            };
            let agent = Agent {
                prompt: self.render_prompt(&prompts[role], &name, member),
                name,
                role: experiment.roles[role].name.clone(),
                model: model.clone(),
                person: member.map(|member| member.person.hash.clone()),
                form: TurnForm::of_role(
                    &condition.minds[role],
                    &experiment.actions,
                    &experiment.roles[role].name,
                    condition.world.as_ref(),
                ),
                surroundings: String::new(),
                memory: condition.minds[role].window(),
                turns: condition.minds[role].most_turns(),
            };
            (agent, figure)
        };
        seats.into_iter().zip(names).zip(models).map(agent).collect()
    }

    /// Renders the prompt of an agent. A person's section is a value: no tag in it is read.
    fn render_prompt(&self, around: &(String, Option<String>), name: &str, member: Option<&Member>) -> String {
        let facts = member.map(|member| member.person.persona.clone()).unwrap_or_default();
        let forms = Forms { agent_name: Some(name.to_owned()), facts, ..self.forms.clone() };
        let render = |text: &str| Template::parse(text, &self.tags).0.render(&forms);
        let person = member.map(|member| member.text.clone());
        let parts = [Some(render(&around.0)), person, around.1.as_deref().map(render)];
        parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
    }
}

/// Returns the number of messages on day `day` (from 1), if `messages` are divided among `days`.
pub fn messages_of_day(messages: u32, days: u32, day: u32) -> u32 {
    messages / days + u32::from(day <= messages % days)
}

/// Origin of an agent's name.
#[derive(Debug, Clone, Copy)]
pub enum Naming<'a> {
    /// The name of the agent's person.
    Person(&'a str),
    /// The agent's role.
    Role(&'a str),
}

/// Returns unique names of agents. A person keeps its name; others are drawn from (conversation key, agent). A drawn name
/// is the role with its first letter in upper case and `_` for spaces, then `_` and a number. The number has three digits,
/// or more once all of three digits are used.
pub fn draw_names<'a>(key: &str, agents: impl Iterator<Item = Naming<'a>> + Clone) -> Vec<String> {
    let mut taken: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    let people: BTreeSet<String> = agents
        .clone()
        .filter_map(|agent| match agent {
            Naming::Person(name) => Some(fold_name(name)),
            Naming::Role(_) => None,
        })
        .collect();
    agents
        .enumerate()
        .map(|(agent, naming)| {
            let role = match naming {
                Naming::Person(name) => return name.to_owned(),
                Naming::Role(role) => role,
            };
            let mut stream = Stream::new(key, agent as u32, "name", 0);
            let stem = capitalised(role);
            let numbers = taken.entry(stem.clone()).or_default();
            let low = lowest_free(numbers.len() as u64);
            loop {
                let number = low + stream.below(9 * low);
                let name = format!("{stem}_{number}");
                if numbers.insert(number) && !people.contains(&fold_name(&name)) {
                    return name;
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
        let roles = ["guard", "prison guard", "élève"].map(Naming::Role);
        let names = draw_names("key", roles.into_iter());
        assert_eq!(names, draw_names("key", roles.into_iter()));
        assert_ne!(names, draw_names("another", roles.into_iter()));
        assert!(names[1].starts_with("Prison_guard_") && names[2].starts_with("Élève_"), "{names:?}");
        let many = draw_names("key", std::iter::repeat_n(Naming::Role("guard"), 10_000));
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
        let draw = Draw { key: &plan.cells()[0].key, seed: 0, replicate: 1 };
        Setting::new(&checked.experiment.expect("an experiment"), &plan.conditions[0], draw)
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
