//! The hashing threads: per core one for sign-ins, one for sign-ins with an imported hash of another scheme than bcrypt,
//! and one of lower priority for new passwords.
//!
//! The runtime's blocking threads are unsuitable: hundreds of them would hash at once, and no hash would be done in
//! time.

use crate::hashing::bcrypt::BcryptJob;
use crate::hashing::hash_job::HashJob;
use crate::hashing::hash_queue::{HashQueue, Reservation};
use crate::hashing::throughput::ThroughputEstimate;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use use_case::Unavailable;

/// The niceness of the sign-up threads, the highest there is: sign-ups yield to sign-ins. A worker process also has a
/// low priority as a whole.
const NICE: i32 = 19;

/// The hashing threads and their queues. The threads end when the pool is dropped.
pub struct HashPool {
    pub(crate) sign_ins: Arc<HashQueue>,
    sign_ups: Arc<HashQueue>,
}

impl HashPool {
    /// Starts one thread of each kind per core. First it measures the speed of the machine, for some milliseconds.
    ///
    /// # Errors
    /// If the system refuses to start a thread.
    pub fn start(cores: usize) -> std::io::Result<Self> {
        let estimate = ThroughputEstimate::measured();
        let pool = Self { sign_ins: HashQueue::new(cores, estimate), sign_ups: HashQueue::new(cores, estimate) };
        for core in 0..cores {
            let [bcrypt, others] = [(); 2].map(|()| Arc::clone(&pool.sign_ins));
            let sign_ups = Arc::clone(&pool.sign_ups);
            spawn(format!("sign-ins-{core}"), move || bcrypt.compute_bcrypt(|| {}))?;
            spawn(format!("imported-{core}"), move || others.compute_others())?;
            spawn(format!("sign-ups-{core}"), move || {
                lower_priority();
                sign_ups.compute_bcrypt(yield_core);
            })?;
        }
        Ok(pool)
    }

    /// Whether a caller that waits for a response would be admitted now.
    ///
    /// # Errors
    /// [`Overloaded`](crate::Overloaded) if not.
    pub(crate) fn check(&self) -> Result<(), Unavailable> {
        self.sign_ins.check().map_err(Unavailable::retry_later)
    }

    /// Admits a caller that waits for a response, with these jobs and up to `more` further units of bcrypt.
    ///
    /// # Errors
    /// [`Overloaded`](crate::Overloaded) if the estimated wait is longer than 1.5 seconds.
    pub(crate) fn admit(&self, works: &[HashJob], more: u64) -> Result<Reservation, Unavailable> {
        self.sign_ins.admit(works, more).map_err(Unavailable::retry_later)
    }

    /// Computes a digest at low priority, for messages of the ledger.
    ///
    /// # Errors
    /// If the digest cannot be computed now.
    pub(crate) async fn run(&self, job: BcryptJob) -> Result<String, Unavailable> {
        self.sign_ups.run(HashJob::Bcrypt(job)).await
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.sign_ins.close();
        self.sign_ups.close();
    }
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    thread::Builder::new().name(name).spawn(run).map(drop)
}

/// Lowers the priority of this thread. On other systems than Linux, and where the system forbids it, sign-ups compete
/// with sign-ins.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
}

/// Yields the core by the shortest possible sleep, which makes hashing about 6 % slower. Niceness decides how much time
/// a thread gets, not which thread runs next: Linux leaves a core to a running thread for a slice or two. It also
/// weighs sessions or containers before threads (sched(7), "The autogroup feature"). Without this sleep, the completion
/// of an fsync was seen to wait 8 ms for a hash.
fn yield_core() {
    thread::sleep(Duration::from_micros(1));
}
