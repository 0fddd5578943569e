//! The SQL of a list of users. Each order has an index, and so has each filter that few users pass; see
//! `docs/adr/0016-lists-of-users.md`.

use crate::SUBSTRING_SEARCH;
use crate::queries::get_user::{USER_COLUMNS, UserRow, UserView};
use kernel::{DomainError, Timestamp};
use persistence::sqlx::{self, ColumnIndex, Decode, FromRow, Type};
use persistence::{Db, QueryBuilder, Sql, SqlError, SqlTimestamp, fetch_one};
use users_domain::{SortKey, UserFilter, UserOrder, UserRole, UserStatus};
use uuid::Uuid;
use web::{SignedCursor, Towards};

/// Matching users up to this number are counted exactly.
const COUNTED: i64 = 1_000;
/// After every text that begins with a prefix.
const LAST: char = '\u{10ffff}';

/// A page of a list.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) filter: &'a UserFilter,
    pub(super) order: UserOrder,
    pub(super) from: Option<&'a SignedCursor>,
    pub(super) limit: i64,
}

/// How many users match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    Exact(i64),
    /// What the database estimates.
    Estimate(i64),
    AtLeast(i64),
}

/// A user, and what the list is ordered by.
pub(super) struct Found {
    pub(super) user: UserView,
    pub(super) key: String,
    pub(super) id: Uuid,
}

/// The database has no index for parts of addresses and names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot be used: an operator turns it on once, by `migrate --substring-search` on the command line")]
pub struct SubstringSearchIsOff;

impl DomainError for SubstringSearchIsOff {
    fn code(&self) -> &'static str {
        "substring_search_off"
    }
}

/// Whether the database has the index that the filter needs.
///
/// # Errors
/// When the database does not answer.
pub async fn has_index(db: &Db, filter: &UserFilter) -> Result<bool, SqlError> {
    Ok(filter.substring.is_none() || db.pending(&SUBSTRING_SEARCH).await? == 0)
}

/// Reads up to `limit + 1` users from the cursor on, in its direction.
pub(super) async fn find(db: &Db, wanted: Wanted<'_>) -> Result<Vec<Found>, SqlError> {
    let rows: Vec<FoundRow> = page(wanted, ("select", "select")).fetch_all(&mut db.read().await?).await?;
    let found = |FoundRow { user, canonical, name_key }| {
        let user = UserView::from(user);
        let key = match wanted.order.by {
            SortKey::CreatedAt => user.created_at.as_microsecond().to_string(),
            SortKey::Email => canonical,
            SortKey::Name => name_key,
        };
        Found { id: user.id, user, key }
    };
    Ok(rows.into_iter().map(found).collect())
}

/// The row of a user, and the texts that lists are ordered by.
struct FoundRow {
    user: UserRow,
    canonical: String,
    name_key: String,
}

impl<'r, R: sqlx::Row> FromRow<'r, R> for FoundRow
where
    UserRow: FromRow<'r, R>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    &'static str: ColumnIndex<R>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let (canonical, name_key) = (row.try_get("email_canonical")?, row.try_get("name_or_empty")?);
        Ok(Self { user: UserRow::from_row(row)?, canonical, name_key })
    }
}

/// Finds users who match, in the order of their registration, from the first after `after` on.
pub(crate) async fn next(
    on: &mut impl Sql,
    filter: &UserFilter,
    after: Option<(Timestamp, Uuid)>,
    limit: i64,
) -> Result<Vec<(Timestamp, Uuid)>, SqlError> {
    let mut query = QueryBuilder::new("select registered_at, id from users_users where true");
    push_filter(&mut query, filter, None);
    if let Some((at, id)) = after {
        query.push("and (registered_at, id) > (").bind(SqlTimestamp(at)).push(",").bind(id).push(")");
    }
    query.push("order by registered_at, id limit").bind(limit);
    let rows: Vec<(SqlTimestamp, Uuid)> = query.fetch_all(on).await?;
    Ok(rows.into_iter().map(|(at, id)| (at.0, id)).collect())
}

