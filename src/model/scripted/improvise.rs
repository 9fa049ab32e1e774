//! Turns made of the experiment's own words (the speaker's goal, the other's topics) without a language model.

use crate::model::ChatRequest;
use crate::process::{Author, Purpose};
use sha2::{Digest, Sha256};

/// The mark that begins every improvised text, so that nobody mistakes it for a model's.
pub(super) const MARK: &str = "(scripted)";

/// First sentences, about the topics of the other speaker.
const ANSWERS: [&str; 7] = [
    "You said “{theirs}”; I have heard it.",
    "About “{theirs}” we may yet agree.",
    "Say more about “{theirs}”.",
    "Leave “{theirs}” aside for a moment.",
    "On “{theirs}” I hold another view.",
    "As for “{theirs}”, ask me again later.",
    "I did not expect “{theirs}” from you.",
];

/// Second sentences, about the speaker's goal. The lengths of the two lists are coprime, also to the usual number of
/// speakers, so that a pair of sentences recurs late.
const WISHES: [&str; 11] = [
    "What I want is to {wish}.",
    "Think of “{topic}” before you answer.",
    "As {role}, I mean to {wish}.",
    "I would rather settle “{topic}” first, then “{other}”.",
    "My answer stays the same: I have to {wish}.",
    "Is “{topic}” so much to ask?",
    "Give me a chance to {wish}.",
    "There is still “{topic}” to consider, and “{other}”.",
    "Tell me what stands between us and “{topic}”.",
    "Nothing here keeps me from trying to {wish}.",
    "We could begin with “{topic}”.",
];

/// Phrases of a prompt that introduce a goal.
const WANTS: [&str; 9] =
    ["goal is to ", "task is to ", "want to ", "wish to ", "aim to ", "try to ", "need to ", "have to ", "must "];

/// Headings under which any sentence is a goal.
const GOALS: [&str; 8] = ["goal", "aim", "task", "objective", "purpose", "position", "interest", "mission"];

/// Words without a topic: frequent words of English, and the words of the sentences above.
const SMALL: &str = " about after again agent become behind above below agents aside before begin being between chance come comes consider could \
    does doing each either else every everything expect first from give have heard here hold into just keep keeps know \
    later leave like make makes mean moment more most much must never nothing other others rather same scripted settle \
    should some speak speaks spoke stands stays such tell than that their them then there these they thing things \
    think this those through trying turn turns under until very view want wants what when where which while will with \
    within without would your yours yourself answer answers another because message messages conversation goal ";

/// Words that precede a noun.
const DETERMINERS: [&str; 18] = [
    "the", "a", "an", "my", "your", "his", "her", "its", "our", "their", "this", "that", "these", "any", "no", "some",
    "of", "about",
];

/// Returns the whole reply to a request.
pub(super) fn improvise_reply(request: &ChatRequest) -> String {
    match request.turn.purpose {
        Purpose::Speech | Purpose::Answer | Purpose::Turn => improvise_speech(request),
        Purpose::Selection => improvise_choice(request),
        Purpose::Summary => improvise_summary(request),
    }
}

fn improvise_speech(request: &ChatRequest) -> String {
    let turn = &request.turn;
    let system = last_message(request, Author::System);
    let heard = last_message(request, Author::User);
    let start = draw_fixed(request, "start", 77);
    let step = start + turn.ordinal as usize + turn.ask as usize;
    let own = find_topics(if system.is_empty() { heard } else { system });
    let pick = |what: &str, list: &[String]| {
        let place = draw_seeded(request, what, list.len().max(1));
        list.get(place).cloned().unwrap_or_else(|| "this".to_owned())
    };
    let topic = pick("topic", &own);
    let others: Vec<String> = own.iter().filter(|t| **t != topic).cloned().collect();
    let answer = ANSWERS.get(step % ANSWERS.len()).copied().unwrap_or_default();
    let answer = answer.replace("{theirs}", &pick("theirs", &find_topics(last_turn(heard))));
    let wish = WISHES.get(step * 5 % WISHES.len()).copied().unwrap_or_default();
    let role = if turn.role.is_empty() { "one of us" } else { &turn.role };
    // Each placeholder occurs once, and no replacement contains braces, so nothing is replaced twice.
    let wish = wish
        .replace("{wish}", &find_goal(system).unwrap_or_else(|| "do my part".to_owned()))
        .replace("{topic}", &topic)
        .replace("{other}", &pick("other", &others))
        .replace("{role}", &plain_words(role).join(" "));
    format!("{MARK} {answer} {wish}")
}

