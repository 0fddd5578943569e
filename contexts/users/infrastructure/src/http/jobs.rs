//! Jobs: administrators start, watch and cancel what handles many users.

use super::UsersState;
use crate::import::{Columns, Import, ImportError, ImportFile, ImportSource, Parameters, ReadError};
use crate::job_store::{cancel_job, create_job, forget};
use crate::queries::get_job::{JobView, find_job, job_errors};
use crate::queries::get_users::read_filter;
use auth_access::{Administrator, Fresh, Person};
use axum::extract::{FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse as _, Response};
use identity::JobId;
use kernel::{DomainError, MessageId};
use ledger::NewCommand;
use serde::Serialize;
use std::sync::Arc;
use use_case::Outgoing;
use users_application::{DeactivateUsers, EraseUsers, ImportUsers};
use users_domain::{ErasureReason, RowError, UserFilter};
use utoipa::ToSchema;
use uuid::Uuid;
use web::{
    Bearer, Fields, Json, NoQuery, PathId, Problem, Query, Sender as _, Upload, Violation, WithClient, not_accepted,
    read_limit, unavailable,
};

/// The media types of files.
const MEDIA_TYPES: [&str; 3] = ["application/x-ndjson", "text/csv", "application/json"];

/// What jobs of this API need of the program.
#[derive(Clone)]
pub struct ImportPorts {
    pub credentials: Arc<dyn auth_access::CredentialReader>,
    /// The most bytes of a file.
    pub largest: u64,
}

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JobKind {
    Import,
    Deactivate,
    Erase,
}

impl std::str::FromStr for JobKind {
    type Err = UnknownJob;

    fn from_str(text: &str) -> Result<Self, UnknownJob> {
        match text {
            "import" => Ok(Self::Import),
            "deactivate" => Ok(Self::Deactivate),
            "erase" => Ok(Self::Erase),
            _ => Err(UnknownJob),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("must be import, deactivate or erase")]
struct UnknownJob;

#[derive(Debug, thiserror::Error)]
#[error("needs at least one filter: which users the job is about")]
struct NeedsFilter;

impl DomainError for NeedsFilter {
    fn code(&self) -> &'static str {
        "filter_required"
    }
}

impl DomainError for UnknownJob {
    fn code(&self) -> &'static str {
        "job_type_unknown"
    }
}

#[derive(Debug, thiserror::Error)]
enum BadFile {
    #[error("the columns cannot be read: {0}")]
    Columns(crate::import::ColumnsError),
    #[error("use the command line for this source: its parameters are secrets")]
    NeedsParameters,
}

impl DomainError for BadFile {
    fn code(&self) -> &'static str {
        match self {
            Self::Columns(_) => "columns_invalid",
            Self::NeedsParameters => "source_needs_parameters",
        }
    }
}

