//! For tests that share a broker, so that they leave it as they found it.

use super::{
    address::Address,
    link::{BrokerConnection, BrokerError, answer, close},
    supervisor::ConnectionPurpose,
    topology,
};
use lapin::options::QueueDeleteOptions;
use ledger::Queue;

/// Deletes the queues under the prefix of one test. A missing queue is not an error.
///
/// # Errors
/// A sentence, when the broker does not do it.
pub async fn delete_queues(url: &str, prefix: &str, queues: &[Queue]) -> Result<(), String> {
    let address: Address = url.parse().map_err(|error| format!("{error}"))?;
    let delete = async || {
        let link = BrokerConnection::open(&address, prefix, ConnectionPurpose::Publishing).await?;
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
