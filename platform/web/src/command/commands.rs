//! Turns a request into a command, and the command's outcome into a response.

use crate::command::callers::{Refusal, record};
use crate::command::command_request::{CommandRequest, Input, PathTarget};
use crate::command::command_view::CommandView;
use crate::command::resource_links::ResourceLinks;
use crate::connection::address_quotas::{AddressQuotas, QuotaExceeded, QuotaSlot};
use crate::request::idempotency::{IdempotencyKey, MaybeKey};
use crate::{
    Bearer, ClientAddress, Deadline, Fields, Json, NoQuery, Permit, Prefer, Problem, RateLimiter, RequestBody as _,
    RequestTasks, Sender as _, Trace, View, Violation,
};
use axum::Extension;
use axum::extract::FromRequestParts;
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
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

    /// The path below which a proxy serves all routes, or an empty text.
    #[must_use]
    pub const fn base(&self) -> &Arc<str> {
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

    /// Validates and accepts one command, and builds the response. `state` is that of the context's routes.
    ///
    /// # Errors
    /// Why the command was not accepted, or was rejected within the client's wait.
    pub async fn accept<R: CommandRequest>(
        &self,
        state: &RoutesState<R>,
        mut request: R,
        asked: CommandMeta<R>,
        fields: Fields,
    ) -> Result<Response, Problem> {
        let draft = Draft::read(&mut request, &asked, fields).await?;
        let answering = Answering { request: &request, asked: &asked, state };
        if let Some(earlier) = self.accepted_earlier(&draft).await? {
            return self.replay(&answering, earlier).await;
        }
        // What the sender may do can have changed while the body arrived.
        let now = asked.confirm().await?;
        let sender = now.as_ref().unwrap_or(&asked.sender);
        let delay = self.admit::<R>()?;
        let permit = self.acquire_permit::<R>(&asked).await?;
        if let Err(refusal) = request.check(&draft.message, sender, &draft.fields).await {
            asked.confirm().await?;
            // The request may conflict with its own duplicate, which was accepted after the first lookup.
            let Some(earlier) = self.accepted_earlier(&draft).await? else {
                asked.record(&refusal, draft.message.subject()).await;
                return Err(refusal);
            };
            return self.replay(&answering, earlier).await;
        }
        match self.store(&draft, &asked, permit).await? {
            Accepted::New(id, at) => {
                let command = Command::just_accepted(id, R::Message::NAME, draft.message.subject(), &draft.sender, at);
                self.answer(&answering, command, delay).await
            }
            Accepted::Duplicate(id) => self.replay(&answering, id).await,
        }
    }

    /// Looks up the command that was accepted earlier under the same idempotency key.
    async fn accepted_earlier<R: CommandRequest>(&self, draft: &Draft<R>) -> Result<Option<MessageId>, Problem> {
        let Some(once) = &draft.once else { return Ok(None) };
        self.ledger.before(&draft.sender, once).await.map_err(not_accepted)
    }

    /// Estimates how long the command and its follow-ups will wait for a worker.
    fn admit<R: CommandRequest>(&self) -> Result<Duration, Problem> {
        let messages: Vec<_> = std::iter::once(R::Message::NAME).chain(R::FOLLOW_UPS.iter().copied()).collect();
        self.ledger.admit(&messages).map_err(not_accepted)
    }

    /// Counts the request towards the rate limit of its address, if there is one.
    async fn acquire_permit<R: CommandRequest>(&self, asked: &CommandMeta<R>) -> Result<Option<Permit>, Problem> {
        match R::PER_ADDRESS {
            Some(limit) => Ok(Some(self.limits.acquire(&limit, &asked.client.key()).await?)),
            None => Ok(None),
        }
    }

    /// Stores the command, if its sender may still send it. The rate limit counts new commands only.
    async fn store<R: CommandRequest>(
        &self,
        draft: &Draft<R>,
        asked: &CommandMeta<R>,
        permit: Option<Permit>,
    ) -> Result<Accepted, Problem> {
        let command = NewCommand::new(draft.id, &draft.message, &draft.sender)
            .idempotent(draft.once.clone())
            .traced(Some(asked.trace.traceparent().to_owned()));
        // Check the sender last: reading the body and the steps above may have taken a while.
        let stored = match asked.confirm().await {
            Ok(_) => self.ledger.accept(command).await.map_err(not_accepted),
            Err(refusal) => Err(refusal),
        };
        match (&stored, permit) {
            (Ok(Accepted::New(..)), _) | (_, None) => {}
            (_, Some(permit)) => self.limits.refund(permit).await,
        }
        stored
    }

    /// Answers a request whose command was accepted earlier.
    async fn replay<R: CommandRequest>(
        &self,
        answering: &Answering<'_, R>,
        id: MessageId,
    ) -> Result<Response, Problem> {
        answering.asked.confirm().await?;
        let command = self.ledger.command(id).await.map_err(unavailable)?;
        let command = command.ok_or_else(|| Problem::unavailable(DATABASE_RETRY))?;
        let mut answer = self.answer(answering, command, Duration::ZERO).await?;
        answer.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
        Ok(answer)
    }

    /// Answers 202 with the command. If the client waits and the command ends in time, answers with the resource (200 or
    /// 201), with 204 if the command has removed it, or with the rejection (409) instead.
    async fn answer<R: CommandRequest>(
        &self,
        Answering { request, asked, state }: &Answering<'_, R>,
        command: Command,
        delay: Duration,
    ) -> Result<Response, Problem> {
        let prefer = if R::WAITS { asked.prefer.or_longest() } else { asked.prefer };
        let Some((_share, until)) = self.wait(prefer, &asked.deadline, asked.client) else {
            return Ok(self.accepted_answer::<R>(command, delay, true));
        };
        let latest = self.ledger.command_by(command.id, until).await.map_err(unavailable)?;
        let command = latest.unwrap_or(command);
        // Senders may have removed their own access; the answer shows nothing.
        if R::REMOVES && command.status == Status::Succeeded {
            let mut answer = StatusCode::NO_CONTENT.into_response();
            asked.prefer.applied(answer.headers_mut());
            return Ok(answer);
        }
        // The command stays accepted. A sender who has signed out meanwhile gets the public part only.
        if asked.confirm().await.is_err() {
            return Ok(self.accepted_answer::<R>(command, delay, false));
        }
        let mut answer = match command.status {
            Status::Succeeded if R::SHOWS_COMMAND => Json(self.succeeded::<R>(command)).into_response(),
            Status::Succeeded => done::<R>(R::View::show(state, command.subject).await?, command.subject),
            Status::Rejected => {
                let mut headers = HeaderMap::new();
                asked.prefer.applied(&mut headers);
                let problem = rejected(*request, command);
                return Err(headers.iter().fold(problem, |it, (name, value)| it.header(name.clone(), value.clone())));
            }
            Status::Accepted | Status::Running | Status::Failed => self.accepted_answer::<R>(command, delay, true),
        };
        asked.prefer.applied(answer.headers_mut());
        Ok(answer)
    }

    /// A command that has succeeded, without the follow-ups that it does not wait for: their status at this moment says
    /// nothing.
    fn succeeded<R: CommandRequest>(&self, mut command: Command) -> CommandView {
        let mut targets = ResourceLinks::below(&self.base);
        targets.add::<R>();
        command.follow_ups.retain(|part| part.awaited);
        CommandView::new(command, &targets, true)
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
        locate(&mut shown, &format!("{}/{subject}", R::View::RESOURCE.path));
    }
    shown
}

