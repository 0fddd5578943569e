//! Administrators import users over HTTP.

use acceptance::process::until;
use acceptance::{
    Authenticator, PATIENCE, Person, Request, SignedIn, World, challenge_of, in_each_world, in_one_world, second_factor,
};
use serde_json::{Value, json};

in_each_world! {
    an_administrator_imports_a_file_and_reads_the_progress_and_the_errors,
    of_two_imports_of_one_file_at_once_each_user_comes_from_one,
    no_account_outlives_an_erasure_at_the_time_of_the_import,
    an_imported_authenticator_app_goes_on_showing_the_right_codes,
    all_users_who_match_are_deactivated_or_erased_and_the_others_stay,
}

in_one_world! {
    a_file_that_cannot_be_read_stores_nothing,
    a_file_that_breaks_off_stores_nothing,
    a_cancelled_job_ends_and_its_rows_are_gone,
    a_file_over_the_limit_is_refused,
    a_job_for_users_needs_a_filter_and_spares_the_administrator_who_starts_it,
}

const ROUNDS: usize = 20;
const PASSWORD: &str = "drei blaue Würfel rollen";
const HASH: &str = "$2b$10$EzWLjtgrSixaHsXvoB0WUOtIh1K.UCOX0sZlmao2AqW8.byOqD2Vm";

fn import(kind: &str, query: &str, content: impl Into<Vec<u8>>) -> Request {
    Request::new("POST", format!("/jobs?type=import{query}")).body(kind, content)
}

fn ndjson(rows: &[Value]) -> Request {
    let text: Vec<_> = rows.iter().map(Value::to_string).collect();
    import("application/x-ndjson", "", text.join("\n"))
}

/// Waits until a job has ended.
async fn job(world: &World, accepted: &acceptance::Answer, admin: &SignedIn) -> Value {
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let id = accepted.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(accepted.header("location"), Some(format!("/jobs/{id}").as_str()));
    let command = Request::get(format!("/commands/{id}")).by(admin);
    let command = until(PATIENCE, "an outcome", async || {
        let command = world.send(&command).await.json();
        command["finished_at"].is_string().then_some(command)
    });
    let command = command.await;
    assert_eq!(command["status"], "succeeded", "{command}");
    world.send(&Request::get(format!("/jobs/{id}")).by(admin)).await.json()
}

async fn an_administrator_imports_a_file_and_reads_the_progress_and_the_errors(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let rows = [
        json!({ "email": "ada@example.org", "password_hash": HASH, "name": "Ada", "email_verified": true }),
        json!({ "email": "ADMIN@example.org" }),
        json!({ "email": "nobody" }),
    ];
    let accepted = world.send(&ndjson(&rows).by(&admin)).await;
    let done = job(world, &accepted, &admin).await;
    let (total, handled, errors) = (&done["total"], &done["done"], &done["errors"]);
    assert_eq!((total, handled, errors, &done["status"]), (&json!(3), &json!(3), &json!(2), &json!("succeeded")));
    let errors = |query: &str| Request::get(format!("/jobs/{}/errors{query}", done["id"].as_str().unwrap())).by(&admin);
    let first = world.send(&errors("?limit=1")).await.json();
    assert_eq!((&first["data"][0]["line"], &first["next_after"]), (&json!(2), &json!(2)), "{first}");
    let rest = world.send(&errors("?after=2")).await.json();
    let error = (&rest["data"][0]["line"], &rest["data"][0]["code"], &rest["next_after"]);
    assert_eq!(error, (&json!(3), &json!("email_invalid"), &Value::Null), "{rest}");

    let ada = Person::new("ada@example.org").with_password(PASSWORD);
    assert_eq!(world.send(&ada.login()).await.status, 200, "with the old password");
    assert!(!world.texts("select hash from auth_credentials").await.contains(&HASH.to_owned()), "it is hashed again");
    let lines = "select actor || ' ' || address from auth_audit_events where action = 'user.import'";
    assert_eq!(world.texts(lines).await, [format!("user:{} 127.0.0.1", admin.user)]);

    let table = "email;x,ref\n".replace(';', ",") + "eve@example.org,x,1\n";
    let csv = import("text/csv", "&from=csv&columns=email%3Demail,ref%3Dref", table);
    assert_eq!(job(world, &world.send(&csv.by(&admin)).await, &admin).await["errors"], 0);
    let eve = world.send(&Request::get("/users/by-email/eve@example.org").by(&admin)).await.json();
    let export = Request::get(format!("/users/{}/export", eve["id"].as_str().unwrap())).by(&admin);
    let export = world.send(&export).await.json();
    assert_eq!(export["data"]["users"], json!({ "user": eve, "ref": "1" }));
    world.leaves_work();
}

