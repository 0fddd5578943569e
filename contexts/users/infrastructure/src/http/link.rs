//! What the requests with the token of a mail's link have in common.

use super::UsersState;
use crate::queries::find_token::FoundToken;
use auth_access::AnyCaller;
use axum::http::StatusCode;
use identity::{MailTokenHash, UserId};
use kernel::{DomainError, Secret};
use mail_access::parse_token;
use persistence::{Db, SqlError};
use std::time::Duration;
use users_domain::{Name, TokenInvalid};
use uuid::Uuid;
use web::{Fields, Problem, RateLimit, Violation, WithClient, unavailable};

/// How many tokens that lead nowhere an address may send.
const MISSES: RateLimit = RateLimit { name: "users.token_misses", burst: 30, every: Duration::from_secs(10) };

/// 422 for a token that was never issued, was used, or has expired: the answer does not tell which.
pub(super) fn token_invalid() -> Problem {
    let violation = Violation::new("/token", TokenInvalid.code(), TokenInvalid.to_string());
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "token_invalid", "The link does not work")
        .violations(vec![violation])
}

/// Takes any text as a token: a malformed one is an unknown one.
pub(super) fn any_text(text: &str) -> Result<Secret, TokenInvalid> {
    Ok(Secret::new(text.to_owned()))
}

/// Finds what a token leads to. Tokens that no longer work are found, too, so that a repeated request is recognised.
///
/// # Errors
/// 422 for a token that was never issued, 429 after too many that do not work.
pub(super) async fn find(
    state: &UsersState,
    WithClient(_, client): &WithClient<AnyCaller>,
    token: &Secret,
    query: impl AsyncFnOnce(&Db, MailTokenHash) -> Result<Option<FoundToken>, SqlError>,
) -> Result<FoundToken, Problem> {
    let found = match parse_token(token.expose()) {
        Some(hash) => query(&state.db, hash).await.map_err(unavailable)?,
        None => None,
    };
    if !found.as_ref().is_some_and(|it| it.works) {
        state.commands.limits().count_miss(&MISSES, &client.address.key()).await?;
    }
    found.ok_or_else(token_invalid)
}

/// Ends the reading of a request with a token and a new password. A token that does not work is the only fault that is
/// reported, as for an unknown token.
pub(super) fn finish(
    state: &UsersState,
    found: Option<&FoundToken>,
    fields: &mut Fields,
    name: Option<&Name>,
    (token, password): (Option<Secret>, Option<Secret>),
) -> Result<Link, Problem> {
    let works = found.is_none_or(|it| it.works);
    if works {
        let flaws = state.auth.flaws(password.as_ref(), found.and_then(|it| it.email.as_ref()), name);
        flaws.into_iter().for_each(|flaw| fields.refuse("password", flaw.code, flaw.message));
    }
    let read = fields.finish(token.zip(password));
    let (token, password) = read.map_err(|problem| if works { problem } else { token_invalid() })?;
    let hash = parse_token(token.expose()).ok_or_else(token_invalid)?;
    let found = found.ok_or_else(token_invalid)?;
    Ok(Link { id: found.id, hash, user: found.user, password })
}

/// A request with a token and a new password that was read completely.
pub(super) struct Link {
    pub(super) id: Uuid,
    pub(super) hash: MailTokenHash,
    /// The id of the future user.
    pub(super) user: UserId,
    pub(super) password: Secret,
}
