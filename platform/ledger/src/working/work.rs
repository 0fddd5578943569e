//! One attempt at a message, or at several fast ones together. After the preparation, one transaction contains the
//! fencing check, the handler, the follow-ups and the outcome.

use crate::row::insert;
use crate::working::claim::Claim;
use crate::working::message_routing::ParentMessage;
use crate::working::outcome::{AttemptError, AttemptOutcome, NextInOrder};
use crate::{Hint, Ledger, MessageHandlers, TransactionalHandler};
use futures::FutureExt as _;
use kernel::MessageId;
use persistence::{SqlError, Tx};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use use_case::{CommandFailure, Outbox, Unavailable};

/// Immediate retries after a conflict with another transaction.
const TRIES_AT_ONCE: usize = 4;
/// How long a worker keeps retrying its transaction while the database does not answer.
const HOLD: Duration = Duration::from_secs(30);
/// Timeout of one transaction for several messages. All of them wait when one waits for a lock.
const TOGETHER: Duration = Duration::from_secs(2);
/// Pause between two tries while the database does not answer.
const HOLD_PAUSE: Duration = Duration::from_millis(500);
/// From this claim on, a message runs alone in its process, because its process has crashed twice.
const ALONE_FROM: i64 = 3;
/// From this claim on, a message counts as poison: its process has crashed twice beside others, and three times
/// alone.
const CONDEMNED_FROM: i64 = 6;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptResult {
    Succeeded,
    Rejected,
    Later,
    Failed,
    /// The lease was lost. The worker that holds it now writes the outcome.
    Fenced,
    /// The database did not answer. The lease will expire, and another worker will claim the message.
    Abandoned,
}

impl Claim {
    pub(crate) const fn runs_alone(&self) -> bool {
        self.deaths >= ALONE_FROM && !self.is_poisoned()
    }

    /// Whether the message has not crashed a process so far. This claim counts as a crash until it has ended.
    pub(crate) const fn has_never_died(&self) -> bool {
        self.deaths <= 1
    }

    const fn is_poisoned(&self) -> bool {
        self.deaths >= CONDEMNED_FROM
    }
}

impl Ledger {
    /// Attempts several messages in one transaction, and returns whether they are done. False usually means that
    /// nothing was committed. If the outcome of the COMMIT is unknown, the next attempt at each message finds out.
    pub(crate) async fn attempt_together(&self, context: &dyn MessageHandlers, claims: &[&Claim]) -> bool {
        let attempt = timeout(TOGETHER, self.prepare_and_handle_together(context, claims));
        match attempt.await {
            Ok(Ok(())) => true,
            Ok(Err(why)) => {
                tracing::debug!(messages = claims.len(), %why, "messages could not be handled in one transaction: trying each alone");
                false
            }
            Err(_) => {
                tracing::debug!(
                    messages = claims.len(),
                    "messages were not handled in one transaction in time: trying each alone"
                );
                false
            }
        }
    }

    /// Attempts one message and writes the outcome.
    pub(crate) async fn attempt(&self, context: &dyn MessageHandlers, claim: &Claim) -> AttemptResult {
        let ending = if claim.is_poisoned() {
            AttemptOutcome::Failed(AttemptError::new("poison", "the process crashed each time this message ran"))
        } else {
            match self.prepare_and_handle(context, claim).await {
                Ok(done) => return done,
                Err(failure) => claim.classify(failure),
            }
        };
        self.end(claim, &ending).await
    }

    async fn prepare_and_handle_together(
        &self,
        context: &dyn MessageHandlers,
        claims: &[&Claim],
    ) -> Result<(), CommandFailure> {
        let mut prepared = Vec::with_capacity(claims.len());
        for claim in claims {
            prepared.push((prepare(context, claim).await?, *claim));
        }
        self.handle(&prepared).await.map(drop)
    }

    async fn prepare_and_handle(
        &self,
        context: &dyn MessageHandlers,
        claim: &Claim,
    ) -> Result<AttemptResult, CommandFailure> {
        let prepared = [(prepare(context, claim).await?, claim)];
        let give_up = Instant::now() + HOLD;
        let mut tries_left = TRIES_AT_ONCE;
        loop {
            match self.handle(&prepared).await {
                Err(CommandFailure::Unavailable(why)) if why.is_retried_soon() && tries_left > 0 => tries_left -= 1,
                // Retry with the prepared message, so that nothing is prepared twice.
                Err(CommandFailure::Unavailable(why)) if is_disconnected(&why) && Instant::now() < give_up => {
                    tokio::time::sleep(HOLD_PAUSE).await;
                }
                done => return done,
            }
        }
    }

