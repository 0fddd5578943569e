//! The latest result of a check, for all who ask.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The age from which the check runs again.
const FRESH: Duration = Duration::from_secs(1);
/// The age up to which a result is returned. Until then a request does not wait for the next check.
const USABLE: Duration = Duration::from_secs(2);

/// The latest result of a check. The check runs once at a time.
pub(crate) struct SharedResult<T> {
    last: Mutex<Option<(Instant, T)>>,
    /// Held during a check.
    checking: tokio::sync::Mutex<()>,
}

/// The latest result, by its age.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Age<T> {
    Fresh(T),
    /// It can be returned while the check runs again.
    Usable(T),
    /// There is none, or it is too old.
    Old,
}

impl<T> Default for SharedResult<T> {
    fn default() -> Self {
        Self { last: Mutex::default(), checking: tokio::sync::Mutex::default() }
    }
}

impl<T: Copy> SharedResult<T> {
    /// The latest result.
    pub(crate) fn last(&self) -> Age<T> {
        match *self.last.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((at, result)) if at.elapsed() < FRESH => Age::Fresh(result),
            Some((at, result)) if at.elapsed() < USABLE => Age::Usable(result),
            _ => Age::Old,
        }
    }

    /// Runs the check, or waits for the one that runs.
    pub(crate) async fn renew(&self, check: impl Future<Output = T>) -> T {
        let _alone = self.checking.lock().await;
        self.run(check).await
    }

    /// Runs the check, unless it runs already.
    pub(crate) async fn renew_unless_busy(&self, check: impl Future<Output = T>) {
        if let Ok(_alone) = self.checking.try_lock() {
            self.run(check).await;
        }
    }

    async fn run(&self, check: impl Future<Output = T>) -> T {
        if let Age::Fresh(result) = self.last() {
            return result;
        }
        let result = check.await;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), result));
        result
    }
}

#[cfg(test)]
mod tests {
    use super::{Age, FRESH, SharedResult, USABLE};
    use std::future::ready;
    use tokio::time::{Duration, advance, sleep};

    #[tokio::test(start_paused = true)]
    async fn a_result_is_fresh_for_a_second_usable_for_another_and_then_too_old() {
        let shared = SharedResult::default();
        assert_eq!(shared.last(), Age::Old, "there is none");
        assert_eq!(shared.renew(ready(1)).await, 1);
        assert_eq!(shared.last(), Age::Fresh(1));
        assert_eq!(shared.renew(ready(2)).await, 1, "a fresh result stands");
        advance(FRESH).await;
        assert_eq!(shared.last(), Age::Usable(1));
        advance(USABLE - FRESH).await;
        assert_eq!(shared.last(), Age::Old);
        assert_eq!(shared.renew(ready(2)).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_ask_during_a_check_wait_for_it_and_it_is_not_begun_twice() {
        let shared = SharedResult::default();
        let slow = async |result| {
            sleep(Duration::from_millis(500)).await;
            result
        };
        let late = async {
            sleep(Duration::from_millis(100)).await;
            shared.renew_unless_busy(slow(3)).await;
            shared.renew(slow(2)).await
        };
        assert_eq!(tokio::join!(shared.renew(slow(1)), late), (1, 1));
    }
}
