use super::__ENTITY__;
use crate::queries::get___entity__::{self, __Entity__View};
use auth_access::__By__;
use axum::response::Response;
__use_id__
use kernel::DomainError;
use __context___application::__Command__;
use __context___domain::{
    __Field__, // each field
    NoSuch__Entity__,
};
use persistence::Db;
use uuid::Uuid;
use web::{CommandRequest, Input, PathId, Problem, Resource};

/// `POST /__context__/{id}/__verb__`
pub(super) struct __Command__Request(pub(super) Db);

web::body! {
    /// What `__command__` changes.
    #[schema(title = "__Command__", example = json!({
        "__field__": "an example", // each field
    }))]
    pub(crate) struct __Command__Body {
        /// The new __field__. // each field
        #[schema(min_length = 1, max_length = 200)] // each field
        __field__: required __Field__ = __Field__::parse, // each field
    }
}

impl CommandRequest for __Command__Request {
    type Message = __Command__;
    type Sender = __By__;
    type Path = PathId;
    type Body = __Command__Body;
    type Shown = __Entity__View;

    const SUMMARY: &'static str = "__Command_words__";
    const TARGET: Resource = __ENTITY__;
    const REJECTIONS: &'static [(&'static dyn DomainError, &'static str)] = &[(&NoSuch__Entity__, "")];

    fn read(&self, input: Input<'_, Self>) -> Result<__Command__, Problem> {
        let Input { path: PathId(id), body, fields, .. } = input;
        let __pattern__ = fields.finish(__whole__)?;
        Ok(__Command__ {
            id: __Id__::new(id),
            __field__, // each field
        })
    }

    async fn show(&self, __entity__: Uuid) -> Result<Response, Problem> {
        Ok(get___entity__::whole(&self.0, __entity__).await?.answer())
    }
}
