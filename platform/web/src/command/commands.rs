//! Turns a request into a command, and the command's outcome into a response.

use crate::command::callers::{Refusal, record};
use crate::command::command_request::{CommandRequest, Input, PathTarget};
use crate::command::command_view::CommandView;
use crate::command::resource_links::ResourceLinks;
use crate::connection::address_quotas::{AddressQuotas, QuotaExceeded, QuotaSlot};
use crate::request::idempotency::IdempotencyKey;
use crate::{
    Bearer, ClientAddress, Deadline, Fields, Json, Prefer, Problem, RateLimiter, RequestBody as _, RequestTasks,
    Sender as _, Trace, Violation,
};
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kernel::MessageId;
use ledger::{AcceptError, Accepted, Command, IdempotencyScope, Ledger, NewCommand, Status};
use persistence::SqlError;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use use_case::Message as _;
use uuid::Uuid;

/// The most requests of one process that may wait for an outcome at once, event streams included.
const WAITS: usize = 1_000;
/// The most waiting requests of one address, so that one client does not take all of [`WAITS`].
const WAITS_PER_ADDRESS: usize = 50;
/// `Retry-After` of an event stream that is rejected because too many are open.
const STREAM_RETRY: Duration = Duration::from_secs(5);
/// `Retry-After` while the database does not answer.
const DATABASE_RETRY: Duration = Duration::from_secs(2);

/// The services that every command route needs: the ledger, the rate limits, and the quota of waiting requests.
#[derive(Clone)]
pub struct Commands {
    ledger: Ledger,
    limits: RateLimiter,
    waits: AddressQuotas,
    tasks: RequestTasks,
    base: Arc<str>,
}

impl Commands {
    /// Commands go into `ledger`, within `limits`. `tasks` runs the requests of [immediate](crate::Routes::immediate)
    /// routes to completion.
    #[must_use]
    pub fn new(ledger: Ledger, limits: RateLimiter, tasks: RequestTasks) -> Self {
        let per_address = if limits.are_enforced() { WAITS_PER_ADDRESS } else { WAITS };
        Self { ledger, limits, waits: AddressQuotas::new(WAITS, per_address), tasks, base: "".into() }
    }

    pub(crate) const fn tasks(&self) -> &RequestTasks {
        &self.tasks
    }

    /// Sets the path below which a proxy serves all routes. Links in responses then begin with `base`.
    #[must_use]
    pub fn below(self, base: &str) -> Self {
        Self { base: base.into(), ..self }
    }

    pub(crate) const fn base(&self) -> &Arc<str> {
        &self.base
    }

    /// The ledger, for lookups.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The rate limiter, for routes with rate limits of their own.
    #[must_use]
    pub const fn limits(&self) -> &RateLimiter {
        &self.limits
    }

    /// Until when this request may wait for an outcome, with the slot that it holds meanwhile.
    ///
    /// `None` if the client did not ask to wait, or too many requests are waiting: the caller then answers at once.
    #[must_use]
    pub fn wait(&self, prefer: Prefer, deadline: &Deadline, client: ClientAddress) -> Option<(QuotaSlot, Instant)> {
        let wait = prefer.wait()?;
        let share = self.waits.acquire(client.key()).ok()?;
        deadline.extend(wait);
        Some((share, Instant::now() + wait))
    }

    /// Takes a slot for an event stream.
    ///
    /// # Errors
    /// 429 when too many requests of this address are waiting, 503 when too many of all addresses together are.
    pub(crate) fn stream(&self, client: ClientAddress) -> Result<QuotaSlot, Problem> {
        self.waits.acquire(client.key()).map_err(|why| match why {
            QuotaExceeded::OverShare => Problem::too_many_requests(STREAM_RETRY),
            QuotaExceeded::Exhausted => Problem::unavailable(STREAM_RETRY),
        })
    }

