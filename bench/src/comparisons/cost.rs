//! What the processes cost: memory, start, size, and processor time per request.

use super::Comparison;
use crate::report::{Results, Wanted};
use crate::shared::database::Database;
use crate::shared::origin::Origin;
use crate::shared::plain::Plain;
use crate::shared::process::{Usage, megabytes_of, usage_of_session};
use crate::shared::roster::{Roster, Store, USERS_TO_READ, Workers};
use crate::shared::scratch::Scratch;
use crate::shared::setting::Setting;
use crate::shared::wrk::{READ, SIGN_UP, warm_up, wrk};
use anyhow::Result;
use std::net::SocketAddr;
use std::time::Duration;
use testkit::Process;

pub(super) const COST: Comparison = Comparison {
    name: "cost",
    title: "Memory, start and processor time",
    explanation: "Idle memory is that before the load, with workers after one sign-up; loaded memory is that after the load \
                  of this comparison. The start is from the process to its first answer that it is ready. Processor \
                  time is what `/proc/PID/stat` counts during the load, per request. The accepts of the origin's stack \
                  and of the worker include the hashing that they do meanwhile.",
    pictured: "memory loaded MB",
    is_long: false,
    run,
};

const MICROSECONDS: f64 = 1e6;

fn run(setting: &Setting, results: &mut Results) -> Result<()> {
    let size = megabytes_of(&setting.binaries.join("roster"))?;
    setting.each_round(|| {
        roster(setting, results, Store::Postgres)?;
        roster(setting, results, Store::Sqlite)?;
        origin(setting, results)
    })?;
    for store in [Store::Postgres, Store::Sqlite] {
        let api = name(store);
        results.add(api, "binary MB", size);
        results.bound("memory idle MB", api, Wanted::AtMost(25.0));
        results.bound("start ms", api, Wanted::AtMost(50.0));
        results.bound("binary MB", api, Wanted::AtMost(30.0));
    }
    Ok(())
}

const fn name(store: Store) -> &'static str {
    match store {
        Store::Postgres => "Roster's API, PostgreSQL",
        Store::Sqlite => "Roster, SQLite",
    }
}

fn roster(setting: &Setting, results: &mut Results, store: Store) -> Result<()> {
    let scratch = Scratch::new()?;
    let roster = Roster::start(setting, store, Workers::Running)?;
    let api = Measured { name: name(store), process: &roster.api };
    let worker = roster.worker.as_ref().map(|process| Measured { name: "Roster's worker", process });
    let processes: Vec<_> = [Some(api), worker].into_iter().flatten().collect();
    idle(results, &processes)?;
    results.add(name(store), "start ms", milliseconds(roster.started_in));
    roster.add_users(USERS_TO_READ)?;
    roster.database.analyze()?;
    let ids = roster.write_ids(&scratch)?;
    let ids = ids.to_string_lossy();
    let arguments = [&*ids];
    let reads = Load { measure: "read µs", script: READ, arguments: &arguments };
    let database = &roster.database;
    loaded(setting, results, &processes, database, roster.at, &reads)?;
    if store == Store::Postgres {
        let plain = Plain::start(setting, database)?;
        let measured = [Measured { name: "plain axum + sqlx", process: &plain.process }];
        idle(results, &measured)?;
        results.add("plain axum + sqlx", "start ms", milliseconds(plain.started_in));
        loaded(setting, results, &measured, database, plain.at, &reads)?;
        loaded(setting, results, &measured, database, plain.at, &ACCEPTS)?;
        memory(results, &measured)?;
    }
    loaded(setting, results, &processes, database, roster.at, &ACCEPTS)?;
    memory(results, &processes)
}

fn origin(setting: &Setting, results: &mut Results) -> Result<()> {
    let Some(origin) = Origin::start(setting)? else { return Ok(()) };
    let scratch = Scratch::new()?;
    let processes = [
        Measured { name: "the origin's API", process: &origin.api },
        Measured { name: "the origin's consumer", process: &origin.consumer },
    ];
    idle(results, &processes)?;
    results.add("the origin's API", "start ms", milliseconds(origin.started_in));
    origin.add_users(USERS_TO_READ)?;
    let ids = origin.write_ids(&scratch)?;
    let ids = ids.to_string_lossy();
    let arguments = [&*ids];
    let reads = Load { measure: "read µs", script: READ, arguments: &arguments };
    loaded(setting, results, &processes, &origin.database, origin.at, &reads)?;
    loaded(setting, results, &processes, &origin.database, origin.at, &ACCEPTS)?;
    memory(results, &processes)
}

struct Measured<'a> {
    name: &'static str,
    process: &'a Process,
}

fn idle(results: &mut Results, processes: &[Measured<'_>]) -> Result<()> {
    for Measured { name, process } in processes {
        results.add(name, "memory idle MB", usage_of_session(process)?.memory);
    }
    Ok(())
}

fn memory(results: &mut Results, processes: &[Measured<'_>]) -> Result<()> {
    for Measured { name, process } in processes {
        results.add(name, "memory loaded MB", usage_of_session(process)?.memory);
    }
    Ok(())
}

/// A load of one kind.
struct Load<'a> {
    measure: &'static str,
    script: &'static str,
    arguments: &'a [&'a str],
}

const ACCEPTS: Load<'_> = Load { measure: "accept µs", script: SIGN_UP, arguments: &["a"] };

/// Measures the processor time per request of a load, of the processes and of their database.
fn loaded(
    setting: &Setting,
    results: &mut Results,
    processes: &[Measured<'_>],
    database: &Database,
    at: SocketAddr,
    load: &Load<'_>,
) -> Result<()> {
    let Load { measure, script, arguments } = load;
    warm_up(at, script, arguments)?;
    let usages = || -> Result<Vec<Usage>> { processes.iter().map(|it| usage_of_session(it.process)).collect() };
    let (before, database_before) = (usages()?, database.usage()?);
    let answers = wrk(setting, at, script, arguments)?;
    let (after, database_after) = (usages()?, database.usage()?);
    let requests = answers.per_second * f64::from(u32::try_from(setting.seconds)?);
    for ((Measured { name, .. }, before), after) in processes.iter().zip(&before).zip(&after) {
        results.add(name, measure, (after.cpu - before.cpu) / requests * MICROSECONDS);
    }
    if let Some(Measured { name, .. }) = processes.first()
        && matches!(database, Database::Postgres { .. })
    {
        let database = format!("PostgreSQL, for {name}");
        results.add(&database, measure, (database_after.cpu - database_before.cpu) / requests * MICROSECONDS);
    }
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
