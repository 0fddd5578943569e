-- The keys of the installation, by their public halves: a node whose key file has others is not one of its nodes.
create table auth_keys (
    kind        text not null,
    kid         text not null,
    public      text not null,
    recorded_at timestamptz not null default clock_timestamp(),
    retired_at  timestamptz,
    primary key (kind, public)
);
