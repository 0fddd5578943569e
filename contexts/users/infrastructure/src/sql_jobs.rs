use crate::queries::find_users;
use crate::sql_users::{SqlUsers, name_key};
use identity::{JobId, UserId};
use persistence::{SqlError, SqlTimestamp, UuidList, execute, fetch_all, fetch_optional};
use serde::Serialize;
use std::collections::HashSet;
use use_case::{Unavailable, async_trait};
use users_application::{ImportOutcome, JobStep, Jobs};
use users_domain::{ImportedUser, Name, Taken, UserFilter};
use uuid::Uuid;

/// How many users a step deactivates or erases.
const USERS: i64 = 50;

/// A user as the statements of an import read it. Times are in microseconds.
#[derive(Serialize)]
struct Row<'a> {
    id: Uuid,
    email: &'a str,
    canonical: &'a str,
    name: Option<&'a str>,
    name_key: String,
    registered_at: i64,
    deactivated_at: Option<i64>,
    verified: bool,
    role: &'a str,
    #[serde(rename = "ref")]
    reference: Option<&'a str>,
}

/// Adds the users of which nothing is taken, and returns their ids.
const ADD: (&str, &str) = (
    "insert into users_users (id, email, email_canonical, name, name_key, version, registered_at, deactivated_at, \
     email_verified, role, role_version) \
     select id, email, canonical, name, name_key, 1, timestamptz 'epoch' + registered_at * interval '1 us', \
     timestamptz 'epoch' + deactivated_at * interval '1 us', verified, role, 1 \
     from json_to_recordset($1::json) as row (id uuid, email text, canonical text, name text, name_key text, \
     registered_at bigint, deactivated_at bigint, verified boolean, role text, ref text) \
     where not exists (select 1 from users_erased e where e.id = row.id) \
     and not exists (select 1 from users_refs r where r.ref = row.ref) \
     on conflict do nothing returning id",
    "insert into users_users (id, email, email_canonical, name, name_key, version, registered_at, deactivated_at, \
     email_verified, role, role_version) \
     select unhex(value->>'id', '-'), value->>'email', value->>'canonical', value->>'name', value->>'name_key', 1, \
     value->>'registered_at', value->>'deactivated_at', value->>'verified', value->>'role', 1 from json_each($1) \
     where not exists (select 1 from users_erased where id = unhex(value->>'id', '-')) \
     and not exists (select 1 from users_refs where ref = value->>'ref') \
     on conflict do nothing returning id",
);

/// Stores the references of the rows.
const ADD_REFS: (&str, &str) = (
    "insert into users_refs (ref, user_id) select ref, id from json_to_recordset($1::json) as row (id uuid, ref text) \
     where ref is not null",
    "insert into users_refs (ref, user_id) select value->>'ref', unhex(value->>'id', '-') from json_each($1) \
     where value->>'ref' is not null",
);

/// Which of the rows have a reference that is stored.
const KNOWN_REFS: (&str, &str) = (
    "select r.ref from users_refs r join json_to_recordset($1::json) as row (ref text) on r.ref = row.ref",
    "select ref from users_refs where ref in (select value->>'ref' from json_each($1))",
);

const TAKEN_IDS: (&str, &str) = persistence::sql!(
    "select id from users_users where id {in $1} union all select id from users_erased where id {in $1}"
);

#[async_trait]
impl Jobs for SqlUsers {
    async fn take_rows(&mut self, job: JobId) -> Result<Option<Vec<ImportedUser>>, Unavailable> {
        let sql = persistence::sql!("select status from users_jobs where id = $1 {for update}");
        let status = fetch_optional!(&mut self.0, (String,), sql, job.as_uuid())?;
        if status.is_none_or(|(status,)| status != "running") {
            execute!(&mut self.0, "delete from users_job_rows where job = $1", job.as_uuid())?;
            return Ok(None);
        }
        let sql = "delete from users_job_rows where job = $1 \
             and number = (select min(number) from users_job_rows where job = $1) returning rows";
        let rows = fetch_optional!(&mut self.0, (String,), sql, job.as_uuid())?;
        rows.map(|(rows,)| serde_json::from_str(&rows).map_err(Unavailable::retry_later)).transpose()
    }

    async fn import(&mut self, users: &[ImportedUser]) -> Result<Vec<ImportOutcome>, Unavailable> {
        // An erasure writes into this table, and so its id cannot be used again meanwhile.
        execute!(&mut self.0, ("lock table users_erased in share mode", "select 1"))?;
        let added: Vec<(Uuid,)> = fetch_all!(&mut self.0, (Uuid,), ADD, json(users.iter()))?;
        let added: HashSet<_> = added.into_iter().map(|(id,)| id).collect();
        let is_added = |user: &&ImportedUser| added.contains(&user.id.as_uuid());
        // Not before the insertion, which may have waited for a concurrent import of the same users.
        let known = self.known_refs(users).await?;
        execute!(&mut self.0, ADD_REFS, json(users.iter().filter(is_added)))?;
        let others: Vec<_> = users.iter().filter(|user| !is_added(user)).map(|user| user.id.as_uuid()).collect();
        let taken_ids = self.taken_ids(&others).await?;
        let outcome = |user: &ImportedUser| match user {
            user if is_added(&user) => ImportOutcome::Added,
            user if user.reference.as_ref().is_some_and(|it| known.contains(it.as_str())) => {
                ImportOutcome::AlreadyImported
            }
            user if taken_ids.contains(&user.id.as_uuid()) => ImportOutcome::Taken(Taken::Id),
            _ => ImportOutcome::Taken(Taken::Email),
        };
        Ok(users.iter().map(outcome).collect())
    }