    /// Runs the one transaction. After a failed COMMIT its outcome is unknown. The next try finds the rows finished
    /// if it succeeded.
    async fn handle(
        &self,
        prepared: &[(Box<dyn TransactionalHandler>, &Claim)],
    ) -> Result<AttemptResult, CommandFailure> {
        let mut tx = self.db.begin_low_priority().await.map_err(Unavailable::from)?;
        let (mut finished, mut sent) = (Vec::with_capacity(prepared.len()), Vec::with_capacity(prepared.len()));
        let mut erases = false;
        for (message, claim) in prepared {
            let Some(successor) = claim.succeed(&mut tx).await.map_err(Unavailable::from)? else { continue };
            let mut outbox = Outbox::default();
            tx = caught(message.handle(tx, &claim.origin, &mut outbox)).await?;
            for subject in outbox.erased() {
                self.erase_subject(&mut tx, claim.origin.root, *subject).await.map_err(Unavailable::from)?;
                erases = true;
            }
            let continues = outbox.continues();
            if let Some(pause) = continues {
                claim.continue_after(&mut tx, pause).await.map_err(Unavailable::from)?;
            }
            sent.push((claim.cause(), outbox));
            finished.push((claim, successor, continues));
        }
        if finished.is_empty() {
            return Ok(AttemptResult::Fenced);
        }
        let rows = self.routes.rows(&mut tx, sent).await?;
        insert(&mut tx, &rows).await.map_err(Unavailable::from)?;
        tx.commit().await.map_err(Unavailable::from)?;
        if erases {
            self.erase_log().await;
        }
        self.hint(&rows);
        for (claim, successor, continues) in finished {
            match continues {
                None => self.committed(claim, successor),
                Some(pause) if pause.is_zero() => self.announce(&claim.queue, claim.hint()),
                Some(_) => {}
            }
        }
        Ok(AttemptResult::Succeeded)
    }

    /// Writes an outcome other than success in a new transaction, because the handler's was rolled back.
    async fn end(&self, claim: &Claim, ending: &AttemptOutcome) -> AttemptResult {
        let give_up = Instant::now() + HOLD;
        loop {
            match self.write_end(claim, ending).await {
                Ok(Some(())) => {
                    return match ending {
                        AttemptOutcome::Rejected(_) => AttemptResult::Rejected,
                        AttemptOutcome::Later(error) => {
                            tracing::warn!(id = %claim.origin.id, name = claim.name, attempt = claim.attempts + 1,
                                error = error.message, "the attempt failed: a worker will retry the message");
                            AttemptResult::Later
                        }
                        AttemptOutcome::Failed(error) => {
                            tracing::error!(id = %claim.origin.id, root = %claim.origin.root, name = claim.name, code = error.code,
                                error = error.message, "the message failed for good: an operator must retry or discard it");
                            AttemptResult::Failed
                        }
                    };
                }
                Ok(None) => return AttemptResult::Fenced,
                Err(error) if Instant::now() >= give_up => {
                    tracing::warn!(id = %claim.origin.id, %error, "the outcome could not be written: the lease will expire");
                    return AttemptResult::Abandoned;
                }
                Err(_) => tokio::time::sleep(HOLD_PAUSE).await,
            }
        }
    }

    async fn write_end(&self, claim: &Claim, ending: &AttemptOutcome) -> Result<Option<()>, SqlError> {
        let mut tx: Tx = self.db.begin_low_priority().await?;
        let Some(successor) = claim.end(&mut tx, ending).await? else { return Ok(None) };
        tx.commit().await?;
        self.committed(claim, successor);
        Ok(Some(()))
    }

    /// After a commit, wakes the requests that wait for the root, and hints at the row that was held back.
    fn committed(&self, claim: &Claim, successor: Option<NextInOrder>) {
        self.waiters.wake(claim.origin.root);
        self.cluster.root(claim.origin.root);
        if let Some(NextInOrder { id, lane, name, traceparent }) = successor
            && let Some(queue) = self.routes.queue(claim.queue.context, &lane)
        {
            self.announce(&queue, Hint { id: MessageId::new(id), name, traceparent });
        }
    }
}

impl Claim {
    fn hint(&self) -> Hint {
        Hint { id: self.origin.id, name: self.name.clone(), traceparent: self.traceparent.clone() }
    }

    fn cause(&self) -> ParentMessage<'_> {
        ParentMessage {
            root: self.origin.root,
            principal: &self.principal,
            traceparent: self.traceparent.as_deref(),
            awaited: self.awaited,
        }
    }

    /// Derives the outcome from the type of the failure.
    fn classify(&self, failure: CommandFailure) -> AttemptOutcome {
        match failure {
            CommandFailure::Rejected(rejection) if self.origin.id == self.origin.root => {
                AttemptOutcome::Rejected(AttemptError::new(rejection.code, rejection.message))
            }
            // The types forbid it. If a rejection slips through, clients must not read "rejected" after a commit.
            CommandFailure::Rejected(rejection) => {
                AttemptOutcome::Failed(AttemptError::new("broken", rejection.to_string()))
            }
            CommandFailure::Broken(why) => AttemptOutcome::Failed(AttemptError::new("broken", why.to_string())),
            CommandFailure::Unavailable(why) => {
                let error = AttemptError::new("unavailable", why.to_string());
                if self.is_last_attempt() { AttemptOutcome::Failed(error) } else { AttemptOutcome::Later(error) }
            }
        }
    }
}

async fn prepare(
    context: &dyn MessageHandlers,
    claim: &Claim,
) -> Result<Box<dyn TransactionalHandler>, CommandFailure> {
    let preparing = context
        .prepare(&claim.name, &claim.payload, &claim.origin)
        // Workers claim only messages that have a handler here.
        .ok_or_else(|| Unavailable::retry_later("this node has no handler for the message"))?;
    caught(preparing).await
}

/// Turns a panic into an error, so that it ends one attempt and not the process.
async fn caught<T>(work: impl Future<Output = Result<T, CommandFailure>>) -> Result<T, CommandFailure> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(Unavailable::retry_later("the use case panicked: see the log of the worker").into()))
}

fn is_disconnected(why: &Unavailable) -> bool {
    std::error::Error::source(why)
        .and_then(|cause| cause.downcast_ref::<SqlError>())
        .is_some_and(SqlError::is_disconnected)
}
