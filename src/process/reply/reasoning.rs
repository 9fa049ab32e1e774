//! Reasoning in the markup of further model families. It is cut only where it begins a text and its end is there; anything
//! else that looks like it is only noticed.

/// Names of the tags whose text is removed anywhere in a reply.
pub(super) const REASONING: [&str; 3] = ["think", "thinking", "reasoning"];
/// Template tokens without a pattern.
pub(super) const TOKENS: [&str; 11] =
    ["<s>", "</s>", "<bos>", "<eos>", "<pad>", "<unk>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<end_of_turn>"];
/// Words of which the name of a reasoning tag has one.
const NAMES: [&str; 9] =
    ["think", "thinking", "thought", "thoughts", "reasoning", "antthinking", "scratchpad", "monologue", "inner"];
/// Length of the longest tag, in bytes.
const LONGEST_TAG: usize = 80;
/// Header of a part in the format of gpt-oss.
const CHANNEL: &str = "<|channel|>";
/// Header of the part that is the answer.
const FINAL: &str = "<|channel|>final<|message|>";
/// Words with which a plan begins whose markup was lost.
const PLANS: [&str; 3] = ["here is my thought process:", "here's my thought process:", "thinking process:"];
/// Words that begin an answer after a thought.
const ANSWERS: [&str; 4] = ["\naction:", "\nanswer:", "\nfinal answer:", "\nresponse:"];

/// A tag such as `<thought>`, `[/THINK]`, `◁think▷` or `<|end_of_thought|>`.
struct Tag<'a> {
    /// Its first character.
    bracket: char,
    /// Its name without the words of its beginning or end, in lower case.
    name: String,
    closes: bool,
    /// True without bars and without words of its beginning or end.
    is_plain: bool,
    /// The text behind it.
    rest: &'a str,
}

/// A cut at the start of a text.
pub(super) struct Cut<'a> {
    /// The text behind it.
    pub(super) rest: &'a str,
    /// False if only the header of an answer was cut.
    pub(super) is_reasoning: bool,
}

/// Cuts reasoning from the start of a text, if its end is there.
pub(super) fn cut_reasoning(text: &str) -> Option<Cut<'_>> {
    let start = text.trim_start();
    // Most texts begin with a word.
    if !start.starts_with(['<', '[', '◁']) && !start.starts_with("assistant") {
        return None;
    }
    cut_channels(text).or_else(|| {
        let open = read_tag(start).filter(|tag| !tag.closes && tag.begins_reasoning())?;
        let rest = tags(open.rest).find(|t| t.closes && t.bracket == open.bracket && t.name == open.name)?.rest;
        Some(Cut { rest, is_reasoning: true })
    })
}

/// Cuts reasoning before a JSON object, and nothing within it: a tag in a string of the object is text.
pub(super) fn cut_before_object(text: &str) -> Option<&str> {
    let start = text.trim_start();
    if let Some(cut) = cut_reasoning(start) {
        return Some(cut.rest);
    }
    // Only the families that are cut anywhere in plain text are left.
    let is_old = |tag: &Tag<'_>| tag.bracket == '<' && tag.is_plain && REASONING.contains(&tag.name.as_str());
    let opens = read_tag(start).is_some_and(|tag| is_old(&tag) && !tag.closes);
    let end = if opens { start.len() } else { start.find('{').unwrap_or(0) };
    let closes = |tag: &Tag<'_>| is_old(tag) && tag.closes && start.len() - tag.rest.len() <= end;
    tags(start).find(closes).map(|tag| tag.rest)
}

/// Cuts the channels of gpt-oss before the answer.
fn cut_channels(text: &str) -> Option<Cut<'_>> {
    let head = text.char_indices().nth(LONGEST_TAG).map_or(text, |(at, _)| text.get(..at).unwrap_or_default());
    let (before, _) = head.split_once(CHANNEL)?;
    let before = TOKENS.iter().fold(before.replace("<|start|>", ""), |text, token| text.replace(token, ""));
    if !matches!(before.trim(), "" | "assistant") {
        return None;
    }
    let (skipped, rest) = text.split_once(FINAL)?;
    Some(Cut { rest, is_reasoning: skipped.contains(CHANNEL) })
}

