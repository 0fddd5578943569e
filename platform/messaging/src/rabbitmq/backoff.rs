use ledger::backoff;
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// The pauses between tries to reach the broker.
#[derive(Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    pub(crate) fn next(&mut self) -> Duration {
        let pause = backoff(FIRST, LONGEST, self.failures);
        self.failures = self.failures.saturating_add(1);
        pause
    }
}
