use crate::row::{NewRow, insert};
use crate::working::message_routing::subscribers_of;
use kernel::MessageId;
use persistence::Tx;
use use_case::{Lane, Outgoing, Unavailable};

/// Publishes an event or sends a follow-up outside a handler, in the transaction of the change: for changes that run
/// without a command. The rows count as a command of `principal`; the first is the root of the others. A follow-up goes
/// to the fast lane of the context that begins its name.
///
/// Sends no hint, because the caller commits later. A worker finds the rows within a second.
///
/// # Errors
/// When the database does not answer, or the message cannot be serialised.
pub async fn post(tx: &mut Tx, message: &Outgoing, principal: &str) -> Result<(), Unavailable> {
    let payload = message.payload.clone().map_err(Unavailable::retry_later)?;
    let root = MessageId::random();
    let row = |(n, (context, lane, awaited)): (usize, (String, String, bool))| NewRow {
        id: if n == 0 { root } else { MessageId::random() },
        root,
        context: context.into(),
        lane: lane.into(),
        name: message.name,
        subject: message.subject,
        principal: principal.to_owned(),
        route: None,
        idempotency_key: None,
        fingerprint: None,
        traceparent: None,
        payload: payload.clone(),
        awaited: awaited || n == 0,
    };
    let recipients = if message.is_event {
        subscribers_of(tx, message.name).await?
    } else {
        let context = message.name.split('.').next().unwrap_or_default();
        vec![(context.to_owned(), Lane::Fast.as_str().to_owned(), true)]
    };
    let rows: Vec<_> = recipients.into_iter().enumerate().map(row).collect();
    insert(tx, &rows).await?;
    Ok(())
}
