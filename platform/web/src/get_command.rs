//! What has become of a command: asked once, or as a stream.

use crate::command_view::CommandView;
use crate::commands::unavailable;
use crate::resource_links::ResourceLinks;
use crate::{Bearer, Caller, ClientAddress, Commands, Json, NoQuery, PathId, Problem, RateLimit};
use axum::Extension;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kernel::MessageId;
use ledger::{Command, RETENTION_DAYS};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The longest that a stream goes on; a client that is not done by then asks again.
const LONGEST_STREAM: Duration = Duration::from_secs(600);
/// After so much silence a comment is sent: proxies end connections that say nothing, after 30 seconds or more.
const HEARTBEAT: Duration = Duration::from_secs(15);
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Ids that one address may try and miss: an id is a capability, and guessing must not pay.
const MISSES: RateLimit = RateLimit { name: "web.command_misses", burst: 30, every: Duration::from_secs(10) };

pub(crate) type Asking = State<(Commands, Arc<ResourceLinks>)>;

/// Ask what has become of a command.
///
/// The id is the capability: whoever knows it may ask, for 30 days. What it is about and how it went
/// is shown to the person who sent it and to administrators; if nobody had signed in, to whoever asks.
#[utoipa::path(
    get,
    path = "/commands/{id}",
    tag = "commands",
    security((), ("bearer" = [])),
    params(("id" = Uuid, Path, description = "The command's id, from the answer that accepted it.")),
    responses(
        (status = 200, description = "The command as it stands.", body = CommandView),
        (status = 404, description = "There is no such command.", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "Its time is over.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many ids from this address were none.", body = Problem, content_type = "application/problem+json",
            headers(("Retry-After" = u64, description = "Seconds until the next one may be tried."))),
    )
)]
pub(crate) async fn get_command(
    State((commands, targets)): Asking,
    caller: Caller,
    Extension(client): Extension<ClientAddress>,
    PathId(id): PathId,
    _: NoQuery,
) -> Result<Json<CommandView>, Problem> {
    commands.limits().peek(&MISSES, &client.key()).await?;
    match commands.ledger().command(MessageId::new(id)).await.map_err(unavailable)? {
        Some(command) => {
            let whole = is_theirs(&command, &caller);
            Ok(Json(CommandView::new(command, &targets, whole)))
        }
        None => Err(missed(MessageId::new(id), &commands, client).await),
    }
}

/// Follow what becomes of a command.
///
/// Server-sent events, each with the command as it stands; the last one when it is final. A comment is sent every 15
/// seconds while nothing happens.
#[utoipa::path(
    get,
    path = "/commands/{id}/events",
    tag = "commands",
    security((), ("bearer" = [])),
    params(("id" = Uuid, Path, description = "The command's id, from the answer that accepted it.")),
    responses(
        (status = 200, description = "Events of type `command`, whose data is the command.", body = String, content_type = "text/event-stream"),
        (status = 404, description = "There is no such command.", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "Its time is over.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many ids from this address were none, or too many of its requests are waiting.", body = Problem, content_type = "application/problem+json",
            headers(("Retry-After" = u64, description = "Seconds until the next one may be tried."))),
    )
)]
pub(crate) async fn get_command_events(
    State((commands, targets)): Asking,
    caller: Caller,
    bearer: Option<Bearer>,
    Extension(client): Extension<ClientAddress>,
    PathId(id): PathId,
    _: NoQuery,
) -> Result<Response, Problem> {
    commands.limits().peek(&MISSES, &client.key()).await?;
    let share = commands.stream(client)?;
    let (id, deadline) = (MessageId::new(id), Instant::now() + LONGEST_STREAM);
    let mut watch = commands.ledger().watch(id);
    let Some(first) = watch.next(deadline).await.map_err(unavailable)? else {
        return Err(missed(id, &commands, client).await);
    };
    let rest = stream::try_unfold((watch, bearer, share), move |(mut watch, bearer, share)| async move {
        let Some(command) = watch.next(deadline).await? else { return Ok(None) };
        Ok::<_, Ended>(Some(((command, caller_now(bearer.as_ref()).await?), (watch, bearer, share))))
    });
    // When the database goes away, the stream ends, and the client asks again.
    let commands = stream::iter([Ok((first, caller))]).chain(rest).map_ok(move |(command, caller)| {
        let whole = is_theirs(&command, &caller);
        let view = serde_json::to_string(&CommandView::new(command, &targets, whole)).unwrap_or_default();
        Event::default().event("command").data(view)
    });
    let heartbeat = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    let unbuffered = [
        // nginx, and what is made of it, sends each event on only if the answer asks for it.
        (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
    ];
    let mut answer = Sse::new(commands).keep_alive(heartbeat).into_response();
    for (name, value) in unbuffered {
        answer.headers_mut().insert(name, value);
    }
    Ok(answer)
}

/// Why a stream ends before its command.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Database(#[from] persistence::SqlError),
    #[error("it cannot be told who asks")]
    Unknown,
}

/// Who follows a stream, as of now. Once the token is good for nothing it is anyone who knows the id.
async fn caller_now(bearer: Option<&Bearer>) -> Result<Caller, Ended> {
    let Some(bearer) = bearer else { return Ok(Caller::Anonymous) };
    match bearer.sender().await {
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Ok(Caller::Anonymous),
        told => told.map_err(|_| Ended::Unknown),
    }
}

/// Whether all of it may be shown: to whoever sent it, and to administrators. Of a command that
/// nobody in particular has sent, the id is the sender.
fn is_theirs(command: &Command, caller: &Caller) -> bool {
    caller.is_admin() || command.principal == caller.principal() || command.principal == Caller::Anonymous.principal()
}

/// There is none, which counts.
async fn missed(id: MessageId, commands: &Commands, client: ClientAddress) -> Problem {
    if let Err(refusal) = commands.limits().acquire(&MISSES, &client.key()).await {
        return refusal.into();
    }
    if is_outlived(id) {
        Problem::new(StatusCode::GONE, "gone", "Commands are kept for 30 days")
    } else {
        Problem::not_found()
    }
}

/// An id tells when it was made (UUID version 7): nothing need be kept to know that its time is over.
fn is_outlived(id: MessageId) -> bool {
    let Some(made) = id.as_uuid().get_timestamp().filter(|_| id.as_uuid().get_version_num() == 7) else { return false };
    let (seconds, _) = made.to_unix();
    let now = kernel::Timestamp::now().as_microsecond() / 1_000_000;
    i64::try_from(seconds).is_ok_and(|made| made < now - RETENTION_DAYS * 86_400)
}
