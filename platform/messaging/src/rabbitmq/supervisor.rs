//! The supervisor: one task opens a connection, watches it, and opens the next one.

use super::{
    address::Address,
    backoff::Backoff,
    health::BrokerHealth,
    link::{BrokerConnection, BrokerError},
    topology,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};
use tracing::{debug, info, warn};

/// A connection that lived longer than this counts as good, and resets the back-off.
const GOOD: Duration = Duration::from_secs(5);

/// The current connection, or none.
pub(crate) type ConnectionWatch = watch::Receiver<Option<Arc<BrokerConnection>>>;

/// The purpose of a connection. When memory is short, the broker blocks connections that publish. Acknowledgements
/// use another connection, so that they are not blocked.
#[derive(Clone, Copy)]
pub(crate) enum ConnectionPurpose {
    Publishing,
    Consuming,
}

impl ConnectionPurpose {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Publishing => "publishing",
            Self::Consuming => "consuming",
        }
    }
}

/// The purpose of a connection, and the queues that must exist before it is used.
pub(crate) struct ConnectionPlan {
    /// The first part of the connection's name, which RabbitMQ shows.
    pub(crate) application: String,
    pub(crate) role: ConnectionPurpose,
    pub(crate) queues: Vec<String>,
}

pub(crate) fn start(
    plan: ConnectionPlan,
    address: Arc<Address>,
    health: Arc<BrokerHealth>,
    tasks: &mut JoinSet<()>,
) -> ConnectionWatch {
    let (links, watched) = watch::channel(None);
    health.worsen(plan.role.name(), "connecting");
    tasks.spawn(supervise(plan, address, health, links));
    watched
}

async fn supervise(
    plan: ConnectionPlan,
    address: Arc<Address>,
    health: Arc<BrokerHealth>,
    links: watch::Sender<Option<Arc<BrokerConnection>>>,
) {
    let (role, mut backoff) = (plan.role.name(), Backoff::default());
    loop {
        match open(&plan, &address, &health).await {
            Ok(link) => {
                info!(broker = %address, role, "connected to RabbitMQ");
                let since = Instant::now();
                health.heal(role);
                links.send_replace(Some(link.clone()));
                let why = link.ended(&health).await;
                links.send_replace(None);
                link.cut();
                health.worsen(role, &why);
                warn!(broker = %address, role, why, "lost the connection to RabbitMQ: workers poll instead");
                if since.elapsed() > GOOD {
                    backoff = Backoff::default();
                }
            }
            Err(error) => {
                let why = error.to_string();
                if health.worsen(role, &why) {
                    warn!(broker = %address, role, why, "cannot use RabbitMQ: trying again");
                } else {
                    debug!(broker = %address, role, why, "still cannot use RabbitMQ");
                }
            }
        }
        sleep(backoff.next()).await;
    }
}

async fn open(
    plan: &ConnectionPlan,
    address: &Address,
    health: &BrokerHealth,
) -> Result<Arc<BrokerConnection>, BrokerError> {
    let link = BrokerConnection::open(address, &plan.application, plan.role.name()).await?;
    for queue in &plan.queues {
        topology::declare(&link, queue).await.inspect_err(|error| topology::report(health, queue, error))?;
        health.heal(queue);
    }
    Ok(Arc::new(link))
}

/// Waits for a connection.
pub(crate) async fn current(links: &mut ConnectionWatch) -> Arc<BrokerConnection> {
    let found = links.wait_for(Option::is_some).await.ok().and_then(|link| link.clone());
    match found {
        Some(link) => link,
        // The supervisor ends after all other tasks.
        None => std::future::pending().await,
    }
}

/// Waits until this is no longer the current connection.
pub(crate) async fn replaced(links: &mut ConnectionWatch, link: &Arc<BrokerConnection>) {
    let other = |now: &Option<Arc<BrokerConnection>>| now.as_ref().is_none_or(|now| !Arc::ptr_eq(now, link));
    let ended = links.wait_for(other).await.is_err();
    if ended {
        std::future::pending().await
    }
}

/// Waits until the process stops.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A dropped sender means the same.
    let _ = stop.wait_for(|stop| *stop).await;
}
