use persistence::testing::postgres_url;
use persistence::{DatabaseUrl, Db, OpenError, execute, fetch_one};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::path::Path;

fn file(path: &Path) -> DatabaseUrl {
    format!("sqlite://{}", path.display()).parse().unwrap()
}

async fn unfit(url: &DatabaseUrl) -> String {
    match Db::open(url).await {
        Err(OpenError::Unfit(why) | OpenError::InUse(why)) => why,
        Err(OpenError::Unreachable(error)) => panic!("unreachable: {error}"),
        Ok(_) => panic!("it was opened"),
    }
}

#[tokio::test]
async fn one_process_serves_a_file_and_the_next_one_may_when_it_has_gone() {
    let folder = tempfile::tempdir().unwrap();
    let url = file(&folder.path().join("new/folder/app.db"));
    let first = Db::open(&url).await.unwrap();
    let why = unfit(&url).await;
    assert!(why.contains("another process (") && why.contains("SQLite"), "{why}");
    assert_eq!(why.lines().count(), 1);

    let clone = first.clone();
    drop(first);
    assert!(Db::open(&url).await.is_err(), "a clone is the same process");
    clone.close().await;
    drop(clone);
    Db::open(&url).await.expect("no process serves it any more");
}

#[tokio::test]
async fn the_command_line_opens_the_file_beside_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let url = file(&folder.path().join("app.db"));
    let server = Db::open(&url).await.unwrap();
    let beside = Db::open_unlocked(&url).await.unwrap();
    for db in [&server, &beside] {
        let mut tx = db.begin().await.unwrap();
        execute!(&mut tx, "create table if not exists t (n integer)").unwrap();
        execute!(&mut tx, "insert into t values (1)").unwrap();
        tx.commit().await.unwrap();
    }
    for db in [&server, &beside] {
        let mut db = db.read().await.unwrap();
        assert_eq!(fetch_one!(&mut db, (i64,), "select count(*) from t").unwrap(), (2,));
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("letter.txt");
    let letter = "Dear Ada, ".repeat(1_000);
    std::fs::write(&path, &letter).unwrap();
    let why = unfit(&file(&path)).await;
    assert!(why.contains("letter.txt") && why.contains("not a database"), "{why}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), letter);
}

#[tokio::test]
async fn a_folder_that_cannot_be_created_is_reported_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("occupied"), "").unwrap();
    let why = unfit(&file(&folder.path().join("occupied/app.db"))).await;
    assert!(why.contains("occupied") && why.lines().count() == 1, "{why}");
}

#[tokio::test]
async fn commits_of_a_served_file_are_synced() {
    let folder = tempfile::tempdir().unwrap();
    let url = file(&folder.path().join("app.db"));
    for db in [Db::open(&url).await.unwrap(), Db::open_unlocked(&url).await.unwrap()] {
        let mut tx = db.begin().await.unwrap();
        let sql = "select (select synchronous from pragma_synchronous), (select foreign_keys from pragma_foreign_keys), \
             (select journal_mode from pragma_journal_mode), (select timeout from pragma_busy_timeout)";
        let settings = fetch_one!(&mut tx, (i64, i64, String, i64), sql).unwrap();
        assert_eq!(settings, (2, 1, "wal".to_owned(), 5_000), "2 is FULL");
    }
}

#[tokio::test]
async fn postgresql_without_durable_commits_is_refused_by_the_name_of_the_setting() {
    let Some(url) = postgres_url().await else { return };
    let parsed: DatabaseUrl = url.parse().unwrap();
    Db::open(&parsed).await.expect("durable so far");

    let (_, name) = url.rsplit_once('/').unwrap();
    let mut admin = PgConnection::connect(&url).await.unwrap();
    let sql = format!("alter database {name} set synchronous_commit = off");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
    let why = unfit(&parsed).await;
    assert!(why.contains("synchronous_commit = off") && why.lines().count() == 1, "{why}");
    let Err(OpenError::Unfit(_)) = Db::open_unlocked(&parsed).await else { panic!("beside a server, too") };

    let sql = format!("alter database {name} reset synchronous_commit");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
    let role = format!("unsafe_{name}");
    for sql in [
        format!("create role {role} login superuser password 'x'"),
        format!("alter role {role} set synchronous_commit = off"),
    ] {
        sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
    }
    let (_, place) = url.rsplit_once('@').unwrap();
    let why = unfit(&format!("postgres://{role}:x@{place}").parse().unwrap()).await;
    assert!(why.contains("synchronous_commit"), "{why}");
}

