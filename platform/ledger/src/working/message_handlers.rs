//! The message handlers of a context. The types of its port, adapter and tools are erased here.

use persistence::Tx;
use std::sync::Arc;
use use_case::{
    Boxed, CommandFailure, HandledMessage, HandlerContext, HandlerRegistry, MessageMeta, Outbox, Port, PrepareContext,
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

    /// The messages that the context handles.
    fn messages(&self) -> Vec<HandledMessage>;

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

/// Builds the message handlers of a context from its use cases, its tools, and what makes the adapter of its port from a
/// transaction.
pub fn handlers<P: Port + ?Sized, A: Adapter<P>>(
    handlers: HandlerRegistry<P>,
    tools: Arc<P::Tools>,
    adapter: impl Fn(Tx) -> A + Send + Sync + 'static,
) -> Arc<dyn MessageHandlers> {
    Arc::new(ContextHandlers { handlers, tools, adapter: Arc::new(adapter) })
}

/// Makes a struct, whose first field is a transaction, the adapter of a port: `ledger::adapter!(SqlUsers: dyn Users);`
#[macro_export]
macro_rules! adapter {
    ($adapter:ty: $port:ty) => {
        impl From<$adapter> for $crate::Tx {
            fn from(adapter: $adapter) -> Self {
                adapter.0
            }
        }

        const _: () = {
            type Port = $port;
            impl $crate::Adapter<Port> for $adapter {
                fn port(&mut self) -> &mut Port {
                    self
                }
            }
        };
    };
}

struct ContextHandlers<P: Port + ?Sized, A> {
    handlers: HandlerRegistry<P>,
    tools: Arc<P::Tools>,
    adapter: Arc<dyn Fn(Tx) -> A + Send + Sync>,
}

impl<P: Port + ?Sized, A: Adapter<P>> MessageHandlers for ContextHandlers<P, A> {
    fn name(&self) -> &'static str {
        P::CONTEXT
    }

    fn messages(&self) -> Vec<HandledMessage> {
        self.handlers.messages()
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
