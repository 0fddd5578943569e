use persistence::testing::TestDb;
use persistence::{DatabaseUrl, Db, Migration, Migrations, OpenError, execute, fetch_one};

const FIRST: Migration = step("first", "create table shop_items (n bigint); insert into shop_items values (1)");
const SECOND: Migration = step("second", "alter table shop_items add column name text");
const OLD: Migrations = Migrations { context: "shop", all: &[FIRST] };
const NEW: Migrations = Migrations { context: "shop", all: &[FIRST, SECOND] };
const OTHER: Migrations = Migrations { context: "depot", all: &[step("first", "create table depot_items (n bigint)")] };

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
        Migrations { context: "shop", all: &[step("first", "create table shop_other (n bigint)")] };
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
            assert_eq!(now, "15s", "the limit holds for everybody else");
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
                all.push(Db::open_beside(&url).await.unwrap());
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
