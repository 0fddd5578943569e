//! The SQL and HTTP adapters of the `users` context.

mod http;
pub mod import;
pub mod job_store;
mod name_keys;
pub mod queries;
mod sql_email_links;
mod sql_jobs;
mod sql_registrations;
mod sql_users;

pub use crate::http::{AuthPorts, ImportPorts, RegistrationMode};
use crate::http::{SharedParts, routes};
use crate::queries::export_user::ExportedUser;
use crate::sql_users::SqlUsers;
use ledger::Consent;
use mail_access::MailTokens;
use persistence::{BatchLoader, Db, Migrations, migrations};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use users_application::handlers;
use web::{BoundedContext, CursorKeys, SubjectExport};

/// The bounded context `users`. It asks the consent of the context that signs users in before a user loses access, and
/// takes passwords that it never opens.
pub const CONTEXT: BoundedContext<Arc<dyn Consent>, RoutePorts> = BoundedContext {
    migrations: MIGRATIONS,
    messages: || handlers().messages(),
    handlers: |consent| ledger::handlers(handlers(), Arc::new(()), move |tx| SqlUsers(tx, Arc::clone(&consent))),
    tags: &[("users", "Register users, read them and search them. Administrators deactivate and reactivate users.")],
    operations: || routes().into_openapi(),
    routes: |db, commands, RoutePorts { auth, exports, cursors, imports, mail, registration }| {
        let (users, db, commands) = (BatchLoader::new(db.clone()), db.clone(), commands.clone());
        let exports = exports.into();
        let parts = SharedParts { users, commands, auth, db, exports, cursors, imports, mail, registration };
        routes().with_state(parts.into())
    },
    export: Some(SubjectExport::of::<ExportedUser>()),
    upkeep: |db| Box::pin(upkeep(db.clone())),
};

/// Computes the search keys of names, deletes expired registrations, and deletes old jobs once an hour.
async fn upkeep(db: Db) {
    let tidy = async {
        loop {
            if let Err(error) = job_store::tidy_jobs(&db).await {
                tracing::warn!(%error, "could not delete old jobs: retrying in an hour");
            }
            if let Err(error) = sql_email_links::tidy_links(&db).await {
                tracing::warn!(%error, "could not delete expired links: retrying in an hour");
            }
            sleep(Duration::from_secs(3_600)).await;
        }
    };
    tokio::join!(name_keys::fill(db.clone()), tidy, sql_registrations::tidy(db.clone()));
}

/// What the routes of this context need of the program.
pub struct RoutePorts {
    pub auth: AuthPorts,
    /// What each context holds on a user, by the context's name.
    pub exports: Vec<(&'static str, SubjectExport)>,
    /// Authenticates the cursors of lists.
    pub cursors: Arc<dyn CursorKeys>,
    pub imports: ImportPorts,
    /// Issues the tokens of links in mails.
    pub mail: MailTokens,
    pub registration: RegistrationMode,
}

/// The schema migrations of the `users` context.
pub const MIGRATIONS: Migrations = migrations!("users": "0001_users", "0002_deactivation", "0003_search", "0004_erased", "0005_jobs", "0006_email_tokens", "0007_registration");

/// The index for the filter `q`, which only some installations want: every registration pays for it.
pub const SUBSTRING_SEARCH: Migrations = Migrations { first: 1_001, ..migrations!("users": "0001_substrings") };
