//! Whether commands are being accepted just now, here or by another process.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Whoever is accepted is waited for; what was accepted is not, and gives way on the same database.
#[derive(Default)]
pub(crate) struct AcceptPressure(Mutex<Option<Instant>>);

impl AcceptPressure {
    /// News from another process may take as long, and the next commit too, when the database is slow.
    const LATELY: Duration = Duration::from_millis(100);
    /// How long a rest is, beside the work that it follows.
    const TIMES: u32 = 3;
    const LONGEST: Duration = Duration::from_millis(100);

    pub(crate) fn record(&self) {
        *self.last() = Some(Instant::now());
    }

    /// Rests after work that began then. A large database that answers quickly is asked again as quickly.
    pub(crate) async fn yield_to_accepts(&self, begun: Instant) {
        if self.is_on() {
            sleep((begun.elapsed() * Self::TIMES).min(Self::LONGEST)).await;
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.last().is_some_and(|last| last.elapsed() < Self::LATELY)
    }

    fn last(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::AcceptPressure;
    use tokio::time::{Duration, Instant, advance};

    const WORK: Duration = Duration::from_millis(5);

    async fn way_given(accept_pressure: &AcceptPressure) -> Duration {
        let begun = Instant::now();
        advance(WORK).await;
        accept_pressure.yield_to_accepts(begun).await;
        begun.elapsed() - WORK
    }

    #[tokio::test(start_paused = true)]
    async fn in_a_rush_a_rest_is_three_times_as_long_as_the_work_but_never_long_and_otherwise_there_is_none() {
        let accept_pressure = AcceptPressure::default();
        assert_eq!(way_given(&accept_pressure).await, Duration::ZERO, "nobody was ever accepted");
        accept_pressure.record();
        assert_eq!(way_given(&accept_pressure).await, WORK * 3, "somebody has just been accepted");
        accept_pressure.record();
        let begun = Instant::now() - AcceptPressure::LONGEST;
        accept_pressure.yield_to_accepts(begun).await;
        assert_eq!(begun.elapsed(), AcceptPressure::LONGEST * 2, "the work was long");
        advance(AcceptPressure::LATELY).await;
        assert_eq!(way_given(&accept_pressure).await, Duration::ZERO, "that was long ago");
    }
}
