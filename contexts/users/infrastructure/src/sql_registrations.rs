use crate::sql_users::SqlUsers;
use identity::{Email, InvitationId, MailTokenHash, UserId};
use persistence::{Db, SqlError, execute, fetch_all, fetch_optional, sql};
use std::time::Duration;
use use_case::{Unavailable, async_trait};
use users_application::{CONFIRM_HOURS, NewInvitation, PendingRegistration, Registrations, StoreError};
use users_domain::{AcceptedInvitation, Invitation, InvitationEnd, Name, Taken, User, UserRole};
use uuid::Uuid;

/// How often expired registrations and old invitations are deleted.
const TIDY: Duration = Duration::from_secs(20);

#[async_trait]
impl Registrations for SqlUsers {
    async fn registered(&mut self, email: &Email) -> Result<Option<(UserId, Email)>, Unavailable> {
        let sql = "select id, email from users_users where email_canonical = $1";
        let found = fetch_optional!(&mut self.0, (Uuid, String), sql, email.canonical())?;
        found.map(|(id, email)| Ok((UserId::new(id), parse(&email)?))).transpose()
    }

    async fn hold(&mut self, pending: &PendingRegistration) -> Result<(), StoreError> {
        const HOLD: (&str, &str) = sql!(
            "insert into users_pending_registrations (id, email, email_canonical, name, token_hash, created_at, expires_at) \
             select $1, $2, $3, $4, $5, {clock}, {clock} + {$6 min} \
             where not exists (select 1 from users_users where id = $1) \
             and not exists (select 1 from users_erased where id = $1) on conflict do nothing"
        );
        let PendingRegistration { id, claim } = pending;
        let email = claim.as_ref().map(|it| it.email.as_str());
        let canonical = claim.as_ref().map(|it| it.email.canonical());
        let name = claim.as_ref().and_then(|it| it.name.as_ref()).map(Name::as_str);
        let token = claim.as_ref().map(|it| &it.token.0[..]);
        let held = execute!(&mut self.0, HOLD, id.as_uuid(), email, canonical, name, token, CONFIRM_HOURS * 60);
        if held.map_err(Unavailable::from)? == 1 { Ok(()) } else { Err(Taken::Id.into()) }
    }

    async fn confirm(
        &mut self,
        id: UserId,
        token: MailTokenHash,
    ) -> Result<Option<(Email, Option<Name>)>, Unavailable> {
        let sql = sql!(
            "update users_pending_registrations set confirmed_at = {clock} where id = $1 and token_hash = $2 \
             and email is not null and confirmed_at is null and expires_at > {clock} returning email, name"
        );
        let claim = fetch_optional!(&mut self.0, (String, Option<String>), sql, id.as_uuid(), &token.0[..])?;
        let Some((email, name)) = claim else { return Ok(None) };
        let name = name.as_deref().map(Name::restore).transpose().map_err(Unavailable::retry_later)?;
        Ok(Some((parse(&email)?, name)))
    }

    async fn add_verified(&mut self, user: &User) -> Result<(), StoreError> {
        users_application::Users::add(self, user).await?;
        let (id, canonical) = (user.id().as_uuid(), user.state().email.canonical());
        self.verify_and_forget(id, canonical).await.map_err(Unavailable::from)?;
        Ok(())
    }

    async fn invite(&mut self, invitation: &NewInvitation) -> Result<(), Unavailable> {
        let NewInvitation { id, user, email, role, language, days, token, by } = invitation;
        let sql = sql!(
            "insert into users_invitations (id, user_id, email, email_canonical, role, language, days, invited_by, \
             created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, {clock}, {clock} + {$7 d})"
        );
        let (id, user, by) = (id.as_uuid(), user.as_uuid(), by.map(UserId::as_uuid));
        let (spelled, canonical, role) = (email.as_str(), email.canonical(), role.as_str());
        execute!(&mut self.0, sql, id, user, spelled, canonical, role, language.as_deref(), *days, by)?;
        self.add_token(id, *token).await?;
        Ok(())
    }

    async fn load_invitation(&mut self, id: InvitationId) -> Result<Option<Invitation>, Unavailable> {
        let sql = sql!(
            "select user_id, email, role, language, days, accepted_at is not null, revoked_at is not null \
             from users_invitations where id = $1 {for update}"
        );
        type Row = (Uuid, Option<String>, String, Option<String>, i64, bool, bool);
        let Some(row) = fetch_optional!(&mut self.0, Row, sql, id.as_uuid())? else { return Ok(None) };
        let (user, email, role, language, days, accepted, revoked) = row;
        let email = email.as_deref().map(parse).transpose()?;
        let end = match (accepted, revoked) {
            (true, _) => Some(InvitationEnd::Accepted),
            (false, true) => Some(InvitationEnd::Revoked),
            (false, false) => None,
        };
        Ok(Some(Invitation { user: UserId::new(user), email, role: parse_role(&role)?, language, days, end }))
    }

    async fn renew_invitation(&mut self, id: InvitationId, token: MailTokenHash) -> Result<(), Unavailable> {
        let sql = sql!(
            postgres: "update users_invitations set expires_at = clock_timestamp() + days * interval '1 d' where id = $1";
            sqlite: "update users_invitations set expires_at = {clock} + days * 86400000000 where id = $1"
        );
        execute!(&mut self.0, sql, id.as_uuid())?;
        self.add_token(id.as_uuid(), token).await?;
        Ok(())
    }

