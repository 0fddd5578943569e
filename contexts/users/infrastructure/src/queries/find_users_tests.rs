use super::{Count, Wanted, count, find, page, planned_rows};
use persistence::testing::TestDb;
use persistence::{Db, execute, sql};
use std::collections::BTreeSet;
use users_domain::{SortKey, UserFilter, UserOrder};
use uuid::Uuid;
use web::{SignedCursor, Towards};

/// Users with the numbers from 1 to `$1`. Every second one has an address at example.com, the others at one of 1,000
/// domains. One in 100 is deactivated, another one verified, and another one an administrator: with fewer of them,
/// PostgreSQL sorts them.
const USERS: (&str, &str) = sql!(
    postgres: INTO, "select lpad(to_hex(n), 32, '0')::uuid,", ADDRESS, ",", ADDRESS, ",", NAMES,
    "1, to_timestamp(1700000000 + n), case when n % 100 = 0 then now() end, n % 100 = 1,", ROLE,
    "from generate_series(1, $1::bigint) n";
    sqlite: INTO, "with recursive numbers as (select 1 as n union all select n + 1 from numbers where n < $1)",
    "select unhex(printf('%032x', n)),", ADDRESS, ",", ADDRESS, ",", NAMES,
    "1, (1700000000 + n) * 1000000, case when n % 100 = 0 then 1 end, n % 100 = 1,", ROLE, "from numbers"
);
const INTO: &str = "insert into users_users (id, email, email_canonical, name, name_key, version, registered_at, \
     deactivated_at, email_verified, role)";
const ADDRESS: &str =
    "'user' || n || case when n % 2 = 0 then '@example.com' else '@d' || (n % 1000) || '.example' end";
const NAMES: &str = "'Name ' || (n * 7919 % 100000), 'name ' || (n * 7919 % 100000),";
const ROLE: &str = "case when n % 100 = 2 then 'admin' else 'user' end";
const ROWS: i64 = 100_000;

async fn filled(db: &Db, rows: i64) {
    for migrations in [ledger::MIGRATIONS, crate::MIGRATIONS, crate::SUBSTRING_SEARCH] {
        db.migrate(&migrations).await.expect("a schema");
    }
    let mut tx = db.begin().await.expect("a transaction");
    execute!(&mut tx, USERS, rows).expect("rows");
    tx.commit().await.expect("committed");
}

fn filter(change: impl FnOnce(&mut UserFilter)) -> UserFilter {
    let mut filter = UserFilter::default();
    change(&mut filter);
    filter
}

/// Filters with the index that serves them in each order, and the orders in which it does.
fn served() -> Vec<(UserFilter, &'static str, Vec<&'static str>)> {
    let time = |text: &str| UserFilter::parse_time(text).ok();
    let all = || vec!["created_at", "email", "name"];
    vec![
        (filter(|_| {}), "", all()),
        (filter(|it| it.status = "active".parse().ok()), "", all()),
        (filter(|it| it.role = "user".parse().ok()), "", all()),
        (filter(|it| it.email_verified = Some(false)), "", all()),
        (filter(|it| it.status = "deactivated".parse().ok()), "deactivated", all()),
        (filter(|it| it.role = "admin".parse().ok()), "admins", all()),
        (filter(|it| it.email_verified = Some(true)), "verified", all()),
        (filter(|it| it.domain = "d7.example".parse().ok()), "domain", vec!["created_at"]),
        (filter(|it| it.email_prefix = "user77".parse().ok()), "", vec!["email"]),
        (filter(|it| it.name_prefix = "name 77".parse().ok()), "", vec!["name"]),
        (filter(|it| it.created_after = time("2023-11-15T00:00:00Z")), "", vec!["created_at"]),
        (filter(|it| it.created_before = time("2023-11-15T00:00:00Z")), "", vec!["created_at"]),
    ]
}

