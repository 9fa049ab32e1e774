//! Measures the health rules on conversations that people have judged.
//!
//! `cargo run --release --example measure_replies -- FILE.jsonl [PROMPT.txt] [--show FLAG]`
//!
//! Each line of the file is one conversation: `id` (text), `model` (text), `failed` (true where the annotators could
//! not use it), `replies` (array of `{role, text}`, in order, one day, one agent a role). `PROMPT.txt` holds what all
//! agents were told, for `prompt-recited`. Each reply is cleaned and its health read as the program would, with the
//! cleaned replies before it as the day so far. The table counts conversations in which a flag stands at least once.
//! `--show FLAG` lists every reply with that flag in a usable conversation, to look at false alarms.

use anyhow::{Context, Result};
use convoke::process::Flag;
use convoke::process::reply::{Said, Scene, clean_speech, health};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

#[derive(Deserialize)]
struct Conversation {
    id: String,
    model: String,
    failed: bool,
    replies: Vec<Reply>,
}

#[derive(Deserialize)]
struct Reply {
    role: String,
    text: String,
}

/// What was found in one conversation: the flags of each reply.
type Found = Vec<(String, BTreeSet<Flag>)>;

#[derive(Default)]
struct Count {
    failed: u32,
    usable: u32,
    replies: u32,
}

fn main() -> Result<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let show = arguments.iter().position(|argument| argument == "--show").map(|at| {
        arguments.remove(at);
        if at < arguments.len() { arguments.remove(at) } else { String::new() }
    });
    let path = arguments.first().context("which file? measure_replies FILE.jsonl [PROMPT.txt] [--show FLAG]")?;
    let prompt = arguments.get(1).map(std::fs::read_to_string).transpose()?.unwrap_or_default();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let conversations: Vec<Conversation> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let found: Vec<Found> = conversations.iter().map(|conversation| read(conversation, &prompt)).collect();
    let mut out = std::io::stdout().lock();
    match show.as_deref().and_then(Flag::of) {
        Some(flag) => list(&mut out, &conversations, &found, flag),
        None => table(&mut out, &conversations, &found),
    }
}

fn name(role: &str) -> String {
    let mut letters = role.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}_117", letters.as_str())
}

fn read(conversation: &Conversation, prompt: &str) -> Found {
    let roles: BTreeSet<&str> = conversation.replies.iter().map(|reply| reply.role.as_str()).collect();
    let names: BTreeMap<&str, String> = roles.iter().map(|role| (*role, name(role))).collect();
    let mut found = Found::new();
    for reply in &conversation.replies {
        let role = reply.role.as_str();
        let others: Vec<_> = roles.iter().filter(|r| **r != role).map(|r| (names[r].as_str(), *r)).collect();
        let said = conversation.replies.iter().map(|r| names[r.role.as_str()].as_str());
        let earlier: Vec<_> = found.iter().zip(said).map(|((content, _), speaker)| Said { speaker, content }).collect();
        let scene = Scene { own_name: &names[role], own_role: role, others: &others, prompt, earlier: &earlier };
        let cleaned = clean_speech(&reply.text, &scene);
        let flags = cleaned.flags.into_iter().chain(health(&cleaned.text, &scene)).collect();
        found.push((cleaned.text, flags));
    }
    found
}

fn table(out: &mut impl Write, conversations: &[Conversation], found: &[Found]) -> Result<()> {
    let failed = conversations.iter().filter(|conversation| conversation.failed).count();
    writeln!(out, "flag | failed (of {failed}) | usable (of {}) | replies", conversations.len() - failed)?;
    let any = count(conversations, found, |flags| flags.iter().any(|flag| *flag <= Flag::Refusal));
    for flag in Flag::ALL {
        let count = count(conversations, found, |flags| flags.contains(flag));
        writeln!(out, "{flag} | {} | {} | {}", count.failed, count.usable, count.replies)?;
    }
    writeln!(out, "any of health | {} | {} | {}", any.failed, any.usable, any.replies)?;
    Ok(())
}

fn count(conversations: &[Conversation], found: &[Found], has: impl Fn(&BTreeSet<Flag>) -> bool) -> Count {
    let mut count = Count::default();
    for (conversation, replies) in conversations.iter().zip(found) {
        let hits = replies.iter().filter(|(_, flags)| has(flags)).count();
        count.replies += hits as u32;
        count.failed += u32::from(hits > 0 && conversation.failed);
        count.usable += u32::from(hits > 0 && !conversation.failed);
    }
    count
}

fn list(out: &mut impl Write, conversations: &[Conversation], found: &[Found], flag: Flag) -> Result<()> {
    for (conversation, replies) in conversations.iter().zip(found).filter(|(conversation, _)| !conversation.failed) {
        for (index, (text, _)) in replies.iter().enumerate().filter(|(_, (_, flags))| flags.contains(&flag)) {
            let role = &conversation.replies[index].role;
            writeln!(out, "== {} {} #{index} {role}\n{text}\n", conversation.model, conversation.id)?;
        }
    }
    Ok(())
}
