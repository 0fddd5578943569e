//! The front page, the pages of problems and the links between them, also below the path of a proxy.

use acceptance::{Answer, Node, Person, Request, World, in_one_world};
use roster::problems::PROBLEMS;
use serde_json::{Value, json};
use std::collections::BTreeSet;

in_one_world! {
    the_front_page_links_to_every_page,
    the_type_of_every_problem_links_to_its_explanation,
    the_document_names_every_code_that_it_mentions_and_lists_closed_sets,
    below_a_proxys_path_every_link_has_that_path,
}

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn browse(node: &Node, target: &str) -> Answer {
    let page = node.send(&Request::get(target).header("Accept", BROWSER)).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{page:?}");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    assert!(page.header("vary").unwrap().contains("Accept") && !page.body.contains("<script"), "{page:?}");
    page
}

/// The targets of a page's links, resolved against the page.
fn links(page: &Answer) -> Vec<String> {
    page.body.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

async fn the_front_page_links_to_every_page(world: &World) {
    let page = browse(world, "/").await;
    let mut found = links(&page);
    found.sort_unstable();
    assert_eq!(found, ["docs/", "health/ready", "openapi.json", "problems", "readme"]);
    for link in &found {
        assert_eq!(world.get(format!("/{link}")).await.status, 200, "{link}");
    }
    let program = world.get("/").await.json();
    for (name, link) in program["links"].as_object().unwrap() {
        assert_eq!(world.get(link.as_str().unwrap()).await.status, 200, "{name}");
    }
    assert_eq!(program["links"].as_object().unwrap().len(), found.len());
    let readme = world.get("/readme").await;
    assert!(readme.body.starts_with("# Roster"), "{}", readme.body);
}

async fn the_type_of_every_problem_links_to_its_explanation(world: &World) {
    let refused = [
        Request::get("/no/such/path"),
        Request::new("DELETE", "/users"),
        Request::get("/users/me"),
        Person::new("no address").sign_up(),
    ];
    for request in refused {
        let kind = world.send(&request).await.json()["type"].as_str().unwrap().to_owned();
        let explained = world.get(&kind).await.json();
        assert_eq!(explained["type"], kind, "{explained}");
        browse(world, &kind).await;
    }
    let all = world.get("/problems").await.json();
    let codes: Vec<_> = all["data"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect();
    assert!(codes.is_sorted() && codes.iter().collect::<BTreeSet<_>>().len() == codes.len(), "{codes:?}");
    assert_eq!(codes.len(), PROBLEMS.len());
    let list = browse(world, "/problems").await;
    for code in codes {
        assert!(list.body.contains(&format!("href=\"problems/{code}\"")), "{code}");
        let page = browse(world, &format!("/problems/{code}")).await;
        assert!(page.body.contains(&format!("<h1>{code}</h1>")) && links(&page) == ["../problems"], "{page:?}");
    }
    for unknown in ["/problems/canary", "/problems/%3Cb%3E", "/problems/"] {
        assert_eq!(world.get(unknown).await.problem(), "not_found", "{unknown}");
    }
}

async fn the_document_names_every_code_that_it_mentions_and_lists_closed_sets(world: &World) {
    let document = world.get("/openapi.json").await.json();
    let tags: Vec<_> = document["tags"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
    for tag in ["users", "auth", "services", "audit", "commands", "health"] {
        assert!(tags.contains(&json!(tag)), "{tag}");
    }
    assert!(document["tags"].as_array().unwrap().iter().all(|it| it["description"].is_string()));
    let known: BTreeSet<_> = PROBLEMS.iter().map(|kind| kind.code).collect();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            assert!(tags.contains(&operation["tags"][0]), "{operation}");
            let conflict = operation["responses"]["409"]["description"].as_str().unwrap_or_default();
            let codes = conflict.split('`').skip(1).step_by(2).filter(|code| !code.is_empty());
            codes.for_each(|code| assert!(known.contains(code), "{code} is not explained"));
        }
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut listed = BTreeSet::new();
    for (name, schema) in schemas {
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let pattern = property["pattern"].as_str().unwrap_or_default();
            assert!(!pattern.contains('|') || pattern.contains('*'), "{name}.{field}: {pattern}");
            if let Some(words) = property["enum"].as_array() {
                let words: Vec<_> = words.iter().filter_map(Value::as_str).collect();
                listed.insert(format!("{name}.{field}: {}", words.join(" ")));
            }
        }
    }
    for expected in [
        "CommandView.status: accepted running succeeded rejected failed",
        "FollowUpView.status: accepted running succeeded failed",
        "UserView.status: active deactivated",
    ] {
        assert!(listed.contains(expected), "{expected} is not among {listed:#?}");
    }
    assert!(listed.iter().any(|it| it.ends_with(".role: user admin")), "{listed:#?}");
    assert!(listed.iter().any(|it| it.ends_with(".outcome: succeeded refused")), "{listed:#?}");
}

async fn below_a_proxys_path_every_link_has_that_path(world: &World) {
    let node = world.node_below("https://example.org/accounts").await;
    let person = Person::new("ada@example.org");
    let accepted = node.send(&person.sign_up()).await;
    let location = accepted.header("location").unwrap();
    let path = location.strip_prefix("/accounts").unwrap_or_else(|| panic!("{location}"));
    assert_eq!(path, format!("/commands/{}", accepted.json()["id"].as_str().unwrap()));
    world.until("select count(*) from auth_credentials", 1).await;
    world.until("select count(*) from ledger_messages where status in ('accepted', 'running')", 0).await;
    let command = node.get(path).await.json();
    let href = command["target"]["href"].as_str().unwrap();
    assert_eq!(href, format!("/accounts/users/{}", command["target"]["id"].as_str().unwrap()));
    let created = node.send(&Person::new("bob@example.org").sign_up().wait(30)).await;
    assert_eq!(created.status, 201, "{created:?}");
    let user = format!("/accounts/users/{}", created.json()["id"].as_str().unwrap());
    assert_eq!(created.header("location"), Some(user.as_str()));

    assert_eq!(node.get("/docs").await.header("location"), Some("/accounts/docs/"));
    assert_eq!(node.get("/no/such/path").await.json()["type"], "/accounts/problems/not_found");
    let links = node.get("/").await.json();
    assert_eq!(links["links"]["docs"], "/accounts/docs/");
    let document = node.get("/openapi.json").await.json();
    assert_eq!(document["servers"][0]["url"], "https://example.org/accounts");

    let mut member = Value::Null;
    for _ in 0..3 {
        let body = serde_json::json!({ "email": person.email, "password": person.password });
        member = node.send(&Request::post("/auth/login", &body)).await.json();
    }
    let bearer = format!("Bearer {}", member["access_token"].as_str().unwrap());
    let page = node.send(&Request::get("/auth/sessions?limit=1").header("Authorization", bearer)).await;
    assert!(page.header("link").unwrap().starts_with("</accounts/auth/sessions?limit=1&cursor="), "{page:?}");
    node.stop().await;
    assert_eq!(world.get("/openapi.json").await.json().get("servers"), None, "without a public URL, where it is asked");
}
