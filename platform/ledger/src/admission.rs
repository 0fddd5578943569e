//! Admission: when a lane holds more than it can do in time, new commands are turned away before
//! anything is promised.

use crate::{Ledger, NotAccepted, Queue};
use persistence::{SqlError, fetch_all};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How often the lanes are measured, at best.
const EVERY: Duration = Duration::from_secs(2);
/// Measuring takes no more than one part in this many of the time.
const SHARE: u32 = 50;
/// What counts as the service rate: what was finished in this time, in seconds.
const WINDOW_SECONDS: f64 = 30.0;

const MEASURE: (&str, &str) = (
    "select context, lane, count(*) filter (where finished_at is null), count(*) filter (where finished_at is not null) \
     from ledger_messages where status = 'accepted' or finished_at > now() - interval '30 s' group by context, lane",
    "select context, lane, count(*) filter (where finished_at is null), count(*) filter (where finished_at is not null) from ( \
       select context, lane, finished_at from ledger_messages where status = 'accepted' union all \
       select context, lane, finished_at from ledger_messages where finished_at > cast(unixepoch('subsec') * 1000000 as integer) - 30000000) \
     group by context, lane",
);

/// How long what is accepted now will wait, per queue, as last measured.
#[derive(Default)]
pub(crate) struct Admission(Mutex<HashMap<Queue, Load>>);

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Load {
    waiting: f64,
    per_second: f64,
}

impl Load {
    /// A rate that is not known, because nothing has finished yet, is no reason to turn anyone away.
    fn wait(self) -> Duration {
        if self.per_second <= 0.0 {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(self.waiting / self.per_second).unwrap_or(Duration::MAX)
    }

    /// Nothing finished lately although there is work: what it did before is the best guess.
    fn measured(self, waiting: i64, finished: i64) -> Self {
        let per_second = if finished > 0 || waiting == 0 { rate(finished) } else { self.per_second };
        Self { waiting: from_count(waiting), per_second }
    }
}

fn from_count(count: i64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn rate(finished: i64) -> f64 {
    from_count(finished) / WINDOW_SECONDS
}

impl Ledger {
    /// How long a message to one of these will wait before its turn comes, the longest of them.
    ///
    /// # Errors
    /// [`NotAccepted::Overloaded`] when that is longer than it may be.
    pub fn admit(&self, messages: &[&'static str]) -> Result<Duration, NotAccepted> {
        let loads = self.admission.0.lock().unwrap_or_else(PoisonError::into_inner);
        let queues = messages.iter().filter_map(|message| self.routes.recipient(message));
        let wait = queues.filter_map(|queue| loads.get(queue)).map(|load| load.wait()).max().unwrap_or_default();
        drop(loads);
        if wait > self.max_delay {
            return Err(NotAccepted::Overloaded { retry_after: wait - self.max_delay });
        }
        Ok(wait)
    }

    /// Measures until the node stops.
    pub(crate) async fn measure_load(self) {
        loop {
            let begun = Instant::now();
            // The database being away is told by those who need it.
            let _ = self.measure().await;
            let pause = (begun.elapsed() * SHARE).max(EVERY);
            tokio::select! {
                () = self.stopping() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn measure(&self) -> Result<(), SqlError> {
        let mut db = self.db.read().await?;
        let rows = fetch_all!(&mut db, (String, String, i64, i64), MEASURE)?;
        let mut loads = self.admission.0.lock().unwrap_or_else(PoisonError::into_inner);
        for queue in self.routes.queues() {
            let (waiting, finished) = rows
                .iter()
                .find(|(context, lane, ..)| *context == queue.context && *lane == queue.lane.as_str())
                .map_or((0, 0), |(.., waiting, finished)| (*waiting, *finished));
            let load = loads.entry(queue).or_default();
            *load = load.measured(waiting, finished);
        }
        drop(loads);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Load;
    use std::time::Duration;

    #[test]
    fn the_wait_is_backlog_over_rate() {
        let load = Load::default().measured(600, 300);
        assert_eq!(load.wait(), Duration::from_secs(60));
    }

    #[test]
    fn an_unknown_rate_turns_nobody_away() {
        assert_eq!(Load::default().measured(10_000, 0).wait(), Duration::ZERO);
    }

    #[test]
    fn a_lane_that_stands_still_is_judged_by_what_it_did_before() {
        let load = Load::default().measured(10, 300).measured(3_600, 0);
        assert_eq!(load.wait(), Duration::from_secs(360));
        assert_eq!(load.measured(0, 0).wait(), Duration::ZERO);
    }
}
