-- The ids of erased users. A message that was sent before the erasure creates no account for them.
create table auth_erased (
    user_id blob primary key not null
) strict;

-- What an administrator wrote about an action.
alter table auth_audit_events add column note text;

-- The record is added to. A line goes only when it is over a year old, and only its address may be removed.
drop trigger auth_audit_events_unchanged;
create trigger auth_audit_events_unchanged before update on auth_audit_events
when new.address <> ''
    or new.id is not old.id
    or new.at is not old.at
    or new.action is not old.action
    or new.outcome is not old.outcome
    or new.reason is not old.reason
    or new.actor is not old.actor
    or new.user_id is not old.user_id
    or new.session_id is not old.session_id
    or new.target is not old.target
    or new.request is not old.request
    or new.note is not old.note begin
    select raise(abort, 'auth_audit_events is append-only');
end;
