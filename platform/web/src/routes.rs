//! The routes of a context: each call adds a route *and* its operation in the OpenAPI document.

use crate::command::commands::CommandMeta;
use crate::command::get_command::{__path_get_command, __path_get_command_events, get_command, get_command_events};
use crate::command::resource_links::ResourceLinks;
use crate::edge::request_tasks::complete as run_to_its_end;
use crate::openapi::{complete, describe, schemas};
use crate::request::idempotency::MaybeKey;
use crate::{Authenticate, Bearer, ClientAddress, CommandRequest, Commands, Deadline, Fields, NoQuery, Prefer, Trace};
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, on};
use axum::{Extension, Router};
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

/// Combines a handler with its `#[utoipa::path]`, for [`Routes::immediate`].
pub use utoipa_axum::routes as operation;

/// The routes of one context, with their operations in the OpenAPI document.
pub struct Routes {
    router: OpenApiRouter,
    targets: ResourceLinks,
    commands: Commands,
    tag: &'static str,
}

impl Routes {
    /// An empty set of routes. The tag groups their operations in the OpenAPI document.
    #[must_use]
    pub fn new(tag: &'static str, commands: Commands) -> Self {
        Self { router: OpenApiRouter::new(), targets: ResourceLinks::default(), commands, tag }
    }

    /// Adds a route that turns a request into a command.
    #[must_use]
    pub fn command<R: CommandRequest>(mut self, path: &'static str, method: Method, request: R) -> Self {
        let (commands, request) = (self.commands.clone(), Arc::new(request));
        let handler = async move |sender: R::Sender,
                                  bearer: Option<Bearer>,
                                  place: R::Path,
                                  prefer: Prefer,
                                  MaybeKey(key): MaybeKey,
                                  Extension(trace): Extension<Trace>,
                                  Extension(deadline): Extension<Deadline>,
                                  Extension(client): Extension<ClientAddress>,
                                  _: NoQuery,
                                  body: Request| {
            let fields = Fields::of_command::<R>(body).await?;
            commands
                .accept(&*request, CommandMeta { sender, bearer, place, prefer, key, trace, deadline, client }, fields)
                .await
        };
        self.targets.add::<R>();
        let route = (schemas::<R>(), describe::<R>(path, &method, self.tag), on(filter(&method), handler));
        self.router = self.router.routes(route);
        self
    }

    /// Adds a route that answers without a command: an axum handler with its `#[utoipa::path]`, wrapped by
    /// [`operation!`](crate::operation). All queries are such routes. A request with an unsafe method runs to
    /// completion even if its client hangs up.
    #[must_use]
    pub fn immediate<S: Clone + Send + Sync + 'static>(mut self, state: S, operation: UtoipaMethodRouter<S>) -> Self {
        let (schemas, paths, handler) = operation;
        let handler = handler.with_state(state);
        let handler = handler.layer(from_fn_with_state(self.commands.tasks().clone(), run_to_its_end));
        self.router = self.router.routes((schemas, paths, handler));
        self
    }
}

/// Merges the routes of all contexts into one router and one OpenAPI document. `authenticate` identifies the callers.
pub fn assemble(
    base: OpenApi,
    contexts: Vec<Routes>,
    commands: Commands,
    authenticate: Arc<dyn Authenticate>,
) -> (Router, OpenApi) {
    let mut targets = ResourceLinks::below(commands.base());
    let mut router = OpenApiRouter::with_openapi(base);
    for context in contexts {
        targets.extend(context.targets);
        router = router.merge(context.router);
    }
    let asking = OpenApiRouter::new().routes(operation!(get_command)).routes(operation!(get_command_events));
    let router = router.merge(asking.with_state((commands, Arc::new(targets))));
    let (router, mut document) = router.split_for_parts();
    complete(&mut document);
    (router.layer(Extension(authenticate)), document)
}

/// The filter of a command's method. Commands have side effects, so a safe method such as GET becomes POST.
fn filter(method: &Method) -> MethodFilter {
    match *method {
        Method::PUT => MethodFilter::PUT,
        Method::PATCH => MethodFilter::PATCH,
        Method::DELETE => MethodFilter::DELETE,
        _ => MethodFilter::POST,
    }
}
