use super::state::no_token;
use crate::AuthState;
use crate::tokens::OpaqueToken;
use auth_domain::Session;
use kernel::Secret;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Json, Problem};

/// The tokens of a session, issued at sign-in and at each refresh.
#[derive(Serialize, ToSchema)]
#[schema(title = "Tokens", example = json!({
    "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6IjZhMDQifQ.eyJzdWIiOiIwMTkwYjVhNiJ9.c2lnbmF0dXJl",
    "token_type": "Bearer",
    "expires_in": 300,
    "refresh_token": "rr_5Ntq3kkRrVZ2l1CwWbCJzNEo2i7gMHbB3eAa3Y3wB4M",
    "session_id": "01890a5d-ac96-774b-bcce-b302099a8057",
}))]
pub(crate) struct TokensView {
    /// The access token. Send it as `Authorization: Bearer …`. It is a JWT (RFC 9068), which other services can verify
    /// with the keys at `/.well-known/jwks.json`.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = String, max_length = 4096)]
    access_token: Secret,
    /// Always `Bearer` (RFC 6750).
    #[schema(pattern = "^Bearer$")]
    token_type: &'static str,
    /// The lifetime of the access token, in seconds.
    #[schema(minimum = 1, maximum = 900)]
    expires_in: i64,
    /// Send it to `POST /auth/refresh` to get the next tokens. It works once.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = String, min_length = 46, max_length = 46)]
    refresh_token: Secret,
    /// The id of the session that both tokens belong to.
    session_id: Uuid,
}

/// Serializes a token into the response. No other code writes a token out.
pub(super) fn expose<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secret.expose())
}

/// Serializes recovery codes into the response. No other code writes them out.
pub(super) fn expose_all<S: Serializer>(codes: &[Secret], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(codes.iter().map(Secret::expose))
}

impl TokensView {
    /// Issues an access token for a session, and puts it beside the session's current refresh token.
    pub(super) fn issue(auth: &AuthState, session: &Session, refresh: OpaqueToken) -> Result<Json<Self>, Problem> {
        let access = auth.tokens.issue(session).map_err(no_token)?;
        Ok(Json(Self {
            access_token: access,
            token_type: "Bearer",
            expires_in: auth.tokens.seconds(),
            refresh_token: refresh.text,
            session_id: session.id.as_uuid(),
        }))
    }
}
