//! The status of a command, as one response or as a stream of events.

use crate::command::command_view::CommandView;
use crate::command::commands::unavailable;
use crate::command::resource_links::ResourceLinks;
use crate::{ANONYMOUS, Bearer, ClientAddress, Commands, Json, NoQuery, PathId, Problem, RateLimit, Viewer};
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

/// The longest duration of a stream. After that the client reconnects.
const LONGEST_STREAM: Duration = Duration::from_secs(600);
/// The interval of comments on a silent stream: proxies close idle connections, after 30 seconds or more.
const HEARTBEAT: Duration = Duration::from_secs(15);
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// The rate limit of unknown ids from one address: an id is a capability, so clients must not be able to guess one.
const MISSES: RateLimit = RateLimit { name: "web.command_misses", burst: 30, every: Duration::from_secs(10) };

pub(crate) type Asking = State<(Commands, Arc<ResourceLinks>)>;

/// Get the status of a command.
///
/// Any client that knows the id may ask, for 30 days. Only the sender of the command, and callers who may see every
/// command, get `target`, `attempts`, `error` and `follow_ups`. If the sender had no token, every client gets them.
#[utoipa::path(
    get,
    path = "/commands/{id}",
    tag = "commands",
    security((), ("bearer" = [])),
    params(("id" = Uuid, Path, description = "The command's id, from the answer that accepted it.")),
    responses(
        (status = 200, description = "The command with its status.", body = CommandView),
        (status = 404, description = "There is no such command."),
        (status = 410, description = "The command is older than 30 days and is no longer stored."),
        (status = 429, description = "This address has asked for too many unknown command ids."),
    )
)]
pub(crate) async fn get_command(
    State((commands, targets)): Asking,
    viewer: Viewer,
    Extension(client): Extension<ClientAddress>,
    PathId(id): PathId,
    _: NoQuery,
) -> Result<Json<CommandView>, Problem> {
    commands.limits().peek(&MISSES, &client.key()).await?;
    match commands.ledger().command(MessageId::new(id)).await.map_err(unavailable)? {
        Some(command) => {
            let whole = is_theirs(&command, &viewer);
            Ok(Json(CommandView::new(command, &targets, whole)))
        }
        None => Err(missed(MessageId::new(id), &commands, client).await),
    }
}

/// Follow the status of a command.
///
/// The server sends events (server-sent events), each with the command and its status. The stream ends after the final
/// status, or after 10 minutes. After 15 seconds without an event, the server sends a comment.
#[utoipa::path(
    get,
    path = "/commands/{id}/events",
    tag = "commands",
    security((), ("bearer" = [])),
    params(("id" = Uuid, Path, description = "The command's id, from the answer that accepted it.")),
    responses(
        (status = 200, description = "Events of type `command`. The data of each is the JSON that `GET /commands/{id}` returns.", body = String, content_type = "text/event-stream"),
        (status = 404, description = "There is no such command."),
        (status = 410, description = "The command is older than 30 days and is no longer stored."),
        (status = 429, description = "This address has asked for too many unknown command ids, or too many of its requests are waiting."),
    )
)]
pub(crate) async fn get_command_events(
    State((commands, targets)): Asking,
    viewer: Viewer,
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
        Ok::<_, Ended>(Some(((command, viewer_now(bearer.as_ref()).await?), (watch, bearer, share))))
    });
    // The stream ends if the database stops answering; the client then reconnects.
    let commands = stream::iter([Ok((first, viewer))]).chain(rest).map_ok(move |(command, viewer)| {
        let whole = is_theirs(&command, &viewer);
        let view = serde_json::to_string(&CommandView::new(command, &targets, whole)).unwrap_or_default();
        Event::default().event("command").data(view)
    });
    let heartbeat = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    let unbuffered = [
        // nginx and its derivatives buffer the events unless this header is set.
        (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
    ];
    let mut answer = Sse::new(commands).keep_alive(heartbeat).into_response();
    for (name, value) in unbuffered {
        answer.headers_mut().insert(name, value);
    }
    Ok(answer)
}

/// The reason why a stream ends before its command.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Database(#[from] persistence::SqlError),
    #[error("the caller cannot be authenticated now")]
    Unknown,
}

/// Authenticates the client of a stream again. A client whose token is no longer valid becomes anonymous.
async fn viewer_now(bearer: Option<&Bearer>) -> Result<Viewer, Ended> {
    let anonymous = || Viewer { principal: ANONYMOUS.to_owned(), sees_all: false };
    let Some(bearer) = bearer else { return Ok(anonymous()) };
    match bearer.sender().await {
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Ok(anonymous()),
        viewer => viewer.map_err(|_| Ended::Unknown),
    }
}

/// Whether the caller may see the whole command: its sender may, and callers who see all commands. Every caller may, if
/// the sender was anonymous.
fn is_theirs(command: &Command, viewer: &Viewer) -> bool {
    viewer.sees_all || [&*viewer.principal, ANONYMOUS].contains(&&*command.principal)
}

/// Counts a miss and returns the problem: 404, 410 or 429.
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

/// Whether the id is older than the retention time. A UUID of version 7 contains its time, so no record is needed.
fn is_outlived(id: MessageId) -> bool {
    let Some(made) = id.as_uuid().get_timestamp().filter(|_| id.as_uuid().get_version_num() == 7) else { return false };
    let (seconds, _) = made.to_unix();
    let now = kernel::Timestamp::now().as_microsecond() / 1_000_000;
    i64::try_from(seconds).is_ok_and(|made| made < now - RETENTION_DAYS * 86_400)
}