/// Start a job: import users from a file, or deactivate or erase all users who match.
///
/// For administrators with a fresh session. `type=import` takes a file, and answers 202 when every row is checked and stored; nothing is stored
/// of a file that breaks off. `type=deactivate` and `type=erase` take the filters of `GET /users`, at least one of them;
/// `erase` takes a JSON body with the `reason`, and `deactivate` needs none. `GET /jobs/{id}` then shows the progress, and `GET /commands/{id}` the
/// outcome.
#[utoipa::path(
    post,
    path = "/jobs",
    tag = "users",
    operation_id = "start_job",
    security(("bearer" = [])),
    params(
        ("type" = String, Query, description = "What the job does: `import`, `deactivate` or `erase`.", pattern = "^(import|deactivate|erase)$"),
        ("from" = Option<String>, Query, description = "For `import`: what has made the file. The default is `ndjson`: one JSON object a line, with the fields `ref`, `id`, `email`, `name`, `password_hash`, `email_verified`, `status`, `role`, `totp_secret`, `created_at`.", pattern = "^(ndjson|csv|auth0|keycloak|django|supabase)$"),
        ("columns" = Option<String>, Query, description = "For `import` of a `csv` file: which columns are which fields, `email=mail,name=first+last` by the names in its first line, or `email=2` by number in a file without names.", max_length = 1000),
        ("id" = Option<Uuid>, Query, description = "Only the user with this id."),
        ("email" = Option<String>, Query, description = "Only the user with this email address.", max_length = 254),
        ("email_prefix" = Option<String>, Query, description = "Only users whose email address begins like this.", max_length = 254),
        ("name_prefix" = Option<String>, Query, description = "Only users whose name begins like this.", max_length = 200),
        ("q" = Option<String>, Query, description = "Only users whose email address or name contains this; see `GET /users`.", max_length = 200),
        ("domain" = Option<String>, Query, description = "Only users whose email address has this domain.", max_length = 254),
        ("status" = Option<String>, Query, description = "Only users with this status.", pattern = "^(active|deactivated)$"),
        ("role" = Option<String>, Query, description = "Only users with this role.", pattern = "^(user|admin)$"),
        ("email_verified" = Option<String>, Query, description = "Only users whose email address is verified, or is not.", pattern = "^(true|false)$"),
        ("created_after" = Option<String>, Query, description = "Only users who registered later than this time (RFC 3339).", max_length = 50),
        ("created_before" = Option<String>, Query, description = "Only users who registered earlier than this time (RFC 3339).", max_length = 50),
    ),
    request_body(content(
        (String = "application/x-ndjson", example = "{\"email\":\"ada@example.org\"}\n"),
        (String = "text/csv", example = "email\nada@example.org\n"),
        (serde_json::Value = "application/json", example = json!({ "reason": "asked for it by letter" })),
    )),
    responses(
        (status = 202, description = "The job has begun.", body = JobView, headers(
            ("Location" = String, description = "The path of the job."),
        ), example = json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057", "type": "import", "status": "running", "total": 2, "done": 0,
            "errors": 0, "created_at": "2026-09-21T14:13:20.123456Z",
        })),
        (status = 401, description = "The token is missing, invalid or expired, or the caller must step up (`step_up_required`)."),
        (status = 403, description = "The caller is not an administrator."),
        (status = 408, description = "A piece of the body took too long to arrive."),
        (status = 413, description = "The file is larger than the server takes, or the JSON of another job is over 64 KiB."),
    )
)]
pub(crate) async fn start_job(
    State(state): State<UsersState>,
    (WithClient(Fresh(Administrator(me)), client), bearer): (WithClient<Fresh<Administrator>>, Bearer),
    mut query: Query,
    request: Request,
) -> Result<Response, Problem> {
    let kind = query.required("type", str::parse::<JobKind>);
    let (by, client) = (Some(me.user), Some(client.on_record()));
    let job = match kind {
        Some(JobKind::Deactivate) => {
            let filter = read_needed_filter(&mut query, &state).await?;
            query.finish(Some(()))?;
            if let Some(mut body) = Option::<Fields>::from_request(request, &()).await? {
                body.finish(Some(()))?;
            }
            let job = create(&state, "deactivate", &filter, me).await?;
            (job, Outgoing::new_message(&DeactivateUsers { job, filter, by, client }))
        }
        Some(JobKind::Erase) => {
            let filter = read_needed_filter(&mut query, &state).await?;
            query.finish(Some(()))?;
            let mut fields = Fields::from_request(request, &()).await?;
            let reason = fields.required("reason", ErasureReason::parse);
            let reason = fields.finish(reason)?;
            let job = create(&state, "erase", &filter, me).await?;
            (job, Outgoing::new_message(&EraseUsers { job, filter, reason, by, client }))
        }
        // Without a type, `finish` refuses the request.
        Some(JobKind::Import) | None => {
            let job = import(&state, query, request, me).await?;
            (job, Outgoing::new_message(&ImportUsers { job, by, client }))
        }
    };
    let (job, message) = job;
    // The caller's rights may have changed while the body arrived. A large file may take longer than a session is fresh.
    let confirmed = match kind {
        Some(JobKind::Deactivate | JobKind::Erase) => bearer.sender::<Fresh<Administrator>>().await.map(drop),
        Some(JobKind::Import) | None => bearer.sender::<Administrator>().await.map(drop),
    };
    if let Err(refusal) = confirmed {
        forget(&state.db, job).await.map_err(unavailable)?;
        return Err(refusal);
    }
    let id = MessageId::new(job.as_uuid());
    let command = NewCommand::of_outgoing(id, message, Administrator(me).principal());
    state.commands.ledger().accept(command).await.map_err(not_accepted)?;
    let job = found(&state, job.as_uuid()).await?;
    let at = format!("{}/jobs/{id}", state.commands.base());
    Ok((StatusCode::ACCEPTED, [(LOCATION, at)], Json(job)).into_response())
}

/// Checks and stores a file.
async fn import(state: &UsersState, mut query: Query, request: Request, me: Person) -> Result<JobId, Problem> {
    let source = query.optional("from", str::parse::<ImportSource>).unwrap_or(ImportSource::Ndjson);
    let columns = query.optional("columns", |text| text.parse::<Columns>().map_err(BadFile::Columns));
    if source == ImportSource::Firebase {
        query.refuse("from", &BadFile::NeedsParameters);
    }
    query.finish(Some(()))?;
    let (db, credentials) = (state.db.clone(), Arc::clone(&state.imports.credentials));
    let upload = Upload::from_request(request, &()).await?;
    let staged = upload.read(&MEDIA_TYPES, state.imports.largest, |content| {
        let file = ImportFile { source, columns, parameters: Parameters::default(), content };
        let import = Import { file, credentials, by: Some(me.user) };
        async move { import.stage(&db).await }
    });
    staged.await
}

async fn create(state: &UsersState, kind: &str, filter: &UserFilter, me: Person) -> Result<JobId, Problem> {
    create_job(&state.db, kind, filter, Some(me.user.as_uuid())).await.map_err(unavailable)
}

/// Reads a filter. A job for all users would be a mistake.
async fn read_needed_filter(query: &mut Query, state: &UsersState) -> Result<UserFilter, Problem> {
    let filter = read_filter(query, &state.db).await?;
    if filter.is_empty() && query.is_fine() {
        query.refuse("type", &NeedsFilter);
    }
    Ok(filter)
}

