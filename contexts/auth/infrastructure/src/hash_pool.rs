//! Hashing on threads of its own: per core one for sign-ins, and one of lower priority for sign-ups.
//!
//! The runtime's blocking threads are the wrong place: hundreds of them would hash at once, and
//! nobody's hash would be done.

use crate::hash_job::HashJob;
use crate::hash_queue::{HashQueue, Reservation};
use crate::throughput::ThroughputEstimate;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use use_case::Unavailable;

/// Sign-ups give way, also in a worker, which does so as a whole: as many steps of niceness as there are.
const NICE: i32 = 19;

/// The threads. They end when it is dropped.
pub struct HashPool {
    pub(crate) sign_ins: Arc<HashQueue>,
    sign_ups: Arc<HashQueue>,
}

impl HashPool {
    /// Starts one thread of each kind per core, and measures for some milliseconds how quick they are.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn start(cores: usize) -> std::io::Result<Self> {
        let pace = ThroughputEstimate::measured();
        let pool = Self { sign_ins: HashQueue::new(cores, pace), sign_ups: HashQueue::new(cores, pace) };
        for core in 0..cores {
            let (sign_ins, sign_ups) = (Arc::clone(&pool.sign_ins), Arc::clone(&pool.sign_ups));
            thread::Builder::new().name(format!("sign-ins-{core}")).spawn(move || sign_ins.serve(|| {}))?;
            thread::Builder::new().name(format!("sign-ups-{core}")).spawn(move || {
                lower_priority();
                sign_ups.serve(yield_core);
            })?;
        }
        Ok(pool)
    }

    /// Admits somebody who waits for the answer, with this work and perhaps so many units more.
    ///
    /// # Errors
    /// [`Overloaded`](crate::Overloaded) when they would wait longer than 1.5 seconds for the answer.
    pub(crate) fn admit(&self, works: &[HashJob], more: u64) -> Result<Reservation, Unavailable> {
        self.sign_ins.admit(works, more).map_err(Unavailable::retry_later)
    }

    /// Computes a digest for the ledger, which has time.
    ///
    /// # Errors
    /// When it cannot be computed now.
    pub(crate) async fn run(&self, work: HashJob) -> Result<String, Unavailable> {
        self.sign_ups.run(work).await
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.sign_ins.close();
        self.sign_ups.close();
    }
}

/// On Linux a thread has a priority of its own. Elsewhere, and where it is forbidden, sign-ups compete.
fn lower_priority() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
}

/// Niceness decides who gets how much, not who comes next: Linux leaves the core to whoever has it for a slice or
/// two, and weighs by session, or by container, before it looks at threads (sched(7), "The autogroup feature"). The
/// completion of an fsync was seen to wait 8 ms for a hash. The shortest sleep lets in whoever waits; it makes
/// hashing some 6 % slower.
fn yield_core() {
    thread::sleep(Duration::from_micros(1));
}
