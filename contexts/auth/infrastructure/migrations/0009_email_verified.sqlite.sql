-- Whether the user is known to receive mail at the identifier. `users` decides that; this is a copy.
alter table auth_accounts add column email_verified integer not null default 0;
