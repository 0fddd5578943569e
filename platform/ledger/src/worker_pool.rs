//! The worker: per queue a loop that claims what is due into free slots, and one heart-beat for all leases.

use crate::claim::{claim, release, renew};
use crate::{Claim, HintReceiver, Ledger, MessageHandlers, Queue, WakeUp};
use futures::FutureExt as _;
use futures::future::join_all;
use persistence::SqlError;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, RwLock, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use use_case::Lane;
use uuid::Uuid;

/// An idle worker looks by itself.
const LOOK: Duration = Duration::from_secs(1);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// For how long a database that is silent may keep a process from ending.
const RELEASE: Duration = Duration::from_secs(3);
/// For how long what runs may go on after the node was told to stop.
const DRAIN: Duration = Duration::from_secs(25);

/// A queue to work on: with how many messages at once, and where hints are heard.
pub struct QueueConsumer {
    /// The queue.
    pub queue: Queue,
    /// Messages at once; quick ones that were claimed together share a transaction.
    pub slots: usize,
    /// Where it hears that there is work.
    pub listen: Box<dyn HintReceiver>,
}

/// Works until the node stops, then lets what runs finish and gives the rest back.
pub(crate) async fn work(ledger: Ledger, contexts: Vec<Arc<dyn MessageHandlers>>, consumers: Vec<QueueConsumer>) {
    let pool = Arc::new(WorkerPool { ledger, running: Mutex::default(), alone: RwLock::default() });
    let mut tasks = JoinSet::new();
    for consumer in consumers {
        if let Some(context) = contexts.iter().find(|context| context.name() == consumer.queue.context) {
            tasks.spawn(Arc::clone(&pool).consume(Arc::clone(context), consumer));
        }
    }
    let heartbeat = tokio::spawn(Arc::clone(&pool).renew_leases());
    pool.ledger.stopping().await;
    if timeout(DRAIN, async { while tasks.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!("stopping with work under way: it goes back to the ledger");
        tasks.shutdown().await;
    }
    heartbeat.abort();
    match timeout(RELEASE, release(&pool.ledger.db, pool.ledger.node, Uuid::nil())).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "leases could not be given back: they will run out"),
        Err(_) => tracing::warn!("leases could not be given back in time: they will run out"),
    }
}

/// What the queues of one process share.
struct WorkerPool {
    ledger: Ledger,
    /// The rows that this process holds, and by which claim.
    running: Mutex<HashMap<Uuid, i64>>,
    /// Every message and every claim holds it for reading; a message that has killed its process before, for writing.
    alone: RwLock<()>,
}

impl WorkerPool {
    async fn consume(self: Arc<Self>, context: Arc<dyn MessageHandlers>, mut consumer: QueueConsumer) {
        // Of either lane: a row stays in the lane that it was written to, also when a newer version has moved its message.
        let messages = context.messages();
        let names: Vec<_> = messages.iter().map(|(name, _)| name).collect();
        let names = serde_json::to_string(&names).unwrap_or_default();
        let quick = messages.iter().filter(|(_, lane)| *lane == Lane::Fast).map(|(name, _)| *name).collect();
        let slots = Arc::new(Semaphore::new(consumer.slots));
        let freed = Arc::new(Notify::new());
        let mut under_way = JoinSet::new();
        let mut well = true;
        // Not at the first that is free: quick ones that are claimed one by one would be committed one by one for ever.
        let wanted = if consumer.queue.lane == Lane::Fast { consumer.slots.div_ceil(2) } else { 1 };
        let enough_free = async || {
            while slots.available_permits() < wanted {
                freed.notified().await;
            }
        };
        while !self.ledger.is_stopping() {
            let free = slots.available_permits();
            // One look is enough for all that have come. With no slot free, or no database, a hint is left for others.
            while free > 0 && well && consumer.listen.next().now_or_never().is_some() {}
            let claimed = if free == 0 { Ok(Vec::new()) } else { self.claim(&consumer.queue, &names, free).await };
            well = report_health(&consumer.queue, well, &claimed);
            let claims = claimed.unwrap_or_default();
            // As many as asked for: there is probably more, as soon as there is room.
            let more = claims.len() == free;
            for group in groups(claims, &quick) {
                let size = u32::try_from(group.len()).unwrap_or(u32::MAX);
                let Ok(taken) = Arc::clone(&slots).try_acquire_many_owned(size) else { break };
                let (pool, context, freed) = (Arc::clone(&self), Arc::clone(&context), Arc::clone(&freed));
                under_way.spawn(async move { pool.run(&*context, &group, taken, &freed).await });
            }
            while under_way.try_join_next().is_some() {}
            let _wake_up: Option<WakeUp> = tokio::select! {
                () = self.ledger.stopping() => None,
                () = enough_free(), if more => None,
                wake_up = consumer.listen.next(), if well && !more => Some(wake_up),
                () = tokio::time::sleep(LOOK) => None,
            };
        }
        while under_way.join_next().await.is_some() {}
    }

