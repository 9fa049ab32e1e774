//! Commands that are suggested: lines that can be pasted into the same shell.

use super::context::Context;
use super::shell::{insert_flags, resume_line};
use crate::store::ExperimentRecord;

impl Context {
    /// Returns a command as a line for this shell. It names the database if a flag named it, and holds no password.
    pub fn paste_line(&self, words: &[&str]) -> String {
        let line = words.iter().map(|word| (*word).to_owned()).collect();
        let store = self.global.store.as_deref().filter(|store| !store.trim().is_empty());
        resume_line(&insert_flags(line, store.into_iter().flat_map(|store| ["--store", store])))
    }

    /// Prints the commands that may follow.
    pub fn say_next(&self, commands: &[&[&str]]) {
        let mut lead = "next:  ";
        for words in commands {
            self.printer.chat(&format!("{lead}{}", self.paste_line(words)));
            lead = "       ";
        }
    }

    /// Names a stored experiment for a command: its id where its name would be read as a path, a flag or an id.
    pub fn command_word(&self, record: &ExperimentRecord) -> String {
        let name = &record.name;
        let is_name = !name.starts_with('-') && !name.starts_with("id:") && !self.world.folder.join(name).exists();
        if is_name { name.clone() } else { format!("id:{}", record.id) }
    }
}
