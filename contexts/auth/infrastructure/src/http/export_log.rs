use super::by::Sends as _;
use crate::AuthState;
use crate::sql::unit_of_work::not_run;
use async_trait::async_trait;
use auth_access::{Administrator, ExportLog, Person};
use auth_application::{Authority, RecordExport};
use auth_domain::Need;
use identity::UserId;
use web::{Client, Problem};

#[async_trait]
impl ExportLog for AuthState {
    async fn record(&self, by: Person, user: UserId, route: &str, client: &Client) -> Result<(), Problem> {
        let principal = if by.user == user { by.principal() } else { Administrator(by).principal() };
        let (client, route, rules) = (client.on_record(), route.to_owned(), self.authenticator.rules);
        let by = Authority { principal, client, route, need: Need::Access, rules };
        self.run(RecordExport { by, user }).await.map_err(not_run)
    }
}
