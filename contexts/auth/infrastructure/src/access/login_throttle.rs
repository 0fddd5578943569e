use auth_application::{Guess, LoginThrottle, Throttled, TooManyGuesses};
use identity::{Email, UserId};
use persistence::{Db, SqlError, fetch_optional};
use std::net::IpAddr;
use std::time::Duration;
use use_case::{Unavailable, async_trait};
use uuid::Uuid;
use web::{ClientAddress, LimitError, Permit, RateLimit, RateLimiter};

const HOUR: u64 = 60 * 60;
/// Guesses at one account from all addresses together, whether or not the account exists.
const AT_ACCOUNT: RateLimit = RateLimit { name: "auth.guesses_at_account", burst: 10, every: Duration::from_secs(60) };
/// The same count without its last permit, which is reserved. A client that asks again and again takes each permit as it
/// comes back, but never the reserved one.
const OPEN_TO_ALL: RateLimit = RateLimit { burst: 9, ..AT_ACCOUNT };
/// How often one address may take the reserved permit of an account.
const RESERVED_FOR_ADDRESS: RateLimit =
    RateLimit { name: "auth.reserved_guesses_for_address", burst: 2, every: Duration::from_secs(12 * HOUR) };
/// How often one network may: an attacker who holds a network has as many addresses as the network has.
const RESERVED_FOR_NETWORK: RateLimit =
    RateLimit { name: "auth.reserved_guesses_for_network", burst: 4, every: Duration::from_secs(6 * HOUR) };
/// Guesses at one account from one address while the account's own count has no room. The stored name is older than
/// the constant's.
const KNOWN_ADDRESS: RateLimit = RateLimit { name: "auth.guesses_at_home", burst: 10, every: Duration::from_secs(60) };
/// Guesses from one address at all accounts together.
const FROM_ADDRESS: RateLimit =
    RateLimit { name: "auth.guesses_from_address", burst: 50, every: Duration::from_secs(20) };

/// Guesses at the second factor of one user, from all addresses and across all sign-ins. A client that makes them knows
/// the password. Of 10^6 codes three are right at a time: at one guess every five minutes, an attacker needs years.
const CODES_OF_USER: RateLimit =
    RateLimit { name: "auth.codes_of_user", burst: 10, every: Duration::from_secs(5 * 60) };

/// Limits guesses by the counts of the [`RateLimiter`].
pub struct SqlLoginThrottle {
    db: Db,
    limits: RateLimiter,
}

impl SqlLoginThrottle {
    /// Counts in this database.
    #[must_use]
    pub const fn new(db: Db, limits: RateLimiter) -> Self {
        Self { db, limits }
    }
}

#[async_trait]
impl LoginThrottle for SqlLoginThrottle {
    async fn acquire(&self, identifier: &Email, address: IpAddr) -> Result<Guess, Throttled> {
        let client = ClientAddress::from(address);
        let account = identifier.canonical().as_bytes();
        let (address, network) = (client.key(), client.network());
        let at_account_by = |part: &[u8]| [account, b"\0", part].concat();
        let (by_address, by_network) = (at_account_by(&address), at_account_by(&network));
        let from = (&FROM_ADDRESS, &address[..]);
        let open = [from, (&OPEN_TO_ALL, account)];
        let reserved = [
            from,
            (&AT_ACCOUNT, account),
            (&RESERVED_FOR_ADDRESS, &by_address[..]),
            (&RESERVED_FOR_NETWORK, &by_network[..]),
        ];
        let over_limit = match self.limits.take_first(&[&open, &reserved]).await {
            Ok(permit) => return Ok(self.guess(permit, true, None)),
            Err(error) => too_many(error)?,
        };
        let permit = match self.limits.take_all(&[from, (&KNOWN_ADDRESS, &by_address[..])]).await {
            Ok(permit) => permit,
            Err(error) => {
                tracing::warn!(target: "audit", address = %client.ip(), "too many guesses at passwords");
                too_many(error)?;
                return Err(over_limit.into());
            }
        };
        let is_known = is_known(&self.db, identifier, &client.ip().to_string()).await.map_err(Unavailable::from)?;
        tracing::warn!(target: "audit", address = %client.ip(), is_known, "too many guesses at an account");
        Ok(self.guess(permit, is_known, Some(over_limit)))
    }

    async fn acquire_code(&self, user: UserId, address: IpAddr) -> Result<Guess, Throttled> {
        let address = ClientAddress::from(address);
        let (by_address, user) = (address.key(), user.as_uuid());
        let limits = [(&FROM_ADDRESS, &by_address[..]), (&CODES_OF_USER, &user.as_bytes()[..])];
        match self.limits.take_all(&limits).await {
            Ok(permit) => Ok(self.guess(permit, true, None)),
            Err(error) => {
                tracing::warn!(target: "audit", address = %address.ip(), "too many guesses at second factors");
                Err(too_many(error)?.into())
            }
        }
    }

    async fn refund(&self, receipt: &[u8]) {
        self.limits.refund(Permit::from_bytes(receipt)).await;
    }
}

impl SqlLoginThrottle {
    fn guess(&self, permit: Permit, is_compared: bool, over_limit: Option<TooManyGuesses>) -> Guess {
        let limits = self.limits.clone();
        let receipt = permit.to_bytes();
        Guess::new(is_compared, over_limit, receipt, async move { limits.refund(permit).await })
    }
}

fn too_many(error: LimitError) -> Result<TooManyGuesses, Throttled> {
    match error {
        LimitError::TooMany { retry_after } => Ok(TooManyGuesses { retry_after }),
        LimitError::Unavailable(why) => Err(Throttled::Unavailable(why.into())),
    }
}

/// Whether the account has had a session from this address, as far back as sessions are kept.
async fn is_known(db: &Db, identifier: &Email, address: &str) -> Result<bool, SqlError> {
    let sql = "select s.user_id from auth_accounts a join auth_sessions s on s.user_id = a.user_id \
         where a.identifier = $1 and s.address = $2 limit 1";
    let mut db = db.read().await?;
    Ok(fetch_optional!(&mut db, (Uuid,), sql, identifier.canonical(), address)?.is_some())
}
