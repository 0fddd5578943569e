-- Counts the changes of the role. Zero for a role that was set by a process that did not publish it.
alter table auth_accounts add column role_version bigint not null default 0;
