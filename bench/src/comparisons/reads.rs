//! Reads of users by random id, from 64 connections.

use super::Comparison;
use crate::report::{Results, Wanted};
use crate::shared::origin::Origin;
use crate::shared::pgbench::pgbench;
use crate::shared::plain::Plain;
use crate::shared::roster::{Roster, Store, USERS_TO_READ, Workers};
use crate::shared::scratch::Scratch;
use crate::shared::setting::Setting;
use crate::shared::wrk::{READ, warm_up, wrk};
use anyhow::Result;

pub(super) const ON_POSTGRES: Comparison = Comparison {
    name: "reads-postgres",
    title: "Reads by id, PostgreSQL",
    explanation: "64 connections send `GET /users/{id}` for random users of 100,000. The plain server runs one query \
                  per request on the same database. `pgbench` selects the same rows without HTTP.",
    pictured: "requests/s",
    is_long: false,
    run: on_postgres,
};
pub(super) const ON_SQLITE: Comparison = Comparison {
    name: "reads-sqlite",
    title: "Reads by id, SQLite",
    explanation: "The same reads from a SQLite file.",
    pictured: "requests/s",
    is_long: false,
    run: on_sqlite,
};

const ROSTER: &str = "Roster";
const WITH_TOKEN: &str = "Roster, with a bearer token";
const PLAIN: &str = "plain axum + sqlx";
const PGBENCH: &str = "pgbench, select";
const ORIGIN: &str = "the origin's stack";
/// The ids are those of `Roster::add_users`.
const SELECT: &str = "\\set n random(1, 100000)\n\
                      select name, registered_at, email, deactivated_at, version from users_users where id = md5((:n)::text)::uuid;\n";

fn on_postgres(setting: &Setting, results: &mut Results) -> Result<()> {
    run(setting, results, Store::Postgres)?;
    results.ratio("requests/s", ROSTER, PLAIN, Some(Wanted::AtLeast(2.3)));
    results.ratio("p99 ms", ROSTER, PLAIN, Some(Wanted::AtMost(1.0)));
    results.ratio("requests/s", WITH_TOKEN, PLAIN, None);
    results.ratio("requests/s", ROSTER, PGBENCH, Some(Wanted::AtLeast(1.4)));
    results.ratio("requests/s", ROSTER, ORIGIN, None);
    Ok(())
}

fn on_sqlite(setting: &Setting, results: &mut Results) -> Result<()> {
    run(setting, results, Store::Sqlite)?;
    results.ratio("requests/s", ROSTER, PLAIN, Some(Wanted::AtLeast(1.5)));
    results.ratio("requests/s", WITH_TOKEN, PLAIN, None);
    Ok(())
}

fn run(setting: &Setting, results: &mut Results, store: Store) -> Result<()> {
    let scratch = Scratch::new()?;
    let roster = Roster::start(setting, store, Workers::Running)?;
    roster.sign_up("reader@example.org")?;
    roster.add_users(USERS_TO_READ)?;
    roster.database.analyze()?;
    let plain = Plain::start(setting, &roster.database)?;
    let origin = if store == Store::Postgres { Origin::start(setting)? } else { None };
    let ids = roster.write_ids(&scratch)?;
    let ids = ids.to_string_lossy();
    let origin_ids = match &origin {
        Some(origin) => {
            origin.add_users(USERS_TO_READ)?;
            origin.database.analyze()?;
            origin.write_ids(&scratch)?
        }
        None => scratch.path().join("none"),
    };
    let origin_ids = origin_ids.to_string_lossy();
    for server in [roster.at, plain.at] {
        warm_up(server, READ, &[&ids])?;
    }
    if let Some(origin) = &origin {
        warm_up(origin.at, READ, &[&origin_ids])?;
    }
    setting.each_round(|| {
        results.add_answers(ROSTER, &wrk(setting, roster.at, READ, &[&ids])?);
        results.add_answers(PLAIN, &wrk(setting, plain.at, READ, &[&ids])?);
        // A token is valid for five minutes.
        let token = roster.token("reader@example.org")?;
        results.add_answers(WITH_TOKEN, &wrk(setting, roster.at, READ, &[&ids, &token])?);
        if store == Store::Postgres {
            results.add_answers(PGBENCH, &pgbench(setting, &roster.database, SELECT)?);
        }
        if let Some(origin) = &origin {
            results.add_answers(ORIGIN, &wrk(setting, origin.at, READ, &[&origin_ids])?);
        }
        Ok(())
    })
}
