//! Copies of an SQLite file: which are complete, and what happens when one replaces the file.

use persistence::{DatabaseUrl, Db, OpenError, execute, fetch_one};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::task::JoinHandle;

fn url(path: &Path) -> DatabaseUrl {
    format!("sqlite://{}", path.display()).parse().unwrap()
}

async fn refused(path: &Path) -> String {
    match Db::open(&url(path)).await {
        Err(OpenError::Unfit(why) | OpenError::InUse(why)) => why,
        Err(OpenError::Unreachable(error)) => panic!("unreachable: {error}"),
        Ok(_) => panic!("{} was opened", path.display()),
    }
}

async fn run(db: &Db, sql: &'static str) {
    let mut tx = db.begin().await.unwrap();
    execute!(&mut tx, sql).unwrap();
    tx.commit().await.unwrap();
}

async fn count(db: &Db) -> i64 {
    let mut db = db.read().await.unwrap();
    fetch_one!(&mut db, (i64,), "select count(*) from t").unwrap().0
}

/// A large row, so that checkpoints move some rows into the file itself.
const ROW: &str = "insert into t values (zeroblob(200000))";

async fn fill(db: &Db, rows: usize) {
    for _ in 0..rows {
        run(db, ROW).await;
    }
}

/// Watches the file, as the server does from its start.
fn watch(db: &Db) -> JoinHandle<String> {
    let db = db.clone();
    tokio::spawn(async move { db.replaced().await })
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

#[tokio::test]
async fn a_copy_that_left_everything_in_the_log_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("app.db"), folder.path().join("copy.db"));
    let db = Db::open(&url(&path)).await.unwrap();
    run(&db, "create table t (data blob)").await;
    fs::copy(&path, &copy).unwrap();
    for _ in 0..2 {
        assert!(refused(&copy).await.contains("holds nothing"));
        assert!(Db::open_unlocked(&url(&copy)).await.is_err());
    }
    fs::copy(beside(&path, "-wal"), beside(&copy, "-wal")).unwrap();
    let whole = Db::open(&url(&copy)).await.expect("with its log it is whole");
    assert_eq!((count(&whole).await, whole.doubt()), (0, None));
}

#[tokio::test]
async fn a_copy_without_its_log_raises_a_doubt_and_a_copy_by_sqlite_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let db = Db::open(&url(&path)).await.unwrap();
    run(&db, "create table t (data blob)").await;
    db.close().await;
    drop(db);
    let stopped = folder.path().join("stopped.db");
    fs::copy(&path, &stopped).unwrap();
    assert_eq!(Db::open(&url(&stopped)).await.expect("of a stopped server it is whole").doubt(), None);

    let db = Db::open(&url(&path)).await.unwrap();
    fill(&db, 40).await;
    let copied = folder.path().join("copied.db");
    fs::copy(&path, &copied).unwrap();
    let opened = Db::open_unlocked(&url(&copied)).await.unwrap();
    let doubt = opened.doubt();
    assert!(doubt.is_some_and(|doubt| doubt.contains("what was written last is missing")), "{doubt:?}");
    opened.close().await;
    assert!(Db::open(&url(&copied)).await.unwrap().doubt().is_some(), "it is served in spite of the doubt");

    let vacuumed = folder.path().join("vacuumed.db");
    let into = format!("vacuum into '{}'", vacuumed.display());
    let direct = persistence::sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut connection = persistence::sqlx::ConnectOptions::connect(&direct).await.unwrap();
    persistence::sqlx::query(persistence::sqlx::AssertSqlSafe(into)).execute(&mut connection).await.unwrap();
    let whole = Db::open(&url(&vacuumed)).await.unwrap();
    assert_eq!((whole.doubt(), count(&whole).await), (None, 40));
    assert_eq!(db.doubt(), None);
}

