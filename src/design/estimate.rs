//! Expected calls and tokens of a conversation, before any request is sent.
//!
//! Calls are exact for days at full length without repeated requests. Tokens are a range computed from bytes, since
//! only a server knows its tokenizer.

use super::action::Ends;
use super::casting::Cast;
use super::compose;
use super::condition::Condition;
use super::experiment::{Chooser, Experiment, Flag, ModelSpec, Protocol, Speakers};
use super::mind::Mind;
use super::world::{Hearing, Order, World};
use serde::Serialize;

/// Bytes of English text per token, roughly.
const BYTES_PER_TOKEN: u64 = 4;
/// Tokens of a short and of an average reply.
const SHORT: u64 = 20;
const USUAL: u64 = 120;
/// Tokens of a long reply where the model has no `max_tokens`.
const LONG: u64 = 500;
/// Maximum number of calls for one choice of a selector: the first and two repeats.
const CHOICES: u64 = 3;

/// Calls of one conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Calls {
    /// Number of calls if every day has its full length and no call is repeated.
    pub expected: u64,
    /// Number of calls if a stop phrase ends every day in its first speech. Equal to `expected` without stop phrases.
    pub low: u64,
    /// Number of calls if every call is repeated as often as a selector in `auto` and the `ask` of `[health]` allow.
    pub high: u64,
}

/// A range of tokens. Tokens of prompts and replies are added together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tokens {
    /// Number of tokens with short replies and the fewest calls.
    pub low: u64,
    /// Number of tokens with average replies.
    pub expected: u64,
    /// Number of tokens with the longest replies and the most calls.
    pub high: u64,
}

impl Tokens {
    /// Adds another range, multiplied by `share`.
    pub fn add(&mut self, other: &Self, share: f64) {
        let part = |n: u64| (n as f64 * share).round() as u64;
        self.low += part(other.low);
        self.expected += part(other.expected);
        self.high += part(other.high);
    }
}

/// Counts the calls of one conversation of a condition.
pub fn count_calls(experiment: &Experiment, condition: &Condition) -> Calls {
    if let Some(world) = &condition.world {
        return count_world_calls(experiment, condition, world);
    }
    let protocol = &condition.protocol;
    let days = u64::from(protocol.days);
    let speeches = u64::from(protocol.messages).saturating_sub(days);
    let summaries = count_summaries(protocol);
    let agents: u32 = condition.agents.iter().sum();
    // With two agents only the first speaker of a day is chosen, since nobody speaks twice in a row.
    let selections = match protocol.speakers.chooser() {
        Chooser::Model if agents > 2 => speeches,
        Chooser::Model => days,
        Chooser::Person => speeches,
        Chooser::Program => 0,
    };
    let asks = u64::from(most_asks(experiment, condition));
    let expected = speeches + selections + summaries;
    let low = match first_end(experiment, condition) {
        None => expected,
        Some(Ends::Day) => days + selections.min(days) + summaries,
        Some(Ends::Conversation) => 1 + selections.min(1) + u64::from(protocol.final_summary),
    };
    Calls { expected, low, high: speeches * (1 + asks) + selections * CHOICES + summaries }
}

/// Counts the calls of a world: each agent's turn in each step, and the summaries of days.
fn count_world_calls(experiment: &Experiment, condition: &Condition, world: &World) -> Calls {
    let days = u64::from(condition.protocol.days);
    let summaries = if condition.summarizer.is_some() { days.saturating_sub(1) } else { 0 };
    let agents = |times: &dyn Fn(&Mind) -> u64| -> u64 {
        condition.agents.iter().zip(&condition.minds).map(|(n, mind)| u64::from(*n) * times(mind)).sum()
    };
    let steps = days * u64::from(world.steps);
    let asks = u64::from(most_asks(experiment, condition));
    let expected = steps * agents(&|_| 1) + summaries;
    let most = steps * agents(&|mind| u64::from(mind.most_turns())) * (1 + asks) + summaries;
    // Without any event a day ends once it was quiet for long enough.
    let least = world.quiet().map_or(world.steps, |quiet| quiet.min(world.steps));
    let least = if first_end(experiment, condition).is_some() { 1 } else { least };
    let low = days * u64::from(least) * agents(&|_| 1) + summaries;
    Calls { expected, low: low.min(expected), high: most }
}

