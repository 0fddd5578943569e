use crate::{CommandFailure, HandlerContext, PrepareContext};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// A message between contexts: a command, a follow-up from one context to another, or an event to all subscribers.
///
/// The serde form is a contract. A compatible addition keeps the wire name. Any other change needs a new name (`…v2`),
/// and the old form stays readable.
pub trait Message: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The wire name: `context.verb_noun.v1`, for events `context.noun_verbed.v1`.
    const NAME: &'static str;

    /// The failures of the message's handler: [`CommandFailure`] for a command, which may be rejected, since a client
    /// waits for its outcome. [`FollowUpFailure`](crate::FollowUpFailure) for follow-ups and events: the commit that
    /// sent them has promised them, so they cannot be rejected.
    type Failure: Into<CommandFailure> + Send;

    /// The id of the entity that the message is about, such as a user. Within a context, messages with one subject are
    /// handled one at a time, in the order in which they were accepted.
    fn subject(&self) -> Uuid;
}

/// A context's port to its store, which the handlers use.
pub trait Port: Send + 'static {
    /// The tools of the slow work before the transaction, such as hashing and mail. The store is not among them.
    type Tools: ?Sized + Send + Sync;
}

/// A lane of a context. Each context has two lanes with separate workers, so that quick work never waits behind
/// thousands of password hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// For messages without preparation.
    Fast,
    /// For messages with [`Prepare`].
    Slow,
}

impl Lane {
    /// Both lanes.
    pub const ALL: [Self; 2] = [Self::Fast, Self::Slow];

    /// The name of the lane in the database and in queue names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Slow => "slow",
        }
    }
}

/// The handler of a message, which runs inside the transaction. `P` is the context's port (`dyn Users`), `F` is the
/// message's [`Message::Failure`].
///
/// A handler MUST NOT use the network or work slowly: the transaction is open, and on SQLite it blocks all other
/// writers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a use case of `{P}`",
    label = "neither `Handle` nor `Prepare` is implemented",
    note = "for quick work inside the transaction: `impl Handle<{P}> for {Self}`; for follow-ups and events `impl Handle<{P}, FollowUpFailure> for {Self}`",
    note = "for slow work before the transaction: `impl Prepare<{P}> for {Self}`, and `Handle` for the prepared type"
)]
pub trait Handle<P: Port + ?Sized, F = CommandFailure>: Clone + Send + Sync + 'static {
    /// Handles the message. An error rolls back every write that was made through `ctx`.
    fn handle(self, ctx: HandlerContext<'_, P>) -> impl Future<Output = Result<(), F>> + Send;
}

/// The slow work of a message before the transaction. It turns the message into another type, which is then handled.
///
/// A message that implements [`Handle`] itself needs no `Prepare`.
pub trait Prepare<P: Port + ?Sized>: Message {
    /// The prepared message. After a deadlock, the handler runs again on a clone, without another preparation.
    type Prepared: Handle<P, Self::Failure>;

    /// The lane of the message.
    const LANE: Lane = Lane::Slow;

    /// Does the slow work. It may run more than once for one message, so its effects MUST be idempotent.
    fn prepare(self, ctx: PrepareContext<'_, P>) -> impl Future<Output = Result<Self::Prepared, Self::Failure>> + Send;
}

impl<P: Port + ?Sized, M: Message + Handle<P, <M as Message>::Failure>> Prepare<P> for M {
    type Prepared = M;
    const LANE: Lane = Lane::Fast;

    async fn prepare(self, _: PrepareContext<'_, P>) -> Result<M, M::Failure> {
        Ok(self)
    }
}
