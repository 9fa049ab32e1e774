//! Watching on a server: the follower is another client.

use crate::base::Base;
use crate::follow::{self, Gate};
use crate::place::SMALL;

#[test]
fn an_experiment_is_followed() {
    let Some(base) = Base::new("CONVOKE_TEST_MONGODB_URI") else { return };
    let gate = Gate::closed();
    follow::an_experiment_is_followed(&gate, &base.place(&gate.server, SMALL));
}

#[test]
fn a_conversation_is_followed() {
    let Some(base) = Base::new("CONVOKE_TEST_MONGODB_URI") else { return };
    let gate = Gate::closed();
    follow::a_conversation_is_followed(&gate, &base.place(&gate.server, SMALL));
}
