//! Choosing models: installed ones, ones that can be pulled, typed names; and their parameters.

use super::session::Guide;
use super::session::HINT;
use crate::cli::commands::show::parameters;
use crate::cli::error::CliError;
use crate::cli::terminal::prompt;
use crate::cli::terminal::text::size;
use crate::design::plan::SCRIPTED;
use crate::design::protocol::bad_model_id;
use crate::design::{ModelSpec, Sampling};
use crate::lab::models::{self, Offer as ServerOffer};
use crate::model::ServerKind;
use crate::model::catalog::{Offered, is_same_model};
use crate::model::parameters::CONTEXT;

/// The name of a person who types in a model's place.
const HUMAN: &str = "human";
/// Prefixes of model names that only `OpenAI` offers.
const OF_OPENAI: [&str; 5] = ["gpt-", "chatgpt-", "o1", "o3", "o4"];

/// A server's offer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Offer {
    server: String,
    kind: ServerKind,
    /// Its models; `None` if it is unreachable.
    models: Option<Vec<Offered>>,
}

/// The meaning of a typed name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum NameMeaning {
    /// This model.
    Id(String),
    /// The name at any of these servers.
    Of(Vec<String>),
}

/// Asks for models, each with its parameters, and adds them to those that were chosen; false on Esc.
pub async fn ask_models(guide: &Guide, chosen: &mut Vec<ModelSpec>) -> Result<bool, CliError> {
    // The servers are queried once, and only if a model is to be chosen.
    let mut offers = None;
    loop {
        if chosen.is_empty() {
            match pick_model(guide, &mut offers, chosen).await? {
                Some(model) => chosen.push(model),
                None => return Ok(false),
            }
        }
        let mut items: Vec<String> = vec!["that is all".to_owned(), "one more".to_owned()];
        items.extend(chosen.iter().map(|m| {
            let has_none = m.id == SCRIPTED || m.id == HUMAN;
            if has_none { format!("change {}", m.name()) } else { format!("change {}: {}", m.name(), parameters(m)) }
        }));
        match prompt::ask_one_of(&guide.context.terminal, "models", &items, 0, HINT).await? {
            None => return Ok(false),
            Some(0) => return Ok(true),
            Some(1) => {
                let model = pick_model(guide, &mut offers, chosen).await?;
                chosen.extend(model);
            }
            Some(at) => change_model(guide, chosen, at - 2).await?,
        }
    }
}

/// Changes or removes a chosen model.
async fn change_model(guide: &Guide, chosen: &mut Vec<ModelSpec>, at: usize) -> Result<(), CliError> {
    let items = ["its parameters", "its name here", "take it away"].map(str::to_owned);
    let mut usual = 0;
    loop {
        let question = format!("{}: what?", chosen[at].name());
        match prompt::ask_one_of(&guide.context.terminal, &question, &items, usual, HINT).await? {
            Some(0) => {
                if let Some(sampling) = ask_sampling(guide, &chosen[at]).await? {
                    chosen[at].sampling = sampling;
                    return Ok(());
                }
            }
            Some(1) => {
                let others: Vec<ModelSpec> = [&chosen[..at], &chosen[at + 1..]].concat();
                if let Some(name) = ask_name(guide, &others, chosen[at].name()).await? {
                    chosen[at].alias = (name != chosen[at].id).then_some(name);
                    return Ok(());
                }
                usual = 1;
            }
            Some(_) => {
                chosen.remove(at);
                return Ok(());
            }
            None => return Ok(()),
        }
    }
}

