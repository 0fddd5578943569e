create table ledger_messages (
    id              blob not null unique,
    root            blob not null,
    context         text not null,
    lane            text not null,
    name            text not null,
    subject         blob not null,
    sequence        integer primary key autoincrement,
    principal       text not null,
    route           text,
    idempotency_key text,
    fingerprint     text,
    traceparent     text,
    payload         text,
    status          text not null default 'accepted'
                    check (status in ('accepted', 'running', 'succeeded', 'rejected', 'failed')),
    errors          text,
    attempts        integer not null default 0,
    deaths          integer not null default 0,
    lease_epoch     integer not null default 0,
    lease_owner     blob,
    lease_until     integer,
    accepted_at     integer not null default (cast(unixepoch('subsec') * 1000000 as integer)),
    next_attempt_at integer not null default (cast(unixepoch('subsec') * 1000000 as integer)),
    hinted_at       integer not null default (cast(unixepoch('subsec') * 1000000 as integer)),
    finished_at     integer
) strict;
create index ledger_due on ledger_messages (context, lane, next_attempt_at, sequence) where status = 'accepted';
create index ledger_leases on ledger_messages (lease_until) where status = 'running';
create index ledger_order on ledger_messages (context, subject, sequence) where status in ('accepted', 'running');
create index ledger_follow_ups on ledger_messages (root) where root <> id;
create index ledger_finished on ledger_messages (finished_at) where finished_at is not null;
create unique index ledger_idempotency on ledger_messages (principal, route, idempotency_key) where idempotency_key is not null;

create table ledger_subscriptions (
    event   text not null,
    context text not null,
    lane    text not null,
    primary key (event, context)
) strict;
