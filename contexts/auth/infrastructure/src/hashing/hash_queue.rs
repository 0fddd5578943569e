use crate::hashing::hash_job::{HashJob, compute};
use crate::hashing::throughput::ThroughputEstimate;
use bcrypt_lanes::MAX_LANES;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use use_case::Unavailable;

/// Callers whose estimated wait for a result is longer than this are refused. The aim is a response within two seconds:
/// the rest of the sign-in takes time, too, and a batch may be slower than the ones before.
const LONGEST: Duration = Duration::from_millis(1_500);
/// The factor for a unit of another scheme than bcrypt. A job uses a thread alone, while five bcrypt hashes share one, so a
/// unit takes three times as long.
const SINGLE: u64 = 3;

/// The queue is full: too many sign-ins are waiting. It is the source of an [`Unavailable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins are waiting")]
pub struct Overloaded {
    /// The time after which a new caller would be admitted if no other came.
    pub retry_after: Duration,
}

impl Overloaded {
    /// Finds an `Overloaded` in the source of the error.
    #[must_use]
    pub fn from_unavailable(unavailable: &Unavailable) -> Option<&Self> {
        std::error::Error::source(unavailable)?.downcast_ref()
    }
}

/// A bounded queue of hash jobs, and the admission control for it.
pub(crate) struct HashQueue {
    state: Mutex<State>,
    arrived: Condvar,
    threads: usize,
}

struct State {
    waiting: VecDeque<QueuedHash>,
    pace: ThroughputEstimate,
    /// The number of live reservations.
    inside: usize,
    /// The work that the live reservations may still hand in or are waiting for, in units (rounds of bcrypt).
    promised: u64,
    /// Whether a memory-hard job is running. Only one runs at a time.
    memory_hard_runs: bool,
    closed: bool,
    #[cfg(test)]
    handed_in: u64,
}

struct QueuedHash {
    work: HashJob,
    answer: oneshot::Sender<String>,
}

/// The right of an admitted caller to hand in work, up to the units that were reserved.
pub(crate) struct Reservation {
    queue: Arc<HashQueue>,
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
            memory_hard_runs: false,
            closed: false,
            #[cfg(test)]
            handed_in: 0,
        };
        Arc::new(Self { state: Mutex::new(state), arrived: Condvar::new(), threads })
    }

    /// Admits a caller with these jobs and up to `more` further units of bcrypt, unless the wait would be too long. The
    /// decision depends on other callers alone, so that a refusal reveals nothing about an account.
    ///
    /// A caller is always admitted while a thread is free. So a wrong estimate of the throughput is corrected.
    pub(crate) fn admit(self: &Arc<Self>, works: &[HashJob], more: u64) -> Result<Reservation, Overloaded> {
        let mut state = self.lock();
        state.check(self.threads)?;
        let left = more + works.iter().map(|work| self.load(work)).sum::<u64>();
        state.inside += 1;
        state.promised += left;
        drop(state);
        Ok(Reservation { queue: Arc::clone(self), left, entered: false })
    }

    /// Whether a caller would be admitted now. It reserves nothing.
    pub(crate) fn check(&self) -> Result<(), Overloaded> {
        self.lock().check(self.threads)
    }

    /// Computes a digest without a reservation, for callers that are not in a hurry.
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
        answered.await.map_err(|_| Unavailable::retry_later("the hashing threads did not compute a password hash"))
    }

    /// The load of a job on all threads, in units of bcrypt.
    fn load(&self, work: &HashJob) -> u64 {
        match work {
            HashJob::Bcrypt(_) => work.units(),
            // Only one runs at a time, so the other threads cannot share the work.
            HashJob::Single(_) if work.is_memory_hard() => {
                work.units() * SINGLE * u64::try_from(self.threads).unwrap_or(1).max(1)
            }
            HashJob::Single(_) => work.units() * SINGLE,
        }
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    /// The loop of a hashing thread. It ends when the queue is closed and empty. Hashing calls `pause` about once per
    /// millisecond.
    pub(crate) fn serve(&self, pause: fn()) {
        while let Some(batch) = self.next_batch() {
            let begun = Instant::now();
            let digests = compute(batch.iter().map(|waiting| &waiting.work), pause);
            self.done(&batch, begun.elapsed());
            for (digest, waiting) in digests.into_iter().zip(batch) {
                // The caller may have gone.
                let _ = digest.map(|digest| waiting.answer.send(digest));
            }
        }
    }

    fn done(&self, batch: &[QueuedHash], took: Duration) {
        let Some(first) = batch.first() else { return };
        let mut state = self.lock();
        if first.work.cost().is_some() {
            state.pace.learn(batch.len(), first.work.units(), took);
        } else if first.work.is_memory_hard() {
            state.memory_hard_runs = false;
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
    fn check(&self, threads: usize) -> Result<(), Overloaded> {
        let wait = self.pace.duration_of(self.promised, threads);
        let bound = LONGEST.saturating_sub(self.pace.batch());
        let is_refused = self.inside >= threads.max(1) && wait > bound;
        if is_refused { Err(Overloaded { retry_after: wait - bound }) } else { Ok(()) }
    }

    /// Takes the first job that can run, and the waiting jobs of the same cost, up to the lanes of a core. A single
    /// hash does not wait for others.
    fn take_batch(&mut self) -> Option<Vec<QueuedHash>> {
        let runs = self.memory_hard_runs;
        let mut at = self.waiting.iter().position(|it| !(runs && it.work.is_memory_hard()))?;
        let Some(cost) = self.waiting[at].work.cost() else {
            self.memory_hard_runs |= self.waiting[at].work.is_memory_hard();
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
    /// Computes a digest, encoded as the scheme writes it. The first job of a reservation goes to the end of the queue;
    /// later ones go to its front.
    pub(crate) async fn run(&mut self, work: HashJob) -> Result<String, Unavailable> {
        let load = self.queue.load(&work);
        let place = if self.entered { VecDeque::push_front } else { VecDeque::push_back };
        self.entered = true;
        let digest = self.queue.join(work, place).await;
        self.give_back(load);
        digest
    }

    fn give_back(&mut self, load: u64) {
        let load = load.min(self.left);
        self.left -= load;
        self.queue.lock().promised -= load;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.give_back(self.left);
        self.queue.lock().inside -= 1;
    }
}

#[cfg(test)]
impl HashQueue {
    /// The sum of all work that was handed in, in units.
    pub(crate) fn handed_in(&self) -> u64 {
        self.lock().handed_in
    }
}

#[cfg(test)]
#[path = "hash_queue_tests.rs"]
mod tests;
