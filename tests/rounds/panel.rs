//! A small process: an opening, a round of four, and one who has read them all.

use convoke::design::ModelSpec;
use convoke::process::{Ask, CallRef, EndedBy, Entry, Flag, Growth, Kind, Next, Process, Purpose, Reply, View};
use convoke::run::Replay;
use convoke::store::ConversationRecord;

/// The four who are asked in one round.
pub const FOUR: [&str; 4] = ["Ada", "Ben", "Cem", "Dia"];
/// The one who reads what they said.
pub const LAST: &str = "Eve";
/// Calls of a panel that nothing disturbs.
pub const CALLS: usize = FOUR.len() + 1;
/// A reply with this text is not taken, where the panel judges.
pub const BAD: &str = "nothing to say";

/// Makes panels.
#[derive(Debug, Clone, Copy, Default)]
pub struct Panels {
    /// Replies are judged: a bad one is rejected, and the lane is asked once more for each retry.
    pub judges: bool,
    /// One of the four whose model was never looked up.
    pub absent: Option<&'static str>,
}

impl Replay for Panels {
    fn replay(
        &self,
        record: &ConversationRecord,
        log: Vec<Entry>,
        _subject: Vec<Entry>,
    ) -> Result<Box<dyn Process>, String> {
        Ok(Box::new(Panel { key: record.key.clone(), log, retries: record.retries, kind: *self }))
    }
}

/// The model of everybody.
pub fn model(id: &str) -> ModelSpec {
    ModelSpec { id: id.to_owned(), ..ModelSpec::default() }
}

/// The process.
#[derive(Debug, Clone)]
pub struct Panel {
    pub key: String,
    pub log: Vec<Entry>,
    pub retries: u32,
    pub kind: Panels,
}

impl Process for Panel {
    fn key(&self) -> &str {
        &self.key
    }

    fn log(&self) -> &[Entry] {
        &self.log
    }

    fn next(&self) -> Next {
        if self.log.is_empty() {
            return Next::Note(opening());
        }
        let (base, asked, lanes) = self.open_round();
        let end = base + lanes.len();
        if lanes.is_empty() {
            return match self.log.get(base) {
                Some(_) => Next::Done(EndedBy::Answered),
                None => Next::Ask(vec![self.ask_one(base, base, LAST, CallRef { purpose: Purpose::Speech, ask: 0 })]),
            };
        }
        if asked > self.retries {
            return Next::Failed(format!("{} answered badly", lanes.join(", ")));
        }
        let call = CallRef { purpose: Purpose::Answer, ask: asked };
        let missing = (base..end).zip(&lanes).skip(self.log.len() - base);
        Next::Ask(missing.map(|(seq, who)| self.ask_one(base, seq, who, call)).collect())
    }

    fn answer(&self, ask: &Ask, reply: &Reply<'_>) -> Entry {
        let content = reply.content.trim().to_owned();
        let is_bad = self.kind.judges && content.contains(BAD);
        let before = &self.log[..ask.base as usize];
        let mut flags = Vec::new();
        if before.iter().any(|e| e.content == content) {
            flags.push(Flag::Repetition);
        }
        if is_bad {
            flags.push(Flag::Refusal);
        }
        if reply.length {
            flags.push(Flag::Length);
        }
        let taken = if self.kind.judges && ask.speaker != LAST { Kind::Answer } else { Kind::Speech };
        Entry {
            seq: ask.seq,
            day: ask.day,
            index: ask.index,
            kind: if is_bad { Kind::Rejected } else { taken },
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

    fn push(&mut self, entry: Entry) {
        self.log.push(entry);
    }

    fn left(&self) -> u32 {
        CALLS.saturating_sub(self.log.len().saturating_sub(1)) as u32
    }
}

impl Panel {
    /// The round that is not answered yet: its base, the number of askings before it, and who is asked.
    fn open_round(&self) -> (usize, u32, Vec<&str>) {
        let (mut base, mut asked, mut lanes) = (1, 0, FOUR.to_vec());
        while !lanes.is_empty()
            && let Some(round) = self.log.get(base..base + lanes.len())
        {
            base += lanes.len();
            asked += 1;
            let again = |who: &&str| round.iter().any(|e| e.kind == Kind::Rejected && e.speaker == **who);
            lanes.retain(again);
        }
        (base, asked, lanes)
    }

    fn ask_one(&self, base: usize, seq: usize, who: &str, call: CallRef) -> Ask {
        let messages = self.log[..base].iter().filter(|e| e.kind.is_message()).count();
        // Speeches of the round count, answers do not.
        let beside = if self.kind.judges { 0 } else { seq - base };
        let view = View {
            system: format!("You are {who} of {}.", self.key),
            from: 0,
            to: base as u32,
            reader: Some(who.to_owned()),
            labels: true,
            merge: true,
            alternate: false,
            filled: false,
            turns: false,
            world: None,
            parts: Vec::new(),
            subject: false,
            ending: Vec::new(),
        };
        Ask {
            base: base as u32,
            seq: seq as u32,
            growth: Growth::New,
            day: 1,
            index: (messages + beside) as u32,
            call,
            view,
            speaker: who.to_owned(),
            role: "panellist".to_owned(),
            model: model(if self.kind.absent == Some(who) { "away/m" } else { "lab/m" }),
            others: Vec::new(),
            form: None,
        }
    }
}

fn opening() -> Entry {
    Entry { content: "What do you think?".to_owned(), ..crate::fixtures::opening() }
}

fn replied(panel: &Panel, ask: &Ask, content: &str) -> Entry {
    let prompt = convoke::process::PromptSize { bytes: 1, tokens: None };
    let (thinking, refused, length, filtered) = (false, false, false, false);
    panel.answer(ask, &Reply { content, thinking, refused, length, filtered, prompt, context: None })
}

/// The three laws of a round, with every lane good or bad.
#[test]
fn the_laws_of_a_round_hold() {
    for bad in 0..16_u32 {
        let kind = Panels { judges: bad > 0, absent: None };
        let mut panel = Panel { key: "k".to_owned(), log: vec![opening()], retries: 1, kind };
        let mut rounds = 0;
        while let Next::Ask(asks) = panel.next() {
            rounds += 1;
            let before = panel.clone();
            for (lane, ask) in asks.iter().enumerate() {
                assert_eq!(panel.next(), Next::Ask(asks[lane..].to_vec()), "the missing asks, equal in every field");
                assert!((ask.view.to <= ask.base) && ask.base as usize == before.log.len());
                let is_bad = rounds == 1 && bad >> lane & 1 == 1;
                let content = if is_bad { BAD.to_owned() } else { format!("I am {}.", ask.speaker) };
                let entry = replied(&before, ask, &content);
                assert_eq!(entry, replied(&panel, ask, &content), "whether or not later entries are there");
                panel.push(entry);
            }
        }
        assert_eq!(rounds, if bad > 0 { 3 } else { 2 });
        assert_eq!(panel.next(), Next::Done(EndedBy::Answered));
    }
}
