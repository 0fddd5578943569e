-- key: SHA-256 of a limit's name and of whom it counts. empty_at: when nothing of it counts any more.
create table web_limits (
    key      bytea primary key,
    empty_at timestamptz not null
);
create index web_limits_empty on web_limits (empty_at);