    async fn revoke_invitation(&mut self, id: InvitationId) -> Result<(), Unavailable> {
        let sql = sql!("update users_invitations set revoked_at = {clock} where id = $1 and revoked_at is null");
        execute!(&mut self.0, sql, id.as_uuid())?;
        Ok(())
    }

    async fn accept_invitation(
        &mut self,
        id: InvitationId,
        token: MailTokenHash,
    ) -> Result<Option<AcceptedInvitation>, Unavailable> {
        let sql = sql!(
            "update users_invitations set accepted_at = {clock} where id = $1 and accepted_at is null \
             and revoked_at is null and expires_at > {clock} and email is not null \
             and exists (select 1 from users_invitation_tokens where token_hash = $2 and invitation_id = $1) \
             returning email, role, invited_by"
        );
        type Row = (String, String, Option<Uuid>);
        let Some(row) = fetch_optional!(&mut self.0, Row, sql, id.as_uuid(), &token.0[..])? else { return Ok(None) };
        let (email, role, invited_by) = row;
        let (email, role) = (parse(&email)?, parse_role(&role)?);
        Ok(Some(AcceptedInvitation { email, role, invited_by: invited_by.map(UserId::new) }))
    }
}

impl SqlUsers {
    async fn add_token(&mut self, invitation: Uuid, token: MailTokenHash) -> Result<(), SqlError> {
        let sql = "insert into users_invitation_tokens (token_hash, invitation_id) values ($1, $2)";
        execute!(&mut self.0, sql, &token.0[..], invitation)?;
        Ok(())
    }

    /// Marks the address of a user as verified, and forgets the pending registrations of the address. The token of the
    /// user's own stays, so that a repeated request is recognised.
    async fn verify_and_forget(&mut self, user: Uuid, canonical: &str) -> Result<(), SqlError> {
        let sql = "update users_users set email_verified = true where id = $1";
        execute!(&mut self.0, sql, user)?;
        self.forget_pending(canonical).await
    }

    /// Removes the personal data of the pending registrations of an address. Their ids stay taken until they expire, as
    /// those of addresses with an account.
    async fn forget_pending(&mut self, canonical: &str) -> Result<(), SqlError> {
        let sql = "update users_pending_registrations set email = null, email_canonical = null, name = null, \
             token_hash = case when confirmed_at is not null then token_hash end where email_canonical = $1";
        execute!(&mut self.0, sql, canonical)?;
        Ok(())
    }

    /// Removes the address of an erased user from pending registrations and invitations. Returns the ids that their users
    /// would have had.
    pub(crate) async fn forget_address(&mut self, user: Uuid, canonical: &str) -> Result<Vec<UserId>, SqlError> {
        let sql = "select id from users_pending_registrations where email_canonical = $1 \
             union select user_id from users_invitations where email_canonical = $1 and user_id <> $2";
        let expected = fetch_all!(&mut self.0, (Uuid,), sql, canonical, user)?;
        self.forget_pending(canonical).await?;
        let sql = "delete from users_invitation_tokens where invitation_id in (select id from users_invitations \
             where email_canonical = $1 and accepted_at is null)";
        execute!(&mut self.0, sql, canonical)?;
        let sql = "delete from users_invitations where email_canonical = $1 and accepted_at is null";
        execute!(&mut self.0, sql, canonical)?;
        let sql = "update users_invitations set email = null, email_canonical = null \
             where user_id = $1 or email_canonical = $2";
        execute!(&mut self.0, sql, user, canonical)?;
        Ok(expected.into_iter().map(|(id,)| UserId::new(id)).collect())
    }
}

fn parse(email: &str) -> Result<Email, Unavailable> {
    Email::parse(email).map_err(Unavailable::retry_later)
}

fn parse_role(role: &str) -> Result<UserRole, Unavailable> {
    role.parse().map_err(Unavailable::retry_later)
}

/// Deletes expired pending registrations, and invitations that ended 30 days ago.
///
/// # Errors
/// If the database does not answer.
pub(crate) async fn tidy_now(db: &Db) -> Result<(), SqlError> {
    const STATEMENTS: [(&str, &str); 3] = [
        sql!(
            "delete from users_pending_registrations where id in (select id from users_pending_registrations \
             where expires_at <= {now} order by expires_at limit 500 {for update skip locked})"
        ),
        sql!(
            "delete from users_invitation_tokens where invitation_id in (select id from users_invitations \
             where expires_at < {now} - {30 d})"
        ),
        sql!(
            "delete from users_invitations where id in (select id from users_invitations \
             where expires_at < {now} - {30 d} order by expires_at limit 500 {for update skip locked})"
        ),
    ];
    loop {
        let mut tx = db.begin_low_priority().await?;
        let mut changed = 0;
        for sql in STATEMENTS {
            changed += execute!(&mut tx, sql)?;
        }
        tx.commit().await?;
        if changed == 0 {
            return Ok(());
        }
    }
}

/// Deletes expired rows every 20 seconds, until it is dropped.
pub(crate) async fn tidy(db: Db) {
    loop {
        tokio::time::sleep(TIDY).await;
        if let Err(error) = tidy_now(&db).await {
            tracing::warn!(%error, "could not delete expired registrations: retrying soon");
        }
    }
}
