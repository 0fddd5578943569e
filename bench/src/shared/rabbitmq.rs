//! RabbitMQ by itself: the rate of confirmed, persistent messages to a quorum queue.

use super::block_on;
use super::setting::Setting;
use super::statistics::{number, percentile};
use super::wrk::Answers;
use anyhow::{Result, ensure};
use futures::future::try_join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use std::time::{Duration, Instant};

const QUEUE: &str = "bench.publish";
/// The queues of Roster and of the origin's stack. Their hints and messages must not reach a later contestant.
const QUEUES: [&str; 6] = [
    "roster.users.fast.v1",
    "roster.users.slow.v1",
    "roster.auth.fast.v1",
    "roster.auth.slow.v1",
    "registrations",
    QUEUE,
];
/// A persistent message.
const PERSISTENT: u8 = 2;
/// About the length of a registration.
const BODY: [u8; 600] = [b'a'; 600];

/// Publishes from 64 channels, each of which waits for the confirmation of its message.
pub(crate) fn publish(setting: &Setting) -> Result<Answers> {
    block_on(async {
        let connection = Connection::connect(&setting.amqp_url, ConnectionProperties::default()).await?;
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        let channel = connection.create_channel().await?;
        channel.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await?;
        channel.queue_declare(QUEUE.into(), QueueDeclareOptions::durable(), arguments).await?;
        let end = Instant::now() + Duration::from_secs(setting.seconds);
        let times = try_join_all((0..64).map(async |_| publish_until(end, connection.create_channel().await?).await));
        let times = times.await?.concat();
        channel.queue_delete(QUEUE.into(), QueueDeleteOptions::default()).await?;
        connection.close(200, "done".into()).await?;
        let seconds = f64::from(u32::try_from(setting.seconds)?);
        Ok(Answers {
            per_second: number(times.len()) / seconds,
            p50: percentile(&times, 50),
            p99: percentile(&times, 99),
            ..Answers::default()
        })
    })
}

async fn publish_until(end: Instant, channel: Channel) -> Result<Vec<Duration>> {
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut times = Vec::new();
    while Instant::now() < end {
        let asked = Instant::now();
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        let properties = properties.with_delivery_mode(PERSISTENT);
        let confirmed = channel.basic_publish("".into(), QUEUE.into(), options, &BODY, properties).await?.await?;
        ensure!(matches!(confirmed, Confirmation::Ack(None)), "RabbitMQ refused a message");
        times.push(asked.elapsed());
    }
    Ok(times)
}

/// Deletes the queues that earlier contestants have left. A missing queue is no error.
pub(crate) fn delete_queues(amqp_url: &str) -> Result<()> {
    block_on(async {
        let connection = Connection::connect(amqp_url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        for queue in QUEUES {
            channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await?;
        }
        Ok(connection.close(200, "done".into()).await?)
    })
}
