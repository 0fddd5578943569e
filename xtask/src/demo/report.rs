//! The report that the demo prints at its end.

use std::time::Duration;

use super::Counts;
use super::server::Server;

/// Measured times and counts.
pub(crate) struct Report {
    pub(crate) succeeded: usize,
    pub(crate) rejected: Counts,
    pub(crate) refused: Counts,
    /// One line for each wrong result.
    pub(crate) wrong: Vec<String>,
    pub(crate) accept_times: Vec<Duration>,
    pub(crate) read_times: Vec<Duration>,
    pub(crate) first: Duration,
    pub(crate) accepting: Duration,
    pub(crate) completing: Duration,
    pub(crate) reading: Duration,
    pub(crate) memory_after: String,
    pub(crate) stopped_in: Duration,
    time_to_ready: Duration,
    memory_idle: String,
    binary_bytes: u64,
}

impl Report {
    pub(crate) fn new(server: &Server, binary_bytes: u64) -> Report {
        Report {
            succeeded: 0,
            rejected: Counts::new(),
            refused: Counts::new(),
            wrong: Vec::new(),
            accept_times: Vec::new(),
            read_times: Vec::new(),
            first: Duration::ZERO,
            accepting: Duration::ZERO,
            completing: Duration::ZERO,
            reading: Duration::ZERO,
            memory_after: String::new(),
            stopped_in: Duration::ZERO,
            time_to_ready: server.time_to_ready,
            memory_idle: server.memory(),
            binary_bytes,
        }
    }

    pub(crate) fn print(&self, postgres: bool) {
        let ended = self.succeeded + self.rejected.values().sum::<usize>();
        let row = |name: &str, value: String| println!("{name:<22} {value}");
        println!();
        row(
            "engine",
            if postgres { "PostgreSQL + RabbitMQ, API and worker" } else { "SQLite, one process" }.to_owned(),
        );
        row("accepted", self.accept_times.len().to_string());
        row("succeeded", self.succeeded.to_string());
        row("rejected", by_code(&self.rejected));
        row("refused", by_code(&self.refused));
        row("accept p50, p99", percentiles(&self.accept_times));
        row("read p50, p99", percentiles(&self.read_times));
        row("accepts/s", rate(self.accept_times.len() + self.refused.values().sum::<usize>(), self.accepting));
        row("completed/s", rate(ended, self.completing));
        row("reads/s", rate(self.read_times.len(), self.reading));
        row("time to ready", format!("{:.0} ms", milliseconds(self.time_to_ready)));
        row("first sign-up, done in", format!("{:.0} ms", milliseconds(self.first)));
        row("memory, idle", self.memory_idle.clone());
        row("memory, after the run", self.memory_after.clone());
        row("SIGTERM to end", format!("{:.0} ms", milliseconds(self.stopped_in)));
        row("binary", format!("{:.1} MB", to_f64(self.binary_bytes) / 1_048_576.0));
        for line in self.wrong.iter().take(20) {
            println!("WRONG: {line}");
        }
    }
}

fn by_code(counts: &Counts) -> String {
    let total: usize = counts.values().sum();
    let codes: Vec<String> = counts.iter().map(|(code, count)| format!("{code} {count}")).collect();
    if codes.is_empty() { total.to_string() } else { format!("{total} ({})", codes.join(", ")) }
}

fn percentiles(times: &[Duration]) -> String {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = |percent| nearest_rank(&sorted, percent).map_or(f64::NAN, milliseconds);
    format!("{:.2} ms, {:.2} ms", at(50), at(99))
}

/// The smallest value that at least `percent` percent of all values do not exceed.
fn nearest_rank(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

fn rate(count: usize, time: Duration) -> String {
    format!("{:.0}", f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / time.as_secs_f64().max(1e-9))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn to_f64(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(nearest_rank(&times, 50), Some(Duration::from_millis(100)));
        assert_eq!(nearest_rank(&times, 99), Some(Duration::from_millis(198)));
        assert_eq!(nearest_rank(&times[..1], 99), Some(Duration::from_millis(1)));
        assert_eq!(nearest_rank(&[], 50), None);
    }
}