async fn plan(db: &Db, wanted: Wanted<'_>) -> String {
    let mut on = db.read().await.expect("a connection");
    if db.is_shared() {
        let lines: Vec<(String,)> = page(wanted, ("explain select", "")).fetch_all(&mut on).await.expect("a plan");
        return lines.into_iter().map(|(line,)| line).collect::<Vec<_>>().join("\n");
    }
    let steps: Vec<(i64, i64, i64, String)> =
        page(wanted, ("", "explain query plan select")).fetch_all(&mut on).await.expect("a plan");
    steps.into_iter().map(|(_, _, _, step)| step).collect::<Vec<_>>().join("\n")
}

/// The index that a plan uses must be one of these.
fn fitting(kind: &str, by: SortKey) -> &'static [&'static str] {
    match (kind, by) {
        ("", SortKey::CreatedAt) => &["users_by_registration"],
        ("", SortKey::Email) => &["users_users_email", "sqlite_autoindex_users_users_2"],
        ("", SortKey::Name) => &["users_by_name"],
        ("deactivated", SortKey::CreatedAt) => &["users_deactivated_by_registration"],
        ("deactivated", SortKey::Email) => &["users_deactivated_by_email"],
        ("deactivated", SortKey::Name) => &["users_deactivated_by_name"],
        ("admins", SortKey::CreatedAt) => &["users_admins_by_registration"],
        ("admins", SortKey::Email) => &["users_admins_by_email"],
        ("admins", SortKey::Name) => &["users_admins_by_name"],
        ("verified", SortKey::CreatedAt) => &["users_verified_by_registration"],
        ("verified", SortKey::Email) => &["users_verified_by_email"],
        ("verified", SortKey::Name) => &["users_verified_by_name"],
        _ => &["users_by_domain"],
    }
}

#[tokio::test]
async fn a_page_of_100_000_users_is_read_in_the_order_of_an_index_without_a_sort() {
    for test_db in TestDb::each().await {
        let db = &test_db.db;
        filled(db, ROWS).await;
        if db.is_shared() {
            let mut tx = db.begin().await.expect("a transaction");
            execute!(&mut tx, "analyze users_users").expect("statistics");
            tx.commit().await.expect("committed");
        }
        for (filter, kind, orders) in served() {
            for by in orders.iter().map(|order| order.parse::<SortKey>().expect("an order")) {
                let key = match by {
                    SortKey::CreatedAt => "1700050000000000",
                    SortKey::Email => "user775@example.com",
                    SortKey::Name => "name 775",
                };
                let cursor = |towards| SignedCursor { towards, key: key.to_owned(), id: Uuid::from_u128(5) };
                let cursors = [None, Some(cursor(Towards::Next)), Some(cursor(Towards::Previous))];
                for (from, is_descending) in cursors.iter().flat_map(|from| [(from, true), (from, false)]) {
                    let order = UserOrder { by, is_descending };
                    let plan = plan(db, Wanted { filter: &filter, order, from: from.as_ref(), limit: 25 }).await;
                    let about = format!("{filter:?} {order:?} {from:?}: {plan}");
                    assert!(fitting(kind, by).iter().any(|index| plan.contains(index)), "{about}");
                    assert!(!plan.contains("Sort") && !plan.contains("TEMP B-TREE"), "{about}");
                    assert!(!plan.contains("Seq Scan") && !plan.contains("Bitmap"), "{about}");
                    // A bound that the index does not know would be a filter over all rows.
                    let is_bounded = plan.contains("Index Cond") || plan.contains("SEARCH");
                    assert!(from.is_none() || is_bounded, "{about}");
                }
            }
        }
        test_db.end().await;
    }
}

#[tokio::test]
async fn a_part_of_a_name_is_found_by_its_trigrams_among_100_000_users() {
    for test_db in TestDb::each().await {
        let db = &test_db.db;
        filled(db, ROWS).await;
        for (text, users) in [("77123", 2), ("ser77123@", 1), ("nobody at all", 0)] {
            let filter = filter(|it| it.substring = text.parse().ok());
            let order = filter.default_order();
            let wanted = Wanted { filter: &filter, order, from: None, limit: 25 };
            let plan = plan(db, wanted).await;
            assert!(plan.contains("users_substrings"), "{text}: {plan}");
            assert!(!plan.contains("Seq Scan") && !plan.contains("SCAN users_users"), "{text}: {plan}");
            assert_eq!(find(db, wanted).await.expect("rows").len(), users, "{text}");
            let count = count(db, &filter).await.expect("counted");
            assert_eq!(count, Count::Exact(i64::try_from(users).expect("small")), "{text}");
        }
        test_db.end().await;
    }
}

