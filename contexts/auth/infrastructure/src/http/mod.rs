//! Auth: the routes. Each line is a route and its operation in the OpenAPI document.

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
mod tokens;

use crate::Desk;
use crate::queries::{get_audit_events, get_service_keys, get_sessions};
use web::{Commands, Routes, operation};

/// The routes of this context.
pub(crate) fn routes(desk: &Desk, commands: &Commands) -> Routes {
    let desk = || desk.clone();
    Routes::new("auth", commands.clone())
        .at_once(desk(), operation!(login::login))
        .at_once(desk(), operation!(refresh::refresh))
        .at_once(desk(), operation!(logout::logout))
        .at_once(desk(), operation!(get_sessions::get_sessions, sessions::end_other_sessions))
        .at_once(desk(), operation!(sessions::end_session))
        .at_once(desk(), operation!(change_password::change_password))
        .at_once(desk(), operation!(introspect::introspect))
        .at_once(desk(), operation!(jwks::get_jwks))
        .at_once(desk(), operation!(get_service_keys::get_service_keys, service_keys::create_service_key))
        .at_once(desk(), operation!(service_keys::revoke_service_key))
        .at_once(desk(), operation!(roles::set_role))
        .at_once(desk(), operation!(get_audit_events::get_audit_events))
}
