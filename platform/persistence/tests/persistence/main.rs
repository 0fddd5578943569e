//! The promises of the SQL adapter, on both databases.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod batches;
mod copies;
mod errors;
mod migrations;
mod notify;
mod one_server;
mod opening;
mod transactions;
mod types;

use persistence::testing::TestDb;
use persistence::{Db, execute, fetch_one};
use std::future::Future;
use std::task::Poll;

/// A database of each kind with one small table.
async fn each_with_numbers() -> Vec<TestDb> {
    let all = TestDb::each().await;
    for test in &all {
        let mut tx = test.db.begin().await.unwrap();
        let table = (
            "create table numbers (n bigint primary key)",
            "create table numbers (n integer not null primary key) strict",
        );
        execute!(&mut tx, table).unwrap();
        tx.commit().await.unwrap();
    }
    all
}

async fn count(db: &Db) -> i64 {
    let mut db = db.read().await.unwrap();
    fetch_one!(&mut db, (i64,), "select count(*) from numbers").unwrap().0
}

/// Polls a future once, and drops it, as a cancelled request does with a statement under way.
async fn abandon<T>(future: impl Future<Output = T>) {
    let mut future = Box::pin(future);
    std::future::poll_fn(|context| {
        assert!(future.as_mut().poll(context).is_pending(), "it was done at once: nothing was abandoned");
        Poll::Ready(())
    })
    .await;
}