async fn an_imported_authenticator_app_goes_on_showing_the_right_codes(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let secret = "GEZD gnbv GY3T QOJQ gezd-gnbv-gy3t-qojq";
    let rows = [
        json!({ "email": "ada@example.org", "password_hash": HASH, "totp_secret": secret }),
        json!({ "email": "bob@example.org", "password_hash": HASH, "totp_secret": " " }),
        json!({ "email": "eve@example.org", "password_hash": HASH, "totp_secret": "canary, not Base32" }),
    ];
    let accepted = world.send(&ndjson(&rows).by(&admin)).await;
    let done = job(world, &accepted, &admin).await;
    assert_eq!((&done["done"], &done["errors"]), (&json!(3), &json!(1)), "{done}");
    let errors = Request::get(format!("/jobs/{}/errors", accepted.json()["id"].as_str().unwrap())).by(&admin);
    let errors = world.send(&errors).await;
    assert_eq!(errors.json()["data"][0]["code"], "totp_secret_invalid", "{errors:?}");
    assert!(!errors.body.contains("canary"), "{errors:?}");
    world.until("select count(*) from auth_credentials", 3).await;

    let [ada, bob] = ["ada", "bob"].map(|name| Person::new(format!("{name}@example.org")).with_password(PASSWORD));
    assert_eq!(world.send(&bob.login()).await.status, 200);
    let challenge = challenge_of(&world.send(&ada.login()).await);
    let app = Authenticator::with_secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert_eq!(world.send(&second_factor(&challenge, "000000")).await.problem(), "wrong_code");
    let signed_in = world.send(&second_factor(&challenge, &app.code())).await;
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
    for plain in ["GEZDGNBVGY3TQOJQ", "gezdgnbv", "31323334353637383930"] {
        let stored = world.texts("select payload from ledger_messages where payload is not null").await;
        assert!(stored.iter().all(|payload| !payload.contains(plain)), "sealed from the edge on");
    }
    world.leaves_work();
}

async fn of_two_imports_of_one_file_at_once_each_user_comes_from_one(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    for round in 0..ROUNDS / 4 {
        let row = |n: usize| json!({ "ref": format!("{round}-{n}"), "email": format!("user{round}-{n}@example.org") });
        let rows: Vec<_> = (0..600).map(row).collect();
        let accepted = world.send_all([ndjson(&rows).by(&admin), ndjson(&rows).by(&admin)]).await;
        for accepted in &accepted {
            let done = job(world, accepted, &admin).await;
            assert_eq!((&done["done"], &done["errors"]), (&json!(600), &json!(0)), "{done}");
        }
    }
    let users = i64::try_from(600 * (ROUNDS / 4) + 1).unwrap();
    for table in [
        "select count(*) from users_users",
        "select count(*) + 1 from users_refs",
        "select count(*) from auth_accounts join users_users on id = user_id and identifier = email_canonical",
    ] {
        assert_eq!(world.count(table).await, users, "{table}");
    }
    world.leaves_work();
}

