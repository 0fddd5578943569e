//! `POST /users`: anyone registers.

use super::{RegistrationMode, UsersState};
use crate::queries::find_token;
use crate::queries::get_user::PublicUser;
use auth_access::AnyCaller;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use futures::future::{try_join, try_join3};
use identity::{Email, UserId};
use kernel::DomainError;
use std::time::Duration;
use use_case::Message as _;
use users_application::{RegisterUser, RequestRegistration};
use users_domain::{Name, Taken};
use web::{CommandRequest, Fields, Input, Language, NotAnId, Problem, RateLimit, Sender, Violation, unavailable};

/// `POST /users`
pub(super) struct RegisterUserRequest(pub(super) UsersState);

web::body! {
    /// The data of a new user.
    #[schema(title = "Registration", example = json!({
        "email": "ada@example.org", "password": "correct horse battery staple", "name": "Ada Lovelace",
    }))]
    pub(crate) struct Registration {
        /// The email address. Each user needs a different one. The server ignores upper and lower case, and treats two
        /// spellings of one domain as the same domain.
        #[schema(format = Email, min_length = 3, max_length = 254)]
        email: required Email = Email::parse,
        /// At least 15 characters (Unicode code points after NFC normalization) and at most 1,024 bytes. Any character
        /// except NUL is allowed. The server rejects common passwords, repetitions, sequences, and passwords made of
        /// the email address, the user's name or the name of this service. It may also reject passwords that are known
        /// from data breaches.
        ///
        /// Required, unless this server confirms addresses first: the password is then only checked, and chosen when the
        /// registration is confirmed.
        #[schema(format = Password, min_length = 15, max_length = 1024)]
        password: optional_secret,
        /// The user's name, in any script.
        #[schema(min_length = 1, max_length = 200)]
        name: optional Name = Name::parse,
        /// The id of the new user, if the client wants to choose it: a UUID of version 4 or 7.
        #[schema(format = Uuid)]
        id: optional UserId = choose_id,
    }
}

/// Anyone who registers, with the language that they prefer.
pub(crate) struct Visitor {
    caller: AnyCaller,
    language: Language,
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = AnyCaller::from_request_parts(parts, state).await?;
        let Ok(language) = Language::from_request_parts(parts, state).await;
        Ok(Self { caller, language })
    }
}

impl Sender for Visitor {
    const REFUSAL: Option<&'static str> = None;
    fn principal(&self) -> String {
        self.caller.principal()
    }
}

/// The rate limit of registrations of one address. High enough for a household or an office. Too low to enumerate email
/// addresses, or to keep the hashing threads busy.
pub(super) const REGISTRATIONS: RateLimit =
    RateLimit { name: "users.register_user", burst: 20, every: Duration::from_secs(30) };

impl CommandRequest for RegisterUserRequest {
    type Message = RegisterUser;
    type Sender = Visitor;
    type Path = ();
    type Body = Registration;
    type View = PublicUser;

    const SUMMARY: &'static str = "Register a user";
    const FOLLOW_UPS: &'static [&'static str] = &[contracts::SetCredential::NAME];
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] =
        &[(&Taken::Email, "/email"), (&Taken::Id, "/id")];
    const PER_ADDRESS: Option<RateLimit> = Some(REGISTRATIONS);
    const FORBIDS: Option<&'static str> = Some("Registration is closed, or by invitation only.");

    fn read(&self, input: Input<'_, Self>) -> Result<RegisterUser, Problem> {
        self.0.refuse_if_closed()?;
        let Input { body: Registration { email, password: (), name, id }, fields, command, .. } = input;
        fields.require("password", "is required");
        let flaws = self.0.auth.flaws(fields.secret_given("password"), email.as_ref(), name.as_ref());
        flaws.into_iter().for_each(|flaw| fields.refuse("password", flaw.code, flaw.message));
        let email = fields.finish(email)?;
        let password = fields.secret_given("password").ok_or_else(Problem::internal)?;
        let id = id.unwrap_or_else(UserId::random);
        Ok(RegisterUser { password: self.0.auth.sealer.seal(password, command, id)?, id, email, name })
    }

    /// Refuses a taken id at once. Whether an email address is taken is decided when the command is handled.
    async fn check(&self, message: &RegisterUser, _: &Visitor, given: &Fields) -> Result<(), Problem> {
        if !given.gave("id") {
            return Ok(());
        }
        let (id, users) = (message.id.as_uuid(), &self.0.users);
        // Two concurrent reads. If a registration ends between them, both may miss it; then the command is rejected.
        let pending = self.0.commands.ledger().live("users", RegisterUser::NAME, id);
        let (pending, there) = try_join(pending, users.load(id)).await.map_err(unavailable)?;
        if pending.is_some() || there.is_some() { Err(id_taken()) } else { Ok(()) }
    }
}

