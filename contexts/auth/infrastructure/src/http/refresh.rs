//! Exchanges a refresh token for the next pair of tokens. Each refresh token works once.

use super::state::no_token;
use super::tokens::TokensView;
use crate::AuthState;
use crate::queries::check_refresh_token::session_of;
use crate::sql::unit_of_work::not_run;
use crate::tokens::{OpaqueToken, TokenKind};
use auth_application::{RefreshSession, Refreshed, TokenHash};
use axum::extract::State;
use std::time::Duration;
use uuid::Uuid;
use web::{Client, Fields, Json, NoQuery, Problem, RateLimit, RequestBody as _};

/// Rate limit, per address, on refresh tokens without a live session.
const MISSES: RateLimit = RateLimit { name: "auth.refresh_misses", burst: 30, every: Duration::from_secs(10) };
/// Rate limit on the refreshes of one session.
const OF_SESSION: RateLimit =
    RateLimit { name: "auth.refreshes_of_session", burst: 60, every: Duration::from_secs(10) };

web::body! {
    /// The refresh token of the session to refresh.
    #[schema(title = "Refresh", example = json!({ "refresh_token": "rr_5Ntq3kkRrVZ2l1CwWbCJzNEo2i7gMHbB3eAa3Y3wB4M" }))]
    pub(crate) struct RefreshRequest {
        /// The latest refresh token of the session.
        #[schema(min_length = 1, max_length = 1024)]
        refresh_token: secret,
    }
}

/// Refresh the tokens of a session.
///
/// A refresh token works once: the server returns an access token and the next refresh token. If a client sends the
/// same token again within a few seconds (`ROSTER_REFRESH_GRACE`), and the next refresh token is unused, the server
/// returns that next token again. So two browser tabs may refresh at once, and a client may retry after a lost answer.
/// Any other reuse of a refresh token ends the session, because two clients may have the token.
#[utoipa::path(
    post,
    path = "/auth/refresh",
    tag = "auth",
    request_body = RefreshRequest,
    responses(
        (status = 200, description = "The next access token and refresh token.", body = TokensView),
        (status = 401, description = "The refresh token is not valid. Sign in again."),
        (status = 429, description = "Too many invalid tokens from this address, or too many refreshes of this session. Retry after the seconds in `Retry-After`."),
    )
)]
pub(crate) async fn refresh(
    State(auth): State<AuthState>,
    from: Client,
    _: NoQuery,
    mut fields: Fields,
) -> Result<Json<TokensView>, Problem> {
    let RefreshRequest { refresh_token } = RefreshRequest::read(&mut fields);
    let token = fields.finish(refresh_token)?;
    let shown = OpaqueToken::parse(TokenKind::Refresh, token.expose());
    let Some((shown, session)) = live(&auth, shown).await? else { return Err(missed(&auth, &from).await) };
    let _counts = auth.limits.acquire(&OF_SESSION, session.as_bytes()).await?;
    let next = OpaqueToken::random(TokenKind::Refresh).map_err(no_token)?;
    let sealed = next.sealed_for(&token, auth.successor_label).map_err(no_token)?;
    let refresh = RefreshSession { shown, next: next.hash, sealed, client: from.on_record(), life: auth.life };
    match auth.run(refresh).await.map_err(not_run)?.ok_or_else(invalid_refresh_token)? {
        Refreshed::Next(session) => TokensView::issue(&auth, &session, next),
        Refreshed::Again(session, sealed) => {
            tracing::info!(target: "audit", session = %session.id, address = %from.address.ip(), "a refresh token was reused within its grace period: issued the same successor again");
            TokensView::issue(
                &auth,
                &session,
                OpaqueToken::opened_by(&token, &sealed, auth.successor_label).map_err(no_token)?,
            )
        }
    }
}

/// The token and its live session. A read finds that an invented token has none; no write transaction is needed.
async fn live(auth: &AuthState, shown: Option<TokenHash>) -> Result<Option<(TokenHash, Uuid)>, Problem> {
    let Some(shown) = shown else { return Ok(None) };
    let session = session_of(&auth.db, &shown).await.map_err(web::unavailable)?;
    Ok(session.map(|session| (shown, session)))
}

/// 401, or 429 for an address with too many invalid tokens. The limit is read before it is counted, so that a flood
/// writes nothing.
async fn missed(auth: &AuthState, from: &Client) -> Problem {
    auth.limits.count_miss(&MISSES, &from.address.key()).await.err().map_or_else(invalid_refresh_token, Problem::from)
}

/// 401. It is the same for an unknown, a used and an expired token, and for a token whose session has ended.
fn invalid_refresh_token() -> Problem {
    Problem::unauthorized("invalid_refresh_token", "The refresh token is not valid: sign in again")
}
