-- Whether the user is known to receive mail at the identifier. `users` decides that; this is a copy.
alter table auth_accounts add column email_verified boolean not null default false;
