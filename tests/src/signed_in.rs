#![expect(clippy::expect_used, reason = "a step that does not work fails the test")]

use crate::{Answer, Node, Person, Request, World};
use persistence::{DialectSql, execute};
use serde_json::{Value, json};
use testkit::Bearer;
use uuid::Uuid;

/// A signed-in user with one of their sessions.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub user: Uuid,
    pub session: Uuid,
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
}

impl Bearer for SignedIn {
    fn token(&self) -> &str {
        &self.access
    }
}

impl SignedIn {
    /// Reads the answer to a sign-in or a refresh, which MUST be a success.
    #[must_use]
    pub fn of(user: Uuid, answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
        let tokens = answer.json();
        assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(300)));
        let text = |name: &str| tokens[name].as_str().expect("a text").to_owned();
        let session = text("session_id").parse().expect("an id");
        Self { user, session, access: text("access_token"), refresh: text("refresh_token") }
    }

    /// The request `POST /auth/refresh`.
    #[must_use]
    pub fn refreshing(&self) -> Request {
        Request::post("/auth/refresh", &json!({ "refresh_token": self.refresh }))
    }
}

impl SignedIn {
    /// The request `POST /users/{id}/deactivate` for this user.
    #[must_use]
    pub fn deactivating(&self) -> Request {
        Request::new("POST", format!("/users/{}/deactivate", self.user))
    }

    /// The request `POST /users/{id}/reactivate` for this user.
    #[must_use]
    pub fn reactivating(&self) -> Request {
        Request::new("POST", format!("/users/{}/reactivate", self.user))
    }
}

impl SignedIn {
    /// The request `PATCH /users/{id}` for this user.
    #[must_use]
    pub fn updating(&self, patch: &Value) -> Request {
        Request::new("PATCH", format!("/users/{}", self.user)).body("application/json", patch.to_string())
    }
}

impl Person {
    /// The request `POST /auth/login`.
    #[must_use]
    pub fn login(&self) -> Request {
        Request::post("/auth/login", &json!({ "email": self.email, "password": self.password }))
    }
}

impl Node {
    /// Signs a person up, waits until they can sign in, and signs them in.
    pub async fn member(&self, person: &Person) -> SignedIn {
        let accepted = self.send(&person.sign_up()).await;
        let command: Value = self.outcome(&accepted).await;
        assert_eq!(command["status"], "succeeded", "{command}");
        let user = command["target"]["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        self.sign_in(user, person).await
    }

    /// Signs a person in once more.
    pub async fn sign_in(&self, user: Uuid, person: &Person) -> SignedIn {
        SignedIn::of(user, &self.send(&person.login()).await)
    }

    /// Whether an access token is valid.
    pub async fn knows(&self, who: &SignedIn) -> bool {
        let answer = self.send(&Request::get("/users/me").by(who)).await;
        assert!(answer.status == 200 || answer.problem() == "invalid_token", "{answer:?}");
        answer.status == 200
    }
}

impl World {
    /// Makes a user an administrator directly in the database. The creation of the first one has its own tests.
    pub async fn promote(&self, who: &SignedIn) {
        let mut tx = self.db.begin().await.expect("a transaction");
        let sql = "update auth_accounts set role = 'admin' where user_id = $1";
        assert_eq!(execute!(&mut tx, sql, who.user).expect("written"), 1);
        tx.commit().await.expect("committed");
    }

    /// Registers an administrator and signs them in.
    pub async fn administrator(&self, email: &str) -> SignedIn {
        let admin = self.member(&Person::new(email)).await;
        self.promote(&admin).await;
        admin
    }

    /// Deactivates a user as this administrator, and waits until it is done.
    pub async fn deactivate(&self, who: &SignedIn, by: &SignedIn) {
        self.done(&who.deactivating().by(by)).await;
    }

    /// Sends a command that MUST succeed, and waits until it has.
    pub async fn done(&self, request: &Request) {
        let command = self.outcome(&self.send(request).await).await;
        assert_eq!(command["status"], "succeeded", "{command}");
    }

    /// Executes a statement directly on the database.
    pub async fn run(&self, sql: impl DialectSql) {
        let mut tx = self.db.begin().await.expect("a transaction");
        execute!(&mut tx, sql).expect("written");
        tx.commit().await.expect("committed");
    }

    /// Executes a statement on one row of a user, whose id is `$1`.
    pub async fn run_on(&self, sql: impl DialectSql, user: Uuid) {
        let mut tx = self.db.begin().await.expect("a transaction");
        assert_eq!(execute!(&mut tx, sql, user).expect("written"), 1);
        tx.commit().await.expect("committed");
    }

    /// The same with the id of another user as `$2`.
    pub async fn run_on_both(&self, sql: impl DialectSql, user: Uuid, other: Uuid) {
        let mut tx = self.db.begin().await.expect("a transaction");
        assert_eq!(execute!(&mut tx, sql, user, other).expect("written"), 1);
        tx.commit().await.expect("committed");
    }

    /// Whether the database itself refuses a statement.
    pub async fn refuses(&self, sql: &'static str) -> bool {
        let mut tx = self.db.begin().await.expect("a transaction");
        execute!(&mut tx, sql).is_err()
    }
}
