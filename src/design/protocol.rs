//! Reading the parts of `experiment.toml` that say how a conversation goes: models, protocol, health, run.

use super::experiment::{
    HUMAN, Labels, ModelSpec, Policy, Protocol, Role, RunDefaults, SCRIPTED, Sampling, Seed, Speakers,
};
use super::names::bad_name;
use super::problem::did_you_mean;
use super::tree::{Node, Tree};
use super::value::{Named, Value};
use std::collections::BTreeMap;

/// Keys of `[protocol]`.
pub const KEYS: [&str; 9] =
    ["messages", "days", "agents", "speakers", "labels", "merge", "stop_phrases", "final_summary", "style"];
/// Sampling parameters that a factor may set.
pub const PARAMETERS: [&str; 4] = ["temperature", "top_p", "top_k", "max_tokens"];
/// Flags of replies (format.md §5), which `[health]` may name.
pub const FLAGS: [&str; 14] = [
    "identity-swap",
    "both-sides",
    "prompt-recited",
    "repetition",
    "empty",
    "refusal",
    "length",
    "filtered",
    "prompt-cut",
    "label-cut",
    "overrun-cut",
    "template-token",
    "thinking-cut",
    "choice-fallback",
];

const LATER: &str = "this version of convoke does not have it";

/// Most messages of a conversation, and most days: far above any use, and small enough to count with.
const MOST_MESSAGES: u64 = 1_000_000;
/// Most agents of a role.
const MOST_AGENTS: u64 = 10_000;

/// `models = […]`.
pub fn models(tree: &mut Tree<'_>, node: Option<&Node<'_>>) -> Vec<ModelSpec> {
    let Some(node) = node else {
        tree.error(0..0, "missing", "the experiment has no `models`", "write `models = [\"SERVER/NAME\"]`".to_owned());
        return Vec::new();
    };
    let items = tree.array("models", node);
    if items.is_empty() && node.get_ref().is_array() {
        tree.error(node.span(), "missing", "`models` is empty", "name at least one `SERVER/NAME`".to_owned());
    }
    let mut models: Vec<ModelSpec> = Vec::new();
    for (i, item) in items.into_iter().enumerate() {
        // What cannot be read stays as a model without a name, so that the others keep their places.
        let spec = model(tree, &format!("models[{i}]"), item).unwrap_or_default();
        if !spec.name().is_empty() && models.iter().any(|m| m.name() == spec.name()) {
            let hint = "give one of them another name with `as = \"…\"`".to_owned();
            tree.error(item.span(), "duplicate", format!("two models are named `{}`", spec.name()), hint);
        }
        models.push(spec);
    }
    models
}

/// Keys of a model.
pub const MODEL: [&str; 12] = [
    "id",
    "as",
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "stop",
    "num_ctx",
    "seed",
    "keep_alive",
    "stream",
    "concurrency",
];

