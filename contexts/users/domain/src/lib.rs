//! The domain of the `users` context: a registered user, and the rules for it.

mod imported_user;
mod invitation;
mod name;
mod user;
mod user_filter;

pub use imported_user::{ImportRef, ImportRow, ImportedUser, RowError, RowFlaw};
pub use invitation::{AcceptedInvitation, Invitation, InvitationEnd, NoSuchInvitation, TokenInvalid};
pub use name::{Name, NameError};
pub use user::{ErasureReason, NoSuchUser, OwnAccount, Taken, Tombstone, User, UserState, VersionConflict};
pub use user_filter::{
    EmailDomain, EmailPrefix, FilterFlaw, NamePrefix, SortKey, Substring, UserFilter, UserOrder, UserRole, UserStatus,
};
