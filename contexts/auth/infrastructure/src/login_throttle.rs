//! The limits on guesses at passwords: one count for every path that checks a password.

use crate::AuthService;
use auth_application::VerifiedPassword;
use axum::http::StatusCode;
use kernel::{Email, Secret, UserId};
use persistence::{Db, SqlError, fetch_optional};
use std::time::Duration;
use use_case::Unavailable;
use uuid::Uuid;
use web::{Client, Permit, Problem, RateLimit, unavailable};

const HOUR: u64 = 60 * 60;

/// At one account, from all addresses together: whether or not there is such an account.
const AT_ACCOUNT: RateLimit = RateLimit { name: "auth.guesses_at_account", burst: 10, every: Duration::from_secs(60) };
/// The same count without its last permit, which is reserved. A client that asks again and again takes
/// each permit as it comes back, but never the reserved one.
const OPEN_TO_ALL: RateLimit = RateLimit { burst: 9, ..AT_ACCOUNT };
/// How often one address may take the reserved permit of an account.
const RESERVED_FOR_ADDRESS: RateLimit =
    RateLimit { name: "auth.reserved_guesses_for_address", burst: 2, every: Duration::from_secs(12 * HOUR) };
/// How often one network may: an attacker who holds a network has as many addresses as it has.
const RESERVED_FOR_NETWORK: RateLimit =
    RateLimit { name: "auth.reserved_guesses_for_network", burst: 4, every: Duration::from_secs(6 * HOUR) };
/// At one account from one address, while the account's own count has no room.
const BEYOND: RateLimit = RateLimit { name: "auth.guesses_at_home", burst: 10, every: Duration::from_secs(60) };
/// From one address, at all accounts together.
const FROM_ADDRESS: RateLimit =
    RateLimit { name: "auth.guesses_from_address", burst: 50, every: Duration::from_secs(20) };

/// One guess at a password, taken before the password is compared, so that many at once cannot pass
/// together. [`AuthService::settle`] ends it.
pub(crate) struct LoginAttempt {
    permit: Permit,
    /// The account's count has no room: this is the answer, unless the guess opens something.
    refusal: Option<Problem>,
    is_compared: bool,
}

impl AuthService {
    /// Takes one guess at this account's password.
    ///
    /// When the account's count has no room, an address that the account has been signed in from
    /// still gets in by the right password: strangers lock no owner out at home. A wrong password
    /// from there is answered 429 like any password from another address, after the same work, so
    /// that the answer does not tell which addresses the account knows.
    ///
    /// # Errors
    /// 429 when there were too many; 503 when they cannot be counted.
    pub(crate) async fn begin_attempt(&self, identifier: &Email, client: &Client) -> Result<LoginAttempt, Problem> {
        let account = identifier.canonical().as_bytes();
        let (address, network) = (client.address.key(), client.address.network());
        let of = |part: &[u8]| [account, b"\0", part].concat();
        let (here, around) = (of(&address), of(&network));
        let from = (&FROM_ADDRESS, &address[..]);
        let open = [from, (&OPEN_TO_ALL, account)];
        let reserved =
            [from, (&AT_ACCOUNT, account), (&RESERVED_FOR_ADDRESS, &here[..]), (&RESERVED_FOR_NETWORK, &around[..])];
        let refusal = match self.limits.take_first(&[&open, &reserved]).await {
            Ok(permit) => return Ok(LoginAttempt { permit, refusal: None, is_compared: true }),
            Err(problem) if problem.status() != StatusCode::TOO_MANY_REQUESTS => return Err(problem),
            Err(problem) => problem,
        };
        let beyond = self.limits.take_all(&[from, (&BEYOND, &here[..])]).await;
        let permit = beyond.map_err(|problem| {
            tracing::warn!(target: "audit", address = %client.address.ip(), "too many guesses at passwords");
            if problem.status() == StatusCode::TOO_MANY_REQUESTS { refusal.clone() } else { problem }
        })?;
        let is_home = is_known(&self.db, identifier, &client.address.ip().to_string()).await.map_err(unavailable)?;
        tracing::warn!(target: "audit", address = %client.address.ip(), is_home, "too many guesses at an account");
        Ok(LoginAttempt { permit, refusal: Some(refusal), is_compared: is_home })
    }

    /// Compares the password: `verify` is run, or the same work is done for nothing.
    ///
    /// # Errors
    /// 503 when it could not be compared.
    pub(crate) async fn compare(
        &self,
        attempt: &LoginAttempt,
        password: &Secret,
        verify: impl Future<Output = Result<Option<VerifiedPassword>, Unavailable>>,
    ) -> Result<Option<VerifiedPassword>, Problem> {
        let compared =
            if attempt.is_compared { verify.await } else { self.credentials.pretend(password).await.map(|()| None) };
        compared.map_err(crate::auth_service::unavailable)
    }

    /// Ends a guess by what was done after it. The guess is given back when the password has opened
    /// what it was shown for, and for a 503, which says nothing of the password. In every other case it
    /// counts: given back for a right password alone, it would tell that the password of a deactivated
    /// account is right.
    ///
    /// # Errors
    /// What was done; 429 instead, when there was no room for the guess.
    pub(crate) async fn finish_attempt<T>(
        &self,
        attempt: LoginAttempt,
        done: Result<T, Problem>,
    ) -> Result<T, Problem> {
        let LoginAttempt { permit, refusal, .. } = attempt;
        match done {
            Err(problem) if problem.status() != StatusCode::SERVICE_UNAVAILABLE => Err(refusal.unwrap_or(problem)),
            opened_or_unavailable => {
                self.limits.refund(permit).await;
                opened_or_unavailable
            }
        }
    }
}

/// Whether somebody was signed in to this account from there, as far back as sessions are kept.
async fn is_known(db: &Db, identifier: &Email, address: &str) -> Result<bool, SqlError> {
    let sql = "select s.user_id from auth_accounts a join auth_sessions s on s.user_id = a.user_id \
         where a.identifier = $1 and s.address = $2 limit 1";
    let mut db = db.read().await?;
    Ok(fetch_optional!(&mut db, (Uuid,), sql, identifier.canonical(), address)?.is_some())
}

/// By which address somebody signs in.
pub(crate) async fn identifier_of(db: &Db, user: UserId) -> Result<Option<Email>, SqlError> {
    let mut db = db.read().await?;
    let sql = "select identifier from auth_accounts where user_id = $1";
    let found = fetch_optional!(&mut db, (String,), sql, user.as_uuid())?;
    Ok(found.and_then(|(identifier,)| Email::parse(&identifier).ok()))
}