/// Returns a bare name, as a selector should.
fn improvise_choice(request: &ChatRequest) -> String {
    let others = &request.turn.others;
    others.get(draw_seeded(request, "choice", others.len().max(1))).cloned().unwrap_or_default()
}

fn improvise_summary(request: &ChatRequest) -> String {
    let day = last_message(request, Author::User);
    let mut speakers: Vec<(&str, Vec<String>)> = Vec::new();
    let mut turns = 0;
    for line in day.lines() {
        let Some((name, text)) = line.split_once(": ").filter(|(name, _)| is_name(name)) else { continue };
        turns += 1;
        let found = find_topics(text);
        match speakers.iter_mut().find(|(known, _)| *known == name) {
            Some((_, topics)) => topics.extend(found),
            None => speakers.push((name, found)),
        }
    }
    let spoke: Vec<String> = speakers.iter().map(|(name, topics)| spoke_of(name, topics)).collect();
    format!("{MARK} {turns} turns this day. {}", spoke.join(" ")).trim_end().to_owned()
}

fn is_name(label: &str) -> bool {
    !label.is_empty() && label.chars().count() <= 40 && !label.contains(['.', '?', '!', ','])
}

/// `Guard_117 spoke of order and meals.`: the first two topics that differ.
fn spoke_of(name: &str, topics: &[String]) -> String {
    let first = topics.first();
    let second = topics.iter().find(|t| Some(*t) != first);
    match (first, second) {
        (Some(first), Some(second)) => format!("{name} spoke of {first} and {second}."),
        (Some(first), None) => format!("{name} spoke of {first}."),
        _ => format!("{name} said little."),
    }
}

/// Returns the last message of an author.
fn last_message(request: &ChatRequest, author: Author) -> &str {
    request.messages.iter().rev().find(|m| m.author == author).map_or("", |m| m.content.as_str())
}

/// Returns the last of several joined turns, without its label.
fn last_turn(text: &str) -> &str {
    let last = text.rsplit("\n\n").find(|part| !part.trim().is_empty()).unwrap_or(text);
    last.split_once(": ").filter(|(name, _)| is_name(name)).map_or(last, |(_, text)| text)
}

/// Returns the goal that the prompt gives its reader, in the first person.
fn find_goal(system: &str) -> Option<String> {
    let is_goal = |title: &str| GOALS.iter().any(|g| title.to_lowercase().contains(g));
    let sections = system.split("\n## ").map(|s| s.split_once('\n').unwrap_or(("", s)));
    let (goals, rest): (Vec<_>, Vec<_>) = sections.partition(|(title, _)| is_goal(title));
    let sentences = |texts: Vec<(&str, &'_ str)>| -> Vec<String> {
        texts.iter().flat_map(|(_, text)| text.split(['.', '!', '?', ';', '\n'])).map(|s| s.trim().to_owned()).collect()
    };
    let goals = sentences(goals);
    let first_wish = |list: &[String]| list.iter().find_map(|s| after_want(s));
    first_wish(&goals)
        .or_else(|| goals.iter().find_map(|s| imperative_goal(s)))
        .or_else(|| first_wish(&sentences(rest)))
}

fn after_want(sentence: &str) -> Option<String> {
    let lower = sentence.to_lowercase();
    let place = |word: &&str| Some(lower.find(*word)? + word.len());
    WANTS.iter().find_map(|word| in_first_person(sentence.get(place(word)?..)?))
}

/// Returns an imperative sentence without its capital letter: `Keep order` → `keep order`.
fn imperative_goal(sentence: &str) -> Option<String> {
    let first = sentence.split_whitespace().next()?.to_lowercase();
    let is_none =
        ["you", "your", "the", "a", "an", "there", "it", "this", "in", "if", "do", "as", "when", "we", "never"];
    if is_none.contains(&first.as_str()) || !first.chars().all(char::is_alphabetic) {
        return None;
    }
    let rest = sentence.get(first.len()..)?;
    in_first_person(&format!("{first}{rest}"))
}

