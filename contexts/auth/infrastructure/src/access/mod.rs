//! Who bears a token, who was denied, and how often a password may be guessed.

pub(crate) mod authenticator;
pub(crate) mod denial_log;
pub(crate) mod login_throttle;
