//! The HTTP routes of the `users` context. Each line adds a route and its operation in the OpenAPI document.

mod activation;
mod sign_out;
mod update;

use crate::queries::get_user::{self, UserById, UserView};
use crate::queries::get_users;
use auth_access::{AnyCaller, PasswordSealer, PasswordVerifier};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use futures::future::try_join;
use identity::{Email, UserId};
use kernel::DomainError;
use persistence::{BatchLoader, Db};
use std::sync::Arc;
use std::time::Duration;
use use_case::Message as _;
use users_application::RegisterUser;
use users_domain::{Name, Taken};
use uuid::Uuid;
use web::{
    CommandRequest, Commands, CursorKeys, Fields, Input, NotAnId, Problem, RateLimit, Resource, Routes, Violation,
    unavailable,
};

/// What the routes of this context use.
#[derive(Clone)]
pub(crate) struct UsersState {
    pub(crate) users: BatchLoader<UserById>,
    pub(crate) commands: Commands,
    pub(crate) passwords: UserPasswords,
    pub(crate) db: Db,
    pub(crate) cursors: Arc<dyn CursorKeys>,
}

/// What the routes of this context do with passwords, which they never open.
#[derive(Clone)]
pub struct UserPasswords {
    pub sealer: Arc<dyn PasswordSealer>,
    pub verifier: Arc<dyn PasswordVerifier>,
}

impl AsRef<Commands> for UsersState {
    fn as_ref(&self) -> &Commands {
        &self.commands
    }
}

/// The routes of this context.
pub(crate) fn routes() -> Routes<UsersState> {
    Routes::<UsersState>::new("users")
        .command("/users", Method::POST, |state| RegisterUserRequest(state.clone()))
        .command(update::PATH, Method::PATCH, |state| update::Update(state.clone()))
        .command("/users/{id}/sessions", Method::DELETE, |state| sign_out::SignUserOut(state.clone()))
        .command("/users/{id}/deactivate", Method::POST, |state| activation::Deactivation(state.clone()))
        .command("/users/{id}/reactivate", Method::POST, |state| activation::Reactivation(state.clone()))
        .immediate(web::operation!(get_user::get_me))
        .immediate(web::operation!(get_user::get_user))
        .immediate(web::operation!(get_users::get_users))
        .immediate(web::operation!(get_users::get_user_by_email))
}

/// What the commands of this context are about.
const USER: Resource = Resource { kind: "user", path: "/users" };

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
        /// the email address, the user's name or the name of this service.
        #[schema(format = Password, min_length = 15, max_length = 1024)]
        password: secret,
        /// The user's name, in any script.
        #[schema(min_length = 1, max_length = 200)]
        name: optional Name = Name::parse,
        /// The id of the new user, if the client wants to choose it: a UUID of version 4 or 7.
        #[schema(format = Uuid)]
        id: optional UserId = choose_id,
    }
}

impl CommandRequest for RegisterUserRequest {
    type Message = RegisterUser;
    type Sender = AnyCaller;
    type Path = ();
    type Body = Registration;
    type Shown = UserView;

    const SUMMARY: &'static str = "Register a user";
    const TARGET: Resource = USER;
    const FOLLOW_UPS: &'static [&'static str] = &[contracts::SetCredential::NAME];
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] =
        &[(&Taken::Email, "/email"), (&Taken::Id, "/id")];
    /// High enough for a household or an office. Too low to enumerate email addresses, or to keep the hashing threads
    /// busy.
    const PER_ADDRESS: Option<RateLimit> =
        Some(RateLimit { name: "users.register_user", burst: 20, every: Duration::from_secs(30) });

    fn read(&self, input: Input<'_, Self>) -> Result<RegisterUser, Problem> {
        let Input { body: Registration { email, password, name, id }, fields, command, .. } = input;
        for flaw in password
            .iter()
            .flat_map(|it| self.0.passwords.sealer.check(it, email.as_ref(), name.as_ref().map(Name::as_str)))
        {
            fields.refuse("password", flaw.code, flaw.message);
        }
        let (email, password) = fields.finish(email.zip(password))?;
        let id = id.unwrap_or_else(UserId::random);
        Ok(RegisterUser { password: self.0.passwords.sealer.seal(&password, command, id)?, id, email, name })
    }

    /// Refuses a taken id at once. Whether an email address is taken is decided when the command is handled.
    async fn check(&self, message: &RegisterUser, _: &AnyCaller, given: &Fields) -> Result<(), Problem> {
        if !given.gave("id") {
            return Ok(());
        }
        let (id, users) = (message.id.as_uuid(), &self.0.users);
        // Two concurrent reads. If a registration ends between them, both may miss it; then the command is rejected.
        let pending = self.0.commands.ledger().live("users", RegisterUser::NAME, id);
        let (pending, there) = try_join(pending, users.load(id)).await.map_err(unavailable)?;
        if pending.is_some() || there.is_some() {
            let taken = Violation::new("/id", Taken::Id.code(), Taken::Id.to_string());
            let title = "The request conflicts with existing data";
            return Err(Problem::new(StatusCode::CONFLICT, Taken::Id.code(), title).violations(vec![taken]));
        }
        Ok(())
    }

    async fn show(&self, user: Uuid) -> Result<Response, Problem> {
        Ok(get_user::whole(&self.0, user).await?.public().answer())
    }
}

fn choose_id(text: &str) -> Result<UserId, NotAnId> {
    let id = UserId::new(web::parse_id(text)?);
    if id.may_be_chosen() { Ok(id) } else { Err(NotAnId) }
}
