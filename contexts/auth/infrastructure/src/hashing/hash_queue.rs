use crate::hashing::bcrypt::BcryptJob;
use crate::hashing::hash_job::HashJob;
use crate::hashing::single_job::SingleJob;
use crate::hashing::throughput::{Sample, ThroughputEstimate};
use bcrypt_lanes::{Job, Lanes, MAX_LANES, base64};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use use_case::Unavailable;

/// Callers whose estimated wait for a result is longer than this are refused. The aim is a response within two seconds:
/// the rest of the sign-in takes time, too, and a hash may be slower than the ones before.
const LONGEST: Duration = Duration::from_millis(1_500);
/// The factor for a unit of another scheme than bcrypt. A job uses a core alone, while five bcrypt hashes share one, so a
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
    bcrypt_arrived: Condvar,
    single_arrived: Condvar,
    threads: usize,
}

struct State {
    bcrypt: VecDeque<Waiting<BcryptJob>>,
    /// Jobs of other schemes.
    single: VecDeque<Waiting<Box<dyn SingleJob>>>,
    /// The number of bcrypt jobs in lanes.
    in_lanes: usize,
    /// The tickets that have been given out.
    tickets: u64,
    estimate: ThroughputEstimate,
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

struct Waiting<J> {
    /// The order of arrival in both queues.
    ticket: u64,
    job: J,
    answer: oneshot::Sender<String>,
}

/// A job in a lane.
struct InLane {
    answer: oneshot::Sender<String>,
    units: u64,
    begun: Instant,
}

/// The right of an admitted caller to hand in work, up to the units that were reserved.
pub(crate) struct Reservation {
    queue: Arc<HashQueue>,
    left: u64,
    entered: bool,
}

impl HashQueue {
    /// A queue for `threads` that compute bcrypt, and as many that compute other schemes. Without the latter, no job may
    /// be of another scheme.
    pub(crate) fn new(threads: usize, estimate: ThroughputEstimate) -> Arc<Self> {
        let state = State {
            bcrypt: VecDeque::new(),
            single: VecDeque::new(),
            in_lanes: 0,
            tickets: 0,
            estimate,
            inside: 0,
            promised: 0,
            memory_hard_runs: false,
            closed: false,
            #[cfg(test)]
            handed_in: 0,
        };
        let (bcrypt_arrived, single_arrived) = (Condvar::new(), Condvar::new());
        Arc::new(Self { state: Mutex::new(state), bcrypt_arrived, single_arrived, threads })
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
        self.join(work, Place::Last).await
    }

    async fn join(&self, work: HashJob, place: Place) -> Result<String, Unavailable> {
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.lock();
            #[cfg(test)]
            {
                state.handed_in += work.units();
            }
            let ticket = state.ticket(place);
            match work {
                HashJob::Bcrypt(job) => {
                    place.put(&mut state.bcrypt, Waiting { ticket, job, answer });
                    self.bcrypt_arrived.notify_one();
                }
                HashJob::Single(job) => {
                    place.put(&mut state.single, Waiting { ticket, job, answer });
                    self.single_arrived.notify_one();
                }
            }
        }
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
        self.bcrypt_arrived.notify_all();
        self.single_arrived.notify_all();
    }

    /// The loop of a thread that computes bcrypt. A job that arrives joins those that are being computed, if a lane is
    /// free. The loop ends when the queue is closed and empty. It calls `pause` every eight rounds: after some tenths of a
    /// millisecond.
    pub(crate) fn compute_bcrypt(&self, pause: fn()) {
        let (mut lanes, mut sample) = (Lanes::default(), Sample::default());
        while self.fill(&mut lanes) {
            pause();
            let (width, mut ended) = (lanes.len(), Vec::new());
            let begun = Instant::now();
            let rounds = lanes.advance(|job: InLane, digest| ended.push((job, digest)));
            sample.add(width, rounds, begun.elapsed());
            if !ended.is_empty() {
                let mut state = self.lock();
                state.in_lanes -= ended.len();
                ended.iter().for_each(|(job, _)| state.estimate.learn_duration(job.units, job.begun.elapsed()));
                sample = state.estimate.learn_speed(sample);
            }
            for (job, digest) in ended {
                // The caller may have gone.
                let _ = job.answer.send(base64::encode(&digest));
            }
        }
    }

