//! Deletes expired rows of this context and publishes roles that were not, once a minute on every node.

use super::unit_of_work::run_in_transaction;
use auth_application::AnnounceRoles;
use auth_domain::LONGEST_GRACE;
use persistence::{Db, SqlError, execute, sql};
use std::time::Duration;
use tokio::time::sleep;

const EVERY: Duration = Duration::from_secs(60);

/// Erases stored successors whose grace period is over. `$1` is the longest grace period, in microseconds. A time
/// further ahead of now than that, from a clock that was wrong, counts as over, too.
const SUCCESSORS: (&str, &str) = sql!(
    "update auth_refresh_tokens set sealed_successor = null where hash in (select hash from auth_refresh_tokens \
     where sealed_successor is not null \
       and (used_at is null or used_at not between {clock} - {$1 us} and {clock} + {$1 us}) \
     limit 500 {for update skip locked})"
);

/// Deletes sessions that have expired, and sessions that expire a day later than any that opens now, because the clock
/// was ahead. The margin of a day keeps sessions that only look so to a slow clock; meanwhile they are refused. The
/// tokens are deleted with a session, which may have thousands, so the limit is low.
const SESSIONS: (&str, &str) = sql!(
    "delete from auth_sessions where id in (select id from auth_sessions where expires_at < {clock} \
     or expires_at > {clock} + {31 d} order by expires_at limit 20 {for update skip locked})"
);

/// Deletes tokens of links that have expired, and those that were written while the clock was ahead.
const MAIL_TOKENS: (&str, &str) = sql!(
    "delete from auth_mail_tokens where hash in (select hash from auth_mail_tokens where expires_at < {clock} \
     or expires_at > {clock} + {1 d} order by expires_at limit 500 {for update skip locked})"
);

/// Deletes sign-ins that have waited too long for their second factor.
const CHALLENGES: (&str, &str) = sql!(
    "delete from auth_challenges where hash in (select hash from auth_challenges where expires_at < {clock} \
     or expires_at > {clock} + {1 d} order by expires_at limit 500 {for update skip locked})"
);

/// Deletes challenges of passkeys that no browser has answered.
const PASSKEY_CHALLENGES: (&str, &str) = sql!(
    "delete from auth_passkey_challenges where hash in (select hash from auth_passkey_challenges \
     where expires_at < {clock} or expires_at > {clock} + {1 d} order by expires_at limit 500 {for update skip locked})"
);

/// Deletes enrolments of authenticator apps that were never confirmed.
const ENROLMENTS: (&str, &str) = sql!(
    "delete from auth_totp where user_id in (select user_id from auth_totp where confirmed_at is null \
     and (begun_at < {clock} - {1 d} or begun_at > {clock} + {1 d}) limit 500 {for update skip locked})"
);

/// Deletes devices that were not seen for 90 days. The latest of a user stays: otherwise a sign-in from anywhere would be
/// the first of the account.
const DEVICES: (&str, &str) = sql!(
    "delete from auth_known_devices where (user_id, hash) in (select user_id, hash from auth_known_devices d \
     where last_seen_at < {clock} - {90 d} and exists (select 1 from auth_known_devices later \
       where later.user_id = d.user_id and later.last_seen_at > d.last_seen_at) \
     order by last_seen_at limit 500 {for update skip locked})"
);

/// Deletes expired rows and publishes unpublished roles once a minute, until it is dropped.
pub(crate) async fn tidy(db: Db) {
    loop {
        match run_in_transaction(&db, AnnounceRoles).await {
            Ok(0) => {}
            Ok(roles) => tracing::info!(roles, "published roles that were set by an earlier version"),
            Err(error) => tracing::warn!(%error, "could not publish roles: retrying in a minute"),
        }
        sleep(EVERY).await;
        if let Err(error) = tidy_now(&db).await {
            tracing::warn!(%error, "could not delete expired sessions: retrying in a minute");
        }
    }
}

/// Deletes expired rows, a few in each transaction, so that requests do not wait for long.
///
/// # Errors
/// If the database does not answer.
pub async fn tidy_now(db: &Db) -> Result<(), SqlError> {
    let grace = i64::try_from(LONGEST_GRACE.as_micros()).unwrap_or(i64::MAX);
    loop {
        let mut tx = db.begin_low_priority().await?;
        let erased = execute!(&mut tx, SUCCESSORS, grace)?;
        let mut deleted = 0;
        for rows in [SESSIONS, MAIL_TOKENS, CHALLENGES, PASSKEY_CHALLENGES, ENROLMENTS, DEVICES] {
            deleted += execute!(&mut tx, rows)?;
        }
        tx.commit().await?;
        if erased + deleted == 0 {
            return Ok(());
        }
    }
}