#[tokio::test]
async fn sessions_on_postgresql_cannot_hold_rows_for_ever() {
    let Some(url) = postgres_url().await else { return };
    let db = Db::open(&url.parse().unwrap()).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let sql = "select current_setting('idle_in_transaction_session_timeout'), current_setting('lock_timeout'), \
         current_setting('statement_timeout'), current_setting('default_transaction_read_only')";
    let of_writer = fetch_one!(&mut tx, (String, String, String, String), sql).unwrap();
    assert_eq!(of_writer, ("30s".into(), "10s".into(), "15s".into(), "off".into()));
    let mut read = db.read().await.unwrap();
    let of_reader = fetch_one!(&mut read, (String, String, String, String), sql).unwrap();
    assert_eq!(of_reader, ("30s".into(), "10s".into(), "15s".into(), "on".into()));
}

#[tokio::test]
async fn a_wrong_password_or_database_is_permanent_and_a_silent_server_is_not() {
    let Some(url) = postgres_url().await else { return };
    assert!(unfit(&format!("{url}_not").parse().unwrap()).await.contains("no such database"));
    let (_, place) = url.rsplit_once('@').unwrap();
    let why = unfit(&format!("postgres://unknown_user:s3cret@{place}").parse().unwrap()).await;
    assert!(!why.contains("s3cret"), "{why}");

    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let unserved: DatabaseUrl = format!("postgres://a:b@127.0.0.1:{port}/c").parse().unwrap();
    let Err(OpenError::Unreachable(error)) = Db::open(&unserved).await else { panic!("no server listens") };
    assert!(error.is_disconnected(), "{error}");
}

#[test]
fn a_url_that_cannot_be_used_is_never_quoted() {
    for text in [
        "",
        "s3cret",
        "mysql://ada:s3cret@host/db",
        "postgres//ada:s3cret@host/db",
        "postgres://ada:s3cret@host:port/db",
        "postgres://ada:s3cret@host:99999999/db",
        "postgres://ada:s3cret@[host/db",
        "postgresql://ada:s3%zzcret@ho st/db?sslmode=s3cret",
        "postgres://ada:s3cret@host/db?sslmode=s3cret",
        "sqlite://",
        "sqlite:",
        "sqlite://:memory:s3cret",
        "sqlite::memory:",
        "sqlite://s3cret.db?mode=memory",
    ] {
        let Err(why) = text.parse::<DatabaseUrl>() else { panic!("{text:?} was taken") };
        assert!(!why.contains("s3cret") && !why.contains("ada"), "{why}");
        assert!(why.starts_with("must be sqlite://PATH or postgres://USER:PASSWORD@HOST:PORT/DATABASE"), "{why}");
    }
}

#[test]
fn a_url_is_shown_without_user_and_password() {
    let shown = |text: &str| text.parse::<DatabaseUrl>().unwrap().to_string();
    assert_eq!(shown("postgres://ada:s3cret@db.example:5433/app"), "postgres://db.example:5433/app");
    assert_eq!(shown("postgresql://ada:s3cret@db.example/app?sslmode=require"), "postgres://db.example:5432/app");
    assert_eq!(shown("sqlite://data/app.db"), "sqlite://data/app.db");
    assert_eq!(shown("sqlite:/var/lib/app.db"), "sqlite:///var/lib/app.db");
}

#[tokio::test]
async fn a_postgresql_database_that_is_not_utf_8_is_refused_and_the_line_says_what_to_make() {
    let Some(url) = postgres_url().await else { return };
    let (server, name) = url.rsplit_once('/').unwrap();
    let mut admin = PgConnection::connect(&url).await.unwrap();
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let other = format!("{name}_{}", encoding.to_lowercase());
        let sql =
            format!("create database {other} encoding '{encoding}' lc_collate 'C' lc_ctype 'C' template template0");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
        let parsed: DatabaseUrl = format!("{server}/{other}").parse().unwrap();
        let why = unfit(&parsed).await;
        assert!(why.contains(encoding) && why.contains("--encoding=UTF8") && why.lines().count() == 1, "{why}");
        let Err(OpenError::Unfit(_)) = Db::open_unlocked(&parsed).await else { panic!("beside a server, too") };
        sqlx::query(AssertSqlSafe(format!("drop database {other} with (force)"))).execute(&mut admin).await.unwrap();
    }
}
