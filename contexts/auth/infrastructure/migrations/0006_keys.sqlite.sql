-- The keys of the installation, by their public halves: a node whose key file has others is not one of its nodes.
create table auth_keys (
    kind        text not null,
    kid         text not null,
    public      text not null,
    recorded_at integer not null default (cast(unixepoch('subsec') * 1000000 as integer)),
    retired_at  integer,
    primary key (kind, public)
) strict;
