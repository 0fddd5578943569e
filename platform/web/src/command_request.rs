//! What a route that takes a command says of itself: in its types, who may send it and what its path names.

use crate::{Administrator, AnyCaller, Bearer, Caller, Client, Fields, PathId, Person, Problem, RateLimit};
use axum::extract::FromRequestParts;
use axum::response::Response;
use kernel::MessageId;
use use_case::Message;
use utoipa::ToSchema;
use uuid::Uuid;

/// A request that becomes a command: how it is read, and what is shown when it has succeeded.
pub trait CommandRequest: Send + Sync + 'static {
    /// The command.
    type Message: Message;
    /// Who may send it: [`Caller`] or [`AnyCaller`] for everybody, [`Person`] or [`Administrator`]; a pair with [`Client`] if the
    /// record is to say from where.
    type Sender: Sender;
    /// What the path names: `()`, or a [`PathId`] where it holds `{id}`.
    type Path: PathTarget;
    /// The body, for the OpenAPI document; `()` when it [has none](Self::HAS_BODY).
    type Body: ToSchema;
    /// What is shown when it has succeeded, for the OpenAPI document.
    type Shown: ToSchema;

    /// The operation in a few words, for the OpenAPI document.
    const SUMMARY: &'static str;
    /// What kind of thing it is about, and the path below which such things are read.
    const TARGET: (&'static str, &'static str);
    /// Whether there is anything to say in a body. If not, it may be left out.
    const HAS_BODY: bool = true;
    /// The messages that it sets in motion: it is admitted only if their lanes can do it in time, too.
    const FOLLOW_UPS: &'static [&'static str] = &[];
    /// The codes with which it may be refused or rejected, and the field that each is about; empty for none of them.
    const REJECTIONS: &'static [(&'static str, &'static str)];
    /// The action under which the audit record keeps that [`check`](Self::check) found a conflict, if it should.
    const ON_RECORD: Option<&'static str> = None;
    /// How many of these one address may send, if that is limited. A request that is malformed, or
    /// the same again, does not count.
    const PER_ADDRESS: Option<RateLimit> = None;

    /// Reads the body. `command` is the id that it will have.
    ///
    /// # Errors
    /// 422 with every violation.
    fn read(
        &self,
        sender: &Self::Sender,
        place: Self::Path,
        fields: &mut Fields,
        command: MessageId,
    ) -> Result<Self::Message, Problem>;

    /// What can be refused by looking, before anything is promised. `given` tells what the client chose itself.
    ///
    /// # Errors
    /// 404, 409, or 503.
    fn check(&self, message: &Self::Message, given: &Fields) -> impl Future<Output = Result<(), Problem>> + Send;

    /// The thing as it is after success, as its own query shows it.
    fn show(&self, subject: Uuid) -> impl Future<Output = Result<Response, Problem>> + Send;
}

/// Who sends a command. As an extractor it refuses everybody else.
pub trait Sender: FromRequestParts<()> + Send + Sync + 'static {
    /// Why somebody who is known may be refused; none when everybody may send it.
    const REFUSAL: Option<&'static str>;

    /// As the ledger keeps it.
    fn principal(&self) -> String;

    /// Who sends it, now.
    ///
    /// # Errors
    /// As the extractor.
    fn authenticate_again(bearer: &Bearer) -> impl Future<Output = Result<Self, Problem>> + Send;
}

impl Sender for Caller {
    const REFUSAL: Option<&'static str> = None;
    fn principal(&self) -> String {
        Self::principal(self)
    }
    async fn authenticate_again(bearer: &Bearer) -> Result<Self, Problem> {
        bearer.sender().await
    }
}

impl Sender for AnyCaller {
    const REFUSAL: Option<&'static str> = None;
    fn principal(&self) -> String {
        self.0.principal()
    }
    async fn authenticate_again(bearer: &Bearer) -> Result<Self, Problem> {
        bearer.sender().await
    }
}

impl Sender for Person {
    const REFUSAL: Option<&'static str> = Some("Another service is nobody.");
    fn principal(&self) -> String {
        Caller::Person(*self).principal()
    }
    async fn authenticate_again(bearer: &Bearer) -> Result<Self, Problem> {
        bearer.sender().await
    }
}

impl Sender for Administrator {
    const REFUSAL: Option<&'static str> = Some("You are no administrator.");
    fn principal(&self) -> String {
        self.0.principal()
    }
    async fn authenticate_again(bearer: &Bearer) -> Result<Self, Problem> {
        bearer.sender().await
    }
}

/// For a command whose record says from where it came.
impl<S: Sender> Sender for (S, Client) {
    const REFUSAL: Option<&'static str> = S::REFUSAL;
    fn principal(&self) -> String {
        self.0.principal()
    }
    async fn authenticate_again(bearer: &Bearer) -> Result<Self, Problem> {
        Ok((S::authenticate_again(bearer).await?, bearer.sender().await?))
    }
}

/// What the path of a command names. A command that names something changes it; any other makes something new.
pub trait PathTarget: FromRequestParts<()> + Copy + Send + Sync + 'static {
    /// Whether it names anything.
    const NAMES: bool;

    /// Its id.
    fn id(self) -> Option<Uuid>;
}

impl PathTarget for () {
    const NAMES: bool = false;
    fn id(self) -> Option<Uuid> {
        None
    }
}

impl PathTarget for PathId {
    const NAMES: bool = true;
    fn id(self) -> Option<Uuid> {
        Some(self.0)
    }
}
