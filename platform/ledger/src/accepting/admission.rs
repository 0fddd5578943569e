//! Admission control: the ledger rejects new commands when their queue cannot execute them in time.

use crate::{AcceptError, Ledger, Queue};
use persistence::{SqlError, SqlTimestamp, fetch_all, sql};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The shortest pause between two measurements.
const EVERY: Duration = Duration::from_secs(2);
/// The pause is at least this many times as long as the measurement, so that measuring takes at most 2 % of the time.
const SHARE: u32 = 50;
/// The service rate counts the messages that finished in the last 30 seconds.
const WINDOW_SECONDS: f64 = 30.0;
/// Minimum completions for a rate estimate. With fewer, only the whole window counts, because the first message of a
/// burst is slow.
const ENOUGH: i64 = 20;

/// Per queue: messages that wait, messages that finished in the window, since when the oldest one waits, and the current
/// time.
const MEASURE: (&str, &str) = sql!(
    "select context, lane, cast(sum(waiting) as bigint), cast(sum(finished) as bigint), min(oldest), {now} from ( \
       select context, lane, count(*) as waiting, 0 as finished, min(next_attempt_at) as oldest \
       from ledger_messages where status = 'accepted' group by context, lane union all \
       select context, lane, 0, count(*), null from ledger_messages where finished_at > {now} - {30 s} \
       group by context, lane) part \
     group by context, lane"
);

type Row = (String, String, i64, i64, Option<SqlTimestamp>, SqlTimestamp);

/// The load of each queue, as last measured.
#[derive(Default)]
pub(crate) struct Admission(Mutex<HashMap<Queue, QueueLoad>>);

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct QueueLoad {
    waiting: f64,
    per_second: f64,
}

impl QueueLoad {
    /// The estimated wait of a new message. It is zero while the rate is unknown, so that an unknown rate rejects no
    /// command.
    fn wait(self) -> Duration {
        if self.per_second <= 0.0 {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(self.waiting / self.per_second).unwrap_or(Duration::MAX)
    }

    /// Updates the load. With too few completions for an estimate, the previous rate stays.
    fn measured(self, waiting: i64, finished: i64, oldest: Duration) -> Self {
        let tells = finished >= ENOUGH || finished > 0 && oldest.as_secs_f64() >= WINDOW_SECONDS || waiting == 0;
        let per_second = if tells { rate(finished, oldest) } else { self.per_second };
        Self { waiting: from_count(waiting), per_second }
    }
}

fn from_count(count: i64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Completions per second, over the time in which messages were waiting. An idle time before a burst must not lower
/// the rate, because commands would then be rejected.
fn rate(finished: i64, oldest: Duration) -> f64 {
    from_count(finished) / oldest.as_secs_f64().clamp(1.0, WINDOW_SECONDS)
}

impl Ledger {
    /// Estimates how long these messages will wait for a worker, and returns the longest estimate.
    ///
    /// # Errors
    /// [`AcceptError::Overloaded`] when the estimate exceeds the configured maximum delay.
    pub fn admit(&self, messages: &[&'static str]) -> Result<Duration, AcceptError> {
        let loads = self.admission.0.lock().unwrap_or_else(PoisonError::into_inner);
        let queues = messages.iter().filter_map(|message| self.routes.recipient(message));
        let wait = queues.filter_map(|queue| loads.get(queue)).map(|load| load.wait()).max().unwrap_or_default();
        drop(loads);
        if wait > self.max_delay {
            return Err(AcceptError::Overloaded { retry_after: wait - self.max_delay });
        }
        Ok(wait)
    }

    /// Measures the load until the node stops.
    pub(crate) async fn measure_load(self) {
        loop {
            // Other callers report that the database does not answer.
            let took = self.measure().await.unwrap_or_default();
            let pause = (took * SHARE).max(EVERY);
            tokio::select! {
                () = self.stopping() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Measures the load and returns how long the query took. The wait for a connection does not count.
    async fn measure(&self) -> Result<Duration, SqlError> {
        let mut db = self.db.read().await?;
        let begun = Instant::now();
        let rows = fetch_all!(&mut db, Row, MEASURE)?;
        let took = begun.elapsed();
        let mut loads = self.admission.0.lock().unwrap_or_else(PoisonError::into_inner);
        for queue in self.routes.queues() {
            let row = rows.iter().find(|(context, lane, ..)| *context == queue.context && *lane == queue.lane.as_str());
            let (waiting, finished, age) = row.map_or((0, 0, 0), |(.., waiting, finished, oldest, now)| {
                let age = oldest.map_or(0, |oldest| now.0.as_microsecond() - oldest.0.as_microsecond());
                (*waiting, *finished, age)
            });
            let load = loads.entry(queue).or_default();
            let oldest = Duration::from_micros(u64::try_from(age).unwrap_or(0));
            *load = load.measured(waiting, finished, oldest);
        }
        drop(loads);
        Ok(took)
    }
}

#[cfg(test)]
mod tests {
    use super::QueueLoad;
    use std::time::Duration;

    const LONG_BUSY: Duration = Duration::from_secs(600);

    #[test]
    fn the_wait_is_backlog_over_rate() {
        let load = QueueLoad::default().measured(600, 300, LONG_BUSY);
        assert_eq!(load.wait(), Duration::from_secs(60));
    }

    #[test]
    fn the_rate_of_a_burst_counts_from_its_beginning() {
        let load = QueueLoad::default().measured(600, 30, Duration::from_secs(3));
        assert_eq!(load.wait(), Duration::from_secs(60));
    }

    #[test]
    fn the_first_message_of_a_burst_rejects_no_command() {
        let load = QueueLoad::default().measured(2_000, 1, Duration::from_secs(4));
        assert_eq!(load.wait(), Duration::ZERO);
        assert_eq!(load.measured(2_000, 1, LONG_BUSY).wait(), Duration::from_secs(60_000));
    }

    #[test]
    fn an_unknown_rate_rejects_no_command() {
        assert_eq!(QueueLoad::default().measured(10_000, 0, LONG_BUSY).wait(), Duration::ZERO);
    }

    #[test]
    fn a_lane_that_stands_still_keeps_its_previous_rate() {
        let load = QueueLoad::default().measured(10, 300, LONG_BUSY).measured(3_600, 0, LONG_BUSY);
        assert_eq!(load.wait(), Duration::from_secs(360));
        assert_eq!(load.measured(0, 0, Duration::ZERO).wait(), Duration::ZERO);
    }
}
