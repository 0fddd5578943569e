//! Lists of users: filters, orders, pages, and who may read them.

use crate::permissions::key;
use acceptance::{Answer, Person, Request, SignedIn, World, in_each_world, in_one_world};
use auth_application::AnnounceRoles;
use auth_infrastructure::run_in_transaction;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

in_each_world! {
    every_filter_finds_its_users_alone_and_combined,
    a_part_of_a_name_or_an_address_finds_its_users_once_an_operator_has_turned_it_on,
    pages_in_both_directions_have_each_remaining_user_once_while_users_come_and_go,
    a_user_is_found_by_any_spelling_of_their_address,
    a_list_follows_the_role_of_a_user,
    a_role_of_an_earlier_version_is_published_once,
}

in_one_world! {
    only_administrators_and_services_with_the_scope_list_users,
    a_forged_cursor_and_one_of_another_list_are_refused,
    malformed_unknown_and_contradictory_filters_are_refused_with_what_to_do,
    below_a_proxys_path_both_links_have_that_path,
}

async fn list(world: &World, by: &SignedIn, query: &str) -> Answer {
    let answer = world.send(&Request::get(format!("/users?{query}")).by(by)).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
    answer
}

/// The local parts of the addresses on a page.
fn names(answer: &Answer) -> Vec<String> {
    let local = |user: &Value| user["email"].as_str().unwrap().split('@').next().unwrap().to_owned();
    answer.json()["data"].as_array().unwrap().iter().map(local).collect()
}

