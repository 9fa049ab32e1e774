//! Readers for the parts of `experiment.toml` that shape a conversation: models, protocol, health, run.

use super::experiment::{Flag, HUMAN, ModelSpec, Policy, Protocol, RunDefaults, SCRIPTED};
use super::keys::{MODEL, MOST_MESSAGES, PROTOCOL, key_names, read_keys};
use super::names::bad_name;
use super::tree::{Node, Tree};
use super::value::Named;
use std::collections::BTreeMap;

/// Ending of messages about features that later versions may have.
pub const LATER: &str = "this version of convoke does not have it";

/// Maximum number of agents of a role.
pub const MOST_AGENTS: u32 = 10_000;

/// Reads `models = […]`.
pub fn read_models(tree: &mut Tree<'_>, node: Option<&Node<'_>>) -> Vec<ModelSpec> {
    let Some(node) = node else {
        tree.error(0..0, "missing", "the experiment has no `models`", "write `models = [\"SERVER/NAME\"]`".to_owned());
        return Vec::new();
    };
    let items = tree.read_array("models", node);
    if items.is_empty() && node.get_ref().is_array() {
        tree.error(node.span(), "missing", "`models` is empty", "name at least one `SERVER/NAME`".to_owned());
    }
    let mut models: Vec<ModelSpec> = Vec::new();
    for (i, item) in items.into_iter().enumerate() {
        // An unreadable item becomes a model without a name, so that the others keep their places.
        let spec = read_model(tree, &format!("models[{i}]"), item).unwrap_or_default();
        if !spec.name().is_empty() && models.iter().any(|m| m.name() == spec.name()) {
            let hint = "give one of them another name with `as = \"…\"`".to_owned();
            tree.error(item.span(), "duplicate", format!("two models are named `{}`", spec.name()), hint);
        }
        models.push(spec);
    }
    models
}

