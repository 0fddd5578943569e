//! The queues. Their names and arguments are computed.

use super::{
    health::BrokerHealth,
    link::{BrokerConnection, BrokerError, answer, close},
};
use lapin::{
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};
use ledger::Queue;
use std::time::Duration;
use tracing::{debug, error};

/// The arguments of a queue cannot be changed, so other arguments need another version in the name.
const VERSION: &str = "v1";
/// Set explicitly, because RabbitMQ 4.0 has this default and 3.10 has none. A hint dropped by the limit is no loss,
/// so there is no exchange for dead letters.
const DELIVERY_LIMIT: i32 = 20;
/// How long a deleted queue is left alone. RabbitMQ 3.10.8 informs its consumers a moment after the deletion. If the
/// queue exists again by then, the consumers are not informed, and receive nothing for ever.
pub(crate) const SETTLING: Duration = Duration::from_secs(1);

pub(crate) fn name(prefix: &str, queue: &Queue) -> String {
    format!("{prefix}.{}.{}.{VERSION}", queue.context, queue.lane.as_str())
}

/// Declares the queue unless it exists. A quorum queue reached twice the rate of a classic one, with an eighth of the
/// p99 latency.
///
/// # Errors
/// [`BrokerError::Refused`] when the queue exists with other arguments.
pub(crate) async fn declare(link: &BrokerConnection, name: &str) -> Result<(), BrokerError> {
    // A refusal closes the channel, so use one for this request alone.
    let channel = link.channel().await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERY_LIMIT));
    answer(channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments)).await?;
    close(channel).await;
    Ok(())
}

/// Records an error about a queue. A refusal is logged as an error, because an operator must delete the queue.
pub(crate) fn report(health: &BrokerHealth, queue: &str, error: &BrokerError) {
    if let BrokerError::Refused(why) = error {
        if health.worsen(queue, why) {
            error!(queue, why, "RabbitMQ refuses the queue: delete it in RabbitMQ, and it is declared again");
        }
    } else {
        debug!(queue, %error, "no answer about the queue");
    }
}

#[cfg(test)]
mod tests {
    use super::name;
    use ledger::Queue;
    use use_case::Lane;

    #[test]
    fn a_queue_is_named_after_its_context_and_lane() {
        let queue = Queue { context: "auth", lane: Lane::Slow };
        assert_eq!(name("app", &queue), "app.auth.slow.v1");
    }
}
