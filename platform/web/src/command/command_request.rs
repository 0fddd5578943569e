//! The description of a command route: its types say who may send the command and what the path names.

use crate::{Administrator, AnyCaller, Bearer, Caller, Client, Fields, PathId, Person, Problem, RateLimit};
use axum::extract::FromRequestParts;
use axum::response::Response;
use kernel::MessageId;
use use_case::Message;
use utoipa::ToSchema;
use uuid::Uuid;

/// A request that becomes a command: how to read and check the request, and how to show the result.
pub trait CommandRequest: Send + Sync + 'static {
    /// The command.
    type Message: Message;
    /// The callers that may send the command: [`Caller`] or [`AnyCaller`] for all, [`Person`], or [`Administrator`].
    /// A pair with [`Client`] if the audit log needs the sender's address and request id.
    type Sender: Sender;
    /// The target in the path: `()`, or a [`PathId`] if the path contains `{id}`.
    type Path: PathTarget;
    /// The request's body in the OpenAPI document; `()` if the command [has none](Self::HAS_BODY).
    type Body: ToSchema;
    /// The body of the response after success, in the OpenAPI document.
    type Shown: ToSchema;

    /// The operation's summary in the OpenAPI document.
    const SUMMARY: &'static str;
    /// The kind of resource that the command is about, and the path below which these resources are read.
    const TARGET: (&'static str, &'static str);
    /// Whether the command has a body. If not, clients may leave it out.
    const HAS_BODY: bool = true;
    /// The wire names of the follow-ups. The ledger admits the command only if their lanes can finish in time, too.
    const FOLLOW_UPS: &'static [&'static str] = &[];
    /// The codes with which the command may be rejected, each with the JSON pointer of its field, or an empty text.
    const REJECTIONS: &'static [(&'static str, &'static str)];
    /// The action to record in the audit log when [`check`](Self::check) finds a conflict; `None` to record nothing.
    const ON_RECORD: Option<&'static str> = None;
    /// The rate limit of one address, if there is one. Malformed requests and duplicates do not count.
    const PER_ADDRESS: Option<RateLimit> = None;

    /// Reads the body. `command` is the id that the command will have.
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

    /// Rejects what a lookup can reject before the command is accepted. `given` has the fields that the client sent.
    ///
    /// # Errors
    /// 404, 409, or 503.
    fn check(&self, message: &Self::Message, given: &Fields) -> impl Future<Output = Result<(), Problem>> + Send;

    /// The response after success: the resource as its own query shows it.
    fn show(&self, subject: Uuid) -> impl Future<Output = Result<Response, Problem>> + Send;
}

/// The sender of a command. As an extractor it rejects all other callers.
pub trait Sender: FromRequestParts<()> + Send + Sync + 'static {
    /// The description of the 403 in the OpenAPI document; `None` if every caller may send the command.
    const REFUSAL: Option<&'static str>;

    /// The sender's name in the ledger, such as `user:<id>`.
    fn principal(&self) -> String;

    /// Authenticates the request's token again, at this moment.
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
    const REFUSAL: Option<&'static str> = Some("Service keys have no user.");
    fn principal(&self) -> String {
        Caller::Person(*self).principal()
    }
    async fn authenticate_again(bearer: &Bearer) -> Result<Self, Problem> {
        bearer.sender().await
    }
}

impl Sender for Administrator {
    const REFUSAL: Option<&'static str> = Some("The caller is not an administrator.");
    fn principal(&self) -> String {
        self.0.principal()
    }
    async fn authenticate_again(bearer: &Bearer) -> Result<Self, Problem> {
        bearer.sender().await
    }
}

/// A sender with the origin of the request, for commands that the audit log records.
impl<S: Sender> Sender for (S, Client) {
    const REFUSAL: Option<&'static str> = S::REFUSAL;
    fn principal(&self) -> String {
        self.0.principal()
    }
    async fn authenticate_again(bearer: &Bearer) -> Result<Self, Problem> {
        Ok((S::authenticate_again(bearer).await?, bearer.sender().await?))
    }
}

/// The target in a command's path. A command with a target changes a resource; one without creates a resource.
pub trait PathTarget: FromRequestParts<()> + Copy + Send + Sync + 'static {
    /// Whether the path names a resource.
    const NAMES: bool;

    /// The id of the resource, if the path names one.
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
