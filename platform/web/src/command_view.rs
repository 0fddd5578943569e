use crate::resource_links::ResourceLinks;
use kernel::{MessageId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A command: what was asked for, and what has become of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Command", example = json!({
    "id": "01890a5d-ac96-774b-bcce-b302099a8057",
    "type": "users.register_user.v1",
    "status": "succeeded",
    "accepted_at": "2026-09-21T14:13:20.123456Z",
    "finished_at": "2026-09-21T14:13:20.634201Z",
    "target": { "type": "user", "id": "0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091", "href": "/users/0190b5a6-7c2f-7d1e-9a3b-4c5d6e7f8091" },
    "attempts": 0,
    "follow_ups": [
        { "type": "users.user_registered.v1", "status": "succeeded", "attempts": 0, "awaited": true },
        { "type": "auth.set_credential.v1", "status": "succeeded", "attempts": 0, "awaited": true },
    ],
}))]
pub struct CommandView {
    /// Names the command. Who knows it may ask.
    #[schema(value_type = Uuid)]
    id: MessageId,
    /// What was asked for.
    #[schema(max_length = 100)]
    r#type: String,
    /// `accepted`: written down. `running`: under way. `succeeded`: all of it is done.
    /// `rejected`: refused, see `error`. `failed`: it could not be done, an operator decides.
    #[schema(pattern = "^(accepted|running|succeeded|rejected|failed)$")]
    status: &'static str,
    /// When it was written down.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
    /// When the last part of it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    finished_at: Option<Timestamp>,
    /// What it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    target: Option<Target>,
    /// Attempts that ended in an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, nullable = false)]
    attempts: Option<i64>,
    /// Why it was rejected, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<CommandError>,
    /// What it set in motion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    follow_ups: Option<Vec<FollowUpView>>,
}

/// What a command is about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Target {
    /// What kind of thing.
    #[schema(max_length = 50)]
    r#type: &'static str,
    /// Which one.
    id: Uuid,
    /// Where to read it.
    #[schema(format = "uri-reference")]
    href: String,
}

/// Why a command was rejected, or failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommandError {
    /// A stable code.
    #[schema(example = "email_taken", max_length = 100)]
    code: String,
    /// A sentence for people.
    #[schema(example = "this email address is already registered", max_length = 1000)]
    message: String,
}

/// A part of a command that follows its own commit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FollowUpView {
    /// What is done.
    #[schema(max_length = 100)]
    r#type: String,
    /// As for the command.
    #[schema(pattern = "^(accepted|running|succeeded|failed)$")]
    status: &'static str,
    /// Attempts that ended in an error.
    #[schema(minimum = 0)]
    attempts: i64,
    /// Whether the command waits for it. What is not awaited changes nothing about the command's `status`.
    awaited: bool,
}

impl CommandView {
    /// The whole of it, or only that it exists and where it stands.
    pub(crate) fn new(command: ledger::Command, targets: &ResourceLinks, whole: bool) -> Self {
        let target = targets.for_message(&command.name).filter(|_| whole).map(|(kind, path)| Target {
            r#type: kind,
            id: command.subject,
            href: format!("{}{path}/{}", targets.base(), command.subject),
        });
        // What an operator reads in the ledger may quote a driver; a rejection is the domain's own sentence.
        let error = command.error.filter(|_| whole).map(|error| {
            let message = if command.status == ledger::Status::Rejected || error.code == "follow_up_failed" {
                error.message
            } else {
                "it could not be done, and an operator has been told".to_owned()
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