async fn every_filter_finds_its_users_alone_and_combined(world: &World) {
    let root = world.administrator("root@example.org").await;
    let mut ids = Vec::new();
    for (email, name) in [("Ada@Example.org", "Ada Özil"), ("adam@example.com", "ÖZGE"), ("eve@example.org", "Eve")] {
        ids.push(world.register(&Person::new(email).called(name)).await);
    }
    let bob = world.member(&Person::new("bob@example.com")).await;
    world.deactivate(&bob, &root).await;
    let role = Request::new("PUT", format!("/auth/roles/{}", ids[2])).body("application/json", r#"{"role":"admin"}"#);
    assert_eq!(world.send(&role.by(&root)).await.status, 204);
    world.until("select count(*) from users_users where role = 'admin'", 1).await;
    world
        .run_on(
            (
                "update users_users set email_verified = true where id = $1",
                "update users_users set email_verified = 1 where id = $1",
            ),
            ids[0],
        )
        .await;

    let ada = list(world, &root, &format!("id={}", ids[0])).await.json()["data"][0].clone();
    assert_eq!(
        (&ada["role"], &ada["email_verified"], &ada["status"]),
        (&json!("user"), &json!(true), &json!("active"))
    );
    let (first, last) = (ada["created_at"].as_str().unwrap().to_owned(), "9999-01-01T00:00:00Z");
    let after = format!("created_after={first}");
    for (query, found) in [
        (&*format!("id={}", ids[1]), &["adam"][..]),
        ("email=ADA@EXAMPLE.ORG", &["Ada"]),
        ("email=nobody@example.org", &[]),
        ("email_prefix=AD", &["Ada", "adam"]),
        ("email_prefix=ada@", &["Ada"]),
        ("name_prefix=%C3%B6z", &["adam"]),
        ("name_prefix=ada", &["Ada"]),
        ("domain=EXAMPLE.com", &["bob", "adam"]),
        ("status=deactivated", &["bob"]),
        ("status=active&sort=email", &["Ada", "adam", "eve", "root"]),
        ("role=admin", &["eve"]),
        ("role=user&sort=-email", &["root", "bob", "adam", "Ada"]),
        ("email_verified=true", &["Ada"]),
        ("email_verified=false&sort=name", &["root", "bob", "eve", "adam"]),
        (&*after, &["bob", "eve", "adam"]),
        (&*format!("created_before={first}"), &["root"]),
        (&*format!("{after}&created_before={last}&domain=example.org&role=admin&status=active&sort=name"), &["eve"]),
        ("email_prefix=a&name_prefix=%C3%B6&domain=example.com&email_verified=false", &["adam"]),
        ("email_prefix=a&sort=-created_at&status=active", &["adam", "Ada"]),
        ("status=deactivated&role=admin", &[]),
        ("email_verified=true&role=user&status=active&sort=email&email_prefix=a&domain=example.org", &["Ada"]),
    ] {
        let answer = list(world, &root, query).await;
        let sorted = |names: Vec<String>| {
            if query.contains("sort=name") {
                names.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
            } else {
                names
            }
        };
        assert_eq!(sorted(names(&answer)), sorted(found.iter().map(|it| (*it).to_owned()).collect()), "{query}");
        assert_eq!(
            (&answer.json()["count"], &answer.json()["count_is"]),
            (&json!(found.len()), &json!("exact")),
            "{query}"
        );
    }
}

async fn a_part_of_a_name_or_an_address_finds_its_users_once_an_operator_has_turned_it_on(world: &World) {
    let root = world.administrator("root@example.org").await;
    // Before the index, which takes them over, and after it.
    let ada = world.member(&Person::new("Ada.Lovelace@example.org").called("Gräfin \"100%_\" Ada")).await;
    let off = world.send(&Request::get("/users?q=lace").by(&root)).await;
    assert_eq!((off.status, off.violations()), (422, vec![("?q".into(), "substring_search_off".into())]));
    let job = world.send(&Request::new("POST", "/jobs?type=deactivate&q=lace").by(&root)).await;
    assert_eq!((job.status, job.violations()), (422, vec![("?q".into(), "substring_search_off".into())]));
    assert_eq!(roster::schema::add_substring_search(&world.db).await.unwrap(), 1);
    assert_eq!(roster::schema::add_substring_search(&world.db).await.unwrap(), 0);
    assert_eq!(roster::schema::missing(&world.db).await.unwrap(), 0);
    world.register(&Person::new("bob@palace.example").called("Bob")).await;
    world.register(&Person::new("eve@example.org")).await;

    for (query, found) in [
        ("q=LACE", &["bob", "Ada.Lovelace"][..]),
        ("q=lace&sort=email", &["Ada.Lovelace", "bob"]),
        ("q=lace&domain=example.org", &["Ada.Lovelace"]),
        ("q=example.org&sort=-email", &["root", "eve", "Ada.Lovelace"]),
        ("q=GR%C3%84F", &["Ada.Lovelace"]),
        ("q=in+%22100%25", &["Ada.Lovelace"]),
        ("q=0%25_%22", &["Ada.Lovelace"]),
        ("q=0%25%25", &[]),
        ("q=1_0", &[]),
        ("q=a%5C%25b", &[]),
        ("q=%22+or+%22", &[]),
        ("q=lace*", &[]),
        ("q=ovelace%40example.org+gr", &[]),
    ] {
        let answer = list(world, &root, query).await;
        assert_eq!(names(&answer), found, "{query}");
        assert_eq!(answer.json()["count"], json!(found.len()), "{query}");
    }
    // The index follows the users.
    world.done(&ada.updating(&json!({ "name": "Countess" })).by(&root)).await;
    for (query, found) in [("q=gr%C3%A4f", &[][..]), ("q=untes", &["Ada.Lovelace"]), ("q=love", &["Ada.Lovelace"])] {
        assert_eq!(names(&list(world, &root, query).await), found, "{query}");
    }
    let first = list(world, &root, "q=example.org&limit=2&sort=email").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = list(world, &root, &format!("q=example.org&limit=2&sort=email&cursor={cursor}")).await;
    assert_eq!(names(&next), ["root"]);
    let job = world.send(&Request::new("POST", "/jobs?type=deactivate&q=untes").by(&root)).await;
    assert_eq!(job.status, 202, "{job:?}");
    world.until("select count(*) from users_users where deactivated_at is not null", 1).await;
    world
        .send(
            &Request::new("DELETE", format!("/users/{}", ada.user))
                .body("application/json", r#"{"reason":"asked"}"#)
                .by(&root)
                .wait(30),
        )
        .await;
    assert_eq!(names(&list(world, &root, "q=untes").await), [] as [&str; 0]);
    world.until("select count(*) from ledger_messages where status in ('accepted', 'running')", 0).await;
}

/// Removes the users that have no registration, which the end of a test looks for.
async fn remove_inserted(world: &World) {
    world.run("delete from users_users where version = 1 and email_canonical like 'u%@example.net'").await;
}

/// Reads all pages in the direction of a link, from a page on.
async fn walk(
    world: &World,
    by: &SignedIn,
    mut page: Answer,
    relation: &str,
    mut between: impl AsyncFnMut(&World, usize),
) -> Vec<Vec<Uuid>> {
    let mut pages = Vec::new();
    loop {
        let ids = page.json()["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["id"].as_str().unwrap().parse().unwrap())
            .collect();
        pages.push(ids);
        let links = page.header("link").unwrap_or_default().to_owned();
        let end = format!(">; rel=\"{relation}\"");
        let Some(link) = links.split(", ").find_map(|link| link.strip_prefix('<')?.strip_suffix(&end)) else {
            return pages;
        };
        between(world, pages.len()).await;
        page = world.send(&Request::get(link).by(by)).await;
        assert_eq!(page.status, 200, "{page:?}");
    }
}

/// One user on SQL, so that a walk over many pages needs no password hashes.
async fn insert(world: &World, n: u32) {
    insert_user(world, Uuid::from_u128(u128::from(n))).await;
}

async fn insert_user(world: &World, user: Uuid) {
    let sql = (
        "insert into users_users (id, email, email_canonical, name_key, version, registered_at) \
         select $1, 'u' || right($1::text, 4) || '@example.net', 'u' || right($1::text, 4) || '@example.net', '', 1, now()",
        "insert into users_users (id, email, email_canonical, name_key, version, registered_at) \
         select $1, 'u' || substr(hex($1), 29) || '@example.net', lower('u' || substr(hex($1), 29) || '@example.net'), '', 1, \
         cast(unixepoch('subsec') * 1000000 as integer)",
    );
    world.run_on(sql, user).await;
}

async fn pages_in_both_directions_have_each_remaining_user_once_while_users_come_and_go(world: &World) {
    let root = world.administrator("root@example.org").await;
    for n in 0..20 {
        insert(world, n * 16).await;
    }
    let before: BTreeSet<Uuid> = (0..20).map(|n: u32| Uuid::from_u128(u128::from(n * 16))).collect();
    let mut made = 0x1000;
    for sort in ["created_at", "-created_at", "email", "-email", "name", "-name"] {
        let query = format!("domain=example.net&sort={sort}&limit=3");
        let first = list(world, &root, &query).await;
        assert_eq!(first.json()["previous_cursor"], Value::Null, "{sort}");
        let mut deleted = BTreeSet::new();
        let pages = walk(world, &root, first, "next", async |world: &World, page| {
            let (new, gone) = (made, Uuid::from_u128(u128::from(page as u32 * 48)));
            if page <= 8 {
                made += 16;
                insert(world, new).await;
            }
            if page % 2 == 0 && before.contains(&gone) {
                let delete = "delete from users_users where id = $1";
                world.run_on(delete, gone).await;
                deleted.insert(gone);
            }
        })
        .await;
        let all = pages.concat();
        let seen: BTreeSet<_> = all.iter().copied().collect();
        assert_eq!(seen.len(), all.len(), "{sort}: no user is on two pages");
        assert!(before.iter().all(|it| seen.contains(it) || deleted.contains(it)), "{sort}: {pages:?}");
        for gone in &deleted {
            insert_user(world, *gone).await;
        }

        // Nothing changes now: the way back has the same pages.
        let there = walk(world, &root, list(world, &root, &query).await, "next", async |_: &World, _| {}).await;
        let mut end = list(world, &root, &query).await;
        while let Some(cursor) = end.json()["next_cursor"].as_str() {
            end = list(world, &root, &format!("{query}&cursor={cursor}")).await;
        }
        let mut back = walk(world, &root, end, "prev", async |_: &World, _| {}).await;
        back.reverse();
        assert_eq!(back.concat(), there.concat(), "{sort}");

        // Backwards while users come and go.
        let mut end = list(world, &root, &query).await;
        while let Some(cursor) = end.json()["next_cursor"].as_str() {
            end = list(world, &root, &format!("{query}&cursor={cursor}")).await;
        }
        let remaining: BTreeSet<_> = there.concat().into_iter().collect();
        let pages = walk(world, &root, end, "prev", async |world: &World, page| {
            if page <= 8 {
                insert(world, made).await;
                made += 16;
            }
        })
        .await;
        let all = pages.concat();
        let seen: BTreeSet<_> = all.iter().copied().collect();
        assert_eq!(seen.len(), all.len(), "{sort}: no user is on two pages on the way back");
        assert!(remaining.is_subset(&seen), "{sort}: {pages:?}");
    }
    remove_inserted(world).await;
}

async fn a_user_is_found_by_any_spelling_of_their_address(world: &World) {
    let root = world.administrator("root@example.org").await;
    let id = world.register(&Person::new("ada@bücher.example")).await;
    for spelling in ["ada@b%C3%BCcher.example", "ADA@xn--bcher-kva.example"] {
        let found = world.send(&Request::get(format!("/users/by-email/{spelling}")).by(&root)).await;
        assert_eq!((found.status, &found.json()["id"]), (200, &json!(id)), "{found:?}");
        assert_eq!((found.header("cache-control"), found.header("etag")), (Some("no-store"), Some("\"1\"")));
        assert_eq!((&found.json()["role"], &found.json()["email_verified"]), (&json!("user"), &json!(false)));
    }
    for other in ["eve@example.org", "ada", "%00", "a@b@c.example"] {
        let none = world.send(&Request::get(format!("/users/by-email/{other}")).by(&root)).await;
        assert_eq!(none.problem(), "not_found", "{other}");
    }
}

async fn a_list_follows_the_role_of_a_user(world: &World) {
    let root = world.administrator("root@example.org").await;
    let ada = world.member(&Person::new("ada@example.org")).await;
    let mine = async || world.send(&Request::get("/users/me").by(&ada)).await;
    assert_eq!((mine().await.json()["role"].as_str(), mine().await.header("etag")), (Some("user"), Some("\"1\"")));
    for role in ["admin", "user", "user", "admin", "admin"] {
        let body = json!({ "role": role }).to_string();
        let set = Request::new("PUT", format!("/auth/roles/{}", ada.user)).body("application/json", body).by(&root);
        assert_eq!(world.send(&set).await.status, 204);
    }
    world.until("select role_version from users_users order by role_version desc limit 1", 5).await;
    let mine = mine().await;
    assert_eq!((mine.json()["role"].as_str(), mine.header("etag")), (Some("admin"), Some("\"4\"")), "three changes");
    assert_eq!(names(&list(world, &root, "role=admin").await), ["ada"]);
}

async fn a_role_of_an_earlier_version_is_published_once(world: &World) {
    let root = world.administrator("root@example.org").await;
    assert_eq!(names(&list(world, &root, "role=admin").await), Vec::<String>::new(), "set without an event");
    for published in [1, 0] {
        assert_eq!(run_in_transaction(&world.db, AnnounceRoles).await.unwrap(), published);
    }
    world.until("select count(*) from users_users where role = 'admin' and role_version = 1", 1).await;
    assert_eq!(names(&list(world, &root, "role=admin").await), ["root"]);
}

async fn only_administrators_and_services_with_the_scope_list_users(world: &World) {
    let root = world.administrator("root@example.org").await;
    let ada = world.member(&Person::new("ada@example.org")).await;
    let (_, reads) = key(world, &root, "users:read").await;
    let (_, audits) = key(world, &root, "audit:read introspect").await;
    for target in ["/users", "/users/by-email/ada@example.org"] {
        let get = || Request::get(target);
        assert_eq!(world.send(&get()).await.problem(), "unauthenticated");
        assert_eq!(world.send(&get().by(&ada)).await.problem(), "forbidden");
        assert_eq!(world.send(&get().bearing(&audits)).await.problem(), "forbidden");
        for answer in [world.send(&get().by(&root)).await, world.send(&get().bearing(&reads)).await] {
            assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")), "{answer:?}");
        }
    }
    let public = world.send(&Request::get(format!("/users/{}", ada.user)).bearing(&reads)).await.json();
    assert!(public.get("email").is_none() && public.get("role").is_none(), "the scope is for lists: {public}");
}

async fn a_forged_cursor_and_one_of_another_list_are_refused(world: &World) {
    let root = world.administrator("root@example.org").await;
    for n in 0..3 {
        insert(world, n * 16).await;
    }
    let page = list(world, &root, "sort=email&status=active&limit=1").await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let again = format!("status=active&limit=2&sort=email&cursor={cursor}");
    assert_eq!(names(&list(world, &root, &again).await).len(), 2, "another limit is the same list");
    let changed = |at: usize| {
        let other = if &cursor[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &cursor[..at], &cursor[at + 1..])
    };
    let mut refused = vec![
        format!("sort=-email&status=active&cursor={cursor}"),
        format!("sort=email&cursor={cursor}"),
        format!("sort=email&status=active&role=user&cursor={cursor}"),
        format!("sort=email&status=deactivated&cursor={cursor}"),
        "sort=email&status=active&cursor=".to_owned(),
        "sort=email&status=active&cursor=AAAA".to_owned(),
    ];
    refused
        .extend([0, 21, 22, 30, cursor.len() - 1].map(|at| format!("sort=email&status=active&cursor={}", changed(at))));
    for query in refused {
        let answer = world.send(&Request::get(format!("/users?{query}")).by(&root)).await;
        assert_eq!(
            (answer.status, answer.violations()),
            (422, vec![("?cursor".into(), "cursor_invalid".into())]),
            "{query}"
        );
    }
    remove_inserted(world).await;
}

async fn malformed_unknown_and_contradictory_filters_are_refused_with_what_to_do(world: &World) {
    let root = world.administrator("root@example.org").await;
    let refused = async |query: &str| world.send(&Request::get(format!("/users?{query}")).by(&root)).await;
    for query in ["name=ada", "Email=ada@example.org", "page=2"] {
        let answer = refused(query).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "unknown_parameter"), "{query}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("email_prefix"), "{answer:?}");
    }
    assert_eq!(refused("role=user&role=admin").await.problem(), "duplicate_parameter");
    for (query, pointer, code) in [
        ("id=7", "?id", "id_invalid"),
        ("email=ada", "?email", "email_invalid"),
        ("email_prefix=", "?email_prefix", "filter_invalid"),
        ("name_prefix=+", "?name_prefix", "filter_invalid"),
        ("q=ad", "?q", "filter_invalid"),
        ("q=ada", "?q", "substring_search_off"),
        ("domain=ada@example.org", "?domain", "filter_invalid"),
        ("status=disabled", "?status", "filter_invalid"),
        ("role=root", "?role", "filter_invalid"),
        ("email_verified=1", "?email_verified", "filter_invalid"),
        ("created_after=yesterday", "?created_after", "filter_invalid"),
        ("created_before=-009999-01-01T00:00:00Z", "?created_before", "filter_invalid"),
        ("sort=id", "?sort", "filter_invalid"),
        ("limit=101", "?limit", "limit_out_of_range"),
        ("name_prefix=%00", "?name_prefix", "nul_character"),
        ("email=a@example.org&domain=example.org", "?domain", "filters_contradict"),
        ("email=a@example.org&email_prefix=a", "?email_prefix", "filters_contradict"),
        (
            "created_after=2026-01-02T00:00:00Z&created_before=2026-01-01T00:00:00Z",
            "?created_before",
            "filters_contradict",
        ),
    ] {
        let answer = refused(query).await;
        assert_eq!((answer.status, answer.violations()), (422, vec![(pointer.into(), code.into())]), "{query}");
    }
    let latest = list(world, &root, "created_before=9999-12-30T00:00:00Z&created_after=1970-01-01T00:00:00Z").await;
    assert_eq!(names(&latest), ["root"]);
}

async fn below_a_proxys_path_both_links_have_that_path(world: &World) {
    let root = world.administrator("root@example.org").await;
    for n in 0..4 {
        insert(world, n * 16).await;
    }
    let node = world.node_below("https://example.org/accounts").await;
    let page = node.send(&Request::get("/users?limit=2").by(&root)).await;
    let cursor = page.json()["next_cursor"].as_str().unwrap().to_owned();
    let page = node.send(&Request::get(format!("/users?limit=2&cursor={cursor}")).by(&root)).await;
    let links: Vec<_> = page.header("link").unwrap().split(", ").collect();
    assert_eq!(links.len(), 2, "{links:?}");
    for (link, relation) in links.iter().zip(["next", "prev"]) {
        assert!(link.starts_with("</accounts/users?") && link.ends_with(&format!("rel=\"{relation}\"")), "{links:?}");
    }
    node.stop().await;
    remove_inserted(world).await;
}
