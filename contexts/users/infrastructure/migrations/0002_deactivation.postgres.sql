alter table users_users add column deactivated_at timestamptz;
