//! The HTTP edge: the server, the middleware, and the extractors and responses that the contexts' routes share.

mod answer;
mod bounded_context;
mod command;
mod connection;
pub mod docs;
mod edge;
pub mod health;
mod openapi;
pub mod pages;
mod public_url;
mod rate_limit;
mod request;
mod routes;

pub use answer::etag::ETag;
pub use answer::page::{Cursor, Page, Paging, read_limit};
pub use answer::problem::{NotAProblem, PROBLEM_JSON, Problem, Violation};
pub use answer::signed_cursor::{CursorKey, CursorKeys, SignedCursor, Towards, TwoWayPage, form_encoded, set_links};
pub use bounded_context::{BoundedContext, RouteState, no_upkeep};
pub use command::callers::{Callers, Refusal, Viewer};
pub use command::command_request::{CommandRequest, ForeignRejection, Input, PathTarget, Resource};
pub use command::command_view::CommandView;
pub use command::commands::{Commands, unavailable};
pub use command::sender::{ANONYMOUS, Sender, WithClient};
pub use connection::address_quotas::QuotaSlot;
pub use connection::serve::{ConnectionLimits, Peer, serve};
pub use edge::client::ClientAddress;
pub use edge::deadline::Deadline;
pub use edge::middleware::{EdgeSettings, edge};
pub use edge::proxies::{NotProxies, Proxies};
pub use edge::request_tasks::{OrElse, RequestTasks};
pub use edge::trace::Trace;
#[doc(hidden)]
pub use kernel::Secret;
pub use openapi::BEARER;
pub use pages::{FrontPage, ProblemKind};
pub use public_url::{NotAPublicUrl, PublicUrl};
pub use rate_limit::{LimitError, MIGRATIONS, Permit, RateLimit, RateLimiter, limits_ahead_of_the_clock};
pub use request::bearer::{Bearer, bearer_token};
pub use request::client::Client;
pub use request::fields::Fields;
pub use request::json::Json;
pub use request::path_id::{NotAnId, PathId, parse_id};
pub use request::prefer::Prefer;
pub use request::query::{FormBody, NoQuery, Query, form_decoded};
pub use request::request_body::{RequestBody, described};
pub use routes::{Routes, assemble, document, operation};
