//! The HTTP routes of the `auth` context. Each line adds a route and its operation in the OpenAPI document.

mod by;
mod change_password;
mod introspect;
mod jwks;
mod login;
mod logout;
mod refresh;
mod roles;
mod service_keys;
mod sessions;
mod state;
mod tokens;

use crate::queries::{get_audit_events, get_service_keys, get_sessions};
use web::{Commands, Routes, operation};

pub use state::AuthState;

/// The routes of this context.
pub(crate) fn routes(auth: &AuthState, commands: &Commands) -> Routes {
    let auth = || auth.clone();
    Routes::new("auth", commands.clone())
        .immediate(auth(), operation!(login::login))
        .immediate(auth(), operation!(refresh::refresh))
        .immediate(auth(), operation!(logout::logout))
        .immediate(auth(), operation!(get_sessions::get_sessions, sessions::end_other_sessions))
        .immediate(auth(), operation!(sessions::end_session))
        .immediate(auth(), operation!(change_password::change_password))
        .immediate(auth(), operation!(introspect::introspect))
        .immediate(auth(), operation!(jwks::get_jwks))
        .immediate(auth(), operation!(get_service_keys::get_service_keys, service_keys::create_service_key))
        .immediate(auth(), operation!(service_keys::revoke_service_key))
        .immediate(auth(), operation!(roles::set_role))
        .immediate(auth(), operation!(get_audit_events::get_audit_events))
}
