//! How every context names a person: the id of a user, and an email address. This is the shared kernel of the contexts.
//!
//! Domains depend on this crate. So it has no I/O and no framework, also not among its dependencies.

mod email;
mod invitation_id;
mod job_id;
mod mail_id;
mod mail_token;
mod user_id;

pub use email::{Email, EmailError};
pub use invitation_id::InvitationId;
pub use job_id::JobId;
pub use mail_id::MailId;
pub use mail_token::MailTokenHash;
pub use user_id::UserId;
