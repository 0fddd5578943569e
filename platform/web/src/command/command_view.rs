use crate::command::resource_links::ResourceLinks;
use kernel::{MessageId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A command and its status.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Command")]
pub struct CommandView {
    /// The id of the command. A client that knows the id may ask for the status.
    #[schema(value_type = Uuid)]
    id: MessageId,
    /// The wire name of the command.
    #[schema(max_length = 100)]
    r#type: String,
    /// `accepted`: stored, and no worker has begun it. `running`: a worker has begun it. `succeeded`: the command and
    /// the awaited follow-ups are done. `rejected`: the command changed nothing, see `error`. `failed`: an operator
    /// must retry or discard it, see `error`.
    #[schema(pattern = "^(accepted|running|succeeded|rejected|failed)$")]
    status: &'static str,
    /// When the server accepted the command.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
    /// When the command and its awaited follow-ups ended. Absent until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    finished_at: Option<Timestamp>,
    /// The resource that the command is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    target: Option<Target>,
    /// The number of attempts that ended in an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, nullable = false)]
    attempts: Option<i64>,
    /// Why the command was rejected or has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<CommandError>,
    /// The follow-ups: messages that the command has sent. The server handles each in its own transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    follow_ups: Option<Vec<FollowUpView>>,
}

/// The resource that a command is about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Target {
    /// The kind of resource.
    #[schema(max_length = 50)]
    r#type: &'static str,
    /// The id of the resource.
    id: Uuid,
    /// The path of the resource.
    #[schema(format = "uri-reference")]
    href: String,
}

/// Why a command was rejected or has failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommandError {
    /// A stable code.
    #[schema(example = "email_taken", max_length = 100)]
    code: String,
    /// A description for people.
    #[schema(example = "this email address is already registered", max_length = 1000)]
    message: String,
}

/// A follow-up: a message that a command has sent. The server handles it in its own transaction.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FollowUpView {
    /// The wire name of the follow-up.
    #[schema(max_length = 100)]
    r#type: String,
    /// The status, with the same meaning as the command's `status`.
    #[schema(pattern = "^(accepted|running|succeeded|failed)$")]
    status: &'static str,
    /// The number of attempts that ended in an error.
    #[schema(minimum = 0)]
    attempts: i64,
    /// Whether the command waits for this follow-up. If not, it does not affect the command's `status`.
    awaited: bool,
}

impl CommandView {
    /// The whole command, or only the fields that every client may see.
    pub(crate) fn new(command: ledger::Command, targets: &ResourceLinks, whole: bool) -> Self {
        let target = targets.for_message(&command.name).filter(|_| whole).map(|resource| Target {
            r#type: resource.kind,
            id: command.subject,
            href: format!("{}{}/{}", targets.base(), resource.path, command.subject),
        });
        // Errors in the ledger may quote a database driver, so clients do not see them. Only rejections have a text of
        // the domain.
        let error = command.error.filter(|_| whole).map(|error| {
            let message = if command.status == ledger::Status::Rejected || error.code == "follow_up_failed" {
                error.message
            } else {
                "the command failed because of an internal error, which an operator must resolve".to_owned()
            };
            CommandError { code: error.code, message }
        });
        let follow_ups = command.follow_ups.into_iter().map(|part| FollowUpView {
            r#type: part.name,
            status: part.status.as_str(),
            attempts: part.attempts,
            awaited: part.awaited,
        });
        Self {
            id: command.id,
            r#type: command.name,
            status: command.status.as_str(),
            accepted_at: command.accepted_at,
            finished_at: command.finished_at,
            target,
            attempts: whole.then_some(command.attempts),
            error,
            follow_ups: whole.then(|| follow_ups.collect()),
        }
    }
}
