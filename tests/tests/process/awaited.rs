//! A reaction of another context that the sign-up's command does not await.

use crate::{SOON, answer, databases, new_person, on};
use acceptance::process::{Folder, stored};
use persistence::execute;
use serde_json::json;

#[tokio::test]
async fn a_failed_reaction_that_is_not_awaited_leaves_a_sign_up_succeeded_and_can_be_retried() {
    for database in databases().await {
        let folder = Folder::new();
        let mut server = on(&folder, database.as_ref(), &[]).serve().await;
        let file = format!("sqlite://{}", folder.path().join("data/roster.db").display());
        let db = stored::open(database.as_ref().unwrap_or(&file)).await;
        let run = async |sql: &'static str| {
            let mut tx = db.begin().await.unwrap();
            let rows = execute!(&mut tx, sql).unwrap();
            tx.commit().await.unwrap();
            rows
        };
        run("insert into ledger_subscriptions (event, context, lane, awaited) values ('users.user_registered.v1', 'orders', 'fast', false)").await;

        let person = new_person();
        let accepted = server.sign_up(&[], &person).await.json();
        let id = accepted["id"].as_str().unwrap();
        let command = server.outcome(id).await;
        assert_eq!(command["status"], "succeeded", "nothing handles its reaction: {command}");
        let awaited = |command: &serde_json::Value| {
            let parts = command["follow_ups"].as_array().unwrap().iter();
            parts.map(|it| (it["status"].as_str().unwrap().to_owned(), it["awaited"] == true)).collect::<Vec<_>>()
        };
        assert!(awaited(&command).contains(&("accepted".to_owned(), false)), "{command}");
        let waited = server.sign_up(&[("prefer", "wait=20")], &new_person()).await;
        assert_eq!(waited.status, 201, "{waited:?}");

        let failed = "update ledger_messages set status = 'failed', attempts = 12, finished_at = accepted_at where context = 'orders'";
        assert_eq!(run(failed).await, 2);
        server.kill_9_and_restart().await;
        let after = server.outcome(id).await;
        assert_eq!(
            (&after["status"], &after["finished_at"], after.get("error")),
            (&json!("succeeded"), &command["finished_at"], None)
        );
        assert!(awaited(&after).contains(&("failed".to_owned(), false)), "{after}");
        let signed_in = server.sign_in(person["email"].as_str().unwrap(), person["password"].as_str().unwrap()).await;
        assert_eq!(signed_in.status, 200, "{signed_in:?}");

        let show = answer(&on(&folder, database.as_ref(), &["commands", "show", id, "--json"]).run(SOON).await);
        let shown = show.as_array().unwrap().iter().find(|it| it["context"] == "orders").unwrap();
        assert_eq!((&shown["status"], &shown["awaited"]), (&json!("failed"), &json!(false)));
        let retried = answer(&on(&folder, database.as_ref(), &["commands", "retry", id, "--json"]).run(SOON).await);
        assert_eq!(retried["messages"], 1, "{retried}");
        let retried = server.outcome(id).await;
        assert_eq!(retried["status"], "succeeded", "{retried}");
        assert!(awaited(&retried).contains(&("accepted".to_owned(), false)), "{retried}");
        db.close().await;
    }
}
