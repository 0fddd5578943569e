//! A context as the dispatcher sees it: port, adapter and tools are erased here, once.

use persistence::Tx;
use std::sync::Arc;
use use_case::{
    Boxed, CommandFailure, HandlerContext, HandlerRegistry, Lane, MessageMeta, Outbox, Port, PrepareContext,
    PreparedMessage,
};

/// The adapter of a port over a transaction: takes the transaction over, hands the port out, gives the transaction back.
pub trait Adapter<P: ?Sized>: Into<Tx> + Send + 'static {
    /// The port.
    fn port(&mut self) -> &mut P;
}

/// A context, ready to be dispatched to.
pub trait MessageHandlers: Send + Sync {
    /// Its name, the first part of the names of its messages.
    fn name(&self) -> &'static str;

    /// The messages it handles, with their lanes.
    fn messages(&self) -> Vec<(&'static str, Lane)>;

    /// Decodes and prepares a message. `None` when it does not handle that name.
    fn prepare<'a>(&'a self, name: &str, payload: &'a str, origin: &'a MessageMeta) -> Option<HandlerFuture<'a>>;
}

/// A message that is being prepared.
pub type HandlerFuture<'a> = Boxed<'a, Result<Box<dyn TransactionalHandler>, CommandFailure>>;

/// A message that can be handled, again and again, in a transaction each time.
pub trait TransactionalHandler: Send + Sync {
    /// Handles it and gives the transaction back, to be committed; after a failure it is gone, rolled back.
    fn handle<'a>(
        &'a self,
        tx: Tx,
        origin: &'a MessageMeta,
        outbox: &'a mut Outbox,
    ) -> Boxed<'a, Result<Tx, CommandFailure>>;
}

/// Wires a context: its use cases, the adapter `A` of its port, its tools.
pub fn handlers<P: Port + ?Sized, A: Adapter<P> + From<Tx>>(
    name: &'static str,
    handlers: HandlerRegistry<P>,
    tools: Arc<P::Tools>,
) -> Arc<dyn MessageHandlers> {
    handlers_with(name, handlers, tools, A::from)
}

/// The same for an adapter that needs more than a transaction.
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
