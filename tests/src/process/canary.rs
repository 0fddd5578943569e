//! I9: a word that stands in passwords and nowhere else, looked for in every file.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use persistence::{Db, fetch_all, fetch_one};
use std::fs;
use std::path::Path;

/// The files below a folder in which these bytes stand.
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
        } else if path.is_file() && contains(&fs::read(&path).unwrap(), word.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

const SUPERUSER: &str = "select cast(case when rolsuper then 1 else 0 end as bigint) from pg_roles where rolname = current_user";
const FLUSH: &str = "checkpoint";
const FILES: &str = "\
    with files as ( \
      select 'pg_wal/' || name as path from pg_ls_waldir() where modification > now() - interval '10 minutes' \
      union all \
      select folder || '/' || pg_ls_dir(folder) from (select 'base/' || oid as folder from pg_database where datname = current_database()) it) \
    select path from files where position($1::bytea in pg_read_binary_file(path, 0, 268435456, true)) > 0";

/// The files of this database and of PostgreSQL's log of changes in which these bytes stand, wherever
/// the server runs.
///
/// # Panics
/// When the role may not look into them.
pub async fn in_postgres(db: &Db, word: &str) -> Vec<String> {
    let mut read = db.read().await.unwrap();
    let (superuser,) = fetch_one!(&mut read, (i64,), SUPERUSER).unwrap();
    assert_eq!(superuser, 1, "the role of TEST_DATABASE_URL must be a superuser: this test looks into the server's files");
    drop(read);
    let mut tx = db.begin().await.unwrap();
    persistence::execute!(&mut tx, FLUSH).unwrap();
    let found = fetch_all!(&mut tx, (String,), FILES, word.as_bytes()).unwrap();
    found.into_iter().map(|(path,)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::in_files;

    #[test]
    fn a_word_is_found_wherever_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(inner.join("one"), [&[0, 255][..], b"canary", &[0]].concat()).unwrap();
        std::fs::write(folder.path().join("other"), "canar y").unwrap();
        assert_eq!(in_files(folder.path(), "canary"), [inner.join("one").display().to_string()]);
    }
}
