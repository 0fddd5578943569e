//! Finds what the token of a mail's link leads to.

use identity::{Email, MailTokenHash, UserId};
use persistence::{Db, SqlError, fetch_optional, sql};
use users_domain::Name;
use uuid::Uuid;

/// A pending registration or an invitation.
pub(crate) struct FoundToken {
    pub(crate) id: Uuid,
    /// The id of the future user.
    pub(crate) user: UserId,
    /// `None` if it no longer works.
    pub(crate) email: Option<Email>,
    pub(crate) name: Option<Name>,
    /// Whether the token works at this moment.
    pub(crate) works: bool,
}

type Row = (Uuid, Uuid, Option<String>, Option<String>, bool);

/// The pending registration with this token, also after it was confirmed or has expired.
pub(crate) async fn of_registration(db: &Db, token: MailTokenHash) -> Result<Option<FoundToken>, SqlError> {
    let sql = sql!(
        "select id, id, email, name, email is not null and confirmed_at is null and expires_at > {clock} \
         from users_pending_registrations where token_hash = $1"
    );
    let mut db = db.read().await?;
    Ok(fetch_optional!(&mut db, Row, sql, &token.0[..])?.map(FoundToken::from))
}

/// The invitation with this token, also after it has ended.
pub(crate) async fn of_invitation(db: &Db, token: MailTokenHash) -> Result<Option<FoundToken>, SqlError> {
    let sql = sql!(
        "select id, user_id, email, null, email is not null and accepted_at is null and revoked_at is null \
         and expires_at > {clock} from users_invitations join users_invitation_tokens on invitation_id = id \
         where token_hash = $1"
    );
    let mut db = db.read().await?;
    Ok(fetch_optional!(&mut db, Row, sql, &token.0[..])?.map(FoundToken::from))
}

/// Whether a pending registration has this id.
pub(crate) async fn is_pending(db: &Db, id: Uuid) -> Result<bool, SqlError> {
    let mut db = db.read().await?;
    let sql = "select id from users_pending_registrations where id = $1";
    Ok(fetch_optional!(&mut db, (Uuid,), sql, id)?.is_some())
}

impl From<Row> for FoundToken {
    fn from((id, user, email, name, works): Row) -> Self {
        let email = email.as_deref().and_then(|email| Email::parse(email).ok());
        let name = name.as_deref().and_then(|name| Name::restore(name).ok());
        Self { id, user: UserId::new(user), email, name, works }
    }
}
