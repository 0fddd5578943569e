use crate::{count, each_with_numbers};
use persistence::testing::TestDb;
use persistence::{Db, SqlError, execute, fetch_all, fetch_one, fetch_optional};
use sqlx::Connection as _;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Barrier;
use tokio::time::timeout;
use use_case::Unavailable;

async fn postgres_with_two_numbers() -> Option<TestDb> {
    let test = each_with_numbers().await.into_iter().find(|test| test.db.is_shared())?;
    let mut tx = test.db.begin().await.unwrap();
    execute!(&mut tx, "insert into numbers (n) values (1), (2)").unwrap();
    tx.commit().await.unwrap();
    Some(test)
}

fn is_a_lost_race(error: SqlError) {
    assert!(error.is_retried_soon(), "{error}");
    assert!(!error.is_disconnected());
    assert!(Unavailable::from(error).is_retried_soon(), "it is tried again at once");
}

#[tokio::test]
async fn a_deadlock_is_momentary() {
    let Some(test) = postgres_with_two_numbers().await else { return };
    let barrier = Arc::new(Barrier::new(2));
    let one = async |db: Db, first: i64, then: i64, barrier: Arc<Barrier>| {
        let mut tx = db.begin().await?;
        execute!(&mut tx, "select n from numbers where n = $1 for update", first)?;
        barrier.wait().await;
        execute!(&mut tx, "select n from numbers where n = $1 for update", then).map(|_| ())
    };
    let (a, b) = tokio::join!(
        one(test.db.clone(), 1, 2, Arc::clone(&barrier)),
        one(test.db.clone(), 2, 1, Arc::clone(&barrier)),
    );
    let loser = a.err().or(b.err()).expect("PostgreSQL ends a deadlock");
    is_a_lost_race(loser);
}

#[tokio::test]
async fn a_serialization_failure_is_momentary() {
    let Some(test) = postgres_with_two_numbers().await else { return };
    let mut first = test.db.begin().await.unwrap();
    execute!(&mut first, "set transaction isolation level repeatable read").unwrap();
    fetch_all!(&mut first, (i64,), "select n from numbers").unwrap();

    let mut second = test.db.begin().await.unwrap();
    execute!(&mut second, "update numbers set n = 10 where n = 1").unwrap();
    second.commit().await.unwrap();
    is_a_lost_race(execute!(&mut first, "update numbers set n = 11 where n = 1").expect_err("it changed meanwhile"));
}

#[tokio::test]
async fn a_refused_lock_is_momentary() {
    let Some(test) = postgres_with_two_numbers().await else { return };
    let mut first = test.db.begin().await.unwrap();
    execute!(&mut first, "select n from numbers where n = 1 for update").unwrap();
    let mut second = test.db.begin().await.unwrap();
    is_a_lost_race(execute!(&mut second, "select n from numbers where n = 1 for update nowait").expect_err("locked"));
}

#[tokio::test]
async fn a_busy_file_is_momentary() {
    let test = TestDb::sqlite().await;
    let beside = Db::open_unlocked(&test.url.parse().unwrap()).await.unwrap();
    let _writes = test.db.begin().await.unwrap();
    let begun = std::time::Instant::now();
    is_a_lost_race(beside.begin().await.err().expect("another process writes"));
    assert!(begun.elapsed() > Duration::from_secs(4), "it waits its turn before it gives up");
}

#[tokio::test]
async fn a_conflict_is_neither_momentary_nor_a_lost_connection() {
    for test in each_with_numbers().await {
        let mut tx = test.db.begin().await.unwrap();
        execute!(&mut tx, "insert into numbers (n) values (1)").unwrap();
        let conflict = execute!(&mut tx, "insert into numbers (n) values (1)").expect_err("twice");
        assert!(!conflict.is_retried_soon() && !conflict.is_disconnected(), "{conflict}");
        assert!(!Unavailable::from(conflict).is_retried_soon());
    }
}

async fn backend(on: &mut impl persistence::Sql) -> i64 {
    fetch_one!(on, (i64,), "select pg_backend_pid()::bigint").unwrap().0
}

async fn terminate(db: &Db, backend: i64) {
    let mut tx = db.begin().await.unwrap();
    let (done,) = fetch_one!(&mut tx, (bool,), "select pg_terminate_backend($1::int)", backend).unwrap();
    assert!(done);
}

