use auth_domain::{Administrators, LastAdministrator};
use identity::UserId;
use use_case::{Unavailable, async_trait};

/// A port: the administrators who can sign in.
#[async_trait]
pub trait Administration: Send {
    /// Reads the administrators who can sign in. MUST lock the set until the transaction ends: another transaction that
    /// calls this method waits, so that two administrators cannot leave at once. Callers MUST call it before they lock
    /// an account or a session.
    async fn administrators(&mut self) -> Result<Administrators, Unavailable>;

    /// Announces that an event with this version will deactivate the user, who from now on does not count as an
    /// administrator. The announcement MUST have no effect once that event or a later one has been handled.
    async fn expect_departure(&mut self, user: UserId, version: i64) -> Result<(), Unavailable>;
}

/// Allows or refuses that a user loses access. Another context calls this in the transaction that deactivates the user;
/// the event that follows comes too late to be refused.
///
/// # Errors
/// If the store does not answer.
pub async fn depart(
    store: &mut (dyn Administration + '_),
    user: UserId,
    version: i64,
) -> Result<Result<(), LastAdministrator>, Unavailable> {
    let allowed = store.administrators().await?.let_go(user);
    if allowed.is_ok() {
        store.expect_departure(user, version).await?;
    }
    Ok(allowed)
}
