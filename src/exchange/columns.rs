//! Columns of the tables that `export` writes: name, type, unit, when one is empty, and meaning. The order here is the
//! order in a file. A test compares docs/data.md with this table.

use crate::design::words::words;
use crate::process::EndedBy;

words! {
    /// Type of a column.
    pub enum ColumnType {
        /// Unicode text.
        Text = "text",
        /// Whole number.
        Integer = "integer",
        /// Decimal number.
        Number = "number",
        /// `true` or `false`.
        Boolean = "boolean",
        /// Instant in UTC, such as `2026-11-20T09:08:07.006Z`.
        Instant = "instant",
        /// Words: an array in `jsonl`, joined by spaces in `csv`.
        Words = "words",
        /// Level of a factor: text, number or boolean.
        Level = "level",
        /// Object in `jsonl`; in `csv` a column for each field.
        Object = "object",
    }
}

/// Exports that hold a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Every export of these rows.
    Always,
    /// Exports with `--ids`.
    Ids,
    /// Exports in `csv`.
    Csv,
    /// Exports in `csv` with `--times`.
    Times,
    /// Exports of experiments whose agents answer with JSON.
    Turns,
    /// Exports of worlds; in `jsonl` the lines that have such a value.
    Worlds,
    /// Exports of conversations in which agents are persons; in `jsonl` the lines of these agents.
    People,
}

/// One column, or a family of columns: `condition` is one for each factor, a name that ends in `ROLE` one for each
/// role; `FLAG`, `STATUS` and `END` stand for each flag, status and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Name in the header.
    pub name: &'static str,
    /// Type of its values.
    pub kind: ColumnType,
    /// Unit; empty if it has none.
    pub unit: &'static str,
    /// Rows in which it is empty (`csv`) or null (`jsonl`).
    pub empty: &'static str,
    /// Meaning.
    pub about: &'static str,
    /// Exports that hold it.
    pub presence: Presence,
}

/// Family of columns with one for each factor.
pub const CONDITION: &str = "condition";
/// End of the name of a family of columns with one for each role.
pub const ROLE: &str = "ROLE";
/// Family of columns with one for each field of the researcher's own actions.
pub const DATA: &str = "data";
/// End of the name of a family of columns with one for each flag.
pub const FLAG: &str = "FLAG";

/// End of the name of a family of columns with one for each status.
pub const STATUSES: &str = "STATUS";
/// End of the name of a family of columns with one for each of [`ENDS`], and `unknown`.
pub const END: &str = "END";
/// Ends of conversations.
pub const ENDS: [EndedBy; 6] =
    [EndedBy::Messages, EndedBy::StopPhrase, EndedBy::Silence, EndedBy::Action, EndedBy::Quiet, EndedBy::Steps];

use ColumnType::{Boolean, Instant, Integer, Level, Number, Object, Text, Words};

const fn column(
    name: &'static str,
    kind: ColumnType,
    unit: &'static str,
    empty: &'static str,
    about: &'static str,
) -> Column {
    Column { name, kind, unit, empty, about, presence: Presence::Always }
}

const fn only(presence: Presence, column: Column) -> Column {
    Column { presence, ..column }
}

const KEY: Column = column(
    "conversation",
    Text,
    "",
    "never",
    "key of the conversation: a hash of all that it is made from, equal in every database",
);
const ID: Column =
    column("id", Text, "", "never", "id of the conversation in this database, as `list` and `show` print it");
const EXPERIMENT: Column = column("experiment", Text, "", "never", "name of the experiment");
const REVISION: Column = column(
    "revision",
    Text,
    "",
    "never",
    "hash of the newest revision of the experiment that planned the conversation",
);
const STATUS: Column = column(
    "status",
    Text,
    "",
    "never",
    "status of the conversation: pending, running, done, interrupted, failed, incomplete",
);
const ENDED_BY: Column = column(
    "ended_by",
    Text,
    "",
    "the conversation is not done, or convoke 0.1 ended it and its plan is not found",
    "how the last day ended: messages (all were used), stop-phrase, silence, action; of a world also quiet, steps (all were used)",
);
const LEVELS: Column = column(
    CONDITION,
    Level,
    "",
    "the conversation has no level of that factor, or the level is the empty text",
    "level of each factor; an object in `jsonl`, a column for each factor in `csv`",
);
const REPLICATE: Column =
    column("replicate", Integer, "", "never", "number of the conversation within its condition, from 1");
const SEQ: Column = column("seq", Integer, "", "never", "place of the entry in the conversation, from 0");
const SPEAKER: Column =
    column("speaker", Text, "", "never", "name of an agent, `Researcher`, `summarizer` or `selector`");
