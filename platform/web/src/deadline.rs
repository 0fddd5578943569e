use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// When a request must have been answered. It is in the extensions of every request, so that the
/// few that wait on purpose (`Prefer: wait`) can have more: `Extension<Deadline>`.
#[derive(Debug, Clone)]
pub struct Deadline(Arc<Mutex<Instant>>);

impl Deadline {
    pub(crate) fn after(within: Duration) -> Self {
        Self(Arc::new(Mutex::new(Instant::now() + within)))
    }

    /// Gives the request that much more time.
    pub fn extend(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }

    fn instant(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when the time is over, also when it was extended meanwhile.
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
    async fn a_deadline_that_is_extended_while_somebody_waits_is_kept_later() {
        let (begun, deadline) = (Instant::now(), Deadline::after(Duration::from_secs(30)));
        let extend = async {
            tokio::time::sleep(Duration::from_secs(29)).await;
            deadline.extend(Duration::from_secs(15));
        };
        tokio::join!(deadline.passed(), extend);
        assert_eq!(begun.elapsed().as_secs(), 45);
    }
}
