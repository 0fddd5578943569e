//! What the context `auth` offers to the routes of all contexts: who calls, what they may do, and the sealing of
//! passwords. Routes name a caller's type in their parameters, and `auth` implements the two traits behind them.

mod authenticate;
mod caller;
mod openapi;
mod password_sealer;
mod password_verifier;
mod permitted;

pub use authenticate::{Authenticate, KnownCallers};
pub use caller::{AnyCaller, Caller, Person, Service};
pub use openapi::add_security_schemes;
pub use password_sealer::PasswordSealer;
pub use password_verifier::PasswordVerifier;
pub use permitted::{Administrator, Oneself, OneselfOrAdministrator, UserReader};
