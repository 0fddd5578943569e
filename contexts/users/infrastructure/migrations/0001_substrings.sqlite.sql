-- Trigrams of addresses and names, for the filter q. Only installations that want it have these tables.

-- The number of each user in the index. The row ids of users_users may change by VACUUM.
create table users_substring_ids (
    number integer primary key not null,
    id     blob not null unique
) strict;
-- The texts are in users_users. A deleted entry is overwritten, so that nothing stays of an erased user.
create virtual table users_substrings using fts5(email_canonical, name_key, content='', tokenize='trigram case_sensitive 1');
insert into users_substrings (users_substrings, rank) values ('secure-delete', 1);

create trigger users_substrings_insert after insert on users_users begin
    insert into users_substring_ids (id) values (new.id);
    insert into users_substrings (rowid, email_canonical, name_key)
    select number, new.email_canonical, new.name_key from users_substring_ids where id = new.id;
end;
create trigger users_substrings_update after update of email_canonical, name_key on users_users begin
    insert into users_substrings (users_substrings, rowid, email_canonical, name_key)
    select 'delete', number, old.email_canonical, old.name_key from users_substring_ids where id = old.id;
    insert into users_substrings (rowid, email_canonical, name_key)
    select number, new.email_canonical, new.name_key from users_substring_ids where id = new.id;
end;
create trigger users_substrings_delete after delete on users_users begin
    insert into users_substrings (users_substrings, rowid, email_canonical, name_key)
    select 'delete', number, old.email_canonical, old.name_key from users_substring_ids where id = old.id;
    delete from users_substring_ids where id = old.id;
end;

insert into users_substring_ids (id) select id from users_users;
insert into users_substrings (rowid, email_canonical, name_key)
select number, email_canonical, name_key from users_substring_ids join users_users using (id);
