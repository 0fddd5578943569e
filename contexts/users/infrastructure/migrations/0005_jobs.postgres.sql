-- A job handles many users in steps; its id is that of its command.
create table users_jobs (
    id          uuid primary key,
    kind        text not null,
    status      text not null check (status in ('uploading', 'running', 'cancelling', 'succeeded', 'cancelled')),
    total       bigint not null default 0,
    done        bigint not null default 0,
    failed      bigint not null default 0,
    created_by  uuid,
    created_at  timestamptz not null,
    finished_at timestamptz,
    -- The last user that a step has handled, by the time of registration.
    after_at    timestamptz,
    after_id    uuid
);
create index users_jobs_by_creation on users_jobs (created_at, id);

-- The rows of an import that no step has handled yet, some hundred in each row of this table, as JSON.
create table users_job_rows (
    job    uuid not null,
    number bigint not null,
    rows   text not null,
    primary key (job, number)
);

create table users_job_errors (
    job     uuid not null,
    line    bigint not null,
    code    text not null,
    message text not null,
    primary key (job, line)
);

-- The ids that imported users have in the systems that they come from.
create table users_refs (
    ref     text primary key,
    user_id uuid not null
);
-- Unique, also so that the planner expects one row while it has no statistics yet.
create unique index users_refs_of_user on users_refs (user_id);
