//! The HTTP routes of the `__context__` context. Each line of `routes` adds a route and its operation in the OpenAPI document.

use crate::queries::__query__::{self, __Entity__View};
use auth_access::Person;
use axum::http::Method;
use __context___application::__Command__;
use __context___domain::{
    __Field__, // each field
    __Entity__Id,
};
use web::{CommandRequest, Input, Problem, RouteState, Routes};

/// The routes of this context.
pub(crate) fn routes() -> Routes<RouteState> {
    Routes::<RouteState>::new("__context__")
        .command("/__context__", Method::POST, |_| __Command__Request)
        .immediate(web::operation!(__query__::__query__))
}

/// `POST /__context__`
struct __Command__Request;

web::body! {
    /// The data of a new __entity__.
    #[schema(title = "New__Entity__", example = json!({ __examples__ }))]
    pub(crate) struct New__Entity__ {
        /// The __field__. // each field
        #[schema(min_length = 1, max_length = 200)] // each field
        __field__: required __Field__ = __Field__::parse, // each field
    }
}

impl CommandRequest for __Command__Request {
    type Message = __Command__;
    type Sender = Person;
    type Path = ();
    type Body = New__Entity__;
    type View = __Entity__View;

    const SUMMARY: &'static str = "__Command_words__";

    fn read(&self, input: Input<'_, Self>) -> Result<__Command__, Problem> {
        let __pattern__ = input.fields.finish(__whole__)?;
        Ok(__Command__ {
            id: __Entity__Id::random(),
            owner: input.sender.user,
            __field__, // each field
        })
    }
}
