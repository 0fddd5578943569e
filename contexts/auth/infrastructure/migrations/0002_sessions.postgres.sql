alter table auth_identifiers rename to auth_accounts;
alter table auth_accounts rename constraint auth_identifiers_identifier to auth_accounts_identifier;
alter table auth_accounts add column role text not null default 'user';
alter table auth_accounts add column disabled_at timestamptz;

create index auth_accounts_administrators on auth_accounts (user_id) where role = 'admin';

create table auth_sessions (
    id           uuid primary key,
    user_id      uuid not null,
    generation   bigint not null,
    opened_at    timestamptz not null,
    refreshed_at timestamptz not null,
    expires_at   timestamptz not null,
    address      text not null,
    ended_at     timestamptz,
    ended_why    text
);

create index auth_sessions_of_user on auth_sessions (user_id, id) where ended_at is null;
create index auth_sessions_expired on auth_sessions (expires_at);

create table auth_refresh_tokens (
    hash       bytea primary key,
    session_id uuid not null references auth_sessions (id) on delete cascade,
    generation bigint not null
);

create index auth_refresh_tokens_of_session on auth_refresh_tokens (session_id);

create table auth_service_keys (
    id         uuid primary key,
    hash       bytea not null unique,
    name       text not null,
    scopes     text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz
);

create table auth_audit_events (
    id         uuid primary key,
    at         timestamptz not null default clock_timestamp(),
    action     text not null,
    outcome    text not null,
    reason     text,
    actor      text not null,
    user_id    uuid,
    session_id uuid,
    target     text,
    address    text not null,
    request    text
);

create index auth_audit_events_at on auth_audit_events (at, id);
create index auth_audit_events_of_user on auth_audit_events (user_id, at, id);
create index auth_audit_events_by_actor on auth_audit_events (actor, at, id);
create index auth_audit_events_of_action on auth_audit_events (action, at, id);

-- The record is added to. A line is never changed, and goes only when it is over a year old.
create function auth_audit_events_append_only() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and old.at < now() - interval '400 days' then
        return old;
    end if;
    raise exception 'auth_audit_events is append-only';
end
$$;

create trigger auth_audit_events_unchanged before update on auth_audit_events
    for each row execute function auth_audit_events_append_only();
create trigger auth_audit_events_kept before delete on auth_audit_events
    for each row execute function auth_audit_events_append_only();
create trigger auth_audit_events_not_truncated before truncate on auth_audit_events
    for each statement execute function auth_audit_events_append_only();

create index auth_sessions_from_address on auth_sessions (user_id, address);
