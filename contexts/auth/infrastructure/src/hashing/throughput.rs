use crate::hashing::hash_job::units;
use bcrypt_lanes::{Cost, Job, MAX_LANES, bcrypt};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The relative durations of batches of 1 to 5 hashes, measured with `cargo xtask bench`.
const BATCH: [u64; MAX_LANES] = [86, 100, 105, 150, 150];
/// The cost of the batch that is measured at start, which takes some milliseconds.
const FIRST: u32 = 6;
/// The assumed cost of a batch until the first one is measured.
const USUAL: u32 = 12;

/// An estimate of the throughput of the threads of a queue, from the latest batches, in nanoseconds. A slower batch
/// counts fully at once, because promised waits must hold when a flood begins. A faster batch counts a quarter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThroughputEstimate {
    /// The time for one unit (round of bcrypt) of one hash, in a batch of the greatest width.
    unit: u64,
    /// The time for a batch of the usual width and cost.
    batch: u64,
}

impl ThroughputEstimate {
    /// Measures one batch for a first estimate. It adds half, because each core is slower when all are busy.
    pub(crate) fn measured() -> Self {
        let Ok(cost) = Cost::try_from(FIRST) else { return Self { unit: 1, batch: 0 } };
        let begun = Instant::now();
        black_box(bcrypt(cost, &[Job { key: b"a first value", salt: [0; 16] }; MAX_LANES]));
        let unit = sample(MAX_LANES, units(cost), begun.elapsed()).saturating_mul(3) / 2;
        Self { unit: unit.max(1), batch: unit.saturating_mul(MAX_LANES as u64) << USUAL }
    }

    /// Updates the estimate by a batch of `width` hashes of `units` each.
    pub(crate) fn learn(&mut self, width: usize, units: u64, took: Duration) {
        let learnt = |known: u64, seen: u64| seen.max(known / 4 * 3 + seen / 4).max(1);
        // Limit one sample: the machine may have slept during the batch.
        let longest = 2 * self.unit;
        self.unit = learnt(self.unit, sample(width, units, took).min(longest));
        self.batch =
            learnt(self.batch, nanos(took).min(longest.saturating_mul(units).saturating_mul(MAX_LANES as u64)));
    }

    /// The estimated time for one batch.
    pub(crate) const fn batch(self) -> Duration {
        Duration::from_nanos(self.batch)
    }

    /// The estimated time for `units` on `threads`.
    pub(crate) fn duration_of(self, units: u64, threads: usize) -> Duration {
        Duration::from_nanos(self.unit.saturating_mul(units) / u64::try_from(threads).unwrap_or(u64::MAX).max(1))
    }
}

/// Converts the duration of a batch into the time for one unit in a batch of the greatest width.
fn sample(width: usize, units: u64, took: Duration) -> u64 {
    let narrow = BATCH.get(width.saturating_sub(1)).copied().unwrap_or(BATCH[MAX_LANES - 1]);
    (nanos(took) / units.max(1)).saturating_mul(BATCH[MAX_LANES - 1]) / (narrow * MAX_LANES as u64)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
impl ThroughputEstimate {
    /// An estimate of `unit` nanoseconds for one unit.
    pub(crate) const fn new(unit: u64) -> Self {
        Self { unit, batch: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, ThroughputEstimate};

    #[test]
    fn the_time_for_a_unit_is_learnt_from_wide_batches() {
        let mut pace = ThroughputEstimate::new(1_000);
        for _ in 0..100 {
            pace.learn(5, 1 << 12, Duration::from_nanos((5 * 2_000) << 12));
        }
        assert!((1_990..=2_000).contains(&pace.unit), "{pace:?}");
        let batch = Duration::from_nanos((5 * 2_000) << 12);
        assert!(pace.batch() <= batch && pace.batch() > batch * 99 / 100, "{pace:?}");
        assert_eq!(ThroughputEstimate::new(2_000).duration_of(10 << 12, 2), Duration::from_nanos(10_000 << 12));
    }

    #[test]
    fn the_time_for_a_wide_batch_is_learnt_from_narrow_ones() {
        let mut pace = ThroughputEstimate::new(2_000);
        for _ in 0..100 {
            // Alone, a hash takes 86/150 of the time of five.
            pace.learn(1, 1 << 12, Duration::from_nanos((5 * 2_000 * 86 / 150) << 12));
        }
        assert!((1_980..=2_000).contains(&pace.unit), "{pace:?}");
    }

    #[test]
    fn a_slow_batch_counts_at_once_and_a_sleep_of_the_machine_is_soon_forgotten() {
        let mut pace = ThroughputEstimate::new(2_000);
        pace.learn(5, 1 << 12, Duration::from_secs(3_600));
        assert_eq!(pace.unit, 4_000);
        for _ in 0..10 {
            pace.learn(5, 1 << 12, Duration::from_nanos((5 * 2_000) << 12));
        }
        assert!(pace.unit < 2_200, "{pace:?}");
    }

    #[test]
    fn the_first_value_is_measured() {
        assert!(ThroughputEstimate::measured().unit > 1);
    }
}
