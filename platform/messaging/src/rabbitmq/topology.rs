//! The queues. Their names and arguments are computed, never written by hand.

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

/// Arguments of a queue cannot be changed: other ones need another version in the name.
const VERSION: &str = "v1";
/// Explicit, because RabbitMQ 4.0 made it the default and 3.10 has none. A hint that is lost by it
/// is no loss, so there is no exchange for dead letters.
const DELIVERY_LIMIT: i32 = 20;
/// How long a queue that was deleted is left alone. RabbitMQ 3.10.8 tells its consumers a moment
/// later; when the queue stands again by then it tells them nothing, and they hear nothing for ever.
pub(crate) const SETTLING: Duration = Duration::from_secs(1);

pub(crate) fn name(prefix: &str, queue: &Queue) -> String {
    format!("{prefix}.{}.{}.{VERSION}", queue.context, queue.lane.as_str())
}

/// Makes the queue unless it is there. A quorum queue took twice the rate of a classic one, with
/// an eighth of the p99.
///
/// # Errors
/// [`BrokerError::Refused`] when it is there with other arguments.
pub(crate) async fn declare(link: &BrokerConnection, name: &str) -> Result<(), BrokerError> {
    // A refusal closes the channel, so it is one that nothing else uses.
    let channel = link.channel().await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERY_LIMIT));
    answer(channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments)).await?;
    close(channel).await;
    Ok(())
}

/// A queue that is there with other arguments needs somebody to delete it, so it is said loudly.
pub(crate) fn report(health: &BrokerHealth, queue: &str, trouble: &BrokerError) {
    if let BrokerError::Refused(why) = trouble {
        if health.worsen(queue, why) {
            error!(queue, why, "RabbitMQ refuses the queue: delete it there, Roster makes it as it must be");
        }
    } else {
        debug!(queue, %trouble, "no answer about the queue");
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
        assert_eq!(name("roster", &queue), "roster.auth.slow.v1");
    }
}
