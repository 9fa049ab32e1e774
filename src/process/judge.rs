//! Judgement of a reply: its flags, and the decision of the policies of `[health]` about them.

use super::asking::{Ask, Growth, Reply};
use super::log::{CallRef, Entry, Flag, Kind, Purpose};
use super::reply::{self, Said, Scene};
use super::setting::Setting;
use super::turn::TurnForm;
use super::turn::read::{ReadTurn, read};
use serde_json::{Map, Value as Json};

/// Decision about a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The process accepts the reply.
    Keep,
    /// The process rejects the reply and repeats the ask.
    Again,
    /// The process rejects the reply and fails.
    Fail,
}

impl Setting {
    /// Applies the policies to a reply with these flags. If a flag must fail the process and permits no further repeat,
    /// it takes precedence over all others.
    pub(super) fn verdict(&self, flags: &[Flag], call: CallRef) -> Verdict {
        let policies = || flags.iter().map(|f| self.policy(*f));
        let spent = |ask: u32| match call.purpose {
            Purpose::Speech | Purpose::Answer | Purpose::Turn => call.ask >= ask,
            Purpose::Selection | Purpose::Summary => true,
        };
        if policies().any(|p| p.fail && spent(p.ask)) {
            Verdict::Fail
        } else if policies().any(|p| !spent(p.ask)) {
            Verdict::Again
        } else {
            Verdict::Keep
        }
    }
}

