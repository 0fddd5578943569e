//! Administrators deactivate and reactivate users. The path names the user; there is no body.

use super::UsersState;
use crate::queries::get_user::{self, UserView};
use auth_access::Administrator;
use axum::http::StatusCode;
use identity::UserId;
use kernel::DomainError;
use users_application::{DeactivateUser, ReactivateUser};
use users_domain::{NoSuchUser, OwnAccount};
use web::{CommandRequest, Fields, ForeignRejection, Input, PathId, Problem, WithClient};

/// `POST /users/{id}/deactivate`
pub(super) struct Deactivation(pub(super) UsersState);

impl CommandRequest for Deactivation {
    type Message = DeactivateUser;
    type Sender = WithClient<Administrator>;
    type Path = PathId;
    type Body = ();
    type View = UserView;

    const SUMMARY: &'static str = "Deactivate a user: end all sessions and refuse further sign-ins. For administrators";
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] =
        &[(&OwnAccount, ""), (&NoSuchUser, ""), (&ForeignRejection("last_administrator"), "")];
    const ON_RECORD: Option<&'static str> = Some("user.deactivate");

    fn read(&self, input: Input<'_, Self>) -> Result<DeactivateUser, Problem> {
        let (WithClient(Administrator(me), client), PathId(id)) = (input.sender, input.path);
        let (by, client) = (Some(me.user), Some(client.on_record()));
        input.finish(Some(DeactivateUser { id: UserId::new(id), by, client }))
    }

    async fn check(&self, message: &DeactivateUser, _: &Self::Sender, _: &Fields) -> Result<(), Problem> {
        get_user::whole(&self.0, message.id.as_uuid()).await?;
        if message.by == Some(message.id) {
            let problem =
                Problem::new(StatusCode::CONFLICT, OwnAccount.code(), "The request conflicts with existing data");
            return Err(problem.detail(OwnAccount.to_string()));
        }
        Ok(())
    }
}

/// `POST /users/{id}/reactivate`
pub(super) struct Reactivation(pub(super) UsersState);

impl CommandRequest for Reactivation {
    type Message = ReactivateUser;
    type Sender = WithClient<Administrator>;
    type Path = PathId;
    type Body = ();
    type View = UserView;

    const SUMMARY: &'static str = "Reactivate a user: allow the user to sign in again. For administrators";
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] = &[(&NoSuchUser, "")];

    fn read(&self, input: Input<'_, Self>) -> Result<ReactivateUser, Problem> {
        let (WithClient(Administrator(me), client), PathId(id)) = (input.sender, input.path);
        let (by, client) = (Some(me.user), Some(client.on_record()));
        input.finish(Some(ReactivateUser { id: UserId::new(id), by, client }))
    }

    async fn check(&self, message: &ReactivateUser, _: &Self::Sender, _: &Fields) -> Result<(), Problem> {
        get_user::whole(&self.0, message.id.as_uuid()).await.map(|_| ())
    }
}
