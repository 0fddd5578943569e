-- The version of the user that brought the identifier. A link in a mail works only while it is the same.
alter table auth_accounts add column identifier_version bigint not null default 0;

-- The tokens of links in mails, by their hashes.
create table auth_mail_tokens (
    hash               bytea primary key,
    purpose            text not null,
    user_id            uuid not null,
    identifier_version bigint not null,
    created_at         timestamptz not null,
    expires_at         timestamptz not null
);
create index auth_mail_tokens_of_user on auth_mail_tokens (user_id);
create index auth_mail_tokens_expired on auth_mail_tokens (expires_at);

-- The devices that users have signed in from. is_news: whether the latest sign-in was the first from the device, and the
-- user had signed in from another one before.
create table auth_known_devices (
    user_id      uuid not null,
    hash         bytea not null,
    last_seen_at timestamptz not null,
    is_news      boolean not null,
    primary key (user_id, hash)
);
create index auth_known_devices_seen on auth_known_devices (last_seen_at);
