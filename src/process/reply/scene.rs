//! The scene in which a reply is read: its speaker, the other agents, and the speeches before it.

/// The scene of one reply.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The speaker's name (`Prison_guard_117`).
    pub own_name: &'a str,
    /// The speaker's role (`prison guard`).
    pub own_role: &'a str,
    /// Name and role of every other agent, including those with the speaker's role.
    pub others: &'a [(&'a str, &'a str)],
    /// The speaker's system prompt as sent.
    pub prompt: &'a str,
    /// Earlier speeches of the day, in order.
    pub earlier: &'a [Said<'a>],
}

/// A speech of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said<'a> {
    /// An agent's name.
    pub speaker: &'a str,
    /// The text that other agents read.
    pub content: &'a str,
}
