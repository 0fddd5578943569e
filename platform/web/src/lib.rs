//! The HTTP edge: what every request must be, and what every answer is. It knows no context.

mod body;
mod deadline;
pub mod docs;
mod edge;
mod etag;
mod fields;
pub mod health;
mod host;
mod json;
mod pace;
mod path_id;
mod problem;
mod query;
mod serve;
mod trace;

pub use deadline::Deadline;
pub use edge::{EdgeSettings, edge};
pub use etag::ETag;
pub use fields::Fields;
pub use json::Json;
pub use path_id::{NotAnId, PathId, parse_id};
pub use problem::{AsIs, PROBLEM_JSON, Problem, Violation};
pub use query::{NoQuery, Query};
pub use serve::{Limits, Peer, serve};
pub use trace::Trace;
