//! Sign-ins: a lone one, and many clients at once.

use super::Comparison;
use crate::report::{Results, Wanted};
use crate::shared::clients::{Counts, sign_in};
use crate::shared::crate_hashes::{COST, on_all_cores, one_hash};
use crate::shared::origin::Origin;
use crate::shared::roster::{PASSWORD, Roster, Store, Workers, credentials};
use crate::shared::setting::Setting;
use crate::shared::statistics::number;
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};
use testkit::Client;

pub(super) const SIGN_IN: Comparison = Comparison {
    name: "sign-in",
    title: "Sign-ins",
    explanation: "Each client signs in again as soon as it has an answer. 64 clients are more than Roster admits: it \
                  answers 503 with `Retry-After`, and these clients ignore that. The times are those of the answers \
                  200. The `bcrypt` crate computes hashes of cost 12 on all cores, or one hash beside the lone client.",
    pictured: "sign-ins/s",
    is_long: false,
    run,
};

const CRATE: &str = "`bcrypt` crate, all cores";
const ONE_HASH: &str = "`bcrypt` crate, one hash";
const ORIGIN: &str = "the origin's stack, 16 clients";
/// The numbers of clients.
const CLIENTS: [(usize, &str); 5] = [
    (1, "Roster, 1 client"),
    (4, "Roster, 4 clients"),
    (8, "Roster, 8 clients"),
    (16, "Roster, 16 clients"),
    (64, "Roster, 64 clients that ignore 503"),
];

fn run(setting: &Setting, results: &mut Results) -> Result<()> {
    let roster = Roster::start(setting, Store::Postgres, Workers::Running)?;
    let everyone = accounts(64);
    register(roster.at, &everyone)?;
    let origin = Origin::start(setting)?;
    if let Some(origin) = &origin {
        register(origin.at, everyone.get(..16).unwrap_or_default())?;
    }
    let lasts = Duration::from_secs(setting.seconds);
    setting.each_round(|| {
        results.add(CRATE, "sign-ins/s", on_all_cores(lasts));
        results.add(ONE_HASH, "p50 ms", one_hash(COST) * 1000.0);
        for (clients, name) in CLIENTS {
            let counts = sign_in(roster.at, everyone.get(..clients).unwrap_or_default(), lasts)?;
            add(results, name, &counts);
        }
        if let Some(origin) = &origin {
            add(results, ORIGIN, &sign_in(origin.at, everyone.get(..16).unwrap_or_default(), lasts)?);
        }
        Ok(())
    })?;
    let [(_, one), _, _, (_, sixteen), (_, crowd)] = CLIENTS;
    results.ratio("p50 ms", one, ONE_HASH, Some(Wanted::AtMost(0.95)));
    results.ratio("sign-ins/s", sixteen, CRATE, Some(Wanted::AtLeast(4.5)));
    results.ratio("sign-ins/s", crowd, CRATE, Some(Wanted::AtLeast(3.5)));
    results.bound("p99 ms", crowd, Wanted::AtMost(2000.0));
    for (_, name) in CLIENTS {
        results.bound("401", name, Wanted::AtMost(0.0));
    }
    results.ratio("sign-ins/s", sixteen, ORIGIN, None);
    Ok(())
}

fn add(results: &mut Results, name: &str, counts: &Counts) {
    results.add(name, "sign-ins/s", counts.per_second());
    results.add(name, "p50 ms", counts.percentile(50));
    results.add(name, "p99 ms", counts.percentile(99));
    for status in [200, 401, 503] {
        results.add(name, &status.to_string(), number(counts.count(status)));
    }
    let others = counts.statuses.iter().filter(|(status, _)| ![200, 401, 503].contains(*status));
    for (status, count) in others {
        results.note(format!("{name}: {count} answers {status}."));
    }
}

/// The credentials of people of this number.
pub(super) fn accounts(count: usize) -> Vec<Value> {
    (0..count).map(|number| credentials(&format!("person{number}@example.org"))).collect()
}

/// Registers people, and waits until all can sign in.
pub(super) fn register(at: SocketAddr, accounts: &[Value]) -> Result<()> {
    let mut client = Client::new(at);
    for account in accounts {
        let person = json!({ "email": account["email"], "password": PASSWORD, "name": "Ada Lovelace" });
        client.post("/users", "respond-async", &person)?.with_status(202)?;
    }
    let began = Instant::now();
    for account in accounts {
        while client.post("/auth/login", "respond-async", account)?.status != 200 {
            ensure!(began.elapsed() < Duration::from_secs(120), "a registration does not end");
            sleep(Duration::from_millis(100));
        }
    }
    Ok(())
}
