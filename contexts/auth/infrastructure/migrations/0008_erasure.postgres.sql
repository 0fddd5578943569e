-- The ids of erased users. A message that was sent before the erasure creates no account for them.
create table auth_erased (
    user_id uuid primary key
);

-- What an administrator wrote about an action.
alter table auth_audit_events add column note text;

-- The record is added to. A line goes only when it is over a year old, and only its address may be removed.
create or replace function auth_audit_events_append_only() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and old.at < now() - interval '400 days' then
        return old;
    end if;
    if tg_op = 'UPDATE' and new.address = '' and to_jsonb(new) - 'address' = to_jsonb(old) - 'address' then
        return new;
    end if;
    raise exception 'auth_audit_events is append-only';
end
$$;
