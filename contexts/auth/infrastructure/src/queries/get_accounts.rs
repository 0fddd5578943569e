//! Who can sign in, for operators.

use crate::sql_administration::of_administrators;
use auth_domain::Role;
use kernel::{Email, UserId};
use persistence::{Db, SqlError, fetch_all, fetch_one, fetch_optional};
use serde::Serialize;
use uuid::Uuid;

/// Somebody who can sign in, or could.
#[derive(Debug, Serialize)]
pub struct AccountView {
    /// Who.
    pub id: Uuid,
    /// The address that they sign in with, in its canonical form.
    pub email: String,
    /// What they may do: `user` or `admin`.
    pub role: String,
    /// Whether they may sign in.
    pub status: AccountStatus,
    /// In how many sessions they are signed in now.
    pub sessions: i64,
}

/// Whether a person may sign in, in the words that a user has, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountStatus {
    /// They may.
    Active,
    /// It is denied to them.
    Deactivated,
}

impl AccountStatus {
    /// As shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Deactivated => "deactivated",
        }
    }
}

type Row = (Uuid, String, String, i64, i64);

fn view((id, email, role, deactivated, sessions): Row) -> AccountView {
    let status = if deactivated == 0 { AccountStatus::Active } else { AccountStatus::Deactivated };
    AccountView { id, email, role, status, sessions }
}

/// The statement: when is now, and who is meant.
macro_rules! accounts {
    ($now:literal, $which:literal) => {
        concat!(
            "select a.user_id, a.identifier, a.role, \
             cast(case when a.disabled_at is null then 0 else 1 end as bigint), \
             (select count(*) from auth_sessions s where s.user_id = a.user_id and s.ended_at is null \
              and s.expires_at > ",
            $now,
            ") from auth_accounts a ",
            $which
        )
    };
    ($which:literal) => {
        (accounts!("clock_timestamp()", $which), accounts!("cast(unixepoch('subsec') * 1000000 as integer)", $which))
    };
}

/// The one who signs in with this address.
///
/// # Errors
/// When the database does not answer.
pub async fn find(db: &Db, email: &Email) -> Result<Option<AccountView>, SqlError> {
    let mut db = db.read().await?;
    let found = fetch_optional!(&mut db, Row, accounts!("where a.identifier = $1"), email.canonical())?;
    Ok(found.map(view))
}

/// The one who has this id.
///
/// # Errors
/// When the database does not answer.
pub async fn find_account(db: &Db, user: UserId) -> Result<Option<AccountView>, SqlError> {
    let mut db = db.read().await?;
    let found = fetch_optional!(&mut db, Row, accounts!("where a.user_id = $1"), user.as_uuid())?;
    Ok(found.map(view))
}

/// The next ones after an address (all are after the empty one), by address; those with this role, if one is named.
///
/// # Errors
/// When the database does not answer.
pub async fn page(db: &Db, after: &str, role: Option<Role>, limit: i64) -> Result<Vec<AccountView>, SqlError> {
    let sql = accounts!("where a.identifier > $1 and (a.role = $2 or $2 = '') order by a.identifier limit $3");
    let mut db = db.read().await?;
    let rows = fetch_all!(&mut db, Row, sql, after, role.map_or("", Role::as_str), limit)?;
    Ok(rows.into_iter().map(view).collect())
}

/// Whether there is an administrator who can sign in.
///
/// # Errors
/// When the database does not answer.
pub async fn has_administrator(db: &Db) -> Result<bool, SqlError> {
    let mut db = db.read().await?;
    let (administrators,) = fetch_one!(&mut db, (i64,), of_administrators!("select count(*)"))?;
    Ok(administrators > 0)
}