/// Queries every server for its models. The person can start an unreachable server and retry.
async fn ask_servers(guide: &Guide) -> Result<Option<Vec<Offer>>, CliError> {
    loop {
        guide.say("Asking the servers for their models …");
        let asked = models::list_offers(&guide.context.settings.servers).await;
        let mut silent = Vec::new();
        for ServerOffer { server, models } in &asked {
            let Err(error) = models else { continue };
            let error = CliError::from(error.clone());
            let hint = error.hint.as_ref().map(|h| format!(" ({h})")).unwrap_or_default();
            // Most errors name the server themselves.
            let named = error.message.contains(&server.name);
            let whose = if named { String::new() } else { format!("{}: ", server.name) };
            guide.say(&format!("{whose}{}{hint}", error.message));
            if !models::lacks_key(server) {
                silent.push(server.name.clone());
            }
        }
        if silent.is_empty() {
            return Ok(Some(asked.into_iter().map(to_offer).collect()));
        }
        let question = format!("{} cannot be asked", silent.join(", "));
        let items = ["try again", "go on without", "back"].map(str::to_owned);
        match prompt::ask_one_of(&guide.context.terminal, &question, &items, 0, HINT).await? {
            Some(0) => {}
            Some(1) => return Ok(Some(asked.into_iter().map(to_offer).collect())),
            _ => return Ok(None),
        }
    }
}

fn to_offer(asked: ServerOffer<'_>) -> Offer {
    Offer { server: asked.server.name.clone(), kind: asked.server.kind, models: asked.models.ok() }
}

/// Asks for one model.
async fn pick_model(
    guide: &Guide,
    known: &mut Option<Vec<Offer>>,
    chosen: &[ModelSpec],
) -> Result<Option<ModelSpec>, CliError> {
    if known.is_none() {
        *known = ask_servers(guide).await?;
    }
    let Some(offers) = known else { return Ok(None) };
    loop {
        let Some(id) = ask_id(guide, offers).await? else { return Ok(None) };
        let mut model = ModelSpec::bare(&id);
        if chosen.iter().any(|m| m.name() == id) {
            guide.say(&format!("{id} is there already: with other parameters it needs a name of its own."));
            let Some(name) = ask_name(guide, chosen, &free_name(&id, chosen)).await? else { continue };
            model.alias = Some(name);
        }
        if id == SCRIPTED || id == HUMAN {
            return Ok(Some(model));
        }
        model.sampling = suggested_sampling(kind_of(guide, &id));
        let Some(sampling) = ask_sampling(guide, &model).await? else { continue };
        return Ok(Some(ModelSpec { sampling, ..model }));
    }
}

/// Asks for a model's id: from the list, or typed.
async fn ask_id(guide: &Guide, offers: &[Offer]) -> Result<Option<String>, CliError> {
    let mut items: Vec<(String, Option<String>)> = Vec::new();
    for Offer { server, models, .. } in offers {
        for model in models.iter().flatten() {
            let id = format!("{server}/{}", model.name.trim_end_matches(":latest"));
            let bytes = model.size.map(|bytes| format!(" ({})", size(bytes))).unwrap_or_default();
            items.push((format!("{id}{bytes}"), Some(id)));
        }
    }
    items.push(("another one, by its name".to_owned(), None));
    items.push((format!("{SCRIPTED} (no model: made-up answers, costs nothing)"), Some(SCRIPTED.to_owned())));
    if bad_model_id(HUMAN).is_none() {
        items.push((format!("{HUMAN} (a person types)"), Some(HUMAN.to_owned())));
    }
    let (shown, ids): (Vec<String>, Vec<Option<String>>) = items.into_iter().unzip();
    loop {
        let Some(at) = prompt::ask_search(&guide.context.terminal, "model", &shown, HINT).await? else {
            return Ok(None);
        };
        if let Some(id) = &ids[at] {
            return Ok(Some(id.clone()));
        }
        if let Some(id) = ask_typed(guide, offers).await? {
            return Ok(Some(id));
        }
    }
}

