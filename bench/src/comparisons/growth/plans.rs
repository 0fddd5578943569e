//! The plans of the statements that run most often, or that look at many rows. The statements are those of the
//! product, with values in place of parameters.

use crate::shared::database::Sql;

pub(super) const PLANS: [(&str, Sql); 6] = [
    (
        "read a user",
        Sql {
            postgres: "explain select name, registered_at, email, deactivated_at, version from users_users where id = '00000000-0000-4000-8000-000000000000'",
            sqlite: "explain query plan select name, registered_at, email, deactivated_at, version from users_users where id = x'00'",
        },
    ),
    (
        "find an account by its address",
        Sql {
            postgres: "explain select user_id from auth_accounts where identifier = 'user7@example.org'",
            sqlite: "explain query plan select user_id from auth_accounts where identifier = 'user7@example.org'",
        },
    ),
    (
        "claim due messages",
        Sql {
            postgres: "explain select id from ledger_messages m where context = 'bench' and lane = 'slow' and status = 'accepted' \
                   and next_attempt_at <= now() and name in (select json_array_elements_text('[\"bench.wait.v1\"]'::json)) \
                   and (select 1 from ledger_messages other where other.context = m.context and other.subject = m.subject \
                   and other.status in ('accepted', 'running') and (other.sequence < m.sequence or other.status = 'running') \
                   and other.id <> m.id limit 1) is null order by next_attempt_at, sequence limit 10 for update skip locked",
            sqlite: "explain query plan select id from ledger_messages m where context = 'bench' and lane = 'slow' \
                 and status = 'accepted' and next_attempt_at <= 9000000000000000 \
                 and name in (select value from json_each('[\"bench.wait.v1\"]')) \
                 and (select 1 from ledger_messages other where other.context = m.context and other.subject = m.subject \
                 and other.status in ('accepted', 'running') and (other.sequence < m.sequence or other.status = 'running') \
                 and other.id <> m.id limit 1) is null order by next_attempt_at, sequence limit 10",
        },
    ),
    (
        "find expired leases",
        Sql {
            postgres: "explain select id from ledger_messages where status = 'running' and (lease_until < now() or lease_until > now() + interval '75 s') limit 1000 \
                   for update skip locked",
            sqlite: "explain query plan select id from ledger_messages where status = 'running' and (lease_until < 0 or lease_until > 9000000000000000)",
        },
    ),
    (
        "derive a command's status",
        Sql {
            postgres: "explain select status from ledger_messages where id = md5('finished7')::uuid \
                   or (root = md5('finished7')::uuid and root <> id)",
            sqlite: "explain query plan select status from ledger_messages where id = x'00' or (root = x'00' and root <> id)",
        },
    ),
    (
        "list commands",
        Sql {
            postgres: "explain select id, root, context, name, awaited, status, attempts, accepted_at, next_attempt_at, errors \
                   from ledger_messages order by sequence desc limit 25",
            sqlite: "explain query plan select id, root, context, name, awaited, status, attempts, accepted_at, next_attempt_at, \
                 errors from ledger_messages order by sequence desc limit 25",
        },
    ),
];