/// Read a job.
///
/// For administrators.
#[utoipa::path(
    get,
    path = "/jobs/{id}",
    tag = "users",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The job's id.")),
    responses(
        (status = 200, description = "The job.", body = JobView, example = json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057", "type": "import", "status": "succeeded", "total": 2, "done": 2,
            "errors": 1, "created_at": "2026-09-21T14:13:20.123456Z", "finished_at": "2026-09-21T14:13:21.123456Z",
        })),
        (status = 403, description = "The caller is not an administrator."),
        (status = 404, description = "There is no such job, or it ended over 30 days ago."),
    )
)]
pub(crate) async fn get_job(
    State(state): State<UsersState>,
    _: Administrator,
    PathId(id): PathId,
    _: NoQuery,
) -> Result<Json<JobView>, Problem> {
    found(&state, id).await.map(Json)
}

/// The errors of a job, in the order of their lines.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "JobErrors")]
pub(crate) struct JobErrors {
    /// The errors of this page.
    data: Vec<JobError>,
    /// The value of `after` for the next page; `null` on the last page.
    #[schema(required = true)]
    next_after: Option<i64>,
}

/// Why a row was not imported.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "JobError")]
pub(crate) struct JobError {
    /// The line of the file, the first being 1. In a table the number of the row, in a JSON document of the element. Of a
    /// job for users, the number of the user.
    line: i64,
    /// A stable code.
    #[schema(max_length = 50)]
    code: String,
    /// A description for people.
    #[schema(max_length = 1000)]
    message: String,
}

/// List the errors of a job.
///
/// For administrators.
#[utoipa::path(
    get,
    path = "/jobs/{id}/errors",
    tag = "users",
    security(("bearer" = [])),
    params(
        ("id" = Uuid, Path, description = "The job's id."),
        ("limit" = Option<i64>, Query, description = "The maximum number of errors to return.", minimum = 1, maximum = 100),
        ("after" = Option<i64>, Query, description = "`next_after` of the previous page.", minimum = 0),
    ),
    responses(
        (status = 200, description = "The errors of rows.", body = JobErrors, example = json!({
            "data": [{ "line": 7, "code": "email_taken", "message": "this email address is already registered" }],
            "next_after": null,
        })),
        (status = 403, description = "The caller is not an administrator."),
        (status = 404, description = "There is no such job, or it ended over 30 days ago."),
    )
)]
pub(crate) async fn get_job_errors(
    State(state): State<UsersState>,
    _: Administrator,
    PathId(id): PathId,
    mut query: Query,
) -> Result<Json<JobErrors>, Problem> {
    let limit = read_limit(&mut query);
    let after = query.optional("after", |text| text.parse().ok().filter(|line| *line >= 0).ok_or(NotALine));
    query.finish(Some(()))?;
    found(&state, id).await?;
    let mut errors = job_errors(&state.db, id, after.unwrap_or(-1), limit + 1).await.map_err(unavailable)?;
    let has_more = errors.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if has_more {
        errors.pop();
    }
    let next_after = errors.last().map(|error| error.line).filter(|_| has_more);
    let data = errors.into_iter().map(|RowError { line, code, message }| JobError { line, code, message });
    Ok(Json(JobErrors { data: data.collect(), next_after }))
}

#[derive(Debug, thiserror::Error)]
#[error("must be the next_after of an earlier page")]
struct NotALine;

impl DomainError for NotALine {
    fn code(&self) -> &'static str {
        "cursor_invalid"
    }
}

/// Cancel a job.
///
/// For administrators. No further step begins; what is done stays done.
#[utoipa::path(
    post,
    path = "/jobs/{id}/cancel",
    tag = "users",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The job's id.")),
    responses(
        (status = 200, description = "The job. It ends within a few seconds, if it has not ended.", body = JobView, example = json!({
            "id": "01890a5d-ac96-774b-bcce-b302099a8057", "type": "import", "status": "cancelling", "total": 2000, "done": 500,
            "errors": 0, "created_at": "2026-09-21T14:13:20.123456Z",
        })),
        (status = 403, description = "The caller is not an administrator."),
        (status = 404, description = "There is no such job, or it ended over 30 days ago."),
    )
)]
pub(crate) async fn cancel(
    State(state): State<UsersState>,
    _: Administrator,
    PathId(id): PathId,
    _: NoQuery,
) -> Result<Json<JobView>, Problem> {
    cancel_job(&state.db, id).await.map_err(unavailable)?;
    found(&state, id).await.map(Json)
}

async fn found(state: &UsersState, id: Uuid) -> Result<JobView, Problem> {
    find_job(&state.db, id).await.map_err(unavailable)?.ok_or_else(Problem::not_found)
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Database(error) => unavailable(error),
            ImportError::Read(ReadError::Malformed(why)) => {
                Self::invalid(vec![Violation::new("", "file_malformed", why)])
            }
            // The body has ended early, and its own problem is the answer.
            ImportError::Read(ReadError::Io(_) | ReadError::Stopped) => Self::internal(),
        }
    }
}
