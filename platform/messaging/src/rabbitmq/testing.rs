//! For tests that share a broker: to leave it as they found it.

use super::{
    address::Address,
    link::{Link, Trouble, answer, close},
    supervisor::Role,
    topology,
};
use lapin::options::QueueDeleteOptions;
use ledger::Queue;

/// Deletes queues under a prefix that one test had for itself. A queue that is not there is no error.
///
/// # Errors
/// A sentence, when the broker cannot be asked.
pub async fn delete_queues(url: &str, prefix: &str, queues: &[Queue]) -> Result<(), String> {
    let address: Address = url.parse().map_err(|error| format!("{error}"))?;
    let delete = async || {
        let link = Link::open(&address, Role::Publishing).await?;
        let channel = link.channel().await?;
        for queue in queues {
            let name = topology::name(prefix, queue);
            answer(channel.queue_delete(name.into(), QueueDeleteOptions::default())).await?;
        }
        close(channel).await;
        link.close().await;
        Ok(())
    };
    delete().await.map_err(|trouble: Trouble| trouble.to_string())
}
