-- Who will not be able to sign in once this version of them is heard of.
create table auth_departures (
    user_id blob primary key not null,
    version integer not null
) strict;

-- As auth_audit_events.actor has it; null where that is not known.
alter table auth_service_keys add column created_by text;
update auth_service_keys set created_by = (select actor from auth_audit_events
    where action = 'service_key.create' and outcome = 'succeeded'
    and replace(target, '-', '') = lower(hex(auth_service_keys.id)) limit 1);
