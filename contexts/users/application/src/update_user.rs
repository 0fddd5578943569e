//! A user, or an administrator, changes the user's name or email address.

use crate::{EmailLink, IssuedLink, LinkPurpose, Users};
use contracts::{MailTemplate, SendMail, UserEmailChanged};
use identity::{Email, UserId};
use kernel::RequestOrigin;
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};
use users_domain::{Name, NoSuchUser, User};

/// A command: change a user. What is `None` stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UpdateUser {
    pub id: UserId,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<NameChange>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub email: Option<Email>,
    /// The link by which the user confirms a new address. `None` if mail is off, or an operator changes it: then the new
    /// address counts at once.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link: Option<IssuedLink>,
    /// The versions of the user that the sender knows. `None`: any version may be changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub known_versions: Option<Vec<i64>>,
    /// The person who sends it; `None` for an operator.
    pub by: Option<UserId>,
    /// Where the request came from; `None` for an operator.
    pub client: Option<RequestOrigin>,
}

/// What happens to a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameChange {
    Set(Name),
    Remove,
}

use_case::command!(UpdateUser, "users.update_user.v1", about: id);

impl Handle<dyn Users> for UpdateUser {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Users>) -> Result<(), CommandFailure> {
        let Self { id, name, mut email, link, known_versions, by, client } = self;
        let mut user = ctx.store.load(id).await?.ok_or(NoSuchUser)?;
        if let Some(known) = known_versions {
            user.has_version(&known)?;
        }
        let old = user.state().email.clone();
        if let Some(link) = link
            && let Some(new) = email.take_if(|new| new.canonical() != old.canonical())
        {
            request_change(&mut ctx, &user, new, link).await?;
        }
        if user.update(name.map(NameChange::into_name), email) {
            ctx.store.save(&user).await?;
        }
        let email = user.state().email.clone();
        if email != old {
            let (version, changed_at) = (user.state().version, ctx.message.accepted_at);
            ctx.publish(&UserEmailChanged {
                user_id: id,
                version,
                email,
                email_verified: false,
                changed_at,
                by,
                client,
            });
        }
        Ok(())
    }
}

/// Asks for a confirmation at the new address. If another user has it, that user learns of the attempt, and the sender of
/// the command does not.
async fn request_change(
    ctx: &mut HandlerContext<'_, dyn Users>,
    user: &User,
    new: Email,
    link: IssuedLink,
) -> Result<(), CommandFailure> {
    if let Some((holder, address)) = ctx.store.stored_address(&new).await? {
        let IssuedLink { mail: id, language, .. } = link;
        let template = MailTemplate::AlreadyRegistered;
        let (parameters, token) = (std::collections::BTreeMap::new(), None);
        ctx.send(&SendMail { id, template, to: address, user_id: Some(holder), language, parameters, token });
        return Ok(());
    }
    let (hash, email_version) = (link.hash, user.state().email_version);
    let purpose = LinkPurpose::Confirm;
    ctx.store.add_link(&EmailLink { hash, user: user.id(), purpose, email: new.clone(), email_version }).await?;
    ctx.send(&link.mail(MailTemplate::ConfirmEmail, new, user.id()));
    Ok(())
}

impl From<Option<Name>> for NameChange {
    fn from(name: Option<Name>) -> Self {
        name.map_or(Self::Remove, Self::Set)
    }
}

impl NameChange {
    fn into_name(self) -> Option<Name> {
        match self {
            Self::Set(name) => Some(name),
            Self::Remove => None,
        }
    }
}
