//! Helpers for tests of whole Roster processes, composed by the real composition root, on real databases and a real
//! broker.
//!
//! [`in_each_world`] makes one test of a function for each combination of database and hints that Roster supports.

mod authenticator;
mod documented;
mod node;
mod person;
pub mod process;
mod signed_in;
pub mod smtp;
mod world;
mod worlds;

pub use authenticator::{Authenticator, challenge_of, second_factor, step_up};
pub use documented::{Documented, resolve};
pub use node::Node;
pub use person::Person;
pub use signed_in::SignedIn;
pub use testkit::{Answer, Held, Open, Request};
pub use world::{Kind, PATIENCE, World, in_world, logs};
