//! Whether sign-ins, reads and health checks starve while many sign-ups wait.

use super::Comparison;
use super::sign_in::{accounts, register};
use crate::report::{Results, Wanted};
use crate::shared::clients::{Counts, paced};
use crate::shared::database::Sql;
use crate::shared::roster::{Roster, Store, Workers};
use crate::shared::scratch::Scratch;
use crate::shared::setting::Setting;
use crate::shared::statistics::number;
use crate::shared::wrk::{SIGN_UP, load};
use anyhow::{Result, anyhow};
use serde_json::Value;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

pub(super) const ON_POSTGRES: Comparison = Comparison {
    name: "starvation-postgres",
    title: "10,000 sign-ups wait, PostgreSQL and RabbitMQ",
    explanation: "At the same rates, one client signs in 4 times a second, one reads 100 users a second, and one asks \
                  `/health/ready` 20 times a second: first with nothing else to do, then while at least 10,000 sign-ups \
                  wait for their hashes. Every round begins with an empty database.",
    pictured: "p99 ms",
    is_long: false,
    run: |setting, results| run(setting, results, Store::Postgres),
};
pub(super) const ON_SQLITE: Comparison = Comparison {
    name: "starvation-sqlite",
    title: "10,000 sign-ups wait, SQLite",
    explanation: "The same with one process on a SQLite file.",
    pictured: "p99 ms",
    is_long: true,
    run: |setting, results| run(setting, results, Store::Sqlite),
};

const WAITING: usize = 10_000;
/// The names with an idle server and with waiting sign-ups.
const SIGN_IN: [&str; 2] = ["Roster, idle: sign-in", "Roster, 10,000 wait: sign-in"];
const READ: [&str; 2] = ["Roster, idle: read", "Roster, 10,000 wait: read"];
const HEALTH: [&str; 2] = ["Roster, idle: health", "Roster, 10,000 wait: health"];

fn run(setting: &Setting, results: &mut Results, store: Store) -> Result<()> {
    // The slowest of fewer than twenty sign-ins says little.
    let lasts = Duration::from_secs(setting.seconds.max(5));
    setting.each_round(|| {
        let roster = Roster::start(setting, store, Workers::Running)?;
        let scratch = Scratch::new()?;
        let people = accounts(4);
        register(roster.at, &people)?;
        roster.add_users(1000)?;
        let ids = std::fs::read_to_string(roster.write_ids(&scratch)?)?;
        let ids: Vec<_> = ids.lines().collect();
        measure(results, roster.at, lasts, &people, &ids, 0)?;
        while waiting(&roster)? < WAITING {
            load(roster.at, SIGN_UP, &[&waiting(&roster)?.to_string()], 32, 1)?;
        }
        measure(results, roster.at, lasts, &people, &ids, 1)?;
        results.add(SIGN_IN[1], "still waiting", number(waiting(&roster)?));
        Ok(())
    })?;
    results.ratio("p99 ms", SIGN_IN[1], SIGN_IN[0], Some(Wanted::AtMost(2.0)));
    results.difference("p99 ms", READ[1], READ[0], Wanted::AtMost(10.0));
    results.difference("p99 ms", HEALTH[1], HEALTH[0], Wanted::AtMost(10.0));
    Ok(())
}

fn waiting(roster: &Roster) -> Result<usize> {
    const WAITING: Sql = Sql {
        postgres: "select count(*)::text from ledger_messages where status in ('accepted', 'running')",
        sqlite: "select cast(count(*) as text) from ledger_messages where status in ('accepted', 'running')",
    };
    Ok(roster.database.texts(WAITING, 0)?.concat().parse()?)
}

fn measure(
    results: &mut Results,
    at: SocketAddr,
    lasts: Duration,
    people: &[Value],
    ids: &[&str],
    phase: usize,
) -> Result<()> {
    let pick = |number: usize| ids.get(number % ids.len().max(1)).copied().unwrap_or_default();
    let [sign_ins, reads, checks] = thread::scope(|scope| {
        let sign_ins = scope.spawn(|| {
            paced(at, lasts, Duration::from_millis(250), |client, number| {
                let person = people.get(number % people.len().max(1)).unwrap_or(&Value::Null);
                client.post("/auth/login", "respond-async", person)
            })
        });
        let reads = scope.spawn(|| {
            paced(at, lasts, Duration::from_millis(10), |client, number| {
                client.get(&format!("/users/{}", pick(number)))
            })
        });
        let checks =
            scope.spawn(|| paced(at, lasts, Duration::from_millis(50), |client, _| client.get("/health/ready")));
        [sign_ins, reads, checks].map(|client| client.join().map_err(|_| anyhow!("a client panicked"))?)
    });
    for (names, counts) in [(SIGN_IN, sign_ins?), (READ, reads?), (HEALTH, checks?)] {
        add(results, names[phase], &counts);
    }
    Ok(())
}

fn add(results: &mut Results, name: &str, counts: &Counts) {
    results.add(name, "requests/s", counts.per_second());
    results.add(name, "p50 ms", counts.percentile(50));
    results.add(name, "p99 ms", counts.percentile(99));
    for (status, count) in counts.statuses.iter().filter(|(status, _)| **status != 200) {
        results.note(format!("{name}: {count} answers {status} in one round."));
    }
}
