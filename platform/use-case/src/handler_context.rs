use crate::{FollowUpFailure, Message, Port};
use kernel::{MessageId, Timestamp};
use uuid::Uuid;

/// What a handler may touch: its context's store, and the way out to other contexts. Everything
/// it does takes effect in one transaction, or not at all.
pub struct HandlerContext<'a, P: Port + ?Sized> {
    /// The context's port.
    pub store: &'a mut P,
    /// The message that is handled.
    pub message: &'a MessageMeta,
    /// Where follow-ups go.
    pub(crate) outbox: &'a mut Outbox,
}

impl<'a, P: Port + ?Sized> HandlerContext<'a, P> {
    /// For the dispatcher, which owns the transaction.
    pub fn new(store: &'a mut P, message: &'a MessageMeta, outbox: &'a mut Outbox) -> Self {
        Self { store, message, outbox }
    }

    /// Sends a follow-up to the one context that its name begins with.
    pub fn send<M: Message<Failure = FollowUpFailure>>(&mut self, message: &M) {
        self.outbox.0.push(Outgoing::new_message(message, false));
    }

    /// Publishes an event to every context that subscribed to it.
    pub fn publish<M: Message<Failure = FollowUpFailure>>(&mut self, event: &M) {
        self.outbox.0.push(Outgoing::new_message(event, true));
    }
}

/// What [`Prepare`](crate::Prepare) may touch: tools, and no store.
pub struct PrepareContext<'a, P: Port + ?Sized> {
    /// The context's tools.
    pub tools: &'a P::Tools,
    /// The message that is prepared.
    pub message: &'a MessageMeta,
}

/// Where a message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageMeta {
    /// Its own id.
    pub id: MessageId,
    /// The command that set it in motion; its own id if it is that command.
    pub root: MessageId,
    /// When it was accepted, by the database's clock. Handlers take this for "now": a retry then
    /// writes what the first try would have written.
    pub accepted_at: Timestamp,
}

/// What a handler has sent and published so far, in order.
#[derive(Debug, Default)]
pub struct Outbox(Vec<Outgoing>);

impl IntoIterator for Outbox {
    type Item = Outgoing;
    type IntoIter = std::vec::IntoIter<Outgoing>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A message in its wire form.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Its wire name.
    pub name: &'static str,
    /// What it is about.
    pub subject: Uuid,
    /// Its JSON, or why it has none; the transaction that it stands in then fails.
    pub payload: Result<String, String>,
    /// Published to subscribers, rather than sent to one context.
    pub is_event: bool,
}

impl Outgoing {
    /// The wire form of a message.
    pub fn new_message<M: Message>(message: &M, is_event: bool) -> Self {
        let payload = serde_json::to_string(message).map_err(|error| error.to_string());
        Self { name: M::NAME, subject: message.subject(), payload, is_event }
    }
}
