create table __context_____context__ (
    id         uuid primary key,
    owner      uuid not null,
    __field__  text not null, // each field
    version    bigint not null,
    created_at timestamptz not null
);
create table __context___known ( // on
    id    uuid primary key, // on
    since timestamptz not null // on
); // on
