//! Operators read accounts.

use crate::sql::administration::OF_ADMINISTRATORS;
use identity::{Email, UserId};
use persistence::{Db, SqlError, UuidList, fetch_all, fetch_one, fetch_optional, sql};
use serde::Serialize;
use std::collections::HashMap;
use uuid::Uuid;

/// An account, active or deactivated.
#[derive(Debug, Serialize)]
pub struct AccountView {
    /// The id of the user.
    pub id: Uuid,
    /// The email address that the user signs in with, in canonical form.
    pub email: String,
    /// `user` or `admin`.
    pub role: String,
    pub status: AccountStatus,
    /// The number of live sessions.
    pub sessions: i64,
}

/// The status of an account, in the words that the API uses for users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountStatus {
    Active,
    Deactivated,
}

impl AccountStatus {
    /// The word that is shown.
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

/// The beginning of an SQL statement that selects a [`Row`] for each account.
const ACCOUNTS: &str = "select a.user_id, a.identifier, a.role, \
     cast(case when a.disabled_at is null then 0 else 1 end as bigint), \
     (select count(*) from auth_sessions s where s.user_id = a.user_id and s.ended_at is null and s.expires_at > {clock}) \
     from auth_accounts a";

/// Finds the account with this email address.
///
/// # Errors
/// If the database does not answer.
pub async fn find(db: &Db, email: &Email) -> Result<Option<AccountView>, SqlError> {
    let mut db = db.read().await?;
    let found = fetch_optional!(&mut db, Row, sql!(ACCOUNTS, "where a.identifier = $1"), email.canonical())?;
    Ok(found.map(view))
}

/// Finds the account of this user.
///
/// # Errors
/// If the database does not answer.
pub async fn find_account(db: &Db, user: UserId) -> Result<Option<AccountView>, SqlError> {
    let mut db = db.read().await?;
    let found = fetch_optional!(&mut db, Row, sql!(ACCOUNTS, "where a.user_id = $1"), user.as_uuid())?;
    Ok(found.map(view))
}

/// The roles of users, as they are at this moment.
///
/// # Errors
/// If the database does not answer.
pub async fn roles(db: &Db, users: &[Uuid]) -> Result<HashMap<Uuid, String>, SqlError> {
    let sql = sql!("select user_id, role from auth_accounts where user_id {in $1}");
    Ok(fetch_all!(&mut db.read().await?, (Uuid, String), sql, UuidList(users))?.into_iter().collect())
}

/// The password hashes of users, for an export by an operator.
///
/// # Errors
/// If the database does not answer.
pub async fn password_hashes(db: &Db, users: &[Uuid]) -> Result<HashMap<Uuid, String>, SqlError> {
    let sql = sql!("select user_id, hash from auth_credentials where user_id {in $1}");
    Ok(fetch_all!(&mut db.read().await?, (Uuid, String), sql, UuidList(users))?.into_iter().collect())
}

/// Returns whether there is an administrator who can sign in.
///
/// # Errors
/// If the database does not answer.
pub async fn has_administrator(db: &Db) -> Result<bool, SqlError> {
    let mut db = db.read().await?;
    let (administrators,) = fetch_one!(&mut db, (i64,), sql!("select count(*)", OF_ADMINISTRATORS))?;
    Ok(administrators > 0)
}
