use super::state::no_token;
use crate::AuthState;
use crate::tokens::OpaqueToken;
use auth_domain::Session;
use kernel::Secret;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Json, Problem};

/// What somebody gets who has signed in.
#[derive(Serialize, ToSchema)]
#[schema(title = "Tokens", example = json!({
    "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6IjZhMDQifQ.eyJzdWIiOiIwMTkwYjVhNiJ9.c2lnbmF0dXJl",
    "token_type": "Bearer",
    "expires_in": 300,
    "refresh_token": "rr_5Ntq3kkRrVZ2l1CwWbCJzNEo2i7gMHbB3eAa3Y3wB4M",
    "session_id": "01890a5d-ac96-774b-bcce-b302099a8057",
}))]
pub(crate) struct TokensView {
    /// Shown as `Authorization: Bearer …`. A JWT (RFC 9068) that others can verify, too.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = String, max_length = 4096)]
    access_token: Secret,
    /// `Bearer` (RFC 6750).
    #[schema(pattern = "^Bearer$")]
    token_type: &'static str,
    /// For how many seconds the access token is good.
    #[schema(minimum = 1, maximum = 900)]
    expires_in: i64,
    /// Gets the next pair, once.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = String, min_length = 46, max_length = 46)]
    refresh_token: Secret,
    /// Names the session that both belong to.
    session_id: Uuid,
}

/// The one place where a token is written out: to the one it was made for.
pub(super) fn expose<S: Serializer>(secret: &Secret, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secret.expose())
}

impl TokensView {
    /// Of a session whose current refresh token this is.
    pub(super) fn issue(auth: &AuthState, session: &Session, refresh: OpaqueToken) -> Result<Json<Self>, Problem> {
        let access = auth.tokens.issue(session.user, session.id, session.refreshed_at).map_err(no_token)?;
        Ok(Json(Self {
            access_token: access,
            token_type: "Bearer",
            expires_in: auth.tokens.seconds(),
            refresh_token: refresh.text,
            session_id: session.id.as_uuid(),
        }))
    }
}
