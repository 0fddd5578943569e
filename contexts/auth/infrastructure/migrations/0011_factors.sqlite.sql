-- Whether the user has a second factor: an authenticator app or a passkey. A copy of what the tables below say, since
-- every request asks.
alter table auth_accounts add column has_second_factor integer not null default 0;

-- How the user of a session has proven who they are. authenticated_at: when; null once a change of factors has lowered
-- the session.
alter table auth_sessions add column methods text not null default 'password';
alter table auth_sessions add column level text not null default 'aal1';
alter table auth_sessions add column authenticated_at integer;
update auth_sessions set authenticated_at = opened_at;

-- Authenticator apps (RFC 6238). An enrolment counts once a code has confirmed it. used_step: the step of the last
-- accepted code, so that each works once.
create table auth_totp (
    user_id      blob primary key not null,
    secret       blob not null,
    begun_at     integer not null,
    confirmed_at integer,
    used_step    integer
) strict;

-- The recovery codes that are left, by their hashes.
create table auth_recovery_codes (
    user_id    blob not null,
    hash       blob not null,
    created_at integer not null,
    primary key (user_id, hash)
) strict;

-- Sign-ins whose password was right and that wait for the second factor. guess: what gives the password's guess back.
create table auth_challenges (
    hash       blob primary key not null,
    user_id    blob not null,
    guess      blob not null,
    created_at integer not null,
    expires_at integer not null
) strict;
create index auth_challenges_of_user on auth_challenges (user_id);
create index auth_challenges_expired on auth_challenges (expires_at);
