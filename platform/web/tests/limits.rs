//! Rate limits, on both databases. No test sleeps: the intervals are long, and the tests move the stored times.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::{http::header::RETRY_AFTER, response::IntoResponse as _};
use persistence::{Db, execute, fetch_one, sql, testing::TestDb};
use std::time::Duration;
use tokio::task::JoinSet;
use web::{LimitError, MIGRATIONS, Problem, RateLimit, RateLimiter, limits_ahead_of_the_clock};

const HOUR: Duration = Duration::from_secs(3_600);
const SIGN_IN: RateLimit = RateLimit { name: "test.sign_in", burst: 3, every: HOUR };
const ADDRESS: RateLimit = RateLimit { name: "test.address", burst: 5, every: HOUR };

async fn on_each_database(test: impl AsyncFn(&RateLimiter, &TestDb)) {
    for test_db in TestDb::each().await {
        test_db.db.migrate(&MIGRATIONS).await.unwrap();
        test(&RateLimiter::new(test_db.db.clone(), true), &test_db).await;
        test_db.end().await;
    }
}

/// Moves the stored times as if `time` had passed.
async fn pass(db: &Db, time: Duration) {
    let sql = sql!("update web_limits set empty_at = empty_at - {$1 us}");
    let mut tx = db.begin().await.unwrap();
    execute!(&mut tx, sql, i64::try_from(time.as_micros()).unwrap()).unwrap();
    tx.commit().await.unwrap();
}

async fn rows(db: &Db) -> i64 {
    let mut db = db.read().await.unwrap();
    fetch_one!(&mut db, (i64,), "select count(*) from web_limits").unwrap().0
}

async fn all_of(limits: &RateLimiter, limit: &RateLimit, key: &[u8]) -> LimitError {
    for _ in 0..limit.burst {
        drop(limits.acquire(limit, key).await.expect("within the limit"));
    }
    limits.acquire(limit, key).await.expect_err("one too many")
}

/// The status and the code of the problem, and its `Retry-After` in seconds.
fn answer(refused: LimitError) -> (u16, &'static str, u64) {
    let problem = Problem::from(refused);
    let code = problem.code();
    let answer = problem.into_response();
    let wait = answer.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok()?.parse().ok());
    (answer.status().as_u16(), code, wait.expect("Retry-After"))
}

#[tokio::test]
async fn the_burst_passes_and_the_next_request_gets_retry_after() {
    on_each_database(async |limits, _| {
        let refused = all_of(limits, &SIGN_IN, b"ada").await;
        let (status, code, wait) = answer(refused);
        assert_eq!((status, code), (429, "too_many_requests"));
        assert!((3_540..=3_600).contains(&wait), "{wait}: one permit becomes free each hour");
        drop(limits.acquire(&SIGN_IN, b"eve").await.expect("another key has its own count"));
        drop(limits.acquire(&ADDRESS, b"ada").await.expect("another limit has its own count"));
    })
    .await;
}

#[tokio::test]
async fn after_retry_after_one_request_passes_however_many_were_rejected() {
    on_each_database(async |limits, TestDb { db, .. }| {
        let mut refused = all_of(limits, &SIGN_IN, b"ada").await;
        for _ in 0..5 {
            refused = limits.acquire(&SIGN_IN, b"ada").await.expect_err("refused");
        }
        let (_, _, wait) = answer(refused);
        assert!(wait <= 3_600, "{wait}: a rejected request takes no permit");
        pass(db, Duration::from_secs(wait.saturating_sub(60))).await;
        let (_, _, rest) = answer(limits.acquire(&SIGN_IN, b"ada").await.expect_err("too early"));
        assert!((55..=60).contains(&rest), "{rest}");
        pass(db, Duration::from_secs(rest)).await;
        drop(limits.acquire(&SIGN_IN, b"ada").await.expect("after Retry-After"));
        limits.acquire(&SIGN_IN, b"ada").await.expect_err("one permit, not two");
    })
    .await;
}

#[tokio::test]
async fn a_long_pause_frees_no_more_permits_than_the_burst() {
    on_each_database(async |limits, TestDb { db, .. }| {
        drop(limits.acquire(&SIGN_IN, b"ada").await.unwrap());
        pass(db, HOUR * 1_000).await;
        assert_eq!(answer(all_of(limits, &SIGN_IN, b"ada").await).0, 429);
    })
    .await;
}

#[tokio::test]
async fn a_refunded_permit_does_not_count() {
    on_each_database(async |limits, _| {
        for _ in 0..10 {
            let permit = limits.acquire(&SIGN_IN, b"ada").await.expect("refunded permits do not count");
            limits.refund(permit).await;
        }
        assert_eq!(answer(all_of(limits, &SIGN_IN, b"ada").await).0, 429, "refunds do not exceed the burst");
    })
    .await;
}

