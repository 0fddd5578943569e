create table users_users (
    id              blob primary key not null,
    email           text not null,
    email_canonical text not null unique,
    name            text,
    version         integer not null,
    registered_at   integer not null
) strict;