    /// Validates and accepts one command, and builds the response.
    pub(crate) async fn accept<R: CommandRequest>(
        &self,
        request: &R,
        asked: CommandMeta<R>,
        mut fields: Fields,
    ) -> Result<Response, Problem> {
        let sender = asked.sender.principal();
        if let Some(key) = &asked.key {
            key.check(&sender)?;
        }
        let id = MessageId::random();
        let body = R::Body::read(&mut fields);
        let (sender_of, path, reader) = (&asked.sender, asked.place, &mut fields);
        let message = request.read(Input { sender: sender_of, path, body, fields: reader, command: id })?;
        let once = asked.key.as_ref().map(|key| key.scope(R::Message::NAME, asked.place.id(), &fields));
        if let Some(before) = self.before(&sender, once.as_ref()).await? {
            return self.replay(request, before, &asked).await;
        }
        let lanes: Vec<_> = std::iter::once(R::Message::NAME).chain(R::FOLLOW_UPS.iter().copied()).collect();
        let delay = self.ledger.admit(&lanes).map_err(not_accepted)?;
        let permit = match R::PER_ADDRESS {
            Some(limit) => Some(self.limits.acquire(&limit, &asked.client.key()).await?),
            None => None,
        };
        if let Err(refusal) = request.check(&message, &fields).await {
            asked.confirm().await?;
            // The request may conflict with its own duplicate, which was accepted after the first lookup.
            let Some(before) = self.before(&sender, once.as_ref()).await? else {
                asked.record(&refusal, message.subject()).await;
                return Err(refusal);
            };
            return self.replay(request, before, &asked).await;
        }
        let entry =
            NewCommand::new(id, &message, &sender).idempotent(once).traced(Some(asked.trace.traceparent().to_owned()));
        // Check the sender last: reading the body and the steps above may have taken a while.
        let accepted = match asked.confirm().await {
            Ok(()) => self.ledger.accept(entry).await.map_err(not_accepted),
            Err(refusal) => Err(refusal),
        };
        // The rate limit counts new commands only: refund rejected requests and duplicates.
        if !matches!(accepted, Ok(Accepted::New(..)))
            && let Some(permit) = permit
        {
            self.limits.refund(permit).await;
        }
        match accepted? {
            Accepted::New(id, at) => {
                let command = Command::just_accepted(id, R::Message::NAME, message.subject(), &sender, at);
                self.answer(request, command, &asked, delay).await
            }
            Accepted::Duplicate(id) => self.replay(request, id, &asked).await,
        }
    }

    /// Looks up the command that was accepted earlier under the same idempotency key.
    async fn before(&self, sender: &str, once: Option<&IdempotencyScope>) -> Result<Option<MessageId>, Problem> {
        let Some(once) = once else { return Ok(None) };
        self.ledger.before(sender, once).await.map_err(not_accepted)
    }

    /// Answers a request whose command was accepted earlier.
    async fn replay<R: CommandRequest>(
        &self,
        request: &R,
        id: MessageId,
        asked: &CommandMeta<R>,
    ) -> Result<Response, Problem> {
        asked.confirm().await?;
        let command = self.ledger.command(id).await.map_err(unavailable)?;
        let command = command.ok_or_else(|| Problem::unavailable(DATABASE_RETRY))?;
        let mut answer = self.answer(request, command, asked, Duration::ZERO).await?;
        answer.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
        Ok(answer)
    }

    /// Answers 202 with the command. If the client waits and the command ends in time, answers with the resource
    /// (200 or 201) or the rejection (409) instead.
    async fn answer<R: CommandRequest>(
        &self,
        request: &R,
        command: Command,
        asked: &CommandMeta<R>,
        delay: Duration,
    ) -> Result<Response, Problem> {
        let Some((_share, until)) = self.wait(asked.prefer, &asked.deadline, asked.client) else {
            return Ok(self.accepted_answer::<R>(command, delay, true));
        };
        let latest = self.ledger.command_by(command.id, until).await.map_err(unavailable)?;
        let command = latest.unwrap_or(command);
        // The command stays accepted. A sender who has signed out meanwhile gets the public part only.
        if asked.confirm().await.is_err() {
            return Ok(self.accepted_answer::<R>(command, delay, false));
        }
        let mut answer = match command.status {
            Status::Succeeded => done::<R>(request.show(command.subject).await?, command.subject),
            Status::Rejected => rejected::<R>(command).into_response(),
            Status::Accepted | Status::Running | Status::Failed => self.accepted_answer::<R>(command, delay, true),
        };
        asked.prefer.applied(answer.headers_mut());
        Ok(answer)
    }

