//! Publishing: a pool of channels, each with one hint under way.
//!
//! lapin mixes up confirms when clones of one confirm channel publish at once, and attaches returns to the wrong
//! publish when several are under way. Up to 1,154 of 20,000 hints to missing queues were then reported as taken.
//! With one hint under way per channel there were none. The pool also bounds lapin's unbounded frame queue.

use super::{
    backoff::Backoff,
    health::{BrokerHealth, HintEvent},
    link::{ANSWER, BrokerConnection, BrokerError, answer, close},
    supervisor::{ConnectionWatch, current, replaced, stopped},
    topology,
};
use lapin::{
    BasicProperties, Channel, Confirmation,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use ledger::Hint;
use std::sync::Arc;
use tokio::{
    sync::{Mutex, Notify, mpsc, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{debug, warn};

/// Number of channels at the start. One channel publishes about a hundred hints per second.
const CHANNELS: usize = 8;
/// Maximum number of channels: 64 of them published 4,900 hints per second.
const MOST_CHANNELS: usize = 64;
/// When more hints than this wait, one more channel is opened.
const BACKLOG: usize = 16;
/// The maximum length of a hint, in bytes.
pub(crate) const LONGEST: usize = 4096;
const PERSISTENT: u8 = 2;

/// A hint and the queue to publish it to.
pub(crate) struct PublishJob {
    pub(crate) queue: Arc<str>,
    pub(crate) hint: Hint,
}

pub(crate) struct Publisher {
    jobs: Mutex<mpsc::Receiver<PublishJob>>,
    links: ConnectionWatch,
    queues: Vec<String>,
    health: Arc<BrokerHealth>,
    stop: watch::Receiver<bool>,
    more: Notify,
}

impl Publisher {
    pub(crate) fn new(
        jobs: mpsc::Receiver<PublishJob>,
        links: ConnectionWatch,
        queues: Vec<String>,
        health: Arc<BrokerHealth>,
        stop: watch::Receiver<bool>,
    ) -> Arc<Self> {
        Arc::new(Self { jobs: Mutex::new(jobs), links, queues, health, stop, more: Notify::new() })
    }

    /// Runs until the process stops and all waiting hints are published.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut channels = JoinSet::new();
        for _ in 0..CHANNELS {
            channels.spawn(self.clone().work());
        }
        loop {
            tokio::select! {
                ended = channels.join_next() => if ended.is_none() { return },
                () = self.more.notified(), if channels.len() < MOST_CHANNELS => {
                    channels.spawn(self.clone().work());
                }
            }
        }
    }

    async fn work(self: Arc<Self>) {
        let (mut links, mut stop, mut backoff) = (self.links.clone(), self.stop.clone(), Backoff::default());
        loop {
            let link = tokio::select! {
                link = current(&mut links) => link,
                () = stopped(&mut stop) => return,
            };
            if let Some(channel) = Self::open(&link).await {
                backoff = Backoff::default();
                if self.publish(&link, &channel).await {
                    return close(channel).await;
                }
            }
            sleep(backoff.next()).await;
        }
    }

    async fn open(link: &BrokerConnection) -> Option<Channel> {
        link.unblocked().await;
        let confirming = async {
            let channel = link.channel().await?;
            answer(channel.confirm_select(ConfirmSelectOptions::default())).await?;
            Ok::<_, BrokerError>(channel)
        };
        confirming.await.inspect_err(|error| debug!(%error, "no channel to publish on")).ok()
    }

    /// Publishes hints. Returns true when the process stops and all waiting hints are published, and false when
    /// another channel is needed.
    async fn publish(&self, link: &Arc<BrokerConnection>, channel: &Channel) -> bool {
        let (mut links, mut stop) = (self.links.clone(), self.stop.clone());
        loop {
            let next = async {
                let mut jobs = self.jobs.lock().await;
                let job = tokio::select! {
                    biased;
                    job = jobs.recv() => job,
                    () = stopped(&mut stop) => None,
                };
                (job, jobs.len())
            };
            let (job, left) = tokio::select! {
                // First, so that no hint is taken from the queue for a lost connection.
                biased;
                () = replaced(&mut links, link) => return false,
                next = next => next,
            };
            let Some(job) = job else { return true };
            if left > BACKLOG {
                self.more.notify_one();
            }
            tokio::select! {
                biased;
                () = replaced(&mut links, link) => return false,
                () = link.unblocked() => {}
            }
            if !self.publish_one(link, channel, &job).await {
                return false;
            }
        }
    }

    /// Publishes one hint. Returns false when the channel cannot be used any more.
    async fn publish_one(&self, link: &BrokerConnection, channel: &Channel, job: &PublishJob) -> bool {
        let Some(payload) = serde_json::to_vec(&job.hint).ok().filter(|payload| payload.len() <= LONGEST) else {
            self.health.count(HintEvent::Dropped);
            return true;
        };
        let published = async {
            // Without `mandatory`, the broker silently takes a hint for a missing queue.
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            let properties =
                BasicProperties::default().with_content_type("application/json".into()).with_delivery_mode(PERSISTENT);
            channel.basic_publish("".into(), job.queue.as_ref().into(), options, &payload, properties).await?.await
        };
        let confirmed = timeout(ANSWER, published).await;
        if confirmed.is_err() {
            link.is_silent();
        }
        match confirmed {
            Ok(Ok(Confirmation::Ack(None))) => {
                self.health.count(HintEvent::Published);
                self.health.heal(&job.queue);
            }
            Ok(Ok(Confirmation::Ack(Some(back)))) if back.delivery.routing_key.as_str() == &*job.queue => {
                self.health.count(HintEvent::Returned);
                self.restore(link, &job.queue).await;
            }
            Ok(Ok(Confirmation::Nack(_))) => self.health.count(HintEvent::Unconfirmed),
            // Not confirmed, the return of another hint, an error, or no answer: the outcome is unknown. Publishing a
            // hint twice is harmless.
            Ok(Ok(Confirmation::NotRequested | Confirmation::Ack(Some(_))) | Err(_)) | Err(_) => {
                self.health.count(HintEvent::Unconfirmed);
                if self.knows(&job.queue) && self.health.worsen(&job.queue, "hints are not confirmed") {
                    warn!(queue = &*job.queue, "RabbitMQ does not confirm a hint: workers poll instead");
                }
                return false;
            }
        }
        true
    }

    fn knows(&self, queue: &str) -> bool {
        self.queues.iter().any(|known| known == queue)
    }

    /// Declares a deleted queue again.
    async fn restore(&self, link: &BrokerConnection, queue: &str) {
        if !self.knows(queue) {
            return;
        }
        warn!(queue, "a hint came back, because its queue is gone: declaring the queue again");
        sleep(topology::SETTLING).await;
        match topology::declare(link, queue).await {
            Ok(()) => self.health.heal(queue),
            Err(error) => topology::report(&self.health, queue, &error),
        }
    }
}
