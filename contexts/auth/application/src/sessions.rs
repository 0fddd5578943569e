use auth_domain::{Role, Session, SessionId, ShownToken};
use kernel::{RequestOrigin, UserId};
use use_case::{Unavailable, async_trait};

/// The SHA-256 of a token. The token itself is stored nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

/// A refresh token, encrypted under a key that only the token before it gives: the database alone tells nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedToken(pub Vec<u8>);

/// What belongs to a refresh token that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshable {
    /// Its session, which is live.
    pub session: Session,
    /// The token.
    pub shown: ShownToken,
    /// The token that followed it, as long as it is kept.
    pub successor: Option<SealedToken>,
}

/// Why a session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// By its own person, from within it.
    SignedOut,
    /// By its person, from another session.
    Revoked,
    /// Its person has changed the password.
    PasswordChanged,
    /// A used refresh token came again.
    Replayed,
    /// Its time was over.
    Expired,
    /// Its person may not sign in any more.
    Disabled,
    /// Its person has opened too many since.
    CrowdedOut,
}

impl SessionEnd {
    /// As stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Revoked => "revoked",
            Self::PasswordChanged => "password_changed",
            Self::Replayed => "replayed",
            Self::Expired => "expired",
            Self::Disabled => "disabled",
            Self::CrowdedOut => "crowded_out",
        }
    }
}

/// Who is signed in. A session that has ended MUST never be found again, and its tokens go with its end.
#[async_trait]
pub trait Sessions: Send {
    /// Stores a new session with its first refresh token.
    async fn open(&mut self, session: &Session, token: &TokenHash, client: &RequestOrigin) -> Result<(), Unavailable>;

    /// The live session that a refresh token belongs to. MUST lock the session until the transaction ends.
    async fn find_by_refresh_token_for_update(&mut self, token: &TokenHash)
    -> Result<Option<Refreshable>, Unavailable>;

    /// The role of a user who is in a live session and may be signed in, now. MUST lock the account and then the session
    /// until the transaction ends.
    async fn role_in(&mut self, user: UserId, session: SessionId) -> Result<Option<Role>, Unavailable>;

    /// Stores a session's next generation with its token. Tokens that were used stay as long as the session is
    /// live, to be known again; the successor of the one that is used now is kept beside it, and MUST be the
    /// only one of this session that is kept.
    async fn rotate(
        &mut self,
        session: &Session,
        used: &TokenHash,
        successor: Option<&SealedToken>,
        next: &TokenHash,
        client: &RequestOrigin,
    ) -> Result<(), Unavailable>;

    /// Ends a live session of this user; whether there was one.
    async fn end(&mut self, user: UserId, session: SessionId, why: SessionEnd) -> Result<bool, Unavailable>;

    /// Ends all live sessions of this user but the latest so many.
    async fn end_oldest(&mut self, user: UserId, but: i64, why: SessionEnd) -> Result<(), Unavailable>;

    /// Ends all live sessions of this user but one; how many there were.
    async fn end_others(&mut self, user: UserId, but: Option<SessionId>, why: SessionEnd) -> Result<u64, Unavailable>;
}
