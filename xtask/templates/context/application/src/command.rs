//! A user sends `__command__`, and the __entity__ is theirs.

use crate::__Context__;
use identity::UserId;
use __context___domain::{
    __Field__, // each field
    __Entity__, __Entity__Id,
};
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};

/// A command: `__command__`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct __Command__ {
    pub id: __Entity__Id,
    /// The user who sends it.
    pub owner: UserId,
    pub __field__: __Field__, // each field
}

use_case::command!(__Command__, "__context__.__command__.v1", about: id);

impl Handle<dyn __Context__> for __Command__ {
    async fn handle(self, ctx: HandlerContext<'_, dyn __Context__>) -> Result<(), CommandFailure> {
        // TODO-AUTHOR: decide in the domain, then store, and publish what other contexts should hear.
        let __entity__ = __Entity__::__verb__(
            self.id,
            self.owner,
            self.__field__, // each field
            ctx.message.accepted_at,
        );
        ctx.store.add(&__entity__).await?;
        Ok(())
    }
}
