//! The HTTP routes of the `users` context. Each line adds a route and its operation in the OpenAPI document.

mod activation;
mod confirm;
mod email;
mod erase;
mod invitations;
mod jobs;
mod link;
mod sign_out;
mod update;
mod verified;

pub use self::jobs::ImportPorts;
use crate::queries::get_user::{self, PublicUser, UserById};
use crate::queries::{export_user, get_invitations, get_users};
use auth_access::{AnyCaller, ExportLog, PasswordSealer, PasswordVerifier, Person, enough};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use futures::future::try_join;
use identity::{Email, UserId};
use kernel::{DomainError, Secret};
use mail_access::MailTokens;
use persistence::{BatchLoader, Db};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use use_case::Message as _;
use users_application::RegisterUser;
use users_domain::{Name, Taken};
use web::{
    Client, CommandRequest, Commands, CursorKeys, Fields, Input, Language, NotAnId, Problem, RateLimit, Routes, Sender,
    SubjectExport, Violation, unavailable,
};

/// What the routes of this context use. A request clones it several times.
#[derive(Clone)]
pub(crate) struct UsersState(Arc<SharedParts>);

/// The parts that all clones of a [`UsersState`] share.
pub(crate) struct SharedParts {
    pub(crate) users: BatchLoader<UserById>,
    pub(crate) commands: Commands,
    pub(crate) auth: AuthPorts,
    pub(crate) db: Db,
    /// What each context holds on a user, by the context's name.
    pub(crate) exports: Arc<[(&'static str, SubjectExport)]>,
    pub(crate) cursors: Arc<dyn CursorKeys>,
    pub(crate) imports: ImportPorts,
    pub(crate) mail: MailTokens,
    pub(crate) registration: RegistrationMode,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationMode {
    /// Anyone, and the account works at once.
    Open,
    /// Anyone who can read the mail to the address.
    Verified,
    /// Persons that an administrator has invited.
    Invited,
    /// No one: operators create users.
    Closed,
}

/// What the routes of this context ask the context that signs users in.
#[derive(Clone)]
pub struct AuthPorts {
    pub sealer: Arc<dyn PasswordSealer>,
    pub verifier: Arc<dyn PasswordVerifier>,
    pub exports: Arc<dyn ExportLog>,
}

impl AuthPorts {
    /// What the policy has against a new password, if the client has sent one.
    fn flaws(&self, password: Option<&Secret>, email: Option<&Email>, name: Option<&Name>) -> Vec<Violation> {
        password.map(|it| self.sealer.check(it, email, name.map(Name::as_str))).unwrap_or_default()
    }

    /// Confirms the current password of a person, in a request to `/users/{id}`.
    ///
    /// # Errors
    /// 401 for a user with a second factor whose session is not fresh, 422 for a wrong password, and the errors of [`PasswordVerifier::is_right`].
    async fn confirm(&self, person: Person, password: &Secret, client: &Client) -> Result<(), Problem> {
        enough(person.assurance.confirmed)?;
        if self.verifier.is_right(person, password, PATH, client).await? {
            return Ok(());
        }
        let text = "is not your password";
        Err(Problem::invalid(vec![Violation::new("/current_password", "wrong_password", text)]))
    }
}

/// The path of a user.
const PATH: &str = "/users/{id}";

impl From<SharedParts> for UsersState {
    fn from(parts: SharedParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for UsersState {
    type Target = SharedParts;

    fn deref(&self) -> &SharedParts {
        &self.0
    }
}

impl AsRef<Commands> for UsersState {
    fn as_ref(&self) -> &Commands {
        &self.commands
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

/// The routes of this context.
pub(crate) fn routes() -> Routes<UsersState> {
    Routes::<UsersState>::new("users")
        .command_or(
            "/users",
            Method::POST,
            |state| RegisterUserRequest(state.clone()),
            |state| {
                let is_verified = state.registration == RegistrationMode::Verified;
                is_verified.then(|| verified::VerifiedRegistration(state.clone()))
            },
        )
        .command("/users/confirm", Method::POST, confirm::Confirm::new)
        .command(PATH, Method::PATCH, |state| update::Update(state.clone()))
        .command(PATH, Method::DELETE, |state| erase::Erasure(state.clone()))
        .command("/users/{id}/sessions", Method::DELETE, |state| sign_out::SignUserOut(state.clone()))
        .command("/users/{id}/deactivate", Method::POST, |state| activation::Deactivation(state.clone()))
        .command("/users/{id}/reactivate", Method::POST, |state| activation::Reactivation(state.clone()))
        .command("/users/{id}/email/verify", Method::POST, |state| email::Verification(state.clone()))
        .command("/users/{id}/email/confirm", Method::POST, |state| email::Confirmation(state.clone()))
        .command("/auth/email/revert", Method::POST, |state| email::Reversion(state.clone(), None))
        .page("/email", get(email::confirm_page).post(email::confirm_by_page))
        .page("/revert", get(email::revert_page).post(email::revert_by_page))
        .command("/invitations", Method::POST, |state| invitations::Invite(state.clone()))
        .command("/invitations/{id}", Method::DELETE, |state| invitations::Revoke(state.clone()))
        .command("/invitations/{id}/resend", Method::POST, |state| invitations::Resend(state.clone()))
        .command("/invitations/accept", Method::POST, confirm::Accept::new)
        .page("/confirm", get(confirm::confirm_form).post(confirm::confirm_by_form))
        .page("/invitation", get(confirm::accept_form).post(confirm::accept_by_form))
        .immediate(web::operation!(get_user::get_me))
        .immediate(web::operation!(get_user::get_user))
        .immediate(web::operation!(export_user::export_user))
        .immediate(web::operation!(get_users::get_users))
        .immediate(web::operation!(get_users::get_user_by_email))
        .immediate(web::operation!(get_invitations::get_invitations))
        .immediate(web::operation!(get_invitations::get_invitation))
        .immediate(web::operation!(jobs::start_job))
        .immediate(web::operation!(jobs::get_job))
        .immediate(web::operation!(jobs::get_job_errors))
        .immediate(web::operation!(jobs::cancel))
}

/// `POST /users`
struct RegisterUserRequest(UsersState);

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
const REGISTRATIONS: RateLimit = RateLimit { name: "users.register_user", burst: 20, every: Duration::from_secs(30) };

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

fn id_taken() -> Problem {
    let taken = Violation::new("/id", Taken::Id.code(), Taken::Id.to_string());
    let title = "The request conflicts with existing data";
    Problem::new(StatusCode::CONFLICT, Taken::Id.code(), title).violations(vec![taken])
}

fn choose_id(text: &str) -> Result<UserId, NotAnId> {
    let id = UserId::new(web::parse_id(text)?);
    if id.may_be_chosen() { Ok(id) } else { Err(NotAnId) }
}
