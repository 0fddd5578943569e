//! What the context `auth` offers to the routes of all contexts: who calls, what they may do, and the sealing of
//! passwords. Routes name a caller's type in their parameters, and `auth` implements the traits behind them.

mod assurance;
mod authenticate;
mod caller;
mod credential_reader;
mod export_log;
mod openapi;
mod password_sealer;
mod password_verifier;
mod permitted;

pub use assurance::{
    AnyLevel, AnySession, Confirmed, Enrolling, Fresh, Insufficient, IsPerson, SessionAssurance, enough,
};
pub use authenticate::{Authenticate, KnownCallers};
pub use caller::{AnyCaller, Caller, Person, Service};
pub use credential_reader::{CredentialReader, UnusableCredential};
pub use export_log::ExportLog;
pub use openapi::add_security_schemes;
pub use password_sealer::PasswordSealer;
pub use password_verifier::PasswordVerifier;
pub use permitted::{Administrator, Oneself, OneselfOrAdministrator, UserReader};
