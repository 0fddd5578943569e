//! The routes of a context: each call adds a route *and* its operation in the OpenAPI document.

use crate::command::commands::CommandMeta;
use crate::command::get_command::{__path_get_command, __path_get_command_events, get_command, get_command_events};
use crate::command::resource_links::ResourceLinks;
use crate::edge::request_tasks::complete as run_to_its_end;
use crate::openapi::{complete, describe, schemas};
use crate::request::idempotency::MaybeKey;
use crate::{Bearer, Callers, ClientAddress, CommandRequest, Commands, Deadline, Fields, NoQuery, Prefer, Trace};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, on};
use axum::{Extension, Router};
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

/// Combines a handler with its `#[utoipa::path]`, for [`Routes::immediate`].
pub use utoipa_axum::routes as operation;

/// The routes of one context, with their operations in the OpenAPI document. The routes need the state `S` to answer,
/// and none for the document.
pub struct Routes<S = ()> {
    commands: OpenApiRouter<S>,
    immediate: OpenApiRouter<S>,
    targets: ResourceLinks,
    tag: &'static str,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// An empty set of routes. The tag groups their operations in the OpenAPI document.
    #[must_use]
    pub fn new(tag: &'static str) -> Self {
        let (commands, immediate) = (OpenApiRouter::new(), OpenApiRouter::new());
        Self { commands, immediate, targets: ResourceLinks::default(), tag }
    }

    /// Adds a route that turns a request into a command. `request` gets what it needs from the state.
    #[must_use]
    pub fn command<R: CommandRequest>(mut self, path: &'static str, method: Method, request: fn(&S) -> R) -> Self
    where
        S: AsRef<Commands>,
    {
        let handler = async move |State(state): State<S>,
                                  Stateless(sender): Stateless<R::Sender>,
                                  bearer: Option<Bearer>,
                                  Stateless(place): Stateless<R::Path>,
                                  prefer: Prefer,
                                  MaybeKey(key): MaybeKey,
                                  Extension(trace): Extension<Trace>,
                                  Extension(deadline): Extension<Deadline>,
                                  Extension(client): Extension<ClientAddress>,
                                  _: NoQuery,
                                  body: Request| {
            let fields = Fields::of_command::<R>(body).await?;
            let commands: &Commands = state.as_ref();
            commands
                .accept(
                    &request(&state),
                    CommandMeta { sender, bearer, place, prefer, key, trace, deadline, client },
                    fields,
                )
                .await
        };
        self.targets.add::<R>();
        let route = (schemas::<R>(), describe::<R>(path, &method, self.tag), on(filter(&method), handler));
        self.commands = self.commands.routes(route);
        self
    }

    /// Adds a route that answers without a command: an axum handler with its `#[utoipa::path]`, wrapped by
    /// [`operation!`](crate::operation). All queries are such routes. A request with an unsafe method runs to
    /// completion even if its client hangs up.
    #[must_use]
    pub fn immediate(mut self, operation: UtoipaMethodRouter<S>) -> Self {
        self.immediate = self.immediate.routes(operation);
        self
    }

    /// The routes with the state that they need.
    #[must_use]
    pub fn with_state(self, state: S) -> Routes {
        let commands = self.commands.with_state(state.clone());
        Routes { commands, immediate: self.immediate.with_state(state), targets: self.targets, tag: self.tag }
    }

    /// The operations of the routes.
    #[must_use]
    pub fn into_openapi(self) -> OpenApi {
        self.commands.merge(self.immediate).into_openapi()
    }
}

/// Extracts what needs no state, for a handler with one.
struct Stateless<T>(T);

impl<S: Sync, T: FromRequestParts<()>> FromRequestParts<S> for Stateless<T> {
    type Rejection = T::Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, T::Rejection> {
        T::from_request_parts(parts, &()).await.map(Self)
    }
}

/// Merges the routes of all contexts into one router. `callers` authenticates requests.
pub fn assemble(contexts: Vec<Routes>, commands: Commands, callers: Arc<dyn Callers>) -> Router {
    let mut targets = ResourceLinks::below(commands.base());
    let mut router = OpenApiRouter::new();
    for context in contexts {
        targets.extend(context.targets);
        let finishing = from_fn_with_state(commands.tasks().clone(), run_to_its_end);
        router = router.merge(context.commands).merge(context.immediate.layer(finishing));
    }
    let router = router.merge(asking().with_state((commands, Arc::new(targets))));
    Router::from(router).layer(Extension(callers))
}

/// The OpenAPI document of [`assemble`]'s routes: merges the operations of all contexts into `base`.
#[must_use]
pub fn document(base: OpenApi, contexts: impl IntoIterator<Item = OpenApi>) -> OpenApi {
    let mut document = base;
    for operations in contexts.into_iter().chain([asking().into_openapi()]) {
        document.merge(operations);
    }
    complete(&mut document);
    document
}

/// The routes that read commands.
fn asking() -> OpenApiRouter<(Commands, Arc<ResourceLinks>)> {
    OpenApiRouter::new().routes(operation!(get_command)).routes(operation!(get_command_events))
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
