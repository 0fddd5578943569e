use persistence::Db;
use persistence::testing::TestDb;
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn notifications_of_one_process_reach_another_one_in_order() {
    let Some(test) = TestDb::postgres().await else { return };
    let other = Db::open_unlocked(&test.url.parse().unwrap()).await.unwrap();
    let mut heard = other.listen("news").await.unwrap().expect("PostgreSQL");
    let long = "é".repeat(3_900);
    for said in ["one", "it's \"two\"", &long] {
        test.db.notify("news", said).await.unwrap();
    }
    test.db.notify("elsewhere", "not for us").await.unwrap();
    test.db.notify("news", "four").await.unwrap();
    for expected in ["one", "it's \"two\"", &long, "four"] {
        let next = timeout(PATIENCE, heard.next()).await.expect("it is heard").unwrap();
        assert_eq!(next.as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn a_listener_that_was_cut_off_says_so_and_listens_again() {
    let Some(test) = TestDb::postgres().await else { return };
    let other = Db::open_unlocked(&test.url.parse().unwrap()).await.unwrap();
    let mut heard = other.listen("news").await.unwrap().expect("PostgreSQL");
    let mut tx = test.db.begin().await.unwrap();
    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
         where datname = current_database() and pid <> pg_backend_pid()";
    assert!(persistence::fetch_one!(&mut tx, (i64,), cut).unwrap().0 > 0);
    tx.commit().await.unwrap();
    let next = timeout(PATIENCE, heard.next()).await.expect("it reports the loss").unwrap();
    assert_eq!(next, None, "something may have been missed");
    test.db.notify("news", "again").await.unwrap();
    let next = timeout(PATIENCE, heard.next()).await.expect("it listens again").unwrap();
    assert_eq!(next.as_deref(), Some("again"));
}

#[tokio::test]
async fn sqlite_has_no_notifications() {
    let test = TestDb::sqlite().await;
    assert!(test.db.listen("news").await.unwrap().is_none());
    test.db.notify("news", "into the air").await.unwrap();
}
