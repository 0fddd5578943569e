//! Operators list users.

use crate::queries::find_users::push_filter;
pub use crate::queries::find_users::{SubstringSearchIsOff, has_index};
use kernel::Timestamp;
use persistence::{Db, QueryBuilder, SqlError, SqlTimestamp};
use serde::Serialize;
use users_domain::UserFilter;
use uuid::Uuid;

/// A user, as operators see them.
#[derive(Debug, Clone, Serialize)]
pub struct ListedUser {
    pub id: Uuid,
    pub email: String,
    pub name: Option<String>,
    pub email_verified: bool,
    /// `user` or `admin`.
    pub role: String,
    /// `active` or `deactivated`.
    pub status: &'static str,
    pub created_at: Timestamp,
    /// The address as lists are ordered.
    #[serde(skip)]
    pub canonical: String,
    /// The id in the system that the user comes from.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

type Row = (Uuid, String, Option<String>, bool, String, Option<SqlTimestamp>, SqlTimestamp, String, Option<String>);

/// Reads up to `limit` users who match, in the order of their addresses, from the first after `after` on: an address in
/// canonical form, or an empty text.
///
/// # Errors
/// If the database does not answer.
pub async fn list_users(db: &Db, filter: &UserFilter, after: &str, limit: i64) -> Result<Vec<ListedUser>, SqlError> {
    let mut query = QueryBuilder::new(
        "select id, email, name, email_verified, role, deactivated_at, registered_at, email_canonical, \
         (select ref from users_refs where user_id = id) from users_users where true",
    );
    push_filter(&mut query, filter, None);
    query.push("and email_canonical >").bind(after.to_owned());
    query.push("order by email_canonical limit").bind(limit);
    let rows: Vec<Row> = query.fetch_all(&mut db.read().await?).await?;
    Ok(rows.into_iter().map(ListedUser::from).collect())
}

impl From<Row> for ListedUser {
    fn from((id, email, name, email_verified, role, deactivated_at, created_at, canonical, reference): Row) -> Self {
        let status = if deactivated_at.is_some() { "deactivated" } else { "active" };
        Self { id, email, name, email_verified, role, status, created_at: created_at.0, canonical, reference }
    }
}
