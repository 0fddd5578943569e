//! The part of a process that accepts and executes messages. `roster serve` puts the HTTP edge before it; operator
//! commands use it alone.

use crate::compose::{Broker, ProcessRole, cores, handlers};
use crate::contexts::HandlerTools;
use crate::product;
use ledger::{HintReceiver, HintSender, Ledger, MessageHandlers, Node, NodeConfig, Queue, QueueConsumer};
use messaging::{AddressError, BrokerState, InProcess, RabbitMq};
use persistence::{Db, SqlError};
use std::sync::Arc;
use std::time::Duration;

/// The ledger's node of this process, the handlers of its messages, and its hints.
pub(crate) struct MessageNode {
    node: Node,
    hints: WakeUps,
    role: ProcessRole,
    handlers: Vec<Arc<dyn MessageHandlers>>,
}

impl MessageNode {
    /// Starts a node, which accepts commands at once. Call it within a tokio runtime.
    ///
    /// # Errors
    /// When `AMQP_URL` is malformed.
    pub(crate) fn start(
        db: &Db,
        tools: &HandlerTools,
        role: ProcessRole,
        broker: Option<Broker>,
        max_delay: Duration,
    ) -> Result<Self, AddressError> {
        let handlers = handlers(tools);
        let hints = WakeUps::start(broker, &ledger::queues(&handlers), role)?;
        let node = Node::start(NodeConfig {
            db: db.clone(),
            contexts: handlers.clone(),
            announce: hints.announce(),
            hints_get_lost: matches!(hints, WakeUps::RabbitMq(_)),
            max_delay,
            channel: product::NAME,
        });
        Ok(Self { node, hints, role, handlers })
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.node.ledger()
    }

    pub(crate) const fn hints(&self) -> &WakeUps {
        &self.hints
    }

    /// Starts the workers of every queue, if this process's role includes executing commands.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn work(&mut self) -> Result<(), SqlError> {
        if !self.role.works() {
            return Ok(());
        }
        let consumers = ledger::queues(&self.handlers).into_iter().map(|queue| QueueConsumer {
            slots: slots(&queue),
            listen: self.hints.listen(&queue),
            queue,
        });
        self.node.work(consumers.collect()).await
    }

    /// Begins to stop: answers requests that wait for an outcome.
    pub(crate) fn begin_stop(&self) {
        self.node.begin_stop();
    }

    /// Stops: finishes the messages that are running, and returns the claimed ones to the ledger.
    pub(crate) async fn stop(self) {
        self.node.stop().await;
        if let WakeUps::RabbitMq(broker) = &self.hints {
            broker.shutdown().await;
        }
    }
}

/// How many messages of a queue run at the same time. Fast ones that are claimed together share a connection; slow ones
/// keep the bcrypt lanes of every core full.
fn slots(queue: &Queue) -> usize {
    match queue.lane {
        use_case::Lane::Slow => cores() * 10,
        use_case::Lane::Fast => 8,
    }
}

#[derive(Clone)]
pub(crate) enum WakeUps {
    InProcess(InProcess),
    RabbitMq(Arc<RabbitMq>),
}

impl WakeUps {
    fn start(broker: Option<Broker>, queues: &[Queue], role: ProcessRole) -> Result<Self, AddressError> {
        let Some(Broker { url, prefix }) = broker else { return Ok(Self::InProcess(InProcess::default())) };
        let consume: Vec<_> =
            if role.works() { queues.iter().map(|queue| (queue.clone(), slots(queue))).collect() } else { Vec::new() };
        Ok(Self::RabbitMq(Arc::new(RabbitMq::start(&url, &prefix, queues, &consume)?)))
    }

    fn announce(&self) -> Arc<dyn HintSender> {
        match self {
            Self::InProcess(hints) => Arc::new(hints.clone()),
            Self::RabbitMq(hints) => hints.clone(),
        }
    }

    /// Whether hints are being sent: false when RabbitMQ is not connected.
    pub(crate) fn are_sent(&self) -> bool {
        match self {
            Self::InProcess(_) => true,
            Self::RabbitMq(broker) => broker.state() == BrokerState::Connected,
        }
    }

    fn listen(&self, queue: &Queue) -> Box<dyn HintReceiver> {
        match self {
            Self::InProcess(hints) => Box::new(hints.listen(queue)),
            Self::RabbitMq(hints) => Box::new(hints.listen(queue)),
        }
    }
}