/// The state of the routes of a context.
type RoutesState<R> = <<R as CommandRequest>::View as View>::State;

/// A request, with what its answer needs.
struct Answering<'a, R: CommandRequest> {
    request: &'a R,
    asked: &'a CommandMeta<R>,
    state: &'a RoutesState<R>,
}

/// A command that was read from a request, and is not accepted yet.
struct Draft<R: CommandRequest> {
    id: MessageId,
    message: R::Message,
    /// The sender's name in the ledger.
    sender: String,
    once: Option<IdempotencyScope>,
    fields: Fields,
}

impl<R: CommandRequest> Draft<R> {
    async fn read(request: &mut R, asked: &CommandMeta<R>, mut fields: Fields) -> Result<Self, Problem> {
        let (id, sender) = (MessageId::random(), asked.sender.principal());
        if let Some(key) = &asked.key {
            key.check(&sender)?;
        }
        let (path, body) = (asked.place.clone(), R::Body::read(&mut fields));
        request.look_up(&asked.sender, &body).await?;
        let message = request.read(Input { sender: &asked.sender, path, body, fields: &mut fields, command: id })?;
        let once = asked.key.as_ref().map(|key| key.scope(R::Message::NAME, asked.place.id(), &fields));
        Ok(Self { id, message, sender, once, fields })
    }
}

