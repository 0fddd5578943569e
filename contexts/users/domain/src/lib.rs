//! The domain of the `users` context: a registered user, and the rules for it.

mod name;
mod user;
mod user_filter;

pub use name::{Name, NameError};
pub use user::{NoSuchUser, OwnAccount, Taken, User, UserState, VersionConflict};
pub use user_filter::{
    EmailDomain, EmailPrefix, FilterFlaw, NamePrefix, SortKey, UserFilter, UserOrder, UserRole, UserStatus,
};