#[tokio::test]
async fn a_file_that_was_killed_is_opened_again_with_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let (path, killed) = (folder.path().join("app.db"), folder.path().join("killed.db"));
    let db = Db::open(&url(&path)).await.unwrap();
    run(&db, "create table t (data blob)").await;
    fill(&db, 30).await;
    // The files that a kill -9 leaves.
    for suffix in ["", "-wal", ".lock"] {
        fs::copy(beside(&path, suffix), beside(&killed, suffix)).unwrap();
    }
    let again = Db::open(&url(&killed)).await.unwrap();
    assert_eq!((again.doubt(), count(&again).await), (None, 30));
}

#[tokio::test]
async fn the_log_of_another_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (folder.path().join("app.db"), folder.path().join("backup.db"));
    let db = Db::open(&url(&path)).await.unwrap();
    run(&db, "create table t (data blob)").await;
    db.close().await;
    drop(db);
    fs::copy(&path, &backup).unwrap();
    let db = Db::open(&url(&path)).await.unwrap();
    fill(&db, 3).await;
    // The process was killed, and the backup was put in its place while the log stayed.
    let place = folder.path().join("place.db");
    fs::copy(&backup, &place).unwrap();
    for suffix in ["-wal", ".lock"] {
        fs::copy(beside(&path, suffix), beside(&place, suffix)).unwrap();
    }
    let why = refused(&place).await;
    assert!(why.contains("is the log of that one") && why.lines().count() == 1, "{why}");
    assert!(Db::open_unlocked(&url(&place)).await.is_err(), "the command line would write it into the file, too");
    fs::remove_file(beside(&place, "-wal")).unwrap();
    assert_eq!(count(&Db::open(&url(&place)).await.unwrap()).await, 0, "as the backup was");
}

#[tokio::test]
async fn a_file_that_is_replaced_overwritten_or_removed_under_a_server_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    for (case, how) in ["mv", "cp", "cp of this run", "rm", "vacuum into"].into_iter().enumerate() {
        let path = folder.path().join(format!("{case}/app.db"));
        let backup = folder.path().join(format!("{case}.backup"));
        let db = Db::open(&url(&path)).await.unwrap();
        run(&db, "create table t (data blob)").await;
        db.close().await;
        drop(db);
        fs::copy(&path, &backup).unwrap();
        let db = Db::open(&url(&path)).await.unwrap();
        let watch = watch(&db);
        fill(&db, 40).await;
        if how == "cp of this run" {
            fs::copy(&path, &backup).unwrap();
            fill(&db, 40).await;
        }
        if how == "vacuum into" {
            fs::remove_file(&backup).unwrap();
            let direct = persistence::sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
            let mut connection = persistence::sqlx::ConnectOptions::connect(&direct).await.unwrap();
            let into = format!("vacuum into '{}'", backup.display());
            persistence::sqlx::query(persistence::sqlx::AssertSqlSafe(into)).execute(&mut connection).await.unwrap();
        }
        // Watch for longer than the interval between two checks.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!watch.is_finished(), "{how}: so far it is its own");
        match how {
            "mv" => fs::rename(&backup, &path).unwrap(),
            "rm" => fs::remove_file(&path).unwrap(),
            _ => drop(fs::write(&path, fs::read(&backup).unwrap())),
        }
        let noticed = tokio::time::timeout(Duration::from_secs(5), watch).await;
        let why = noticed.unwrap_or_else(|_| panic!("{how}: not noticed")).unwrap();
        assert!(why.contains("app.db was"), "{why}");
    }
}

#[tokio::test]
async fn a_file_that_only_its_server_and_the_command_line_write_stays_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let db = Db::open(&url(&path)).await.unwrap();
    run(&db, "create table t (data blob)").await;
    let watch = watch(&db);
    for round in 0..10 {
        let beside = Db::open_unlocked(&url(&path)).await.unwrap();
        fill(&db, 12).await;
        fill(&beside, 12).await;
        run(&beside, "delete from t where rowid % 3 = 0").await;
        if round == 5 {
            run(&beside, "create table another (n integer)").await;
        }
        beside.close().await;
    }
    assert!(!watch.is_finished());
    db.close().await;
    assert!(tokio::time::timeout(Duration::from_secs(1), watch).await.is_err(), "closing is no replacement");
}
