//! Checks of a world: names of places, persons and roles, links, and keys that mean nothing without each other.

use super::super::casting::list_some;
use super::super::condition::Condition;
use super::super::keys::{MIND, find_key};
use super::super::mind::{Builtin, Mind};
use super::super::problem::{Severity, did_you_mean};
use super::super::world::{Hearing, Order, World, read_links};
use super::Check;
use crate::people::name::fold_name;
use std::collections::{BTreeMap, BTreeSet};

/// Keys of `[mind]` that mean nothing outside of a world.
const OF_WORLDS: [&str; 3] = ["memory", "actions", "turns"];

impl Check<'_> {
    /// Checks the parts of a world that no condition changes.
    pub(super) fn check_world(&mut self) {
        let experiment = self.experiment;
        let Some(world) = &experiment.world else { return self.keys_without_world() };
        self.check_order(world);
        self.check_links(world);
        self.check_clock(world);
        if world.hearing() == Hearing::Place && world.places.is_empty() {
            let hint = "write `places = [{ name = \"…\" }, …]`, or hearing = \"everyone\"".to_owned();
            self.world_error(
                "no-places",
                "world.hearing",
                "`world.hearing` is \"place\", and there is no place".to_owned(),
                hint,
            );
        }
        if world.hearing() != Hearing::Everyone && experiment.summarizer.is_some() {
            let message = "a summary would report to everybody what was said elsewhere: this world has no summariser";
            let hint = "remove `summarizer.md`, or write hearing = \"everyone\"".to_owned();
            self.world_error("idle-summarizer", "world.hearing", message.to_owned(), hint);
        }
        let minds = experiment.roles.iter().map(|role| (format!("roles.{}.mind.actions", role.name), &role.mind));
        for (at, mind) in minds.chain([("mind.actions".to_owned(), &experiment.mind)]) {
            self.check_builtins(&at, mind, world);
        }
    }

    fn world_error(&mut self, code: &'static str, at: &str, message: String, hint: String) {
        self.report_at(Severity::Error, code, at, message, Some(hint));
    }

    /// Reports keys that mean nothing without `[world]`.
    fn keys_without_world(&mut self) {
        let experiment = self.experiment;
        let is_set = |mind: &Mind, key: &str| find_key(MIND, key).is_some_and(|key| (key.get)(mind).is_some());
        let minds = experiment.roles.iter().map(|role| (format!("roles.{}.mind", role.name), &role.mind));
        let minds: Vec<(String, &Mind)> = minds.chain([("mind".to_owned(), &experiment.mind)]).collect();
        let written = OF_WORLDS.iter().flat_map(|key| {
            minds.iter().filter(|(_, mind)| is_set(mind, key)).map(move |(at, _)| format!("{at}.{key}"))
        });
        let factors = experiment.factors.iter().map(|factor| &factor.name);
        let is_of_world = |name: &&String| {
            name.starts_with("world.") || OF_WORLDS.iter().any(|key| name.ends_with(&format!("mind.{key}")))
        };
        let factors = factors.filter(is_of_world).map(|name| format!("factors.{name}"));
        for at in written.chain(factors).collect::<Vec<_>>() {
            let hint = "write [world] with `steps`, or leave it out".to_owned();
            self.world_error("no-world", &at, format!("`{at}` means nothing in a conversation"), hint);
        }
    }

    fn check_builtins(&mut self, at: &str, mind: &Mind, world: &World) {
        let written = mind.actions.as_deref().unwrap_or_default();
        if written.contains(&Builtin::Go) && world.places.len() < 2 {
            let hint = "write a second place, or leave `go` out".to_owned();
            self.world_error("few-places", at, format!("`{at}` has `go`, and there is no second place"), hint);
        }
        if mind.actions.as_ref().is_some_and(Vec::is_empty) && self.experiment.actions.is_empty() {
            let hint = "name one, as in [\"say\"]".to_owned();
            self.world_error("empty", at, format!("`{at}` is empty: the agents can do nothing"), hint);
        }
    }

    fn check_order(&mut self, world: &World) {
        let Order::Lists(lists) = &world.order else { return };
        let experiment = self.experiment;
        let roles: Vec<&str> = experiment.roles.iter().map(|role| role.name.as_str()).collect();
        let listed: Vec<&String> = lists.iter().flat_map(|list| &list.roles).collect();
        for name in listed.iter().filter(|name| !roles.contains(&name.as_str())) {
            let hint =
                did_you_mean(name, roles.iter().copied()).unwrap_or_else(|| format!("roles: {}", roles.join(", ")));
            self.world_error(
                "unknown-role",
                "world.order",
                format!("`world.order` names `{name}`, which is no role"),
                hint,
            );
        }
        for role in roles.iter().filter(|role| !listed.iter().any(|name| name == *role)) {
            let hint = "name every role in one of the lists".to_owned();
            self.world_error(
                "silent-role",
                "world.order",
                format!("`world.order` lacks the role `{role}`, which would never act"),
                hint,
            );
        }
    }

    fn check_links(&mut self, world: &World) {
        let by_links = world.hearing() == Hearing::Links;
        match (&world.links, by_links) {
            (Some(_), false) if !self.experiment.factors.iter().any(|factor| factor.name == "world.hearing") => {
                let hint = "write hearing = \"links\", or leave `links` out".to_owned();
                self.world_error(
                    "idle-links",
                    "world.links",
                    "`world.links` are heard by nobody: `hearing` is another".to_owned(),
                    hint,
                );
            }
            (None, true) => {
                let hint =
                    "write `links = { kind = \"ring\", k = 2 }` or `links = { file = \"links.csv\" }`".to_owned();
                self.world_error(
                    "no-links",
                    "world.hearing",
                    "`world.hearing` is \"links\", and there are none".to_owned(),
                    hint,
                );
            }
            (Some(_) | None, _) => {}
        }
        let file = world.links.as_ref().and_then(|links| links.file.as_ref());
        let is_read = |path: &String| self.experiment.files.iter().any(|file| file.path == *path);
        let found = file.and_then(|path| self.experiment.files.iter().find(|file| file.path == *path));
        if let Some(found) = found
            && let Err(why) = read_links(found.text.as_deref().unwrap_or_default())
        {
            let hint = "write the columns from,to,relation,both; the last two may lack".to_owned();
            self.problems.of_file(Severity::Error, "bad-links", &found.path, why, hint);
        }
        if let Some(path) = file.filter(|path| !is_read(path)) {
            let hint = "paths begin at the experiment's folder".to_owned();
            self.world_error("no-file", "world.links", format!("there is no file `{path}`"), hint);
        }
    }

    fn check_clock(&mut self, world: &World) {
        let days = self.experiment.protocol.days;
        if let Some(clock) = world.clock.as_ref().filter(|clock| clock.time(days, world.steps).is_none()) {
            let hint = "shorten the steps, or begin earlier".to_owned();
            self.world_error(
                "bad-time",
                "world.clock",
                format!("a clock that starts at {} leaves the calendar", clock.start),
                hint,
            );
        }
    }

    /// Checks names against the agents of all conditions.
    pub(super) fn check_world_names(&mut self, conditions: &[Condition]) {
        let Some(world) = self.experiment.world.clone() else { return };
        let people: BTreeSet<(usize, &str)> = conditions
            .iter()
            .flat_map(|c| (0..c.agents.len()).filter_map(move |role| Some((role, c.cast(role)?))))
            .flat_map(|(role, cast)| cast.pool.iter().map(move |member| (role, member.person.name.as_str())))
            .collect();
        let roles: Vec<String> = self.experiment.roles.iter().map(|role| role.name.clone()).collect();
        let known = |name: &str| {
            roles.iter().any(|role| role == name) || people.iter().any(|(_, one)| fold_name(one) == fold_name(name))
        };
        let mut written: Vec<(String, String)> = Vec::new();
        for (i, place) in world.places.iter().enumerate() {
            written.extend(place.who.iter().map(|who| (format!("world.places[{i}].who"), who.clone())));
        }
        written.extend(world.start.iter().map(|one| (format!("world.start.{}", one.name), one.name.clone())));
        for (at, name) in written.into_iter().filter(|(_, name)| !known(name)) {
            let all = roles.iter().map(String::as_str).chain(people.iter().map(|(_, name)| *name));
            let hint = did_you_mean(&name, all).unwrap_or_else(|| format!("roles: {}", roles.join(", ")));
            self.world_error(
                "unknown-name",
                &at,
                format!("`{at}` names `{name}`, which is no role and nobody's name"),
                hint,
            );
        }
        let names: BTreeSet<&str> = people.iter().map(|(_, name)| *name).collect();
        self.check_linked(&world, &names, conditions);
        let starts = starts(&world, &people, conditions, &roles);
        let starts = starts.into_iter().map(|(agent, role, place, at)| (agent, roles[role].clone(), place, at));
        let starts = starts.collect::<Vec<_>>();
        self.check_starts(&world, &starts);
        self.check_rooms(&world, &starts);
    }

    /// Reports agents that no link of the file names: nobody would hear them.
    fn check_linked(&mut self, world: &World, names: &BTreeSet<&str>, conditions: &[Condition]) {
        let file = world.links.as_ref().and_then(|links| links.file.as_ref());
        let Some(file) = file.and_then(|path| self.experiment.files.iter().find(|file| file.path == *path)) else {
            return;
        };
        let Ok(links) = read_links(file.text.as_deref().unwrap_or_default()) else { return };
        let linked: BTreeSet<String> =
            links.iter().flat_map(|link| [fold_name(&link.from), fold_name(&link.to)]).collect();
        let lonely: Vec<&str> = names.iter().copied().filter(|name| !linked.contains(&fold_name(name))).collect();
        if !lonely.is_empty() {
            let message = format!("no link of `{}` names {}", file.path, list_some(&lonely));
            let hint = "write a link for each, or take the person out of `people`".to_owned();
            self.world_error("isolated", "world.links", message, hint);
        }
        let is_drawn = |c: &Condition, role: usize| c.agents[role] > 0 && c.cast(role).is_none();
        let nameless = conditions.iter().find_map(|c| (0..c.agents.len()).find(|role| is_drawn(c, *role)));
        if let Some(role) = nameless {
            let role = &self.experiment.roles[role].name;
            let message = format!("a file of links names persons, and the agents of `{role}` are nobody in particular");
            let hint = format!("write `people` under [roles.{role}], or draw links with `kind`");
            self.world_error("isolated", "world.links", message, hint);
        }
    }

    fn check_starts(&mut self, world: &World, starts: &[(String, String, String, String)]) {
        let names: Vec<&str> = world.places.iter().map(|place| place.name.as_str()).collect();
        let mut said = BTreeSet::new();
        for (agent, role, place, at) in starts {
            let found = world.places.iter().find(|one| fold_name(&one.name) == fold_name(place));
            let message = match found {
                None => format!("`{agent}` starts in `{place}`, which is no place"),
                Some(found)
                    if !found.who.is_empty()
                        && !found.who.iter().any(|who| who == role || fold_name(who) == fold_name(agent)) =>
                {
                    format!("`{agent}` starts in `{place}`, and may not enter it")
                }
                Some(_) => continue,
            };
            if said.insert(message.clone()) {
                let near = did_you_mean(place, names.iter().copied()).filter(|_| found.is_none());
                let hint = near.unwrap_or_else(|| format!("places: {}", names.join(", ")));
                self.world_error("bad-start", at, message, hint);
            }
        }
    }

    /// Reports places that more agents start in than there is room for.
    fn check_rooms(&mut self, world: &World, starts: &[(String, String, String, String)]) {
        let mut inside: BTreeMap<String, usize> = BTreeMap::new();
        for (_, _, place, _) in starts.iter().filter(|(_, _, _, at)| at.starts_with("world.start")) {
            *inside.entry(fold_name(place)).or_default() += 1;
        }
        for place in &world.places {
            let number = inside.get(&fold_name(&place.name)).copied().unwrap_or_default();
            if let Some(room) = place.room.filter(|room| number > *room as usize) {
                let message = format!("{number} start in `{}`, which has room for {room}", place.name);
                self.world_error(
                    "no-room",
                    "world.start",
                    message,
                    "raise `room`, or let some start elsewhere".to_owned(),
                );
            }
        }
    }
}

/// Returns where agents are said to start: name, role, place, and where it is written.
fn starts(
    world: &World,
    people: &BTreeSet<(usize, &str)>,
    conditions: &[Condition],
    roles: &[String],
) -> Vec<(String, usize, String, String)> {
    let mut starts = Vec::new();
    for (role, cast) in
        conditions.iter().flat_map(|c| (0..c.agents.len()).filter_map(move |role| Some((role, c.cast(role)?))))
    {
        for member in &cast.pool {
            let name = &member.person.name;
            let is_said = world.start.iter().any(|one| fold_name(&one.name) == fold_name(name));
            if let Some(place) = member.person.place().filter(|_| !is_said) {
                starts.push((name.clone(), role, place, format!("roles.{}.people", cast.role.name)));
            }
        }
    }
    for one in &world.start {
        let at = format!("world.start.{}", one.name);
        let person = people.iter().find(|(_, name)| fold_name(name) == fold_name(&one.name));
        let role = roles.iter().position(|role| *role == one.name);
        if let Some(role) = person.map(|(role, _)| *role).or(role) {
            starts.push((one.name.clone(), role, one.value.clone(), at));
        }
    }
    starts
}