#[tokio::test]
async fn a_connection_that_is_cut_in_a_transaction_is_recognised_and_nothing_is_kept() {
    let Some(test) = postgres_with_two_numbers().await else { return };
    let mut tx = test.db.begin().await.unwrap();
    execute!(&mut tx, "insert into numbers (n) values (3)").unwrap();
    let pid = backend(&mut tx).await;
    terminate(&test.db, pid).await;
    let error = execute!(&mut tx, "insert into numbers (n) values (4)").expect_err("it was cut");
    assert!(error.is_disconnected() && !error.is_retried_soon(), "{error:?}");
    assert!(tx.commit().await.is_err());
    assert_eq!(count(&test.db).await, 2);

    let mut tx = test.db.begin().await.unwrap();
    execute!(&mut tx, "insert into numbers (n) values (3)").unwrap();
    let pid = backend(&mut tx).await;
    terminate(&test.db, pid).await;
    let error = tx.commit().await.expect_err("it was cut before the commit");
    assert!(error.is_disconnected(), "{error:?}");
    assert_eq!(count(&test.db).await, 2);
}

#[tokio::test]
async fn after_a_restart_of_the_server_no_transaction_begins_on_a_dead_connection() {
    let Some(test) = postgres_with_two_numbers().await else { return };
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(test.db.begin().await.unwrap());
    }
    drop(open);
    // Like a restart: every connection that the pool holds is dead.
    let mut admin = sqlx::PgConnection::connect(&test.url).await.unwrap();
    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    loop {
        use sqlx::Row as _;
        let cut: i64 = sqlx::query(cut).fetch_one(&mut admin).await.unwrap().get(0);
        if cut == 0 {
            break;
        }
    }
    for _ in 0..8 {
        test.db.begin().await.expect("the server is there");
    }
    assert_eq!(count(&test.db).await, 2);
}

#[tokio::test]
async fn autocommit_statements_do_not_wait_for_other_writers_and_keep_their_connection() {
    let Some(test) = postgres_with_two_numbers().await else { return };
    let mut crowd = Vec::new();
    while let Ok(one) = timeout(Duration::from_millis(500), test.db.begin()).await {
        crowd.push(one.unwrap());
    }
    let mut backends = HashSet::new();
    for n in 10..20_i64 {
        let mut on = test.db.autocommit().await.unwrap();
        backends.insert(backend(&mut on).await);
        execute!(&mut on, "insert into numbers (n) values ($1)", n).unwrap();
        on.keep();
    }
    assert_eq!((backends.len(), count(&test.db).await), (1, 12), "{backends:?}");
    drop(crowd);
    for pid in &backends {
        terminate(&test.db, *pid).await;
    }
    let mut on = test.db.autocommit().await.unwrap();
    let error = execute!(&mut on, "insert into numbers (n) values (20)").expect_err("it was cut");
    assert!(error.is_cut_off(), "{error:?}");
    drop(on);
    let mut on = test.db.autocommit().await.expect("another takes the place of the dead one");
    assert!(!backends.contains(&backend(&mut on).await));
}

#[tokio::test]
async fn an_error_at_the_commit_is_an_error_of_the_autocommit_statement() {
    for test in each_with_numbers().await {
        let mut tx = test.db.begin().await.unwrap();
        let late = "create table late (n bigint references numbers (n) deferrable initially deferred)";
        execute!(
            &mut tx,
            (late, "create table late (n integer references numbers (n) deferrable initially deferred) strict")
        )
        .unwrap();
        tx.commit().await.unwrap();
        let mut on = test.db.autocommit().await.unwrap();
        let returning = "insert into late (n) values (77) returning n";
        fetch_all!(&mut on, (i64,), returning).expect_err("none of the returned rows was committed");
        fetch_optional!(&mut on, (i64,), returning).expect_err("nor the first row");
        fetch_one!(&mut on, (i64,), returning).expect_err("nor the only one");
        on.keep();
        let (kept,) = fetch_one!(&mut test.db.read().await.unwrap(), (i64,), "select count(*) from late").unwrap();
        assert_eq!(kept, 0, "{}", test.db.kind());
    }
}

#[tokio::test]
async fn a_reader_that_died_unused_is_not_handed_out() {
    let Some(test) = postgres_with_two_numbers().await else { return };
    assert_eq!(count(&test.db).await, 2);
    let mut tx = test.db.begin().await.unwrap();
    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    assert!(fetch_one!(&mut tx, (i64,), cut).unwrap().0 > 0);
    // Not to synchronise: the connection has to be unused for a while.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(count(&test.db).await, 2);
}
