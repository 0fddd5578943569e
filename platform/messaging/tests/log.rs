//! Logging. This test runs alone in its process, because tests beside it would switch its log lines off.

use ledger::Queue;
use messaging::RabbitMq;
use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    sync::mpsc,
};
use tracing_subscriber::filter::LevelFilter;
use use_case::Lane;

/// Passes on each logged event.
struct Log(mpsc::Sender<String>);

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let _ = self.0.send(String::from_utf8_lossy(text).into_owned());
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_cannot_be_reached_is_one_warning_without_its_password() {
    let (log, logged) = mpsc::channel();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || Log(log.clone()))
        .init();
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let queue = Queue { context: "users", lane: Lane::Fast };
    let hints = RabbitMq::start(&format!("amqp://hopper:hunter2@{address}/somewhere"), "app", &[queue], &[]).unwrap();
    let (mut warnings, mut again) = (0, 0);
    while again < 2 {
        let line = logged.recv().unwrap();
        assert!(!line.contains("hunter2") && !line.contains("hopper"), "{line}");
        if line.contains("WARN") {
            assert!(line.contains(&address.to_string()), "{line}");
            warnings += 1;
        }
        again += usize::from(line.contains("still cannot use"));
    }
    assert_eq!(warnings, 1);
    hints.shutdown().await;
}
