//! Reads the content of a database beside the processes that serve it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use auth_application::Credentials as _;
use auth_domain::BcryptCost;
use auth_infrastructure::{HashPool, SqlCredentials};
use identity::Email;
use kernel::Secret;
use persistence::{Db, fetch_all};
use std::sync::Arc;
use uuid::Uuid;

/// The content of a database that the checker needs.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    /// The rows of the ledger.
    pub rows: Vec<Row>,
    /// The users: id and canonical address.
    pub users: Vec<(Uuid, String)>,
    /// The accounts: user id and canonical address.
    pub identifiers: Vec<(Uuid, String)>,
    /// The ids of users with a password.
    pub credentials: Vec<Uuid>,
}

/// A row of the ledger.
#[derive(Debug, Clone)]
pub struct Row {
    pub id: Uuid,
    /// The command that it belongs to.
    pub root: Uuid,
    /// The user that it is about.
    pub subject: Uuid,
    /// The wire name of the message.
    pub name: String,
    pub status: String,
    /// The client's idempotency key.
    pub key: Option<String>,
    /// Whether a worker holds a lease on it.
    pub leased: bool,
}

/// Opens a database beside the processes that serve it.
///
/// # Panics
/// When it cannot be opened.
pub async fn open(url: &str) -> Db {
    Db::open_unlocked(&url.parse().unwrap()).await.unwrap()
}

impl Stored {
    /// Reads all of it.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn read(db: &Db) -> Self {
        type Columns = (Uuid, Uuid, Uuid, String, String, Option<String>, i64);
        let rows = "select id, root, subject, name, status, idempotency_key, \
             cast(case when lease_owner is null then 0 else 1 end as bigint) from ledger_messages order by sequence";
        let mut db = db.read().await.unwrap();
        let rows = fetch_all!(&mut db, Columns, rows).unwrap();
        let row = |(id, root, subject, name, status, key, leased)| Row {
            id,
            root,
            subject,
            name,
            status,
            key,
            leased: leased == 1,
        };
        let users = "select id, email_canonical from users_users";
        let identifiers = "select user_id, identifier from auth_accounts";
        let credentials = fetch_all!(&mut db, (Uuid,), "select user_id from auth_credentials").unwrap();
        Self {
            rows: rows.into_iter().map(row).collect(),
            users: fetch_all!(&mut db, (Uuid, String), users).unwrap(),
            identifiers: fetch_all!(&mut db, (Uuid, String), identifiers).unwrap(),
            credentials: credentials.into_iter().map(|(user,)| user).collect(),
        }
    }

    /// The number of rows with this status.
    #[must_use]
    pub fn count(&self, status: &str) -> usize {
        self.rows.iter().filter(|row| row.status == status).count()
    }
}

/// Verifies passwords against a database.
pub struct SignIns(SqlCredentials);

impl SignIns {
    /// Uses the credentials in this database.
    ///
    /// # Panics
    /// When there are no threads.
    #[must_use]
    pub fn new(db: &Db) -> Self {
        let pool = Arc::new(HashPool::start(16).unwrap());
        Self(SqlCredentials::new(db.clone(), pool, BcryptCost::try_from(10).unwrap()))
    }

    /// The user with this address and password.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn whose(&self, email: &str, password: &str) -> Option<Uuid> {
        let email = Email::parse(email).unwrap();
        self.0.verify(&email, &Secret::new(password.to_owned())).await.unwrap().map(|proven| proven.user.as_uuid())
    }
}
