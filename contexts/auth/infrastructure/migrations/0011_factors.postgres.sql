-- Whether the user has a second factor: an authenticator app or a passkey. A copy of what the tables below say, since
-- every request asks.
alter table auth_accounts add column has_second_factor boolean not null default false;

-- How the user of a session has proven who they are. authenticated_at: when; null once a change of factors has lowered
-- the session.
alter table auth_sessions add column methods text not null default 'password';
alter table auth_sessions add column level text not null default 'aal1';
alter table auth_sessions add column authenticated_at timestamptz;
update auth_sessions set authenticated_at = opened_at;

-- Authenticator apps (RFC 6238). An enrolment counts once a code has confirmed it. used_step: the step of the last
-- accepted code, so that each works once.
create table auth_totp (
    user_id      uuid primary key,
    secret       bytea not null,
    begun_at     timestamptz not null,
    confirmed_at timestamptz,
    used_step    bigint
);

-- The recovery codes that are left, by their hashes.
create table auth_recovery_codes (
    user_id    uuid not null,
    hash       bytea not null,
    created_at timestamptz not null,
    primary key (user_id, hash)
);

-- Sign-ins whose password was right and that wait for the second factor. guess: what gives the password's guess back.
create table auth_challenges (
    hash       bytea primary key,
    user_id    uuid not null,
    guess      bytea not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
);
create index auth_challenges_of_user on auth_challenges (user_id);
create index auth_challenges_expired on auth_challenges (expires_at);
