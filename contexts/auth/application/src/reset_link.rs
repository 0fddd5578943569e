use crate::{Auth, RESET_LIFE};
use contracts::{MailTemplate, SendMail};
use identity::{MailId, MailTokenHash, UserId};
use kernel::Sealed;
use serde::{Deserialize, Serialize};
use use_case::{HandlerContext, Unavailable};

/// A link to choose a new password, as the HTTP edge issues it: the worker that stores it cannot read its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetLink {
    pub mail: MailId,
    pub hash: MailTokenHash,
    /// The token, sealed for the mail.
    pub token: Sealed,
    /// A language tag, such as `de`; `None` for the default language.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub language: Option<String>,
}

impl ResetLink {
    /// Stores the token, and returns the mail with the link to the stored address of the user. The caller MUST have locked
    /// the account, and send the mail.
    pub(crate) async fn mail(self, store: &mut dyn Auth, user: UserId) -> Result<Option<SendMail>, Unavailable> {
        let Some(to) = store.address_of(user).await? else { return Ok(None) };
        store.add_reset_token(user, &self.hash).await?;
        let minutes = RESET_LIFE.as_secs() / 60;
        Ok(Some(SendMail {
            id: self.mail,
            template: MailTemplate::ResetPassword,
            to,
            user_id: Some(user),
            language: self.language,
            parameters: [("minutes".to_owned(), minutes.to_string())].into(),
            token: Some(self.token),
        }))
    }

    /// The same for a handler, as a follow-up. The account MUST be active.
    pub(crate) async fn send(self, ctx: &mut HandlerContext<'_, dyn Auth>, user: UserId) -> Result<(), Unavailable> {
        if let Some(mail) = self.mail(ctx.store, user).await? {
            ctx.send(&mail);
        }
        Ok(())
    }
}
