//! What becomes slower as the data grows: the same work on databases of three sizes, in turns.

mod plans;
mod rows;

use super::Comparison;
use crate::report::{Results, Wanted};
use crate::shared::clients::sign_in;
use crate::shared::database::{Database, GROWN};
use crate::shared::process::output;
use crate::shared::roster::{PASSWORD, Roster, Store, credentials};
use crate::shared::scratch::Scratch;
use crate::shared::setting::Setting;
use crate::shared::statistics::percentile;
use crate::shared::wrk::{READ, SIGN_UP, load, warm_up, wrk};
use anyhow::Result;
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use testkit::Client;

pub(super) const ON_POSTGRES: Comparison = Comparison {
    name: "growth-postgres",
    title: "Growth, PostgreSQL",
    explanation: EXPLANATION,
    pictured: "reads/s",
    is_long: true,
    run: |setting, results| run(setting, results, Store::Postgres),
};
pub(super) const ON_SQLITE: Comparison = Comparison {
    name: "growth-sqlite",
    title: "Growth, SQLite",
    explanation: EXPLANATION,
    pictured: "reads/s",
    is_long: true,
    run: |setting, results| run(setting, results, Store::Sqlite),
};

const EXPLANATION: &str = "Three servers of one process run on databases with 10³, 10⁵ and 10⁶ users, as many finished \
                           commands, and as many waiting messages of a context that has no worker here. SQL makes the \
                           rows. The servers take turns. A sign-up to its end includes the claims of its messages. \
                           The list is `roster commands list`, with the start of the command line.";
const EMAIL: &str = "grace@example.org";
const SIZES: [(usize, &str); 3] = [(1_000, "Roster, 10³"), (100_000, "Roster, 10⁵"), (1_000_000, "Roster, 10⁶")];
/// Sign-ins, sign-ups and lists in one turn.
const TIMES: usize = 5;

struct Grown {
    name: &'static str,
    roster: Roster,
    ids: PathBuf,
    _scratch: Scratch,
}

fn run(setting: &Setting, results: &mut Results, store: Store) -> Result<()> {
    let mut servers = Vec::new();
    for ((size, name), database) in SIZES.into_iter().zip(GROWN) {
        println!("{size} users");
        let database = match store {
            Store::Postgres => Database::postgres(setting, database)?,
            Store::Sqlite => Database::sqlite()?,
        };
        let roster = Roster::start_alone(setting, database)?;
        roster.sign_up(EMAIL)?;
        rows::add(&roster.database, size)?;
        let scratch = Scratch::new()?;
        let ids = roster.write_ids(&scratch)?;
        warm_up(roster.at, READ, &[&ids.to_string_lossy()])?;
        servers.push(Grown { name, roster, ids, _scratch: scratch });
    }
    setting.each_round(|| servers.iter().try_for_each(|server| turn(setting, results, server)))?;
    let [(_, small), _, (_, large)] = SIZES;
    results.ratio("reads/s", large, small, Some(Wanted::AtLeast(0.9)));
    results.ratio("accepts/s", large, small, Some(Wanted::AtLeast(0.9)));
    results.ratio("sign-in ms", large, small, None);
    results.ratio("sign-up to its end ms", large, small, None);
    results.ratio("list ms", large, small, None);
    if let Some(large) = servers.last() {
        for (name, sql) in plans::PLANS {
            results.text(format!("Plan with 10⁶ rows: {name}"), large.roster.database.texts(sql, 0)?.join("\n"));
        }
    }
    Ok(())
}

fn turn(setting: &Setting, results: &mut Results, server: &Grown) -> Result<()> {
    let Grown { name, roster, ids, .. } = server;
    results.add(name, "reads/s", wrk(setting, roster.at, READ, &[&ids.to_string_lossy()])?.per_second);
    let lasts = Duration::from_secs(setting.seconds.min(3));
    results.add(name, "sign-in ms", sign_in(roster.at, &[credentials(EMAIL)], lasts)?.percentile(50));
    let mut client = Client::new(roster.at);
    let sign_up = |number: usize| -> Result<Duration> {
        let person = json!({ "email": format!("a.whole.{number}@example.org"), "password": PASSWORD });
        Ok(client.post("/users", "wait=30", &person)?.with_status(201)?.took)
    };
    results.add(name, "sign-up to its end ms", median_of((0..TIMES).map(sign_up))?);
    let list = |_| -> Result<Duration> {
        let began = Instant::now();
        output(roster.command_line().args(["commands", "list", "--json"]))?;
        Ok(began.elapsed())
    };
    results.add(name, "list ms", median_of((0..TIMES).map(list))?);
    // At most three seconds: the accepted rows have to be removed again.
    let accepts = load(roster.at, SIGN_UP, &["a"], 64, setting.seconds.min(3))?;
    results.add(name, "accepts/s", accepts.per_second);
    rows::remove_accepted(&roster.database)
}

/// The median in milliseconds.
fn median_of(times: impl Iterator<Item = Result<Duration>>) -> Result<f64> {
    Ok(percentile(&times.collect::<Result<Vec<_>>>()?, 50))
}
