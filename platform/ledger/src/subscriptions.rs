//! Subscriptions: which context reacts to which event. They follow from the handlers that contexts register.
//!
//! They stand in a table and not in memory, so that a node of an older version sends an event to a reaction that only
//! newer nodes have. The row waits until a node with the handler claims it.

use persistence::{Db, SqlError, Tx, execute, fetch_all};
use std::collections::BTreeSet;
use use_case::HandledMessage;

/// The subscription of a context to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    context: &'static str,
    event: HandledMessage,
}

impl Subscription {
    /// The subscriptions of a context that handles these messages.
    #[must_use]
    pub fn of(context: &'static str, handled: Vec<HandledMessage>) -> Vec<Self> {
        handled.into_iter().filter(|message| message.is_event).map(|event| Self { context, event }).collect()
    }
}

/// How many of these subscriptions the database does not have.
///
/// # Errors
/// When the database does not answer.
pub async fn missing_subscriptions(db: &Db, subscriptions: &[Subscription]) -> Result<usize, SqlError> {
    let mut db = db.read().await?;
    let there = fetch_all!(&mut db, (String, String), "select context, event from ledger_subscriptions")?;
    let there: BTreeSet<_> = there.iter().map(|(context, event)| (context.as_str(), event.as_str())).collect();
    Ok(subscriptions.iter().filter(|it| !there.contains(&(it.context, it.event.name))).count())
}

/// Writes these subscriptions. Other subscriptions stay: a node of another version may have their handlers.
///
/// # Errors
/// When the database does not answer.
pub async fn subscribe(db: &Db, subscriptions: &[Subscription]) -> Result<(), SqlError> {
    let mut tx = db.begin().await?;
    for subscription in subscriptions {
        subscription.store(&mut tx).await?;
    }
    tx.commit().await
}

impl Subscription {
    async fn store(&self, tx: &mut Tx) -> Result<(), SqlError> {
        let sql = "insert into ledger_subscriptions (event, context, lane, awaited) values ($1, $2, $3, $4) \
             on conflict (event, context) do update set lane = excluded.lane, awaited = excluded.awaited";
        let HandledMessage { name, lane, awaited, .. } = self.event;
        execute!(tx, sql, name, self.context, lane.as_str(), awaited).map(|_| ())
    }
}
