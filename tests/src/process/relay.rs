//! A TCP relay between a process and its server that can silence or close connections.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Which connections are silent or closed, by their numbers.
#[derive(Debug, Clone, Copy, Default)]
struct Fates {
    /// Connections before this number are silent: the relay reads what is sent and drops it.
    silent_before: u64,
    /// Connections before this number are closed.
    cut_before: u64,
}

/// A relay on a port of its own.
pub struct Relay {
    at: SocketAddr,
    to: Arc<Mutex<SocketAddr>>,
    count: watch::Receiver<u64>,
    fates: watch::Sender<Fates>,
}

impl Relay {
    /// Starts a relay to this server.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let (to, fates) = (Arc::new(Mutex::new(server)), watch::Sender::new(Fates::default()));
        let (counting, count) = watch::channel(0);
        let (target, fate) = (to.clone(), fates.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let number = *counting.borrow();
                counting.send_replace(number + 1);
                let (target, fate) = (*target.lock().unwrap_or_else(PoisonError::into_inner), fate.clone());
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(target).await else { return };
                    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                    tokio::join!(
                        pump(number, near_in, far_out, fate.subscribe()),
                        pump(number, far_in, near_out, fate.subscribe())
                    );
                });
            }
        });
        Self { at, to, count, fates }
    }

    /// Starts a relay before the server of a URL. Returns the URL to give to the process, too.
    ///
    /// # Panics
    /// When the URL has no address.
    pub async fn before(url: &str) -> (Self, String) {
        let (credentials, rest) = url.rsplit_once('@').unwrap();
        let (server, path) = rest.split_once('/').unwrap();
        let relay = Self::to(server.parse().unwrap()).await;
        let url = format!("{credentials}@{}/{path}", relay.at);
        (relay, url)
    }

    /// Sends new connections to another server.
    pub fn turn_to(&self, server: SocketAddr) {
        *self.to.lock().unwrap_or_else(PoisonError::into_inner) = server;
    }

    /// Silences the open connections; new ones work.
    pub fn silence_what_is_open(&self) {
        let count = *self.count.borrow();
        self.fates.send_modify(|fates| fates.silent_before = count);
    }

    /// Silences all connections, new ones too.
    pub fn silence_everything(&self) {
        self.fates.send_modify(|fates| fates.silent_before = u64::MAX);
    }

    /// Closes the open connections.
    pub fn cut_what_is_open(&self) {
        let count = *self.count.borrow();
        self.fates.send_modify(|fates| fates.cut_before = count);
    }

    /// The number of connections so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        *self.count.borrow()
    }
}

async fn pump(number: u64, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut fates: watch::Receiver<Fates>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = tokio::select! {
            biased;
            cut = fates.wait_for(|fates| fates.cut_before > number) => {
                // An error means that the relay is gone: end, too.
                drop(cut);
                return;
            }
            read = from.read(&mut buffer) => read.unwrap_or(0),
        };
        let is_silent = fates.borrow().silent_before > number;
        if is_silent && length == 0 {
            // A silent connection does not pass on the end either.
            let _ = fates.wait_for(|fates| fates.cut_before > number).await;
            return;
        }
        if length == 0 || (!is_silent && to.write_all(&buffer[..length]).await.is_err()) {
            return;
        }
    }
}
