//! The HTTP routes of the `users` context. Each line adds a route and its operation in the OpenAPI document.

mod activation;
mod confirm;
mod email;
mod erase;
mod invitations;
mod jobs;
mod link;
mod register;
mod sign_out;
mod update;

pub use self::jobs::ImportPorts;
use crate::queries::get_user::{self, UserById};
use crate::queries::{export_user, get_invitations, get_users};
use auth_access::{ExportLog, PasswordSealer, PasswordVerifier, Person, enough};
use axum::http::Method;
use axum::routing::get;
use identity::Email;
use kernel::Secret;
use mail_access::MailTokens;
use persistence::{BatchLoader, Db};
use std::ops::Deref;
use std::sync::Arc;
use users_domain::Name;
use web::{Client, Commands, CursorKeys, Problem, Routes, SubjectExport, Violation};

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

/// The routes of this context.
pub(crate) fn routes() -> Routes<UsersState> {
    Routes::<UsersState>::new("users")
        .command_or(
            "/users",
            Method::POST,
            |state| register::RegisterUserRequest(state.clone()),
            |state| {
                let is_verified = state.registration == RegistrationMode::Verified;
                is_verified.then(|| register::VerifiedRegistration(state.clone()))
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
