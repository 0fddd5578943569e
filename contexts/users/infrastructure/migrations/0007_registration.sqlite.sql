-- A registration that waits for the proof that its sender receives mail at the address. Without an address, the row
-- only keeps its id: the address has an account, or was confirmed.
create table users_pending_registrations (
    id              blob primary key not null,
    email           text,
    email_canonical text,
    name            text,
    token_hash      blob,
    created_at      integer not null,
    expires_at      integer not null,
    confirmed_at    integer
) strict;
create unique index users_pending_registrations_token on users_pending_registrations (token_hash)
    where token_hash is not null;
create index users_pending_registrations_email on users_pending_registrations (email_canonical)
    where email_canonical is not null;
create index users_pending_registrations_expiry on users_pending_registrations (expires_at);

create table users_invitations (
    id              blob primary key not null,
    -- The id of the future user.
    user_id         blob not null,
    -- Null after the user who accepted was erased.
    email           text,
    email_canonical text,
    role            text not null,
    language        text,
    -- For how many days each mail extends it.
    days            integer not null,
    invited_by      blob,
    created_at      integer not null,
    expires_at      integer not null,
    accepted_at     integer,
    revoked_at      integer
) strict;
create index users_invitations_created on users_invitations (created_at, id);
create index users_invitations_user on users_invitations (user_id);
create index users_invitations_email on users_invitations (email_canonical) where email_canonical is not null;
create index users_invitations_expiry on users_invitations (expires_at);

-- The tokens of the mails of an invitation.
create table users_invitation_tokens (
    token_hash    blob primary key not null,
    invitation_id blob not null
) strict;
create index users_invitation_tokens_invitation on users_invitation_tokens (invitation_id);
