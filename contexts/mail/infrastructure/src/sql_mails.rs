use contracts::SendMail;
use identity::{MailId, UserId};
use kernel::Timestamp;
use mail_application::{Kept, Mails, NewMail};
use mail_domain::{Delivery, DeliveryState, DeliveryStatus, ServerAnswer};
use persistence::{Db, SqlError, SqlTimestamp, Tx, execute, fetch_all, fetch_one, fetch_optional, sql};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use use_case::{Unavailable, async_trait};
use uuid::Uuid;

/// How many mails of one kind a recipient, and a user, may get at once.
const BURST: i64 = 5;
/// The time after which one more may be sent.
const EVERY: Duration = Duration::from_secs(10 * 60);

/// [`Mails`] in SQL.
pub(crate) struct SqlMails(pub(crate) Tx);

ledger::adapter!(SqlMails: dyn Mails);

#[async_trait]
impl Mails for SqlMails {
    async fn now(&mut self) -> Result<Timestamp, Unavailable> {
        Ok(fetch_one!(&mut self.0, (SqlTimestamp,), sql!("select {clock}"))?.0.0)
    }

    async fn count(&mut self, mail: &SendMail) -> Result<bool, Unavailable> {
        for key in keys(mail) {
            if !self.take(&key).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn add(&mut self, new: &NewMail) -> Result<bool, Unavailable> {
        let NewMail { mail, created_at, delivery } = new;
        let DeliveryState { status, queued_at, attempts: _, next_attempt_at, finished_at, last_answer: _ } =
            delivery.state();
        if let Some(user) = mail.user_id
            && self.lock_user(user).await?.is_some()
        {
            return Ok(false);
        }
        let sql = "insert into mail_mails (id, template, recipient, recipient_canonical, user_id, language, status, created_at, \
             queued_at, next_attempt_at, finished_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing";
        let user = mail.user_id.map(UserId::as_uuid);
        let (next, finished) = (next_attempt_at.map(SqlTimestamp), finished_at.map(SqlTimestamp));
        let added = execute!(
            &mut self.0,
            sql,
            mail.id.as_uuid(),
            mail.template.as_str(),
            mail.to.as_str(),
            mail.to.canonical(),
            user,
            mail.language.as_deref(),
            status.as_str(),
            SqlTimestamp(*created_at),
            SqlTimestamp(*queued_at),
            next,
            finished
        )?;
        Ok(added == 1)
    }

    async fn load(&mut self, id: MailId) -> Result<Option<Delivery>, Unavailable> {
        let sql = sql!(
            "select status, queued_at, attempts, next_attempt_at, finished_at, last_answer from mail_mails \
             where id = $1 {for update}"
        );
        let row = fetch_optional!(&mut self.0, Row, sql, id.as_uuid())?;
        row.map(restore).transpose()
    }

    async fn save(&mut self, id: MailId, delivery: &Delivery, kept: Kept) -> Result<(), Unavailable> {
        // Names every field, so that the compiler reports a new field that is missing here.
        let DeliveryState { status, queued_at, attempts, next_attempt_at, finished_at, last_answer } = delivery.state();
        let (content, rendered) = match kept {
            Kept::Nothing => (None, None),
            Kept::Content(mail) => (Some(serde_json::to_string(&mail).map_err(Unavailable::retry_later)?), None),
            Kept::Rendered(rendered) => (None, Some((rendered.subject, rendered.text, rendered.html))),
        };
        let (subject, text, html) = rendered.map_or((None, None, None), |(a, b, c)| (Some(a), Some(b), Some(c)));
        let sql = "update mail_mails set status = $2, queued_at = $3, attempts = $4, next_attempt_at = $5, finished_at = $6, \
             last_answer = $7, content = $8, subject = $9, text = $10, html = $11 where id = $1";
        let (next, finished) = (next_attempt_at.map(SqlTimestamp), finished_at.map(SqlTimestamp));
        execute!(
            &mut self.0,
            sql,
            id.as_uuid(),
            status.as_str(),
            SqlTimestamp(*queued_at),
            *attempts,
            next,
            finished,
            last_answer.as_ref().map(ServerAnswer::as_str),
            content,
            subject,
            text,
            html
        )?;
        Ok(())
    }

    async fn content(&mut self, id: MailId) -> Result<Option<SendMail>, Unavailable> {
        let sql = "select content from mail_mails where id = $1 and content is not null";
        let row = fetch_optional!(&mut self.0, (String,), sql, id.as_uuid())?;
        row.map(|(content,)| serde_json::from_str(&content).map_err(Unavailable::retry_later)).transpose()
    }

    async fn erase(&mut self, user: UserId) -> Result<Vec<MailId>, Unavailable> {
        let id = user.as_uuid();
        let sql = sql!(
            "insert into mail_users (user_id, erased_at) values ($1, {now}) \
             on conflict (user_id) do update set erased_at = excluded.erased_at"
        );
        execute!(&mut self.0, sql, id)?;
        let theirs = "select id, recipient_canonical from mail_mails where user_id = $1 or recipient_canonical in \
             (select recipient_canonical from mail_mails where user_id = $1)";
        let mails = fetch_all!(&mut self.0, (Uuid, String), theirs, id)?;
        for (mail, _) in &mails {
            execute!(&mut self.0, "delete from mail_mails where id = $1", *mail)?;
        }
        Ok(mails.into_iter().map(|(id, _)| MailId::new(id)).collect())
    }
}

impl SqlMails {
    /// Locks the user until the transaction ends. Returns when the user was erased.
    async fn lock_user(&mut self, user: UserId) -> Result<Option<SqlTimestamp>, SqlError> {
        let sql = "insert into mail_users (user_id) values ($1) \
             on conflict (user_id) do update set user_id = excluded.user_id returning erased_at";
        Ok(fetch_one!(&mut self.0, (Option<SqlTimestamp>,), sql, user.as_uuid())?.0)
    }

    /// Takes one permit of a limit, by the generic cell rate algorithm. Returns whether there was one.
    async fn take(&mut self, key: &[u8; 32]) -> Result<bool, SqlError> {
        const TAKE: (&str, &str) = sql!(
            "insert into mail_limits (key, empty_at) values ($1, {clock} + {$2 us}) on conflict (key) do update \
             set empty_at = {greatest}(mail_limits.empty_at, {clock}) + {$2 us} \
             where {greatest}(mail_limits.empty_at, {clock}) + {$2 us} <= {clock} + {$3 us} returning empty_at"
        );
        let every = i64::try_from(EVERY.as_micros()).unwrap_or(i64::MAX);
        let taken = fetch_optional!(&mut self.0, (SqlTimestamp,), TAKE, &key[..], every, every.saturating_mul(BURST))?;
        Ok(taken.is_some())
    }
}

/// The keys of the limits that a mail counts against.
fn keys(mail: &SendMail) -> Vec<[u8; 32]> {
    let template = mail.template.as_str();
    let recipient = format!("{template} to {}", mail.to.canonical());
    let user = mail.user_id.map(|user| format!("{template} user {user}"));
    let mut keys: Vec<_> = std::iter::once(recipient).chain(user).map(|key| Sha256::digest(key).into()).collect();
    // In one order, so that two transactions with the same keys cannot deadlock.
    keys.sort_unstable();
    keys
}

/// Deletes mails that are 30 days old, the content of failed mails that are 8 days old, and limits that are over.
///
/// # Errors
/// If the database does not answer.
pub(crate) async fn tidy_now(db: &Db) -> Result<(), SqlError> {
    const TIDY: [(&str, &str); 3] = [
        sql!(
            "delete from mail_mails where id in (select id from mail_mails where created_at < {now} - {30 d} \
             and status <> 'queued' order by created_at limit 500 {for update skip locked})"
        ),
        sql!(
            "update mail_mails set content = null where id in (select id from mail_mails where status = 'failed' \
             and content is not null and created_at < {now} - {8 d} limit 500 {for update skip locked})"
        ),
        sql!(
            "delete from mail_limits where key in (select key from mail_limits where empty_at < {now} \
             or empty_at > {now} + {1 d} order by empty_at limit 500 {for update skip locked})"
        ),
    ];
    loop {
        let mut tx = db.begin_low_priority().await?;
        let mut changed = 0;
        for sql in TIDY {
            changed += execute!(&mut tx, sql)?;
        }
        tx.commit().await?;
        if changed == 0 {
            return Ok(());
        }
    }
}

/// Deletes expired rows once a minute, until it is dropped.
pub(crate) async fn tidy(db: Db) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        if let Err(error) = tidy_now(&db).await {
            tracing::warn!(%error, "could not delete old mails: retrying in a minute");
        }
    }
}

type Row = (String, SqlTimestamp, i64, Option<SqlTimestamp>, Option<SqlTimestamp>, Option<String>);

fn restore(row: Row) -> Result<Delivery, Unavailable> {
    let (status, queued_at, attempts, next_attempt_at, finished_at, last_answer) = row;
    Ok(Delivery::restore(DeliveryState {
        status: DeliveryStatus::parse(&status).map_err(Unavailable::retry_later)?,
        queued_at: queued_at.0,
        attempts,
        next_attempt_at: next_attempt_at.map(|at| at.0),
        finished_at: finished_at.map(|at| at.0),
        last_answer: last_answer.as_deref().map(ServerAnswer::new),
    }))
}
