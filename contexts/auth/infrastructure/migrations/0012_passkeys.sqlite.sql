-- Passkeys (WebAuthn). counter: how often the authenticator says that it has used it.
create table auth_passkeys (
    id              blob primary key not null,
    user_id         blob not null,
    credential      blob not null unique,
    public_key      blob not null,
    counter         integer not null,
    aaguid          blob not null,
    backup_eligible integer not null,
    backed_up       integer not null,
    transports      text not null,
    name            text not null,
    created_at      integer not null,
    used_at         integer
) strict;
create index auth_passkeys_of_user on auth_passkeys (user_id, created_at);

-- The challenges of ceremonies that are under way, by their hashes. user_id: whose passkey is being added; null for the
-- use of a passkey.
create table auth_passkey_challenges (
    hash       blob primary key not null,
    user_id    blob,
    created_at integer not null,
    expires_at integer not null
) strict;
create index auth_passkey_challenges_expired on auth_passkey_challenges (expires_at);
