//! Consuming one queue: declare it, subscribe, receive hints until the subscription ends, and start again.

use super::{
    backoff::Backoff,
    health::{BrokerHealth, HintEvent},
    link::{BrokerError, answer, close},
    publisher::LONGEST,
    supervisor::{ConnectionWatch, current, stopped},
    topology,
};
use futures::StreamExt as _;
use lapin::{
    Channel,
    message::Delivery,
    options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use ledger::{Hint, WakeUp};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, mpsc, watch},
    time::sleep,
};
use tracing::{debug, error, warn};

/// After this time without a subscription, a warning is logged.
const UNATTENDED: Duration = Duration::from_secs(30);
const UNSUBSCRIBED: &str = "not subscribed";

pub(crate) struct Consumer {
    queue: String,
    /// The key of this consumer in the health state.
    part: String,
    prefetch: u16,
    nudges: mpsc::Sender<WakeUp>,
    links: ConnectionWatch,
    health: Arc<BrokerHealth>,
    stop: watch::Receiver<bool>,
}

/// State that the listeners of one queue share.
#[derive(Clone)]
pub(crate) struct ListenerHandle {
    nudges: mpsc::Sender<WakeUp>,
    heard: Arc<Mutex<mpsc::Receiver<WakeUp>>>,
}

impl ListenerHandle {
    /// Wakes a worker without the broker. If the channel is full, the worker will look anyway.
    pub(crate) fn wake(&self) {
        drop(self.nudges.try_send(WakeUp::default()));
    }

    /// Waits for the next wake-up, for ever if none comes.
    pub(crate) async fn next(&self) -> WakeUp {
        match self.heard.lock().await.recv().await {
            Some(wake_up) => wake_up,
            None => std::future::pending().await,
        }
    }
}

/// A subscription. A delivery can be acknowledged only on the channel that delivered it, so delivery tags end with
/// the subscription.
struct Subscription {
    channel: Channel,
    stream: lapin::Consumer,
    tags: mpsc::UnboundedSender<u64>,
    used: mpsc::UnboundedReceiver<u64>,
}

impl Consumer {
    /// Creates a consumer, and the handle that receives its hints.
    pub(crate) fn new(
        queue: String,
        slots: usize,
        links: ConnectionWatch,
        health: Arc<BrokerHealth>,
        stop: watch::Receiver<bool>,
    ) -> (Self, ListenerHandle) {
        // Two more than are worked on, so that the next ones are here already. Without a limit the broker sends
        // everything, into a queue of lapin's that has no limit either.
        let prefetch = u16::try_from(slots.saturating_add(2)).unwrap_or(u16::MAX);
        let (nudges, heard) = mpsc::channel(usize::from(prefetch));
        let part = format!("consuming {queue}");
        health.worsen(&part, UNSUBSCRIBED);
        let ear = ListenerHandle { nudges: nudges.clone(), heard: Arc::new(Mutex::new(heard)) };
        (Self { queue, part, prefetch, nudges, links, health, stop }, ear)
    }

    /// Runs until the process stops.
    pub(crate) async fn run(mut self) {
        let mut stop = self.stop.clone();
        let mut pause = Duration::ZERO;
        loop {
            let mut subscription = tokio::select! {
                subscription = async { sleep(pause).await; self.subscribed().await } => subscription,
                () = stopped(&mut stop) => return,
            };
            let Some(why) = self.hear(&mut subscription, &mut stop).await else {
                return subscription.end(&self.health).await;
            };
            self.health.worsen(&self.part, UNSUBSCRIBED);
            debug!(queue = self.queue, why, "a subscription ended");
            pause = topology::SETTLING;
        }
    }

    /// Subscribes, and tries for ever.
    async fn subscribed(&mut self) -> Subscription {
        let queue = self.queue.clone();
        let mut trying = std::pin::pin!(self.subscribe());
        tokio::select! {
            subscription = &mut trying => return subscription,
            () = sleep(UNATTENDED) => warn!(queue, "this process has had no subscription to the queue for 30 s"),
        }
        trying.await
    }

    async fn subscribe(&mut self) -> Subscription {
        let mut backoff = Backoff::default();
        loop {
            match self.try_to_subscribe().await {
                Ok(subscription) => {
                    self.health.heal(&self.part);
                    return subscription;
                }
                Err(error) => topology::report(&self.health, &self.part, &error),
            }
            sleep(backoff.next()).await;
        }
    }

    async fn try_to_subscribe(&mut self) -> Result<Subscription, BrokerError> {
        let link = current(&mut self.links).await;
        topology::declare(&link, &self.queue).await?;
        let channel = link.channel().await?;
        answer(channel.basic_qos(self.prefetch, BasicQosOptions::default())).await?;
        let (name, options) = (self.queue.as_str().into(), BasicConsumeOptions::default());
        let stream = answer(channel.basic_consume(name, "".into(), options, FieldTable::default())).await?;
        let (tags, used) = mpsc::unbounded_channel();
        Ok(Subscription { channel, stream, tags, used })
    }

    /// Passes hints on and acknowledges used ones until the subscription ends, and returns why. The end is no error
    /// when the queue was deleted. The caller subscribes again after every end. Returns `None` when it is time to
    /// stop, but never in the middle of an acknowledgement.
    async fn hear(&self, subscription: &mut Subscription, stop: &mut watch::Receiver<bool>) -> Option<String> {
        loop {
            tokio::select! {
                delivery = subscription.stream.next() => match delivery {
                    Some(Ok(delivery)) => self.pass_on(&delivery, &subscription.tags),
                    Some(Err(error)) => return Some(BrokerError::from(error).to_string()),
                    None => return Some("cancelled by the broker".to_owned()),
                },
                Some(tag) = subscription.used.recv() => {
                    if let Err(error) = subscription.acknowledge(tag, &self.health).await {
                        return Some(error.to_string());
                    }
                }
                () = stopped(stop) => return None,
            }
        }
    }

    fn pass_on(&self, delivery: &Delivery, tags: &mpsc::UnboundedSender<u64>) {
        let (tag, tags) = (delivery.delivery_tag, tags.clone());
        // After the end of the subscription the tag has no receiver, and the broker delivers the hint again.
        let used = move || {
            let _ = tags.send(tag);
        };
        let hint =
            if delivery.data.len() > LONGEST { None } else { serde_json::from_slice::<Hint>(&delivery.data).ok() };
        let Some(hint) = hint else {
            self.health.count(HintEvent::Unreadable);
            error!(
                queue = self.queue,
                bytes = delivery.data.len(),
                "a delivery is not a hint, and is removed from the queue"
            );
            return used();
        };
        self.health.count(HintEvent::Received);
        // If the channel is full, the worker will look anyway, so this hint counts as used.
        drop(self.nudges.try_send(WakeUp::for_row(hint.id, used)));
    }
}

impl Subscription {
    async fn acknowledge(&self, tag: u64, health: &BrokerHealth) -> Result<(), BrokerError> {
        answer(self.channel.basic_ack(tag, BasicAckOptions::default())).await?;
        health.count(HintEvent::Acknowledged);
        Ok(())
    }

    /// Ends the subscription, and acknowledges the hints used so far. The broker delivers the rest to another worker.
    async fn end(mut self, health: &BrokerHealth) {
        let cancelled = self.channel.basic_cancel(self.stream.tag(), BasicCancelOptions::default());
        if let Err(error) = answer(cancelled).await {
            debug!(%error, "a subscription could not be ended");
        }
        while let Ok(tag) = self.used.try_recv() {
            if self.acknowledge(tag, health).await.is_err() {
                break;
            }
        }
        close(self.channel).await;
    }
}
