create table mail_mails (
    id              uuid primary key,
    template        text not null,
    recipient       text not null,
    recipient_canonical text not null,
    user_id         uuid,
    language        text,
    status          text not null check (status in ('queued', 'sent', 'failed', 'suppressed')),
    attempts        bigint not null default 0,
    created_at      timestamptz not null,
    queued_at       timestamptz not null,
    next_attempt_at timestamptz,
    finished_at     timestamptz,
    last_answer     text,
    -- The request, while the mail is failed: to send it again.
    content         text,
    -- The mail as its recipient reads it, in the mailbox of a development installation.
    subject         text,
    text            text,
    html            text
);
create index mail_mails_created on mail_mails (created_at, id);
create index mail_mails_recipient on mail_mails (recipient_canonical, created_at);
create index mail_mails_user on mail_mails (user_id, created_at) where user_id is not null;
create index mail_mails_unfinished on mail_mails (status, created_at) where status in ('queued', 'failed');

-- Rate limits by the generic cell rate algorithm: when the count of a key is zero again.
create table mail_limits (
    -- A SHA-256, so that the table lists no addresses.
    key      bytea primary key,
    empty_at timestamptz not null
);
create index mail_limits_empty on mail_limits (empty_at);

-- One row for each user who was sent a mail: its lock orders mails and an erasure. No mail is sent to an erased user.
create table mail_users (
    user_id   uuid primary key,
    erased_at timestamptz
);
