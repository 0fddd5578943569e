//! Back-pressure from accepting: workers pause while this process or another one accepts commands.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The time of the last accepted command. A client waits for its 202, but not for commands accepted earlier. So
/// workers leave the database to new commands first.
#[derive(Default)]
pub(crate) struct AcceptPressure(Mutex<Option<Instant>>);

impl AcceptPressure {
    /// How long after an accepted command workers pause. On a slow database, a notification from another process or
    /// the next commit may take this long.
    const LATELY: Duration = Duration::from_millis(100);
    /// A pause lasts this many times as long as the work before it.
    const TIMES: u32 = 3;
    const LONGEST: Duration = Duration::from_millis(100);

    pub(crate) fn record(&self) {
        *self.last() = Some(Instant::now());
    }

    /// While commands are arriving, sleeps three times as long as the work that began at `begun`, but at most 100 ms.
    /// So a fast database is hardly slowed.
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
    async fn while_commands_arrive_workers_pause_three_times_as_long_as_they_worked_but_not_longer_than_the_limit() {
        let accept_pressure = AcceptPressure::default();
        assert_eq!(way_given(&accept_pressure).await, Duration::ZERO, "no command was accepted");
        accept_pressure.record();
        assert_eq!(way_given(&accept_pressure).await, WORK * 3, "a command was just accepted");
        accept_pressure.record();
        let begun = Instant::now() - AcceptPressure::LONGEST;
        accept_pressure.yield_to_accepts(begun).await;
        assert_eq!(begun.elapsed(), AcceptPressure::LONGEST * 2, "the pause is limited");
        advance(AcceptPressure::LATELY).await;
        assert_eq!(way_given(&accept_pressure).await, Duration::ZERO, "the last command came long ago");
    }
}
