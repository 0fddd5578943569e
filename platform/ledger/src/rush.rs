//! Whether commands are being accepted just now, here or by another process.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Whoever is accepted is waited for; what was accepted is not, and gives way on the same database.
#[derive(Default)]
pub(crate) struct Rush(Mutex<Option<Instant>>);

impl Rush {
    /// News from another process may take as long, and the next commit too.
    const LATELY: Duration = Duration::from_millis(30);
    /// Of the time, while there is a rush: enough to stay ahead of the hashing many times over.
    const ONE_PART_IN: u32 = 4;

    pub(crate) fn now(&self) {
        *self.last() = Some(Instant::now());
    }

    /// After work that began then: so long that it takes its part of the time and no more. A large database that
    /// answers quickly is asked again as quickly.
    pub(crate) async fn give_way(&self, begun: Instant) {
        if self.is_on() {
            sleep(begun.elapsed() * (Self::ONE_PART_IN - 1)).await;
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
    async fn in_a_rush_work_takes_one_part_in_four_of_the_time_and_otherwise_all_of_it() {
        let rush = Rush::default();
        assert_eq!(way_given(&rush).await, Duration::ZERO, "nobody was ever accepted");
        rush.now();
        assert_eq!(way_given(&rush).await, WORK * 3, "somebody has just been accepted");
        advance(Rush::LATELY).await;
        assert_eq!(way_given(&rush).await, Duration::ZERO, "that was long ago");
    }
}
