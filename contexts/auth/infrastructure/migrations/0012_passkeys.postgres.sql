-- Passkeys (WebAuthn). counter: how often the authenticator says that it has used it.
create table auth_passkeys (
    id              uuid primary key,
    user_id         uuid not null,
    credential      bytea not null unique,
    public_key      bytea not null,
    counter         bigint not null,
    aaguid          uuid not null,
    backup_eligible boolean not null,
    backed_up       boolean not null,
    transports      text not null,
    name            text not null,
    created_at      timestamptz not null,
    used_at         timestamptz
);
create index auth_passkeys_of_user on auth_passkeys (user_id, created_at);

-- The challenges of ceremonies that are under way, by their hashes. user_id: whose passkey is being added; null for the
-- use of a passkey.
create table auth_passkey_challenges (
    hash       bytea primary key,
    user_id    uuid,
    created_at timestamptz not null,
    expires_at timestamptz not null
);
create index auth_passkey_challenges_expired on auth_passkey_challenges (expires_at);
