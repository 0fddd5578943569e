//! The links of mails: confirm a registration, or accept an invitation, by choosing a password.

use super::UsersState;
use super::link::{any_text, find, finish, token_invalid};
use super::register::REGISTRATIONS;
use crate::queries::find_token::{self, FoundToken};
use crate::queries::get_user::PublicUser;
use auth_access::AnyCaller;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use identity::InvitationId;
use kernel::{DomainError, Secret};
use mail_access::TokenPage;
use use_case::Message as _;
use users_application::{AcceptInvitation, ConfirmRegistration};
use users_domain::{Name, Taken, TokenInvalid};
use web::{CommandMeta, CommandRequest, Fields, FormBody, Input, Problem, Query, RateLimit, WithClient};

/// `POST /users/confirm`
pub(super) struct Confirm {
    state: UsersState,
    found: Option<FoundToken>,
}

impl Confirm {
    pub(super) fn new(state: &UsersState) -> Self {
        Self { state: state.clone(), found: None }
    }
}

web::body! {
    /// The confirmation of a registration.
    #[schema(title = "RegistrationConfirmation", example = json!({
        "token": "rm_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "password": "correct horse battery staple",
    }))]
    pub(crate) struct RegistrationConfirmation {
        /// The token of the link in the mail. It works once.
        #[schema(min_length = 1, max_length = 200)]
        token: required Secret = any_text,
        /// The password of the new user. The rules are those of a registration. A password that breaks them does not use
        /// the token up.
        #[schema(format = Password, min_length = 15, max_length = 1024)]
        password: secret,
    }
}

impl CommandRequest for Confirm {
    type Message = ConfirmRegistration;
    type Sender = WithClient<AnyCaller>;
    type Path = ();
    type Body = RegistrationConfirmation;
    type View = PublicUser;

    const SUMMARY: &'static str = "Confirm a registration by the token of its mail";
    const FOLLOW_UPS: &'static [&'static str] = &[contracts::SetCredential::NAME];
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] = &[(&Taken::Email, ""), (&Taken::Id, "")];
    const PER_ADDRESS: Option<RateLimit> = Some(REGISTRATIONS);
    const LIMITS_GUESSES: bool = true;
    const WAITS: bool = true;

    async fn look_up(&mut self, sender: &Self::Sender, body: &RegistrationConfirmation) -> Result<(), Problem> {
        if let Some(token) = &body.token {
            self.found = Some(find(&self.state, sender, token, find_token::of_registration).await?);
        }
        Ok(())
    }

    fn read(&self, input: Input<'_, Self>) -> Result<ConfirmRegistration, Problem> {
        let Input { body: RegistrationConfirmation { token, password }, fields, command, .. } = input;
        let found = self.found.as_ref();
        let name = found.and_then(|it| it.name.as_ref());
        let link = finish(&self.state, found, fields, name, (token, password))?;
        let password = self.state.auth.sealer.seal(&link.password, command, link.user)?;
        Ok(ConfirmRegistration { id: link.user, token_hash: link.hash, password })
    }

    async fn check(&self, _: &ConfirmRegistration, _: &Self::Sender, _: &Fields) -> Result<(), Problem> {
        see_that_it_works(self.found.as_ref())
    }

    fn rejection(&self, code: &str) -> Option<Problem> {
        (code == TokenInvalid.code()).then(token_invalid)
    }
}

/// `POST /invitations/accept`
pub(super) struct Accept {
    state: UsersState,
    found: Option<FoundToken>,
}

impl Accept {
    pub(super) fn new(state: &UsersState) -> Self {
        Self { state: state.clone(), found: None }
    }
}

web::body! {
    /// The acceptance of an invitation.
    #[schema(title = "InvitationAcceptance", example = json!({
        "token": "rm_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "password": "correct horse battery staple",
        "name": "Ada Lovelace",
    }))]
    pub(crate) struct InvitationAcceptance {
        /// The token of the link in the mail. It works once.
        #[schema(min_length = 1, max_length = 200)]
        token: required Secret = any_text,
        /// The password of the new user. The rules are those of a registration. A password that breaks them does not use
        /// the token up.
        #[schema(format = Password, min_length = 15, max_length = 1024)]
        password: secret,
        /// The user's name, in any script.
        #[schema(min_length = 1, max_length = 200)]
        name: optional Name = Name::parse,
    }
}