/// Cleans an agent's reply and flags it. `log` is the log of the process itself.
pub(super) fn speech(
    setting: &Setting,
    ask: &Ask,
    reply: &Reply<'_>,
    earlier: &[Said<'_>],
    log: &[Entry],
) -> (String, Vec<Flag>) {
    let (text, mut flags) = said(setting, ask, reply.content, earlier);
    flags.extend(server_flags(ask, reply, log));
    (text, sorted(flags))
}

/// Cleans what an agent says and flags it, without the facts that the server reported.
pub(super) fn said(setting: &Setting, ask: &Ask, text: &str, earlier: &[Said<'_>]) -> (String, Vec<Flag>) {
    let others = setting.agents.iter().filter(|a| a.name != ask.speaker);
    let others: Vec<(&str, &str)> = others.map(|a| (a.name.as_str(), a.role.as_str())).collect();
    said_among(ask, text, earlier, &others)
}

/// Cleans what an agent says among others, given by name and role, and flags it.
pub(super) fn said_among(ask: &Ask, text: &str, earlier: &[Said<'_>], others: &[(&str, &str)]) -> (String, Vec<Flag>) {
    let scene = Scene { own_name: &ask.speaker, own_role: &ask.role, others, prompt: &ask.view.system, earlier };
    let cleaned = reply::clean_speech(text, &scene);
    let mut flags = cleaned.flags;
    flags.extend(reply::health(&cleaned.text, &scene));
    (cleaned.text, sorted(flags))
}

/// Reads a turn as JSON. Returns the text that was read, its flags of form, and the turn or a description of the mistake.
pub(super) fn read_turn(
    ask: &Ask,
    reply: &Reply<'_>,
    form: &TurnForm,
    log: &[Entry],
) -> (String, Vec<Flag>, Result<ReadTurn, String>) {
    let cleaned = reply::clean_before_object(reply.content);
    let mut flags = cleaned.flags;
    flags.extend(server_flags(ask, reply, log));
    let turn = read(&cleaned.text, reply.length, form);
    match &turn {
        Ok(turn) => {
            flags.extend(turn.is_repaired.then_some(Flag::Repaired));
            flags.extend(turn.is_cut.then_some(Flag::ActionsCut));
        }
        Err(_) => flags.push(Flag::Malformed),
    }
    (cleaned.text, flags, turn)
}

/// Builds the entry of a turn as JSON. Flags of form stand on it, and `of_text`, those of its words, on the notes that
/// follow; the policies judge both together. A rejected reply has both, and its text.
pub(super) fn turn_entry(
    setting: &Setting,
    (ask, reply): (&Ask, &Reply<'_>),
    flags: Vec<Flag>,
    (text, of_text): (String, Vec<Flag>),
    more: Map<String, Json>,
) -> Entry {
    let flags = sorted(flags);
    let all = sorted(flags.iter().copied().chain(of_text).collect());
    let (kind, content, flags) = match setting.verdict(&all, ask.call) {
        Verdict::Keep => (Kind::Turn, String::new(), flags),
        Verdict::Again | Verdict::Fail => (Kind::Rejected, text, all),
    };
    Entry { more: Some(Box::new(more)), ..entry(ask, reply, kind, content, flags) }
}

/// Turns a reply into a summary, or into a rejected reply.
pub(super) fn take_summary(setting: &Setting, ask: &Ask, reply: &Reply<'_>, log: &[Entry]) -> Entry {
    let cleaned = reply::clean_plain(reply.content);
    let mut flags = cleaned.flags;
    flags.extend(server_flags(ask, reply, log));
    if cleaned.text.is_empty() {
        flags.push(Flag::Empty);
    }
    let flags = sorted(flags);
    let kind = if setting.verdict(&flags, ask.call) == Verdict::Fail { Kind::Rejected } else { Kind::Summary };
    entry(ask, reply, kind, cleaned.text, flags)
}

/// Returns the flags that the server's report implies.
pub(super) fn server_flags(ask: &Ask, reply: &Reply<'_>, log: &[Entry]) -> Vec<Flag> {
    [
        (Flag::ThinkingCut, reply.thinking),
        (Flag::Refusal, reply.refused),
        (Flag::Length, reply.length),
        (Flag::Filtered, reply.filtered),
        (Flag::PromptCut, prompt_was_cut(ask, reply, log)),
    ]
    .into_iter()
    .filter(|(_, set)| *set)
    .map(|(flag, _)| flag)
    .collect()
}

/// Returns true if the server did not read the whole prompt, by its count of tokens. A grown prompt has at least the
/// tokens of the earlier prompt, and more for the added text. A prompt that fills the whole context was not read
/// completely.
fn prompt_was_cut(ask: &Ask, reply: &Reply<'_>, log: &[Entry]) -> bool {
    /// Upper bound of the average: no tokenizer in use has more bytes of a conversation per token.
    const MOST_BYTES_PER_TOKEN: u64 = 16;
    let Some(tokens) = reply.prompt.tokens.map(u64::from) else { return false };
    let fits = reply.context.is_none_or(|context| tokens < u64::from(context));
    let before = match ask.growth {
        Growth::Unknown => return !fits,
        Growth::New => None,
        Growth::From(seq) => log.get(seq as usize).and_then(|e| e.prompt),
    };
    let (bytes_before, tokens_before) = before.map_or((0, 0), |p| (p.bytes, u64::from(p.tokens.unwrap_or_default())));
    let added = reply.prompt.bytes.saturating_sub(bytes_before) / MOST_BYTES_PER_TOKEN;
    tokens < tokens_before + added || !fits
}

pub(super) fn sorted(mut flags: Vec<Flag>) -> Vec<Flag> {
    flags.sort_unstable();
    flags.dedup();
    flags
}

/// Builds the entry of a reply.
pub(super) fn entry(ask: &Ask, reply: &Reply<'_>, kind: Kind, content: String, flags: Vec<Flag>) -> Entry {
    Entry {
        seq: ask.seq,
        day: ask.day,
        index: ask.index,
        kind,
        speaker: ask.speaker.clone(),
        role: Some(ask.role.clone()),
        model: Some(ask.model.id.clone()),
        content,
        raw: Some(reply.content.to_owned()),
        flags,
        call: Some(ask.call),
        prompt: Some(reply.prompt),
        more: None,
    }
}

/// Returns the reason why a rejected reply failed its process.
pub(super) fn failure(rejected: &Entry) -> String {
    let flags: Vec<&str> = rejected.flags.iter().map(|f| f.word()).collect();
    format!("a reply of {} on day {} was flagged {}", rejected.speaker, rejected.day, flags.join(", "))
}
