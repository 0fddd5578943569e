//! A user confirms their email address, or undoes a change of it. Both need only the token of a link in a mail.

use super::UsersState;
use super::link::token_invalid;
use crate::queries::get_user::{self, PublicUser, UserView};
use auth_access::{AnyCaller, OneselfOrAdministrator};
use axum::extract::State;
use axum::response::Response;
use identity::{MailTokenHash, UserId};
use kernel::DomainError;
use mail_access::{TokenPage, parse_token};
use persistence::fetch_optional;
use persistence::sql;
use std::time::Duration;
use use_case::Message as _;
use users_application::{ConfirmEmail, IssuedLink, LinkPurpose, RequestEmailVerification, RevertEmail};
use users_domain::{NoSuchUser, Taken, TokenInvalid};
use uuid::Uuid;
use web::{
    Client, CommandMeta, CommandRequest, Fields, FormBody, Input, NotAnId, PathId, Problem, Query, RateLimit,
    WithClient, unavailable,
};

/// How many links one address may try. A token cannot be guessed; the limit keeps the database free.
const TRIES: RateLimit = RateLimit { name: "users.email_links", burst: 20, every: Duration::from_secs(30) };

web::body! {
    /// The token of a link in a mail.
    #[schema(title = "EmailToken", example = json!({ "token": "rm_5Hn0cZ1yq3m8q9c2m8kqzq6H0l3m9V0s1b2n3c4v5x6" }))]
    pub(crate) struct EmailToken {
        /// The token.
        #[schema(min_length = 1, max_length = 100)]
        token: required TokenOfLink = token,
    }
}

/// The hash of a token; `None` if the text is no token, which is answered like an unknown one.
pub(crate) struct TokenOfLink(Option<MailTokenHash>);

fn token(text: &str) -> Result<TokenOfLink, NotAnId> {
    Ok(TokenOfLink(parse_token(text)))
}

/// The user whose link this is; `None` if it is unknown or has expired.
async fn user_of(
    state: &UsersState,
    token: Option<&TokenOfLink>,
    purpose: LinkPurpose,
) -> Result<Option<UserId>, Problem> {
    const OF: (&str, &str) =
        sql!("select user_id from users_email_tokens where hash = $1 and purpose = $2 and expires_at > {clock}");
    let Some(TokenOfLink(Some(MailTokenHash(hash)))) = token else { return Ok(None) };
    let found = async {
        let mut read = state.db.read().await?;
        fetch_optional!(&mut read, (Uuid,), OF, &hash[..], purpose.as_str())
    };
    Ok(found.await.map_err(unavailable)?.map(|(user,)| UserId::new(user)))
}

impl UsersState {
    /// Issues a link for a mail to this client's language.
    ///
    /// # Errors
    /// 500
    pub(super) fn issue_link(&self, client: &Client) -> Result<IssuedLink, Problem> {
        let issued = self.mail.issue()?;
        Ok(IssuedLink { mail: issued.mail, hash: issued.hash, token: issued.sealed, language: client.language.clone() })
    }
}

/// `POST /users/{id}/email/verify`
pub(super) struct Verification(pub(super) UsersState);

impl CommandRequest for Verification {
    type Message = RequestEmailVerification;
    type Sender = WithClient<OneselfOrAdministrator>;
    type Path = PathId;
    type Body = ();
    type View = UserView;

    const SUMMARY: &'static str =
        "Mail a user a link that confirms their email address. For the user and administrators";
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] = &[(&NoSuchUser, "")];
    const PER_ADDRESS: Option<RateLimit> =
        Some(RateLimit { name: "users.verify_email", burst: 10, every: Duration::from_secs(60) });

    fn read(&self, input: Input<'_, Self>) -> Result<RequestEmailVerification, Problem> {
        self.0.mail.require_mail()?;
        let (WithClient(_, client), PathId(id)) = (input.sender, input.path);
        let link = self.0.issue_link(client)?;
        input.finish(Some(RequestEmailVerification { id: UserId::new(id), link }))
    }

    async fn check(&self, message: &RequestEmailVerification, _: &Self::Sender, _: &Fields) -> Result<(), Problem> {
        get_user::whole(&self.0, message.id.as_uuid()).await.map(drop)
    }
}

/// `POST /users/{id}/email/confirm`
pub(super) struct Confirmation(pub(super) UsersState);

impl CommandRequest for Confirmation {
    type Message = ConfirmEmail;
    type Sender = WithClient<AnyCaller>;
    type Path = PathId;
    type Body = EmailToken;
    type View = PublicUser;

    const SUMMARY: &'static str = "Confirm an email address by the token of a link. Needs no session";
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] = &[(&Taken::Email, "")];
    const PER_ADDRESS: Option<RateLimit> = Some(TRIES);
    const REMOVES: bool = true;
    const WAITS: bool = true;

    fn read(&self, input: Input<'_, Self>) -> Result<ConfirmEmail, Problem> {
        let PathId(id) = input.path;
        confirm(&self.0, Some(UserId::new(id)), &input.sender.1, input.body.token, input.fields)
    }

    fn rejection(&self, code: &str) -> Option<Problem> {
        refused(code)
    }
}