/// Counts the users who match, up to a limit. Above it, PostgreSQL's planner estimates. SQLite has no estimate with a
/// filter; without one it knows its last row number.
pub(crate) async fn count(db: &Db, filter: &UserFilter) -> Result<Count, SqlError> {
    let mut query = QueryBuilder::new("select count(*) from (select 1 from users_users where true");
    push_filter(&mut query, filter, None);
    query.push("limit").bind(COUNTED + 1).push(") matching");
    let mut on = db.read().await?;
    let counted: Vec<(i64,)> = query.fetch_all(&mut on).await?;
    let counted = counted.first().map_or(0, |(count,)| *count);
    if counted <= COUNTED {
        return Ok(Count::Exact(counted));
    }
    if db.is_shared() {
        let mut query = QueryBuilder::new("explain select 1 from users_users where true");
        push_filter(&mut query, filter, None);
        let plan: Vec<(String,)> = query.fetch_all(&mut on).await?;
        let rows = plan.first().and_then(|(line,)| planned_rows(line)).unwrap_or(counted);
        return Ok(Count::Estimate(rows.max(counted)));
    }
    if filter.is_empty() {
        let (rows,) = fetch_one!(&mut on, (i64,), ("select 1::bigint", "select max(rowid) from users_users"))?;
        return Ok(Count::Estimate(rows.max(counted)));
    }
    Ok(Count::AtLeast(COUNTED))
}

/// The estimate in the first line of a plan: `Seq Scan on users_users  (cost=0.00..35.50 rows=2550 width=4)`.
fn planned_rows(line: &str) -> Option<i64> {
    line.split_once("rows=")?.1.split(' ').next()?.parse().ok()
}

/// The query of a page, after `select` or `explain`.
pub(super) fn page(wanted: Wanted<'_>, select: (&'static str, &'static str)) -> QueryBuilder {
    let Wanted { filter, order, from, limit } = wanted;
    let descends = order.is_descending != from.is_some_and(|cursor| cursor.towards == Towards::Previous);
    let mut query = QueryBuilder::new(select);
    query
        .push(USER_COLUMNS)
        .push(", email_canonical, coalesce(name_key, '') as name_or_empty from users_users where true");
    // The cursor replaces the bound on its own side. The databases would else choose one of the two to begin at.
    push_filter(&mut query, filter, from.map(|_| (order.by, descends)));
    if let Some(SignedCursor { key, id, .. }) = from {
        push_cursor(&mut query, order.by, descends, key, *id);
    }
    // A user whose search key is not computed yet has no place in this order.
    query.push(match (order.by, descends) {
        (SortKey::CreatedAt, false) => "order by registered_at, id limit",
        (SortKey::CreatedAt, true) => "order by registered_at desc, id desc limit",
        (SortKey::Email, false) => "order by email_canonical limit",
        (SortKey::Email, true) => "order by email_canonical desc limit",
        (SortKey::Name, false) => "and name_key is not null order by name_key, id limit",
        (SortKey::Name, true) => "and name_key is not null order by name_key desc, id desc limit",
    });
    query.bind(limit + 1);
    query
}

