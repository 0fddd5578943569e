//! The HTTP routes of the `auth` context. Each line adds a route and its operation in the OpenAPI document.

mod by;
mod change_password;
mod introspect;
mod jwks;
mod login;
mod logout;
mod password_verifier;
mod refresh;
mod roles;
mod service_keys;
mod sessions;
mod state;
mod tokens;

use crate::queries::{get_audit_events, get_service_keys, get_sessions};
use kernel::Secret;
use web::{NotAnId, Routes, operation};

pub use state::AuthState;

/// The routes of this context.
pub(crate) fn routes() -> Routes<AuthState> {
    Routes::new("auth")
        .immediate(operation!(login::login))
        .immediate(operation!(refresh::refresh))
        .immediate(operation!(logout::logout))
        .immediate(operation!(get_sessions::get_sessions, sessions::end_other_sessions))
        .immediate(operation!(sessions::end_session))
        .immediate(operation!(change_password::change_password))
        .immediate(operation!(introspect::introspect))
        .immediate(operation!(jwks::get_jwks))
        .immediate(operation!(get_service_keys::get_service_keys, service_keys::create_service_key))
        .immediate(operation!(service_keys::revoke_service_key))
        .immediate(operation!(roles::set_role))
        .immediate(operation!(get_audit_events::get_audit_events))
}

/// Reads an optional field that is not checked before it is used.
fn any_text(text: &str) -> Result<String, NotAnId> {
    Ok(text.to_owned())
}

/// Reads an optional secret that is not checked before it is used.
fn any_secret(text: &str) -> Result<Secret, NotAnId> {
    Ok(Secret::new(text.to_owned()))
}
