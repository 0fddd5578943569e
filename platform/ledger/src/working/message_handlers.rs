//! The message handlers of a context. The types of its port, adapter and tools are erased here.

use persistence::Tx;
use std::sync::Arc;
use use_case::{
    Boxed, CommandFailure, HandlerContext, HandlerRegistry, Lane, MessageMeta, Outbox, Port, PrepareContext,
    PreparedMessage,
};

/// The adapter of a port over a transaction. It takes the transaction, lends the port, and gives the transaction
/// back.
pub trait Adapter<P: ?Sized>: Into<Tx> + Send + 'static {
    /// Lends the port.
    fn port(&mut self) -> &mut P;
}

/// All message handlers of one context.
pub trait MessageHandlers: Send + Sync {
    /// The context's name, which is the first part of the names of its messages.
    fn name(&self) -> &'static str;

    /// The names of the messages that the context handles, with their lanes.
    fn messages(&self) -> Vec<(&'static str, Lane)>;

    /// Decodes and prepares a message. Returns `None` when the context does not handle this name.
    fn prepare<'a>(&'a self, name: &str, payload: &'a str, origin: &'a MessageMeta) -> Option<HandlerFuture<'a>>;
}

/// The future that prepares a message.
pub type HandlerFuture<'a> = Boxed<'a, Result<Box<dyn TransactionalHandler>, CommandFailure>>;

/// A prepared message. It can be handled several times, each time in a new transaction.
pub trait TransactionalHandler: Send + Sync {
    /// Handles the message and returns the transaction, which the caller commits. On failure the transaction is
    /// rolled back.
    fn handle<'a>(
        &'a self,
        tx: Tx,
        origin: &'a MessageMeta,
        outbox: &'a mut Outbox,
    ) -> Boxed<'a, Result<Tx, CommandFailure>>;
}

/// Builds the message handlers of a context from its use cases, the adapter `A` of its port and its tools.
pub fn handlers<P: Port + ?Sized, A: Adapter<P> + From<Tx>>(
    name: &'static str,
    handlers: HandlerRegistry<P>,
    tools: Arc<P::Tools>,
) -> Arc<dyn MessageHandlers> {
    handlers_with(name, handlers, tools, A::from)
}

/// Like [`handlers`], for an adapter that needs more than a transaction.
pub fn handlers_with<P: Port + ?Sized, A: Adapter<P>>(
    name: &'static str,
    handlers: HandlerRegistry<P>,
    tools: Arc<P::Tools>,
    adapter: impl Fn(Tx) -> A + Send + Sync + 'static,
) -> Arc<dyn MessageHandlers> {
    Arc::new(ContextHandlers { name, handlers, tools, adapter: Arc::new(adapter) })
}

struct ContextHandlers<P: Port + ?Sized, A> {
    name: &'static str,
    handlers: HandlerRegistry<P>,
    tools: Arc<P::Tools>,
    adapter: Arc<dyn Fn(Tx) -> A + Send + Sync>,
}

impl<P: Port + ?Sized, A: Adapter<P>> MessageHandlers for ContextHandlers<P, A> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn messages(&self) -> Vec<(&'static str, Lane)> {
        self.handlers.names().collect()
    }

    fn prepare<'a>(&'a self, name: &str, payload: &'a str, origin: &'a MessageMeta) -> Option<HandlerFuture<'a>> {
        let preparing = self.handlers.prepare(name, payload, PrepareContext { tools: &self.tools, message: origin })?;
        let adapter = Arc::clone(&self.adapter);
        Some(Box::pin(async move {
            Ok(Box::new(ErasedHandler(preparing.await?, adapter)) as Box<dyn TransactionalHandler>)
        }))
    }
}

struct ErasedHandler<P: Port + ?Sized, A>(Box<dyn PreparedMessage<P>>, Arc<dyn Fn(Tx) -> A + Send + Sync>);

impl<P: Port + ?Sized, A: Adapter<P>> TransactionalHandler for ErasedHandler<P, A> {
    fn handle<'a>(
        &'a self,
        tx: Tx,
        origin: &'a MessageMeta,
        outbox: &'a mut Outbox,
    ) -> Boxed<'a, Result<Tx, CommandFailure>> {
        Box::pin(async move {
            let mut adapter = (self.1)(tx);
            self.0.handle(HandlerContext::new(adapter.port(), origin, outbox)).await?;
            Ok(adapter.into())
        })
    }
}
