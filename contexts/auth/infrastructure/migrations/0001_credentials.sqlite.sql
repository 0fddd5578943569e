create table auth_identifiers (
    user_id    blob primary key not null,
    identifier text not null unique,
    version    integer not null
) strict;

create table auth_credentials (
    user_id blob primary key not null,
    hash    text not null
) strict;

insert into ledger_subscriptions (event, context, lane) values ('users.user_registered.v1', 'auth', 'fast');
