//! Sign-ups accepted with 202, from 64 connections.

use super::Comparison;
use crate::report::{Results, Wanted};
use crate::shared::origin::Origin;
use crate::shared::pgbench::pgbench;
use crate::shared::plain::Plain;
use crate::shared::rabbitmq;
use crate::shared::roster::{Roster, Store, Workers};
use crate::shared::setting::Setting;
use crate::shared::wrk::{SIGN_UP, load, wrk};
use anyhow::Result;

pub(super) const ON_POSTGRES: Comparison = Comparison {
    name: "accepts-postgres",
    title: "Sign-ups accepted, PostgreSQL and RabbitMQ",
    explanation: "64 connections send `POST /users`, each with another address. Every turn begins with an empty \
                  database. `pgbench` and the plain server insert a row like that of a command, with its indexes, one \
                  in each transaction. RabbitMQ confirms persistent messages of a quorum queue.",
    pictured: "requests/s",
    is_long: false,
    run: on_postgres,
};
pub(super) const ON_SQLITE: Comparison = Comparison {
    name: "accepts-sqlite",
    title: "Sign-ups accepted, SQLite",
    explanation: "The same sign-ups into a SQLite file with durable commits. One process accepts and hashes.",
    pictured: "requests/s",
    is_long: false,
    run: on_sqlite,
};

const STOPPED: &str = "Roster, worker stopped";
const HASHING: &str = "Roster, while a worker hashes";
const FEWER: &str = "Roster, while a worker hashes, 32 clients";
const PLAIN: &str = "plain axum + sqlx, insert";
const PGBENCH: &str = "pgbench, insert";
const RABBITMQ: &str = "RabbitMQ, confirmed publish";
const ORIGIN: &str = "the origin's stack";
/// As `ledger_messages` gets a registration: the sealed password makes most of the payload.
const INSERT: &str = "insert into ledger_messages (id, root, context, lane, name, subject, principal, payload) \
                      select id, id, 'bench', 'fast', 'bench.insert.v1', id, 'anonymous', repeat('a', 1718) \
                      from gen_random_uuid() id;\n";

fn on_postgres(setting: &Setting, results: &mut Results) -> Result<()> {
    setting.each_round(|| {
        accept(setting, results, Store::Postgres, Workers::Stopped, STOPPED)?;
        {
            let roster = Roster::start(setting, Store::Postgres, Workers::Stopped)?;
            results.add_answers(PGBENCH, &pgbench(setting, &roster.database, INSERT)?);
        }
        accept(setting, results, Store::Postgres, Workers::Running, HASHING)?;
        insert(setting, results, Store::Postgres)?;
        accept_fewer(setting, results, Store::Postgres)?;
        results.add_answers(RABBITMQ, &rabbitmq::publish(setting)?);
        if let Some(origin) = Origin::start(setting)? {
            results.add_answers(ORIGIN, &wrk(setting, origin.at, SIGN_UP, &["a"])?);
        }
        Ok(())
    })?;
    results.ratio("requests/s", STOPPED, PGBENCH, Some(Wanted::AtLeast(1.0)));
    results.ratio("requests/s", HASHING, PGBENCH, Some(Wanted::AtLeast(0.9)));
    results.ratio("requests/s", STOPPED, PLAIN, None);
    results.ratio("requests/s", STOPPED, RABBITMQ, None);
    results.ratio("requests/s", HASHING, ORIGIN, None);
    results.bound("p99 ms", FEWER, Wanted::AtMost(20.0));
    Ok(())
}

fn on_sqlite(setting: &Setting, results: &mut Results) -> Result<()> {
    setting.each_round(|| {
        accept(setting, results, Store::Sqlite, Workers::Running, HASHING)?;
        insert(setting, results, Store::Sqlite)?;
        accept_fewer(setting, results, Store::Sqlite)
    })?;
    results.ratio("requests/s", HASHING, PLAIN, None);
    results.bound("requests/s", FEWER, Wanted::AtLeast(20_000.0));
    results.bound("p99 ms", FEWER, Wanted::AtMost(10.0));
    Ok(())
}

fn accept(setting: &Setting, results: &mut Results, store: Store, workers: Workers, name: &str) -> Result<()> {
    let roster = Roster::start(setting, store, workers)?;
    results.add_answers(name, &wrk(setting, roster.at, SIGN_UP, &["a"])?);
    Ok(())
}

fn accept_fewer(setting: &Setting, results: &mut Results, store: Store) -> Result<()> {
    let roster = Roster::start(setting, store, Workers::Running)?;
    results.add_answers(FEWER, &load(roster.at, SIGN_UP, &["a"], 32, setting.seconds)?);
    Ok(())
}

fn insert(setting: &Setting, results: &mut Results, store: Store) -> Result<()> {
    // Only its tables are used: it makes them, and then idles.
    let roster = Roster::start(setting, store, Workers::Stopped)?;
    let plain = Plain::start(setting, &roster.database)?;
    results.add_answers(PLAIN, &wrk(setting, plain.at, SIGN_UP, &["a"])?);
    Ok(())
}
