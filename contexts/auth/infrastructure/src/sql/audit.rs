use crate::SqlAuth;
use auth_application::{Audit, AuditEvent, Outcome};
use auth_domain::SessionId;
use identity::UserId;
use persistence::execute;
use use_case::{Unavailable, async_trait};

kernel::id! {
    /// The id of an event of the audit log.
    AuditEventId
}

#[async_trait]
impl Audit for SqlAuth {
    async fn record(&mut self, event: AuditEvent) -> Result<(), Unavailable> {
        let sql = "insert into auth_audit_events \
             (id, action, outcome, reason, actor, user_id, session_id, target, address, request) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let AuditEvent { action, outcome, actor, user, session, target, client } = event;
        let (outcome, reason) = match outcome {
            Outcome::Succeeded => ("succeeded", None),
            Outcome::Refused(code) => ("refused", Some(code)),
        };
        let id = AuditEventId::random().as_uuid();
        let (user, session) = (user.map(UserId::as_uuid), session.map(SessionId::as_uuid));
        let (action, actor) = (action.as_str(), actor.to_string());
        tracing::info!(target: "audit", action, outcome, reason, actor, user = user.map(tracing::field::display), address = client.address, "security event");
        let auth_application::RequestOrigin { address, request } = client;
        execute!(&mut self.0, sql, id, action, outcome, reason, actor, user, session, target, address, request)?;
        Ok(())
    }
}