    /// A claim counts as a death until its attempt has ended, so nothing is claimed while a message runs alone.
    async fn claim(&self, queue: &Queue, names: &str, free: usize) -> Result<Vec<Claim>, SqlError> {
        let _nobody_alone = self.alone.read().await;
        if self.ledger.is_stopping() {
            return Ok(Vec::new());
        }
        let claims = claim(&self.ledger.db, queue, names, self.ledger.node, free).await?;
        self.running().extend(claims.iter().map(|claim| (claim.origin.id.as_uuid(), claim.epoch)));
        Ok(claims)
    }

    async fn run(
        &self,
        context: &dyn MessageHandlers,
        group: &[Claim],
        mut slots: OwnedSemaphorePermit,
        freed: &Notify,
    ) {
        if let [claim] = group
            && claim.runs_alone()
        {
            tracing::warn!(id = %claim.origin.id, name = claim.name, deaths = claim.deaths - 1, "the process died while this ran: it runs alone");
            let _nobody_else = self.alone.write().await;
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
                join_all(each.into_iter().map(async |(claim, slot)| {
                    self.ledger.attempt(context, claim).await;
                    self.unregister(claim);
                    drop(slot);
                    freed.notify_one();
                }))
                .await;
            }
        }
        drop(slots);
        freed.notify_one();
    }

    /// Unless it was given back, and perhaps claimed again.
    fn unregister(&self, claim: &Claim) {
        if self.holds(claim) {
            self.running().remove(&claim.origin.id.as_uuid());
        }
    }

    /// Not when it was given back, and perhaps claimed again, while it waited for its turn.
    fn holds(&self, claim: &Claim) -> bool {
        self.running().get(&claim.origin.id.as_uuid()) == Some(&claim.epoch)
    }

    /// What waits beside a message that runs alone would be counted dead with it, though it never began.
    async fn give_back_others(&self, claim: &Claim) -> bool {
        let id = claim.origin.id.as_uuid();
        let given_back = release(&self.ledger.db, self.ledger.node, id).await;
        if let Err(error) = &given_back {
            tracing::warn!(id = %claim.origin.id, %error, "it cannot run alone now: its lease will run out");
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
                // A lease that is not renewed runs out: the fence then keeps this process out. A connection that
                // is silent must not keep the next beat from another one.
                let _ = timeout(HEARTBEAT, renew(&self.ledger.db, self.ledger.node, &running)).await;
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<Uuid, i64>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was claimed at once, as it is worked on: quick messages share a transaction, while a slow one has its slot
/// to itself, and so has one that runs alone, or would only be condemned.
fn groups(claims: Vec<Claim>, quick: &HashSet<&str>) -> impl Iterator<Item = Vec<Claim>> {
    let (together, apart): (Vec<_>, Vec<_>) =
        claims.into_iter().partition(|claim| quick.contains(&*claim.name) && claim.has_never_died());
    std::iter::once(together).filter(|group| !group.is_empty()).chain(apart.into_iter().map(|claim| vec![claim]))
}

/// Says once that the database is gone, and once that it is back.
fn report_health(queue: &Queue, well: bool, claimed: &Result<Vec<Claim>, SqlError>) -> bool {
    match claimed {
        Err(error) if well => tracing::warn!(queue = queue.key(), %error, "the ledger cannot be read: trying again"),
        Ok(_) if !well => tracing::info!(queue = queue.key(), "the ledger can be read again"),
        _ => {}
    }
    claimed.is_ok()
}
