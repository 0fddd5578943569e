use persistence::testing::TestDb;
use persistence::{DatabaseUrl, Db, Migration, Migrations, OpenError, execute, fetch_one};

const FIRST: Migration = step("first", "create table shop_items (n bigint); insert into shop_items values (1)");
const SECOND: Migration = step("second", "alter table shop_items add column name text");
const OLD: Migrations = Migrations { context: "shop", first: 1, all: &[FIRST] };
const NEW: Migrations = Migrations { context: "shop", first: 1, all: &[FIRST, SECOND] };
const OTHER: Migrations =
    Migrations { context: "depot", first: 1, all: &[step("first", "create table depot_items (n bigint)")] };

const fn step(name: &'static str, sql: &'static str) -> Migration {
    Migration { name, postgres: sql, sqlite: sql }
}

async fn items(db: &Db) -> i64 {
    let mut db = db.read().await.unwrap();
    fetch_one!(&mut db, (i64,), "select count(*) from shop_items").unwrap().0
}

#[tokio::test]
async fn a_migration_is_applied_once_and_pending_counts_what_is_missing() {
    for test in TestDb::each().await {
        let db = &test.db;
        assert_eq!(db.pending(&NEW).await.unwrap(), 2, "{}", db.kind());
        db.migrate(&OLD).await.unwrap();
        assert_eq!(db.pending(&OLD).await.unwrap(), 0);
        assert_eq!(db.pending(&NEW).await.unwrap(), 1);
        db.migrate(&NEW).await.unwrap();
        assert_eq!(db.pending(&NEW).await.unwrap(), 0);
        db.migrate(&NEW).await.unwrap();
        assert_eq!(items(db).await, 1, "{}: the first step ran once", db.kind());
    }
}