async fn no_account_outlives_an_erasure_at_the_time_of_the_import(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    for round in 0..ROUNDS {
        let id = acceptance::process::uuid();
        let row = json!({ "id": id, "email": format!("user{round}@example.org"), "password_hash": HASH });
        let erase = || {
            let erase = Request::new("DELETE", format!("/users/{id}"));
            erase.body("application/json", r#"{"reason": "asked for it"}"#).by(&admin).wait(30)
        };
        let accepted = world.send(&ndjson(&[row]).by(&admin)).await;
        // The erasure may come before the user, between the two contexts, or after both.
        while world.send(&erase()).await.status == 404 {}
        job(world, &accepted, &admin).await;
        for table in [
            "select count(*) from users_users",
            "select count(*) from auth_accounts",
            "select count(*) from auth_credentials",
        ] {
            assert_eq!(world.count(table).await, 1, "round {round}: {table}");
        }
    }
    world.leaves_work();
}

async fn all_users_who_match_are_deactivated_or_erased_and_the_others_stay(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let row = |n: usize| {
        let domain = if n < 120 { "gone.example" } else { "example.org" };
        json!({ "email": format!("user{n}@{domain}"), "password_hash": HASH })
    };
    let rows: Vec<_> = (0..130).map(row).collect();
    job(world, &world.send(&ndjson(&rows).by(&admin)).await, &admin).await;
    let session = Person::new("user7@gone.example").with_password(PASSWORD);
    let session = world.send(&session.login()).await;
    assert_eq!(session.status, 200, "{session:?}");

    let deactivate = Request::new("POST", "/jobs?type=deactivate&domain=gone.example&status=active").by(&admin);
    let done = job(world, &world.send(&deactivate).await, &admin).await;
    let numbers = (&done["total"], &done["done"], &done["errors"]);
    assert_eq!(numbers, (&json!(120), &json!(120), &json!(0)), "{done}");
    for table in [
        "select count(*) from users_users where deactivated_at is not null",
        "select count(*) from auth_accounts where disabled_at is not null",
    ] {
        assert_eq!(world.count(table).await, 120, "{table}");
    }
    let live = "select count(*) from auth_sessions where ended_at is null";
    assert_eq!(world.count(live).await, 1, "the administrator's");

    let erase = Request::new("POST", "/jobs?type=erase&status=deactivated");
    let erase = erase.body("application/json", r#"{"reason": "the contract has ended"}"#).by(&admin);
    let done = job(world, &world.send(&erase).await, &admin).await;
    assert_eq!((&done["done"], &done["errors"]), (&json!(120), &json!(0)), "{done}");
    for table in ["select count(*) from users_users", "select count(*) from auth_accounts"] {
        assert_eq!(world.count(table).await, 11, "{table}");
    }
    let noted =
        "select count(*) from auth_audit_events where action = 'user.erase' and note = 'the contract has ended'";
    assert_eq!(world.count(noted).await, 120);
    world.leaves_work();
}

async fn a_job_for_users_needs_a_filter_and_spares_the_administrator_who_starts_it(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    world.member(&Person::new("ada@example.org")).await;
    let reason = r#"{"reason": "the contract has ended"}"#;
    let send = |query: &str, body: &'static str| {
        let request = Request::new("POST", format!("/jobs?type={query}"));
        if body.is_empty() { request.by(&admin) } else { request.body("application/json", body).by(&admin) }
    };
    for (query, body, status, pointer) in [
        ("deactivate", "", 422, "?type"),
        ("erase", reason, 422, "?type"),
        ("erase&domain=example.org", "{}", 422, "/reason"),
        ("erase&domain=x", reason, 422, "?domain"),
        ("deactivate&domain=example.org", reason, 422, ""),
    ] {
        let refused = world.send(&send(query, body)).await;
        let violations = refused.violations();
        assert_eq!((refused.status, violations[0].0.as_str()), (status, pointer), "{query}: {refused:?}");
    }
    assert_eq!(world.count("select count(*) from users_jobs").await, 0);
    for (query, body) in [("deactivate&domain=example.org", ""), ("erase&domain=example.org", reason)] {
        let done = job(world, &world.send(&send(query, body)).await, &admin).await;
        assert_eq!((&done["done"], &done["errors"]), (&json!(2), &json!(1)), "{done}");
        let errors = Request::get(format!("/jobs/{}/errors", done["id"].as_str().unwrap())).by(&admin);
        let errors = world.send(&errors).await.json();
        assert_eq!(errors["data"][0]["code"], "own_account", "{errors}");
    }
    assert!(world.knows(&admin).await);
    world.leaves_work();
}

async fn a_file_that_cannot_be_read_stores_nothing(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let jobs = "select count(*) from users_jobs";
    for (kind, query, content, status) in [
        ("application/json", "&from=keycloak", r#"{"users": [{"email": "ada@example.org"}, "#, 422),
        ("text/csv", "&from=csv", "canary\nada@example.org\n", 422),
        ("application/xml", "", "<users/>", 415),
        ("application/x-ndjson", "&from=ldap", "{}", 422),
        ("application/json", "&from=firebase", "{}", 422),
        ("text/csv", "&from=csv&columns=mail", "email\n", 422),
        ("application/x-ndjson", "&canary=1", "{}", 400),
    ] {
        let refused = world.send(&import(kind, query, content).by(&admin)).await;
        assert_eq!(refused.status, status, "{kind}{query}: {refused:?}");
        assert!(!refused.body.contains("ada@example.org"), "{refused:?}");
    }
    let other = Request::new("POST", "/jobs?type=export").body("application/x-ndjson", "");
    assert_eq!(world.send(&other.by(&admin)).await.status, 422);
    assert_eq!((world.count(jobs).await, world.count("select count(*) from users_job_rows").await), (0, 0));
    let empty = world.send(&import("application/x-ndjson", "", "").by(&admin)).await;
    assert_eq!(job(world, &empty, &admin).await["total"], 0);
}

async fn a_file_that_breaks_off_stores_nothing(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let rows: Vec<_> = (0..600).map(|n| json!({ "email": format!("user{n}@example.org") })).collect();
    for request in [
        ndjson(&rows),
        import("text/csv", "&from=csv", format!("email\n{}", "ada@example.org\n".repeat(600))),
        import("application/json", "&from=auth0", json!(rows).to_string()),
    ] {
        let held = world.hold(&request.by(&admin)).await;
        world.until("select count(*) from users_job_rows", 1).await;
        drop(held);
        world.until("select count(*) from users_jobs", 0).await;
        assert_eq!(world.count("select count(*) from users_job_rows").await, 0);
    }
    assert_eq!(world.count("select count(*) from users_users").await, 1);
}

async fn a_cancelled_job_ends_and_its_rows_are_gone(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let row = |n: usize| json!({ "email": format!("user{n}@example.org") });
    let rows: Vec<_> = (0..20_000).map(row).collect();
    let accepted = world.send(&ndjson(&rows).by(&admin)).await;
    let id = accepted.json()["id"].as_str().unwrap().to_owned();
    let cancel = Request::new("POST", format!("/jobs/{id}/cancel")).by(&admin);
    let cancelled = world.send(&cancel).await;
    assert_eq!((cancelled.status, &cancelled.json()["status"]), (200, &json!("cancelling")), "{cancelled:?}");
    let done = job(world, &accepted, &admin).await;
    assert_eq!(done["status"], "cancelled");
    assert!(done["done"].as_i64().unwrap() < 20_000, "{done}");
    assert_eq!(world.count("select count(*) from users_job_rows").await, 0);
    let again = world.send(&cancel).await;
    assert_eq!((again.status, &again.json()["status"]), (200, &json!("cancelled")), "it has ended");
    world.leaves_work();
}

async fn a_file_over_the_limit_is_refused(world: &World) {
    let admin = world.administrator("admin@example.org").await;
    let node = world.node_with_imports_up_to(100).await;
    let refused = node.send(&import("application/x-ndjson", "", "x".repeat(101)).by(&admin)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (413, "body_too_large"), "{refused:?}");
    assert!(refused.body.contains("100 bytes"), "{refused:?}");
    let fits = node.send(&import("application/x-ndjson", "", " ".repeat(100)).by(&admin)).await;
    assert_eq!(fits.status, 202, "{fits:?}");
    node.stop().await;
    assert_eq!(world.count("select count(*) from users_jobs").await, 1);
}