/// The page behind the link of a mail, whose path has no user.
pub(super) struct ConfirmationByPage(UsersState, Option<UserId>);

impl CommandRequest for ConfirmationByPage {
    type Message = ConfirmEmail;
    type Sender = WithClient<AnyCaller>;
    type Path = ();
    type Body = EmailToken;
    type View = PublicUser;

    const SUMMARY: &'static str = "";
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] = Confirmation::REJECTIONS;
    const PER_ADDRESS: Option<RateLimit> = Some(TRIES);
    const REMOVES: bool = true;
    const WAITS: bool = true;

    async fn look_up(&mut self, _: &Self::Sender, body: &EmailToken) -> Result<(), Problem> {
        self.1 = user_of(&self.0, body.token.as_ref(), LinkPurpose::Confirm).await?;
        Ok(())
    }

    fn read(&self, input: Input<'_, Self>) -> Result<ConfirmEmail, Problem> {
        confirm(&self.0, self.1, &input.sender.1, input.body.token, input.fields)
    }

    fn rejection(&self, code: &str) -> Option<Problem> {
        refused(code)
    }
}

fn confirm(
    state: &UsersState,
    id: Option<UserId>,
    client: &Client,
    token: Option<TokenOfLink>,
    fields: &mut Fields,
) -> Result<ConfirmEmail, Problem> {
    let (id, token) = known(id, fields.finish(token)?)?;
    Ok(ConfirmEmail { id, token, revert: state.issue_link(client)?, client: Some(client.on_record()) })
}

/// `POST /auth/email/revert`
pub(super) struct Reversion(pub(super) UsersState, pub(super) Option<UserId>);

impl CommandRequest for Reversion {
    type Message = RevertEmail;
    type Sender = WithClient<AnyCaller>;
    type Path = ();
    type Body = EmailToken;
    type View = PublicUser;

    const SUMMARY: &'static str =
        "Undo a change of the email address by the token of a link, and end all sessions. Needs no session";
    const FOLLOW_UPS: &'static [&'static str] = &[contracts::EndUserSessions::NAME];
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] = &[(&Taken::Email, "")];
    const PER_ADDRESS: Option<RateLimit> = Some(TRIES);
    const REMOVES: bool = true;
    const WAITS: bool = true;

    async fn look_up(&mut self, _: &Self::Sender, body: &EmailToken) -> Result<(), Problem> {
        self.1 = user_of(&self.0, body.token.as_ref(), LinkPurpose::Revert).await?;
        Ok(())
    }

    fn read(&self, input: Input<'_, Self>) -> Result<RevertEmail, Problem> {
        let (id, token) = known(self.1, input.fields.finish(input.body.token)?)?;
        let client = Some(input.sender.1.on_record());
        Ok(RevertEmail { id, token, client })
    }

    fn rejection(&self, code: &str) -> Option<Problem> {
        refused(code)
    }
}

/// The user and the token of a link, or 422 for a link that is not valid.
fn known(user: Option<UserId>, token: TokenOfLink) -> Result<(UserId, MailTokenHash), Problem> {
    user.zip(token.0).ok_or_else(token_invalid)
}

/// 422 for a link that was valid when the command was accepted, and is not any more.
fn refused(code: &str) -> Option<Problem> {
    (code == TokenInvalid.code()).then(token_invalid)
}

const CONFIRM_PAGE: TokenPage = TokenPage {
    path: "email",
    title: "Confirm your email address",
    text: "Press the button to confirm that this email address is yours.",
    button: "Confirm",
    asks_for_password: false,
    done: "Your email address is confirmed.",
};

const REVERT_PAGE: TokenPage = TokenPage {
    path: "revert",
    title: "This was not me",
    text: "Press the button to get your former email address back. All sessions of your account end.",
    button: "Undo the change",
    asks_for_password: false,
    done: "Your former email address is back, and all sessions have ended. Choose a new password now: the one who changed \
           the address may know yours. To do so, ask for a new password where you sign in.",
};

/// `GET /email`
pub(super) async fn confirm_page(query: Query) -> Result<Response, Problem> {
    CONFIRM_PAGE.form(query)
}

/// `POST /email`
pub(super) async fn confirm_by_page(
    State(state): State<UsersState>,
    meta: CommandMeta<ConfirmationByPage>,
    FormBody(form): FormBody,
) -> Response {
    let request = ConfirmationByPage(state.clone(), None);
    let (token, fields) = CONFIRM_PAGE.read(form);
    CONFIRM_PAGE.answer(&token, state.commands.accept(&state, request, meta, fields).await)
}

/// `GET /revert`
pub(super) async fn revert_page(query: Query) -> Result<Response, Problem> {
    REVERT_PAGE.form(query)
}

/// `POST /revert`
pub(super) async fn revert_by_page(
    State(state): State<UsersState>,
    meta: CommandMeta<Reversion>,
    FormBody(form): FormBody,
) -> Response {
    let request = Reversion(state.clone(), None);
    let (token, fields) = REVERT_PAGE.read(form);
    REVERT_PAGE.answer(&token, state.commands.accept(&state, request, meta, fields).await)
}
