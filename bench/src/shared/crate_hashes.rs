//! The `bcrypt` crate by itself.

use super::cores;
use super::statistics::number;
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

/// Roster's default cost.
pub(crate) const COST: u32 = 12;

pub(crate) fn seconds(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64()
}

/// The seconds of one hash.
pub(crate) fn one_hash(cost: u32) -> f64 {
    seconds(|| {
        black_box(bcrypt::bcrypt(cost, [7; 16], black_box(b"a rather long pass phrase\0")));
    })
}

/// Hashes per second with one thread on each processor.
pub(crate) fn on_all_cores(lasts: Duration) -> f64 {
    let began = Instant::now();
    let hash = || {
        let mut hashes = 0;
        while began.elapsed() < lasts {
            one_hash(COST);
            hashes += 1;
        }
        hashes
    };
    let hashes: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores()).map(|_| scope.spawn(hash)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).sum()
    });
    number(hashes) / began.elapsed().as_secs_f64()
}
