use contracts::SendMail;
use identity::{MailId, UserId};
use kernel::Timestamp;
use mail_domain::{Delivery, ServerAnswer};
use use_case::{FollowUpFailure, Port, Unavailable, async_trait};

/// A port: the stored mails, within one transaction.
#[async_trait]
pub trait Mails: Send {
    /// The time by the database's clock.
    async fn now(&mut self) -> Result<Timestamp, Unavailable>;

    /// Counts a mail against the limits of its kind, one for its recipient and one for its user. Returns `false`, and counts
    /// nothing, if one is exhausted. The limits hold on all nodes.
    async fn count(&mut self, mail: &SendMail) -> Result<bool, Unavailable>;

    /// Adds a mail. MUST change nothing if the mail exists, or its user was erased, also if a concurrent transaction erases
    /// the user. Returns whether it was added.
    async fn add(&mut self, mail: &NewMail) -> Result<bool, Unavailable>;

    /// Loads the delivery of a mail in order to change it. MUST lock it until the transaction ends. `None` if the mail was
    /// erased.
    async fn load(&mut self, id: MailId) -> Result<Option<Delivery>, Unavailable>;

    /// Stores a loaded delivery, and what is kept of the mail.
    async fn save(&mut self, id: MailId, delivery: &Delivery, kept: Kept) -> Result<(), Unavailable>;

    /// The content of a failed mail; `None` if it is no longer kept.
    async fn content(&mut self, id: MailId) -> Result<Option<SendMail>, Unavailable>;

    /// Deletes all mails to the addresses of a user, and returns their ids. From then on [`add`](Self::add) MUST leave out
    /// mails to the user.
    async fn erase(&mut self, user: UserId) -> Result<Vec<MailId>, Unavailable>;
}

impl Port for dyn Mails {
    const CONTEXT: &'static str = "mail";
    type Tools = dyn Mailer;
}

/// A mail and how its delivery begins.
#[derive(Debug, Clone)]
pub struct NewMail {
    pub mail: SendMail,
    pub created_at: Timestamp,
    pub delivery: Delivery,
}

/// What is kept of a mail beside its delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// Nothing: the message that delivers it has the content.
    Nothing,
    /// The content of a failed mail, to send it again.
    Content(Box<SendMail>),
    /// The text of a mail in the mailbox.
    Rendered(Rendered),
}

/// A mail as its recipient reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// How an attempt to deliver a mail ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The server has taken the mail.
    Sent(ServerAnswer),
    /// The mail is in the mailbox of this installation, which sends none.
    InMailbox(Rendered),
    /// The server has refused it for good.
    Refused(ServerAnswer),
    /// It may succeed later.
    Deferred(ServerAnswer),
}

/// Renders mails and hands them to a mail server. It needs no store, and no transaction is open while it runs.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Whether this installation sends mail. If not, mails are dropped.
    fn is_on(&self) -> bool;

    /// Attempts to deliver a mail once, within a minute or two. MUST give every attempt of one mail the same `Message-ID`.
    ///
    /// # Errors
    /// A key that this process does not know is `Unavailable`: while keys change, another worker has it.
    async fn deliver(&self, mail: &SendMail) -> Result<Attempt, FollowUpFailure>;
}
