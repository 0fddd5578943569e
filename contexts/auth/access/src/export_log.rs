use crate::Person;
use async_trait::async_trait;
use identity::UserId;
use web::{Client, Problem};

/// Records in the audit log that a person exports everything that the server holds on a user.
///
/// The auth context implements this trait. The composition root passes it to the route that exports.
#[async_trait]
pub trait ExportLog: Send + Sync {
    /// Records the export. `route` is the route of the request.
    ///
    /// # Errors
    /// 401 when the session of the person has ended, 503 when the export cannot be recorded now: the person gets no data.
    async fn record(&self, by: Person, user: UserId, route: &str, client: &Client) -> Result<(), Problem>;
}
