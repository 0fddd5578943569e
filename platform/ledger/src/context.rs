//! A context as the dispatcher sees it: port, adapter and tools are erased here, once.

use persistence::Tx;
use std::sync::Arc;
use use_case::{Bench, Boxed, Cx, Failure, Lane, Origin, Outbox, Port, Ready, UseCases};

/// The adapter of a port over a transaction: takes the transaction over, hands the port out, gives the transaction back.
pub trait Adapter<P: ?Sized>: Into<Tx> + Send + 'static {
    /// The port.
    fn port(&mut self) -> &mut P;
}

/// A context, ready to be dispatched to.
pub trait Context: Send + Sync {
    /// Its name, the first part of the names of its messages.
    fn name(&self) -> &'static str;

    /// The messages it handles, with their lanes.
    fn messages(&self) -> Vec<(&'static str, Lane)>;

    /// Decodes and prepares a message. `None` when it does not handle that name.
    fn prepare<'a>(&'a self, name: &str, payload: &'a str, origin: &'a Origin) -> Option<Preparing<'a>>;
}

/// A message that is being prepared.
pub type Preparing<'a> = Boxed<'a, Result<Box<dyn Prepared>, Failure>>;

/// A message that can be handled, again and again, in a transaction each time.
pub trait Prepared: Send + Sync {
    /// Handles it and gives the transaction back, to be committed; after a failure it is gone, rolled back.
    fn handle<'a>(&'a self, tx: Tx, origin: &'a Origin, outbox: &'a mut Outbox) -> Boxed<'a, Result<Tx, Failure>>;
}

/// Wires a context: its use cases, the adapter `A` of its port, its tools.
pub fn context<P: Port + ?Sized, A: Adapter<P> + From<Tx>>(
    name: &'static str,
    use_cases: UseCases<P>,
    tools: Arc<P::Tools>,
) -> Arc<dyn Context> {
    context_over(name, use_cases, tools, A::from)
}

/// The same for an adapter that needs more than a transaction.
pub fn context_over<P: Port + ?Sized, A: Adapter<P>>(
    name: &'static str,
    use_cases: UseCases<P>,
    tools: Arc<P::Tools>,
    adapter: impl Fn(Tx) -> A + Send + Sync + 'static,
) -> Arc<dyn Context> {
    Arc::new(Wired { name, use_cases, tools, adapter: Arc::new(adapter) })
}

struct Wired<P: Port + ?Sized, A> {
    name: &'static str,
    use_cases: UseCases<P>,
    tools: Arc<P::Tools>,
    adapter: Arc<dyn Fn(Tx) -> A + Send + Sync>,
}

impl<P: Port + ?Sized, A: Adapter<P>> Context for Wired<P, A> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn messages(&self) -> Vec<(&'static str, Lane)> {
        self.use_cases.names().collect()
    }

    fn prepare<'a>(&'a self, name: &str, payload: &'a str, origin: &'a Origin) -> Option<Preparing<'a>> {
        let preparing = self.use_cases.prepare(name, payload, Bench { tools: &self.tools, message: origin })?;
        let adapter = Arc::clone(&self.adapter);
        Some(Box::pin(async move { Ok(Box::new(OnAdapter(preparing.await?, adapter)) as Box<dyn Prepared>) }))
    }
}

struct OnAdapter<P: Port + ?Sized, A>(Box<dyn Ready<P>>, Arc<dyn Fn(Tx) -> A + Send + Sync>);

impl<P: Port + ?Sized, A: Adapter<P>> Prepared for OnAdapter<P, A> {
    fn handle<'a>(&'a self, tx: Tx, origin: &'a Origin, outbox: &'a mut Outbox) -> Boxed<'a, Result<Tx, Failure>> {
        Box::pin(async move {
            let mut adapter = (self.1)(tx);
            self.0.handle(Cx::new(adapter.port(), origin, outbox)).await?;
            Ok(adapter.into())
        })
    }
}
