//! Access tokens: JWTs (RFC 7519) in the profile of RFC 9068, signed with Ed25519 (RFC 8037).

use super::{SigningKeys, TokenError};
use auth_domain::Session;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{Algorithm, Header, Validation};
use kernel::{Secret, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// The `typ` header of a token (RFC 9068, section 2.1).
const TYPE: &str = "at+jwt";
/// The longest token that is accepted, in bytes.
const LONGEST: usize = 4_096;
/// A token is valid from this many seconds before it is issued, for services whose clocks are behind.
const BACKDATED: i64 = 5;
/// `iat` and `nbf` may be this many seconds in the future. All times are the database's.
const LEEWAY: i64 = 5;

/// Issues and verifies access tokens.
#[derive(Clone)]
pub struct AccessTokens {
    keys: Arc<SigningKeys>,
    issuer: Arc<str>,
    audience: Arc<str>,
    life: Duration,
}

/// The claims of an access token.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The audience.
    pub aud: String,
    /// The id of the user.
    pub sub: Uuid,
    /// The id of the session.
    pub sid: Uuid,
    /// How sure the server was of the user when the token was issued (RFC 9470).
    #[serde(default)]
    pub acr: String,
    /// How the user had proven who they are by then (RFC 8176).
    #[serde(default)]
    pub amr: Vec<String>,
    /// When the user signed in or last stepped up, in seconds since 1970-01-01 UTC.
    #[serde(default)]
    pub auth_time: i64,
    /// When the token was issued, in seconds since 1970-01-01 UTC.
    pub iat: i64,
    /// From when the token is valid, in the same unit.
    pub nbf: i64,
    /// When the token expires, in the same unit.
    pub exp: i64,
    /// The id of the token.
    pub jti: Uuid,
}

/// A value whose signature has been verified. Only the verification makes one.
pub struct Verified<T>(T);

impl<T> std::ops::Deref for Verified<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// The only header fields that are accepted. Any other (`crit`, `jwk`, `jku`, `x5u` …) makes the token invalid.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    alg: String,
    typ: String,
    kid: String,
}

kernel::id! {
    /// The id of an access token.
    TokenId
}

impl AccessTokens {
    /// `life` is the lifetime of a token.
    #[must_use]
    pub fn new(keys: Arc<SigningKeys>, issuer: &str, audience: &str, life: Duration) -> Self {
        Self { keys, issuer: issuer.into(), audience: audience.into(), life }
    }

    /// The lifetime of a token, in seconds.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        i64::try_from(self.life.as_secs()).unwrap_or(i64::MAX)
    }

    /// The signing keys.
    #[must_use]
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// Issues a token for a session, valid from its last refresh on.
    ///
    /// # Errors
    /// If signing fails.
    pub fn issue(&self, session: &Session) -> Result<Secret, TokenError> {
        let (now, authentication) = (seconds(session.refreshed_at), &session.authentication);
        let claims = Claims {
            iss: self.issuer.to_string(),
            aud: self.audience.to_string(),
            sub: session.user.as_uuid(),
            sid: session.id.as_uuid(),
            acr: authentication.level.as_str().to_owned(),
            amr: authentication.methods.amr(authentication.level).into_iter().map(str::to_owned).collect(),
            auth_time: seconds(authentication.at),
            iat: now,
            nbf: now.saturating_sub(BACKDATED),
            exp: now.saturating_add(self.seconds()),
            jti: TokenId::random().as_uuid(),
        };
        let key_set = self.keys.key_set();
        let key = key_set.signer();
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(key.kid.clone());
        jsonwebtoken::encode(&header, &claims, &key.signing).map(Secret::new).map_err(|_| TokenError::Crypto)
    }

    /// Verifies that a token is ours, and returns its claims. The times are checked by [`at`](Verified::at). `None` for
    /// an invalid token, whatever the reason.
    #[must_use]
    pub fn read(&self, token: &str) -> Option<Verified<Claims>> {
        if token.len() > LONGEST {
            return None;
        }
        let (head, _) = token.split_once('.')?;
        let head: Head = serde_json::from_slice(&BASE64.decode(head).ok()?).ok()?;
        if head.alg != "EdDSA" || head.typ != TYPE {
            return None;
        }
        let key_set = self.keys.key_set();
        let key = key_set.find(&head.kid)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        validation.set_issuer(&[&*self.issuer]);
        validation.set_audience(&[&*self.audience]);
        // `at` checks these by the database's clock instead.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        jsonwebtoken::decode(token, &key.verifying, &validation).ok().map(|token| Verified(token.claims))
    }
}

impl Verified<Claims> {
    /// Returns the claims if the token is valid at this time.
    #[must_use]
    pub fn valid_at(self, now: Timestamp) -> Option<Self> {
        let now = seconds(now);
        let soon = now.saturating_add(LEEWAY);
        let is_good = self.iat <= soon && self.nbf <= soon && now < self.exp && self.nbf <= self.exp;
        is_good.then_some(self)
    }
}

fn seconds(at: Timestamp) -> i64 {
    at.as_microsecond().div_euclid(1_000_000)
}

#[cfg(test)]
#[path = "access_token_tests.rs"]
mod tests;
