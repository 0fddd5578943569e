//! `DELETE /users/{id}/sessions`

use super::{USER, UsersState};
use crate::queries::get_user::{self, UserView};
use auth_access::Administrator;
use axum::response::Response;
use identity::UserId;
use kernel::DomainError;
use use_case::Message as _;
use users_application::SignOutUser;
use users_domain::NoSuchUser;
use uuid::Uuid;
use web::{CommandRequest, Fields, Input, PathId, Problem, Resource, WithClient};

pub(super) struct SignUserOut(pub(super) UsersState);

impl CommandRequest for SignUserOut {
    type Message = SignOutUser;
    type Sender = WithClient<Administrator>;
    type Path = PathId;
    type Body = ();
    type Shown = UserView;

    const SUMMARY: &'static str = "Sign a user out: end all sessions of the user. For administrators";
    const TARGET: Resource = USER;
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

    async fn show(&self, user: Uuid) -> Result<Response, Problem> {
        Ok(get_user::whole(&self.0, user).await?.answer())
    }
}