/// Rounds of a world: asks that leave together cost one latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rounds {
    /// Number of rounds of a conversation, each of which waits for the one before.
    pub latencies: u64,
    /// Number of calls of a step.
    pub calls_of_step: u64,
    /// Number of rounds of a step.
    pub latencies_of_step: u64,
}

/// Counts the rounds of a world at full length; `None` for a conversation, whose calls all wait for each other.
pub fn count_rounds(condition: &Condition) -> Option<Rounds> {
    let world = condition.world.as_ref()?;
    let agents: u64 = condition.agents.iter().map(|n| u64::from(*n)).sum();
    let latencies_of_step = match &world.order {
        Order::Together => 1,
        Order::InTurn | Order::Shuffled => agents,
        Order::Lists(lists) => lists.len() as u64,
    };
    let days = u64::from(condition.protocol.days);
    let summaries = if condition.summarizer.is_some() { days.saturating_sub(1) } else { 0 };
    let latencies = days * u64::from(world.steps) * latencies_of_step + summaries;
    Some(Rounds { latencies, calls_of_step: agents, latencies_of_step })
}

/// Returns how often a speech is asked for again at most. A turn as JSON that cannot be read has a policy of its own.
fn most_asks(experiment: &Experiment, condition: &Condition) -> u32 {
    let written = experiment.health.iter().map(|p| p.value.ask);
    let has_turns = (0..condition.agents.len()).any(|role| condition.has_turns(experiment, role));
    let is_silent = !experiment.health.iter().any(|p| p.name == Flag::Malformed.word());
    let usual = (has_turns && is_silent).then_some(Flag::Malformed.usual_policy().ask);
    written.chain(usual).max().unwrap_or(0)
}

/// Returns the greatest part of a conversation that its first speech may end.
fn first_end(experiment: &Experiment, condition: &Condition) -> Option<Ends> {
    let stops = (!condition.protocol.stop_phrases.is_empty()).then_some(Ends::Day);
    let actions = experiment.actions.iter().filter(|action| {
        let mut roles = experiment.roles.iter().zip(&condition.agents);
        roles.any(|(role, number)| *number > 0 && action.is_for(&role.name))
    });
    actions.filter_map(|action| action.ends).chain(stops).max()
}

/// Counts the expected calls that a person answers. Where chance or a choice decides who speaks, all agents are
/// assumed to speak equally often.
pub fn count_typed(experiment: &Experiment, condition: &Condition) -> u64 {
    let all = count_calls(experiment, condition);
    let is_human = |model: &Option<ModelSpec>| model.as_ref().is_some_and(ModelSpec::is_human);
    if let Some(world) = &condition.world {
        let steps = u64::from(condition.protocol.days) * u64::from(world.steps);
        return steps * condition.models.iter().flatten().filter(|model| model.is_human()).count() as u64;
    }
    let summaries = count_summaries(&condition.protocol);
    let speeches = u64::from(condition.protocol.messages).saturating_sub(u64::from(condition.protocol.days));
    let selections = all.expected - speeches - summaries;
    let agents: Vec<bool> = condition.models.iter().flatten().map(ModelSpec::is_human).collect();
    let spoken = if condition.protocol.speakers == Speakers::RoundRobin {
        let days = 1..=condition.protocol.days;
        days.map(|day| in_order(&agents, speeches_of(&condition.protocol, day))).sum()
    } else {
        let humans = agents.iter().filter(|human| **human).count() as u64;
        speeches * humans / (agents.len() as u64).max(1)
    };
    let of = |calls: u64, model: &Option<ModelSpec>| if is_human(model) { calls } else { 0 };
    spoken + of(selections, &condition.selector) + of(summaries, &condition.summarizer)
}

/// Counts the speeches of a day that people make when agents speak in order.
fn in_order(agents: &[bool], speeches: u64) -> u64 {
    let turns = |agent: usize| (speeches + agents.len() as u64 - 1 - agent as u64) / agents.len() as u64;
    agents.iter().enumerate().filter(|(_, human)| **human).map(|(agent, _)| turns(agent)).sum()
}

/// Counts the speeches of a day: its messages without the opening.
fn speeches_of(protocol: &Protocol, day: u32) -> u64 {
    let messages = protocol.messages / protocol.days + u32::from(day <= protocol.messages % protocol.days);
    u64::from(messages).saturating_sub(1)
}

