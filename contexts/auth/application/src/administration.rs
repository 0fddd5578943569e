use auth_domain::{Administrators, LastAdministrator};
use kernel::UserId;
use use_case::{Unavailable, async_trait};

/// Who administers and can sign in.
#[async_trait]
pub trait Administration: Send {
    /// The administrators who can sign in. MUST lock the set until the transaction ends: no other transaction may read it
    /// in this way meanwhile, so that no administrator can leave it. MUST come before any account or session is locked.
    async fn administrators(&mut self) -> Result<Administrators, Unavailable>;

    /// Keeps that a user cannot sign in any more once this version of them is heard of: from now on they do not count
    /// among the administrators. MUST stop mattering when that version or a later one has been heard of.
    async fn expect_departure(&mut self, user: UserId, version: i64) -> Result<(), Unavailable>;
}

/// A user is about to lose the way in, as another context decides in this very transaction. An event tells later that it
/// is so, when it is too late to refuse.
///
/// # Errors
/// When the store does not answer.
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
