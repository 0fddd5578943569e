//! Users: who is registered, and the rules of a record.

mod name;
mod user;

pub use name::{Name, NameError};
pub use user::{NoSuchUser, OwnAccount, Taken, User, UserState};
