//! What this context holds on a user.

use crate::queries::get_mails::{MailView, of_user};
use persistence::{Db, SqlError};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use web::SubjectData;

/// What the context `mail` holds on a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "ExportedMails")]
pub(crate) struct ExportedMails {
    /// The mails of the last 30 days that concern the user, the latest first.
    mails: Vec<MailView>,
}

impl SubjectData for ExportedMails {
    async fn read(db: &Db, user: Uuid) -> Result<Option<Self>, SqlError> {
        Ok(Some(Self { mails: of_user(db, user).await? }))
    }
}
