//! The description of a command route: its types say who may send the command and what the path names.

use crate::command::sender::Sender;
use crate::command::view::View;
use crate::{Fields, IfMatch, PathId, Problem, RateLimit, RequestBody};
use axum::extract::FromRequestParts;
use kernel::{DomainError, MessageId};
use use_case::Message;
use uuid::Uuid;

/// A request that becomes a command: how to read and check it.
pub trait CommandRequest: Send + Sync + Sized + 'static {
    /// The command.
    type Message: Message;
    /// The callers that may send the command. [`WithClient`](crate::WithClient) if the audit log needs the sender's
    /// address and request id.
    type Sender: Sender;
    /// The target in the path: `()`, or a [`PathId`] if the path contains `{id}`.
    type Path: PathTarget;
    /// The request's body, or `()` if the command has no fields. Clients may then leave the body out.
    type Body: RequestBody;
    /// What the command is about, as the response after success shows it. A command that [`REMOVES`](Self::REMOVES) its
    /// target, or that [shows itself](Self::SHOWS_COMMAND), uses only the view's [`RESOURCE`](View::RESOURCE).
    type View: View;

    /// The operation's summary in the OpenAPI document.
    const SUMMARY: &'static str;
    /// The wire names of the follow-ups. The ledger admits the command only if their lanes can finish in time, too.
    const FOLLOW_UPS: &'static [&'static str] = &[];
    /// The reasons for which the command may be rejected, each with the JSON pointer of its field, or an empty text.
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] = &[];
    /// The action to record in the audit log when [`check`](Self::check) finds a conflict; `None` to record nothing.
    const ON_RECORD: Option<&'static str> = None;
    /// The rate limit of one address, if there is one. Malformed requests and duplicates do not count.
    const PER_ADDRESS: Option<RateLimit> = None;
    /// Whether [`check`](Self::check) may ask the sender to prove once more who they are (401 `step_up_required`).
    const STEP_UP: bool = false;
    /// Whether the command removes its target. The response after success is then 204, without a body.
    const REMOVES: bool = false;
    /// Whether [`check`](Self::check) or [`look_up`](Self::look_up) counts wrong secrets, and answers 429 when there are
    /// too many.
    const LIMITS_GUESSES: bool = false;
    /// Whether the request waits for the outcome although the client has not asked to.
    const WAITS: bool = false;
    /// Whether the answer after success is the command, with 200, in place of a resource: it says only that the command
    /// has succeeded.
    const SHOWS_COMMAND: bool = false;
    /// The description of the 403 that [`read`](Self::read) returns; `None` if it returns none.
    const FORBIDS: Option<&'static str> = None;

    /// Looks up what [`read`](Self::read) needs of the database, and keeps it. MUST change nothing.
    ///
    /// # Errors
    /// 422, 429 or 503.
    fn look_up(
        &mut self,
        sender: &Self::Sender,
        body: &Self::Body,
    ) -> impl Future<Output = Result<(), Problem>> + Send {
        _ = (sender, body);
        async { Ok(()) }
    }

    /// Makes the command from the request.
    ///
    /// # Errors
    /// 422 with every violation, 403 or 503.
    fn read(&self, input: Input<'_, Self>) -> Result<Self::Message, Problem>;

    /// Rejects what a lookup can reject before the command is accepted. `given` has the fields that the client sent.
    ///
    /// # Errors
    /// 404, 409, 412, 422, 429 or 503.
    fn check(
        &self,
        message: &Self::Message,
        sender: &Self::Sender,
        given: &Fields,
    ) -> impl Future<Output = Result<(), Problem>> + Send {
        _ = (message, sender, given);
        async { Ok(()) }
    }

    /// The problem for a rejection with this code that is no conflict; `None` for a conflict (409).
    fn rejection(&self, code: &str) -> Option<Problem> {
        _ = code;
        None
    }
}

/// A request, for [`CommandRequest::read`].
pub struct Input<'a, R: CommandRequest> {
    pub sender: &'a R::Sender,
    /// The target in the path.
    pub path: R::Path,
    /// The fields of the body, each `None` if it is absent or was rejected.
    pub body: R::Body,
    /// The reader of the body, which collects violations. [`finish`](Self::finish) ends it.
    pub fields: &'a mut Fields,
    /// The id that the command will have.
    pub command: MessageId,
}

impl<R: CommandRequest> Input<'_, R> {
    /// Ends the reading. `whole` is what the command needs of the body, or `None` if a field is missing.
    ///
    /// # Errors
    /// 422 with every violation.
    pub fn finish<T>(self, whole: Option<T>) -> Result<T, Problem> {
        self.fields.finish(whole)
    }
}

/// A rejection by another context, whose domain the context of the request does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ForeignRejection(pub &'static str);

impl DomainError for ForeignRejection {
    fn code(&self) -> &'static str {
        self.0
    }
}

/// The target in a command's path. A command with a target changes a resource; one without creates a resource.
pub trait PathTarget: FromRequestParts<()> + Clone + Send + Sync + 'static {
    /// Whether the path names a resource.
    const NAMES: bool;
    /// Whether the client may name the version that it knows, by `If-Match`.
    const IS_CONDITIONAL: bool = false;

    /// The id of the resource, if the path names one.
    fn id(&self) -> Option<Uuid>;
}

impl PathTarget for () {
    const NAMES: bool = false;
    fn id(&self) -> Option<Uuid> {
        None
    }
}

impl PathTarget for PathId {
    const NAMES: bool = true;
    fn id(&self) -> Option<Uuid> {
        Some(self.0)
    }
}

impl PathTarget for (PathId, IfMatch) {
    const NAMES: bool = true;
    const IS_CONDITIONAL: bool = true;
    fn id(&self) -> Option<Uuid> {
        Some(self.0.0)
    }
}