const ENTRY_ROLE: Column = column("role", Text, "", "of an opening", "role of the agent, `summarizer` or `selector`");
const MODEL: Column = column("model", Text, "", "of an opening", "model as declared: SERVER/NAME");
const CONTENT: Column = column("content", Text, "", "an agent was silent", "text that the other agents read");
const RAW: Column = column("raw", Text, "", "of an opening", "text of the model before it was cleaned");
const REPLY_FLAGS: Column = column(
    "reply_flags",
    Words,
    "",
    "the reply has no flag",
    "observations about the reply (docs/format.md, \"Flags\")",
);
const PERSON: Column = only(
    Presence::People,
    column(
        "person",
        Text,
        "",
        "the speaker is nobody in particular",
        "hash of the person that the speaker is, fragments included",
    ),
);
const UNREPORTED: &str = "the server reported none, or nothing was answered";
const PROMPT_TOKENS: Column = column("prompt_tokens", Integer, "tokens", UNREPORTED, "tokens that the model read");
const COMPLETION_TOKENS: Column =
    column("completion_tokens", Integer, "tokens", UNREPORTED, "tokens that the model wrote, reasoning included");
const SECONDS: Column =
    column("seconds", Number, "seconds", "nothing was answered", "duration of the attempt that was answered");
const ATTEMPTS: Column =
    column("attempts", Integer, "requests", "no call brought the entry", "requests that were sent for the call");

const ALL_TURNS: Column = column("turns", Integer, "speeches", "never", "speeches of all agents");
const ALL_WORDS: Column = column("words", Integer, "words", "never", "words of all speeches, split at white space");
const ALL_PROMPT_TOKENS: Column =
    column("prompt_tokens", Integer, "tokens", UNKNOWN, "tokens that all models read, in every call");
const ALL_COMPLETION_TOKENS: Column =
    column("completion_tokens", Integer, "tokens", UNKNOWN, "tokens that all models wrote, in every call");
const WAITED: Column = column("waited", Number, "seconds", "never", "pauses between attempts, summed");
const POSSIBLE_SPEND: Column =
    column("possible_spend", Integer, "requests", "never", "requests that may have been paid for without a reply");

/// Columns of `--rows entries`.
pub const ENTRIES: &[Column] = &[
    KEY,
    only(Presence::Ids, ID),
    EXPERIMENT,
    REVISION,
    STATUS,
    ENDED_BY,
    LEVELS,
    REPLICATE,
    SEQ,
    column("day", Integer, "days", "never", "day of the conversation, from 1"),
    column(
        "position",
        Integer,
        "messages",
        "never",
        "openings and speeches that the day had before the entry; in a world the step, from 1, and 0 for the opening",
    ),
    column(
        "kind",
        Text,
        "",
        "never",
        "opening, speech, selection (of a speaker), summary, rejected (a reply that was not taken), or of turns as JSON: \
         turn, thought, action, state; in a world also move",
    ),
    SPEAKER,
    ENTRY_ROLE,
    MODEL,
    CONTENT,
    only(Presence::Csv, column("words", Integer, "words", "never", "words of `content`, split at white space")),
    RAW,
    REPLY_FLAGS,
    only(
        Presence::Turns,
        column(
            DATA,
            Object,
            "",
            "the entry is no turn, action or state, or has no such field",
            "what was read of a turn as JSON; in `csv` a column `ACTION.FIELD` for each field of an own action",
        ),
    ),
    only(
        Presence::Worlds,
        column("to", Text, "", "nobody in particular is addressed", "name of the agent that is addressed"),
    ),
    only(
        Presence::Worlds,
        column("place", Text, "", "the world has no places, or nobody acts", "place where the speaker was"),
    ),
    only(
        Presence::Worlds,
        column("time", Text, "", "the world has no clock", "local time without a zone: `2024-05-16T09:15:00`"),
    ),
    only(
        Presence::Worlds,
        column(
            "heard_by",
            Words,
            "",
            "the entry is private",
            "names of the agents that perceived the entry, in agent order",
        ),
    ),
    PERSON,
    only(Presence::Times, PROMPT_TOKENS),
    only(Presence::Times, COMPLETION_TOKENS),
    only(Presence::Times, SECONDS),
    only(Presence::Times, ATTEMPTS),
];

/// Columns of `--rows answers`.
pub const ANSWERS: &[Column] = &[
    KEY,
    only(Presence::Ids, ID),
    EXPERIMENT,
    REVISION,
    LEVELS,
    REPLICATE,
    column("question", Text, "", "never", "the question as typed"),
    column("again", Integer, "", "never", "number of the asking, from 1"),
    column("speaker", Text, "", "never", "name of the agent that answers"),
    column("role", Text, "", "never", "role of that agent"),
    column("model", Text, "", "never", "model that answers, as declared: SERVER/NAME"),
    CONTENT,
    column("raw", Text, "", "never", "text of the model before it was cleaned"),
    REPLY_FLAGS,
    PERSON,
];

