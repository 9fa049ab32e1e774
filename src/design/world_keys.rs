//! Readers of the keys of `[world]` that have parts, and the shapes in which they are written.

use super::shape::{Shape, TreeKind};
use super::span::Span;
use super::tree::{Node, Tree, scalar};
use super::value::Named;
use super::world::{Clock, LinkKind, Links, MOST_PLACES, Order, Place, Together, is_link_path};
use jiff::civil::DateTime;
use serde_json::{Map, Value as Json, json};

/// Maximum length of a place's name in characters.
const LONGEST_NAME: usize = 100;

/// `order`.
pub static ORDER: TreeKind =
    TreeKind { read: |tree, at, node| read_order(tree, at, node).map(|o| o.to_shape()), levels: &Order::WORDS };
/// `clock`.
pub static CLOCK: TreeKind =
    TreeKind { read: |tree, at, node| read_clock(tree, at, node).map(|c| c.to_shape()), levels: &[] };
/// `start`.
pub static START: TreeKind =
    TreeKind { read: |tree, at, node| Some(read_start(tree, at, node)?.to_shape()), levels: &[] };
/// `places`.
pub static PLACES: TreeKind =
    TreeKind { read: |tree, at, node| Some(read_places(tree, at, node).to_shape()), levels: &[] };
/// `links`.
pub static LINKS: TreeKind =
    TreeKind { read: |tree, at, node| read_links(tree, at, node).map(|l| l.to_shape()), levels: &[] };

