-- The version that gave a user the present address.
alter table users_users add column email_version integer not null default 1;

-- The tokens of links in mails about a user's address. Only hashes are stored.
create table users_email_tokens (
    hash          blob primary key not null,
    user_id       blob not null,
    purpose       text not null check (purpose in ('confirm', 'revert')),
    -- The address that the link confirms, or brings back.
    email         text not null,
    -- A token that confirms is valid while the user's address has this version.
    email_version integer not null,
    expires_at    integer not null
) strict;
create index users_email_tokens_user on users_email_tokens (user_id);
create index users_email_tokens_expiry on users_email_tokens (expires_at);
