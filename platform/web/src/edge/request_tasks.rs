//! Runs requests with side effects to completion, whether or not their client waits for the response.
//!
//! hyper drops a handler's future when the client hangs up. A handler that is dropped after its effect and before its
//! audit record would leave an effect that is not in the audit log.

use crate::Problem;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tracing::Instrument as _;

/// The most tasks at once. Without a bound, clients that hang up early could start any number of tasks.
const MOST: u32 = 2_000;
/// `Retry-After` when all tasks are in use.
const RETRY: Duration = Duration::from_secs(1);

/// The bounded set of tasks on which requests run to completion. Clones share the set.
#[derive(Debug, Clone)]
pub struct RequestTasks {
    room: Arc<Semaphore>,
}

impl Default for RequestTasks {
    fn default() -> Self {
        Self { room: Arc::new(Semaphore::new(MOST as usize)) }
    }
}

impl RequestTasks {
    /// Waits until all tasks have ended. Returns `false` if they have not ended `within` this time.
    pub async fn finished(&self, within: Duration) -> bool {
        timeout(within, self.room.acquire_many(MOST)).await.is_ok()
    }

    /// Runs `work` to completion, even if the returned future is dropped before.
    ///
    /// # Errors
    /// 503 `overloaded` if too many tasks run already; `work` was not started then.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T, Problem> {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            let title = "Too many requests are in flight; try again later";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", title).retry_after(RETRY));
        };
        let task = async move {
            let done = work.await;
            drop(place);
            done
        };
        match tokio::spawn(task.in_current_span()).await {
            Ok(done) => Ok(done),
            // The edge turns a panic into a response. A task that the end of the runtime cancels is not polled again.
            Err(error) => {
                error.try_into_panic().map_or_else(|_| Err(Problem::internal()), |panic| resume_unwind(panic))
            }
        }
    }
}

/// A middleware that runs each request with an unsafe method (RFC 9110, section 9.2.1) on its own task.
pub(crate) async fn complete(State(tasks): State<RequestTasks>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let room = Arc::clone(&tasks.room);
    let answer = async move {
        let answer = next.run(request).await;
        // Without a free place, the shutdown does not wait for the undo action of this response.
        Delivery { place: room.try_acquire_owned().ok(), answer: Some(answer) }
    };
    match tasks.run(answer).await {
        Ok(parcel) => parcel.open(),
        Err(problem) => problem.into_response(),
    }
}

/// A response on its way to the connection. If it is dropped unopened, because the client has hung up or the request
/// timed out, its undo action runs.
struct Delivery {
    answer: Option<Response>,
    place: Option<OwnedSemaphorePermit>,
}

impl Delivery {
    fn open(mut self) -> Response {
        self.answer.take().unwrap_or_else(|| Problem::internal().into_response())
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let undo = self
            .answer
            .take()
            .and_then(|answer| answer.extensions().get::<OnUndelivered>().and_then(OnUndelivered::take_action));
        let place = self.place.take();
        if let (Some(undo), Ok(runtime)) = (undo, Handle::try_current()) {
            let task = async move {
                undo.await;
                drop(place);
            };
            runtime.spawn(task.in_current_span());
        }
    }
}

/// An extension of a response: the action to run if the response is not delivered.
#[derive(Clone)]
struct OnUndelivered(Arc<Mutex<Option<BoxFuture<'static, ()>>>>);

impl OnUndelivered {
    fn take_action(&self) -> Option<BoxFuture<'static, ()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A response, and the action to run if the response is not delivered. For example, new tokens are revoked if their
/// client has hung up.
pub struct OrElse<A, U>(pub A, pub U);

impl<A: IntoResponse, U: Future<Output = ()> + Send + 'static> IntoResponse for OrElse<A, U> {
    fn into_response(self) -> Response {
        let mut answer = self.0.into_response();
        answer.extensions_mut().insert(OnUndelivered(Arc::new(Mutex::new(Some(Box::pin(self.1))))));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::{OrElse, RequestTasks, complete};
    use axum::body::Body;
    use axum::extract::Request;
    use axum::middleware::from_fn_with_state;
    use axum::routing::post;
    use axum::{Router, response::Response};
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;
    use tokio::sync::Semaphore;
    use tower::Service as _;

    const LONG: Duration = Duration::from_secs(30);

    struct World {
        tasks: RequestTasks,
        router: Router,
        begun: Arc<Semaphore>,
        go_on: Arc<Semaphore>,
        done: Arc<AtomicUsize>,
        undone: Arc<AtomicUsize>,
    }

    impl World {
        /// One route. Its handler reports that it has begun, waits for permission to go on, and counts.
        fn new() -> Self {
            let tasks = RequestTasks::default();
            let (begun, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
            let (done, undone) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let shared = (begun.clone(), go_on.clone(), done.clone(), undone.clone());
            let handler = async move || {
                let (begun, go_on, done, undone) = shared.clone();
                begun.add_permits(1);
                go_on.acquire().await.expect("open").forget();
                done.fetch_add(1, Ordering::SeqCst);
                OrElse("done", async move { _ = undone.fetch_add(1, Ordering::SeqCst) })
            };
            let route = post(handler.clone()).get(handler);
            let router = Router::new().route("/", route.layer(from_fn_with_state(tasks.clone(), complete)));
            Self { tasks, router, begun, go_on, done, undone }
        }

        fn call(&self, method: &str) -> impl Future<Output = Response> + use<> {
            let request = Request::builder().method(method).uri("/").body(Body::empty()).expect("a request");
            let answer = self.router.clone().call(request);
            async move { answer.await.expect("an answer") }
        }

        /// Sends a request and hangs up once the handler has begun.
        async fn hang_up(&self, method: &str) {
            tokio::select! {
                _ = self.call(method) => panic!("the handler must wait"),
                begun = self.begun.acquire() => begun.expect("open").forget(),
            }
        }

        fn counts(&self) -> (usize, usize) {
            (self.done.load(Ordering::SeqCst), self.undone.load(Ordering::SeqCst))
        }
    }

    #[tokio::test]
    async fn a_post_runs_to_completion_and_is_undone_when_its_client_has_hung_up() {
        let world = World::new();
        world.hang_up("POST").await;
        assert!(!world.tasks.finished(Duration::from_millis(20)).await, "it runs");
        world.go_on.add_permits(1);
        assert!(world.tasks.finished(LONG).await);
        assert_eq!(world.counts(), (1, 1));
    }

    #[tokio::test]
    async fn a_delivered_response_is_not_undone() {
        let world = World::new();
        world.go_on.add_permits(1);
        assert_eq!(world.call("POST").await.status(), 200);
        assert!(world.tasks.finished(LONG).await);
        assert_eq!(world.counts(), (1, 0));
    }

    #[tokio::test]
    async fn a_get_ends_when_its_client_hangs_up() {
        let world = World::new();
        world.hang_up("GET").await;
        world.go_on.add_permits(1);
        assert!(world.tasks.finished(LONG).await);
        assert_eq!((world.counts(), world.go_on.available_permits()), ((0, 0), 1));
    }

    #[tokio::test]
    async fn a_request_beyond_the_limit_of_tasks_is_rejected() {
        let tasks = RequestTasks::default();
        let all: Vec<_> = (0..super::MOST).map(|_| Arc::clone(&tasks.room).try_acquire_owned()).collect();
        let refused = tasks.run(pending::<()>()).await.expect_err("no room");
        assert_eq!(refused.code(), "overloaded");
        drop(all);
        assert_eq!(tasks.run(async { 7 }).await.ok(), Some(7));
    }
}