/// True if a raw text holds reasoning tags that are removed as template tokens.
pub(super) fn has_piped_reasoning(raw: &str) -> bool {
    raw.contains("<|channel|>analysis")
        || raw.contains("<|channel|>commentary")
        || tags(raw).any(|tag| tag.is_piped(raw) && tag.names_reasoning())
}

/// True if a cleaned text looks as if reasoning was left in it.
pub(super) fn looks_like_reasoning(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(LONGEST_TAG).collect::<String>().to_lowercase();
    let is_glued = |word: &str| {
        start.starts_with(word) && text.trim_start().chars().nth(word.len()).is_some_and(char::is_uppercase)
    };
    text.contains("assistantfinal")
        || is_glued("analysis")
        || is_glued("commentary")
        || text.contains("...done thinking.")
        || PLANS.iter().any(|plan| start.starts_with(plan))
        || start.starts_with("thought:") && ANSWERS.iter().any(|word| text.to_lowercase().contains(word))
        || tags(text).any(|tag| tag.names_reasoning() || tag.begins_reasoning())
}

impl Tag<'_> {
    fn names_reasoning(&self) -> bool {
        self.name.split(['_', '-', ':']).any(|word| NAMES.contains(&word))
    }

    /// True if reasoning follows. Tags that older versions cut anywhere are left to them.
    fn begins_reasoning(&self) -> bool {
        let is_old = self.bracket == '<' && self.is_plain && REASONING.contains(&self.name.as_str());
        let is_channel =
            self.name == "channel" && ["thought", "analysis", "commentary"].iter().any(|c| self.rest.starts_with(c));
        !self.closes && (is_channel || self.names_reasoning() && !is_old)
    }

    fn is_piped(&self, text: &str) -> bool {
        let end = text.len() - self.rest.len();
        text.get(..end).is_some_and(|before| before.ends_with("|>") || before.ends_with("｜>"))
    }
}

/// Returns all tags of a text.
fn tags(text: &str) -> impl Iterator<Item = Tag<'_>> {
    text.match_indices(['<', '[', '◁']).filter_map(|(at, _)| read_tag(text.get(at..)?))
}

/// Reads the tag at the start of a text. A word in square brackets is one in capitals only.
fn read_tag(text: &str) -> Option<Tag<'_>> {
    let bracket = text.chars().next()?;
    let end = match bracket {
        '<' => '>',
        '[' => ']',
        '◁' => '▷',
        _ => return None,
    };
    let inside = text.get(bracket.len_utf8()..)?;
    let (at, _) =
        inside.char_indices().take(LONGEST_TAG).take_while(|(_, c)| *c != bracket).find(|(_, c)| *c == end)?;
    let (inner, rest) = (inside.get(..at)?, inside.get(at + end.len_utf8()..)?);
    if bracket == '[' && !inner.chars().all(|c| c.is_ascii_uppercase() || matches!(c, '/' | '_')) {
        return None;
    }
    let bars = ['|', '｜'];
    let ends_only = inner.ends_with(bars) && !inner.starts_with(bars);
    let word = inner.trim_matches(bars).to_lowercase();
    let ended = ["/", "end_of_", "end_"].iter().find_map(|word_of_end| word.strip_prefix(word_of_end));
    let opened = ["begin_of_", "start_of_", "begin_", "start_"].iter().find_map(|begin| word.strip_prefix(begin));
    let name = ended.or(opened).unwrap_or(&word).split_whitespace().next()?;
    let closes = ended.is_some() || ends_only || name == "inner_suffix";
    let name = name.strip_suffix("_prefix").or(name.strip_suffix("_suffix")).unwrap_or(name).to_owned();
    let is_plain = !inner.contains(bars) && opened.is_none();
    Some(Tag { bracket, name, closes, is_plain, rest })
}
