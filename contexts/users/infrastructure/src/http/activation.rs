//! Administrators deactivate and reactivate users. The path names the user; there is no body.

use crate::queries::get_user::{self, UserView};
use axum::http::StatusCode;
use axum::response::Response;
use kernel::{DomainError as _, MessageId, UserId};
use persistence::Db;
use users_application::{DeactivateUser, ReactivateUser};
use users_domain::OwnAccount;
use uuid::Uuid;
use web::{Administrator, Client, CommandRequest, Fields, PathId, Problem, unavailable};

/// The kind of thing that both commands change, and the path below which it is read.
const USER: (&str, &str) = ("user", "/users");

/// `POST /users/{id}/deactivate`
pub(super) struct Deactivation(pub(super) Db);

impl CommandRequest for Deactivation {
    type Message = DeactivateUser;
    type Sender = (Administrator, Client);
    type Path = PathId;
    type Body = ();
    type Shown = UserView;

    const SUMMARY: &'static str = "Deactivate a user, who is signed out and cannot sign in. For administrators";
    const TARGET: (&'static str, &'static str) = USER;
    const HAS_BODY: bool = false;
    const REJECTIONS: &'static [(&'static str, &'static str)] =
        &[("own_account", ""), ("no_such_user", ""), ("last_administrator", "")];
    const ON_RECORD: Option<&'static str> = Some("user.deactivate");

    fn read(
        &self,
        (Administrator(me), client): &Self::Sender,
        PathId(id): PathId,
        fields: &mut Fields,
        _: MessageId,
    ) -> Result<DeactivateUser, Problem> {
        fields.finish(Some(DeactivateUser { id: UserId::new(id), by: Some(me.user), client: Some(client.on_record()) }))
    }

    async fn check(&self, message: &DeactivateUser, _: &Fields) -> Result<(), Problem> {
        whole(&self.0, message.id.as_uuid()).await?;
        if message.by == Some(message.id) {
            let problem =
                Problem::new(StatusCode::CONFLICT, OwnAccount.code(), "The request conflicts with existing data");
            return Err(problem.detail(OwnAccount.to_string()));
        }
        Ok(())
    }

    async fn show(&self, user: Uuid) -> Result<Response, Problem> {
        Ok(whole(&self.0, user).await?.answer())
    }
}

/// `POST /users/{id}/reactivate`
pub(super) struct Reactivation(pub(super) Db);

impl CommandRequest for Reactivation {
    type Message = ReactivateUser;
    type Sender = (Administrator, Client);
    type Path = PathId;
    type Body = ();
    type Shown = UserView;

    const SUMMARY: &'static str = "Reactivate a user, who can sign in again. For administrators";
    const TARGET: (&'static str, &'static str) = USER;
    const HAS_BODY: bool = false;
    const REJECTIONS: &'static [(&'static str, &'static str)] = &[("no_such_user", "")];

    fn read(
        &self,
        (Administrator(me), client): &Self::Sender,
        PathId(id): PathId,
        fields: &mut Fields,
        _: MessageId,
    ) -> Result<ReactivateUser, Problem> {
        fields.finish(Some(ReactivateUser { id: UserId::new(id), by: Some(me.user), client: Some(client.on_record()) }))
    }

    async fn check(&self, message: &ReactivateUser, _: &Fields) -> Result<(), Problem> {
        whole(&self.0, message.id.as_uuid()).await.map(|_| ())
    }

    async fn show(&self, user: Uuid) -> Result<Response, Problem> {
        Ok(whole(&self.0, user).await?.answer())
    }
}

/// The complete view of a user, for administrators; 404 if there is no such user.
async fn whole(db: &Db, user: Uuid) -> Result<UserView, Problem> {
    get_user::find(db, user).await.map_err(unavailable)?.ok_or_else(Problem::not_found)
}
