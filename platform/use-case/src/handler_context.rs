use crate::{FollowUpFailure, Message, Port};
use kernel::{MessageId, Timestamp};
use std::time::Duration;
use uuid::Uuid;

/// The services of a handler: its context's store, and the outbox to other contexts. All changes take effect in one
/// transaction, or not at all.
pub struct HandlerContext<'a, P: Port + ?Sized> {
    pub store: &'a mut P,
    pub message: &'a MessageMeta,
    pub(crate) outbox: &'a mut Outbox,
}

impl<'a, P: Port + ?Sized> HandlerContext<'a, P> {
    /// Creates a context. Only the dispatcher, which owns the transaction, calls this.
    pub fn new(store: &'a mut P, message: &'a MessageMeta, outbox: &'a mut Outbox) -> Self {
        Self { store, message, outbox }
    }

    /// Sends a follow-up to one context, the first part of the follow-up's wire name.
    pub fn send<M: Message<Failure = FollowUpFailure>>(&mut self, message: &M) {
        const { assert!(!M::IS_EVENT, "publish an event: only a follow-up is sent to one context") };
        self.outbox.messages.push(Outgoing::new_message(message));
    }

    /// Publishes an event to every context that has subscribed to it.
    pub fn publish<M: Message<Failure = FollowUpFailure>>(&mut self, event: &M) {
        const { assert!(M::IS_EVENT, "send a follow-up: only an event is published to all subscribers") };
        self.outbox.messages.push(Outgoing::new_message(event));
    }

    /// Erases what the ledger still holds about a [subject](Message::subject): messages that are not finished, or have
    /// failed, are discarded with their content, except those that were accepted after the command.
    pub fn erase_subject(&mut self, subject: Uuid) {
        self.outbox.erased.push(subject);
    }

    /// Ends this step of a long message: what the handler has changed is committed, and a worker handles the message
    /// once more, after others that wait. The command is not finished until a step does not call this. A step MUST store
    /// how far it has come, or the next one does the same again.
    pub fn continue_later(&mut self) {
        self.continue_after(Duration::ZERO);
    }

    /// As [`continue_later`](Self::continue_later), but not before this time has passed, at most 30 minutes. For work that something outside
    /// has put off, such as a mail server: the handler decides when, and how often.
    pub fn continue_after(&mut self, pause: Duration) {
        self.outbox.continues = Some(pause);
    }
}

/// The services of [`Prepare`](crate::Prepare): the context's tools, but no store.
pub struct PrepareContext<'a, P: Port + ?Sized> {
    pub tools: &'a P::Tools,
    pub message: &'a MessageMeta,
}

/// The ids and the time of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageMeta {
    pub id: MessageId,
    /// The id of the command that caused this message; the same as `id` for the command itself.
    pub root: MessageId,
    /// When the message was accepted, by the database's clock. Handlers use this time as "now", so that a retry writes
    /// the same data as the first attempt.
    pub accepted_at: Timestamp,
}

/// What a handler asks of the ledger.
#[derive(Debug, Default)]
pub struct Outbox {
    /// The messages that the handler has sent and published so far, in order.
    messages: Vec<Outgoing>,
    /// See [`HandlerContext::erase_subject`].
    erased: Vec<Uuid>,
    /// See [`HandlerContext::continue_after`].
    continues: Option<Duration>,
}

impl Outbox {
    /// The subjects that the handler has passed to [`HandlerContext::erase_subject`].
    #[must_use]
    pub fn erased(&self) -> &[Uuid] {
        &self.erased
    }

    /// The pause before the next step, if the handler has called [`HandlerContext::continue_after`].
    #[must_use]
    pub const fn continues(&self) -> Option<Duration> {
        self.continues
    }
}

impl IntoIterator for Outbox {
    type Item = Outgoing;
    type IntoIter = std::vec::IntoIter<Outgoing>;
    fn into_iter(self) -> Self::IntoIter {
        self.messages.into_iter()
    }
}

/// A message in its wire form.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The wire name.
    pub name: &'static str,
    /// The [subject](Message::subject) of the message.
    pub subject: Uuid,
    /// The message as JSON, or the error of the serialisation, which makes the transaction fail.
    pub payload: Result<String, String>,
    /// Whether the message is published to all subscribers. If not, it is sent to one context.
    pub is_event: bool,
}

impl Outgoing {
    /// Serialises a message into its wire form.
    pub fn new_message<M: Message>(message: &M) -> Self {
        let payload = serde_json::to_string(message).map_err(|error| error.to_string());
        Self { name: M::NAME, subject: message.subject(), payload, is_event: M::IS_EVENT }
    }
}
