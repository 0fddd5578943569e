//! An administrator invites a person to register, as a user or as an administrator.

use crate::Users;
use crate::registrations::{NewInvitation, see_that_it_is_free};
use contracts::{InvitationChange, MailTemplate, RecordInvitation, SendMail};
use identity::{Email, InvitationId, MailId, MailTokenHash, UserId};
use kernel::{RequestOrigin, Sealed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use use_case::{CommandFailure, Handle, HandlerContext};
use users_domain::UserRole;

/// A command: invite a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InviteUser {
    pub id: InvitationId,
    /// The id of the future user.
    pub user: UserId,
    pub email: Email,
    pub role: UserRole,
    /// The language of the mail: a tag such as `de`.
    pub language: Option<String>,
    /// For how many days the link works.
    pub days: i64,
    pub mail: MailId,
    pub token_hash: MailTokenHash,
    /// Sealed for the mail.
    pub token: Sealed,
    /// The administrator who sends it; `None` for an operator.
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator.
    pub client: Option<RequestOrigin>,
}

use_case::command!(InviteUser, "users.invite_user.v1", about: id);

impl Handle<dyn Users> for InviteUser {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let Self { id, user, email, role, language, days, mail, token_hash, token, by, client } = self;
        see_that_it_is_free(ctx.store, &email).await?;
        let new = NewInvitation {
            id,
            user,
            email: email.clone(),
            role,
            language: language.clone(),
            days,
            token: token_hash,
            by,
        };
        ctx.store.invite(&new).await?;
        ctx.send(&invitation_mail(mail, user, email, language, days, token));
        ctx.send(&RecordInvitation { invitation: id, what: InvitationChange::Created, by, client });
        Ok(())
    }
}

/// The mail of an invitation.
pub(crate) fn invitation_mail(
    id: MailId,
    user: UserId,
    to: Email,
    language: Option<String>,
    days: i64,
    token: Sealed,
) -> SendMail {
    let parameters = BTreeMap::from([("days".to_owned(), days.to_string())]);
    let template = MailTemplate::Invitation;
    SendMail { id, template, to, user_id: Some(user), language, parameters, token: Some(token) }
}
