//! Sign-ups completed per second while a backlog drains.

use super::Comparison;
use crate::report::{Results, Wanted};
use crate::shared::crate_hashes::on_all_cores;
use crate::shared::database::Sql;
use crate::shared::origin::Origin;
use crate::shared::roster::{PASSWORD, Roster, Store, Workers};
use crate::shared::setting::Setting;
use crate::shared::statistics::number;
use anyhow::{Result, ensure};
use serde_json::json;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};
use testkit::Client;

pub(super) const DRAIN: Comparison = Comparison {
    name: "drain",
    title: "Sign-ups completed while a backlog drains",
    explanation: "A client sends sign-ups, and then only waits. Workers hash the passwords at cost 12 on all cores. \
                  The `bcrypt` crate computes hashes of that cost on all cores.",
    pictured: "completed/s",
    is_long: false,
    run,
};

const CRATE: &str = "`bcrypt` crate";
const ORIGIN: &str = "the origin's stack";

fn run(setting: &Setting, results: &mut Results) -> Result<()> {
    setting.each_round(|| {
        results.add(CRATE, "completed/s", on_all_cores(Duration::from_secs(setting.seconds)));
        for store in [Store::Postgres, Store::Sqlite] {
            results.add(name(store), "completed/s", roster(setting, store)?);
        }
        if let Some(origin) = Origin::start(setting)? {
            // About as many as it completes in one turn.
            let count = usize::try_from(setting.seconds * 6)?;
            let drained = drain(origin.at, count, || origin.count_users())?;
            results.add(ORIGIN, "completed/s", drained);
        }
        Ok(())
    })?;
    for store in [Store::Postgres, Store::Sqlite] {
        results.ratio("completed/s", name(store), CRATE, Some(Wanted::AtLeast(3.6)));
    }
    results.ratio("completed/s", name(Store::Postgres), ORIGIN, None);
    Ok(())
}

const fn name(store: Store) -> &'static str {
    match store {
        Store::Postgres => "Roster on PostgreSQL and RabbitMQ",
        Store::Sqlite => "Roster on SQLite",
    }
}

fn roster(setting: &Setting, store: Store) -> Result<f64> {
    const COUNT: Sql = Sql {
        postgres: "select count(*)::text from auth_credentials",
        sqlite: "select cast(count(*) as text) from auth_credentials",
    };
    let roster = Roster::start(setting, store, Workers::Running)?;
    let count = usize::try_from(setting.seconds * 40)?;
    drain(roster.at, count, || Ok(roster.database.texts(COUNT, 0)?.concat().parse()?))
}

/// Sends sign-ups, and returns how many were completed per second until the last one was.
fn drain(at: SocketAddr, count: usize, completed: impl Fn() -> Result<usize>) -> Result<f64> {
    let (mut client, all) = (Client::new(at), completed()? + count);
    for number in 0..count {
        let person = json!({ "email": format!("{number}@example.org"), "password": PASSWORD, "name": "Ada Lovelace" });
        client.post("/users", "respond-async", &person)?.with_status(202)?;
    }
    let (before, began) = (completed()?, Instant::now());
    while completed()? < all {
        ensure!(began.elapsed() < Duration::from_secs(600), "the backlog does not drain");
        // Asking more often would take processor time from the workers.
        sleep(Duration::from_millis(100));
    }
    Ok(number(all - before) / began.elapsed().as_secs_f64())
}
