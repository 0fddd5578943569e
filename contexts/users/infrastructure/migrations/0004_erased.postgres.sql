-- The ids of erased users, which no other user ever gets.
create table users_erased (
    id        uuid primary key,
    erased_at timestamptz not null
);