#[tokio::test]
async fn each_context_has_migrations_of_its_own() {
    for test in TestDb::each().await {
        test.db.migrate(&NEW).await.unwrap();
        assert_eq!(test.db.pending(&OTHER).await.unwrap(), 1, "{}", test.db.kind());
        test.db.migrate(&OTHER).await.unwrap();
        assert_eq!(test.db.pending(&OTHER).await.unwrap(), 0);
        assert_eq!(test.db.pending(&NEW).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn optional_migrations_are_applied_and_counted_separately() {
    const OPTIONAL: Migrations =
        Migrations { context: "shop", first: 1_001, all: &[step("prices", "create table shop_prices (n bigint)")] };
    for test in TestDb::each().await {
        test.db.migrate(&OLD).await.unwrap();
        assert_eq!(test.db.pending(&OPTIONAL).await.unwrap(), 1, "{}", test.db.kind());
        test.db.migrate(&OPTIONAL).await.unwrap();
        assert_eq!(test.db.pending(&OPTIONAL).await.unwrap(), 0);
        assert_eq!(test.db.pending(&NEW).await.unwrap(), 1, "{}: the next of all installations", test.db.kind());
        test.db.migrate(&NEW).await.unwrap();
        assert_eq!((test.db.pending(&NEW).await.unwrap(), test.db.pending(&OPTIONAL).await.unwrap()), (0, 0));
    }
}

#[tokio::test]
async fn a_node_older_than_the_schema_goes_on_working() {
    for test in TestDb::each().await {
        test.db.migrate(&NEW).await.unwrap();
        assert_eq!(test.db.pending(&OLD).await.unwrap(), 0, "{}", test.db.kind());
        test.db.migrate(&OLD).await.unwrap();
        assert_eq!(test.db.pending(&NEW).await.unwrap(), 0, "{}: nothing was undone", test.db.kind());
    }
}

#[tokio::test]
async fn a_migration_that_was_changed_after_it_was_applied_is_refused() {
    const CHANGED: Migrations =
        Migrations { context: "shop", first: 1, all: &[step("first", "create table shop_other (n bigint)")] };
    for test in TestDb::each().await {
        test.db.migrate(&OLD).await.unwrap();
        let Err(OpenError::Unfit(why)) = test.db.migrate(&CHANGED).await else { panic!("{}", test.db.kind()) };
        assert!(why.contains("the schema of shop"), "{why}");
    }
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind() {
    const BROKEN: Migrations = Migrations {
        context: "shop",
        first: 1,
        all: &[step("half", "create table shop_items (n bigint); insert into nowhere values (1)")],
    };
    for test in TestDb::each().await {
        assert!(test.db.migrate(&BROKEN).await.is_err(), "{}", test.db.kind());
        assert_eq!(test.db.pending(&BROKEN).await.unwrap(), 1, "{}", test.db.kind());
        let mut tx = test.db.begin().await.unwrap();
        execute!(&mut tx, "create table shop_items (n bigint)").unwrap();
    }
}

#[tokio::test]
async fn a_migration_may_take_longer_than_a_statement_otherwise_may() {
    const TELLS: Migrations = Migrations {
        context: "shop",
        first: 1,
        all: &[Migration {
            name: "limit",
            postgres: "create table shop_limit as select current_setting('statement_timeout') as \"is\"",
            sqlite: "create table shop_limit as select '0' as \"is\"",
        }],
    };
    for test in TestDb::each().await {
        test.db.migrate(&TELLS).await.unwrap();
        let mut tx = test.db.begin().await.unwrap();
        let limit = fetch_one!(&mut tx, (String,), "select \"is\" from shop_limit").unwrap();
        assert_eq!(limit, ("0".to_owned(),), "{}", test.db.kind());
        if test.db.is_shared() {
            let (now,) = fetch_one!(&mut tx, (String,), "select current_setting('statement_timeout')").unwrap();
            assert_eq!(now, "15s", "the limit holds for all other sessions");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_migrate_at_once() {
    for _ in 0..5 {
        for test in TestDb::each().await {
            let url: DatabaseUrl = test.url.parse().unwrap();
            let mut all = Vec::new();
            for _ in 0..6 {
                all.push(Db::open_unlocked(&url).await.unwrap());
            }
            let racing: Vec<_> = all
                .into_iter()
                .map(|db| tokio::spawn(async move { db.migrate(&NEW).await.map_err(|e| e.to_string()) }))
                .collect();
            for one in racing {
                assert_eq!(one.await.unwrap(), Ok(()), "{}", test.db.kind());
            }
            assert_eq!(test.db.pending(&NEW).await.unwrap(), 0);
            assert_eq!(items(&test.db).await, 1, "{}: the first step ran once", test.db.kind());
        }
    }
}

#[tokio::test]
async fn line_ends_of_a_checkout_make_no_other_migration() {
    const LF: Migrations =
        Migrations { context: "shop", first: 1, all: &[step("first", "create table shop_items (\n    n bigint\n)")] };
    const CRLF: Migrations = Migrations {
        context: "shop",
        first: 1,
        all: &[step("first", "create table shop_items (\r\n    n bigint\r\n)")],
    };
    for (first, second) in [(LF, CRLF), (CRLF, LF)] {
        for test in TestDb::each().await {
            test.db.migrate(&first).await.unwrap();
            test.db.migrate(&second).await.expect("the same migration");
        }
    }
    // Like an earlier version that applied it from a checkout with CRLF.
    for test in TestDb::each().await {
        test.db.migrate(&LF).await.unwrap();
        let mut tx = test.db.begin().await.unwrap();
        let (before,) = fetch_one!(&mut tx, (Vec<u8>,), "select checksum from shop_migrations").unwrap();
        let with_crlf = persistence::sqlx::migrate::Migration::new(
            1,
            "first".into(),
            persistence::sqlx::migrate::MigrationType::Simple,
            persistence::sqlx::SqlSafeStr::into_sql_str(CRLF.all[0].postgres),
            false,
        )
        .checksum;
        assert_ne!(*with_crlf, *before);
        execute!(&mut tx, "update shop_migrations set checksum = $1", with_crlf.to_vec()).unwrap();
        tx.commit().await.unwrap();
        test.db.migrate(&LF).await.expect("the same migration");
        test.db.migrate(&CRLF).await.expect("the same migration");
    }
}

/// Longer than a statement waits for a lock otherwise (10 s on PostgreSQL, 5 s on SQLite).
const LONGER: std::time::Duration = std::time::Duration::from_secs(12);

#[tokio::test]
async fn a_process_that_finds_another_one_migrating_waits_for_it() {
    for test in TestDb::each().await {
        let mut other = test.db.begin().await.unwrap();
        if test.db.is_shared() {
            // As sqlx computes it.
            let (name,) = fetch_one!(&mut other, (String,), "select current_database()::text").unwrap();
            let key = 0x3d32_ad9e * i64::from(crc32(name.as_bytes()));
            execute!(&mut other, "select pg_advisory_xact_lock($1)", key).unwrap();
        }
        let db = Db::open_unlocked(&test.url.parse().unwrap()).await.unwrap();
        let begun = std::time::Instant::now();
        let waits = tokio::spawn(async move { db.migrate(&NEW).await.map_err(|error| error.to_string()) });
        // The test measures time.
        tokio::time::sleep(LONGER).await;
        assert!(!waits.is_finished(), "{}", test.db.kind());
        other.commit().await.unwrap();
        assert_eq!(waits.await.unwrap(), Ok(()), "{}", test.db.kind());
        assert!(begun.elapsed() >= LONGER);
        assert_eq!(test.db.pending(&NEW).await.unwrap(), 0);
    }
}

/// CRC-32 (ISO-HDLC).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