/// Asks for a model by its name.
async fn ask_typed(guide: &Guide, offers: &[Offer]) -> Result<Option<String>, CliError> {
    let mut written = String::new();
    loop {
        let question = "model, as in llama3.1 or openai/gpt-4.1";
        let Some(name) = prompt::ask_line(&guide.context.terminal, question, &written, HINT).await? else {
            return Ok(None);
        };
        if name.is_empty() {
            guide.say("Write a model's name; Esc goes back to the list.");
            continue;
        }
        written.clone_from(&name);
        let id = match resolve_name(&name, offers) {
            NameMeaning::Id(id) => id,
            NameMeaning::Of(servers) => {
                let question = format!("which server has {name}?");
                match prompt::ask_one_of(&guide.context.terminal, &question, &servers, 0, HINT).await? {
                    Some(at) => format!("{}/{name}", servers[at]),
                    None => continue,
                }
            }
        };
        if let Some((_, message, hint)) = bad_model_id(&id) {
            guide.say(&format!("{message}: {hint}"));
            continue;
        }
        say_where(guide, offers, &id);
        return Ok(Some(id));
    }
}

/// Resolves a typed name: a known server and a name there, else an installed model, else an `OpenAI` name by its
/// prefix, else a question.
fn resolve_name(name: &str, offers: &[Offer]) -> NameMeaning {
    let is_server = |server: &str| offers.iter().any(|o| o.server == server) || server == SCRIPTED;
    if name == SCRIPTED || name == HUMAN || name.split_once('/').is_some_and(|(s, _)| is_server(s)) {
        return NameMeaning::Id(name.to_owned());
    }
    let ollamas = offers.iter().filter(|o| o.kind == ServerKind::Ollama);
    let has = |offer: &&Offer| offer.models.iter().flatten().any(|m| is_same_model(&m.name, name));
    if let Some(offer) = ollamas.clone().find(has) {
        return NameMeaning::Id(format!("{}/{name}", offer.server));
    }
    // `gpt-oss` has this prefix, but is installed locally.
    if OF_OPENAI.iter().any(|start| name.starts_with(start)) && !name.starts_with("gpt-oss") {
        return NameMeaning::Id(format!("openai/{name}"));
    }
    // Servers that can pull the model are listed first.
    let others = offers.iter().filter(|o| o.kind != ServerKind::Ollama);
    NameMeaning::Of(ollamas.chain(others).map(|o| o.server.clone()).collect())
}

/// Explains what happens if the server lacks the model.
fn say_where(guide: &Guide, offers: &[Offer], id: &str) {
    let Some((server, name)) = id.split_once('/') else { return };
    let Some(offer) = offers.iter().find(|o| o.server == server) else { return };
    let Some(models) = &offer.models else { return };
    if models.iter().any(|m| is_same_model(&m.name, name)) {
        return;
    }
    match offer.kind {
        ServerKind::Ollama => {
            guide.say(&format!("{server} does not have {name}: a run fetches it, or `convoke models pull {id}` now."));
        }
        ServerKind::OpenAi | ServerKind::Azure | ServerKind::Scripted => {
            guide.say(&format!("{server} does not list {name}: a run will tell whether it can be used."));
        }
    }
}

fn kind_of(guide: &Guide, id: &str) -> ServerKind {
    let server = id.split_once('/').map_or(id, |(server, _)| server);
    guide.context.settings.servers.get(server).map_or(ServerKind::Scripted, |server| server.kind)
}

/// Returns the suggested parameters.
fn suggested_sampling(kind: ServerKind) -> Sampling {
    let both = Sampling { temperature: Some(0.7), top_p: Some(0.9), ..Sampling::default() };
    match kind {
        ServerKind::Ollama => Sampling { top_k: Some(40), num_ctx: Some(CONTEXT), ..both },
        ServerKind::OpenAi | ServerKind::Azure => both,
        ServerKind::Scripted => Sampling::default(),
    }
}