#[tokio::test]
async fn several_permits_are_taken_together_or_not_at_all() {
    on_each_database(async |limits, _| {
        let both: &[(&RateLimit, &[u8])] = &[(&ADDRESS, b"192.0.2.1"), (&SIGN_IN, b"ada")];
        for _ in 0..3 {
            drop(limits.take_all(both).await.expect("within both"));
        }
        for _ in 0..10 {
            limits.take_all(both).await.expect_err("one of them refuses");
        }
        drop(limits.take_all(&[(&ADDRESS, b"192.0.2.1"), (&SIGN_IN, b"eve")]).await.expect("two of five are left"));
        let permit = limits.take_all(&[(&SIGN_IN, b"eve"), (&ADDRESS, b"192.0.2.1")]).await.expect("one is left");
        limits.acquire(&ADDRESS, b"192.0.2.1").await.expect_err("none is left");
        limits.refund(permit).await;
        drop(limits.acquire(&ADDRESS, b"192.0.2.1").await.expect("it was given back"));
        drop(limits.acquire(&SIGN_IN, b"eve").await.expect("and so was the other"));
    })
    .await;
}

#[tokio::test]
async fn the_wait_for_several_permits_is_the_longest() {
    on_each_database(async |limits, _| {
        let slow = RateLimit { name: "test.slow", burst: 1, every: HOUR * 24 };
        let quick = RateLimit { name: "test.quick", burst: 1, every: HOUR };
        for wanted in [[(&slow, &b"a"[..]), (&quick, &b"a"[..])], [(&quick, &b"b"[..]), (&slow, &b"b"[..])]] {
            drop(limits.take_all(&wanted).await.unwrap());
            let (_, _, wait) = answer(limits.take_all(&wanted).await.expect_err("both refuse"));
            assert!(wait > 23 * 3_600, "{wait}");
        }
    })
    .await;
}

