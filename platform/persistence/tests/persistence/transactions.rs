use crate::{abandon, count, each_with_numbers};
use persistence::{Db, Tx, execute, fetch_all, fetch_one, sql};
use std::time::Duration;

const INSERT: &str = "insert into numbers (n) values ($1)";

/// A statement that takes a while.
const SLOW: (&str, &str) = (
    "insert into numbers (n) select 7 from pg_sleep(0.3)",
    "insert into numbers (n) select 7 where 300000 = (with recursive up(i) as \
       (select 1 union all select i + 1 from up where i < 300000) select count(*) from up)",
);

async fn fails(tx: &mut Tx) {
    assert!(execute!(tx, INSERT, 1_i64).is_err(), "twice the same key");
}

/// Checks that the next transaction finds a sound connection.
async fn works_on(db: &Db) {
    let before = count(db).await;
    let mut tx = db.begin().await.unwrap();
    execute!(&mut tx, INSERT, 1_000_i64 + before).unwrap();
    tx.commit().await.unwrap();
    assert_eq!(count(db).await, before + 1);
}

#[tokio::test]
async fn committed_changes_are_visible() {
    for test in each_with_numbers().await {
        let mut tx = test.db.begin().await.unwrap();
        assert_eq!(execute!(&mut tx, INSERT, 1_i64).unwrap(), 1);
        assert_eq!(fetch_one!(&mut tx, (i64,), "select n from numbers").unwrap(), (1,));
        assert_eq!(count(&test.db).await, 0, "{}: no other connection sees it yet", test.db.kind());
        tx.commit().await.unwrap();
        assert_eq!(count(&test.db).await, 1, "{}", test.db.kind());
    }
}

#[tokio::test]
async fn a_transaction_rolls_back_by_default() {
    for test in each_with_numbers().await {
        let mut tx = test.db.begin().await.unwrap();
        execute!(&mut tx, INSERT, 1_i64).unwrap();
        drop(tx);
        works_on(&test.db).await;
        assert_eq!(count(&test.db).await, 1, "{}: only the later one's", test.db.kind());
    }
}

#[tokio::test]
async fn a_transaction_in_which_a_statement_failed_refuses_to_commit_and_nothing_is_kept() {
    for test in each_with_numbers().await {
        let mut tx = test.db.begin().await.unwrap();
        execute!(&mut tx, INSERT, 1_i64).unwrap();
        fails(&mut tx).await;
        // On SQLite the transaction would continue as if nothing had happened.
        let _ = execute!(&mut tx, INSERT, 2_i64);
        let refused = tx.commit().await.expect_err("an error was swallowed");
        assert!(refused.to_string().contains("a statement failed before"), "{refused}");
        assert!(!refused.is_retried_soon() && !refused.is_disconnected());
        assert_eq!(count(&test.db).await, 0, "{}", test.db.kind());
        works_on(&test.db).await;
    }
}

#[tokio::test]
async fn a_transaction_in_which_a_read_failed_refuses_to_commit_too() {
    for test in each_with_numbers().await {
        let mut tx = test.db.begin().await.unwrap();
        execute!(&mut tx, INSERT, 1_i64).unwrap();
        assert!(fetch_one!(&mut tx, (i64,), "select n from numbers where n = $1", 404_i64).is_err());
        assert!(tx.commit().await.is_err());
        assert_eq!(count(&test.db).await, 0, "{}", test.db.kind());
    }
}

#[tokio::test]
async fn a_transaction_with_an_abandoned_statement_refuses_to_commit_and_nothing_is_kept() {
    for test in each_with_numbers().await {
        let mut tx = test.db.begin().await.unwrap();
        execute!(&mut tx, INSERT, 1_i64).unwrap();
        abandon(async { execute!(&mut tx, SLOW) }).await;
        assert!(tx.commit().await.is_err(), "{}", test.db.kind());
        works_on(&test.db).await;
        assert_eq!(count(&test.db).await, 1, "{}: only the later one's", test.db.kind());
    }
}

#[tokio::test]
async fn a_statement_abandoned_at_any_moment_leaves_nothing_and_a_sound_connection() {
    for test in each_with_numbers().await {
        for round in 0..40_u64 {
            let mut tx = test.db.begin().await.unwrap();
            execute!(&mut tx, INSERT, -1_i64).unwrap();
            let moment = Duration::from_micros(round * 97);
            let in_time = tokio::time::timeout(moment, async { fetch_all!(&mut tx, (i64,), "select n from numbers") });
            let abandoned = in_time.await.is_err();
            if abandoned {
                assert!(tx.commit().await.is_err(), "{} in round {round}", test.db.kind());
            } else {
                drop(tx);
            }
            let mut tx = test.db.begin().await.unwrap();
            let (kept,) = fetch_one!(&mut tx, (i64,), "select count(*) from numbers where n = -1").unwrap();
            assert_eq!(kept, 0, "{} in round {round}", test.db.kind());
        }
    }
}

#[tokio::test]
async fn a_transaction_abandoned_while_it_begins_or_commits_leaves_a_sound_connection() {
    for test in each_with_numbers().await {
        for round in 0..60_u64 {
            let moment = Duration::from_micros(round * 53);
            let whole = async {
                let mut tx = test.db.begin().await?;
                execute!(&mut tx, INSERT, i64::try_from(round).unwrap())?;
                tx.commit().await
            };
            let _ = tokio::time::timeout(moment, whole).await;
        }
        works_on(&test.db).await;
    }
}

#[tokio::test]
async fn a_reader_cannot_write() {
    for test in each_with_numbers().await {
        let mut db = test.db.read().await.unwrap();
        for sql in [
            "insert into numbers (n) values (1)",
            "delete from numbers",
            "drop table numbers",
            "create table t (n text)",
        ] {
            let refused = execute!(&mut db, sql).expect_err(sql);
            assert!(refused.to_string().contains("read"), "{}: {refused}", test.db.kind());
        }
        drop(db);
        assert_eq!(count(&test.db).await, 0, "{}", test.db.kind());
        works_on(&test.db).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_that_read_before_they_write_lose_no_update() {
    for test in each_with_numbers().await {
        let mut tx = test.db.begin().await.unwrap();
        execute!(&mut tx, INSERT, 0_i64).unwrap();
        tx.commit().await.unwrap();
        let all: Vec<_> = (0..8)
            .map(|_| {
                let db = test.db.clone();
                tokio::spawn(async move {
                    for _ in 0..10 {
                        let mut tx = db.begin().await.unwrap();
                        let lock = sql!("select n from numbers {for update}");
                        let (n,) = fetch_one!(&mut tx, (i64,), lock).unwrap();
                        execute!(&mut tx, "update numbers set n = $1", n + 1).unwrap();
                        tx.commit().await.unwrap();
                    }
                })
            })
            .collect();
        for one in all {
            one.await.unwrap();
        }
        let mut db = test.db.read().await.unwrap();
        assert_eq!(fetch_one!(&mut db, (i64,), "select n from numbers").unwrap(), (80,), "{}", test.db.kind());
    }
}
