//! Rows made by SQL. Addresses of sign-ups during the measurement begin with `a`; those of the rows begin with `user`.

use crate::shared::database::{Database, Sql};
use anyhow::Result;

/// Adds users 1 to `count`, as many finished commands, and as many waiting messages.
pub(super) fn add(database: &Database, count: usize) -> Result<()> {
    for sql in [USERS, ACCOUNTS, CREDENTIALS, FINISHED, WAITING] {
        database.execute(sql, count)?;
    }
    database.analyze()
}

/// Removes what sign-ups have added, so that the next turn begins with as many rows as this one.
pub(super) fn remove_accepted(database: &Database) -> Result<()> {
    for sql in [NEW_MESSAGES, NEW_CREDENTIALS, NEW_ACCOUNTS, NEW_USERS] {
        database.execute(sql, 0)?;
    }
    Ok(())
}

const USERS: Sql = Sql {
    postgres: "insert into users_users (id, email, email_canonical, name, version, registered_at) \
               select md5(n::text)::uuid, 'user' || n || '@example.org', 'user' || n || '@example.org', 'Ada Lovelace', 1, now() \
               from generate_series(1, $1) n",
    sqlite: "with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < $1) \
             insert into users_users (id, email, email_canonical, name, version, registered_at) \
             select randomblob(16), 'user' || n || '@example.org', 'user' || n || '@example.org', 'Ada Lovelace', 1, \
             cast(unixepoch('subsec') * 1000000 as integer) from numbers",
};
const ACCOUNTS: Sql = Sql {
    postgres: "insert into auth_accounts (user_id, identifier, version) \
               select id, email_canonical, 1 from users_users where email_canonical like 'user%' limit $1",
    sqlite: "insert into auth_accounts (user_id, identifier, version) \
             select id, email_canonical, 1 from users_users where email_canonical like 'user%' limit $1",
};
/// The hash of the one user who can sign in, for everyone.
const CREDENTIALS: Sql = Sql {
    postgres: "insert into auth_credentials (user_id, hash) select a.user_id, (select hash from auth_credentials limit 1) \
               from auth_accounts a where a.identifier like 'user%' limit $1",
    sqlite: "insert into auth_credentials (user_id, hash) select a.user_id, (select hash from auth_credentials limit 1) \
             from auth_accounts a where a.identifier like 'user%' limit $1",
};
/// Finished an hour ago. Waiting rows keep a payload of the length of a registration's.
const FINISHED: Sql = Sql {
    postgres: "insert into ledger_messages (id, root, context, lane, name, subject, principal, traceparent, status, accepted_at, finished_at) \
               select id, id, 'users', 'fast', 'users.register_user.v1', id, 'anonymous', 'generated', 'succeeded', \
               now() - interval '1 hour', now() - interval '1 hour' \
               from generate_series(1, $1) n, lateral (select md5('finished' || n)::uuid as id) as ids",
    sqlite: "with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < $1), \
             ids as materialized (select randomblob(16) as id, cast(unixepoch('subsec') * 1000000 as integer) - 3600000000 as at from numbers) \
             insert into ledger_messages (id, root, context, lane, name, subject, principal, traceparent, status, accepted_at, finished_at) \
             select id, id, 'users', 'fast', 'users.register_user.v1', id, 'anonymous', 'generated', 'succeeded', at, at from ids",
};
const WAITING: Sql = Sql {
    postgres: "insert into ledger_messages (id, root, context, lane, name, subject, principal, traceparent, payload) \
               select id, id, 'bench', 'slow', 'bench.wait.v1', id, 'anonymous', 'generated', '{}' \
               from generate_series(1, $1) n, lateral (select md5('waiting' || n)::uuid as id) as ids",
    sqlite: "with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < $1), \
             ids as materialized (select randomblob(16) as id from numbers) \
             insert into ledger_messages (id, root, context, lane, name, subject, principal, traceparent, payload) \
             select id, id, 'bench', 'slow', 'bench.wait.v1', id, 'anonymous', 'generated', '{}' from ids",
};

const fn both(sql: &'static str) -> Sql {
    Sql { postgres: sql, sqlite: sql }
}

const NEW_MESSAGES: Sql = both("delete from ledger_messages where traceparent is null or traceparent <> 'generated'");
const NEW_CREDENTIALS: Sql = both(
    "delete from auth_credentials where user_id in (select user_id from auth_accounts where identifier like 'a%')",
);
const NEW_ACCOUNTS: Sql = both("delete from auth_accounts where identifier like 'a%'");
const NEW_USERS: Sql = both("delete from users_users where email_canonical like 'a%'");
