//! One connection to the broker, and how it ends.

use super::{address::Address, health::BrokerHealth};
use futures::StreamExt as _;
use lapin::{
    AsyncTcpStream, Channel, Connection, ConnectionProperties, Event,
    tcp::TLSConfig,
    types::LongString,
    uri::{AMQPScheme, AMQPUri},
};
use std::{
    io,
    net::{Shutdown, TcpStream},
    os::fd::AsFd as _,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    net::lookup_host,
    sync::watch,
    time::{interval, timeout},
};
use tracing::warn;

/// Timeout for the network connection, TLS included.
const DIAL: Duration = Duration::from_secs(5);
/// Timeout for opening the AMQP connection, the broker's greeting included.
const OPEN: Duration = Duration::from_secs(10);
/// Timeout for any other answer. lapin itself ends no wait.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);
/// Timeout for an orderly close.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a request to the broker failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrokerError {
    /// The broker refused the request. A retry helps only after an operator has changed something.
    #[error("{0}")]
    Refused(String),
    /// The connection or the channel is gone.
    #[error("{0}")]
    Lost(String),
    /// No answer in time. The request may have been executed.
    #[error("no answer in time")]
    Silent,
}

impl From<lapin::Error> for BrokerError {
    fn from(error: lapin::Error) -> Self {
        let says = without_user(error.to_string());
        if error.is_amqp_soft_error() { Self::Refused(says) } else { Self::Lost(says) }
    }
}

/// Removes the user's name, which RabbitMQ puts into a refusal.
fn without_user(says: String) -> String {
    const BEFORE: &str = "user '";
    let Some((before, name)) = says.split_once(BEFORE) else { return says };
    // A name may contain quotes itself, so the last quote ends it.
    let after = name.rsplit_once('\'').map_or("", |(_, after)| after);
    format!("{before}user …{after}")
}

/// Waits for an answer until the timeout.
pub(crate) async fn answer<T>(asked: impl Future<Output = lapin::Result<T>>) -> Result<T, BrokerError> {
    timeout(ANSWER, asked).await.map_err(|_| BrokerError::Silent)?.map_err(BrokerError::from)
}

/// Closes a channel that is no longer used. A dropped channel is closed in the background. When that coincides with
/// the end of its connection, lapin treats it as an error of the whole connection.
pub(crate) async fn close(channel: Channel) {
    // This fails when the channel has ended already.
    let _ = answer(channel.close(200, "OK".into())).await;
}

/// A second handle on the socket of a connection.
#[derive(Clone, Default)]
struct Socket(Arc<OnceLock<TcpStream>>);

