//! The public keys that access tokens can be verified with.

use crate::AuthState;
use crate::tokens::signing_keys::PUBLISH_AHEAD;
use axum::extract::State;
use axum::http::{HeaderValue, header::CACHE_CONTROL};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Json, NoQuery, Problem};

/// A set of keys (RFC 7517).
#[derive(Serialize, ToSchema)]
#[schema(title = "JWKS", example = json!({ "keys": [{
    "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": "6a04d2c1b7e98f30",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}] }))]
pub(crate) struct Jwks {
    /// All that a token may be signed with now.
    keys: Vec<Jwk>,
}

/// A public key of Ed25519 (RFC 8037).
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
    /// Names the key in tokens.
    #[schema(max_length = 50)]
    kid: String,
    /// The key, in base64url.
    #[schema(min_length = 43, max_length = 43)]
    x: String,
}

/// Get the keys that access tokens are verified with.
///
/// Keep them for as long as `Cache-Control` says: a new key stands here before it signs.
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
