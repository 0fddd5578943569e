create table auth_identifiers (
    user_id    uuid primary key,
    identifier text not null,
    version    bigint not null,
    constraint auth_identifiers_identifier unique (identifier)
);

create table auth_credentials (
    user_id uuid primary key,
    hash    text not null
);

insert into ledger_subscriptions (event, context, lane) values ('users.user_registered.v1', 'auth', 'fast');
