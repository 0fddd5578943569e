//! The HTTP routes of the `__context__` context. Each line adds a route and its operation in the OpenAPI document.

mod __command__;

use crate::queries::__query__;
use axum::http::Method;
use web::{Resource, RouteState, Routes};

/// What the commands of this context are about.
const __ENTITY__: Resource = Resource { kind: "__entity__", path: "/__context__" };

/// The routes of this context.
pub(crate) fn routes() -> Routes<RouteState> {
    Routes::<RouteState>::new("__context__")
        .command("/__context__", Method::POST, |state| __command__::__Command__Request(state.db.clone()))
        .immediate(web::operation!(__query__::__query__))
}
