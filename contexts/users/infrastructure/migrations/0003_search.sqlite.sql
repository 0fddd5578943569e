-- The name as it is searched; null until the program has computed it for a user of an earlier version.
alter table users_users add column name_key text;
alter table users_users add column email_verified integer not null default 0;
-- What the context auth says: see the event auth.role_changed.v1.
alter table users_users add column role text not null default 'user';
alter table users_users add column role_version integer not null default 0;

create index users_by_registration on users_users (registered_at, id);
create index users_by_name on users_users (name_key, id);
create index users_by_domain on users_users (substr(email_canonical, instr(email_canonical, '@') + 1), registered_at, id);

-- Few users are in these indexes, so a registration does not pay for them.
create index users_deactivated_by_registration on users_users (registered_at, id) where deactivated_at is not null;
create index users_deactivated_by_email on users_users (email_canonical) where deactivated_at is not null;
create index users_deactivated_by_name on users_users (name_key, id) where deactivated_at is not null;
create index users_admins_by_registration on users_users (registered_at, id) where role = 'admin';
create index users_admins_by_email on users_users (email_canonical) where role = 'admin';
create index users_admins_by_name on users_users (name_key, id) where role = 'admin';
create index users_verified_by_registration on users_users (registered_at, id) where email_verified = 1;
create index users_verified_by_email on users_users (email_canonical) where email_verified = 1;
create index users_verified_by_name on users_users (name_key, id) where email_verified = 1;