fn read_order(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<Order> {
    if node.get_ref().is_str() {
        return tree.read_word(at, node, &Order::WORDS).and_then(Order::of);
    }
    let mut lists: Vec<Together> = Vec::new();
    for (i, item) in tree.read_array(at, node).into_iter().enumerate() {
        let here = format!("{at}[{i}]");
        let roles = tree.read_texts(&here, item);
        let again = roles
            .iter()
            .enumerate()
            .find(|(n, role)| roles[..*n].contains(role) || lists.iter().any(|list| list.roles.contains(role)));
        if let Some((_, role)) = again {
            let hint = "name each role once".to_owned();
            tree.error(item.span(), "duplicate", format!("`{here}` names `{role}` again"), hint);
        }
        lists.push(Together { roles });
    }
    if lists.iter().any(|list| list.roles.is_empty()) || lists.is_empty() {
        let hint =
            "write \"together\", \"in-turn\", \"shuffled\", or lists of roles as in [[\"player\"], [\"moderator\"]]";
        tree.error(node.span(), "bad-order", format!("`{at}` holds a list without a role"), hint.to_owned());
        return None;
    }
    Some(Order::Lists(lists))
}

fn read_clock(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<Clock> {
    let table = tree.read_table(at, node)?;
    let fields = tree.read_fields(at, table, &["start", "step", "day"]);
    for key in ["start", "step"].into_iter().filter(|key| !fields.contains_key(key)) {
        let hint = "write { start = 2024-05-16T09:00:00, step = \"15 min\" }".to_owned();
        tree.error(node.span(), "missing", format!("`{at}` has no `{key}`"), hint);
    }
    let start = fields.get("start").and_then(|n| read_moment(tree, &format!("{at}.start"), n));
    let step = fields.get("step").and_then(|n| read_span(tree, &format!("{at}.step"), n));
    let day = fields.get("day").map_or(Some(Span::day()), |n| read_span(tree, &format!("{at}.day"), n));
    Some(Clock { start: start?, step: step?, day: day? })
}

fn read_moment(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<DateTime> {
    let written = scalar(node.get_ref()).map(|value| value.to_string()).unwrap_or_default();
    let moment = written.replace(' ', "T").parse().ok().filter(|_| written.len() >= 16 && !written.ends_with('Z'));
    if moment.is_none() || written.contains('+') {
        let hint = "write a local time without a zone, as in 2024-05-16T09:00:00".to_owned();
        tree.error(node.span(), "bad-time", format!("`{at}` cannot be `{written}`"), hint);
        return None;
    }
    moment
}

/// Reads a duration, or reports an error.
pub fn read_span(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<Span> {
    let text = tree.read_text(at, node)?;
    let span = Span::read(&text);
    if span.is_none() {
        let hint = format!("write {}", Span::RIGHT);
        tree.error(node.span(), "bad-duration", format!("`{at}` cannot be `{text}`"), hint);
    }
    span
}

fn read_start(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<Vec<Named<String>>> {
    let table = tree.read_table(at, node)?;
    let mut start = Vec::new();
    for (key, value) in table {
        let name = key.get_ref().to_string();
        let here = format!("{at}.{name}");
        tree.places.insert(here.clone(), key.span());
        start.extend(tree.read_text(&here, value).map(|place| Named::new(name, place)));
    }
    Some(start)
}

fn read_places(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Vec<Place> {
    let items = tree.read_array(at, node);
    if items.len() > MOST_PLACES {
        let hint = format!("a world can have {MOST_PLACES}");
        tree.error(node.span(), "too-many", format!("`{at}` holds {} places", items.len()), hint);
        return Vec::new();
    }
    let mut places: Vec<Place> = Vec::new();
    for (i, item) in items.into_iter().enumerate() {
        let here = format!("{at}[{i}]");
        let Some(place) = read_place(tree, &here, item) else { continue };
        if places.iter().any(|one| one.name.to_lowercase() == place.name.to_lowercase()) {
            let hint = "give one of them another name".to_owned();
            tree.error(item.span(), "duplicate", format!("two places are named `{}`", place.name), hint);
        }
        places.push(place);
    }
    places
}

fn read_place(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<Place> {
    let name_of = |tree: &mut Tree<'_>, at: &str, node: &Node<'_>| {
        let name = tree.read_text(at, node)?.trim().to_owned();
        let is_usable = !name.is_empty() && name.chars().count() <= LONGEST_NAME && !name.contains(char::is_control);
        if !is_usable || name.contains(['[', ']']) {
            let message = format!("`{}` cannot be the name of a place", name.escape_debug());
            let hint = format!("write 1 to {LONGEST_NAME} visible characters without `[` and `]`");
            tree.error(node.span(), "bad-name", message, hint);
            return None;
        }
        Some(name)
    };
    if node.get_ref().is_str() {
        return name_of(tree, at, node).map(|name| Place { name, ..Place::default() });
    }
    let table = tree.read_table(at, node)?;
    let fields = tree.read_fields(at, table, &["name", "text", "who", "room"]);
    let Some(name) = fields.get("name") else {
        tree.error(node.span(), "missing", format!("`{at}` has no `name`"), "write `name = \"…\"`".to_owned());
        return None;
    };
    let who = fields.get("who").map(|n| tree.read_texts(&format!("{at}.who"), n));
    if let (Some([]), Some(node)) = (who.as_deref(), fields.get("who")) {
        let hint = "name persons or roles, or leave it out: then all may enter".to_owned();
        tree.error(node.span(), "empty", format!("`{at}.who` is empty: nobody may enter"), hint);
    }
    Some(Place {
        name: name_of(tree, &format!("{at}.name"), name)?,
        text: fields.get("text").and_then(|n| tree.read_text(&format!("{at}.text"), n)).unwrap_or_default(),
        who: who.unwrap_or_default(),
        room: fields.get("room").and_then(|n| tree.read_whole(&format!("{at}.room"), n, 1, 10_000)).map(|n| n as u32),
    })
}

fn read_links(tree: &mut Tree<'_>, at: &str, node: &Node<'_>) -> Option<Links> {
    let table = tree.read_table(at, node)?;
    let fields = tree.read_fields(at, table, &["file", "kind", "k", "p", "directed"]);
    let get = |key: &str| fields.get(key).copied();
    let links = Links {
        file: get("file").and_then(|n| tree.read_text(&format!("{at}.file"), n)),
        kind: get("kind")
            .and_then(|n| tree.read_word(&format!("{at}.kind"), n, LinkKind::WORDS))
            .and_then(LinkKind::of),
        k: get("k").and_then(|n| tree.read_whole(&format!("{at}.k"), n, 1, 10_000)).map(|n| n as u32),
        p: get("p").and_then(|n| tree.read_number(&format!("{at}.p"), n, "0 to 1", |p| (0.0..=1.0).contains(&p))),
        directed: get("directed").and_then(|n| tree.read_flag(&format!("{at}.directed"), n)).unwrap_or_default(),
    };
    let needs = |key: LinkKind| match key {
        LinkKind::Ring | LinkKind::ScaleFree => (true, false),
        LinkKind::Random => (false, true),
        LinkKind::SmallWorld => (true, true),
        LinkKind::Complete => (false, false),
    };
    let wrong = match (&links.file, links.kind) {
        (Some(_), Some(_)) | (None, None) => Some("has either `file` or `kind`".to_owned()),
        (Some(file), None) if !is_link_path(file) => {
            Some(format!("cannot read `{file}`: it is no path within the folder"))
        }
        (Some(_), None) if links.k.is_some() || links.p.is_some() || links.directed => {
            Some("has `k`, `p` or `directed` beside `file`, which says it itself".to_owned())
        }
        (Some(_), None) => None,
        (None, Some(kind)) => {
            let (k, p) = needs(kind);
            let wrong = |key: &str, is_needed: bool, is_given: bool| {
                (is_needed != is_given)
                    .then(|| format!("{} `{key}` with kind {kind}", if is_needed { "needs" } else { "has no" }))
            };
            wrong("k", k, get("k").is_some()).or_else(|| wrong("p", p, get("p").is_some()))
        }
    };
    if let Some(why) = wrong {
        let hint = "write { file = \"links.csv\" }, or { kind = \"small-world\", k = 4, p = 0.1 }".to_owned();
        tree.error(node.span(), "bad-links", format!("`{at}` {why}"), hint);
        return None;
    }
    Some(links)
}

impl Shape for Order {
    fn to_shape(&self) -> Json {
        match self {
            Self::Together | Self::InTurn | Self::Shuffled => json!(self.word()),
            Self::Lists(lists) => lists.iter().map(|list| json!(list.roles)).collect(),
        }
    }

    fn of_shape(shape: &Json) -> Option<Self> {
        if let Json::String(word) = shape {
            return Self::of(word);
        }
        let list = |list: &Json| Some(Together { roles: serde_json::from_value(list.clone()).ok()? });
        shape.as_array()?.iter().map(list).collect::<Option<_>>().map(Self::Lists)
    }
}

impl Shape for Vec<Named<String>> {
    fn to_shape(&self) -> Json {
        Json::Object(self.iter().map(|one| (one.name.clone(), json!(one.value))).collect())
    }

    fn of_shape(shape: &Json) -> Option<Self> {
        let of: &Map<String, Json> = shape.as_object()?;
        of.iter().map(|(name, value)| Some(Named::new(name.clone(), value.as_str()?.to_owned()))).collect()
    }
}

/// Implements [`Shape`] for types that are written as documents hold them.
macro_rules! as_document {
    ($($type:ty),*) => {
        $(impl Shape for $type {
            fn to_shape(&self) -> Json {
                serde_json::to_value(self).unwrap_or_default()
            }

            fn of_shape(shape: &Json) -> Option<Self> {
                serde_json::from_value(shape.clone()).ok()
            }
        })*
    };
}

as_document!(Clock, Vec<Place>, Links);
