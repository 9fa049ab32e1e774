//! Arguments, environment, `.env` and the user's configuration file.
//!
//! The first source that has a value wins: flag · environment · `.env` in the working folder · configuration file ·
//! default. An empty variable counts as unset.
//!
//! | file | come here to change |
//! |---|---|
//! | `world` | the environment of the program |
//! | `sources` | how the environment, `.env` and the configuration file are read |
//! | `resolved` | a setting |
//! | `store` | the choice of the database and of the creator's name |
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
pub use store::{MongoVariables, SAFER, StoreChoice};
pub use world::{Origin, Shown, World};
