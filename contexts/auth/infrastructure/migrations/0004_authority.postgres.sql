-- Who will not be able to sign in once this version of them is heard of.
create table auth_departures (
    user_id uuid primary key,
    version bigint not null
);

-- As auth_audit_events.actor has it; null where that is not known.
alter table auth_service_keys add column created_by text;
update auth_service_keys set created_by = (select actor from auth_audit_events
    where action = 'service_key.create' and outcome = 'succeeded' and target = auth_service_keys.id::text limit 1);