/// Asks for the parameters of a model.
async fn ask_sampling(guide: &Guide, model: &ModelSpec) -> Result<Option<Sampling>, CliError> {
    guide.say_dim("Parameters steer how freely a model chooses its words; in doubt, take these.");
    loop {
        let items = [
            format!("these: {}", parameters(&ModelSpec { alias: None, ..model.clone() })),
            "others".to_owned(),
            "the server's own".to_owned(),
        ];
        let question = format!("parameters of {}", model.name());
        match prompt::ask_one_of(&guide.context.terminal, &question, &items, 0, HINT).await? {
            None => return Ok(None),
            Some(0) => return Ok(Some(model.sampling.clone())),
            Some(2) => return Ok(Some(Sampling::default())),
            Some(_) => {
                if let Some(sampling) = ask_each(guide, kind_of(guide, &model.id), &model.sampling).await? {
                    return Ok(Some(sampling));
                }
            }
        }
    }
}

/// Asks for each parameter; an empty one is not sent. Esc goes back to the previous one.
async fn ask_each(guide: &Guide, kind: ServerKind, before: &Sampling) -> Result<Option<Sampling>, CliError> {
    let mut names = vec!["temperature", "top_k", "top_p", "num_ctx"];
    if kind != ServerKind::Ollama {
        names.retain(|name| !["top_k", "num_ctx"].contains(name));
    }
    guide.say("What is left empty is not sent: the server's own holds.");
    let mut sampling = before.clone();
    let mut at = 0;
    while let Some(name) = names.get(at) {
        let written = parameter_text(&sampling, name);
        let Some(line) = prompt::ask_line(&guide.context.terminal, &parameter_question(name), &written, HINT).await?
        else {
            match at.checked_sub(1) {
                Some(before) => at = before,
                None => return Ok(None),
            }
            continue;
        };
        match set_parameter(&mut sampling, name, &line) {
            Ok(()) => at += 1,
            Err(why) => guide.say(&why),
        }
    }
    Ok(Some(sampling))
}

fn parameter_question(name: &str) -> String {
    let means = match name {
        "temperature" => "0 to 2",
        "top_k" => "how many candidates",
        "top_p" => "above 0, up to 1",
        _ => "context in tokens",
    };
    format!("{name} ({means})")
}

fn parameter_text(sampling: &Sampling, name: &str) -> String {
    let written = match name {
        "temperature" => sampling.temperature.map(|n| n.to_string()),
        "top_p" => sampling.top_p.map(|n| n.to_string()),
        "top_k" => sampling.top_k.map(|n| n.to_string()),
        _ => sampling.num_ctx.map(|n| n.to_string()),
    };
    written.unwrap_or_default()
}

/// Parses and sets a parameter; the error explains what is wrong.
fn set_parameter(sampling: &mut Sampling, name: &str, line: &str) -> Result<(), String> {
    let written = Some(line.trim().replace(',', ".")).filter(|line| !line.is_empty());
    let number = |least: f64, most: f64, above: bool| {
        let Some(written) = &written else { return Ok(None) };
        let found = written.parse::<f64>().ok().filter(|n| *n <= most && (*n > least || (!above && *n >= least)));
        found.map(Some).ok_or_else(|| format!("{name} cannot be `{written}`: write {}", self::parameter_question(name)))
    };
    let whole = || {
        let Some(written) = &written else { return Ok(None) };
        let found = written.parse::<u32>().ok().filter(|n| *n > 0);
        found.map(Some).ok_or_else(|| format!("{name} cannot be `{written}`: write a whole number above 0"))
    };
    match name {
        "temperature" => sampling.temperature = number(0.0, 2.0, false)?,
        "top_p" => sampling.top_p = number(0.0, 1.0, true)?,
        "top_k" => sampling.top_k = whole()?,
        _ => sampling.num_ctx = whole()?,
    }
    Ok(())
}

/// Returns a free name for a model: `llama3.1-2` and so on.
fn free_name(id: &str, chosen: &[ModelSpec]) -> String {
    let bare = id.rsplit_once('/').map_or(id, |(_, name)| name);
    let is_free = |name: &String| chosen.iter().all(|m| m.name() != name);
    (2..u32::MAX).map(|n| format!("{bare}-{n}")).find(is_free).unwrap_or_default()
}