fn model(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<ModelSpec> {
    if node.get_ref().is_str() {
        let id = tree.text(at, node)?;
        model_id(tree, node, &id);
        return Some(ModelSpec::bare(&id));
    }
    let table = tree.table(at, node)?;
    let fields = tree.fields(at, table, &MODEL);
    let Some(id_node) = fields.get("id").copied() else {
        tree.error(node.span(), "missing", format!("`{at}` has no `id`"), "write `id = \"SERVER/NAME\"`".to_owned());
        return None;
    };
    let id = tree.text(&format!("{at}.id"), id_node)?;
    model_id(tree, id_node, &id);
    let alias = fields.get("as").and_then(|n| alias(tree, &format!("{at}.as"), n));
    let most = u64::from(u32::MAX);
    let mut count =
        |key: &str| fields.get(key).and_then(|n| tree.whole(&format!("{at}.{key}"), n, 1, most)).map(|n| n as u32);
    let (max_tokens, top_k, num_ctx, concurrency) =
        (count("max_tokens"), count("top_k"), count("num_ctx"), count("concurrency"));
    let sampling = Sampling {
        temperature: fields
            .get("temperature")
            .and_then(|n| tree.number(&format!("{at}.temperature"), n, "0 to 2", |x| (0.0..=2.0).contains(&x))),
        top_p: fields
            .get("top_p")
            .and_then(|n| tree.number(&format!("{at}.top_p"), n, "above 0 and up to 1", |x| x > 0.0 && x <= 1.0)),
        top_k,
        max_tokens,
        stop: fields.get("stop").map(|n| stop(tree, &format!("{at}.stop"), n)).unwrap_or_default(),
        num_ctx,
        seed: fields.get("seed").and_then(|n| seed(tree, &format!("{at}.seed"), n)),
    };
    let keep_alive = fields.get("keep_alive").and_then(|n| tree.scalar(&format!("{at}.keep_alive"), n));
    let stream = fields.get("stream").and_then(|n| tree.flag(&format!("{at}.stream"), n));
    Some(ModelSpec { id, alias, sampling, keep_alive, stream, concurrency })
}

/// Reports an id that is not `SERVER/NAME`, `scripted` nor `human`. Such a model stays in the list, so that what names it is
/// not reported too.
fn model_id(tree: &mut Tree<'_>, node: &Node<'_>, id: &str) {
    if let Some((code, message, hint)) = bad_model_id(id) {
        tree.error(node.span(), code, message, hint);
    }
}

/// A model's name within the experiment.
fn alias(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<String> {
    let name = tree.text(at, node)?;
    if name.trim().is_empty() || name == HUMAN || name == SCRIPTED {
        let message = format!("`{name}` cannot be a model's name");
        tree.error(node.span(), "bad-name", message, "leave `as` out, or write a name of your own".to_owned());
    }
    Some(name)
}

/// Why a text cannot be a model's id: code, message, remedy. `None` if it can.
pub fn bad_model_id(id: &str) -> Option<(&'static str, String, String)> {
    if id.contains("://") || id.contains('@') {
        return Some((
            "address-in-experiment",
            format!("`{id}` holds an address"),
            "a model is `SERVER/NAME`; its server's address belongs in your own config.toml, under [servers.NAME]"
                .into(),
        ));
    }
    let is_bare = id == SCRIPTED || id == HUMAN;
    let (server, name) = if is_bare { (id, id) } else { id.split_once('/').unwrap_or(("", id)) };
    let bad = server.is_empty() || name.is_empty() || id.chars().any(|c| c.is_whitespace() || c.is_control());
    bad.then(|| {
        let is_name = server.is_empty() && !name.is_empty() && !name.contains(char::is_whitespace);
        let hint = if is_name {
            format!("write `ollama/{name}` or `openai/{name}`")
        } else {
            "write server and name without spaces, as in `ollama/llama3.1`, or `scripted`, or `human`".to_owned()
        };
        ("bad-model", format!("`{id}` is not SERVER/NAME"), hint)
    })
}

fn stop(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Vec<String> {
    if node.get_ref().is_str() { tree.text(at, node).into_iter().collect() } else { tree.texts(at, node) }
}

fn seed(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<Seed> {
    let most = i64::MAX as u64;
    if !node.get_ref().is_table() {
        return tree.whole(at, node, 0, most).map(Seed::Base);
    }
    let table = tree.table(at, node)?;
    let fields = tree.fields(at, table, &["fixed"]);
    fields.get("fixed").and_then(|n| tree.whole(&format!("{at}.fixed"), n, 0, most)).map(|fixed| Seed::Fixed { fixed })
}

/// `[protocol]` and its `agents`.
pub struct WrittenProtocol {
    /// Without agents.
    pub protocol: Protocol,
    /// Agents per role in speaking order; none where they are not to be read.
    pub agents: Option<Vec<Named<u32>>>,
}

/// `[protocol]`.
pub fn protocol(tree: &mut Tree<'_>, node: Option<&Node<'_>>) -> Option<WrittenProtocol> {
    let Some(node) = node else {
        let hint = "write [protocol] with `messages` and `agents`".to_owned();
        tree.error(0..0, "missing", "the experiment has no [protocol]", hint);
        return None;
    };
    let table = tree.table("protocol", node)?;
    let fields = tree.fields("protocol", table, &KEYS);
    let get = |key: &str| fields.get(key).copied();
    let span = tree.places.get("protocol").cloned().unwrap_or(node.span());
    for (key, example) in [("messages", "messages = 20"), ("agents", "agents = { guard = 1, prisoner = 1 }")] {
        if get(key).is_none() {
            tree.error(span.clone(), "missing", format!("[protocol] has no `{key}`"), format!("write `{example}`"));
        }
    }
    let agents = get("agents").and_then(|n| agents(tree, n));
    let messages = get("messages").and_then(|n| tree.whole("protocol.messages", n, 1, MOST_MESSAGES));
    let days = get("days").map_or(Some(1), |n| tree.whole("protocol.days", n, 1, MOST_MESSAGES));
    if let Some(n) = get("style") {
        style(tree, n);
    }
    let protocol = Protocol {
        // Unread, there are enough for any number of days: one mistake is not reported as two.
        messages: messages.unwrap_or(2 * MOST_MESSAGES) as u32,
        days: days.unwrap_or(1) as u32,
        speakers: get("speakers").and_then(|n| speakers(tree, n)).unwrap_or(Speakers::RoundRobin),
        labels: get("labels").and_then(|n| labels(tree, n)).unwrap_or(Labels::Auto),
        merge: get("merge").and_then(|n| tree.flag("protocol.merge", n)).unwrap_or(true),
        stop_phrases: get("stop_phrases").map(|n| stop_phrases(tree, n)).unwrap_or_default(),
        final_summary: get("final_summary").and_then(|n| tree.flag("protocol.final_summary", n)).unwrap_or(false),
    };
    Some(WrittenProtocol { protocol, agents })
}

fn agents(tree: &mut Tree<'_>, node: &Node<'_>) -> Option<Vec<Named<u32>>> {
    let table = tree.table("protocol.agents", node)?;
    let mut agents = Vec::new();
    for (key, value) in table {
        let name = key.get_ref().to_string();
        let at = format!("protocol.agents.{name}");
        tree.places.insert(at.clone(), key.span());
        if let Some(why) = bad_role(&name) {
            let hint = "use letters, digits, spaces, `_`, `-`".to_owned();
            tree.error(key.span(), "bad-name", format!("`{name}` cannot be a role's name: {why}"), hint);
        }
        let number = tree.whole(&at, value, 0, MOST_AGENTS).unwrap_or(1);
        agents.push(Named::new(name, number as u32));
    }
    Some(agents)
}

fn bad_role(name: &str) -> Option<&'static str> {
    let reserved = ["researcher", "selector", "summarizer", HUMAN];
    if reserved.contains(&name.to_lowercase().as_str()) {
        return Some("the program uses that name itself");
    }
    bad_name(name).or_else(|| name.contains(['<', '>', ':']).then_some("it holds `<`, `>` or `:`"))
}

fn style(tree: &mut Tree<'_>, node: &Node<'_>) {
    if tree.word("protocol.style", node, &["convoke", "lis"]) == Some("lis") {
        let hint = "leave `style` out: \"convoke\" is what this version speaks".to_owned();
        tree.error(node.span(), "style", format!("style \"lis\", the wording of the original: {LATER}"), hint);
    }
}

fn speakers(tree: &mut Tree<'_>, node: &Node<'_>) -> Option<Speakers> {
    tree.word("protocol.speakers", node, &["round-robin", "random", "auto", "manual"]).and_then(speakers_of)
}

/// The way of finding speakers of that word.
pub fn speakers_of(word: &str) -> Option<Speakers> {
    let all = [Speakers::RoundRobin, Speakers::Random, Speakers::Auto, Speakers::Manual];
    all.into_iter().find(|s| s.word() == word)
}

fn labels(tree: &mut Tree<'_>, node: &Node<'_>) -> Option<Labels> {
    tree.word("protocol.labels", node, &["auto", "always", "never"]).and_then(labels_of)
}

/// The labels of that word.
pub fn labels_of(word: &str) -> Option<Labels> {
    [Labels::Auto, Labels::Always, Labels::Never].into_iter().find(|l| l.word() == word)
}

fn stop_phrases(tree: &mut Tree<'_>, node: &Node<'_>) -> Vec<String> {
    let phrases = tree.texts("protocol.stop_phrases", node);
    for (i, phrase) in phrases.iter().enumerate().filter(|(_, p)| p.trim().is_empty()) {
        let span = tree.places.get(&format!("protocol.stop_phrases[{i}]")).cloned().unwrap_or(node.span());
        let message = format!("stop phrase `{phrase}` is empty: it would end every day at once");
        tree.error(span, "empty", message, "write some text, or leave it out".to_owned());
    }
    phrases
}

/// `[health]`.
pub fn health(tree: &mut Tree<'_>, node: &Node<'_>) -> Vec<Named<Policy>> {
    let Some(table) = tree.table("health", node) else { return Vec::new() };
    let fields: BTreeMap<&str, &Node<'_>> = tree.fields("health", table, &FLAGS);
    FLAGS
        .into_iter()
        .filter_map(|flag| {
            let node = fields.get(flag)?;
            policy(tree, &format!("health.{flag}"), node).map(|p| Named::new(flag, p))
        })
        .filter(|p| p.value != Policy { ask: 0, fail: false })
        .collect()
}

fn policy(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<Policy> {
    let words = ["keep", "fail"];
    if node.get_ref().is_str() {
        return tree.word(at, node, &words).map(|w| Policy { ask: 0, fail: w == "fail" });
    }
    let table = tree.table(at, node)?;
    let fields = tree.fields(at, table, &["ask", "then"]);
    let ask = fields.get("ask").map_or(Some(0), |n| tree.whole(&format!("{at}.ask"), n, 0, 100))?;
    let then = fields.get("then").map_or(Some("keep"), |n| tree.word(&format!("{at}.then"), n, &words))?;
    Some(Policy { ask: ask as u32, fail: then == "fail" })
}

/// `[run]`.
pub fn run(tree: &mut Tree<'_>, node: &Node<'_>) -> RunDefaults {
    let mut run = RunDefaults::default();
    let Some(table) = tree.table("run", node) else { return run };
    let fields = tree.fields("run", table, &["replicates", "seed"]);
    if let Some(n) = fields.get("replicates").and_then(|n| tree.whole("run.replicates", n, 1, 1_000_000)) {
        run.replicates = n as u32;
    }
    if let Some(n) = fields.get("seed").and_then(|n| tree.whole("run.seed", n, 0, i64::MAX as u64)) {
        run.seed = n;
    }
    run
}

/// Whether a factor of this name sets something; else it is a label.
pub fn sets(name: &str, roles: &[Role]) -> bool {
    name == "model"
        || name == "starting_message"
        || (KEYS.contains(&name) && name != "agents")
        || PARAMETERS.contains(&name)
        || role_of(name, "agents.", "", roles).is_some()
        || role_of(name, "roles.", ".model", roles).is_some()
}

/// Returns true if the levels of a factor of this name are models.
pub fn names_models(name: &str) -> bool {
    name == "model" || name.strip_prefix("roles.").is_some_and(|role| role.strip_suffix(".model").is_some())
}

/// The role in a name such as `agents.ROLE` or `roles.ROLE.model`.
pub fn role_of(name: &str, before: &str, after: &str, roles: &[Role]) -> Option<usize> {
    let role = name.strip_prefix(before)?.strip_suffix(after)?;
    roles.iter().position(|r| r.name == role)
}

/// What is wrong with a level of a factor that sets something. `None` if nothing is.
pub fn bad_level(name: &str, level: &Value) -> Option<String> {
    let whole = |low: u64, high: u64| match level {
        Value::Int(i) if u64::try_from(*i).is_ok_and(|i| (low..=high).contains(&i)) => None,
        _ => Some(format!("a whole number from {low} to {high}")),
    };
    let number = match level {
        Value::Int(i) => Some(*i as f64),
        Value::Float(x) => Some(*x),
        _ => None,
    };
    let flag = || (!matches!(level, Value::Bool(_))).then(|| "true or false".to_owned());
    let text = matches!(level, Value::Text(_));
    match name {
        "messages" | "days" => whole(1, MOST_MESSAGES),
        "max_tokens" | "top_k" => whole(1, u64::from(u32::MAX)),
        "merge" | "final_summary" => flag(),
        "temperature" => (!number.is_some_and(|x| (0.0..=2.0).contains(&x))).then(|| "a number from 0 to 2".to_owned()),
        "top_p" => (!number.is_some_and(|x| x > 0.0 && x <= 1.0)).then(|| "a number above 0 and up to 1".to_owned()),
        "speakers" => match level {
            Value::Text(word) if speakers_of(word).is_some() => None,
            _ => Some("\"round-robin\", \"random\", \"auto\" or \"manual\"".to_owned()),
        },
        "labels" => match level {
            Value::Text(word) if labels_of(word).is_some() => None,
            _ => Some("\"auto\", \"always\" or \"never\"".to_owned()),
        },
        "style" => (level != &Value::Text("convoke".to_owned())).then(|| format!("\"convoke\" (\"lis\": {LATER})")),
        "stop_phrases" => Some("a list under [protocol] only, no factor".to_owned()),
        _ if name.starts_with("agents.") => whole(0, MOST_AGENTS),
        _ => (!text).then(|| "text".to_owned()),
    }
}

/// The nearest name of something that a factor may set.
pub fn near_settable(name: &str, roles: &[Role]) -> Option<String> {
    let mut all: Vec<String> = ["model", "starting_message"].into_iter().chain(PARAMETERS).map(str::to_owned).collect();
    all.extend(KEYS.iter().filter(|k| **k != "agents").map(|k| (*k).to_owned()));
    all.extend(roles.iter().flat_map(|r| [format!("agents.{}", r.name), format!("roles.{}.model", r.name)]));
    did_you_mean(name, all.iter().map(String::as_str))
}
