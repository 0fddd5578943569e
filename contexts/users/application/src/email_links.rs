use contracts::{MailTemplate, SendMail};
use identity::{Email, MailId, MailTokenHash, UserId};
use kernel::Sealed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use use_case::{Unavailable, async_trait};

/// How long a link is valid that confirms an address, in hours.
const CONFIRM_HOURS: u32 = 24;
/// How long a link is valid that brings an address back, in days.
const REVERT_DAYS: u32 = 7;

/// A port: the links of mails about the addresses of users, within one transaction.
#[async_trait]
pub trait EmailLinks: Send {
    /// Stores a link. Earlier links of the user stay valid.
    async fn add_link(&mut self, link: &EmailLink) -> Result<(), Unavailable>;

    /// Removes the link with this hash, and returns it. `None` if there is none, or it has expired by the database's clock.
    /// Of two concurrent transactions, one MUST get it.
    async fn take_link(&mut self, hash: MailTokenHash) -> Result<Option<EmailLink>, Unavailable>;

    /// Removes the links of a user that confirm an address, or also those that bring one back.
    async fn remove_links(&mut self, user: UserId, and_reverting: bool) -> Result<(), Unavailable>;

    /// The address, as it is stored, of the user who has it in any spelling.
    async fn stored_address(&mut self, email: &Email) -> Result<Option<(UserId, Email)>, Unavailable>;
}

/// The link of a mail about a user's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailLink {
    pub hash: MailTokenHash,
    pub user: UserId,
    pub purpose: LinkPurpose,
    /// The address that the link confirms or brings back.
    pub email: Email,
    /// The version of the user's address when the link was made.
    pub email_version: i64,
}

/// What a link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPurpose {
    /// It confirms the present address, or makes a new one the present one. It MUST be valid only while the user has the
    /// address that they had when it was made.
    Confirm,
    /// It brings back the address to which it was sent. Later changes of the address do not invalidate it: otherwise two
    /// quick changes would lock the owner out.
    Revert,
}

impl LinkPurpose {
    /// The name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Revert => "revert",
        }
    }

    /// How long a link is valid, in hours.
    #[must_use]
    pub const fn hours(self) -> u32 {
        match self {
            Self::Confirm => CONFIRM_HOURS,
            Self::Revert => REVERT_DAYS * 24,
        }
    }
}

/// A link that the HTTP edge has issued for a mail: its hash, and its token for the mail, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedLink {
    pub mail: MailId,
    pub hash: MailTokenHash,
    pub token: Sealed,
    /// The language of the mail.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub language: Option<String>,
}

impl IssuedLink {
    /// The mail that carries the link.
    pub(crate) fn mail(self, template: MailTemplate, to: Email, user: UserId) -> SendMail {
        let (name, value) = match template {
            MailTemplate::EmailChanged => ("days", REVERT_DAYS),
            _ => ("hours", CONFIRM_HOURS),
        };
        let parameters = BTreeMap::from([(name.to_owned(), value.to_string())]);
        let Self { mail: id, hash: _, token, language } = self;
        SendMail { id, template, to, user_id: Some(user), language, parameters, token: Some(token) }
    }
}
