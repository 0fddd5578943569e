use bcrypt_lanes::{Cost, Job, MAX_LANES, bcrypt};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// The relative times for a round of 1 to 5 lanes, measured with `cargo xtask bench`.
const ROUND: [u64; MAX_LANES] = [84, 84, 84, 91, 100];
/// The cost of the hashes that are measured at start, which takes some milliseconds.
const FIRST: u32 = 6;
/// The assumed cost of a hash until the first one is measured.
const USUAL: u32 = 12;
/// The computing time below which a sample says little: the system may have taken the core away for a part of it.
const SHORTEST_SAMPLE: Duration = Duration::from_millis(50);
/// The units below which a hash says little. Failed sign-ins compute such short ones, too, to take equal work.
const SHORTEST_HASH: u64 = 1 << 10;

/// An estimate of the throughput of the threads of a queue, from the latest hashes, in nanoseconds. A slower hash
/// counts fully at once, because promised waits must hold when a flood begins. A faster one counts a quarter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThroughputEstimate {
    /// The time for one unit (round of bcrypt) of one hash, when all lanes compute.
    unit: u64,
    /// The time for a hash, with the other lanes as they were.
    hash: u64,
}

/// What a thread has computed, and how long it took: what else runs on the cores slows sign-ins, so it counts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sample {
    /// In rounds of five lanes, times a hundred.
    rounds: u64,
    took: Duration,
}

impl Sample {
    /// Adds rounds of `width` lanes.
    pub(crate) fn add(&mut self, width: usize, rounds: u32, took: Duration) {
        let weight = ROUND.get(width.saturating_sub(1)).copied().unwrap_or(ROUND[MAX_LANES - 1]);
        self.rounds += u64::from(rounds) * weight;
        self.took += took;
    }

    /// The time for one unit, when all lanes compute.
    fn unit(&self) -> u64 {
        nanos(self.took).saturating_mul(ROUND[MAX_LANES - 1]) / (self.rounds * MAX_LANES as u64).max(1)
    }
}

impl ThroughputEstimate {
    /// Measures five hashes for a first estimate. It adds half, because each core is slower when all are busy.
    pub(crate) fn measured() -> Self {
        let Ok(cost) = Cost::try_from(FIRST) else { return Self { unit: 1, hash: 0 } };
        let (mut sample, begun) = (Sample::default(), Instant::now());
        black_box(bcrypt(cost, &[Job { key: b"a first value", salt: [0; 16] }; MAX_LANES]));
        sample.add(MAX_LANES, 1 << FIRST, begun.elapsed());
        let unit = (sample.unit().saturating_mul(3) / 2).max(1);
        Self { unit, hash: unit.saturating_mul(MAX_LANES as u64) << USUAL }
    }

    /// Updates the speed, and returns the sample to add to: a short one goes on.
    pub(crate) fn learn_speed(&mut self, sample: Sample) -> Sample {
        if sample.took < SHORTEST_SAMPLE {
            return sample;
        }
        self.unit = learnt(self.unit, sample.unit().min(self.longest()));
        Sample::default()
    }

    /// Updates the duration of a hash by one of that many units.
    pub(crate) fn learn_duration(&mut self, units: u64, took: Duration) {
        if units < SHORTEST_HASH {
            return;
        }
        let longest = self.longest().saturating_mul(units).saturating_mul(MAX_LANES as u64);
        self.hash = learnt(self.hash, nanos(took).min(longest));
    }

    /// The most that one sample may say of a unit: the machine may have slept meanwhile.
    const fn longest(&self) -> u64 {
        2 * self.unit
    }

    /// The estimated time for one hash.
    pub(crate) const fn hash(self) -> Duration {
        Duration::from_nanos(self.hash)
    }

    /// The estimated time for `units` on `threads`.
    pub(crate) fn duration_of(self, units: u64, threads: usize) -> Duration {
        Duration::from_nanos(self.unit.saturating_mul(units) / u64::try_from(threads).unwrap_or(u64::MAX).max(1))
    }
}

fn learnt(known: u64, seen: u64) -> u64 {
    seen.max(known / 4 * 3 + seen / 4).max(1)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
impl ThroughputEstimate {
    /// An estimate of `unit` nanoseconds for one unit.
    pub(crate) const fn new(unit: u64) -> Self {
        Self { unit, hash: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Sample, ThroughputEstimate};

    const HASH: u32 = 1 << 12;

    fn sample(width: usize, nanoseconds_per_round: u64) -> Sample {
        let mut sample = Sample::default();
        for _ in 0..HASH / 8 {
            sample.add(width, 8, Duration::from_nanos(8 * nanoseconds_per_round));
        }
        sample
    }

    #[test]
    fn the_time_for_a_unit_is_learnt_from_full_lanes() {
        let mut estimate = ThroughputEstimate::new(5_000);
        for _ in 0..100 {
            estimate.learn_speed(sample(5, 5 * 10_000));
        }
        assert!((9_990..=10_000).contains(&estimate.unit), "{estimate:?}");
        assert_eq!(ThroughputEstimate::new(2_000).duration_of(10 << 12, 2), Duration::from_nanos(10_000 << 12));
    }

    #[test]
    fn the_time_for_a_unit_of_full_lanes_is_learnt_from_a_lone_hash() {
        let mut estimate = ThroughputEstimate::new(10_000);
        for _ in 0..100 {
            // Alone, a round takes 84/100 of the time of five.
            estimate.learn_speed(sample(1, 5 * 10_000 * 84 / 100));
        }
        assert!((9_980..=10_000).contains(&estimate.unit), "{estimate:?}");
    }

    #[test]
    fn the_duration_of_a_hash_is_learnt() {
        let mut estimate = ThroughputEstimate::new(10_000);
        for _ in 0..100 {
            estimate.learn_duration(HASH.into(), Duration::from_millis(200));
            estimate.learn_duration(16, Duration::from_millis(1));
        }
        assert!(estimate.hash() <= Duration::from_millis(200) && estimate.hash() > Duration::from_millis(198));
    }

    #[test]
    fn a_slow_sample_counts_at_once_and_a_sleep_of_the_machine_is_soon_forgotten() {
        let mut estimate = ThroughputEstimate::new(10_000);
        estimate.learn_speed(sample(5, 1_000_000_000));
        estimate.learn_duration(HASH.into(), Duration::from_secs(3_600));
        assert_eq!(estimate.unit, 20_000);
        assert!(estimate.hash() < Duration::from_secs(1), "{estimate:?}");
        for _ in 0..10 {
            estimate.learn_speed(sample(5, 5 * 10_000));
        }
        assert!(estimate.unit < 11_000, "{estimate:?}");
    }

    #[test]
    fn a_short_sample_waits_for_more() {
        let mut estimate = ThroughputEstimate::new(10_000);
        let mut short = Sample::default();
        short.add(5, 8, Duration::from_millis(40));
        short = estimate.learn_speed(short);
        assert_eq!(estimate.unit, 10_000, "the core may have been taken away");
        short.add(5, 512, Duration::from_millis(26));
        short = estimate.learn_speed(short);
        assert_ne!(estimate.unit, 10_000);
        assert_eq!(short.took, Duration::ZERO);
    }

    #[test]
    fn the_first_value_is_measured() {
        assert!(ThroughputEstimate::measured().unit > 1);
    }
}
