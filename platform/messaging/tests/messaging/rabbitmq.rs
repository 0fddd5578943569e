//! Addresses, secrets, and a broker that is not there.

use crate::world::{FAST, hint};
use futures::FutureExt as _;
use ledger::{Announce as _, Listen as _};
use messaging::{AddressError, RabbitMq, State};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Instant,
};
use tokio::{io::AsyncReadExt as _, net::TcpListener};

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_at_the_start() {
    let started = RabbitMq::start("http://me:hunter2@localhost", "roster", &[FAST], &[]).map(|_| ());
    assert_eq!(started, Err(AddressError));
}

#[tokio::test]
async fn tls_is_spoken_where_it_is_asked_for() {
    let (listener, address) = listener().await;
    let _hints = RabbitMq::start(&format!("amqps://me:hunter2@{address}"), "roster", &[FAST], &[]).unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut first = [0; 3];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(first[..2], [0x16, 0x03], "a TLS handshake (RFC 8446, section 5.1), never AMQP's own greeting");
}

#[tokio::test]
async fn without_a_broker_announcing_neither_waits_nor_fails() {
    let (listener, address) = listener().await;
    drop(listener);
    let hints = RabbitMq::start(&format!("amqp://{address}"), "roster", &[FAST], &[(FAST, 2)]).unwrap();
    // More than may wait.
    hints.announce(&FAST, (0..10_000).map(|_| hint()).collect());
    let dropped = hints.stats().dropped.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(dropped, 10_000 - 4096);
    assert!(matches!(hints.state(), State::Degraded(_)));
    assert!(hints.listen(&FAST).next().now_or_never().is_none());
    let start = Instant::now();
    hints.shutdown().await;
    assert!(start.elapsed().as_secs() < 5, "a shutdown without a broker has nothing to wait for");
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[ignore = "open: it reads debug lines through its thread's subscriber, which tests beside it can switch off; it needs a process of its own"]
#[tokio::test]
async fn a_broker_that_cannot_be_reached_is_one_warning_without_its_password() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let (listener, address) = listener().await;
    drop(listener);
    let url = format!("amqp://somebody:hunter2@{address}/somewhere");
    let hints = RabbitMq::start(&url, "roster", &[FAST], &[]).unwrap();
    crate::world::eventually("it tries again", async || log.text().contains("still cannot use")).await;
    hints.shutdown().await;
    let text = log.text();
    let warnings: Vec<_> = text.lines().filter(|line| line.contains("WARN")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains(&address.to_string()), "{warnings:?}");
    assert!(!text.contains("hunter2") && !text.contains("somebody"), "{text}");
}
