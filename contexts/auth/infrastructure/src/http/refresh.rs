//! A refresh token for the next pair of tokens. Each works once.

use super::state::no_token;
use super::tokens::TokensView;
use crate::AuthState;
use crate::queries::check_refresh_token::session_of;
use crate::tokens::{OpaqueToken, TokenKind};
use crate::unit_of_work::not_run;
use auth_application::{RefreshSession, Refreshed, TokenHash};
use axum::extract::State;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{Client, Fields, Json, NoQuery, Problem, RateLimit};

/// Tokens that belong to no live session, from one address.
const MISSES: RateLimit = RateLimit { name: "auth.refresh_misses", burst: 30, every: Duration::from_secs(10) };
/// Refreshes of one session.
const OF_SESSION: RateLimit =
    RateLimit { name: "auth.refreshes_of_session", burst: 60, every: Duration::from_secs(10) };

/// What renews a session.
#[derive(ToSchema)]
#[schema(title = "Refresh", example = json!({ "refresh_token": "rr_5Ntq3kkRrVZ2l1CwWbCJzNEo2i7gMHbB3eAa3Y3wB4M" }))]
#[expect(dead_code, reason = "it describes the body, which is read field by field to find every violation")]
pub(crate) struct RefreshRequest {
    /// The latest one of the session.
    #[schema(min_length = 1, max_length = 1024)]
    refresh_token: String,
}

/// Renew the tokens of a session.
///
/// A refresh token works once. For a few seconds after that (`ROSTER_REFRESH_GRACE`), and as long as the token that
/// followed it has not been used, it gets that same token again: two tabs asked at once, or an answer was lost. Any
/// other that comes again ends its session: another client has it, too.
#[utoipa::path(
    post,
    path = "/auth/refresh",
    tag = "auth",
    request_body = RefreshRequest,
    responses(
        (status = 200, description = "The next tokens.", body = TokensView),
        (status = 401, description = "It is good for nothing: sign in again.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many tokens that are good for nothing, or too many refreshes of one session: see `Retry-After`.", body = Problem, content_type = "application/problem+json", headers(
            ("Retry-After" = i64, description = "Seconds until one more is looked at."),
        )),
        (status = 422, description = "It could be read, and is refused: every violation with its pointer.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn refresh(
    State(auth): State<AuthState>,
    from: Client,
    _: NoQuery,
    mut fields: Fields,
) -> Result<Json<TokensView>, Problem> {
    let token = fields.secret("refresh_token");
    let token = fields.finish(token)?;
    let shown = OpaqueToken::parse(TokenKind::Refresh, token.expose());
    let Some((shown, session)) = live(&auth, shown).await? else { return Err(missed(&auth, &from).await) };
    let _counts = auth.limits.acquire(&OF_SESSION, session.as_bytes()).await?;
    let next = OpaqueToken::random(TokenKind::Refresh).map_err(no_token)?;
    let sealed = next.sealed_for(&token).map_err(no_token)?;
    let refresh = RefreshSession { shown, next: next.hash, sealed, client: from.on_record(), life: auth.life };
    match auth.run(refresh).await.map_err(not_run)?.ok_or_else(good_for_nothing)? {
        Refreshed::Next(session) => TokensView::issue(&auth, &session, next),
        Refreshed::Again(session, sealed) => {
            tracing::info!(target: "audit", session = %session.id, address = %from.address.ip(), "a refresh token came again within its grace");
            TokensView::issue(&auth, &session, OpaqueToken::opened_by(&token, &sealed).map_err(no_token)?)
        }
    }
}

/// The token and its live session. Whatever is invented is found to be so without a transaction.
async fn live(auth: &AuthState, shown: Option<TokenHash>) -> Result<Option<(TokenHash, Uuid)>, Problem> {
    let Some(shown) = shown else { return Ok(None) };
    let session = session_of(&auth.db, &shown).await.map_err(web::unavailable)?;
    Ok(session.map(|session| (shown, session)))
}

/// 401, or 429 for an address with too many of them. Looked at first, so that a flood writes nothing.
async fn missed(auth: &AuthState, from: &Client) -> Problem {
    auth.limits.count_miss(&MISSES, &from.address.key()).await.err().map_or_else(good_for_nothing, Problem::from)
}

/// The same for an unknown, a used and an expired one, and for one whose session has ended.
fn good_for_nothing() -> Problem {
    Problem::unauthorized("invalid_refresh_token", "The refresh token is not valid, or not any more")
}
