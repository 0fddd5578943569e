use crate::{CommandFailure, HandlerContext, PrepareContext};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

/// What travels: a command to a context, a follow-up that one context sends another, or an event
/// to whoever subscribed.
///
/// Its serde form is a contract. A compatible addition keeps the name; any other change is a new
/// name (`…v2`), and the old one stays readable.
pub trait Message: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The wire name: `context.verb_noun.v1`, for events `context.noun_verbed.v1`.
    const NAME: &'static str;

    /// How it may end other than well. [`CommandFailure`] for a command, which somebody waits for and
    /// which may therefore be rejected; [`FollowUpFailure`](crate::FollowUpFailure) for follow-ups and events, which come after
    /// the commit that promised them and have no way to say no.
    type Failure: Into<CommandFailure> + Send;

    /// What it is about. Within a context, messages about one subject take effect one at a time,
    /// in the order in which they were accepted.
    fn subject(&self) -> Uuid;
}

/// A context's port: what its handlers may touch.
pub trait Port: Send + 'static {
    /// What slow work may touch before the transaction begins: hashing, mail. Not the store.
    type Tools: ?Sized + Send + Sync;
}

/// Each context works in two lanes, with slots of their own, so that quick work never waits behind
/// ten thousand hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// Handled at once.
    Fast,
    /// Prepared first.
    Slow,
}

impl Lane {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Fast, Self::Slow];

    /// As stored, and as part of a queue's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Slow => "slow",
        }
    }
}

/// What a message does, inside the transaction. `P` is the context's port (`dyn Users`), `F` is
/// the message's [`Message::Failure`].
///
/// No network and no slow work here: the transaction is open, and on SQLite nobody else can write.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no use case of `{P}`",
    label = "neither handled nor prepared",
    note = "quick work, inside the transaction: `impl Handle<{P}> for {Self}`; for follow-ups and events `impl Handle<{P}, FollowUpFailure> for {Self}`",
    note = "slow work before the transaction: `impl Prepare<{P}> for {Self}`, and `Handle` for what comes of it"
)]
pub trait Handle<P: Port + ?Sized, F = CommandFailure>: Clone + Send + Sync + 'static {
    /// Does it. Returning an error undoes every write made through `ctx`.
    fn handle(self, ctx: HandlerContext<'_, P>) -> impl Future<Output = Result<(), F>> + Send;
}

/// Slow work before the transaction, for the messages that need it: the message becomes another
/// type, and that type is handled.
///
/// A message that handles itself is ready as it is and needs no `Prepare`.
pub trait Prepare<P: Port + ?Sized>: Message {
    /// What comes of it. After a deadlock the handler runs again on a clone, and nothing is prepared twice.
    type Prepared: Handle<P, Self::Failure>;

    /// Where it works.
    const LANE: Lane = Lane::Slow;

    /// Does the slow work. It may run more than once for one message: its effects must bear that.
    fn prepare(self, ctx: PrepareContext<'_, P>) -> impl Future<Output = Result<Self::Prepared, Self::Failure>> + Send;
}

impl<P: Port + ?Sized, M: Message + Handle<P, <M as Message>::Failure>> Prepare<P> for M {
    type Prepared = M;
    const LANE: Lane = Lane::Fast;

    async fn prepare(self, _: PrepareContext<'_, P>) -> Result<M, M::Failure> {
        Ok(self)
    }
}
