use crate::row::{NewRow, insert};
use crate::working::message_routing::subscribers_of;
use kernel::MessageId;
use persistence::Tx;
use use_case::{Outgoing, Unavailable};

/// Publishes an event outside a handler, in the transaction of the change: for changes that run without a command. The
/// rows count as a command of `principal`; the first is the root of the others.
///
/// Sends no hint, because the caller commits later. A worker finds the rows within a second.
///
/// # Errors
/// When the database does not answer, or the event cannot be serialised.
pub async fn publish(tx: &mut Tx, event: &Outgoing, principal: &str) -> Result<(), Unavailable> {
    let payload = event.payload.clone().map_err(Unavailable::retry_later)?;
    let root = MessageId::random();
    let row = |(n, (context, lane, awaited)): (usize, (String, String, bool))| NewRow {
        id: if n == 0 { root } else { MessageId::random() },
        root,
        context: context.into(),
        lane: lane.into(),
        name: event.name,
        subject: event.subject,
        principal: principal.to_owned(),
        route: None,
        idempotency_key: None,
        fingerprint: None,
        traceparent: None,
        payload: payload.clone(),
        awaited: awaited || n == 0,
    };
    let rows: Vec<_> = subscribers_of(tx, event.name).await?.into_iter().enumerate().map(row).collect();
    insert(tx, &rows).await?;
    Ok(())
}
