-- Trigrams of addresses and names, for the filter q. Only installations that want it have this index.
create extension if not exists pg_trgm;
create index users_substrings on users_users
    using gin ((email_canonical || chr(10) || coalesce(name_key, '')) gin_trgm_ops);
