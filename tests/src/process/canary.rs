//! Invariant I9: searches every file for a word that occurs only in passwords.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use persistence::{Db, execute, fetch_all, fetch_one};
use std::fs;
use std::path::Path;

/// The files below a folder that contain this word.
///
/// # Panics
/// When a file cannot be read.
#[must_use]
pub fn in_files(folder: &Path, word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(in_files(&path, word));
        } else if path.is_file() && String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(word) {
            found.push(path.display().to_string());
        }
    }
    found
}

const SUPERUSER: &str =
    "select cast(case when rolsuper then 1 else 0 end as bigint) from pg_roles where rolname = current_user";
const NOW: &str = "select pg_current_wal_lsn()::text";
const FLUSH: &str = "checkpoint";
const FILES: &str = "\
    with files as ( \
      select 'pg_wal/' || name as path from pg_ls_waldir() \
        where name between pg_walfile_name($2::pg_lsn) and pg_walfile_name(pg_current_wal_lsn()) \
      union all \
      select folder || '/' || pg_ls_dir(folder) \
        from (select 'base/' || oid as folder from pg_database where datname = current_database()) it) \
    select path from files where position($1::bytea in pg_read_binary_file(path, 0, 268435456, true)) > 0";

/// The present end of PostgreSQL's write-ahead log.
///
/// # Panics
/// When the database does not answer.
pub async fn now_in_postgres(db: &Db) -> String {
    fetch_one!(&mut db.read().await.unwrap(), (String,), NOW).unwrap().0
}

/// The files of this database, and of PostgreSQL's write-ahead log since then, that contain this word. The server
/// itself reads the files, so it may run on another machine.
///
/// # Panics
/// When the role is not a superuser.
pub async fn in_postgres(db: &Db, since: &str, word: &str) -> Vec<String> {
    let mut tx = db.begin().await.unwrap();
    let (superuser,) = fetch_one!(&mut tx, (i64,), SUPERUSER).unwrap();
    assert_eq!(superuser, 1, "the role of TEST_DATABASE_URL must be a superuser, to look into the server's files");
    execute!(&mut tx, FLUSH).unwrap();
    let found = fetch_all!(&mut tx, (String,), FILES, word.as_bytes(), since).unwrap();
    found.into_iter().map(|(path,)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::in_files;

    #[test]
    fn a_word_is_found_in_any_file() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(inner.join("one"), [&[0, 255][..], b"canary", &[0]].concat()).unwrap();
        std::fs::write(folder.path().join("other"), "canar y").unwrap();
        assert_eq!(in_files(folder.path(), "canary"), [inner.join("one").display().to_string()]);
    }
}
