//! __By_words__ sends `__command__`.

use crate::__Port__;
use __Id_crate__::__Id__;
use __context___domain::{
    __Field__, // each field
    NoSuch__Entity__,
};
use serde::{Deserialize, Serialize};
use use_case::{CommandFailure, Handle, HandlerContext};

/// A command: `__command__`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct __Command__ {
    pub id: __Id__,
    pub __field__: __Field__, // each field
}

use_case::command!(__Command__, "__context__.__command__.v1", about: id);

impl Handle<dyn __Port__> for __Command__ {
    async fn handle(self, ctx: HandlerContext<'_, dyn __Port__>) -> Result<(), CommandFailure> {
        let mut __entity__ = ctx.store.load(self.id).await?.ok_or(NoSuch__Entity__)?;
        // TODO-AUTHOR: publish an event if other contexts should hear of the change.
        if __entity__.__verb__(
            self.__field__, // each field
        ) {
            ctx.store.save(&__entity__).await?;
        }
        Ok(())
    }
}
