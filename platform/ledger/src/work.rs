//! One attempt at a message, or at several quick ones together: prepare, then fence, handler, follow-ups and outcome in one transaction.

use crate::claim::Claim;
use crate::message_routing::ParentMessage;
use crate::outcome::{AttemptError, AttemptOutcome, NextInOrder};
use crate::row::insert;
use crate::{Hint, Ledger, MessageHandlers, TransactionalHandler};
use futures::FutureExt as _;
use kernel::MessageId;
use persistence::{SqlError, Tx};
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use use_case::{CommandFailure, Outbox, Unavailable};

/// Tries at once when a race was lost.
const TRIES_AT_ONCE: usize = 4;
/// For how long a finished result is held while the database does not answer.
const HOLD: Duration = Duration::from_secs(30);
/// For how long several may wait together for one of them, which waits for a lock.
const TOGETHER: Duration = Duration::from_secs(2);
/// Between two tries to write while the database does not answer.
const HOLD_PAUSE: Duration = Duration::from_millis(500);
/// From this claim on, a message that has killed its process twice runs with nothing else in the process.
const ALONE_FROM: i64 = 3;
/// Two deaths in company and three alone.
const CONDEMNED_FROM: i64 = 6;

/// How it went, for the log and for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptResult {
    Succeeded,
    Rejected,
    Later,
    Failed,
    /// The lease was lost: whoever holds it now decides.
    Fenced,
    /// The database did not answer: the lease will run out, and somebody will look.
    Abandoned,
}

impl Claim {
    pub(crate) const fn runs_alone(&self) -> bool {
        self.deaths >= ALONE_FROM && !self.is_poisoned()
    }

    /// This claim, which counts as a death until it has ended, is the first.
    pub(crate) const fn has_never_died(&self) -> bool {
        self.deaths <= 1
    }

    const fn is_poisoned(&self) -> bool {
        self.deaths >= CONDEMNED_FROM
    }
}

impl Ledger {
    /// One attempt at several messages in one transaction; whether they are done. If not, nothing has happened,
    /// unless the database knows better: the next attempt at each will find out.
    pub(crate) async fn attempt_together(&self, context: &dyn MessageHandlers, claims: &[&Claim]) -> bool {
        let attempt = timeout(TOGETHER, self.prepare_and_handle_together(context, claims));
        match attempt.await {
            Ok(Ok(())) => true,
            Ok(Err(why)) => {
                tracing::debug!(messages = claims.len(), %why, "not done together: each is tried alone");
                false
            }
            Err(_) => {
                tracing::debug!(messages = claims.len(), "not done together in time: each is tried alone");
                false
            }
        }
    }

    /// One attempt.
    pub(crate) async fn attempt(&self, context: &dyn MessageHandlers, claim: &Claim) -> AttemptResult {
        let ending = if claim.is_poisoned() {
            AttemptOutcome::Failed(AttemptError::new("poison", "the process died each time this message ran"))
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
                // The result is held, and nothing is prepared twice.
                Err(CommandFailure::Unavailable(why)) if is_disconnected(&why) && Instant::now() < give_up => {
                    tokio::time::sleep(HOLD_PAUSE).await;
                }
                done => return done,
            }
        }
    }

    /// The one transaction. Whether a failed COMMIT has committed is not guessed: the next try finds the rows finished.
    async fn handle(
        &self,
        prepared: &[(Box<dyn TransactionalHandler>, &Claim)],
    ) -> Result<AttemptResult, CommandFailure> {
        let mut tx = self.db.begin_low_priority().await.map_err(Unavailable::from)?;
        let (mut finished, mut sent) = (Vec::with_capacity(prepared.len()), Vec::with_capacity(prepared.len()));
        for (message, claim) in prepared {
            let Some(successor) = claim.succeed(&mut tx).await.map_err(Unavailable::from)? else { continue };
            let mut outbox = Outbox::default();
            tx = caught(message.handle(tx, &claim.origin, &mut outbox)).await?;
            sent.push((claim.cause(), outbox));
            finished.push((claim, successor));
        }
        if finished.is_empty() {
            return Ok(AttemptResult::Fenced);
        }
        let rows = self.routes.rows(&mut tx, sent).await?;
        insert(&mut tx, &rows).await.map_err(Unavailable::from)?;
        tx.commit().await.map_err(Unavailable::from)?;
        self.hint(&rows);
        for (claim, successor) in finished {
            self.committed(claim, successor);
        }
        Ok(AttemptResult::Succeeded)
    }

    /// Writes any other ending, in a transaction of its own: the handler's has been rolled back.
    async fn end(&self, claim: &Claim, ending: &AttemptOutcome) -> AttemptResult {
        let give_up = Instant::now() + HOLD;
        loop {
            match self.write_end(claim, ending).await {
                Ok(Some(())) => {
                    return match ending {
                        AttemptOutcome::Rejected(_) => AttemptResult::Rejected,
                        AttemptOutcome::Later(error) => {
                            tracing::warn!(id = %claim.origin.id, name = claim.name, attempt = claim.attempts + 1,
                                error = error.message, "not done: tried again later");
                            AttemptResult::Later
                        }
                        AttemptOutcome::Failed(error) => {
                            tracing::error!(id = %claim.origin.id, root = %claim.origin.root, name = claim.name, code = error.code,
                                error = error.message, "failed for good: `roster commands retry` or `discard` decides");
                            AttemptResult::Failed
                        }
                    };
                }
                Ok(None) => return AttemptResult::Fenced,
                Err(error) if Instant::now() >= give_up => {
                    tracing::warn!(id = %claim.origin.id, %error, "the outcome could not be written: the lease will run out");
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

    /// Who waited for this commit hears of it: whoever asked for the root, and the row that was held back.
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
    fn cause(&self) -> ParentMessage<'_> {
        ParentMessage {
            root: self.origin.root,
            principal: &self.principal,
            traceparent: self.traceparent.as_deref(),
            awaited: self.awaited,
        }
    }

    /// The type of the failure decides what becomes of the message.
    fn classify(&self, failure: CommandFailure) -> AttemptOutcome {
        match failure {
            CommandFailure::Rejected(rejection) if self.origin.id == self.origin.root => {
                AttemptOutcome::Rejected(AttemptError::new(rejection.code, rejection.message))
            }
            // Types forbid it; should one slip through, nobody may read "rejected" after a commit.
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
        // Claims are for names that have a handler here.
        .ok_or_else(|| Unavailable::retry_later("no handler here"))?;
    caught(preparing).await
}

/// A panic ends one attempt, not the process.
async fn caught<T>(work: impl Future<Output = Result<T, CommandFailure>>) -> Result<T, CommandFailure> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(Unavailable::retry_later("the use case panicked: see the log").into()))
}

fn is_disconnected(why: &Unavailable) -> bool {
    std::error::Error::source(why)
        .and_then(|cause| cause.downcast_ref::<SqlError>())
        .is_some_and(SqlError::is_disconnected)
}
