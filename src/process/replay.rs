//! Continuation of a conversation or a world from its log.

use super::asking::Process;
use super::log::Entry;
use super::setting::Setting;
use super::state::Conversation;
use super::world::World;
use std::sync::Arc;

/// Continues a log as a world where the setting has one, else as a conversation.
///
/// # Errors
/// The entries are not numbered from 0.
pub fn replay(setting: Arc<Setting>, log: Vec<Entry>) -> Result<Box<dyn Process>, String> {
    Ok(if setting.world.is_some() {
        Box::new(World::replay(setting, log)?)
    } else {
        Box::new(Conversation::replay(setting, log)?)
    })
}