#[tokio::test]
async fn without_statistics_no_page_reads_the_whole_table() {
    for test_db in TestDb::each().await {
        let db = &test_db.db;
        filled(db, ROWS).await;
        let lookups = [
            filter(|it| it.id = Some(identity::UserId::new(Uuid::from_u128(5)))),
            filter(|it| it.email = identity::Email::parse("user5@example.com").ok()),
        ];
        let listed = served().into_iter().map(|(filter, _, orders)| (filter, orders));
        for (filter, orders) in lookups.into_iter().map(|it| (it, vec!["created_at", "email", "name"])).chain(listed) {
            for by in orders {
                let order = by.parse().expect("an order");
                let plan = plan(db, Wanted { filter: &filter, order, from: None, limit: 25 }).await;
                let is_scan = plan.lines().any(|step| step.contains("SCAN") && !step.contains("USING INDEX"));
                assert!(!plan.contains("Seq Scan") && !is_scan, "{filter:?} {by}: {plan}");
            }
        }
        test_db.end().await;
    }
}

#[tokio::test]
async fn pages_in_every_order_and_direction_have_each_user_once() {
    for test_db in TestDb::each().await {
        let db = &test_db.db;
        filled(db, 250).await;
        for (by, is_descending) in ["created_at", "email", "name"].into_iter().flat_map(|by| [(by, false), (by, true)])
        {
            let order = UserOrder { by: by.parse().expect("a key"), is_descending };
            let (filter, mut seen, mut from) = (UserFilter::default(), Vec::new(), None);
            loop {
                let wanted = Wanted { filter: &filter, order, from: from.as_ref(), limit: 100 };
                let rows = find(db, wanted).await.expect("rows");
                let goes_on = rows.len() > 100;
                seen.extend(rows.into_iter().take(100).map(|found| (found.key, found.id)));
                if !goes_on {
                    break;
                }
                from = seen.last().map(|(key, id)| SignedCursor { towards: Towards::Next, key: key.clone(), id: *id });
            }
            assert_eq!(seen.iter().map(|(_, id)| id).collect::<BTreeSet<_>>().len(), 250, "{by}");
            assert_eq!(seen.len(), 250, "{by}");
            assert!(seen.windows(2).all(|two| (two[0] < two[1]) != is_descending), "{by} {is_descending}");
        }
        test_db.end().await;
    }
}

#[tokio::test]
async fn a_count_is_exact_up_to_1_000_and_never_reads_more() {
    for test_db in TestDb::each().await {
        let db = &test_db.db;
        filled(db, 4_000).await;
        let few = filter(|it| it.status = "deactivated".parse().ok());
        assert_eq!(count(db, &few).await.expect("counted"), Count::Exact(40));
        let many = filter(|it| it.status = "active".parse().ok());
        match (db.is_shared(), count(db, &many).await.expect("counted")) {
            (true, Count::Estimate(estimate)) => assert!(estimate > 1_000, "{estimate}"),
            (false, counted) => assert_eq!(counted, Count::AtLeast(1_000)),
            (true, counted) => panic!("{counted:?}"),
        }
        match count(db, &UserFilter::default()).await.expect("counted") {
            Count::Estimate(estimate) => assert!((2_000..=8_000).contains(&estimate), "{estimate}"),
            counted => panic!("{counted:?}"),
        }
        test_db.end().await;
    }
}

#[test]
fn the_estimate_is_read_from_the_first_line_of_a_plan() {
    assert_eq!(planned_rows("Seq Scan on users_users  (cost=0.00..35.50 rows=2550 width=4)"), Some(2550));
    assert_eq!(planned_rows("Limit"), None);
}
