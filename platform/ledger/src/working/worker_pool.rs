//! The worker pool: one consumer per queue claims due rows into free slots, and one heartbeat renews all leases.

use crate::working::claim::{claim, release, renew};
use crate::{Claim, HintReceiver, Ledger, MessageHandlers, Queue};
use futures::FutureExt as _;
use futures::future::join_all;
use persistence::SqlError;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, RwLock, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use use_case::Lane;
use uuid::Uuid;

/// How often an idle consumer polls.
const LOOK: Duration = Duration::from_secs(1);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Timeout for the release of leases when the process stops.
const RELEASE: Duration = Duration::from_secs(3);
/// How long running messages may continue after the node began to stop.
const DRAIN: Duration = Duration::from_secs(25);

/// Configuration of the consumer of one queue.
pub struct QueueConsumer {
    pub queue: Queue,
    /// How many messages the consumer handles at once. Fast messages that were claimed together share a transaction.
    pub slots: usize,
    /// The source of wake-ups.
    pub listen: Box<dyn HintReceiver>,
}

/// Runs the consumers until the node stops. Then running messages finish, and all other leases are released.
pub(crate) async fn work(ledger: Ledger, contexts: Vec<Arc<dyn MessageHandlers>>, consumers: Vec<QueueConsumer>) {
    let pool = Arc::new(WorkerPool { ledger, running: Mutex::default(), alone: RwLock::default() });
    let mut tasks = JoinSet::new();
    for consumer in consumers {
        if let Some(context) = contexts.iter().find(|context| context.name() == consumer.queue.context) {
            tasks.spawn(QueueLoop::new(Arc::clone(&pool), Arc::clone(context), consumer).run());
        }
    }
    let heartbeat = tokio::spawn(Arc::clone(&pool).renew_leases());
    pool.ledger.stopping().await;
    if timeout(DRAIN, async { while tasks.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!("stopping with messages under way: they go back to the ledger");
        tasks.shutdown().await;
    }
    heartbeat.abort();
    match timeout(RELEASE, release(&pool.ledger.db, pool.ledger.node, Uuid::nil())).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "leases could not be released: they will expire"),
        Err(_) => tracing::warn!("leases could not be released in time: they will expire"),
    }
}

/// State that the consumers of one process share.
struct WorkerPool {
    ledger: Ledger,
    /// The rows that this process holds, with the fencing token of each claim.
    running: Mutex<HashMap<Uuid, i64>>,
    /// Lets one message run alone. Every attempt and every claim holds it for reading. A message whose process has
    /// crashed twice holds it for writing.
    alone: RwLock<()>,
}

/// The loop of one queue.
struct QueueLoop {
    pool: Arc<WorkerPool>,
    context: Arc<dyn MessageHandlers>,
    consumer: QueueConsumer,
    /// A JSON array of the context's messages in both lanes: a row stays in its lane, even when a newer version has
    /// moved its message.
    names: String,
    fast: HashSet<&'static str>,
    slots: Arc<Semaphore>,
    /// How many slots must be free before a claim when more rows are due. For fast messages it is half of them.
    /// Otherwise each would be claimed and committed alone for ever.
    wanted: u32,
    running: JoinSet<()>,
    /// Whether the database answered the last claim.
    well: bool,
}

impl QueueLoop {
    fn new(pool: Arc<WorkerPool>, context: Arc<dyn MessageHandlers>, consumer: QueueConsumer) -> Self {
        let messages = context.messages();
        let names: Vec<_> = messages.iter().map(|message| message.name).collect();
        let names = serde_json::to_string(&names).unwrap_or_default();
        let fast = messages.iter().filter(|it| it.lane == Lane::Fast).map(|it| it.name).collect();
        let slots = Arc::new(Semaphore::new(consumer.slots));
        let wanted = if consumer.queue.lane == Lane::Fast { consumer.slots.div_ceil(2) } else { 1 };
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        Self { pool, context, consumer, names, fast, slots, wanted, running: JoinSet::new(), well: true }
    }

    async fn run(mut self) {
        while !self.pool.ledger.is_stopping() {
            let free = self.slots.available_permits();
            let claims = self.claim(free).await;
            // The claim filled all free slots, so there are probably more due rows.
            let more = claims.len() == free;
            self.start(claims);
            self.wait(more).await;
        }
        while self.running.join_next().await.is_some() {}
    }

    async fn claim(&mut self, free: usize) -> Vec<Claim> {
        if free == 0 {
            return Vec::new();
        }
        // One claim covers all wake-ups so far. Without a free slot or a database, leave the hints to other workers.
        while self.well && self.consumer.listen.next().now_or_never().is_some() {}
        let claimed = self.pool.claim(&self.consumer.queue, &self.names, free).await;
        self.well = report_health(&self.consumer.queue, self.well, &claimed);
        claimed.unwrap_or_default()
    }

