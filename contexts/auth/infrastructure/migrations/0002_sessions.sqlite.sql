alter table auth_identifiers rename to auth_accounts;
alter table auth_accounts add column role text not null default 'user';
alter table auth_accounts add column disabled_at integer;

create index auth_accounts_administrators on auth_accounts (user_id) where role = 'admin';

create table auth_sessions (
    id           blob primary key not null,
    user_id      blob not null,
    generation   integer not null,
    opened_at    integer not null,
    refreshed_at integer not null,
    expires_at   integer not null,
    address      text not null,
    ended_at     integer,
    ended_why    text
) strict;

create index auth_sessions_of_user on auth_sessions (user_id, id) where ended_at is null;
create index auth_sessions_expired on auth_sessions (expires_at);

create table auth_refresh_tokens (
    hash       blob primary key not null,
    session_id blob not null references auth_sessions (id) on delete cascade,
    generation integer not null
) strict;

create index auth_refresh_tokens_of_session on auth_refresh_tokens (session_id);

create table auth_service_keys (
    id         blob primary key not null,
    hash       blob not null unique,
    name       text not null,
    scopes     text not null,
    created_at integer not null,
    expires_at integer not null,
    revoked_at integer
) strict;

create table auth_audit_events (
    id         blob primary key not null,
    at         integer not null default (cast(unixepoch('subsec') * 1000000 as integer)),
    action     text not null,
    outcome    text not null,
    reason     text,
    actor      text not null,
    user_id    blob,
    session_id blob,
    target     text,
    address    text not null,
    request    text
) strict;

create index auth_audit_events_at on auth_audit_events (at, id);
create index auth_audit_events_of_user on auth_audit_events (user_id, at, id);
create index auth_audit_events_by_actor on auth_audit_events (actor, at, id);
create index auth_audit_events_of_action on auth_audit_events (action, at, id);

-- The record is added to. A line is never changed, and goes only when it is over a year old.
create trigger auth_audit_events_unchanged before update on auth_audit_events begin
    select raise(abort, 'auth_audit_events is append-only');
end;
create trigger auth_audit_events_kept before delete on auth_audit_events
when old.at >= cast(unixepoch('subsec') * 1000000 as integer) - 34560000000000 begin
    select raise(abort, 'auth_audit_events is append-only');
end;

create index auth_sessions_from_address on auth_sessions (user_id, address);
