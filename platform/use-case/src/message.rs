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

    /// Whether the message is an event: published to every context that has a handler for it. All other messages go to
    /// the context that begins their name.
    const IS_EVENT: bool = false;

    /// The failures of the message's handler: [`CommandFailure`] for a command, which may be rejected, since a client
    /// waits for its outcome. [`FollowUpFailure`](crate::FollowUpFailure) for follow-ups and events: the commit that
    /// sent them has promised them, so they cannot be rejected.
    type Failure: Into<CommandFailure> + Send;

    /// The id of the entity that the message is about, such as a user. Within a context, messages with one subject are
    /// handled one at a time, in the order in which they were accepted.
    fn subject(&self) -> Uuid;
}

/// Declares a command, which a client sends and which may be rejected: its wire name, and the field with the id of the
/// entity that it is about.
///
/// `use_case::command!(RenameUser, "users.rename_user.v1", about: id);`
#[macro_export]
macro_rules! command {
    ($message:ty, $name:literal, about: $subject:ident) => {
        $crate::message!($message, $name, $subject, false, $crate::CommandFailure);
    };
}

/// Declares a follow-up, which one context sends to another and which cannot be rejected.
///
/// `use_case::follow_up!(SetCredential, "auth.set_credential.v1", about: user_id);`
#[macro_export]
macro_rules! follow_up {
    ($message:ty, $name:literal, about: $subject:ident) => {
        $crate::message!($message, $name, $subject, false, $crate::FollowUpFailure);
    };
}

/// Declares an event, which a context publishes to all contexts that have a handler for it.
///
/// `use_case::event!(UserRegistered, "users.user_registered.v1", about: user_id);`
#[macro_export]
macro_rules! event {
    ($message:ty, $name:literal, about: $subject:ident) => {
        $crate::message!($message, $name, $subject, true, $crate::FollowUpFailure);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! message {
    ($message:ty, $name:literal, $subject:ident, $is_event:literal, $failure:ty) => {
        const _: () = assert!($crate::is_wire_name($name), "a wire name is `context.verb_noun.v1`");

        impl $crate::Message for $message {
            const NAME: &'static str = $name;
            const IS_EVENT: bool = $is_event;
            type Failure = $failure;
            fn subject(&self) -> $crate::Uuid {
                self.$subject.as_uuid()
            }
        }
    };
}

/// Whether a text has the form of a wire name: `context.verb_noun.v1`.
#[must_use]
pub const fn is_wire_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let (mut dots, mut length, mut index) = (0, 0, 0);
    while index < bytes.len() {
        let byte = bytes[index];
        let is_expected = match dots {
            2 if length == 0 => byte == b'v',
            2 => byte.is_ascii_digit(),
            _ => byte.is_ascii_lowercase() || byte == b'_' || byte == b'.' && length > 0,
        };
        if !is_expected {
            return false;
        }
        (dots, length) = if byte == b'.' { (dots + 1, 0) } else { (dots, length + 1) };
        index += 1;
    }
    dots == 2 && length > 1
}

/// Whether a context handles messages of this name if they are no events: the name begins with the context.
#[must_use]
pub const fn is_addressed_to(context: &str, name: &str) -> bool {
    let (context, name) = (context.as_bytes(), name.as_bytes());
    if name.len() <= context.len() || name[context.len()] != b'.' {
        return false;
    }
    let mut index = 0;
    while index < context.len() {
        if context[index] != name[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// A context's port to its store, which the handlers use.
pub trait Port: Send + 'static {
    /// The name of the context, with which the names of its messages begin.
    const CONTEXT: &'static str;

    /// The tools of the slow work before the transaction, such as hashing and mail. The store is not among them.
    type Tools: ?Sized + Send + Sync;
}

/// A lane of a context. Each context has two lanes with separate workers, so that quick work never waits behind
/// thousands of password hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// For messages without preparation, some of which share a transaction.
    Fast,
    /// For messages with [`Prepare`], and for those that are handled in steps.
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
    /// Of a follow-up, or a reaction to an event: whether the command that has caused it waits for it. `false` for what
    /// the command's sender does not need: it may fail without the command.
    const AWAITED: bool = true;

    /// The lane of a message that needs no preparation. [`Lane::Slow`] for a message that
    /// [continues](HandlerContext::continue_later): others do not wait for its steps.
    const LANE: Lane = Lane::Fast;

    /// Handles the message. An error rolls back every write that was made through `ctx`.
    fn handle(self, ctx: HandlerContext<'_, P>) -> impl Future<Output = Result<(), F>> + Send;
}

/// The slow work of a message before the transaction. It turns the message into another type, which is then handled.
///
/// A message that implements [`Handle`] itself needs no `Prepare`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a use case of `{P}`",
    label = "neither `Handle` nor `Prepare` is implemented",
    note = "for a command: `impl Handle<{P}> for {Self}`; for a follow-up or an event: `impl Handle<{P}, FollowUpFailure> for {Self}`",
    note = "for slow work before the transaction: `impl Prepare<{P}> for {Self}`, and `Handle` for the prepared type"
)]
pub trait Prepare<P: Port + ?Sized>: Message {
    /// The prepared message. After a deadlock, the handler runs again on a clone, without another preparation.
    type Prepared: Handle<P, Self::Failure>;

    /// The lane of the message.
    const LANE: Lane = Lane::Slow;

    /// As [`Handle::AWAITED`].
    const AWAITED: bool = true;

    /// Does the slow work. It may run more than once for one message, so its effects MUST be idempotent.
    fn prepare(self, ctx: PrepareContext<'_, P>) -> impl Future<Output = Result<Self::Prepared, Self::Failure>> + Send;
}

#[diagnostic::do_not_recommend]
impl<P: Port + ?Sized, M: Message + Handle<P, <M as Message>::Failure>> Prepare<P> for M {
    type Prepared = M;
    const LANE: Lane = <M as Handle<P, M::Failure>>::LANE;
    const AWAITED: bool = <M as Handle<P, M::Failure>>::AWAITED;

    async fn prepare(self, _: PrepareContext<'_, P>) -> Result<M, M::Failure> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::{is_addressed_to, is_wire_name};

    #[test]
    fn wire_names_have_a_context_a_name_and_a_version() {
        for name in ["users.register_user.v1", "auth.set_credential.v12"] {
            assert!(is_wire_name(name), "{name}");
        }
        for name in ["", "users", "users.register_user", "users.register_user.1", "users.register_user.v", "users..v1"]
        {
            assert!(!is_wire_name(name), "{name}");
        }
        for name in
            ["Users.register_user.v1", "users.register user.v1", "users.register_user.v1.v2", ".a.v1", "a.b.v1x"]
        {
            assert!(!is_wire_name(name), "{name}");
        }
    }

    #[test]
    fn a_message_is_addressed_to_the_context_that_begins_its_name() {
        assert!(is_addressed_to("users", "users.register_user.v1"));
        assert!(!is_addressed_to("user", "users.register_user.v1"));
        assert!(!is_addressed_to("orders", "users.register_user.v1"));
        assert!(!is_addressed_to("users", "users"));
    }
}
