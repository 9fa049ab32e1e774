//! Watching on the embedded database: the follower reads beside the run that writes.

use crate::follow::{self, Gate};
use crate::place::{Place, SMALL};

#[test]
fn an_experiment_is_followed() {
    let gate = Gate::closed();
    follow::an_experiment_is_followed(&gate, &Place::new(&gate.server, SMALL));
}

#[test]
fn a_conversation_is_followed() {
    let gate = Gate::closed();
    follow::a_conversation_is_followed(&gate, &Place::new(&gate.server, SMALL));
}

#[test]
fn ctrl_c_leaves_and_the_run_goes_on() {
    let gate = Gate::closed();
    let place = Place::new(&gate.server, SMALL);
    let mut run = place.start("run e --jobs 1");
    gate.server.wait_for(1, || run.is_over());
    let mut follower = place.start("list faults --follow");
    follower.says("faults: 0 done, ");
    follower.signal("INT");
    follower.wait().exits(130);
    gate.opens(usize::MAX);
    run.wait().exits(0);
    place.is_sound();
}