impl Socket {
    fn cut(&self) {
        if let Some(socket) = self.0.get() {
            // This fails when the connection has ended already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// Cuts the connection when dropped, even while lapin waits. Every try has a thread of its own, which would otherwise
/// wait for a frozen broker as long as it is frozen.
struct CutOnDrop(Socket);

impl Drop for CutOnDrop {
    fn drop(&mut self) {
        self.0.cut();
    }
}

/// An open connection.
pub(crate) struct BrokerConnection {
    connection: Connection,
    blocked: watch::Sender<bool>,
    socket: CutOnDrop,
}

impl BrokerConnection {
    /// `role` says what the connection is for. RabbitMQ shows it behind the application's name.
    pub(crate) async fn open(address: &Address, application: &str, role: &str) -> Result<Self, BrokerError> {
        let name = LongString::from(format!("{application} {role}"));
        // Automatic recovery is off by default, and must stay off.
        let options = ConnectionProperties::default().with_connection_name(name);
        let socket = CutOnDrop(Socket::default());
        let handle = socket.0.clone();
        let connecting = Connection::connector(
            address.uri(),
            lapin::runtime::default_runtime()?,
            async move |uri: AMQPUri, runtime| {
                let dialled = timeout(DIAL, async {
                    let host = (uri.authority.host.as_str(), uri.authority.port);
                    let addresses: Vec<_> = lookup_host(host).await?.collect();
                    let stream = AsyncTcpStream::connect(&runtime, addresses).await?;
                    if let AsyncTcpStream::Plain(plain) = &stream {
                        let second = plain.get_ref().as_fd().try_clone_to_owned()?;
                        // The connector runs once, so the cell is empty.
                        let _ = handle.0.set(second.into());
                    }
                    match uri.scheme {
                        AMQPScheme::AMQP => Ok(stream),
                        AMQPScheme::AMQPS => stream.into_tls(&uri.authority.host, TLSConfig::default()).await,
                    }
                });
                dialled.await.map_err(io::Error::from).flatten().map_err(lapin::Error::from)
            },
            options,
        );
        let connection = timeout(OPEN, connecting).await.map_err(|_| BrokerError::Silent)??;
        Ok(Self { connection, blocked: watch::Sender::new(false), socket })
    }

    /// Opens a channel for one task.
    pub(crate) async fn channel(&self) -> Result<Channel, BrokerError> {
        let opened = answer(self.connection.create_channel()).await;
        if matches!(opened, Err(BrokerError::Silent)) {
            self.is_silent();
        }
        opened
    }

    /// Waits while the broker blocks publishing, because a publish would then hang (16 s were observed).
    pub(crate) async fn unblocked(&self) {
        // The sender lives as long as this connection.
        let _ = self.blocked.subscribe().wait_for(|blocked| !blocked).await;
    }

    /// Waits for the end of the connection and returns its reason. Updates the health state meanwhile.
    pub(crate) async fn ended(&self, health: &BrokerHealth) -> String {
        const BLOCKED: &str = "publishing is blocked";
        let mut events = self.connection.events_listener();
        // A close without an error is not an event, so look at the status every second.
        let mut look = interval(Duration::from_secs(1));
        let (mut why, mut because) = ("closed by the broker".to_owned(), "its memory or disk is short".to_owned());
        while self.connection.status().connected() {
            let event = tokio::select! {
                event = events.next() => event,
                _ = look.tick() => None,
            };
            match event {
                // It may be an error of a single channel, which its owner handles.
                Some(Event::Error(error)) => why = without_user(error.to_string()),
                Some(Event::ConnectionBlocked(reason)) => because = reason,
                _ => {}
            }
            // Use the status, because an event may have been missed.
            let blocked = self.connection.status().blocked();
            self.blocked.send_if_modified(|was| std::mem::replace(was, blocked) != blocked);
            if !blocked {
                health.heal(BLOCKED);
            } else if health.worsen(BLOCKED, &because) {
                warn!(reason = because, "RabbitMQ takes no hints: workers poll instead");
            }
        }
        health.heal(BLOCKED);
        why
    }

    /// Closes the connection in order, and then cuts it.
    pub(crate) async fn close(&self) {
        // A blocked or half-dead broker would not answer.
        let _ = timeout(FAREWELL, self.connection.close(200, "OK".into())).await;
        self.socket.0.cut();
    }

    /// Cuts a connection on which a request got no answer, so that another one is opened. Otherwise further requests
    /// would get none either, until the heartbeat notices. A connection that the broker has blocked is kept.
    pub(crate) fn is_silent(&self) {
        if !self.connection.status().blocked() {
            self.cut();
        }
    }

    /// Cuts the connection at once.
    pub(crate) fn cut(&self) {
        self.socket.0.cut();
    }
}

#[cfg(test)]
mod tests {
    use super::without_user;

    #[test]
    fn a_refusal_is_shown_without_the_user() {
        let says = "NOT_ALLOWED - access to vhost 'x' refused for user 'hunt'er2'".to_owned();
        assert_eq!(without_user(says), "NOT_ALLOWED - access to vhost 'x' refused for user …");
        let says = "access to queue 'q' in vhost '/' refused for user 'hunter2', class 50".to_owned();
        assert_eq!(without_user(says), "access to queue 'q' in vhost '/' refused for user …, class 50");
        assert_eq!(without_user("no user at all".to_owned()), "no user at all");
    }
}
