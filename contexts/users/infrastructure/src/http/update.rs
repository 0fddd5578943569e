//! `PATCH /users/{id}`

use super::UsersState;
use crate::queries::get_user::{self, UserView};
use auth_access::{OneselfOrAdministrator, enough};
use identity::{Email, UserId};
use kernel::DomainError;
use users_application::{NameChange, UpdateUser};
use users_domain::{Name, NoSuchUser, Taken, VersionConflict};
use web::{CommandRequest, Fields, IfMatch, Input, PathId, Problem, Violation, WithClient};

pub(super) struct Update(pub(super) UsersState);

web::body! {
    /// The changes of a user, as a merge patch (RFC 7396). What is absent stays as it is.
    #[schema(title = "UserPatch", example = json!({ "name": "Ada King" }))]
    pub(crate) struct UserPatch {
        /// The new name, in any script. `null` removes the name.
        #[schema(min_length = 1, max_length = 200)]
        name: patched Name = Name::parse,
        /// The new email address. If this server sends mail, the address changes once it is confirmed by the link that is
        /// mailed to it; if another user has the address, nothing changes, and that user is told. If this server sends no
        /// mail, the user signs in with the new address as soon as the command has succeeded.
        #[schema(format = Email, min_length = 3, max_length = 254)]
        email: optional Email = Email::parse,
        /// The current password. Users who change their own email address must send it.
        #[schema(format = Password, min_length = 1, max_length = 1024)]
        current_password: optional_secret,
    }
}

impl CommandRequest for Update {
    type Message = UpdateUser;
    type Sender = WithClient<OneselfOrAdministrator>;
    type Path = (PathId, IfMatch);
    type Body = UserPatch;
    type View = UserView;

    const SUMMARY: &'static str = "Change a user's name or email address. For the user and administrators";
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] =
        &[(&Taken::Email, "/email"), (&VersionConflict, ""), (&NoSuchUser, "")];
    const STEP_UP: bool = true;
    const LIMITS_GUESSES: bool = true;

    fn read(&self, input: Input<'_, Self>) -> Result<UpdateUser, Problem> {
        let Input { sender: WithClient(OneselfOrAdministrator(me), client), body, fields, .. } = input;
        let (PathId(id), IfMatch(known_versions)) = input.path;
        let UserPatch { name, email, current_password: () } = body;
        // A link for a change of address, if mail is on. The command knows whether the address changes.
        let link = if email.is_some() && self.0.mail.is_mail_on() { Some(self.0.issue_link(client)?) } else { None };
        fields.finish(Some(UpdateUser {
            id: UserId::new(id),
            name: name.map(NameChange::from),
            email,
            link,
            known_versions,
            by: Some(me.user),
            client: Some(client.on_record()),
        }))
    }

    async fn check(&self, message: &UpdateUser, sender: &Self::Sender, given: &Fields) -> Result<(), Problem> {
        let user = get_user::whole(&self.0, message.id.as_uuid()).await?;
        if message.known_versions.as_ref().is_some_and(|known| !known.contains(&user.version())) {
            return Err(IfMatch::failed());
        }
        let WithClient(OneselfOrAdministrator(me), client) = sender;
        if message.email.is_none() {
            return Ok(());
        }
        if me.user != message.id {
            return enough(me.assurance.fresh);
        }
        match given.secret_given("current_password") {
            Some(password) => self.0.auth.confirm(*me, password, client).await,
            None => {
                let text = "is required to change your email address";
                Err(Problem::invalid(vec![Violation::new("/current_password", "required", text)]))
            }
        }
    }
}