/// `POST /users`, where an address is confirmed before there is a user. The answers for a known and an unknown address are
/// the same, and so is the work.
pub(super) struct VerifiedRegistration(pub(super) UsersState);

impl CommandRequest for VerifiedRegistration {
    type Message = RequestRegistration;
    type Sender = Visitor;
    type Path = ();
    type Body = Registration;
    type View = PublicUser;

    const SUMMARY: &'static str = "Ask to register";
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] = &[(&Taken::Id, "/id")];
    const PER_ADDRESS: Option<RateLimit> = Some(REGISTRATIONS);
    const SHOWS_COMMAND: bool = true;

    /// The password is checked, and never stored.
    fn read(&self, input: Input<'_, Self>) -> Result<RequestRegistration, Problem> {
        self.0.mail.require_mail()?;
        let Input { sender, body: Registration { email, password: (), name, id }, fields, .. } = input;
        let flaws = self.0.auth.flaws(fields.secret_given("password"), email.as_ref(), name.as_ref());
        flaws.into_iter().for_each(|flaw| fields.refuse("password", flaw.code, flaw.message));
        let email = fields.finish(email)?;
        let token = self.0.mail.issue()?;
        Ok(RequestRegistration {
            id: id.unwrap_or_else(UserId::random),
            email,
            name,
            language: sender.language.0.clone(),
            mail: token.mail,
            token_hash: token.hash,
            token: token.sealed,
        })
    }

    /// Refuses a taken id at once. The id of a pending registration is taken whatever its address is.
    async fn check(&self, message: &RequestRegistration, _: &Visitor, given: &Fields) -> Result<(), Problem> {
        if !given.gave("id") {
            return Ok(());
        }
        let (id, users) = (message.id.as_uuid(), &self.0.users);
        let waiting = self.0.commands.ledger().live("users", RequestRegistration::NAME, id);
        let pending = find_token::is_pending(&self.0.db, id);
        let (waiting, pending, there) = try_join3(waiting, pending, users.load(id)).await.map_err(unavailable)?;
        if waiting.is_some() || pending || there.is_some() { Err(id_taken()) } else { Ok(()) }
    }
}

impl UsersState {
    /// Refuses a registration that the mode does not allow.
    fn refuse_if_closed(&self) -> Result<(), Problem> {
        match self.registration {
            RegistrationMode::Open | RegistrationMode::Verified => Ok(()),
            RegistrationMode::Invited => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "registration_by_invitation",
                "Only invited persons may register",
            )),
            RegistrationMode::Closed => {
                Err(Problem::new(StatusCode::FORBIDDEN, "registration_closed", "No one may register"))
            }
        }
    }
}

fn id_taken() -> Problem {
    let taken = Violation::new("/id", Taken::Id.code(), Taken::Id.to_string());
    let title = "The request conflicts with existing data";
    Problem::new(StatusCode::CONFLICT, Taken::Id.code(), title).violations(vec![taken])
}

fn choose_id(text: &str) -> Result<UserId, NotAnId> {
    let id = UserId::new(web::parse_id(text)?);
    if id.may_be_chosen() { Ok(id) } else { Err(NotAnId) }
}
