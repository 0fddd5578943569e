use crate::ConnectionLimits;
use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, sleep_until},
};

/// Tracks the phase of one connection and enforces the timeouts of each phase.
///
/// hyper has a single timeout for idle connections and slow heads, and none for clients that do not read the response.
#[derive(Clone)]
pub(crate) struct ConnectionClock(Arc<Mutex<State>>, Allowed);

#[derive(Clone, Copy)]
struct Allowed {
    head_within: Duration,
    idle_for: Duration,
    stalled_for: Duration,
}

#[derive(Clone, Copy)]
struct State {
    doing: ConnectionPhase,
    since: Instant,
    /// Since when the client has read nothing although part of a response is ready to be sent.
    stalled: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq)]
enum ConnectionPhase {
    /// Between two requests.
    Idle,
    /// A request's head is arriving. A new connection begins in this phase.
    Head,
    /// A request is being answered. The edge enforces its timeout.
    RequestInFlight,
}

/// A guard: the connection is in the phase `RequestInFlight` until the guard is dropped.
pub(crate) struct RequestInFlight(ConnectionClock);

impl Drop for RequestInFlight {
    fn drop(&mut self) {
        self.0.enter(ConnectionPhase::Idle);
    }
}

impl ConnectionClock {
    pub(crate) fn new(limits: &ConnectionLimits) -> Self {
        let &ConnectionLimits { head_within, idle_for, stalled_for, .. } = limits;
        let state = State { doing: ConnectionPhase::Head, since: Instant::now(), stalled: None };
        Self(Arc::new(Mutex::new(state)), Allowed { head_within, idle_for, stalled_for })
    }

    pub(crate) fn busy(&self) -> RequestInFlight {
        self.enter(ConnectionPhase::RequestInFlight);
        RequestInFlight(self.clone())
    }

    /// Returns when a timeout of the connection has expired.
    pub(crate) async fn overdue(&self) {
        let Allowed { head_within, idle_for, stalled_for } = self.1;
        let shortest = head_within.min(idle_for).min(stalled_for);
        loop {
            let State { doing, since, stalled } = *self.state();
            let allowed = match doing {
                ConnectionPhase::Idle => idle_for,
                ConnectionPhase::Head => head_within,
                ConnectionPhase::RequestInFlight => Duration::MAX,
            };
            let now = Instant::now();
            let over = |since: Instant, allowed| now.duration_since(since) >= allowed;
            if over(since, allowed) || stalled.is_some_and(|since| over(since, stalled_for)) {
                return;
            }
            // A phase that begins during the sleep lasts at least `shortest`, so it cannot expire unnoticed. A new
            // request needs no wake-up of this task.
            let rest = allowed.saturating_sub(now.duration_since(since));
            let rest = stalled.map_or(rest, |since| rest.min(stalled_for.saturating_sub(now.duration_since(since))));
            sleep_until(now + rest.min(shortest)).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, doing: ConnectionPhase) {
        let mut state = self.state();
        (state.doing, state.since) = (doing, Instant::now());
    }

    fn has_read(&self) {
        if self.state().doing == ConnectionPhase::Idle {
            self.enter(ConnectionPhase::Head);
        }
    }

    fn has_written<T>(&self, written: Poll<T>) -> Poll<T> {
        let mut state = self.state();
        state.stalled = written.is_pending().then(|| state.stalled.unwrap_or_else(Instant::now));
        written
    }
}

/// A TCP stream that reports its reads and writes to a [`ConnectionClock`].
pub(crate) struct TimedStream(pub(crate) TcpStream, pub(crate) ConnectionClock);

impl AsyncRead for TimedStream {
    fn poll_read(mut self: Pin<&mut Self>, ctx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.0).poll_read(ctx, buffer);
        if buffer.filled().len() > before {
            self.1.has_read();
        }
        read
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(mut self: Pin<&mut Self>, ctx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.0).poll_write(ctx, bytes);
        self.1.has_written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        ctx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.0).poll_write_vectored(ctx, slices);
        self.1.has_written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(ctx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(ctx)
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectionClock, ConnectionLimits};
    use std::{task::Poll, time::Duration};
    use tokio::time::{Instant, sleep, timeout};

    const HEAD: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(60);
    const STALL: Duration = Duration::from_secs(30);
    const FOR_EVER: Duration = Duration::from_secs(100_000);

    fn clock() -> ConnectionClock {
        ConnectionClock::new(&ConnectionLimits {
            head_within: HEAD,
            idle_for: IDLE,
            stalled_for: STALL,
            ..ConnectionLimits::default()
        })
    }

    /// After how many whole seconds the clock cuts a connection, while `life` happens on it.
    async fn cut_after(clock: &ConnectionClock, life: impl Future<Output = ()>) -> u64 {
        let begun = Instant::now();
        let cut = async {
            timeout(FOR_EVER, clock.overdue()).await.expect("it is cut");
            begun.elapsed().as_secs()
        };
        tokio::join!(cut, life).0
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_begins_with_a_head_that_must_arrive_in_time() {
        assert_eq!(cut_after(&clock(), async {}).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_may_take_long_and_the_idle_timeout_begins_after_it() {
        let clock = clock();
        let life = async {
            sleep(Duration::from_secs(5)).await;
            let busy = clock.busy();
            sleep(Duration::from_secs(1000)).await;
            drop(busy);
        };
        assert_eq!(cut_after(&clock, life).await, 1065);
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_first_byte_of_a_later_head_starts_its_timeout() {
        let clock = clock();
        let life = async {
            drop(clock.busy());
            sleep(Duration::from_secs(20)).await;
            for _ in 0..9 {
                clock.has_read();
                sleep(Duration::from_secs(1)).await;
            }
        };
        assert_eq!(cut_after(&clock, life).await, 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_may_read_slowly_but_must_not_stop() {
        let clock = clock();
        let _busy = clock.busy();
        let life = async {
            for _ in 0..3 {
                _ = clock.has_written(Poll::<()>::Pending);
                sleep(Duration::from_secs(20)).await;
                _ = clock.has_written(Poll::Ready(()));
            }
            _ = clock.has_written(Poll::<()>::Pending);
            sleep(Duration::from_secs(20)).await;
            _ = clock.has_written(Poll::<()>::Pending);
        };
        assert_eq!(cut_after(&clock, life).await, 90);
        _ = clock.has_written(Poll::Ready(()));
        assert!(timeout(FOR_EVER, clock.overdue()).await.is_err());
    }
}
