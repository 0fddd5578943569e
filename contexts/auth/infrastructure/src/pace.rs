use crate::work::units;
use bcrypt_lanes::{Cost, Job, MAX_LANES, bcrypt};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How long a batch takes, by its width, in hundredths of a hash alone: measured with `cargo xtask bench`.
const BATCH: [u64; MAX_LANES] = [86, 100, 105, 150, 150];
/// Measured at start: some milliseconds.
const FIRST: u32 = 6;

/// How quickly the threads of a line work: nanoseconds for each unit (round of bcrypt) of a batch
/// that is as wide as it gets, averaged over the latest batches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace(u64);

impl Pace {
    /// A first value, from one batch.
    pub(crate) fn measured() -> Self {
        let Ok(cost) = Cost::try_from(FIRST) else { return Self(1) };
        let begun = Instant::now();
        black_box(bcrypt(cost, &[Job { key: b"a first value", salt: [0; 16] }; MAX_LANES]));
        Self(sample(MAX_LANES, units(cost), begun.elapsed()).max(1))
    }

    /// Takes a batch into account: so wide, each of so many units.
    pub(crate) fn learn(&mut self, width: usize, units: u64, took: Duration) {
        // A machine that slept in between was not that slow.
        let sample = sample(width, units, took).min(4 * self.0);
        self.0 = ((7 * self.0 + sample) / 8).max(1);
    }

    /// How long so many units take on so many threads.
    pub(crate) fn of(self, units: u64, threads: usize) -> Duration {
        Duration::from_nanos(self.0.saturating_mul(units) / u64::try_from(threads).unwrap_or(u64::MAX).max(1))
    }
}

/// What the widest batch would take for each unit.
fn sample(width: usize, units: u64, took: Duration) -> u64 {
    let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
    let narrow = BATCH.get(width.saturating_sub(1)).copied().unwrap_or(BATCH[MAX_LANES - 1]);
    (nanos / units.max(1)).saturating_mul(BATCH[MAX_LANES - 1]) / (narrow * MAX_LANES as u64)
}

#[cfg(test)]
impl Pace {
    pub(crate) const fn new(nanos: u64) -> Self {
        Self(nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Pace};

    #[test]
    fn a_wide_batch_tells_how_long_a_unit_takes() {
        let mut pace = Pace::new(1_000);
        for _ in 0..100 {
            pace.learn(5, 1 << 12, Duration::from_nanos((5 * 2_000) << 12));
        }
        assert!((1_990..=2_000).contains(&pace.0), "{pace:?}");
        assert_eq!(Pace::new(2_000).of(10 << 12, 2), Duration::from_nanos(10_000 << 12));
    }

    #[test]
    fn a_narrow_batch_tells_what_a_wide_one_would_take() {
        let mut pace = Pace::new(2_000);
        for _ in 0..100 {
            // Alone, a hash takes 86/150 of the time of five.
            pace.learn(1, 1 << 12, Duration::from_nanos((5 * 2_000 * 86 / 150) << 12));
        }
        assert!((1_980..=2_000).contains(&pace.0), "{pace:?}");
    }

    #[test]
    fn one_batch_during_which_the_machine_slept_does_not_spoil_the_average() {
        let mut pace = Pace::new(2_000);
        pace.learn(5, 1 << 12, Duration::from_secs(3_600));
        assert_eq!(pace.0, (7 * 2_000 + 8_000) / 8);
    }

    #[test]
    fn the_first_value_is_measured() {
        let Pace(nanos) = Pace::measured();
        assert!(nanos > 0);
    }
}
