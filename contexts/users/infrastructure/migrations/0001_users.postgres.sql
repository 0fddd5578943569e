create table users_users (
    id              uuid primary key,
    email           text not null,
    email_canonical text not null,
    name            text,
    version         bigint not null,
    registered_at   timestamptz not null,
    constraint users_users_email unique (email_canonical)
);
