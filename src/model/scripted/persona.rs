//! A person without a language model: from the initials, the facts and the brief of the request.

use super::improvise::{MARK, draw_seeded, find_topics};
use crate::model::ChatRequest;
use crate::process::Author;
use serde_json::json;

/// First names, two for each letter that initials use.
const FIRST: &str = "Amina Aldo Bruna Boris Clara Cesar Dora Davi Elena Emil Flora Felix Greta Gil Hana Hugo Ines Ivo Julia \
Joel Karin Kofi Lena Luca Marta Milo Nora Nils Olga Omar Paula Pavel Rosa Remy Sofia Sami Tara Tomas Vera Vito Wanda Wim";
/// Last names, one for each letter.
const LAST: &str = "Alves Barros Costa Duarte Esteves Ferreira Gomes Haddad Ibarra Jansen Kovac Lima Moreira Nunes Okafor Pereira \
Ribeiro Santos Teixeira Varga Weber";
/// Occupations.
const TITLES: [&str; 8] = ["nurse", "carpenter", "teacher", "cook", "driver", "clerk", "farmer", "librarian"];

/// Returns a person as JSON, if one is requested.
pub(super) fn improvise_persona(request: &ChatRequest) -> Option<String> {
    let system = request.messages.iter().find(|message| message.author == Author::System)?.content.as_str();
    let line = system.lines().find_map(|line| line.strip_prefix("Initials: "))?;
    if request.turn.role != "writer" {
        return None;
    }
    let mut initials = line.split_whitespace().filter_map(|part| part.chars().next());
    let (first, last) = (initials.next()?, initials.next()?);
    let surname = LAST.split_whitespace().find(|name| name.starts_with(last))?;
    let names: Vec<String> = FIRST
        .split_whitespace()
        .filter(|name| name.starts_with(first))
        .map(|name| format!("{name} {surname}"))
        .collect();
    // A name that the request lists as taken is passed over, and the surname grows if all are.
    let free = names.iter().find(|name| !system.contains(name.as_str())).cloned();
    let number = system.lines().find_map(|line| line.strip_prefix("Number: "))?;
    let name = free.unwrap_or_else(|| format!("{} {number}", names.first().map_or(surname, String::as_str)));
    let brief = system.split("## Brief").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap_or_default();
    let topics = find_topics(brief);
    let topic = |what: &str| {
        let place = draw_seeded(request, what, topics.len().max(1));
        topics.get(place).cloned().unwrap_or_else(|| "the neighbourhood".to_owned())
    };
    let title = TITLES.get(draw_seeded(request, "title", TITLES.len())).copied().unwrap_or_default();
    let person = json!({
        "name": name,
        "education": format!("{MARK} A school that taught {}.", topic("education")),
        "occupation": { "title": title, "organization": format!("{surname} & Co."), "description": format!("{MARK} Work as a {title}.") },
        "style": format!("{MARK} Short sentences about {}.", topic("style")),
        "personality": { "traits": [format!("{MARK} You think of {} first.", topic("traits"))] },
        "preferences": { "interests": [topic("interests")], "likes": [topic("likes")], "dislikes": ["haste"] },
        "beliefs": [format!("{MARK} One should know {}.", topic("beliefs"))],
        "skills": [format!("{MARK} You understand {}.", topic("skills"))],
        "behaviors": [format!("{MARK} You speak of {} at home.", topic("behaviors"))],
        "bio": format!("{MARK} {name} is a {title}."),
    });
    Some(person.to_string())
}
