use crate::abandon;
use futures::future::join_all;
use persistence::testing::{TestDb, postgres_url};
use persistence::{
    BatchLoader, BatchQuery, Connections, DatabaseUrl, Db, Read, SqlError, UuidList, execute, fetch_all, sql,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::yield_now;
use uuid::Uuid;

/// Finds the text of an id in the table `texts`.
async fn find_texts(read: &mut Read, ids: &[Uuid]) -> Result<Vec<(Uuid, String)>, SqlError> {
    fetch_all!(read, (Uuid, String), sql!("select id, text from texts where id {in $1}"), UuidList(ids))
}

struct TextById;

impl BatchQuery for TextById {
    type Key = Uuid;
    type Row = String;

    async fn find(read: &mut Read, ids: &[Uuid]) -> Result<Vec<(Uuid, String)>, SqlError> {
        find_texts(read, ids).await
    }
}

const fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

async fn write(db: &Db, n: u128, text: &str) {
    let mut tx = db.begin().await.unwrap();
    let sql = "insert into texts (id, text) values ($1, $2) on conflict (id) do update set text = excluded.text";
    execute!(&mut tx, sql, id(n), text).unwrap();
    tx.commit().await.unwrap();
}

async fn make_table(db: &Db) {
    let mut tx = db.begin().await.unwrap();
    let table = (
        "create table texts (id uuid primary key, text text)",
        "create table texts (id blob not null primary key, text text) strict",
    );
    execute!(&mut tx, table).unwrap();
    tx.commit().await.unwrap();
}

async fn each_with_texts(texts: u128) -> Vec<TestDb> {
    let all = TestDb::each().await;
    for test in &all {
        make_table(&test.db).await;
        for n in 0..texts {
            write(&test.db, n, &n.to_string()).await;
        }
    }
    all
}

#[tokio::test]
async fn requests_share_queries_and_each_gets_its_own_row() {
    static QUERIES: AtomicUsize = AtomicUsize::new(0);
    struct Counted;
    impl BatchQuery for Counted {
        type Key = Uuid;
        type Row = String;
        async fn find(read: &mut Read, ids: &[Uuid]) -> Result<Vec<(Uuid, String)>, SqlError> {
            QUERIES.fetch_add(1, Ordering::Relaxed);
            find_texts(read, ids).await
        }
    }
    for test in each_with_texts(50).await {
        QUERIES.store(0, Ordering::Relaxed);
        let texts = BatchLoader::<Counted>::new(test.db.clone());
        // Each key is asked for ten times, and every second one has no row.
        let answers = join_all((0..1_000).map(|n| texts.load(id(n % 100)))).await;
        for (n, answer) in (0..1_000).zip(answers) {
            let n = n % 100;
            assert_eq!(answer.unwrap(), (n < 50).then(|| n.to_string()), "{}", test.db.kind());
        }
        assert_eq!(QUERIES.load(Ordering::Relaxed), 16, "1,000 keys fill 16 queries of 64");
        assert_eq!(texts.load(id(7)).await.unwrap().as_deref(), Some("7"), "a request that comes alone");
        assert_eq!(QUERIES.load(Ordering::Relaxed), 17);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_never_older_than_its_request() {
    for test in each_with_texts(1).await {
        let texts = BatchLoader::<TextById>::new(test.db.clone());
        let written = AtomicUsize::new(0);
        let writer = async {
            for n in 1..=300_usize {
                write(&test.db, 0, &n.to_string()).await;
                written.store(n, Ordering::SeqCst);
            }
        };
        let reader = || async {
            loop {
                let before = written.load(Ordering::SeqCst);
                let text = texts.load(id(0)).await.unwrap().unwrap();
                assert!(text.parse::<usize>().unwrap() >= before, "{}: read {text} after {before}", test.db.kind());
                if before == 300 {
                    break;
                }
            }
        };
        tokio::join!(writer, join_all((0..16).map(|_| reader())));
    }
}

#[tokio::test]
async fn a_cancelled_request_leaves_the_others_their_answers() {
    for test in each_with_texts(3).await {
        let texts = BatchLoader::<TextById>::new(test.db.clone());
        for _ in 0..50 {
            abandon(texts.load(id(0))).await;
            let (one, two, ()) = tokio::join!(texts.load(id(1)), texts.load(id(2)), abandon(texts.load(id(0))));
            assert_eq!((one.unwrap().as_deref(), two.unwrap().as_deref()), (Some("1"), Some("2")));
        }
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_fails_only_its_own_request() {
    struct NumberById;
    impl BatchQuery for NumberById {
        type Key = Uuid;
        type Row = i64;
        async fn find(read: &mut Read, ids: &[Uuid]) -> Result<Vec<(Uuid, i64)>, SqlError> {
            let number = |text: String| text.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)));
            let rows = find_texts(read, ids).await?;
            rows.into_iter().map(|(id, text)| Ok((id, number(text)?))).collect()
        }
    }
    for test in each_with_texts(3).await {
        write(&test.db, 1, "one").await;
        let numbers = BatchLoader::<NumberById>::new(test.db.clone());
        let answers = join_all([0, 1, 2, 3].map(|n| numbers.load(id(n)))).await;
        let answers: Vec<_> = answers.into_iter().map(Result::ok).collect();
        assert_eq!(answers, [Some(Some(0)), None, Some(Some(2)), Some(None)], "{}", test.db.kind());
    }
}

#[tokio::test]
async fn an_error_of_the_query_reaches_every_request_and_the_next_query_works() {
    for test in TestDb::each().await {
        let texts = BatchLoader::<TextById>::new(test.db.clone());
        let answers = join_all((0..100).map(|n| texts.load(id(n)))).await;
        assert!(answers.iter().all(Result::is_err), "there is no table yet: {}", test.db.kind());
        make_table(&test.db).await;
        write(&test.db, 1, "1").await;
        assert_eq!(texts.load(id(1)).await.unwrap().as_deref(), Some("1"));
    }
}

#[tokio::test]
async fn a_query_that_panics_leaves_no_request_waiting_and_the_next_one_works() {
    static BEGUN: Notify = Notify::const_new();
    struct Panics;
    impl BatchQuery for Panics {
        type Key = Uuid;
        type Row = String;
        async fn find(read: &mut Read, ids: &[Uuid]) -> Result<Vec<(Uuid, String)>, SqlError> {
            if ids.contains(&id(13)) {
                BEGUN.notify_one();
                // The late request runs now.
                yield_now().await;
            }
            let rows = find_texts(read, ids).await;
            assert!(!ids.contains(&id(13)), "an unlucky query");
            rows
        }
    }
    for test in each_with_texts(3).await {
        let texts = BatchLoader::<Panics>::new(test.db.clone());
        for _ in 0..3 {
            // The second key waits for the next query, which the task of the first one never begins.
            let late = async {
                BEGUN.notified().await;
                texts.load(id(1)).await
            };
            let (unlucky, late) = tokio::join!(texts.load(id(13)), late);
            assert!(unlucky.unwrap_err().is_disconnected() && late.unwrap_err().is_disconnected());
            assert_eq!(texts.load(id(1)).await.unwrap().as_deref(), Some("1"));
        }
    }
}

#[tokio::test]
async fn batches_do_not_wait_for_other_readers() {
    for test in each_with_texts(3).await {
        // All connections that read for one request each.
        let others = if test.db.is_shared() { 6 } else { 3 };
        let held = join_all((0..others).map(|_| test.db.read())).await;
        assert!(held.iter().all(Result::is_ok));
        let texts = BatchLoader::<TextById>::new(test.db.clone());
        assert_eq!(texts.load(id(2)).await.unwrap().as_deref(), Some("2"), "{}", test.db.kind());
        drop(held);
    }
}

#[tokio::test]
async fn a_lost_connection_is_replaced_and_its_batch_asked_again() {
    let Some(test) = TestDb::postgres().await else { return };
    make_table(&test.db).await;
    write(&test.db, 1, "1").await;
    let texts = BatchLoader::<TextById>::new(test.db.clone());
    for _ in 0..10 {
        assert_eq!(texts.load(id(1)).await.unwrap().as_deref(), Some("1"));
        let mut read = test.db.read().await.unwrap();
        let sql = "select pg_terminate_backend(pid) from pg_stat_activity \
             where datname = current_database() and pid <> pg_backend_pid()";
        fetch_all!(&mut read, (bool,), sql).unwrap();
        drop(read);
        let answers = join_all((0..100).map(|n| texts.load(id(n)))).await;
        for (n, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer.unwrap(), (n == 1).then(|| "1".to_owned()));
        }
    }
    test.end().await;
}

#[tokio::test]
async fn with_the_fewest_connections_batches_and_other_reads_take_turns() {
    let Some(url) = postgres_url().await else { return };
    let fewest = Connections::new(Connections::LEAST).unwrap();
    let db = Db::open(&url.parse::<DatabaseUrl>().unwrap().with_connections(fewest)).await.unwrap();
    make_table(&db).await;
    write(&db, 1, "1").await;
    let texts = BatchLoader::<TextById>::new(db.clone());
    let load = async {
        for _ in 0..200 {
            assert_eq!(texts.load(id(1)).await.unwrap().as_deref(), Some("1"));
        }
    };
    let read = async {
        for _ in 0..200 {
            let mut read = db.read().await.unwrap();
            fetch_all!(&mut read, (Uuid,), "select id from texts").unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(load, read) })
        .await
        .expect("none waits for ever");
    db.close().await;
}
