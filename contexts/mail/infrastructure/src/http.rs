//! The HTTP routes of the `mail` context. Each line of `routes` adds a route and its operation in the OpenAPI document.

use crate::queries::get_mails::{self, MailView, whole};
use crate::queries::mailbox;
use auth_access::Administrator;
use axum::http::Method;
use axum::routing::get;
use identity::MailId;
use kernel::DomainError;
use mail_application::ResendMail;
use mail_domain::NotResendable;
use persistence::Db;
use web::{CommandRequest, Commands, Fields, Input, PathId, Problem, Routes};

/// What the routes of this context use.
#[derive(Clone)]
pub struct MailState {
    pub(crate) db: Db,
    pub(crate) commands: Commands,
    /// Whether `/mail` shows mails.
    pub(crate) mailbox: bool,
}

impl AsRef<Commands> for MailState {
    fn as_ref(&self) -> &Commands {
        &self.commands
    }
}

/// The routes of this context.
pub(crate) fn routes() -> Routes<MailState> {
    Routes::<MailState>::new("mail")
        .command("/mails/{id}/resend", Method::POST, |state| ResendMailRequest(state.clone()))
        .immediate(web::operation!(get_mails::get_mails))
        .immediate(web::operation!(get_mails::get_mail))
        .page("/mail", get(mailbox::list))
        .page("/mail/{id}", get(mailbox::read))
        .page("/mail/{id}/html", get(mailbox::read_html))
}

/// `POST /mails/{id}/resend`
struct ResendMailRequest(MailState);

impl CommandRequest for ResendMailRequest {
    type Message = ResendMail;
    type Sender = Administrator;
    type Path = PathId;
    type Body = ();
    type View = MailView;

    const SUMMARY: &'static str = "Send a failed mail again. For administrators";
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] = &[(&NotResendable, "")];

    fn read(&self, input: Input<'_, Self>) -> Result<ResendMail, Problem> {
        let PathId(id) = input.path;
        input.finish(Some(ResendMail { id: MailId::new(id) }))
    }

    async fn check(&self, message: &ResendMail, _: &Administrator, _: &Fields) -> Result<(), Problem> {
        whole(&self.0.db, message.id.as_uuid()).await.map(drop)
    }
}
