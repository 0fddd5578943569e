//! Administrators invite persons, send invitations again and revoke them.

use super::UsersState;
use crate::queries::get_invitations::{InvitationView, whole};
use auth_access::{Administrator, enough};
use identity::{Email, InvitationId, UserId};
use kernel::DomainError;
use users_application::{InviteUser, ResendInvitation, RevokeInvitation};
use users_domain::{InvitationEnd, NoSuchInvitation, Taken, UserRole};
use web::{CommandRequest, Fields, Input, Language, PathId, Problem, WithClient};

/// For how many days an invitation works by default.
const DAYS: i64 = 7;
/// The most days.
const MOST_DAYS: i64 = 30;

/// `POST /invitations`
pub(super) struct Invite(pub(super) UsersState);

web::body! {
    /// An invitation to register.
    #[schema(title = "InvitationRequest", example = json!({ "email": "ada@example.org", "role": "user", "language": "de" }))]
    pub(crate) struct InvitationRequest {
        /// The address of the person. The mail with the link goes there.
        #[schema(format = Email, min_length = 3, max_length = 254)]
        email: required Email = Email::parse,
        /// The role of the new user: `user` (the default), or `admin` for an administrator.
        #[schema(pattern = "^(user|admin)$")]
        role: optional UserRole = role,
        /// The language of the mail: a tag such as `de`. Without a template in this language, the mail is in English.
        #[schema(min_length = 2, max_length = 20)]
        language: optional String = language,
        /// For how many days the link works; 7 by default.
        #[schema(minimum = 1, maximum = 30)]
        expires_in_days: number i64 = days,
    }
}

/// What is wrong with a field of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum InvitationFlaw {
    #[error("must be user or admin")]
    Role,
    #[error("must be a language tag such as de")]
    Language,
    #[error("must be from 1 to {MOST_DAYS}")]
    Days,
}

impl DomainError for InvitationFlaw {
    fn code(&self) -> &'static str {
        match self {
            Self::Role => "role_unknown",
            Self::Language => "language_invalid",
            Self::Days => "days_out_of_range",
        }
    }
}

fn role(text: &str) -> Result<UserRole, InvitationFlaw> {
    text.parse().map_err(|_| InvitationFlaw::Role)
}

fn language(text: &str) -> Result<String, InvitationFlaw> {
    Language::parse(text).0.ok_or(InvitationFlaw::Language)
}

fn days(text: &str) -> Result<i64, InvitationFlaw> {
    text.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days)).ok_or(InvitationFlaw::Days)
}

impl CommandRequest for Invite {
    type Message = InviteUser;
    type Sender = WithClient<Administrator>;
    type Path = ();
    type Body = InvitationRequest;
    type View = InvitationView;

    const SUMMARY: &'static str = "Invite a person to register. For administrators";
    const STEP_UP: bool = true;
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] = &[(&Taken::Email, "/email")];

    fn read(&self, input: Input<'_, Self>) -> Result<InviteUser, Problem> {
        self.0.mail.require_mail()?;
        let Input { sender: WithClient(Administrator(me), client), body, fields, .. } = input;
        let InvitationRequest { email, role, language, expires_in_days } = body;
        let email = fields.finish(email)?;
        let token = self.0.mail.issue()?;
        Ok(InviteUser {
            id: InvitationId::random(),
            user: UserId::random(),
            email,
            role: role.unwrap_or(UserRole::User),
            language,
            days: expires_in_days.unwrap_or(DAYS),
            mail: token.mail,
            token_hash: token.hash,
            token: token.sealed,
            by: Some(me.user),
            client: Some(client.on_record()),
        })
    }

    /// An invited administrator is a change of roles.
    async fn check(&self, message: &InviteUser, sender: &Self::Sender, _: &Fields) -> Result<(), Problem> {
        let WithClient(Administrator(me), _) = sender;
        if message.role == UserRole::Admin { enough(me.assurance.fresh) } else { Ok(()) }
    }
}

/// `POST /invitations/{id}/resend`
pub(super) struct Resend(pub(super) UsersState);

impl CommandRequest for Resend {
    type Message = ResendInvitation;
    type Sender = WithClient<Administrator>;
    type Path = PathId;
    type Body = ();
    type View = InvitationView;

    const SUMMARY: &'static str = "Send an invitation again, and extend it. For administrators";
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] =
        &[(&InvitationEnd::Accepted, ""), (&InvitationEnd::Revoked, ""), (&Taken::Email, ""), (&NoSuchInvitation, "")];

    fn read(&self, input: Input<'_, Self>) -> Result<ResendInvitation, Problem> {
        self.0.mail.require_mail()?;
        let (WithClient(Administrator(me), client), PathId(id)) = (input.sender, input.path);
        let (by, client) = (Some(me.user), Some(client.on_record()));
        let token = self.0.mail.issue()?;
        let (id, mail, token_hash, token) = (InvitationId::new(id), token.mail, token.hash, token.sealed);
        input.finish(Some(ResendInvitation { id, mail, token_hash, token, by, client }))
    }

    async fn check(&self, message: &ResendInvitation, _: &Self::Sender, _: &Fields) -> Result<(), Problem> {
        whole(&self.0.db, message.id.as_uuid()).await.map(drop)
    }
}

/// `DELETE /invitations/{id}`
pub(super) struct Revoke(pub(super) UsersState);

impl CommandRequest for Revoke {
    type Message = RevokeInvitation;
    type Sender = WithClient<Administrator>;
    type Path = PathId;
    type Body = ();
    type View = InvitationView;

    const SUMMARY: &'static str = "Revoke an invitation: its links no longer work. For administrators";
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] =
        &[(&InvitationEnd::Accepted, ""), (&NoSuchInvitation, "")];
    const REMOVES: bool = true;

    fn read(&self, input: Input<'_, Self>) -> Result<RevokeInvitation, Problem> {
        let (WithClient(Administrator(me), client), PathId(id)) = (input.sender, input.path);
        let (by, client) = (Some(me.user), Some(client.on_record()));
        input.finish(Some(RevokeInvitation { id: InvitationId::new(id), by, client }))
    }

    async fn check(&self, message: &RevokeInvitation, _: &Self::Sender, _: &Fields) -> Result<(), Problem> {
        whole(&self.0.db, message.id.as_uuid()).await.map(drop)
    }
}
