//! The domain of the `users` context: a registered user, and the rules for it.

mod name;
mod user;

pub use name::{Name, NameError};
pub use user::{NoSuchUser, OwnAccount, Taken, User, UserState, VersionConflict};
