//! Hashing on threads of its own: per core one for sign-ins, and one of lower priority for sign-ups.
//!
//! The runtime's blocking threads are the wrong place: hundreds of them would hash at once, and
//! nobody's hash would be done.

use crate::bcrypt_sha256::Work;
use bcrypt_lanes::{Job, MAX_LANES};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use tokio::sync::oneshot;
use use_case::Unavailable;

/// Sign-ins that may wait for a thread: at four to ten hashes a second and core, about ten seconds.
const SIGN_INS_WAITING: usize = 128;
/// Sign-ups give way: this many steps of niceness.
const NICE: i32 = 10;

/// Who hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// Somebody is waiting for the answer.
    SignIns,
    /// The ledger is: it has time.
    SignUps,
}

/// The threads. They end when it is dropped.
pub struct HashPool {
    sign_ins: Arc<Line>,
    sign_ups: Arc<Line>,
}

impl HashPool {
    /// Starts one thread of each kind per core.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn start(cores: usize) -> std::io::Result<Self> {
        let pool = Self { sign_ins: Line::new(SIGN_INS_WAITING), sign_ups: Line::new(usize::MAX) };
        for core in 0..cores {
            let (sign_ins, sign_ups) = (Arc::clone(&pool.sign_ins), Arc::clone(&pool.sign_ups));
            thread::Builder::new().name(format!("sign-ins-{core}")).spawn(move || sign_ins.serve())?;
            thread::Builder::new().name(format!("sign-ups-{core}")).spawn(move || {
                give_way();
                sign_ups.serve();
            })?;
        }
        Ok(pool)
    }

    /// Computes a hash; its digest in bcrypt's base64.
    ///
    /// # Errors
    /// When the line of sign-ins is full.
    pub(crate) async fn run(&self, share: Share, work: Work) -> Result<String, Unavailable> {
        let line = match share {
            Share::SignIns => &self.sign_ins,
            Share::SignUps => &self.sign_ups,
        };
        let (answer, answered) = oneshot::channel();
        line.join(Waiting { work, answer }).map_err(|Full| Unavailable::for_now("too many sign-ins are waiting"))?;
        answered.await.map_err(|_| Unavailable::for_now("the hashing threads have ended"))
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        self.sign_ins.close();
        self.sign_ups.close();
    }
}

struct Waiting {
    work: Work,
    answer: oneshot::Sender<String>,
}

struct Full;

struct Line {
    state: Mutex<State>,
    arrived: Condvar,
    room: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    closed: bool,
}

impl Line {
    fn new(room: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), arrived: Condvar::new(), room })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, waiting: Waiting) -> Result<(), Full> {
        let mut state = self.lock();
        // Those whose client has gone need no place.
        if state.waiting.len() >= self.room {
            state.waiting.retain(|waiting| !waiting.answer.is_closed());
        }
        if state.waiting.len() >= self.room {
            return Err(Full);
        }
        state.waiting.push_back(waiting);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }

    fn serve(&self) {
        while let Some(batch) = self.next_batch() {
            let jobs: Vec<_> = batch.iter().map(|it| Job { key: it.work.key.as_bytes(), salt: it.work.salt }).collect();
            let Some(cost) = batch.first().map(|first| first.work.cost) else { continue };
            for (digest, waiting) in bcrypt_lanes::bcrypt(cost, &jobs).into_iter().zip(batch) {
                // Whoever asked may have gone.
                let _ = waiting.answer.send(bcrypt_lanes::base64::encode(&digest));
            }
        }
    }

    /// As many as wait, up to the lanes of a core: alone, a hash runs alone.
    fn next_batch(&self) -> Option<Vec<Waiting>> {
        let mut state = self.lock();
        loop {
            state.waiting.retain(|waiting| !waiting.answer.is_closed());
            if let Some(first) = state.waiting.front() {
                let cost = first.work.cost;
                let same = state.waiting.iter().take(MAX_LANES).take_while(|it| it.work.cost == cost).count();
                return Some(state.waiting.drain(..same).collect());
            }
            if state.closed {
                return None;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// On Linux a thread has a priority of its own. Elsewhere, and where it is forbidden, sign-ups compete.
fn give_way() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
}

#[cfg(test)]
mod tests {
    use super::{HashPool, Share};
    use crate::bcrypt_sha256::{Work, stored};
    use auth_domain::{Cost, PasswordHash};
    use kernel::Secret;

    #[tokio::test]
    async fn many_at_once_each_get_their_own_hash() {
        let pool = HashPool::start(2).expect("threads");
        let cost = Cost::try_from(10).expect("in range");
        let passwords: Vec<_> = (0..12).map(|n| Secret::new(format!("password number {n}"))).collect();
        let hashing = passwords.iter().map(async |password| {
            let (work, salt) = Work::anew(cost, password).expect("randomness");
            let digest = pool.run(Share::SignUps, work).await.expect("room");
            stored(cost, &salt, &digest).expect("well formed")
        });
        let hashes = futures::future::join_all(hashing).await;
        for (password, PasswordHash::BcryptSha256(hash)) in passwords.iter().zip(&hashes) {
            let again = Work::again(hash, password).expect("well formed");
            assert_eq!(pool.run(Share::SignIns, again).await.expect("room"), hash.expose_digest());
        }
        let mut salts: Vec<_> = hashes.iter().map(|PasswordHash::BcryptSha256(hash)| hash.salt()).collect();
        salts.sort_unstable();
        salts.dedup();
        assert_eq!(salts.len(), 12, "each hash has a salt of its own");
    }

    #[tokio::test]
    async fn a_full_line_of_sign_ins_is_unavailable_and_not_a_wrong_password() {
        let pool = HashPool::start(0).expect("no threads");
        let work = || Work::anew(Cost::default(), &Secret::new("p".into())).expect("randomness").0;
        let waiting: Vec<_> =
            (0..super::SIGN_INS_WAITING).map(|_| Box::pin(pool.run(Share::SignIns, work()))).collect();
        let waiting = futures::future::join_all(waiting);
        tokio::select! {
            biased;
            _ = waiting => panic!("nobody hashes"),
            refused = pool.run(Share::SignIns, work()) => assert!(refused.is_err()),
        }
    }
}