    fn accepted_answer<R: CommandRequest>(&self, command: Command, delay: Duration, whole: bool) -> Response {
        let mut targets = ResourceLinks::below(&self.base);
        targets.add::<R>();
        let id = command.id;
        let mut answer = (StatusCode::ACCEPTED, Json(CommandView::new(command, &targets, whole))).into_response();
        locate(&mut answer, &format!("/commands/{id}"));
        let seconds = delay.as_secs().clamp(1, 3_600);
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        answer
    }
}

/// The response to a command that has succeeded: 201 with the location of a new resource, or 200 for a changed one.
fn done<R: CommandRequest>(mut shown: Response, subject: Uuid) -> Response {
    if !R::Path::NAMES {
        *shown.status_mut() = StatusCode::CREATED;
        locate(&mut shown, &format!("{}/{subject}", R::TARGET.path));
    }
    shown
}

/// The parts of a command's request other than its body.
pub(crate) struct CommandMeta<R: CommandRequest> {
    pub(crate) sender: R::Sender,
    pub(crate) bearer: Option<Bearer>,
    pub(crate) place: R::Path,
    pub(crate) prefer: Prefer,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) trace: Trace,
    pub(crate) deadline: Deadline,
    pub(crate) client: ClientAddress,
}

impl<R: CommandRequest> CommandMeta<R> {
    /// Records a conflict in the audit log, if the request type has an [`ON_RECORD`](CommandRequest::ON_RECORD) action.
    async fn record(&self, refusal: &Problem, subject: Uuid) {
        if let (Some(bearer), Some(action)) = (&self.bearer, R::ON_RECORD)
            && refusal.status() == StatusCode::CONFLICT
        {
            record(bearer.parts(), Refusal { action, subject, code: refusal.code() }).await;
        }
    }

    /// Authenticates the sender again. A request without a token needs no second check.
    ///
    /// # Errors
    /// As the sender's extractor; 401 if the token now belongs to another sender.
    async fn confirm(&self) -> Result<(), Problem> {
        let Some(bearer) = &self.bearer else { return Ok(()) };
        let now: R::Sender = bearer.sender().await?;
        if now.principal() == self.sender.principal() { Ok(()) } else { Err(Problem::invalid_token()) }
    }
}

fn rejected<R: CommandRequest>(command: Command) -> Problem {
    let problem = |code| Problem::new(StatusCode::CONFLICT, code, "The request conflicts with existing data");
    let Some(error) = command.error else { return problem("rejected") };
    match R::REJECTIONS.iter().map(|(why, pointer)| (why.code(), *pointer)).find(|(code, _)| *code == error.code) {
        Some((code, "")) => problem(code).detail(error.message),
        Some((code, pointer)) => problem(code).violations(vec![Violation::new(pointer, code, error.message)]),
        None => problem("rejected").detail(error.message),
    }
}

fn locate(answer: &mut Response, at: &str) {
    if let Ok(at) = HeaderValue::from_str(at) {
        answer.headers_mut().insert(LOCATION, at);
    }
}

fn not_accepted(why: AcceptError) -> Problem {
    match why {
        AcceptError::KeyReused => Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "The idempotency key has been used for another request",
        ),
        AcceptError::Overloaded { retry_after } => {
            let title = "Too many commands are waiting; try again later";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", title).retry_after(retry_after)
        }
        AcceptError::Unavailable(_) => {
            let title = "The database cannot be written to now";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "database_unavailable", title).retry_after(DATABASE_RETRY)
        }
        AcceptError::NoHandler(name) => {
            tracing::error!(name, "bug: no context has a handler for this command");
            Problem::internal()
        }
    }
}

/// Turns a database error into 503 `database_unavailable`, and logs the error.
#[must_use]
pub fn unavailable(error: impl std::borrow::Borrow<SqlError>) -> Problem {
    tracing::warn!(error = %error.borrow(), "the database does not answer");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "database_unavailable", "The database does not answer")
        .retry_after(DATABASE_RETRY)
}
