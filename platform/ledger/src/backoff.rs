use std::time::Duration;

/// The pause after so many failures, with full jitter: a random time up to a bound that doubles from `first` to
/// `longest`. So tasks that failed together do not try again together.
#[must_use]
pub fn backoff(first: Duration, longest: Duration, failures: u32) -> Duration {
    let bound = first.saturating_mul(1 << failures.min(16)).min(longest);
    // Without randomness, the longest pause is the safe one.
    let share = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
    bound.mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::backoff;
    use std::time::Duration;

    #[test]
    fn pauses_double_with_full_jitter_up_to_the_longest() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(2));
        for failures in 0..40 {
            let bound = first.saturating_mul(1 << failures.min(20)).min(longest);
            let pauses: Vec<_> = (0..200).map(|_| backoff(first, longest, failures)).collect();
            assert!(pauses.iter().all(|pause| *pause <= bound), "after {failures} failures");
            assert!(pauses.iter().any(|pause| *pause > bound / 2) && pauses.iter().any(|pause| *pause < bound / 2));
        }
    }
}
