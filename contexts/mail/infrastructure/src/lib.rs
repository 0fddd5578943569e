//! The adapters of the `mail` context: SQL, HTTP, templates and SMTP.

mod http;
mod links;
mod mail_service;
pub mod queries;
mod smtp;
mod sql_mails;
mod templates;

pub use links::{LinkPattern, Links, NotALinkPattern};
pub use mail_service::{MailConfig, MailError, MailServer, MailService};
pub use smtp::{MailSender, NotASender, NotAnSmtpUrl, SmtpUrl, TlsError};
pub use templates::{TemplateError, Templates};

use crate::http::{MailState, routes};
use crate::queries::export_mails::ExportedMails;
use crate::sql_mails::SqlMails;
use mail_application::{Mailer, handlers};
use persistence::migrations;
use std::sync::Arc;
use web::{BoundedContext, SubjectExport};

/// The bounded context `mail`. Its handlers deliver mails; its routes need to know whether `/mail` shows them.
pub const CONTEXT: BoundedContext<Arc<dyn Mailer>, bool> = BoundedContext {
    migrations: migrations!("mail": "0001_mail"),
    messages: || handlers().messages(),
    handlers: |mailer| ledger::handlers(handlers(), mailer, SqlMails),
    tags: &[("mail", "See which mails were sent, and send a failed one again. For administrators.")],
    operations: || routes().into_openapi(),
    routes: |db, commands, mailbox| {
        routes().with_state(MailState { db: db.clone(), commands: commands.clone(), mailbox })
    },
    export: Some(SubjectExport::of::<ExportedMails>()),
    upkeep: |db| Box::pin(sql_mails::tidy(db.clone())),
};
