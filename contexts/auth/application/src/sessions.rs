use auth_domain::{Session, SessionId, SessionStanding, ShownToken};
use identity::UserId;
use kernel::{RequestOrigin, Timestamp};
use use_case::{Unavailable, async_trait};

/// The SHA-256 of a token. The token itself is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash(pub [u8; 32]);

/// A refresh token, encrypted under a key derived from the token before it. The database alone cannot decrypt it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedToken(pub Vec<u8>);

/// A refresh token that a client has sent, and its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refreshable {
    /// The live session of the token.
    pub session: Session,
    pub shown: ShownToken,
    /// The token that followed, while it is stored.
    pub successor: Option<SealedToken>,
}

/// Why a session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// The user signed out of this session.
    SignedOut,
    /// The user ended it from another session, or an administrator ended all sessions of the user.
    Revoked,
    /// The password of the user was changed.
    PasswordChanged,
    /// A used refresh token was sent again.
    Replayed,
    Expired,
    /// The user was deactivated.
    Disabled,
    /// The user has opened too many newer sessions.
    CrowdedOut,
}

impl SessionEnd {
    /// The name that is stored.
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

/// A port: the sessions of users. A session that has ended MUST never be found again, and its tokens are deleted.
#[async_trait]
pub trait Sessions: Send {
    /// Stores a new session with its first refresh token.
    async fn open(&mut self, session: &Session, token: &TokenHash, client: &RequestOrigin) -> Result<(), Unavailable>;

    /// Finds the live session of a refresh token. MUST lock the session until the transaction ends.
    async fn find_by_refresh_token_for_update(&mut self, token: &TokenHash)
    -> Result<Option<Refreshable>, Unavailable>;

    /// What a live session of an active user is good for, and the present time; `None` if the user is deactivated or the
    /// session has ended. MUST lock the account, then the session, until the transaction ends.
    async fn standing_in(
        &mut self,
        user: UserId,
        session: SessionId,
    ) -> Result<Option<(SessionStanding, Timestamp)>, Unavailable>;

    /// Stores the next generation of a session with its token. Used tokens stay stored while the session is live, so
    /// that a replay is recognised. `successor` is stored beside the used token, and MUST be the only one stored for
    /// this session.
    async fn rotate(
        &mut self,
        session: &Session,
        used: &TokenHash,
        successor: Option<&SealedToken>,
        next: &TokenHash,
        client: &RequestOrigin,
    ) -> Result<(), Unavailable>;

    /// Ends a live session of this user. Returns `false` if there is no such session.
    async fn end(&mut self, user: UserId, session: SessionId, why: SessionEnd) -> Result<bool, Unavailable>;

    /// Ends all live sessions of this user except the `but` latest.
    async fn end_oldest(&mut self, user: UserId, but: i64, why: SessionEnd) -> Result<(), Unavailable>;

    /// Ends all live sessions of this user, except `but`. Returns how many have ended.
    async fn end_others(&mut self, user: UserId, but: Option<SessionId>, why: SessionEnd) -> Result<u64, Unavailable>;
}
