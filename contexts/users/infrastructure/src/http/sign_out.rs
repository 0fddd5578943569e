//! `DELETE /users/{id}/sessions`

use super::UsersState;
use crate::queries::get_user::{self, UserView};
use auth_access::Administrator;
use identity::UserId;
use kernel::DomainError;
use use_case::Message as _;
use users_application::SignOutUser;
use users_domain::NoSuchUser;
use web::{CommandRequest, Fields, Input, PathId, Problem, WithClient};

pub(super) struct SignUserOut(pub(super) UsersState);

impl CommandRequest for SignUserOut {
    type Message = SignOutUser;
    type Sender = WithClient<Administrator>;
    type Path = PathId;
    type Body = ();
    type View = UserView;

    const SUMMARY: &'static str = "Sign a user out: end all sessions of the user. For administrators";
    const FOLLOW_UPS: &'static [&'static str] = &[contracts::EndUserSessions::NAME];
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] = &[(&NoSuchUser, "")];

    fn read(&self, input: Input<'_, Self>) -> Result<SignOutUser, Problem> {
        let (WithClient(Administrator(me), client), PathId(id)) = (input.sender, input.path);
        let (by, client) = (Some(me.user), Some(client.on_record()));
        input.finish(Some(SignOutUser { id: UserId::new(id), by, client }))
    }

    async fn check(&self, message: &SignOutUser, _: &Self::Sender, _: &Fields) -> Result<(), Problem> {
        get_user::whole(&self.0, message.id.as_uuid()).await.map(drop)
    }
}
