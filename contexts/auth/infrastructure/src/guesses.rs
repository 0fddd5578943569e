//! How often somebody may guess at a password: one count for every path that checks one.

use crate::Desk;
use auth_application::Proven;
use kernel::{Email, UserId};
use persistence::{Db, SqlError, fetch_optional};
use std::time::Duration;
use use_case::Unavailable;
use uuid::Uuid;
use web::{Client, Limit, Permit, Problem, unavailable};

/// At one account, from wherever: whether or not there is such an account.
const AT_ACCOUNT: Limit = Limit { name: "auth.guesses_at_account", burst: 10, every: Duration::from_secs(60) };
/// At one account, from an address that it has been signed in from. Strangers use up the other
/// count and not this one, so that nobody can lock somebody out of their own home.
const AT_HOME: Limit = Limit { name: "auth.guesses_at_home", burst: 10, every: Duration::from_secs(60) };
/// From one address, at whatever accounts.
const FROM_ADDRESS: Limit = Limit { name: "auth.guesses_from_address", burst: 50, every: Duration::from_secs(20) };

impl Desk {
    /// One guess at this account's password, taken before the password is looked at, so that many
    /// at once cannot pass together. Give it back, by [`settle`](Self::settle), when it was not wrong.
    ///
    /// # Errors
    /// 429 when there were too many; 503 when they cannot be counted.
    pub(crate) async fn guess(&self, identifier: &Email, client: &Client) -> Result<Permit, Problem> {
        let account = identifier.canonical().as_bytes();
        let address = client.address.key();
        let is_home = is_known(&self.db, identifier, &client.address.ip().to_string()).await.map_err(unavailable)?;
        let home = [account, b"\0", &address].concat();
        let at = if is_home { (&AT_HOME, home.as_slice()) } else { (&AT_ACCOUNT, account) };
        let taken = self.limits.take_all(&[at, (&FROM_ADDRESS, &address)]).await;
        taken.inspect_err(|_| tracing::warn!(target: "audit", address = %client.address.ip(), is_home, "too many guesses at passwords"))
    }
}

impl Desk {
    /// What a guess has come to: it counts only if it was wrong. Of an overload it says nothing.
    ///
    /// # Errors
    /// 503 when it could not be looked at.
    pub(crate) async fn settle(
        &self,
        guess: Permit,
        looked: Result<Option<Proven>, Unavailable>,
    ) -> Result<Option<Proven>, Problem> {
        if !matches!(looked, Ok(None)) {
            self.limits.give_back(guess).await;
        }
        looked.map_err(crate::desk::unavailable)
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
