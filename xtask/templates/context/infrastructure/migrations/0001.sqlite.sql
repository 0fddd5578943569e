create table __context_____context__ (
    id         blob primary key not null,
    owner      blob not null,
    __field__  text not null, // each field
    version    integer not null,
    created_at integer not null
) strict;
create table __context___known ( // on
    id    blob primary key not null, // on
    since integer not null // on
) strict; // on
