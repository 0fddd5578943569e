//! Message routing: the queue of each message, computed from the messages that the contexts handle.

use crate::{MessageHandlers, NewRow, Queue};
use kernel::MessageId;
use persistence::{SqlError, Tx, fetch_all};
use std::collections::{BTreeMap, HashMap};
use use_case::{CommandFailure, Outbox, Outgoing};

/// The queue of every message, per context that handles it, and whether commands wait for it.
#[derive(Debug, Default)]
pub(crate) struct MessageRouting(BTreeMap<(&'static str, &'static str), (Queue, bool)>);

impl MessageRouting {
    pub(crate) fn new(contexts: &[std::sync::Arc<dyn MessageHandlers>]) -> Self {
        let queues = contexts.iter().flat_map(|context| {
            let name = context.name();
            let queue = move |lane| Queue { context: name, lane };
            context
                .messages()
                .into_iter()
                .map(move |message| ((message.name, name), (queue(message.lane), message.awaited)))
        });
        Self(queues.collect())
    }

    /// The queue of a command or a follow-up. The first part of its name is the context.
    pub(crate) fn recipient(&self, message: &'static str) -> Option<&Queue> {
        self.of_recipient(message).map(|(queue, _)| queue)
    }

    fn of_recipient(&self, message: &'static str) -> Option<&(Queue, bool)> {
        let (context, _) = message.split_once('.')?;
        self.0.iter().find(|((name, to), _)| *name == message && *to == context).map(|(_, found)| found)
    }

    /// All queues that have at least one message.
    pub(crate) fn queues(&self) -> Vec<Queue> {
        let mut queues: Vec<_> = self.0.values().map(|(queue, _)| queue.clone()).collect();
        queues.sort();
        queues.dedup();
        queues
    }

    /// The queue of a stored row, if this process knows its context and lane.
    pub(crate) fn queue(&self, context: &str, lane: &str) -> Option<Queue> {
        self.queues().into_iter().find(|queue| queue.context == context && queue.lane.as_str() == lane)
    }

    /// Turns the messages that handlers sent and published into rows. Subscriptions are read in the handlers'
    /// transaction, so that no event is lost while old and new nodes run side by side.
    pub(crate) async fn rows(
        &self,
        tx: &mut Tx,
        sent: Vec<(ParentMessage<'_>, Outbox)>,
    ) -> Result<Vec<NewRow>, CommandFailure> {
        let (mut rows, mut subscribers) = (Vec::new(), HashMap::new());
        for (cause, message) in
            sent.into_iter().flat_map(|(cause, outbox)| outbox.into_iter().map(move |it| (cause, it)))
        {
            if message.is_event {
                if !subscribers.contains_key(message.name) {
                    let found = subscribers_of(tx, message.name).await.map_err(use_case::Unavailable::from)?;
                    subscribers.insert(message.name, found);
                }
                for (context, lane, awaited) in &subscribers[message.name] {
                    let row = cause.row(&message, context.clone().into(), lane.clone().into())?;
                    rows.push(NewRow { awaited: row.awaited && *awaited, ..row });
                }
            } else {
                let (queue, awaited) = self.of_recipient(message.name).ok_or_else(|| {
                    CommandFailure::Broken(format!("no context handles the sent message {}", message.name).into())
                })?;
                let row = cause.row(&message, queue.context.into(), queue.lane.as_str().into())?;
                rows.push(NewRow { awaited: row.awaited && *awaited, ..row });
            }
        }
        Ok(rows)
    }
}

/// What new rows inherit from the message whose handler sent them.
#[derive(Clone, Copy)]
pub(crate) struct ParentMessage<'a> {
    pub(crate) root: MessageId,
    pub(crate) principal: &'a str,
    pub(crate) traceparent: Option<&'a str>,
    /// False when the command does not wait for this message. Then it does not wait for the new rows either.
    pub(crate) awaited: bool,
}

impl ParentMessage<'_> {
    fn row(
        &self,
        message: &Outgoing,
        context: std::borrow::Cow<'static, str>,
        lane: std::borrow::Cow<'static, str>,
    ) -> Result<NewRow, CommandFailure> {
        Ok(NewRow {
            id: MessageId::random(),
            root: self.root,
            context,
            lane,
            name: message.name,
            subject: message.subject,
            principal: self.principal.to_owned(),
            route: None,
            idempotency_key: None,
            fingerprint: None,
            traceparent: self.traceparent.map(str::to_owned),
            payload: message.payload.clone().map_err(|why| CommandFailure::Broken(why.into()))?,
            awaited: self.awaited,
        })
    }
}

pub(crate) async fn subscribers_of(tx: &mut Tx, event: &str) -> Result<Vec<(String, String, bool)>, SqlError> {
    let sql = "select context, lane, awaited from ledger_subscriptions where event = $1 order by context";
    fetch_all!(tx, (String, String, bool), sql, event)
}

impl Queue {
    /// The key of the queue in logs and in broker queue names, such as `auth.slow`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}.{}", self.context, self.lane.as_str())
    }
}
