use crate::SubjectData;
use kernel::{MessageId, Timestamp};
use ledger::dead_letters;
use persistence::{Db, SqlError};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The messages about a person that still have their content. A message loses its content when it is finished.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "ExportedMessages")]
pub struct LedgerExport {
    messages: Vec<ExportedMessage>,
}

/// A message that is not finished, or has failed and waits for an operator.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "ExportedMessage")]
pub(crate) struct ExportedMessage {
    /// The id of the message.
    #[schema(value_type = Uuid)]
    id: MessageId,
    /// The wire name of the message.
    r#type: String,
    /// `accepted`, `running` or `failed`.
    #[schema(pattern = "^(accepted|running|failed)$")]
    status: String,
    /// When the server accepted the message.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
}

impl SubjectData for LedgerExport {
    async fn read(db: &Db, subject: Uuid) -> Result<Option<Self>, SqlError> {
        let messages = dead_letters::about(db, subject).await?.into_iter().map(|message| ExportedMessage {
            id: message.id,
            r#type: message.name,
            status: message.status,
            accepted_at: message.accepted_at,
        });
        let messages: Vec<_> = messages.collect();
        Ok(Some(Self { messages }).filter(|found| !found.messages.is_empty()))
    }
}
