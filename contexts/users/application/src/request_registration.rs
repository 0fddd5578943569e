//! A visitor asks to register, and gets a mail: to choose a password, or to hear that the address has an account.
//!
//! The sender learns nothing about the address: the work, the outcome and the messages are the same.

use crate::Users;
use crate::registrations::{CONFIRM_HOURS, PendingRegistration, RegistrationClaim};
use contracts::{MailTemplate, SendMail};
use identity::{Email, MailId, MailTokenHash, UserId};
use kernel::Sealed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use use_case::{CommandFailure, Handle, HandlerContext};
use users_domain::Name;

/// A command: send the mail that a registration begins with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RequestRegistration {
    /// The id of the future user, chosen by the client or the HTTP edge.
    pub id: UserId,
    pub email: Email,
    pub name: Option<Name>,
    /// The language of the mail: a tag such as `de`.
    pub language: Option<String>,
    pub mail: MailId,
    pub token_hash: MailTokenHash,
    /// Sealed for the mail.
    pub token: Sealed,
}

use_case::command!(RequestRegistration, "users.request_registration.v1", about: id);

impl Handle<dyn Users> for RequestRegistration {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let Self { id, email, name, language, mail, token_hash, token } = self;
        let known = ctx.store.registered(&email).await?;
        let claim = known.is_none().then(|| RegistrationClaim { email: email.clone(), name, token: token_hash });
        ctx.store.hold(&PendingRegistration { id, claim }).await?;
        let parameters = || BTreeMap::from([("hours".to_owned(), CONFIRM_HOURS.to_string())]);
        let (template, user, to, parameters, token) = match known {
            None => (MailTemplate::ConfirmRegistration, id, email, parameters(), Some(token)),
            Some((user, stored)) => (MailTemplate::AlreadyRegistered, user, stored, BTreeMap::new(), None),
        };
        ctx.send(&SendMail { id: mail, template, to, user_id: Some(user), language, parameters, token });
        Ok(())
    }
}