/// The pattern of `like` for texts that contain this one.
fn like(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

/// The query of FTS5 for texts that contain this one.
fn phrase(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn push_cursor(query: &mut QueryBuilder, by: SortKey, descends: bool, key: &str, id: Uuid) {
    query.push(match (by, descends) {
        (SortKey::CreatedAt, false) => "and (registered_at, id) > (",
        (SortKey::CreatedAt, true) => "and (registered_at, id) < (",
        (SortKey::Email, false) => "and email_canonical >",
        (SortKey::Email, true) => "and email_canonical <",
        (SortKey::Name, false) => "and (name_key, id) > (",
        (SortKey::Name, true) => "and (name_key, id) < (",
    });
    match by {
        SortKey::CreatedAt => {
            // The server has made the cursor, so its key is such a number.
            let at = key.parse().ok().and_then(Timestamp::from_microsecond).unwrap_or_else(Timestamp::now);
            query.bind(SqlTimestamp(at)).push(",").bind(id).push(")");
        }
        SortKey::Email => {
            query.bind(key.to_owned());
        }
        SortKey::Name => {
            query.bind(key.to_owned()).push(",").bind(id).push(")");
        }
    }
}

/// Adds a condition for each filter. `cursor` says that a cursor bounds this key: from above if the list descends,
/// otherwise from below.
pub(super) fn push_filter(query: &mut QueryBuilder, filter: &UserFilter, cursor: Option<(SortKey, bool)>) {
    // Names every field, so that the compiler reports a filter that is missing here.
    let UserFilter {
        id,
        email,
        email_prefix,
        name_prefix,
        substring,
        domain,
        status,
        role,
        email_verified,
        created_after,
        created_before,
    } = filter;
    let needs_lower = |by| cursor != Some((by, false));
    let needs_upper = |by| cursor != Some((by, true));
    if let Some(id) = id {
        query.push("and id =").bind(id.as_uuid());
    }
    if let Some(email) = email {
        query.push("and email_canonical =").bind(email.canonical().to_owned());
    }
    if let Some(prefix) = email_prefix.as_ref().filter(|_| needs_lower(SortKey::Email)) {
        query.push("and email_canonical >=").bind(prefix.as_str().to_owned());
    }
    if let Some(prefix) = email_prefix.as_ref().filter(|_| needs_upper(SortKey::Email)) {
        query.push("and email_canonical <").bind(format!("{}{LAST}", prefix.as_str()));
    }
    if let Some(prefix) = name_prefix.as_ref().filter(|_| needs_lower(SortKey::Name)) {
        query.push("and name_key >=").bind(prefix.as_str().to_owned());
    }
    if let Some(prefix) = name_prefix.as_ref().filter(|_| needs_upper(SortKey::Name)) {
        query.push("and name_key <").bind(format!("{}{LAST}", prefix.as_str()));
    }
    if let Some(substring) = substring {
        // The expression of the index.
        let contains = (
            "and (email_canonical || chr(10) || coalesce(name_key, '')) like",
            "and id in (select id from users_substrings join users_substring_ids on number = users_substrings.rowid \
             where users_substrings match",
        );
        query.push(contains).bind((like(substring.as_str()), phrase(substring.as_str()))).push(("", ")"));
    }
    if let Some(domain) = domain {
        // The expression of the index.
        let part = (
            "and split_part(email_canonical, '@', 2) =",
            "and substr(email_canonical, instr(email_canonical, '@') + 1) =",
        );
        query.push(part).bind(domain.as_str().to_owned());
    }
    if let Some(after) = created_after.filter(|_| needs_lower(SortKey::CreatedAt)) {
        query.push("and registered_at >").bind(SqlTimestamp(after));
    }
    if let Some(before) = created_before.filter(|_| needs_upper(SortKey::CreatedAt)) {
        query.push("and registered_at <").bind(SqlTimestamp(before));
    }
    // Constants, not values: the databases use a partial index only if they see its condition.
    match status {
        Some(UserStatus::Active) => query.push("and deactivated_at is null"),
        Some(UserStatus::Deactivated) => query.push("and deactivated_at is not null"),
        None => query,
    };
    match role {
        Some(UserRole::User) => query.push("and role = 'user'"),
        Some(UserRole::Admin) => query.push("and role = 'admin'"),
        None => query,
    };
    match email_verified {
        Some(true) => query.push(("and email_verified", "and email_verified = 1")),
        Some(false) => query.push(("and not email_verified", "and email_verified = 0")),
        None => query,
    };
}

#[cfg(test)]
#[path = "find_users_tests.rs"]
mod tests;
