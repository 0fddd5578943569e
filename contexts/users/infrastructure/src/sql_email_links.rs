use crate::sql_users::SqlUsers;
use identity::{Email, MailTokenHash, UserId};
use persistence::{Db, SqlError, execute, fetch_optional, sql};
use use_case::{Unavailable, async_trait};
use users_application::{EmailLink, EmailLinks, LinkPurpose};
use uuid::Uuid;

/// Deletes expired links.
pub(crate) async fn tidy_links(db: &Db) -> Result<(), SqlError> {
    const EXPIRED: (&str, &str) = sql!(
        "delete from users_email_tokens where hash in (select hash from users_email_tokens where expires_at < {now} \
         limit 500 {for update skip locked})"
    );
    loop {
        let mut tx = db.begin_low_priority().await?;
        let deleted = execute!(&mut tx, EXPIRED)?;
        tx.commit().await?;
        if deleted == 0 {
            return Ok(());
        }
    }
}

#[async_trait]
impl EmailLinks for SqlUsers {
    async fn add_link(&mut self, link: &EmailLink) -> Result<(), Unavailable> {
        let sql = sql!(
            "insert into users_email_tokens (hash, user_id, purpose, email, email_version, expires_at) \
             values ($1, $2, $3, $4, $5, {clock} + {$6 min})"
        );
        let (user, purpose, minutes) = (link.user.as_uuid(), link.purpose, i64::from(link.purpose.hours()) * 60);
        let (hash, email) = (&link.hash.0[..], link.email.as_str());
        execute!(&mut self.0, sql, hash, user, purpose.as_str(), email, link.email_version, minutes)?;
        Ok(())
    }

    async fn take_link(&mut self, hash: MailTokenHash) -> Result<Option<EmailLink>, Unavailable> {
        let sql = sql!(
            "delete from users_email_tokens where hash = $1 and expires_at > {clock} \
             returning user_id, purpose, email, email_version"
        );
        let row = fetch_optional!(&mut self.0, (Uuid, String, String, i64), sql, &hash.0[..])?;
        let Some((user, purpose, email, email_version)) = row else { return Ok(None) };
        let purpose = if purpose == LinkPurpose::Revert.as_str() { LinkPurpose::Revert } else { LinkPurpose::Confirm };
        let email = Email::parse(&email).map_err(Unavailable::retry_later)?;
        Ok(Some(EmailLink { hash, user: UserId::new(user), purpose, email, email_version }))
    }

    async fn remove_links(&mut self, user: UserId, and_reverting: bool) -> Result<(), Unavailable> {
        let sql = "delete from users_email_tokens where user_id = $1 and (purpose = 'confirm' or $2)";
        execute!(&mut self.0, sql, user.as_uuid(), and_reverting)?;
        Ok(())
    }

    async fn stored_address(&mut self, email: &Email) -> Result<Option<(UserId, Email)>, Unavailable> {
        let sql = "select id, email from users_users where email_canonical = $1";
        let row = fetch_optional!(&mut self.0, (Uuid, String), sql, email.canonical())?;
        row.map(|(id, email)| Ok((UserId::new(id), Email::parse(&email).map_err(Unavailable::retry_later)?)))
            .transpose()
    }
}
