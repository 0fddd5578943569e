//! A refresh token for the next pair of tokens. Each works once.

use super::tokens::TokensView;
use crate::Desk;
use crate::desk::{broken, unavailable};
use crate::tokens::{Kind, Opaque};
use auth_application::RefreshSession;
use axum::extract::State;
use utoipa::ToSchema;
use web::{Client, Fields, Json, NoQuery, Problem};

/// What renews a session.
#[derive(ToSchema)]
#[schema(title = "Refresh", example = json!({ "refresh_token": "rr_5Ntq3kkRrVZ2l1CwWbCJzNEo2i7gMHbB3eAa3Y3wB4M" }))]
#[expect(dead_code, reason = "it describes the body, which is read field by field to find every violation")]
pub(crate) struct Refresh {
    /// The latest one of the session.
    #[schema(min_length = 1, max_length = 1024)]
    refresh_token: String,
}

/// Renew the tokens of a session.
///
/// A refresh token works once. One that comes again ends its session: somebody else has it, too.
#[utoipa::path(
    post,
    path = "/auth/refresh",
    tag = "auth",
    request_body = Refresh,
    responses(
        (status = 200, description = "The next tokens.", body = TokensView),
        (status = 401, description = "It is good for nothing: sign in again.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "It could be read, and is refused: every violation with its pointer.", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn refresh(
    State(desk): State<Desk>,
    from: Client,
    _: NoQuery,
    mut fields: Fields,
) -> Result<Json<TokensView>, Problem> {
    let token = fields.secret("refresh_token");
    let token = fields.finish(token)?;
    let shown = Opaque::shown(Kind::Refresh, token.expose()).ok_or_else(good_for_nothing)?;
    let next = Opaque::random(Kind::Refresh).map_err(broken)?;
    let refresh = RefreshSession { shown, next: next.hash, client: from.on_record(), life: desk.life };
    let session = desk.run(refresh).await.map_err(unavailable)?.ok_or_else(good_for_nothing)?;
    TokensView::of(&desk, &session, next)
}

/// The same for an unknown, a used and an expired one, and for one whose session has ended.
fn good_for_nothing() -> Problem {
    Problem::unauthorized("invalid_refresh_token", "The refresh token is not valid, or not any more")
}
