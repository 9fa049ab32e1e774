//! Specification of cleaning and health, as tables of invented replies.

mod cleaning;
mod health;
mod properties;
mod speed;

use super::{Said, Scene};

/// A guard and a prisoner; the guard speaks.
const GUARD: Scene<'_> = Scene {
    own_name: "Guard_117",
    own_role: "guard",
    others: &[("Prisoner_231", "prisoner")],
    prompt: "You are a guard. Keep the peace in the yard until the evening bell has rung. Be brief.",
    earlier: &[],
};

/// The same room; the prisoner speaks.
const PRISONER: Scene<'_> = Scene {
    own_name: "Prisoner_231",
    own_role: "prisoner",
    others: &[("Guard_117", "guard")],
    prompt: "You are a prisoner.",
    earlier: &[],
};

/// Two agents of one role, whose name has a space.
const CROWD: Scene<'_> = Scene {
    own_name: "Prison_guard_117",
    own_role: "prison guard",
    others: &[("Prison_guard_482", "prison guard"), ("Häftling_231", "häftling"), ("囚人_555", "囚人")],
    prompt: "",
    earlier: &[],
};

/// A room without any prison.
const MARKET: Scene<'_> = Scene {
    own_name: "Buyer_300",
    own_role: "buyer",
    others: &[("Seller_301", "seller")],
    prompt: "You are a buyer.",
    earlier: &[],
};

/// The guard, after these speeches.
fn after<'a>(earlier: &'a [Said<'a>]) -> Scene<'a> {
    Scene { earlier, ..GUARD }
}
