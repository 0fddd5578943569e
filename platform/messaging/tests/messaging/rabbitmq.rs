//! Addresses, secrets, and a broker that cannot be reached.

use crate::world::{FAST, hint};
use futures::FutureExt as _;
use ledger::{HintReceiver as _, HintSender as _};
use messaging::{AddressError, BrokerState, HintEvent, RabbitMq};
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Instant,
};
use tokio::{io::AsyncReadExt as _, net::TcpListener};

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn an_invalid_address_is_refused_at_the_start() {
    let started = RabbitMq::start("http://me:hunter2@localhost", "app", &[FAST], &[]).map(|_| ());
    assert_eq!(started, Err(AddressError));
}

#[tokio::test]
async fn an_amqps_address_uses_tls() {
    let (listener, address) = listener().await;
    let _hints = RabbitMq::start(&format!("amqps://me:hunter2@{address}"), "app", &[FAST], &[]).unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut first = [0; 3];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(first[..2], [0x16, 0x03], "a TLS handshake (RFC 8446, section 5.1), never AMQP's own greeting");
}

#[tokio::test]
async fn without_a_broker_announcing_neither_waits_nor_fails() {
    let (listener, address) = listener().await;
    drop(listener);
    let hints = RabbitMq::start(&format!("amqp://{address}"), "app", &[FAST], &[(FAST, 2)]).unwrap();
    // More than the queue holds.
    hints.announce(&FAST, (0..10_000).map(|_| hint()).collect());
    assert_eq!(hints.count(HintEvent::Dropped), 10_000 - 4096);
    assert!(matches!(hints.state(), BrokerState::Degraded(_)));
    assert!(hints.listen(&FAST).next().now_or_never().is_none());
    let start = Instant::now();
    hints.shutdown().await;
    assert!(start.elapsed().as_secs() < 5, "a shutdown without a broker has nothing to wait for");
}
