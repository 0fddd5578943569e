-- The ids of erased users, which no other user ever gets.
create table users_erased (
    id        blob primary key not null,
    erased_at integer not null
) strict;
