-- used_at: when a token was used first. sealed_successor: the token that followed it, encrypted under a key that only
-- the used token gives; erased a minute after at the latest.
alter table auth_refresh_tokens add column used_at integer;
alter table auth_refresh_tokens add column sealed_successor blob;

create index auth_refresh_tokens_sealed on auth_refresh_tokens (session_id) where sealed_successor is not null;

-- A session that has ended needs its tokens no more: from now on they go with its end.
delete from auth_refresh_tokens where session_id in (select id from auth_sessions where ended_at is not null);
