//! Publishes the public keys that verify access tokens.

use crate::AuthState;
use crate::tokens::signing_keys::PUBLISH_AHEAD;
use axum::extract::State;
use axum::http::{HeaderValue, header::CACHE_CONTROL};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Json, NoQuery, Problem};

/// A JSON Web Key Set (RFC 7517).
#[derive(Serialize, ToSchema)]
#[schema(title = "JWKS", example = json!({ "keys": [{
    "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "6a04d2c1b7e98f30",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}] }))]
pub(crate) struct Jwks {
    /// Every key that a valid access token may be signed with, and keys that will sign soon.
    keys: Vec<Jwk>,
}

/// An Ed25519 public key (RFC 8037).
#[derive(Serialize, ToSchema)]
pub(crate) struct Jwk {
    #[schema(pattern = "^OKP$")]
    kty: &'static str,
    #[schema(pattern = "^Ed25519$")]
    crv: &'static str,
    #[schema(pattern = "^sig$")]
    r#use: &'static str,
    #[schema(pattern = "^EdDSA$")]
    alg: &'static str,
    /// The key id, which tokens have as `kid` in their header.
    #[schema(max_length = 50)]
    kid: String,
    /// The public key, in base64url.
    #[schema(min_length = 43, max_length = 43)]
    x: String,
}

/// Get the public keys that verify access tokens.
///
/// Cache the keys for as long as `Cache-Control` says. A new key is published here before it signs tokens.
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "services",
    responses((status = 200, description = "The keys (RFC 7517).", body = Jwks))
)]
pub(crate) async fn get_jwks(State(auth): State<AuthState>, _: NoQuery) -> Result<Response, Problem> {
    let key_set = auth.tokens.keys().key_set();
    let keys = key_set.iter().map(|key| Jwk {
        kty: "OKP",
        crv: "Ed25519",
        r#use: "sig",
        alg: "EdDSA",
        kid: key.kid.clone(),
        x: key.x.clone(),
    });
    let keep = format!("public, max-age={}", PUBLISH_AHEAD.as_secs() / 2);
    let keep = HeaderValue::try_from(keep).map_err(|_| Problem::internal())?;
    Ok(([(CACHE_CONTROL, keep)], Json(Jwks { keys: keys.collect() })).into_response())
}
