//! Clients that tell answers apart by status, where `wrk` cannot: the time of the admitted ones counts by itself.

use super::statistics::{number, percentile};
use anyhow::{Result, anyhow};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};
use testkit::{Answer, Client};

/// The answers to all clients.
#[derive(Default)]
pub(crate) struct Counts {
    /// The times of the answers 200.
    pub(crate) times: Vec<Duration>,
    /// The number of answers by status.
    pub(crate) statuses: BTreeMap<u16, usize>,
    /// From the first request to the last answer.
    pub(crate) lasted: Duration,
}

impl Counts {
    pub(crate) fn count(&self, status: u16) -> usize {
        self.statuses.get(&status).copied().unwrap_or_default()
    }

    pub(crate) fn per_second(&self) -> f64 {
        number(self.times.len()) / self.lasted.as_secs_f64()
    }

    /// A percentile of the answers 200, in milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        percentile(&self.times, percent)
    }

    fn add(&mut self, answer: &Answer) {
        *self.statuses.entry(answer.status).or_default() += 1;
        if answer.status == 200 {
            self.times.push(answer.took);
        }
    }

    fn merge(mut self, other: Self) -> Self {
        self.times.extend(other.times);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.lasted = self.lasted.max(other.lasted);
        self
    }
}

/// Each client signs in again as soon as it has an answer, whatever the answer is.
pub(crate) fn sign_in(at: SocketAddr, credentials: &[Value], lasts: Duration) -> Result<Counts> {
    let ask = |client: &mut Client, number: usize| {
        let credentials = credentials.get(number % credentials.len().max(1)).unwrap_or(&Value::Null);
        client.post("/auth/login", "respond-async", credentials)
    };
    run(at, credentials.len(), lasts, Duration::ZERO, ask)
}

/// One client sends a request every `pace`, or as soon as the previous answer is there if that takes longer.
pub(crate) fn paced(
    at: SocketAddr,
    lasts: Duration,
    pace: Duration,
    ask: impl Fn(&mut Client, usize) -> io::Result<Answer> + Sync,
) -> Result<Counts> {
    run(at, 1, lasts, pace, ask)
}

fn run(
    at: SocketAddr,
    clients: usize,
    lasts: Duration,
    pace: Duration,
    ask: impl Fn(&mut Client, usize) -> io::Result<Answer> + Sync,
) -> Result<Counts> {
    let together = Barrier::new(clients);
    let client = |number: usize| -> Result<Counts> {
        let (mut client, mut counts) = (Client::new(at), Counts::default());
        let connected = client.get("/health/live");
        together.wait();
        connected?;
        let (began, mut sent) = (Instant::now(), 0_u32);
        while began.elapsed() < lasts {
            counts.add(&ask(&mut client, number)?);
            sent += 1;
            thread::sleep((pace * sent).saturating_sub(began.elapsed()));
        }
        counts.lasted = began.elapsed();
        Ok(counts)
    };
    thread::scope(|scope| {
        let client = &client;
        let clients: Vec<_> = (0..clients).map(|number| scope.spawn(move || client(number))).collect();
        clients.into_iter().try_fold(Counts::default(), |sum, client| {
            Ok(sum.merge(client.join().map_err(|_| anyhow!("a client panicked"))??))
        })
    })
}
