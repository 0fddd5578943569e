//! How clients see what commands are about.

use crate::Problem;
use axum::response::Response;
use utoipa::ToSchema;
use uuid::Uuid;

/// How clients see a resource that commands create, change or remove.
pub trait View: Send + Sync + 'static {
    /// The state of the context's routes.
    type State: Send + Sync;
    /// The body of the response that [`show`](Self::show) returns, for the OpenAPI document.
    type Body: ToSchema;

    /// Its kind and its path, for `Location` and the OpenAPI document.
    const RESOURCE: Resource;

    /// The response that shows the resource.
    ///
    /// # Errors
    /// 404 if there is no such resource, 503 if the database does not answer.
    fn show(state: &Self::State, id: Uuid) -> impl Future<Output = Result<Response, Problem>> + Send;
}

/// A kind of resource that commands are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    /// The kind, such as `user`.
    pub kind: &'static str,
    /// The path below which resources of this kind are read by id, such as `/users`.
    pub path: &'static str,
}
