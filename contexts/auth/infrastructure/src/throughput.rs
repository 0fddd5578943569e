use crate::hash_job::units;
use bcrypt_lanes::{Cost, Job, MAX_LANES, bcrypt};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long a batch takes, by its width, in hundredths of a hash alone: measured with `cargo xtask bench`.
const BATCH: [u64; MAX_LANES] = [86, 100, 105, 150, 150];
/// Measured at start: some milliseconds.
const FIRST: u32 = 6;
/// Until a batch has been seen, it is of this cost.
const USUAL: u32 = 12;

/// How quickly the threads of a line work, by the latest batches. In nanoseconds. A slower one counts at once, since
/// what is promised must hold while a flood begins; a quicker one counts a quarter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThroughputEstimate {
    /// For each unit (round of bcrypt) of a batch that is as wide as it gets.
    unit: u64,
    /// For a batch, as they come.
    batch: u64,
}

impl ThroughputEstimate {
    /// A first value, from one batch. Where every core is busy each is slower: half as much again.
    pub(crate) fn measured() -> Self {
        let Ok(cost) = Cost::try_from(FIRST) else { return Self { unit: 1, batch: 0 } };
        let begun = Instant::now();
        black_box(bcrypt(cost, &[Job { key: b"a first value", salt: [0; 16] }; MAX_LANES]));
        let unit = sample(MAX_LANES, units(cost), begun.elapsed()).saturating_mul(3) / 2;
        Self { unit: unit.max(1), batch: unit.saturating_mul(MAX_LANES as u64) << USUAL }
    }

    /// Takes a batch into account: so wide, each of so many units.
    pub(crate) fn learn(&mut self, width: usize, units: u64, took: Duration) {
        let learnt = |known: u64, seen: u64| seen.max(known / 4 * 3 + seen / 4).max(1);
        // A machine that slept in between was not that slow.
        let longest = 2 * self.unit;
        self.unit = learnt(self.unit, sample(width, units, took).min(longest));
        self.batch =
            learnt(self.batch, nanos(took).min(longest.saturating_mul(units).saturating_mul(MAX_LANES as u64)));
    }

    /// How long a batch takes.
    pub(crate) const fn batch(self) -> Duration {
        Duration::from_nanos(self.batch)
    }

    /// How long so many units take on so many threads.
    pub(crate) fn duration_of(self, units: u64, threads: usize) -> Duration {
        Duration::from_nanos(self.unit.saturating_mul(units) / u64::try_from(threads).unwrap_or(u64::MAX).max(1))
    }
}

/// What the widest batch would take for each unit.
fn sample(width: usize, units: u64, took: Duration) -> u64 {
    let narrow = BATCH.get(width.saturating_sub(1)).copied().unwrap_or(BATCH[MAX_LANES - 1]);
    (nanos(took) / units.max(1)).saturating_mul(BATCH[MAX_LANES - 1]) / (narrow * MAX_LANES as u64)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
impl ThroughputEstimate {
    /// So many nanoseconds for a unit.
    pub(crate) const fn new(unit: u64) -> Self {
        Self { unit, batch: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, ThroughputEstimate};

    #[test]
    fn a_wide_batch_tells_how_long_a_unit_takes() {
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
    fn a_narrow_batch_tells_what_a_wide_one_would_take() {
        let mut pace = ThroughputEstimate::new(2_000);
        for _ in 0..100 {
            // Alone, a hash takes 86/150 of the time of five.
            pace.learn(1, 1 << 12, Duration::from_nanos((5 * 2_000 * 86 / 150) << 12));
        }
        assert!((1_980..=2_000).contains(&pace.unit), "{pace:?}");
    }

    #[test]
    fn a_slow_batch_counts_at_once_but_one_during_which_the_machine_slept_not_for_long() {
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
