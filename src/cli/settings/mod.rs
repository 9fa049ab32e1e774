//! Arguments, environment, `.env` and the user's configuration file.
//!
//! First wins: flag · environment · `.env` in the working folder · configuration file · default. An empty variable
//! counts as unset.
//!
//! | file | come here to change |
//! |---|---|
//! | `world` | what the program finds around it |
//! | `sources` | how the environment, `.env` and the configuration file are read |
//! | `resolved` | a setting |
//! | `store` | which database, and who acts in it |
//! | `servers` | servers of models |
//! | `dotenv` | writing `.env` |

pub mod dotenv;
mod resolved;
mod servers;
mod sources;
mod store;
mod world;

pub use resolved::Settings;
pub use sources::holds_secret;
pub use store::{Given, SAFER, StoreChoice};
pub use world::{Origin, Shown, World};
