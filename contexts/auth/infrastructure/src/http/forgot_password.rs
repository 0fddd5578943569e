//! A person, or an administrator for a user, asks for a link to choose a new password.

use super::AuthRoutes;
use crate::AuthState;
use auth_access::Administrator;
use auth_application::{RequestPasswordReset, ResetLink, SendPasswordReset};
use auth_domain::NotRecoverable;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use contracts::SendMail;
use identity::{Email, UserId};
use kernel::{DomainError, MessageId};
use ledger::NewCommand;
use serde::Serialize;
use std::time::Duration;
use use_case::Message as _;
use utoipa::ToSchema;
use uuid::Uuid;
use web::{
    ANONYMOUS, Client, CommandRequest, Commands, Fields, Input, Json, Language, LimitError, NoQuery, PathId, Problem,
    RateLimit, RequestBody as _, Resource, Trace, View, WithClient, not_accepted,
};

/// Requests of one address, for any account.
const FROM_ADDRESS: RateLimit =
    RateLimit { name: "auth.forgotten_from_address", burst: 20, every: Duration::from_secs(30) };
/// Requests for one email address, whether or not it has an account.
const FOR_RECIPIENT: RateLimit =
    RateLimit { name: "auth.forgotten_for_recipient", burst: 5, every: Duration::from_secs(10 * 60) };

web::body! {
    /// The email address of an account.
    #[schema(title = "ForgottenPassword", example = json!({ "email": "ada@example.org" }))]
    pub(crate) struct ForgottenPassword {
        /// The email address that the user signs in with.
        #[schema(format = Email, min_length = 3, max_length = 254)]
        email: required Email = Email::parse,
    }
}

/// Ask for a link to choose a new password.
///
/// If the address has an active account, the server mails it a link, which works once, for an hour. The answer is the same
/// for every address.
#[utoipa::path(
    post,
    path = "/auth/password/forgot",
    tag = "auth",
    request_body = ForgottenPassword,
    responses(
        (status = 202, description = "If the address has an active account, a mail is on its way."),
        (status = 429, description = "Too many requests from this address. Retry after the seconds in `Retry-After`."),
        (status = 503, description = "The server sends no mail (`mail_not_configured`), has too much to do, or its database does not answer."),
    )
)]
pub(crate) async fn forgot_password(
    State(routes): State<AuthRoutes>,
    from: Client,
    Language(language): Language,
    Extension(trace): Extension<Trace>,
    _: NoQuery,
    mut fields: Fields,
) -> Result<StatusCode, Problem> {
    let AuthRoutes { auth, commands } = &routes;
    auth.mail.require_mail()?;
    let ForgottenPassword { email } = ForgottenPassword::read(&mut fields);
    let email = fields.finish(email)?;
    commands.ledger().admit(&[RequestPasswordReset::NAME, SendMail::NAME]).map_err(not_accepted)?;
    _ = auth.limits.acquire(&FROM_ADDRESS, &from.address.key()).await?;
    match auth.limits.acquire(&FOR_RECIPIENT, email.canonical().as_bytes()).await {
        Ok(permit) => drop(permit),
        // The answer does not tell that others have asked for this address.
        Err(LimitError::TooMany { .. }) => return Ok(StatusCode::ACCEPTED),
        Err(why) => return Err(why.into()),
    }
    // The same work for every address: a worker looks the account up. The client does not learn the command's id, because
    // the command shows whether there is one.
    let request = RequestPasswordReset { email, link: link(auth, language)?, client: from.on_record() };
    let command = NewCommand::new(MessageId::random(), &request, ANONYMOUS);
    let command = command.traced(Some(trace.traceparent().to_owned()));
    commands.ledger().accept(command).await.map_err(not_accepted)?;
    Ok(StatusCode::ACCEPTED)
}

pub(super) fn link(auth: &AuthState, language: Option<String>) -> Result<ResetLink, Problem> {
    let issued = auth.mail.issue()?;
    Ok(ResetLink { mail: issued.mail, hash: issued.hash, token: issued.sealed, language })
}

/// `POST /users/{id}/password-reset`
pub(super) struct SendResetRequest(pub(super) AuthRoutes);

/// A link that is on its way.
#[derive(Serialize, ToSchema)]
#[schema(title = "MailedReset", example = json!({ "user_id": "01890a5d-ac96-774b-bcce-b302099a8057" }))]
pub(crate) struct MailedReset {
    /// The user who gets the mail.
    user_id: Uuid,
}

impl View for MailedReset {
    type State = AuthRoutes;
    type Body = Self;

    const RESOURCE: Resource = Resource { kind: "user", path: "/users" };

    async fn show(_: &AuthRoutes, user: Uuid) -> Result<Response, Problem> {
        Ok(Json(Self { user_id: user }).into_response())
    }
}

impl CommandRequest for SendResetRequest {
    type Message = SendPasswordReset;
    type Sender = WithClient<Administrator>;
    type Path = PathId;
    type Body = ();
    type View = MailedReset;

    const SUMMARY: &'static str = "Mail a user a link to choose a new password. For administrators";
    const FOLLOW_UPS: &'static [&'static str] = &[SendMail::NAME];
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] =
        &[(&NotRecoverable::NoSuchUser, ""), (&NotRecoverable::Deactivated, "")];

    fn read(&self, input: Input<'_, Self>) -> Result<SendPasswordReset, Problem> {
        let auth = &self.0.auth;
        auth.mail.require_mail()?;
        let (WithClient(Administrator(me), client), PathId(id)) = (input.sender, input.path);
        let (user, by, client) = (UserId::new(id), me.user, client.on_record());
        let link = link(auth, None)?;
        input.finish(Some(SendPasswordReset { user, link, by, client }))
    }

    async fn check(&self, message: &SendPasswordReset, _: &Self::Sender, _: &Fields) -> Result<(), Problem> {
        let found = self.0.auth.credentials.identifier_of(message.user).await;
        found.map_err(crate::sql::unit_of_work::not_run)?.map(drop).ok_or_else(Problem::not_found)
    }
}

impl AsRef<Commands> for AuthRoutes {
    fn as_ref(&self) -> &Commands {
        &self.commands
    }
}
