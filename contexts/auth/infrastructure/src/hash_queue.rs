use crate::hash_job::{HashJob, compute};
use crate::throughput::ThroughputEstimate;
use bcrypt_lanes::MAX_LANES;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use use_case::Unavailable;

/// Nobody is admitted who would wait longer for a thread and the batch that answers them. The aim is an answer within
/// two seconds: what else a sign-in takes comes on top, and a batch may be slower than those before.
const LONGEST: Duration = Duration::from_millis(1_500);
/// argon2id has a thread for itself, where five of bcrypt share one: a unit takes three times as long.
const ARGON2ID: u64 = 3;

/// Too many sign-ins wait already. It is the cause of an [`Unavailable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins are waiting")]
pub struct Overloaded {
    /// After this time a newcomer would be admitted, if nobody else came.
    pub retry_after: Duration,
}

impl Overloaded {
    /// The cause, if it is this one.
    #[must_use]
    pub fn from_unavailable(unavailable: &Unavailable) -> Option<&Self> {
        std::error::Error::source(unavailable)?.downcast_ref()
    }
}

/// Work that waits for threads.
pub(crate) struct HashQueue {
    state: Mutex<State>,
    arrived: Condvar,
    threads: usize,
}

struct State {
    waiting: VecDeque<QueuedHash>,
    pace: ThroughputEstimate,
    /// Who has been admitted and has not left.
    inside: usize,
    /// What they may still bring or have brought, in units that the pace is known of.
    promised: u64,
    /// One at a time: it takes memory.
    argon2id_runs: bool,
    closed: bool,
    #[cfg(test)]
    handed_in: u64,
}

struct QueuedHash {
    work: HashJob,
    answer: oneshot::Sender<String>,
}

/// Somebody who has been admitted, with all the work that they may bring.
pub(crate) struct Reservation {
    line: Arc<HashQueue>,
    left: u64,
    entered: bool,
}

impl HashQueue {
    pub(crate) fn new(threads: usize, pace: ThroughputEstimate) -> Arc<Self> {
        let state = State {
            waiting: VecDeque::new(),
            pace,
            inside: 0,
            promised: 0,
            argon2id_runs: false,
            closed: false,
            #[cfg(test)]
            handed_in: 0,
        };
        Arc::new(Self { state: Mutex::new(state), arrived: Condvar::new(), threads })
    }

    /// Admits somebody who brings this work and may then bring so many units of bcrypt, unless they
    /// would wait too long. Whether depends on the others only: a refusal tells nothing of an account.
    ///
    /// Whoever finds a free thread is admitted whatever the pace: so a pace that is wrong gets right.
    pub(crate) fn admit(self: &Arc<Self>, works: &[HashJob], more: u64) -> Result<Reservation, Overloaded> {
        let mut state = self.lock();
        let wait = state.pace.duration_of(state.promised, self.threads);
        let bound = LONGEST.saturating_sub(state.pace.batch());
        if state.inside >= self.threads.max(1) && wait > bound {
            return Err(Overloaded { retry_after: wait - bound });
        }
        let left = more + works.iter().map(|work| self.load(work)).sum::<u64>();
        state.inside += 1;
        state.promised += left;
        drop(state);
        Ok(Reservation { line: Arc::clone(self), left, entered: false })
    }

    /// Computes a digest for somebody who has time.
    pub(crate) async fn run(&self, work: HashJob) -> Result<String, Unavailable> {
        self.join(work, VecDeque::push_back).await
    }

    async fn join(
        &self,
        work: HashJob,
        place: fn(&mut VecDeque<QueuedHash>, QueuedHash),
    ) -> Result<String, Unavailable> {
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.lock();
            #[cfg(test)]
            {
                state.handed_in += work.units();
            }
            place(&mut state.waiting, QueuedHash { work, answer });
        }
        self.arrived.notify_one();
        answered.await.map_err(|_| Unavailable::retry_later("a password could not be hashed now"))
    }

    /// What a work takes of the threads, in units of bcrypt.
    fn load(&self, work: &HashJob) -> u64 {
        match work {
            HashJob::Bcrypt(_) => work.units(),
            // While one runs, the other threads have none of it.
            HashJob::Argon2id(_) => work.units() * ARGON2ID * u64::try_from(self.threads).unwrap_or(1).max(1),
        }
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// What a thread does until the line is closed and empty. It calls `pause` about once in a millisecond.
    pub(crate) fn serve(&self, pause: fn()) {
        while let Some(batch) = self.next_batch() {
            let begun = Instant::now();
            let digests = compute(batch.iter().map(|waiting| &waiting.work), pause);
            self.done(&batch, begun.elapsed());
            for (digest, waiting) in digests.into_iter().zip(batch) {
                // Whoever asked may have gone.
                let _ = digest.map(|digest| waiting.answer.send(digest));
            }
        }
    }

    fn done(&self, batch: &[QueuedHash], took: Duration) {
        let Some(first) = batch.first() else { return };
        let mut state = self.lock();
        if first.work.cost().is_some() {
            state.pace.learn(batch.len(), first.work.units(), took);
        } else {
            state.argon2id_runs = false;
            drop(state);
            self.arrived.notify_one();
        }
    }

    fn next_batch(&self) -> Option<Vec<QueuedHash>> {
        let mut state = self.lock();
        loop {
            state.waiting.retain(|waiting| !waiting.answer.is_closed());
            if let Some(batch) = state.take_batch() {
                return Some(batch);
            }
            if state.closed && state.waiting.is_empty() {
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The first that can run, and as many of its cost as wait, up to the lanes of a core: alone, a
    /// hash runs alone.
    fn take_batch(&mut self) -> Option<Vec<QueuedHash>> {
        let runs = self.argon2id_runs;
        let mut at = self.waiting.iter().position(|it| it.work.cost().is_some() || !runs)?;
        let Some(cost) = self.waiting[at].work.cost() else {
            self.argon2id_runs = true;
            return self.waiting.remove(at).map(|alone| vec![alone]);
        };
        let mut batch = Vec::with_capacity(MAX_LANES);
        while batch.len() < MAX_LANES && at < self.waiting.len() {
            if self.waiting[at].work.cost() == Some(cost) {
                batch.extend(self.waiting.remove(at));
            } else {
                at += 1;
            }
        }
        Some(batch)
    }
}

impl Reservation {
    /// Computes a digest, as the scheme writes it. Whoever has waited once does not wait in line again.
    pub(crate) async fn run(&mut self, work: HashJob) -> Result<String, Unavailable> {
        let load = self.line.load(&work);
        let place = if self.entered { VecDeque::push_front } else { VecDeque::push_back };
        self.entered = true;
        let digest = self.line.join(work, place).await;
        self.give_back(load);
        digest
    }

    fn give_back(&mut self, load: u64) {
        let load = load.min(self.left);
        self.left -= load;
        self.line.lock().promised -= load;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.give_back(self.left);
        self.line.lock().inside -= 1;
    }
}

#[cfg(test)]
impl HashQueue {
    /// All the work that was ever handed in, in units.
    pub(crate) fn handed_in(&self) -> u64 {
        self.lock().handed_in
    }
}

#[cfg(test)]
#[path = "hash_queue_tests.rs"]
mod tests;
