//! For tests: counts of hints, and the removal of queues on a broker that tests share.

use super::{
    RabbitMq,
    address::Address,
    health::HintEvent,
    link::{BrokerConnection, BrokerError, answer, close},
    supervisor::ConnectionPurpose,
    topology,
};
use lapin::options::QueueDeleteOptions;
use ledger::Queue;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often each [`HintEvent`] has happened since the start.
#[derive(Default)]
pub(crate) struct HintCounts([AtomicU64; HintEvent::Unreadable as usize + 1]);

impl HintCounts {
    pub(crate) fn add(&self, event: HintEvent) {
        self.0[event as usize].fetch_add(1, Ordering::Relaxed);
    }
}

impl RabbitMq {
    /// How often an event has happened since the start.
    #[must_use]
    pub fn count(&self, event: HintEvent) -> u64 {
        self.health.counts.0[event as usize].load(Ordering::Relaxed)
    }
}

/// Deletes the queues under the prefix of one test. A missing queue is not an error.
///
/// # Errors
/// A sentence, when the broker does not do it.
pub async fn delete_queues(url: &str, prefix: &str, queues: &[Queue]) -> Result<(), String> {
    let address: Address = url.parse().map_err(|error| format!("{error}"))?;
    let delete = async || {
        let link = BrokerConnection::open(&address, prefix, ConnectionPurpose::Publishing.name()).await?;
        let channel = link.channel().await?;
        for queue in queues {
            let name = topology::name(prefix, queue);
            answer(channel.queue_delete(name.into(), QueueDeleteOptions::default())).await?;
        }
        close(channel).await;
        link.close().await;
        Ok(())
    };
    delete().await.map_err(|error: BrokerError| error.to_string())
}
