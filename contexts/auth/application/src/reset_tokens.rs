use identity::{MailTokenHash, UserId};
use std::time::Duration;
use use_case::{Unavailable, async_trait};

/// How long a link to choose a new password works.
pub const RESET_LIFE: Duration = Duration::from_secs(60 * 60);

/// A port: the tokens of links with which users choose a new password. Only their hashes are stored. A user may have
/// several.
#[async_trait]
pub trait ResetTokens: Send {
    /// Stores the token of a link to the address that the user has now. It expires after [`RESET_LIFE`], by the database's
    /// clock. The caller MUST have locked the account.
    async fn add_reset_token(&mut self, user: UserId, token: &MailTokenHash) -> Result<(), Unavailable>;

    /// Uses a token, and returns its user. MUST be atomic: of many calls with one token, one succeeds. `None` if the token is
    /// unknown, used, expired or revoked, if the user has another address since, or if the user is deactivated. MUST lock
    /// the account first, until the transaction ends.
    async fn use_reset_token(&mut self, token: &MailTokenHash) -> Result<Option<UserId>, Unavailable>;

    /// Revokes all tokens of a user.
    async fn revoke_reset_tokens(&mut self, user: UserId) -> Result<(), Unavailable>;
}
