use crate::SqlAuth;
use auth_application::{Actor, Audit, AuditEvent, Outcome};
use auth_domain::SessionId;
use identity::UserId;
use persistence::execute;
use use_case::{Unavailable, async_trait};
use uuid::Uuid;

#[async_trait]
impl Audit for SqlAuth {
    async fn record(&mut self, event: AuditEvent) -> Result<(), Unavailable> {
        let sql = "insert into auth_audit_events \
             (id, action, outcome, reason, actor, user_id, session_id, target, address, request, note) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let AuditEvent { action, outcome, actor, user, session, target, note, client } = event;
        let (outcome, reason) = match outcome {
            Outcome::Succeeded => ("succeeded", None),
            Outcome::Refused(code) => ("refused", Some(code)),
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "the log is sorted by time and id, and SQLite stores milliseconds: ids that count up keep the order of \
                      a process; knowing one gives no access"
        )]
        let id = Uuid::now_v7();
        let (user, session) = (user.map(UserId::as_uuid), session.map(SessionId::as_uuid));
        let (action, actor) = (action.as_str(), actor.to_string());
        tracing::info!(target: "audit", action, outcome, reason, actor, user = user.map(tracing::field::display), address = client.address, "security event");
        let auth_application::RequestOrigin { address, request } = client;
        execute!(&mut self.0, sql, id, action, outcome, reason, actor, user, session, target, address, request, note)?;
        Ok(())
    }

    async fn pseudonymise(&mut self, user: UserId) -> Result<(), Unavailable> {
        // The triggers of the table allow this change and no other.
        let by_the_user = "update auth_audit_events set address = '' where actor = $1 and address <> ''";
        execute!(&mut self.0, by_the_user, Actor::User(user).to_string())?;
        let by_unknown_callers = "update auth_audit_events set address = '' \
             where user_id = $1 and actor = 'anonymous' and address <> ''";
        execute!(&mut self.0, by_unknown_callers, user.as_uuid())?;
        Ok(())
    }
}
