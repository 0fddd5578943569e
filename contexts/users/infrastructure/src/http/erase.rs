//! `DELETE /users/{id}`

use super::UsersState;
use crate::queries::get_user::{self, UserView};
use auth_access::{OneselfOrAdministrator, enough};
use identity::UserId;
use kernel::DomainError;
use users_application::EraseUser;
use users_domain::{ErasureReason, NoSuchUser};
use web::{CommandRequest, Fields, ForeignRejection, Input, PathId, Problem, WithClient};

pub(super) struct Erasure(pub(super) UsersState);

web::body! {
    /// The confirmation of an erasure.
    #[schema(title = "Erasure", example = json!({ "reason": "asked for it by letter" }))]
    pub(crate) struct ErasureConfirmation {
        /// The current password. Users who erase their own account must send it.
        #[schema(format = Password, min_length = 1, max_length = 1024)]
        current_password: optional_secret,
        /// Why an administrator erases the account of another user, who must send it. It stays in the audit log, so it
        /// should not name the user.
        #[schema(min_length = 1, max_length = 200)]
        reason: optional ErasureReason = ErasureReason::parse,
    }
}

impl CommandRequest for Erasure {
    type Message = EraseUser;
    type Sender = WithClient<OneselfOrAdministrator>;
    type Path = PathId;
    type Body = ErasureConfirmation;
    type View = UserView;

    const SUMMARY: &'static str = "Erase a user and all personal data. For the user and administrators";
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] =
        &[(&NoSuchUser, ""), (&ForeignRejection("last_administrator"), "")];
    const STEP_UP: bool = true;
    const REMOVES: bool = true;
    const LIMITS_GUESSES: bool = true;

    fn read(&self, input: Input<'_, Self>) -> Result<EraseUser, Problem> {
        let Input { sender: WithClient(OneselfOrAdministrator(me), client), path: PathId(id), body, fields, .. } =
            input;
        let ErasureConfirmation { current_password: (), reason } = body;
        let id = UserId::new(id);
        if me.user == id {
            fields.require("current_password", "is required to erase your own account");
            if fields.gave("reason") {
                fields.refuse("reason", "not_allowed", "is for administrators who erase another user");
            }
        } else {
            fields.require("reason", "is required");
        }
        fields.finish(Some(EraseUser { id, by: Some(me.user), client: Some(client.on_record()), reason }))
    }

    async fn check(&self, message: &EraseUser, sender: &Self::Sender, given: &Fields) -> Result<(), Problem> {
        get_user::whole(&self.0, message.id.as_uuid()).await?;
        let WithClient(OneselfOrAdministrator(me), client) = sender;
        match given.secret_given("current_password") {
            Some(password) if me.user == message.id => self.0.auth.confirm(*me, password, client).await,
            _ => enough(me.assurance.fresh),
        }
    }
}