    /// Begins waiting jobs in free lanes, and waits for a job if there is none to compute. False at the end.
    fn fill(&self, lanes: &mut Lanes<InLane>) -> bool {
        if lanes.is_full() {
            return true;
        }
        let mut state = self.lock();
        loop {
            let new = state.take_bcrypt(lanes.len(), self.threads);
            if !new.is_empty() || !lanes.is_empty() {
                if !new.is_empty() && !state.single.is_empty() {
                    // Jobs of other schemes may have waited for these.
                    self.single_arrived.notify_all();
                }
                drop(state);
                for Waiting { job, answer, .. } in new {
                    let (cost, units) = (job.cost, job.units());
                    let job = Job { key: &job.key, salt: job.salt };
                    lanes.begin(cost, &job, InLane { answer, units, begun: Instant::now() });
                }
                return true;
            }
            if state.closed {
                return false;
            }
            state = self.bcrypt_arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The loop of a thread that computes other schemes, a job at a time. It ends when the queue is closed and empty.
    pub(crate) fn compute_others(&self) {
        while let Some(Waiting { job, answer, .. }) = self.next_single() {
            let computed = catch_unwind(AssertUnwindSafe(|| job.compute()));
            if job.is_memory_hard() {
                self.lock().memory_hard_runs = false;
                self.single_arrived.notify_one();
            }
            match computed {
                // The caller may have gone.
                Ok(Ok(digest)) => drop(answer.send(digest)),
                Ok(Err(error)) => tracing::error!(%error, "could not compute a password hash"),
                Err(_) => tracing::error!("the computation of a password hash panicked"),
            }
        }
    }

    fn next_single(&self) -> Option<Waiting<Box<dyn SingleJob>>> {
        let mut state = self.lock();
        loop {
            state.single.retain(|waiting| !waiting.answer.is_closed());
            if let Some(next) = state.take_single() {
                return Some(next);
            }
            if state.closed && state.single.is_empty() {
                return None;
            }
            state = self.single_arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a job enters the queue.
#[derive(Clone, Copy)]
enum Place {
    First,
    Last,
}

impl Place {
    fn put<J>(self, queue: &mut VecDeque<J>, job: J) {
        match self {
            Self::First => queue.push_front(job),
            Self::Last => queue.push_back(job),
        }
    }
}

impl State {
    fn check(&self, threads: usize) -> Result<(), Overloaded> {
        let wait = self.estimate.duration_of(self.promised, threads);
        let bound = LONGEST.saturating_sub(self.estimate.hash());
        let is_refused = self.inside >= threads.max(1) && wait > bound;
        if is_refused { Err(Overloaded { retry_after: wait - bound }) } else { Ok(()) }
    }

    /// The ticket of a job that arrives now; 0 for one that goes first.
    const fn ticket(&mut self, place: Place) -> u64 {
        match place {
            Place::First => 0,
            Place::Last => {
                self.tickets += 1;
                self.tickets
            }
        }
    }

    /// Takes waiting jobs for a thread that computes `running` ones: as many as it has free lanes, and no more than its
    /// share, so that a thread does not fill its lanes while another is idle. Jobs of callers who have gone are dropped.
    fn take_bcrypt(&mut self, running: usize, threads: usize) -> Vec<Waiting<BcryptJob>> {
        let share = (self.in_lanes + self.bcrypt.len()).div_ceil(threads.max(1)).min(MAX_LANES);
        let mut new = Vec::new();
        while running + new.len() < share
            && let Some(waiting) = self.bcrypt.pop_front()
        {
            if !waiting.answer.is_closed() {
                new.push(waiting);
            }
        }
        self.in_lanes += new.len();
        new
    }

    /// Takes the first job that can run. A job of another scheme waits for the bcrypt jobs that arrived before it, though it
    /// has threads of its own: otherwise the time of a sign-in would tell the scheme of an account's hash, and so that the
    /// account exists.
    fn take_single(&mut self) -> Option<Waiting<Box<dyn SingleJob>>> {
        let (runs, oldest) = (self.memory_hard_runs, self.bcrypt.front().map_or(u64::MAX, |waiting| waiting.ticket));
        let at = self.single.iter().position(|it| it.ticket <= oldest && !(runs && it.job.is_memory_hard()))?;
        let next = self.single.remove(at)?;
        self.memory_hard_runs |= next.job.is_memory_hard();
        Some(next)
    }
}

impl Reservation {
    /// Computes a digest, encoded as the scheme writes it. The first job of a reservation goes to the end of the queue;
    /// later ones go to its front.
    pub(crate) async fn run(&mut self, work: HashJob) -> Result<String, Unavailable> {
        let load = self.queue.load(&work);
        let place = if self.entered { Place::First } else { Place::Last };
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
