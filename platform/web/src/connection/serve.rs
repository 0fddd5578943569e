use crate::connection::address_quotas::{AddressQuotas, QuotaExceeded, QuotaSlot};
use crate::connection::connection_clock::{ConnectionClock, RequestInFlight, TimedStream};
use crate::{ClientAddress, Proxies};
use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tower::Service as _;

/// The largest request head, in bytes, and the size limit of each connection's buffers.
const LONGEST_HEAD: usize = 32 * 1024;
/// The pause before the next accept when the process has no file descriptors left.
const BREATHER: Duration = Duration::from_secs(1);

/// The shortest interval between log lines about rejected connections.
const REFUSALS_LOGGED_EVERY: Duration = Duration::from_secs(60);

/// The limits and timeouts of connections.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// The most open connections. Further clients wait in the kernel's queue.
    pub connections: usize,
    /// The most open connections of one address. Further connections are closed at once.
    pub per_address: usize,
    /// The trusted proxies. The limit per address does not apply to them.
    pub proxies: Proxies,
    /// The timeout of a request's head, from the begin of the connection or from the first byte of a later request.
    pub head_within: Duration,
    /// How long a connection may be idle between two requests.
    pub idle_for: Duration,
    /// How long a client may read nothing of its response.
    pub stalled_for: Duration,
    /// How long requests in flight may take to finish after `shutdown`.
    pub drain_within: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connections: 10_000,
            per_address: 2_000,
            proxies: Proxies::default(),
            head_within: seconds(10),
            idle_for: seconds(75),
            stalled_for: seconds(30),
            drain_within: seconds(25),
        }
    }
}

/// The address of the other end of the connection: a client's or a proxy's. Every request has one in its extensions:
/// `Extension<Peer>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Serves HTTP/1 on `listener` until `shutdown`. Then it closes the listener and idle connections, lets requests in
/// flight finish for up to [`ConnectionLimits::drain_within`], cuts the other connections, and returns.
///
/// When a client hangs up, its handler's future is dropped.
///
/// hyper itself answers requests that it cannot parse, with an empty body: 400, 414 for a target over 64 KiB, 431 for a
/// head over 32 KiB or 100 fields.
pub async fn serve(listener: TcpListener, app: Router, limits: ConnectionLimits, shutdown: impl Future<Output = ()>) {
    let (closing, _) = watch::channel(());
    let mut connections = JoinSet::new();
    // The number of tasks is the number of open connections; the loop accepts none while there are too many.
    let mut shares = PeerQuotas::new(&limits);
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            (stream, peer) = accept(&listener), if connections.len() < limits.connections => {
                let Some(share) = shares.acquire(Peer(peer)) else { continue };
                let (app, limits, closing) = (app.clone(), limits.clone(), closing.subscribe());
                connections.spawn(async move {
                    connection(stream, peer, app, limits, closing).await;
                    drop(share);
                });
            }
        }
    }
    drop(listener);
    closing.send_replace(());
    let drained = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.drain_within, drained).await.is_err() {
        tracing::warn!(connections = connections.len(), "cut connections whose requests did not finish in time");
        connections.shutdown().await;
    }
}

/// Counts the open connections of each address.
struct PeerQuotas {
    shares: AddressQuotas,
    proxies: Proxies,
    refused: u64,
    last_logged: Option<Instant>,
}

impl PeerQuotas {
    fn new(limits: &ConnectionLimits) -> Self {
        let shares = AddressQuotas::new(usize::MAX, limits.per_address);
        Self { shares, proxies: limits.proxies.clone(), refused: 0, last_logged: None }
    }

    /// Takes a slot for a connection of this peer; `None` if its address has too many.
    fn acquire(&mut self, peer: Peer) -> Option<QuotaSlot> {
        let client = ClientAddress::of_peer(peer);
        let taken =
            if self.proxies.trust(client.ip()) { self.shares.take_in_all() } else { self.shares.acquire(client.key()) };
        if taken.as_ref().is_err_and(|why| *why == QuotaExceeded::OverShare) {
            self.refused += 1;
            if self.last_logged.is_none_or(|at| at.elapsed() >= REFUSALS_LOGGED_EVERY) {
                // The line names the last address; `refused` counts all addresses since the line before.
                tracing::warn!(client = %client.ip(), refused = self.refused, "closed connections of an address that has too many");
                (self.refused, self.last_logged) = (0, Some(Instant::now()));
            }
        }
        taken.ok()
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_one_connection(&error) => {}
            // Such as EMFILE: the connection stays in the kernel's queue, so an immediate retry would spin.
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                sleep(BREATHER).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    limits: ConnectionLimits,
    mut closing: watch::Receiver<()>,
) {
    // Without TCP_NODELAY, the second of two small writes waits for the client's acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection ended before it began");
        return;
    }
    let clock = ConnectionClock::new(&limits);
    let service = service_fn(|mut request: Request<Incoming>| {
        let busy = clock.busy();
        request.extensions_mut().insert(Peer(peer));
        let answer = app.clone().call(request);
        async move { Ok::<_, std::convert::Infallible>(answer.await?.map(|body| Watched { body, _busy: busy })) }
    });
    let io = TokioIo::new(TimedStream(stream, clock.clone()));
    let mut http = http1::Builder::new();
    http.header_read_timeout(None).max_header_size(LONGEST_HEAD).max_buf_size(LONGEST_HEAD);
    let mut serving = pin!(http.serve_connection(io, service));
    let mut overdue = pin!(clock.overdue());
    let mut is_last = false;
    loop {
        tokio::select! {
            ended = serving.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended early");
                }
                return;
            }
            () = &mut overdue => return,
            _ = closing.changed(), if !is_last => {
                is_last = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}

/// The body of a response. Its request counts as in flight until the body is dropped.
struct Watched {
    body: Body,
    _busy: RequestInFlight,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(ctx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
