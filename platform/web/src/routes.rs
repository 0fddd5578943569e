//! The routes of a context: each call adds a route *and* its operation in the OpenAPI document.

use crate::command::commands::CommandMeta;
use crate::command::get_command::{__path_get_command, __path_get_command_events, get_command, get_command_events};
use crate::command::resource_links::ResourceLinks;
use crate::edge::request_tasks::complete as run_to_its_end;
use crate::openapi::{add_answers, complete, describe, schemas};
use crate::{Callers, CommandRequest, Commands, Fields, View};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
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
    pages: Router<S>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// An empty set of routes. The tag groups their operations in the OpenAPI document.
    #[must_use]
    pub fn new(tag: &'static str) -> Self {
        let (commands, immediate) = (OpenApiRouter::new(), OpenApiRouter::new());
        Self { commands, immediate, targets: ResourceLinks::default(), tag, pages: Router::new() }
    }

    /// Adds a route that turns a request into a command. `request` gets what it needs from the state.
    #[must_use]
    pub fn command<R: CommandRequest<View: View<State = S>>>(
        mut self,
        path: &'static str,
        method: Method,
        request: fn(&S) -> R,
    ) -> Self
    where
        S: AsRef<Commands>,
    {
        let handler = async move |State(state): State<S>, asked: CommandMeta<R>, body: Request| {
            let fields = Fields::of_command::<R>(body).await?;
            let commands: &Commands = state.as_ref();
            commands.accept(&state, request(&state), asked, fields).await
        };
        self.targets.add::<R>();
        let route = (schemas::<R>(), describe::<R>(path, &method, self.tag), on(filter(&method), handler));
        self.commands = self.commands.routes(route);
        self
    }

    /// Adds a route that turns a request into one of two commands: `instead` into the second one, if the state makes it so.
    /// The document describes the first one, with the answers of both.
    #[must_use]
    pub fn command_or<R: CommandRequest<View: View<State = S>>, A>(
        mut self,
        path: &str,
        method: Method,
        request: fn(&S) -> R,
        instead: fn(&S) -> Option<A>,
    ) -> Self
    where
        S: AsRef<Commands>,
        A: CommandRequest<Sender = R::Sender, Path = R::Path, Body = R::Body, View: View<State = S>>,
    {
        let handler = async move |State(state): State<S>, asked: CommandMeta<R>, body: Request| {
            let fields = Fields::of_command::<R>(body).await?;
            let commands: &Commands = state.as_ref();
            match instead(&state) {
                Some(other) => commands.accept(&state, other, asked.of::<A>(), fields).await,
                None => commands.accept(&state, request(&state), asked, fields).await,
            }
        };
        self.targets.add::<R>();
        self.targets.add::<A>();
        let schemas = [schemas::<R>(), schemas::<A>()].concat();
        let mut operation = describe::<R>(path, &method, self.tag);
        add_answers(&mut operation, describe::<A>(path, &method, self.tag));
        self.commands = self.commands.routes((schemas, operation, on(filter(&method), handler)));
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

    /// Adds a page for people, which is not in the OpenAPI document. A request with an unsafe method runs to completion
    /// even if its client hangs up.
    #[must_use]
    pub fn page(mut self, path: &str, methods: MethodRouter<S>) -> Self {
        self.pages = self.pages.route(path, methods);
        self
    }

    /// The routes with the state that they need.
    #[must_use]
    pub fn with_state(self, state: S) -> Routes {
        let commands = self.commands.with_state(state.clone());
        let (immediate, pages) = (self.immediate.with_state(state.clone()), self.pages.with_state(state));
        Routes { commands, immediate, targets: self.targets, tag: self.tag, pages }
    }

    /// The operations of the routes.
    #[must_use]
    pub fn into_openapi(self) -> OpenApi {
        self.commands.merge(self.immediate).into_openapi()
    }
}

/// Merges the routes of all contexts into one router. `callers` authenticates requests.
pub fn assemble(contexts: Vec<Routes>, commands: Commands, callers: Arc<dyn Callers>) -> Router {
    let mut targets = ResourceLinks::below(commands.base());
    let (mut router, mut pages) = (OpenApiRouter::new(), Router::new());
    for context in contexts {
        targets.extend(context.targets);
        let finishing = from_fn_with_state(commands.tasks().clone(), run_to_its_end);
        router = router.merge(context.commands).merge(context.immediate.layer(finishing.clone()));
        pages = pages.merge(context.pages.layer(finishing));
    }
    let router = router.merge(asking().with_state((commands, Arc::new(targets))));
    Router::from(router).merge(pages).layer(Extension(callers))
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