/// The parts of a command's request other than its body. As an extractor it rejects other senders, and a malformed head.
pub struct CommandMeta<R: CommandRequest> {
    pub(crate) sender: R::Sender,
    pub(crate) bearer: Option<Bearer>,
    pub(crate) place: R::Path,
    pub(crate) prefer: Prefer,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) trace: Trace,
    pub(crate) deadline: Deadline,
    pub(crate) client: ClientAddress,
}

impl<R: CommandRequest, S: Sync> FromRequestParts<S> for CommandMeta<R> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let sender = extracted::<R::Sender>(parts).await?;
        let bearer = extracted::<Option<Bearer>>(parts).await?;
        let place = extracted::<R::Path>(parts).await?;
        let prefer = extracted::<Prefer>(parts).await?;
        let MaybeKey(key) = extracted(parts).await?;
        let (Extension(trace), Extension(deadline)) = extracted(parts).await?;
        let Extension(client) = extracted(parts).await?;
        let NoQuery = extracted(parts).await?;
        Ok(Self { sender, bearer, place, prefer, key, trace, deadline, client })
    }
}

impl<R: CommandRequest> CommandMeta<R> {
    /// The same parts, for another command that takes them.
    #[must_use]
    pub fn of<A: CommandRequest<Sender = R::Sender, Path = R::Path>>(self) -> CommandMeta<A> {
        let Self { sender, bearer, place, prefer, key, trace, deadline, client } = self;
        CommandMeta { sender, bearer, place, prefer, key, trace, deadline, client }
    }

    /// Records a conflict in the audit log, if the request type has an [`ON_RECORD`](CommandRequest::ON_RECORD) action.
    async fn record(&self, refusal: &Problem, subject: Uuid) {
        if let (Some(bearer), Some(action)) = (&self.bearer, R::ON_RECORD)
            && refusal.status() == StatusCode::CONFLICT
        {
            record(bearer.parts(), Refusal { action, subject, code: refusal.code() }).await;
        }
    }

    /// Authenticates the sender again, and returns what that says now. A request without a token needs no second check.
    ///
    /// # Errors
    /// As the sender's extractor; 401 if the token now belongs to another sender.
    async fn confirm(&self) -> Result<Option<R::Sender>, Problem> {
        let Some(bearer) = &self.bearer else { return Ok(None) };
        let now: R::Sender = bearer.sender().await?;
        if now.principal() == self.sender.principal() { Ok(Some(now)) } else { Err(Problem::invalid_token()) }
    }
}

async fn extracted<T: FromRequestParts<()>>(parts: &mut Parts) -> Result<T, Response> {
    T::from_request_parts(parts, &()).await.map_err(IntoResponse::into_response)
}

fn rejected<R: CommandRequest>(request: &R, command: Command) -> Problem {
    let problem = |code| Problem::new(StatusCode::CONFLICT, code, "The request conflicts with existing data");
    let Some(error) = command.error else { return problem("rejected") };
    if let Some(problem) = request.rejection(&error.code) {
        return problem;
    }
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

/// Turns the reason for which the ledger has not accepted a command into a problem.
#[must_use]
pub fn not_accepted(why: AcceptError) -> Problem {
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