impl CommandRequest for Accept {
    type Message = AcceptInvitation;
    type Sender = WithClient<AnyCaller>;
    type Path = ();
    type Body = InvitationAcceptance;
    type View = PublicUser;

    const SUMMARY: &'static str = "Accept an invitation by the token of its mail";
    const FOLLOW_UPS: &'static [&'static str] = &[contracts::SetCredential::NAME];
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] = &[(&Taken::Email, ""), (&Taken::Id, "")];
    const PER_ADDRESS: Option<RateLimit> = Some(REGISTRATIONS);
    const LIMITS_GUESSES: bool = true;
    const WAITS: bool = true;

    async fn look_up(&mut self, sender: &Self::Sender, body: &InvitationAcceptance) -> Result<(), Problem> {
        if let Some(token) = &body.token {
            self.found = Some(find(&self.state, sender, token, find_token::of_invitation).await?);
        }
        Ok(())
    }

    fn read(&self, input: Input<'_, Self>) -> Result<AcceptInvitation, Problem> {
        let Input { body: InvitationAcceptance { token, password, name }, fields, command, .. } = input;
        let link = finish(&self.state, self.found.as_ref(), fields, name.as_ref(), (token, password))?;
        let password = self.state.auth.sealer.seal(&link.password, command, link.user)?;
        let invitation = InvitationId::new(link.id);
        Ok(AcceptInvitation { id: link.user, invitation, token_hash: link.hash, name, password })
    }

    async fn check(&self, _: &AcceptInvitation, _: &Self::Sender, _: &Fields) -> Result<(), Problem> {
        see_that_it_works(self.found.as_ref())
    }

    fn rejection(&self, code: &str) -> Option<Problem> {
        (code == TokenInvalid.code()).then(token_invalid)
    }
}

fn see_that_it_works(found: Option<&FoundToken>) -> Result<(), Problem> {
    if found.is_some_and(|it| it.works) { Ok(()) } else { Err(token_invalid()) }
}

const CONFIRM_PAGE: TokenPage = TokenPage {
    path: "confirm",
    title: "Confirm your registration",
    text: "Choose a password to finish the registration.",
    button: "Create the account",
    asks_for_password: true,
    done: "Your account is ready. You can sign in now.",
};

const INVITATION_PAGE: TokenPage = TokenPage {
    path: "invitation",
    title: "Accept the invitation",
    text: "Choose a password to create your account.",
    button: "Create the account",
    asks_for_password: true,
    done: "Your account is ready. You can sign in now.",
};

/// What a page says if the account is not ready within the wait.
const SOON: &str = "Your account will be ready in a few minutes. Then you can sign in.";

/// `GET /confirm`
pub(super) async fn confirm_form(query: Query) -> Result<Response, Problem> {
    CONFIRM_PAGE.form(query)
}

/// `POST /confirm`
pub(super) async fn confirm_by_form(
    State(state): State<UsersState>,
    asked: CommandMeta<Confirm>,
    FormBody(form): FormBody,
) -> Response {
    submit(&CONFIRM_PAGE, &state, Confirm::new(&state), asked, form).await
}

/// `GET /invitation`
pub(super) async fn accept_form(query: Query) -> Result<Response, Problem> {
    INVITATION_PAGE.form(query)
}

/// `POST /invitation`
pub(super) async fn accept_by_form(
    State(state): State<UsersState>,
    asked: CommandMeta<Accept>,
    FormBody(form): FormBody,
) -> Response {
    submit(&INVITATION_PAGE, &state, Accept::new(&state), asked, form).await
}

/// Accepts the command of a form, and shows the page with its outcome.
async fn submit<R: CommandRequest<View = PublicUser>>(
    page: &TokenPage,
    state: &UsersState,
    request: R,
    asked: CommandMeta<R>,
    form: Query,
) -> Response {
    let token = form.text("token").unwrap_or_default().to_owned();
    match state.commands.accept(state, request, asked, form.into_fields()).await {
        Ok(answer) if answer.status() == StatusCode::CREATED => page.done(),
        Ok(_) => TokenPage { done: SOON, ..*page }.done(),
        Err(problem) => page.refused(&token, &problem),
    }
}
