use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// The time by which the handler must have answered. Every request has one in its extensions (`Extension<Deadline>`),
/// so that a request that waits on purpose (`Prefer: wait`) can extend it.
#[derive(Debug, Clone)]
pub struct Deadline(Arc<Mutex<Instant>>);

impl Deadline {
    pub(crate) fn after(within: Duration) -> Self {
        Self(Arc::new(Mutex::new(Instant::now() + within)))
    }

    /// Moves the deadline by this duration.
    pub fn extend(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }

    /// Moves the deadline to this duration from now, unless it is later: the request has made progress.
    pub(crate) fn renew(&self, within: Duration) {
        let mut deadline = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *deadline = (*deadline).max(Instant::now() + within);
    }

    fn instant(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns at the deadline, even if it is extended during the wait.
    pub(crate) async fn passed(&self) {
        while Instant::now() < self.instant() {
            sleep_until(self.instant()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Deadline, Duration, Instant};

    #[tokio::test(start_paused = true)]
    async fn a_deadline_can_be_extended_during_the_wait_for_it() {
        let (begun, deadline) = (Instant::now(), Deadline::after(Duration::from_secs(30)));
        let extend = async {
            tokio::time::sleep(Duration::from_secs(29)).await;
            deadline.extend(Duration::from_secs(15));
        };
        tokio::join!(deadline.passed(), extend);
        assert_eq!(begun.elapsed().as_secs(), 45);
    }

    #[tokio::test(start_paused = true)]
    async fn progress_moves_a_deadline_later_and_never_earlier() {
        let (begun, deadline) = (Instant::now(), Deadline::after(Duration::from_secs(30)));
        tokio::time::sleep(Duration::from_secs(20)).await;
        deadline.renew(Duration::from_secs(5));
        deadline.renew(Duration::from_secs(15));
        deadline.passed().await;
        assert_eq!(begun.elapsed().as_secs(), 35);
    }
}