fn count_summaries(protocol: &Protocol) -> u64 {
    u64::from(protocol.days.saturating_sub(1)) + u64::from(protocol.final_summary)
}

/// Counts the tokens of one conversation of a condition.
pub fn count_tokens(experiment: &Experiment, condition: &Condition) -> Tokens {
    let calls = count_calls(experiment, condition);
    let longest = condition.participants().map(|m| m.sampling.max_tokens.map_or(LONG, u64::from)).max().unwrap_or(LONG);
    let full = |reply: u64| at_full_length(experiment, condition, reply);
    // Calls that people answer use no tokens.
    let asked = calls.expected.saturating_sub(count_typed(experiment, condition));
    let scaled = |tokens: u64, calls_then: u64| {
        let most = u128::from(calls.expected.max(1));
        let scaled = u128::from(tokens) * u128::from(calls_then) / most * u128::from(asked) / most;
        u64::try_from(scaled).unwrap_or(u64::MAX)
    };
    Tokens {
        low: scaled(full(SHORT.min(longest)), calls.low),
        expected: scaled(full(USUAL.min(longest)), calls.expected),
        high: scaled(full(longest), calls.high),
    }
}

/// Counts the tokens of one call that reads `bytes` of text.
pub fn count_call_tokens(bytes: u64, model: &ModelSpec) -> Tokens {
    let longest = model.sampling.max_tokens.map_or(LONG, u64::from);
    let of = |reply: u64| bytes / BYTES_PER_TOKEN + reply.min(longest);
    Tokens { low: of(SHORT), expected: of(USUAL), high: of(longest) }
}

/// Counts the tokens for days at full length and replies of `reply` tokens; each prompt contains the day so far.
fn at_full_length(experiment: &Experiment, condition: &Condition, reply: u64) -> u64 {
    let protocol = &condition.protocol;
    let prompt = mean_prompt(experiment, condition);
    if let Some(world) = &condition.world {
        return world_at_full_length(condition, world, prompt, reply);
    }
    let selects = if protocol.speakers.chooser() == Chooser::Program { 1 } else { 2 };
    let mut total = 0;
    for day in 1..=protocol.days {
        let speeches = speeches_of(protocol, day);
        let opening = condition.starting_message.len() as u64 / BYTES_PER_TOKEN + u64::from(day - 1) * reply;
        let history = speeches * speeches.saturating_sub(1) / 2 * reply;
        total += selects * (speeches * (prompt + opening) + history) + speeches * reply;
        if day < protocol.days || protocol.final_summary {
            total += prompt + speeches * reply + reply;
        }
    }
    total
}

/// Counts the tokens of a world in which each turn is `reply` tokens long: each prompt contains the window of a memory.
fn world_at_full_length(condition: &Condition, world: &World, prompt: u64, reply: u64) -> u64 {
    let agents: u64 = condition.agents.iter().map(|n| u64::from(*n)).sum();
    let places = world.places.len().max(1) as u64;
    let heard = match world.hearing() {
        Hearing::Everyone => agents,
        Hearing::Place => agents.div_ceil(places),
        Hearing::Links => {
            world.links.as_ref().and_then(|links| links.k).map_or(agents, |k| u64::from(k) + 1).min(agents)
        }
    };
    let memory =
        condition.minds.iter().map(|mind| u64::from(mind.window().first) + u64::from(mind.window().last)).max();
    let opening = condition.starting_message.len() as u64 / BYTES_PER_TOKEN;
    let steps = u64::from(condition.protocol.days) * u64::from(world.steps);
    let read: u64 = (0..steps).map(|step| (step * heard).min(memory.unwrap_or_default()) * reply).sum();
    agents * (steps * (prompt + opening + reply) + read)
}

fn mean_prompt(experiment: &Experiment, condition: &Condition) -> u64 {
    let agents: u64 = condition.agents.iter().map(|n| u64::from(*n)).sum();
    let bytes: u64 = condition
        .agents
        .iter()
        .enumerate()
        .map(|(role, n)| {
            let person = condition.cast(role).map_or(0, Cast::mean_bytes);
            u64::from(*n) * (compose::agent_prompt(experiment, condition, role).len() as u64 + person)
        })
        .sum();
    bytes / agents.max(1) / BYTES_PER_TOKEN
}