#[tokio::test]
async fn peek_takes_no_permit_and_fails_when_none_is_free() {
    on_each_database(async |limits, _| {
        for _ in 0..10 {
            limits.peek(&SIGN_IN, b"ada").await.expect("there is room");
        }
        let refused = all_of(limits, &SIGN_IN, b"ada").await;
        let looked = limits.peek(&SIGN_IN, b"ada").await.expect_err("there is none");
        let ((_, refused, wait), (_, looked, wait_after)) = (answer(refused), answer(looked));
        assert!(looked == refused && wait - wait_after <= 60);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_concurrent_requests_exactly_the_burst_passes() {
    on_each_database(async |limits, _| {
        let limit = RateLimit { name: "test.parallel", burst: 7, every: HOUR };
        for round in 0..20_u8 {
            let mut asking = JoinSet::new();
            for _ in 0..50 {
                let limits = limits.clone();
                asking
                    .spawn(async move { limits.acquire(&limit, &[round]).await.map(drop).map_err(|it| answer(it).0) });
            }
            let answers = asking.join_all().await;
            assert_eq!(answers.iter().filter(|it| it.is_ok()).count(), 7);
            assert_eq!(answers.iter().filter(|it| **it == Err(429)).count(), 43);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_several_permits_in_any_order_never_deadlocks() {
    on_each_database(async |limits, _| {
        let limit = RateLimit { name: "test.ring", burst: 1_000, every: HOUR };
        let mut asking = JoinSet::new();
        for n in 0..40_u8 {
            let limits = limits.clone();
            asking.spawn(async move {
                let (one, other) = if n % 2 == 0 { (b"a", b"b") } else { (b"b", b"a") };
                let permit = limits.take_all(&[(&limit, one), (&limit, other)]).await.expect("taken");
                limits.refund(permit).await;
            });
        }
        asking.join_all().await;
        let both: &[(&RateLimit, &[u8])] = &[(&limit, b"a"), (&limit, b"b")];
        for _ in 0..2 {
            drop(limits.take_all(both).await.expect("there is room"));
        }
    })
    .await;
}

#[tokio::test]
async fn a_restart_keeps_the_count_and_nodes_share_it() {
    on_each_database(async |limits, test_db| {
        let opened = Db::open_unlocked(&test_db.url.parse().unwrap()).await;
        let other = RateLimiter::new(opened.expect("the same database"), true);
        drop(limits.acquire(&SIGN_IN, b"ada").await.unwrap());
        drop(other.acquire(&SIGN_IN, b"ada").await.unwrap());
        drop(limits.acquire(&SIGN_IN, b"ada").await.unwrap());
        other.acquire(&SIGN_IN, b"ada").await.expect_err("three in all");
        limits.acquire(&SIGN_IN, b"ada").await.expect_err("three in all");
    })
    .await;
}

#[tokio::test]
async fn without_a_database_no_request_passes() {
    on_each_database(async |limits, TestDb { db, .. }| {
        let permit = limits.acquire(&SIGN_IN, b"ada").await.unwrap();
        db.close().await;
        let (taking, looking) =
            (limits.acquire(&SIGN_IN, b"eve").await.expect_err("denied"), limits.peek(&SIGN_IN, b"eve").await);
        assert!(matches!(answer(taking), (503, "database_unavailable", _)));
        assert_eq!(answer(looking.expect_err("denied")).0, 503);
        limits.refund(permit).await;
    })
    .await;
}

#[tokio::test]
async fn limits_that_are_off_allow_everything_and_write_nothing() {
    on_each_database(async |_, TestDb { db, .. }| {
        let off = RateLimiter::new(db.clone(), false);
        for _ in 0..10 {
            let permit = off.acquire(&SIGN_IN, b"ada").await.expect("off");
            off.refund(permit).await;
            off.peek(&SIGN_IN, b"ada").await.expect("off");
        }
        assert_eq!(rows(db).await, 0);
        db.close().await;
        drop(off.acquire(&SIGN_IN, b"ada").await.expect("off"));
        off.sweep().await;
    })
    .await;
}

#[tokio::test]
async fn expired_rows_are_deleted() {
    on_each_database(async |limits, TestDb { db, .. }| {
        for n in 0..250_u8 {
            drop(limits.acquire(&SIGN_IN, &[n]).await.unwrap());
        }
        pass(db, HOUR).await;
        drop(limits.acquire(&SIGN_IN, b"ada").await.unwrap());
        assert_eq!(rows(db).await, 251);
        limits.sweep_now().await.unwrap();
        assert_eq!(rows(db).await, 1, "rows that still count stay");
        drop(limits.acquire(&SIGN_IN, &[0]).await.expect("a deleted count begins anew"));
    })
    .await;
}

/// By how much the clock was ahead: five hours, two days, and about 74 years.
const AHEAD: [Duration; 3] =
    [Duration::from_secs(5 * 3_600), Duration::from_secs(172_800), Duration::from_secs(2_350_000_000)];

#[tokio::test]
async fn a_count_written_by_a_clock_that_was_ahead_is_ignored() {
    on_each_database(async |limits, TestDb { db, .. }| {
        for ahead in AHEAD {
            let _ = all_of(limits, &SIGN_IN, b"ada").await;
            pass_back(db, ahead).await;
            limits.peek(&SIGN_IN, b"ada").await.expect("there is room");
            let refused = all_of(limits, &SIGN_IN, b"ada").await;
            let (_, _, wait) = answer(refused);
            assert!(wait <= 3_600, "{wait}: from now on the count is right");
            pass(db, HOUR * 3).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_count_that_is_a_little_ahead_denies_no_longer_than_the_limit_takes_to_refill() {
    on_each_database(async |limits, TestDb { db, .. }| {
        let _ = all_of(limits, &SIGN_IN, b"ada").await;
        pass_back(db, Duration::from_secs(30)).await;
        let (_, _, wait) =
            answer(limits.acquire(&SIGN_IN, b"ada").await.expect_err("a count within the bound is not ignored"));
        assert!((3_600..=3_630).contains(&wait), "{wait}");
    })
    .await;
}

#[tokio::test]
async fn the_sweep_deletes_rows_of_a_clock_that_was_far_ahead() {
    on_each_database(async |limits, TestDb { db, .. }| {
        drop(limits.acquire(&SIGN_IN, b"ada").await.unwrap());
        assert_eq!(limits_ahead_of_the_clock(db).await.unwrap(), 0);
        pass_back(db, AHEAD[1]).await;
        drop(limits.acquire(&SIGN_IN, b"eve").await.unwrap());
        assert_eq!((rows(db).await, limits_ahead_of_the_clock(db).await.unwrap()), (2, 1));
        limits.sweep_now().await.unwrap();
        assert_eq!((rows(db).await, limits_ahead_of_the_clock(db).await.unwrap()), (1, 0));
    })
    .await;
}

/// Moves the stored times as if the clock had been ahead by `time`.
async fn pass_back(db: &Db, time: Duration) {
    let sql = sql!("update web_limits set empty_at = empty_at + {$1 us}");
    let mut tx = db.begin().await.unwrap();
    execute!(&mut tx, sql, i64::try_from(time.as_micros()).unwrap()).unwrap();
    tx.commit().await.unwrap();
}
