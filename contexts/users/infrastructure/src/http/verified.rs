//! `POST /users`, where an address is confirmed before there is a user. The answers for a known and an unknown address are
//! the same, and so is the work.

use super::{REGISTRATIONS, Registration, UsersState, Visitor, id_taken};
use crate::queries::find_token;
use crate::queries::get_user::PublicUser;
use futures::future::try_join3;
use identity::UserId;
use kernel::DomainError;
use use_case::Message as _;
use users_application::RequestRegistration;
use users_domain::Taken;
use web::{CommandRequest, Fields, Input, Problem, RateLimit, unavailable};

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