/// Asks for a model's name within the experiment.
async fn ask_name(guide: &Guide, others: &[ModelSpec], before: &str) -> Result<Option<String>, CliError> {
    let mut written = before.to_owned();
    loop {
        let question = "its name in the experiment";
        let Some(name) = prompt::ask_line(&guide.context.terminal, question, &written, HINT).await? else {
            return Ok(None);
        };
        if name.is_empty() {
            guide.say("Write a name; Esc goes back.");
        } else if name == HUMAN || name == SCRIPTED {
            guide.say(&format!("`{name}` cannot be a model's name."));
        } else if others.iter().any(|m| m.name() == name) {
            guide.say(&format!("`{name}` is the name of another one."));
        } else {
            return Ok(Some(name));
        }
        written = name;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test_offers() -> Vec<Offer> {
        let offer = |server: &str, kind, models: Option<&[&str]>| Offer {
            server: server.to_owned(),
            kind,
            models: models
                .map(|names| names.iter().map(|n| Offered { name: (*n).to_owned(), ..Offered::default() }).collect()),
        };
        vec![
            offer("openai", ServerKind::OpenAi, None),
            offer("ollama", ServerKind::Ollama, Some(&["llama3.1:latest", "gpt-j:6b", "hf.co/a/b:latest"])),
        ]
    }

    #[test]
    fn a_bare_name_is_an_installed_model_then_openai_then_asked() {
        let id = |id: &str| NameMeaning::Id(id.to_owned());
        for (typed, means) in [
            ("llama3.1", id("ollama/llama3.1")),
            ("gpt-j:6b", id("ollama/gpt-j:6b")),
            ("gpt-4.1", id("openai/gpt-4.1")),
            ("o3-mini", id("openai/o3-mini")),
            ("openai/gpt-4.1", id("openai/gpt-4.1")),
            ("hf.co/a/b", id("ollama/hf.co/a/b")),
            ("scripted", id("scripted")),
            ("gpt-oss:20b", NameMeaning::Of(vec!["ollama".to_owned(), "openai".to_owned()])),
            ("hf.co/c/d", NameMeaning::Of(vec!["ollama".to_owned(), "openai".to_owned()])),
        ] {
            assert_eq!(resolve_name(typed, &test_offers()), means, "{typed}");
        }
    }

    #[test]
    fn parameters_as_they_are_typed() {
        let mut sampling = suggested_sampling(ServerKind::Ollama);
        assert_eq!(parameter_text(&sampling, "num_ctx"), "10000");
        for (name, line) in [("temperature", "0"), ("top_p", "0,5"), ("top_k", ""), ("num_ctx", "4096")] {
            assert_eq!(set_parameter(&mut sampling, name, line), Ok(()), "{name}");
        }
        let expected =
            Sampling { temperature: Some(0.0), top_p: Some(0.5), num_ctx: Some(4096), ..Sampling::default() };
        assert_eq!(sampling, expected);
        for (name, line) in
            [("temperature", "2.1"), ("temperature", "NaN"), ("top_p", "0"), ("top_k", "0"), ("num_ctx", "x")]
        {
            assert!(set_parameter(&mut sampling, name, line).is_err(), "{name} {line}");
        }
        assert_eq!(sampling, expected);
    }

    #[test]
    fn the_same_model_again_gets_the_next_name() {
        let mut chosen = vec![ModelSpec::bare("ollama/llama3.1")];
        assert_eq!(free_name("ollama/llama3.1", &chosen), "llama3.1-2");
        chosen.push(ModelSpec { alias: Some("llama3.1-2".to_owned()), ..ModelSpec::bare("ollama/llama3.1") });
        assert_eq!(free_name("ollama/llama3.1", &chosen), "llama3.1-3");
    }
}
