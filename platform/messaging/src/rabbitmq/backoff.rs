use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(2);

/// The pause before the next try, with full jitter, so that many nodes do not reconnect at the same time.
#[derive(Default)]
pub(crate) struct Backoff {
    tries: u32,
}

impl Backoff {
    pub(crate) fn next(&mut self) -> Duration {
        let most = FIRST.saturating_mul(1 << self.tries.min(10)).min(MOST);
        self.tries += 1;
        // Without randomness, the longest pause is the safe one.
        let share = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
        most.mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, FIRST, MOST};

    #[test]
    fn waits_grow_to_two_seconds_and_differ() {
        let waits = || {
            let mut backoff = Backoff::default();
            (0..100).map(|_| backoff.next()).collect::<Vec<_>>()
        };
        let (one, other) = (waits(), waits());
        assert!(one[0] <= FIRST && one.iter().all(|wait| *wait <= MOST));
        assert!(one[10..].iter().any(|wait| *wait > MOST / 2));
        assert_ne!(one, other);
    }
}