/// Columns of `--rows conversations`.
pub const CONVERSATIONS: &[Column] = &[
    KEY,
    ID,
    EXPERIMENT,
    REVISION,
    column("creator", Text, "", "never", "person who ran the conversation"),
    STATUS,
    column("reason", Text, "", "nothing went wrong", "reason why the conversation failed or was interrupted"),
    ENDED_BY,
    LEVELS,
    REPLICATE,
    column("seed", Integer, "", "never", "seed of the run that planned the conversation"),
    column("offline", Boolean, "", "never", "true if `scripted` replaced every model"),
    column("begun", Instant, "", "nothing was requested yet", "instant of the first request"),
    column("ended", Instant, "", "the conversation is neither done nor failed", "end of the last request"),
    ALL_TURNS,
    column("turns_ROLE", Integer, "speeches", "the conversation has no such role", "speeches of the agents of a role"),
    ALL_WORDS,
    column("words_ROLE", Integer, "words", "the conversation has no such role", "words of the speeches of a role"),
    ALL_PROMPT_TOKENS,
    ALL_COMPLETION_TOKENS,
    column("prompt_tokens_ROLE", Integer, "tokens", UNKNOWN, "tokens read for the speeches of a role"),
    column("completion_tokens_ROLE", Integer, "tokens", UNKNOWN, "tokens written for the speeches of a role"),
    column(
        "seconds",
        Number,
        "seconds",
        "nothing was answered",
        "durations of the attempts that were answered, summed",
    ),
    WAITED,
    column("calls", Integer, "calls", "never", "calls of all purposes, with those without an answer"),
    column("retries", Integer, "requests", "never", "requests beyond the first of each call"),
    POSSIBLE_SPEND,
    column("rejected", Integer, "replies", "never", "replies that were not taken and requested again"),
    column("flag_FLAG", Integer, "entries", "never", "entries with a flag (docs/format.md, \"Flags\")"),
    column("models", Words, "", "never", "names of the models in use"),
    column("messages", Integer, "messages", "never", "openings and speeches that the protocol allows"),
    column("days", Integer, "days", "never", "days that the protocol allows"),
    column("speakers", Text, "", "never", "method of speaker selection"),
    column(
        "programs",
        Words,
        "",
        "nothing was requested yet",
        "versions of convoke: for each request, that of the newest run that had begun",
    ),
    column("starred", Boolean, "", "never", "true if the conversation is marked with a star"),
    column("note", Text, "", "there is none", "note about the conversation"),
];

const UNKNOWN: &str = "nothing was answered by a model, or a server did not report the tokens of a reply";

/// Columns of `convoke summary --format csv`.
pub const SUMMARY: &[Column] = &[
    column(
        CONDITION,
        Level,
        "",
        "the conversations have no level of that factor",
        "a column for each factor of the summary",
    ),
    column("conversations", Integer, "conversations", "never", "conversations of any status"),
    column("status_STATUS", Integer, "conversations", "never", "conversations with a status"),
    column(
        "ended_by_END",
        Integer,
        "conversations",
        "never",
        "conversations that are done, by how they ended; `unknown` where that is not known",
    ),
    ALL_TURNS,
    ALL_WORDS,
    ALL_PROMPT_TOKENS,
    ALL_COMPLETION_TOKENS,
    column("flag_FLAG", Integer, "entries", "never", "entries with a flag"),
];

/// Columns of `--rows calls`.
pub const CALLS: &[Column] = &[
    KEY,
    ID,
    EXPERIMENT,
    REVISION,
    LEVELS,
    REPLICATE,
    SEQ,
    column("purpose", Text, "", "never", "speech, turn (as JSON), selection (of a speaker) or summary"),
    column(
        "rung",
        Text,
        "",
        "the answer is no turn as JSON",
        "how the form of the answer was given: schema, or prompt (by the prompt alone)",
    ),
    column("ask", Integer, "", "never", "number of rejected replies before the call, from 0"),
    column("speaker", Text, "", "never", "name of the agent, `summarizer` or `selector`"),
    column("role", Text, "", "never", "role of the agent, `summarizer` or `selector`"),
    column("server", Text, "", "never", "name of the server; `human` if a person typed"),
    column("model", Text, "", "never", "name of the model at the server, as sent"),
    column("served", Text, "", "the server named none, or nothing was answered", "model as the server named it"),
    column("state", Text, "", "never", "sent (without an answer yet), answered, failed"),
    column("finish_reason", Text, "", "the server gave none", "reason why the server stopped, in its own word"),
    PROMPT_TOKENS,
    COMPLETION_TOKENS,
    column("cached_tokens", Integer, "tokens", UNREPORTED, "tokens of the prompt that the server read from its cache"),
    SECONDS,
    WAITED,
    column("attempts", Integer, "requests", "never", "requests that were sent for the call"),
    POSSIBLE_SPEND,
    column("sent", Instant, "", "never", "instant at which the first request of the call left"),
];
