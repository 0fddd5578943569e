use kernel::Timestamp;
use persistence::testing::TestDb;
use persistence::{SqlTimestamp, UuidList, execute, fetch_all, fetch_one, fetch_optional, sql};
use uuid::Uuid;

const TABLE: (&str, &str) = (
    "create table things (id uuid primary key, at timestamptz, n bigint, yes boolean, raw bytea, words text)",
    "create table things (id blob not null primary key, at integer, n integer, yes integer, raw blob, words text) strict",
);
type Thing = (Uuid, Option<SqlTimestamp>, Option<i64>, Option<bool>, Option<Vec<u8>>, Option<String>);

async fn each_with_things() -> Vec<TestDb> {
    let all = TestDb::each().await;
    for test in &all {
        let mut tx = test.db.begin().await.unwrap();
        execute!(&mut tx, TABLE).unwrap();
        tx.commit().await.unwrap();
    }
    all
}

fn at(text: &str) -> SqlTimestamp {
    let text = format!("\"{text}\"");
    SqlTimestamp(serde_json::from_str(&text).expect("RFC 3339"))
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

async fn write(test: &TestDb, thing: &Thing) {
    let mut tx = test.db.begin().await.unwrap();
    let (id, at, n, yes, raw, words) = thing.clone();
    let sql = "insert into things (id, at, n, yes, raw, words) values ($1, $2, $3, $4, $5, $6)";
    assert_eq!(execute!(&mut tx, sql, id, at, n, yes, raw, words).unwrap(), 1);
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn every_type_comes_back_as_it_was_written() {
    let things: Vec<Thing> = vec![
        (id(1), None, None, None, None, None),
        (
            id(u128::MAX),
            Some(at("2026-09-21T14:13:20.123456Z")),
            Some(i64::MAX),
            Some(true),
            Some((0..=255).collect()),
            Some("Zoë 王小明 👩‍🚀 'quoted' \"twice\" \\ %_".to_owned()),
        ),
        (
            id(3),
            Some(at("1999-12-31T23:59:59.999999Z")),
            Some(i64::MIN),
            Some(false),
            Some(Vec::new()),
            Some(String::new()),
        ),
        (id(4), Some(at("1969-07-20T20:17:40.000001Z")), Some(0), Some(true), Some(vec![0]), Some(" ".to_owned())),
        (id(5), Some(at("0001-01-01T00:00:00Z")), Some(-1), None, None, None),
        (id(6), Some(SqlTimestamp(Timestamp::from_microsecond(0).unwrap())), Some(1 << 53), None, None, None),
        (id(7), Some(SqlTimestamp(Timestamp::from_microsecond(946_684_800_000_000).unwrap())), None, None, None, None),
    ];
    for test in each_with_things().await {
        for thing in &things {
            write(&test, thing).await;
            let mut db = test.db.read().await.unwrap();
            let sql = "select id, at, n, yes, raw, words from things where id = $1";
            let back = fetch_one!(&mut db, Thing, sql, thing.0).unwrap();
            assert_eq!(&back, thing, "{}", test.db.kind());
            let sql = "select id from things where id = $1 and (at = $2 or $2 is null)";
            let found = fetch_optional!(&mut db, (Uuid,), sql, thing.0, thing.1).unwrap();
            assert!(found.is_some(), "{}: found by its time", test.db.kind());
        }
    }
}

#[tokio::test]
async fn times_sort_in_order_and_the_database_reads_them_as_times() {
    // As texts, `…20.5Z` would stand before `…20Z`.
    let in_order = [
        "0001-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00Z",
        "1999-12-31T23:59:59.999999Z",
        "2000-01-01T00:00:00Z",
        "2026-09-21T14:13:20Z",
        "2026-09-21T14:13:20.000001Z",
        "2026-09-21T14:13:20.5Z",
        "2026-09-21T14:13:21Z",
    ];
    for test in each_with_things().await {
        for (n, text) in (0..9_u8).zip(in_order).rev() {
            write(&test, &(id(n.into()), Some(at(text)), None, None, None, None)).await;
        }
        let mut db = test.db.read().await.unwrap();
        let sorted = fetch_all!(&mut db, (Option<SqlTimestamp>,), "select at from things order by at").unwrap();
        assert_eq!(sorted, in_order.map(|text| (Some(at(text)),)), "{}", test.db.kind());

        let year = (
            "select extract(year from at at time zone 'UTC')::bigint from things where at = $1",
            "select cast(strftime('%Y', at / 1000000, 'unixepoch') as integer) from things where at = $1",
        );
        let (year,) = fetch_one!(&mut db, (i64,), year, at("1999-12-31T23:59:59.999999Z")).unwrap();
        assert_eq!(year, 1999, "{}", test.db.kind());
    }
}

#[tokio::test]
async fn any_number_of_ids_fits_into_one_parameter() {
    for test in each_with_things().await {
        for n in 0..300 {
            write(&test, &(id(n * 7_919), None, None, None, None, None)).await;
        }
        let all: Vec<_> = (0..300).map(|n| id(n * 7_919)).collect();
        let one_of = sql!("select count(*) from things where id {in $1}");
        let mut db = test.db.read().await.unwrap();
        for (ids, expected) in [(&all[..0], 0), (&all[..1], 1), (&all[7..11], 4), (&all[..], 300), (&[id(1)], 0)] {
            let (found,) = fetch_one!(&mut db, (i64,), one_of, UuidList(ids)).unwrap();
            assert_eq!(found, expected, "{}", test.db.kind());
        }
    }
}

#[tokio::test]
async fn each_database_gets_its_own_text_of_a_pair() {
    for test in TestDb::each().await {
        let mut db = test.db.read().await.unwrap();
        let pair =
            ("select 'PostgreSQL'::text || left(version(), 0)", "select 'SQLite' || substr(sqlite_version(), 1, 0)");
        assert_eq!(fetch_one!(&mut db, (String,), pair).unwrap().0, test.db.kind());
    }
}

#[tokio::test]
async fn a_missing_row_is_none_and_an_error_only_for_fetch_one() {
    for test in each_with_things().await {
        let mut db = test.db.read().await.unwrap();
        let sql = "select n from things where id = $1";
        assert_eq!(fetch_optional!(&mut db, (Option<i64>,), sql, id(1)).unwrap(), None);
        assert!(fetch_all!(&mut db, (Option<i64>,), sql, id(1)).unwrap().is_empty());
        assert!(fetch_one!(&mut db, (Option<i64>,), sql, id(1)).is_err());
    }
}
