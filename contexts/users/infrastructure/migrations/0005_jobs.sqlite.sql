-- A job handles many users in steps; its id is that of its command.
create table users_jobs (
    id          blob primary key not null,
    kind        text not null,
    status      text not null check (status in ('uploading', 'running', 'cancelling', 'succeeded', 'cancelled')),
    total       integer not null default 0,
    done        integer not null default 0,
    failed      integer not null default 0,
    created_by  blob,
    created_at  integer not null,
    finished_at integer,
    -- The last user that a step has handled, by the time of registration.
    after_at    integer,
    after_id    blob
) strict;
create index users_jobs_by_creation on users_jobs (created_at, id);

-- The rows of an import that no step has handled yet, some hundred in each row of this table, as JSON.
create table users_job_rows (
    job    blob not null,
    number integer not null,
    rows   text not null,
    primary key (job, number)
) strict;

create table users_job_errors (
    job     blob not null,
    line    integer not null,
    code    text not null,
    message text not null,
    primary key (job, line)
) strict;

-- The ids that imported users have in the systems that they come from.
create table users_refs (
    ref     text primary key not null,
    user_id blob not null
) strict;
-- Unique, also so that the planner expects one row while it has no statistics yet.
create unique index users_refs_of_user on users_refs (user_id);
