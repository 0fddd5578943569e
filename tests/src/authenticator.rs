#![expect(clippy::expect_used, reason = "a step that does not work fails the test")]

use crate::{Answer, Node, Person, Request, SignedIn, World};
use kernel::Timestamp;
use persistence::execute;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

/// An authenticator app on a user's phone, with the user's recovery codes.
pub struct Authenticator {
    totp: Totp,
    pub recovery_codes: Vec<String>,
}

impl Authenticator {
    /// The app that has taken this secret.
    #[must_use]
    pub fn with_secret(base32: &str) -> Self {
        let secret = Secret::try_from_base32(base32).expect("Base32");
        Self { totp: Builder::new().with_secret(secret).build_noncompliant(), recovery_codes: Vec::new() }
    }

    /// The code that the app shows this many steps from now.
    #[must_use]
    pub fn code_in(&self, steps: i64) -> String {
        let second = Timestamp::now().as_microsecond() / 1_000_000 + 30 * steps;
        self.totp.generate(u64::try_from(second).expect("a time")).to_string()
    }

    /// The code that the app shows now.
    #[must_use]
    pub fn code(&self) -> String {
        self.code_in(0)
    }
}

/// The request that completes a sign-in.
#[must_use]
pub fn second_factor(challenge: &str, code: &str) -> Request {
    Request::post("/auth/login/second-factor", &json!({ "challenge": challenge, "code": code }))
}

/// The request that steps a session up by a code.
#[must_use]
pub fn step_up(code: &str) -> Request {
    Request::post("/auth/step-up", &json!({ "code": code }))
}

/// The challenge of an answer to a sign-in, which MUST ask for the second factor.
#[must_use]
pub fn challenge_of(answer: &Answer) -> String {
    assert_eq!((answer.status, answer.problem().as_str()), (401, "second_factor_required"), "{answer:?}");
    answer.json()["challenge"].as_str().expect("a challenge").to_owned()
}

impl Node {
    /// Enrols an authenticator app for a user, whose session MUST be fresh.
    pub async fn enrol(&self, who: &SignedIn) -> Authenticator {
        let begun = self.send(&Request::new("POST", "/auth/totp").by(who)).await;
        assert_eq!(begun.status, 200, "{begun:?}");
        let mut app = Authenticator::with_secret(begun.json()["secret"].as_str().expect("a secret"));
        let confirm = Request::post("/auth/totp/confirm", &json!({ "code": app.code() })).by(who);
        let confirmed = self.send(&confirm).await;
        assert_eq!(confirmed.status, 200, "{confirmed:?}");
        let codes: Value = confirmed.json()["recovery_codes"].clone();
        app.recovery_codes = serde_json::from_value(codes).expect("codes");
        app
    }

    /// Signs a person in with the password and a code.
    pub async fn sign_in_with(&self, who: &SignedIn, person: &Person, code: &str) -> SignedIn {
        let challenge = challenge_of(&self.send(&person.login()).await);
        SignedIn::of(who.user, &self.send(&second_factor(&challenge, code)).await)
    }
}

impl World {
    /// Forgets which codes of authenticator apps were used, so that a test need not wait for the next one.
    pub async fn forget_used_codes(&self) {
        self.change("update auth_totp set used_step = used_step - 10").await;
    }

    /// Makes the last sign-in or step-up of all sessions this many minutes older.
    pub async fn age_sessions(&self, minutes: i64) {
        let sql = (
            "update auth_sessions set authenticated_at = authenticated_at - $1 * interval '1 minute'",
            "update auth_sessions set authenticated_at = authenticated_at - $1 * 60000000",
        );
        let mut tx = self.db.begin().await.expect("a transaction");
        execute!(&mut tx, sql, minutes).expect("written");
        tx.commit().await.expect("committed");
    }
}