    async fn next_matching(&mut self, job: JobId, filter: &UserFilter) -> Result<Option<Vec<UserId>>, Unavailable> {
        type Position = (String, Option<SqlTimestamp>, Option<Uuid>);
        let sql = persistence::sql!("select status, after_at, after_id from users_jobs where id = $1 {for update}");
        let position = fetch_optional!(&mut self.0, Position, sql, job.as_uuid())?;
        let Some((_, at, id)) = position.filter(|(status, ..)| status == "running") else { return Ok(None) };
        let after = at.zip(id).map(|(at, id)| (at.0, id));
        let found = find_users::next(&mut self.0, filter, after, USERS).await?;
        let Some((at, id)) = found.last().copied() else { return Ok(None) };
        let sql = "update users_jobs set after_at = $2, after_id = $3 where id = $1";
        execute!(&mut self.0, sql, job.as_uuid(), SqlTimestamp(at), id)?;
        Ok(Some(found.into_iter().map(|(_, id)| UserId::new(id)).collect()))
    }

    async fn advance(&mut self, job: JobId, step: &JobStep) -> Result<(), Unavailable> {
        // The errors first: the number of a user is counted from those who were handled before.
        add_errors(&mut self.0, job, &step.errors).await?;
        let (done, failed) = (count(step.done), count(step.errors.len()));
        let sql = "update users_jobs set done = done + $2, failed = failed + $3, \
             total = case when total > done + $2 then total else done + $2 end where id = $1";
        execute!(&mut self.0, sql, job.as_uuid(), done, failed)?;
        Ok(())
    }

    async fn finish(&mut self, job: JobId) -> Result<(), Unavailable> {
        let sql = persistence::sql!(
            "update users_jobs set status = case when status = 'running' then 'succeeded' else 'cancelled' end, \
             finished_at = {clock} where id = $1 and finished_at is null"
        );
        execute!(&mut self.0, sql, job.as_uuid())?;
        Ok(())
    }
}

impl SqlUsers {
    async fn known_refs(&mut self, users: &[ImportedUser]) -> Result<HashSet<String>, SqlError> {
        let rows = fetch_all!(&mut self.0, (String,), KNOWN_REFS, json(users.iter()))?;
        Ok(rows.into_iter().map(|(reference,)| reference).collect())
    }

    async fn taken_ids(&mut self, ids: &[Uuid]) -> Result<HashSet<Uuid>, SqlError> {
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        let rows = fetch_all!(&mut self.0, (Uuid,), TAKEN_IDS, UuidList(ids))?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }
}

/// Stores the errors of rows, or of users by their number within the step. A line has one error.
pub(crate) async fn add_errors(
    on: &mut persistence::Tx,
    job: JobId,
    errors: &[users_domain::RowError],
) -> Result<(), SqlError> {
    let sql = (
        "insert into users_job_errors (job, line, code, message) \
         select job.id, line + case when kind = 'import' then 0 else done end, code, message \
         from json_to_recordset($2::json) as row (line bigint, code text, message text), users_jobs job \
         where job.id = $1 on conflict do nothing",
        "insert into users_job_errors (job, line, code, message) \
         select job.id, value->>'line' + case when kind = 'import' then 0 else done end, value->>'code', \
         value->>'message' from json_each($2), users_jobs job where job.id = $1 on conflict do nothing",
    );
    if errors.is_empty() {
        return Ok(());
    }
    // Plain data cannot fail to serialise.
    execute!(on, sql, job.as_uuid(), serde_json::to_string(errors).unwrap_or_default()).map(drop)
}

fn json<'a>(users: impl Iterator<Item = &'a ImportedUser>) -> String {
    let rows: Vec<_> = users.map(Row::from).collect();
    // Plain data cannot fail to serialise.
    serde_json::to_string(&rows).unwrap_or_default()
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl<'a> From<&'a ImportedUser> for Row<'a> {
    fn from(user: &'a ImportedUser) -> Self {
        Self {
            id: user.id.as_uuid(),
            email: user.email.as_str(),
            canonical: user.email.canonical(),
            name: user.name.as_ref().map(Name::as_str),
            name_key: name_key(user.name.as_ref()),
            registered_at: user.registered_at.as_microsecond(),
            deactivated_at: user.deactivated_at.map(|at| at.as_microsecond()),
            verified: user.email_verified,
            role: user.role.as_str(),
            reference: user.reference.as_ref().map(users_domain::ImportRef::as_str),
        }
    }
}