    fn start(&mut self, claims: Vec<Claim>) {
        for group in groups(claims, &self.fast) {
            let size = u32::try_from(group.len()).unwrap_or(u32::MAX);
            let Ok(taken) = Arc::clone(&self.slots).try_acquire_many_owned(size) else { break };
            let (pool, context) = (Arc::clone(&self.pool), Arc::clone(&self.context));
            self.running.spawn(async move { pool.run(&*context, &group, taken).await });
        }
        while self.running.try_join_next().is_some() {}
    }

    /// Waits for a reason to claim again.
    async fn wait(&mut self, more: bool) {
        tokio::select! {
            () = self.pool.ledger.stopping() => {}
            _ = self.slots.acquire_many(self.wanted), if more => {}
            _ = self.consumer.listen.next(), if self.well && !more => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

impl WorkerPool {
    /// Claims due rows. A claim counts as a crash until its attempt has ended, so nothing is claimed while a message
    /// runs alone.
    async fn claim(&self, queue: &Queue, names: &str, free: usize) -> Result<Vec<Claim>, SqlError> {
        let _none_runs_alone = self.alone.read().await;
        if self.ledger.is_stopping() {
            return Ok(Vec::new());
        }
        let claims = claim(&self.ledger.db, queue, names, self.ledger.node, free).await?;
        self.running().extend(claims.iter().map(|claim| (claim.origin.id.as_uuid(), claim.epoch)));
        Ok(claims)
    }

    /// Each slot is free again when its message has ended.
    async fn run(&self, context: &dyn MessageHandlers, group: &[Claim], mut slots: OwnedSemaphorePermit) {
        if let [claim] = group
            && claim.runs_alone()
        {
            tracing::warn!(id = %claim.origin.id, name = claim.name, deaths = claim.deaths - 1, "the process crashed while this message ran: it runs alone now");
            let _runs_alone = self.alone.write().await;
            if self.holds(claim) && self.give_back_others(claim).await {
                self.ledger.attempt(context, claim).await;
            }
            self.unregister(claim);
        } else {
            let _beside_others = self.alone.read().await;
            let begun = Instant::now();
            let held: Vec<_> = group.iter().filter(|claim| self.holds(claim)).collect();
            if held.len() > 1 && self.ledger.attempt_together(context, &held).await {
                held.iter().for_each(|claim| self.unregister(claim));
                self.ledger.accept_pressure.yield_to_accepts(begun).await;
            } else {
                let each: Vec<_> = held.into_iter().map(|claim| (claim, slots.split(1))).collect();
                join_all(each.into_iter().map(async |(claim, _slot)| {
                    self.ledger.attempt(context, claim).await;
                    self.unregister(claim);
                }))
                .await;
            }
        }
    }

    /// Removes the claim, unless it was released and perhaps claimed again.
    fn unregister(&self, claim: &Claim) {
        if self.holds(claim) {
            self.running().remove(&claim.origin.id.as_uuid());
        }
    }

    /// Whether this process still holds the claim. It may have been released, and claimed again, while it waited.
    fn holds(&self, claim: &Claim) -> bool {
        self.running().get(&claim.origin.id.as_uuid()) == Some(&claim.epoch)
    }

    /// Releases all other claims of this process. A crash of the message that runs alone would otherwise count for
    /// them, too, though they never began.
    async fn give_back_others(&self, claim: &Claim) -> bool {
        let id = claim.origin.id.as_uuid();
        let given_back = release(&self.ledger.db, self.ledger.node, id).await;
        if let Err(error) = &given_back {
            tracing::warn!(id = %claim.origin.id, %error, "the message cannot run alone now: its lease will expire");
        } else {
            self.running().retain(|held, _| *held == id);
        }
        given_back.is_ok()
    }

    async fn renew_leases(self: Arc<Self>) {
        let mut tick = tokio::time::interval(HEARTBEAT);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let running: Vec<_> = self.running().keys().copied().collect();
            if !running.is_empty() {
                // A lease that is not renewed expires, and the fencing token then rejects this process. The timeout
                // keeps a silent connection from delaying the next heartbeat.
                let _ = timeout(HEARTBEAT, renew(&self.ledger.db, self.ledger.node, &running)).await;
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Uuid, i64>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Groups the claims. Fast messages share a group and its transaction. A slow message forms a group alone, and so
/// does a message whose process has crashed.
fn groups(claims: Vec<Claim>, quick: &HashSet<&str>) -> impl Iterator<Item = Vec<Claim>> {
    let (together, apart): (Vec<_>, Vec<_>) =
        claims.into_iter().partition(|claim| quick.contains(&*claim.name) && claim.has_never_died());
    std::iter::once(together).filter(|group| !group.is_empty()).chain(apart.into_iter().map(|claim| vec![claim]))
}

/// Logs once that the database is gone, and once that it is back. Returns whether it answers.
fn report_health(queue: &Queue, well: bool, claimed: &Result<Vec<Claim>, SqlError>) -> bool {
    match claimed {
        Err(error) if well => tracing::warn!(queue = queue.key(), %error, "the ledger cannot be read: trying again"),
        Ok(_) if !well => tracing::info!(queue = queue.key(), "the ledger can be read again"),
        _ => {}
    }
    claimed.is_ok()
}