/// Turns a phrase into the first person, up to its first comma, at most twelve words, without a dangling end.
fn in_first_person(phrase: &str) -> Option<String> {
    let clause = phrase.split([',', ':', '(', '"', '–', '—']).next()?;
    let mut words: Vec<String> = swap_person(&plain_words(clause)).into_iter().take(12).collect();
    let dangling =
        ["to", "the", "a", "an", "of", "and", "or", "in", "for", "with", "at", "on", "by", "my", "that", "is"];
    while words.last().is_some_and(|w| dangling.contains(&w.as_str())) {
        words.pop();
    }
    (!words.is_empty()).then(|| words.join(" "))
}

/// Replaces the second person by the first.
fn swap_person(words: &[String]) -> Vec<String> {
    let acts = ["can", "could", "are", "were", "have", "do", "did", "will", "want", "need", "should", "must", "may"];
    let acts = |word: Option<&String>| word.is_some_and(|w| acts.contains(&w.as_str()));
    let turn = |(index, word): (usize, &String)| match word.as_str() {
        "you" if acts(words.get(index + 1)) => "I".to_owned(),
        "you" => "me".to_owned(),
        "your" => "my".to_owned(),
        "yours" => "mine".to_owned(),
        "yourself" => "myself".to_owned(),
        "are" if index > 0 && words.get(index - 1).is_some_and(|w| w == "you") => "am".to_owned(),
        _ => word.clone(),
    };
    words.iter().enumerate().map(turn).collect()
}

/// Splits a text into words without punctuation.
fn plain_words(text: &str) -> Vec<String> {
    let keeps = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '’' | '-');
    let words = text.split(|c: char| !keeps(c)).map(|w| w.trim_matches(|c: char| !c.is_alphanumeric()));
    words.filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

/// Returns the topics of a text, in order and each once: words that end a phrase such as `the yellow line`. A text with
/// fewer than two of these yields all its longer words.
pub(super) fn find_topics(text: &str) -> Vec<String> {
    let (mut nouns, mut all) = (Vec::new(), Vec::new());
    for clause in text.split(['.', '!', '?', ',', ';', ':', '\n']) {
        let mut phrase: Option<Option<String>> = None;
        for (index, word) in clause.split_whitespace().enumerate() {
            let topic = topic_word(word, index == 0);
            if let (Some(last), Some(topic)) = (phrase.as_mut(), &topic) {
                *last = Some(topic.clone());
            } else {
                add_once(&mut nouns, phrase.take().flatten());
                phrase = DETERMINERS.contains(&word.to_lowercase().as_str()).then_some(None);
            }
            add_once(&mut all, topic);
        }
        add_once(&mut nouns, phrase.flatten());
    }
    if nouns.len() < 2 { all } else { nouns }
}

fn add_once(list: &mut Vec<String>, word: Option<String>) {
    list.extend(word.filter(|w| !list.contains(w)));
}

/// Returns a meaningful word; names such as `Guard_117` and tags are skipped.
fn topic_word(word: &str, begins: bool) -> Option<String> {
    if word.contains(['_', '<', '>', '#', '(', '{', '/']) {
        return None;
    }
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    let word = if begins { word.to_lowercase() } else { word.to_owned() };
    let is_word = (4..=20).contains(&word.chars().count()) && word.chars().all(char::is_alphabetic);
    (is_word && !SMALL.contains(&format!(" {} ", word.to_lowercase()))).then_some(word)
}

/// Draws a number below `n` from the conversation and the speaker: the same in every turn.
fn draw_fixed(request: &ChatRequest, what: &str, n: usize) -> usize {
    hash_below(&[request.turn.conversation.as_bytes(), what.as_bytes()], n)
}

/// Draws a number below `n` from this call's own seed.
pub(super) fn draw_seeded(request: &ChatRequest, what: &str, n: usize) -> usize {
    hash_below(&[&request.turn.seed.to_be_bytes(), what.as_bytes()], n)
}

fn hash_below(parts: &[&[u8]], n: usize) -> usize {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let first = hash.finalize().iter().take(4).fold(0_usize, |n, byte| (n << 8) | usize::from(*byte));
    first % n.max(1)
}
