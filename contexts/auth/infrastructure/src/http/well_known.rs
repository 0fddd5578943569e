//! What browsers and password managers look up about passkeys.

use crate::AuthState;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Json, NoQuery, Problem};

/// The origins whose pages may use this server's passkeys.
#[derive(Serialize, ToSchema)]
#[schema(title = "RelatedOrigins", example = json!({ "origins": ["https://app.example.org"] }))]
pub(crate) struct RelatedOrigins {
    /// The origins.
    #[schema(max_items = 100)]
    origins: Vec<String>,
}

/// Where users manage their passkeys. This server has no page for that, and says only that it knows passkeys.
#[derive(Serialize, ToSchema)]
#[schema(title = "PasskeyEndpoints", example = json!({}))]
pub(crate) struct PasskeyEndpoints {}

/// Get the origins that share the passkeys of this server (WebAuthn, section 5.11).
///
/// Browsers look here, on the domain of `ROSTER_WEBAUTHN_RP_ID`, when a page of another domain uses a passkey.
#[utoipa::path(
    get,
    path = "/.well-known/webauthn",
    tag = "factors",
    responses(
        (status = 200, description = "The origins.", body = RelatedOrigins),
        (status = 404, description = "This server has no domain for passkeys."),
    )
)]
pub(crate) async fn get_related_origins(
    State(auth): State<AuthState>,
    _: NoQuery,
) -> Result<Json<RelatedOrigins>, Problem> {
    let party = auth.party.as_ref().ok_or_else(Problem::not_found)?;
    Ok(Json(RelatedOrigins { origins: party.origins().to_vec() }))
}

/// Get where users manage their passkeys.
#[utoipa::path(
    get,
    path = "/.well-known/passkey-endpoints",
    tag = "factors",
    responses(
        (status = 200, description = "An empty object: this server knows passkeys, and has no page for them.", body = PasskeyEndpoints),
        (status = 404, description = "This server has no domain for passkeys."),
    )
)]
pub(crate) async fn get_passkey_endpoints(
    State(auth): State<AuthState>,
    _: NoQuery,
) -> Result<Json<PasskeyEndpoints>, Problem> {
    auth.party.as_ref().ok_or_else(Problem::not_found)?;
    Ok(Json(PasskeyEndpoints {}))
}
