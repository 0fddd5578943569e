//! `roster check`

use crate::compose::{context_names, migrations};
use crate::output::print;
use crate::serve::keys;
use crate::settings::Settings;
use kernel::Timestamp;
use persistence::{At, Db, SqlError, fetch_all, fetch_one};
use std::process::ExitCode;

/// Clocks further apart than this are told.
const CLOCK_SECONDS: i64 = 2;

/// One line of the report.
struct Finding {
    what: &'static str,
    well: bool,
    says: String,
}

/// Looks at everything that a server needs, beside one that runs.
///
/// # Errors
/// When the report cannot be printed.
pub async fn check(settings: &Settings, json: bool) -> anyhow::Result<ExitCode> {
    let mut findings = vec![match keys(settings) {
        Ok(keys) => good("keys", format!("{}, active {}", keys.path().display(), keys.active())),
        Err(error) => bad("keys", format!("{error:#}")),
    }];
    match Db::open_beside(&settings.database).await {
        Ok(db) => {
            findings.push(good("database", settings.database.to_string()));
            match look(&db).await {
                Ok(more) => findings.extend(more),
                Err(error) => findings.push(bad("database", error.to_string())),
            }
            db.close().await;
        }
        Err(error) => findings.push(bad("database", error.to_string())),
    }
    let well = findings.iter().all(|finding| finding.well);
    if json {
        let checks: Vec<_> = findings
            .iter()
            .map(|it| serde_json::json!({ "check": it.what, "ok": it.well, "detail": it.says }))
            .collect();
        print(&serde_json::json!({ "ok": well, "checks": checks }).to_string())?;
    } else {
        for Finding { what, well, says } in &findings {
            print(&format!("{} {what:<10} {says}", if *well { "ok  " } else { "FAIL" }))?;
        }
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn look(db: &Db) -> Result<Vec<Finding>, SqlError> {
    let mut pending = 0;
    for migrations in migrations() {
        pending += db.pending(&migrations).await?;
    }
    if pending > 0 {
        return Ok(vec![bad("schema", format!("{pending} migrations are missing: run `roster migrate`"))]);
    }
    let mut conn = db.read().await?;
    let now = ("select now()", "select cast(unixepoch('subsec') * 1000000 as integer)");
    let (At(theirs),) = fetch_one!(&mut conn, (At,), now)?;
    let apart = (Timestamp::now().as_microsecond() - theirs.as_microsecond()) / 1_000_000;
    let failed = "select count(*) from ledger_messages where status = 'failed' and payload is not null";
    let (failed,) = fetch_one!(&mut conn, (i64,), failed)?;
    let waiting =
        "select context, count(*) from ledger_messages where status = 'accepted' group by context order by context";
    let waiting = fetch_all!(&mut conn, (String, i64), waiting)?;
    let strangers: Vec<_> =
        waiting.iter().filter(|(context, _)| !context_names().any(|name| name == context)).collect();
    Ok(vec![
        good("schema", "up to date".into()),
        Finding {
            what: "clock",
            well: apart.abs() <= CLOCK_SECONDS,
            says: format!("{apart} s ahead of the database's"),
        },
        Finding {
            what: "failed",
            well: failed == 0,
            says: format!("{failed} messages failed for good and wait for an operator"),
        },
        Finding {
            what: "handlers",
            well: strangers.is_empty(),
            says: format!("{} contexts have messages that this version cannot handle", strangers.len()),
        },
        good("waiting", format!("{} messages", waiting.iter().map(|(_, count)| count).sum::<i64>())),
    ])
}

const fn good(what: &'static str, says: String) -> Finding {
    Finding { what, well: true, says }
}

const fn bad(what: &'static str, says: String) -> Finding {
    Finding { what, well: false, says }
}
