use crate::{CommandFailure, Handle, HandlerContext, Lane, Message, Port, Prepare, PrepareContext};
use std::{collections::BTreeMap, marker::PhantomData, pin::Pin};

/// A boxed future.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A prepared message. After a deadlock it can be handled again without another preparation.
pub trait PreparedMessage<P: Port + ?Sized>: Send + Sync {
    /// Handles a clone of the message.
    fn handle<'a>(&self, ctx: HandlerContext<'a, P>) -> Boxed<'a, Result<(), CommandFailure>>;
}

struct ErasedMessage<H, F>(H, PhantomData<fn() -> F>);

impl<P: Port + ?Sized, F: Into<CommandFailure> + 'static, H: Handle<P, F>> PreparedMessage<P> for ErasedMessage<H, F> {
    fn handle<'a>(&self, ctx: HandlerContext<'a, P>) -> Boxed<'a, Result<(), CommandFailure>> {
        let this = self.0.clone();
        Box::pin(async move { this.handle(ctx).await.map_err(Into::into) })
    }
}

/// The future that decodes and prepares a message.
pub type PrepareFuture<'a, P> = Boxed<'a, Result<Box<dyn PreparedMessage<P>>, CommandFailure>>;

type PrepareFn<P> = for<'a> fn(&'a str, PrepareContext<'a, P>) -> PrepareFuture<'a, P>;

/// A message that a context handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandledMessage {
    /// The wire name.
    pub name: &'static str,
    pub lane: Lane,
    /// Whether the context subscribes to it.
    pub is_event: bool,
    /// Of a follow-up or an event: whether the command that has caused it waits for the handler.
    pub awaited: bool,
}

/// The handlers of one context, by wire name. The registry is the only place that erases the types of messages.
pub struct HandlerRegistry<P: Port + ?Sized>(BTreeMap<&'static str, (HandledMessage, PrepareFn<P>)>);

impl<P: Port + ?Sized> Default for HandlerRegistry<P> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<P: Port + ?Sized> HandlerRegistry<P> {
    /// Registers a message with its handler.
    ///
    /// # Panics
    /// When two messages have one wire name. This happens at the start of the process.
    #[must_use]
    pub fn on<M: Prepare<P>>(mut self) -> Self
    where
        <M as Message>::Failure: 'static,
    {
        let handled =
            HandledMessage { name: M::NAME, lane: M::LANE, is_event: M::IS_EVENT, awaited: <M as Prepare<P>>::AWAITED };
        let earlier = self.0.insert(M::NAME, (handled, prepare::<P, M>));
        assert!(earlier.is_none(), "two use cases have the name {}", M::NAME);
        self
    }

    /// All registered messages, by wire name.
    #[must_use]
    pub fn messages(&self) -> Vec<HandledMessage> {
        self.0.values().map(|(handled, _)| *handled).collect()
    }

    /// Decodes and prepares a message; `None` if no handler is registered for the name.
    pub fn prepare<'a>(
        &self,
        name: &str,
        payload: &'a str,
        ctx: PrepareContext<'a, P>,
    ) -> Option<PrepareFuture<'a, P>> {
        self.0.get(name).map(|(_, prepare)| prepare(payload, ctx))
    }
}

fn prepare<'a, P: Port + ?Sized, M: Prepare<P>>(payload: &'a str, ctx: PrepareContext<'a, P>) -> PrepareFuture<'a, P>
where
    <M as Message>::Failure: 'static,
{
    Box::pin(async move {
        // Drop the error: serde's messages quote the input.
        let message: M = serde_json::from_str(payload).map_err(|_| CommandFailure::Broken("undecodable".into()))?;
        let ready = message.prepare(ctx).await.map_err(Into::into)?;
        Ok(Box::new(ErasedMessage(ready, PhantomData)) as Box<dyn PreparedMessage<P>>)
    })
}
