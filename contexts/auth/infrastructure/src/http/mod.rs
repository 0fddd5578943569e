//! The HTTP routes of the `auth` context. Each line adds a route and its operation in the OpenAPI document.

mod by;
mod change_password;
mod check_password;
mod export_log;
mod factors;
mod forgot_password;
mod introspect;
mod jwks;
mod login;
mod logout;
mod passkeys;
mod password_verifier;
mod refresh;
mod reset_password;
mod roles;
mod second_factor;
mod service_keys;
mod sessions;
mod state;
mod step_up;
mod tokens;
mod totp;
mod well_known;

use crate::queries::{get_audit_events, get_factors, get_passkeys, get_service_keys, get_sessions};
use axum::extract::FromRef;
use axum::http::Method;
use axum::routing::get;
use kernel::Secret;
use web::{Commands, NotAnId, Routes, operation};

pub use state::{AuthState, FactorServices};

/// The state of all routes. Most need [`AuthState`] alone.
#[derive(Clone)]
pub(crate) struct AuthRoutes {
    pub(crate) auth: AuthState,
    pub(crate) commands: Commands,
}

impl FromRef<AuthRoutes> for AuthState {
    fn from_ref(routes: &AuthRoutes) -> Self {
        routes.auth.clone()
    }
}

/// The routes of this context.
pub(crate) fn routes() -> Routes<AuthRoutes> {
    Routes::<AuthRoutes>::new("auth")
        .command("/users/{id}/password-reset", Method::POST, |state| forgot_password::SendResetRequest(state.clone()))
        .immediate(operation!(login::login))
        .immediate(operation!(second_factor::complete_login))
        .immediate(operation!(step_up::step_up))
        .immediate(operation!(get_factors::get_factors))
        .immediate(operation!(totp::begin_totp, totp::remove_totp))
        .immediate(operation!(totp::confirm_totp))
        .immediate(operation!(totp::renew_recovery_codes))
        .immediate(operation!(factors::reset_factors))
        .immediate(operation!(passkeys::begin_passkey))
        .immediate(operation!(get_passkeys::get_passkeys, passkeys::add_passkey))
        .immediate(operation!(passkeys::remove_passkey))
        .immediate(operation!(passkeys::begin_login_with_passkey))
        .immediate(operation!(passkeys::login_with_passkey))
        .immediate(operation!(well_known::get_related_origins))
        .immediate(operation!(well_known::get_passkey_endpoints))
        .immediate(operation!(refresh::refresh))
        .immediate(operation!(logout::logout))
        .immediate(operation!(get_sessions::get_sessions, sessions::end_other_sessions))
        .immediate(operation!(sessions::end_session))
        .immediate(operation!(change_password::change_password))
        .immediate(operation!(forgot_password::forgot_password))
        .immediate(operation!(reset_password::reset_password))
        .immediate(operation!(check_password::check_password))
        .page("/reset", get(reset_password::show_page).post(reset_password::submit_page))
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
