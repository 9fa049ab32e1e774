//! Stub.
use super::Flag;
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    pub speaker: &'a str,
    pub content: &'a str,
}
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    pub own_name: &'a str,
    pub own_role: &'a str,
    pub others: &'a [(&'a str, &'a str)],
    pub prompt: &'a str,
    pub earlier: &'a [Said<'a>],
}
pub struct Cleaned {
    pub text: String,
    pub flags: Vec<Flag>,
}
pub fn clean_speech(raw: &str, _: &Scene<'_>) -> Cleaned {
    Cleaned { text: raw.trim().into(), flags: vec![] }
}
pub fn clean_plain(raw: &str) -> Cleaned {
    Cleaned { text: raw.trim().into(), flags: vec![] }
}
pub fn health(t: &str, _: &Scene<'_>) -> Vec<Flag> {
    if t.is_empty() { vec![Flag::Empty] } else { vec![] }
}
