//! Whether commands are being accepted just now, here or by another process.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Whoever is accepted is waited for; what was accepted is not, and gives way on the same database.
#[derive(Default)]
pub(crate) struct Rush(Mutex<Option<Instant>>);

impl Rush {
    /// News from another process may take as long, and the next commit too, when the database is slow.
    const LATELY: Duration = Duration::from_millis(100);
    /// How long a rest is, beside the work that it follows.
    const TIMES: u32 = 3;
    const LONGEST: Duration = Duration::from_millis(100);

    pub(crate) fn now(&self) {
        *self.last() = Some(Instant::now());
    }

    /// Rests after work that began then. A large database that answers quickly is asked again as quickly.
    pub(crate) async fn give_way(&self, begun: Instant) {
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
    use super::Rush;
    use tokio::time::{Duration, Instant, advance};

    const WORK: Duration = Duration::from_millis(5);

    async fn way_given(rush: &Rush) -> Duration {
        let begun = Instant::now();
        advance(WORK).await;
        rush.give_way(begun).await;
        begun.elapsed() - WORK
    }

    #[tokio::test(start_paused = true)]
    async fn in_a_rush_a_rest_is_three_times_as_long_as_the_work_but_never_long_and_otherwise_there_is_none() {
        let rush = Rush::default();
        assert_eq!(way_given(&rush).await, Duration::ZERO, "nobody was ever accepted");
        rush.now();
        assert_eq!(way_given(&rush).await, WORK * 3, "somebody has just been accepted");
        rush.now();
        let begun = Instant::now() - Rush::LONGEST;
        rush.give_way(begun).await;
        assert_eq!(begun.elapsed(), Rush::LONGEST * 2, "the work was long");
        advance(Rush::LATELY).await;
        assert_eq!(way_given(&rush).await, Duration::ZERO, "that was long ago");
    }
}