fn read_model(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<ModelSpec> {
    if node.get_ref().is_str() {
        let id = tree.read_text(at, node)?;
        model_id(tree, node, &id);
        return Some(ModelSpec::bare(&id));
    }
    let table = tree.read_table(at, node)?;
    let known: Vec<&str> = ["id", "as"].into_iter().chain(key_names(MODEL)).collect();
    let fields = tree.read_fields(at, table, &known);
    let Some(id_node) = fields.get("id").copied() else {
        tree.error(node.span(), "missing", format!("`{at}` has no `id`"), "write `id = \"SERVER/NAME\"`".to_owned());
        return None;
    };
    let mut model = ModelSpec::bare(&tree.read_text(&format!("{at}.id"), id_node)?);
    model_id(tree, id_node, &model.id);
    model.alias = fields.get("as").and_then(|n| read_alias(tree, &format!("{at}.as"), n));
    read_keys(tree, at, &fields, MODEL, &mut model);
    Some(model)
}

/// Reports an id that is not `SERVER/NAME`, `scripted` or `human`. The model stays in the list, so that references to
/// it are not reported too.
fn model_id(tree: &mut Tree<'_>, node: &Node<'_>, id: &str) {
    if let Some((code, message, hint)) = bad_model_id(id) {
        tree.error(node.span(), code, message, hint);
    }
}

fn read_alias(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<String> {
    let name = tree.read_text(at, node)?;
    if name.trim().is_empty() || name == HUMAN || name == SCRIPTED {
        let message = format!("`{name}` cannot be a model's name");
        tree.error(node.span(), "bad-name", message, "leave `as` out, or write a name of your own".to_owned());
    }
    Some(name)
}

/// Returns the reason why a text cannot be a model's id: code, message, remedy. Returns `None` if it can be one.
pub fn bad_model_id(id: &str) -> Option<(&'static str, String, String)> {
    if id.contains("://") || id.split('/').next().is_some_and(|server| server.contains('@')) {
        return Some((
            "address-in-experiment",
            format!("`{id}` holds an address"),
            "a model is `SERVER/NAME`; its server's address belongs in your own config.toml, under [servers.NAME]"
                .into(),
        ));
    }
    let is_bare = id == SCRIPTED || id == HUMAN;
    let (server, name) = if is_bare { (id, id) } else { id.split_once('/').unwrap_or(("", id)) };
    // The server may have any name for its model; a name of white space alone is a slip.
    let bad = server.is_empty()
        || server.contains(char::is_whitespace)
        || name.trim() != name
        || name.is_empty()
        || id.contains(char::is_control);
    bad.then(|| {
        let hint = if server.is_empty() && !name.is_empty() && !name.contains(char::is_whitespace) {
            format!("write `ollama/{name}` or `openai/{name}`")
        } else {
            "write the server, `/` and the name there, as in `ollama/llama3.1`, or `scripted`, or `human`".to_owned()
        };
        ("bad-model", format!("`{id}` is not SERVER/NAME"), hint)
    })
}

/// `[protocol]` and its `agents`.
pub struct WrittenProtocol {
    /// The protocol without `agents`.
    pub protocol: Protocol,
    /// Agents per role in speaking order; `None` if they cannot be read.
    pub agents: Option<Vec<Named<u32>>>,
}

/// Keys of `[protocol]` that a world has too.
pub const OF_WORLDS: [&str; 2] = ["days", "stop_phrases"];

/// Reads `[protocol]`. In a world it has fewer keys.
pub fn read_protocol(tree: &mut Tree<'_>, node: Option<&Node<'_>>, is_world: bool) -> Option<WrittenProtocol> {
    let Some(node) = node else {
        let needed = if is_world { "`agents`" } else { "`messages` and `agents`" };
        let hint = format!("write [protocol] with {needed}");
        tree.error(0..0, "missing", "the experiment has no [protocol]", hint);
        return None;
    };
    let table = tree.read_table("protocol", node)?;
    let known: Vec<&str> = key_names(PROTOCOL).chain(["agents", "style"]).collect();
    let fields = tree.read_fields("protocol", table, &known);
    let get = |key: &str| fields.get(key).copied();
    let span = tree.places.get("protocol").cloned().unwrap_or(node.span());
    for (key, example) in [("messages", "messages = 20"), ("agents", "agents = { guard = 1, prisoner = 1 }")] {
        if get(key).is_none() && !(is_world && key == "messages") {
            tree.error(span.clone(), "missing", format!("[protocol] has no `{key}`"), format!("write `{example}`"));
        }
    }
    let agents = get("agents").and_then(|n| read_agents(tree, n));
    if let Some(n) = get("style") {
        check_style(tree, n);
    }
    let foreign = |key: &&str| is_world && *key != "agents" && !OF_WORLDS.contains(key);
    for key in known.iter().copied().filter(foreign) {
        if let Some(n) = get(key) {
            let hint = "leave it out: a world has `steps`, `order` and `hearing` under [world]".to_owned();
            tree.error(n.span(), "not-in-world", format!("`protocol.{key}` means nothing in a world"), hint);
        }
    }
    let mut protocol = Protocol::default();
    if is_world {
        let of_worlds =
            fields.iter().filter(|(key, _)| OF_WORLDS.contains(key)).map(|(key, node)| (*key, *node)).collect();
        read_keys(tree, "protocol", &of_worlds, PROTOCOL, &mut protocol);
    } else if !read_keys(tree, "protocol", &fields, PROTOCOL, &mut protocol).contains(&"messages") {
        // An unreadable `messages` becomes enough for any number of days, so that one mistake is not reported as two.
        protocol.messages = 2 * MOST_MESSAGES;
    }
    Some(WrittenProtocol { protocol, agents })
}

fn read_agents(tree: &mut Tree<'_>, node: &Node<'_>) -> Option<Vec<Named<u32>>> {
    let table = tree.read_table("protocol.agents", node)?;
    let mut agents = Vec::new();
    for (key, value) in table {
        let name = key.get_ref().to_string();
        let at = format!("protocol.agents.{name}");
        tree.places.insert(at.clone(), key.span());
        if let Some(why) = bad_role(&name) {
            let hint = "use letters, digits, spaces, `_`, `-`".to_owned();
            tree.error(key.span(), "bad-name", format!("`{name}` cannot be a role's name: {why}"), hint);
        }
        let number = tree.read_whole(&at, value, 0, MOST_AGENTS.into()).unwrap_or(1);
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

fn check_style(tree: &mut Tree<'_>, node: &Node<'_>) {
    if tree.read_word("protocol.style", node, &["convoke", "lis"]) == Some("lis") {
        let hint = "leave `style` out: \"convoke\" is what this version speaks".to_owned();
        tree.error(node.span(), "style", format!("style \"lis\", the wording of the original: {LATER}"), hint);
    }
}

/// Reads `[health]`.
pub fn read_health(tree: &mut Tree<'_>, node: &Node<'_>) -> Vec<Named<Policy>> {
    let Some(table) = tree.read_table("health", node) else { return Vec::new() };
    let fields: BTreeMap<&str, &Node<'_>> = tree.read_fields("health", table, Flag::WORDS);
    Flag::WORDS
        .iter()
        .filter_map(|flag| {
            let node = fields.get(flag)?;
            read_policy(tree, &format!("health.{flag}"), node).map(|p| Named::new(*flag, p))
        })
        .filter(|p| Flag::of(&p.name).is_none_or(|flag| p.value != flag.usual_policy()))
        .collect()
}

fn read_policy(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<Policy> {
    let words = ["keep", "fail"];
    if node.get_ref().is_str() {
        return tree.read_word(at, node, &words).map(|w| Policy { ask: 0, fail: w == "fail" });
    }
    let table = tree.read_table(at, node)?;
    let fields = tree.read_fields(at, table, &["ask", "then"]);
    let ask = fields.get("ask").map_or(Some(0), |n| tree.read_whole(&format!("{at}.ask"), n, 0, 100))?;
    let then = fields.get("then").map_or(Some("keep"), |n| tree.read_word(&format!("{at}.then"), n, &words))?;
    Some(Policy { ask: ask as u32, fail: then == "fail" })
}

/// Reads `[run]`.
pub fn read_run(tree: &mut Tree<'_>, node: &Node<'_>) -> RunDefaults {
    let mut run = RunDefaults::default();
    let Some(table) = tree.read_table("run", node) else { return run };
    let fields = tree.read_fields("run", table, &["replicates", "seed"]);
    if let Some(n) = fields.get("replicates").and_then(|n| tree.read_whole("run.replicates", n, 1, 1_000_000)) {
        run.replicates = n as u32;
    }
    if let Some(n) = fields.get("seed").and_then(|n| tree.read_whole("run.seed", n, 0, i64::MAX as u64)) {
        run.seed = n;
    }
    run
}
