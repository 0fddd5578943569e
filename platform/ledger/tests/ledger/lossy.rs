//! A proxy in front of PostgreSQL that loses answers, and can be down for a while.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A proxy in front of PostgreSQL. Once, it cuts the connection instead of passing an answer on. PostgreSQL has
/// executed the statement by then, but the client cannot know.
pub(crate) struct Lossy {
    pub(crate) url: String,
    server: String,
    address: SocketAddr,
    passing: JoinHandle<()>,
    fatal: Arc<Mutex<Option<String>>>,
}

impl Lossy {
    pub(crate) async fn before(url: &str) -> Self {
        let (start, rest) = url.split_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, fatal) = (listener.local_addr().unwrap(), Arc::default());
        let url = format!("{start}@{address}/{database}");
        let passing = tokio::spawn(pass_all(listener, server.to_owned(), Arc::clone(&fatal)));
        Self { url, server: server.to_owned(), address, passing, fatal }
    }

    /// Cuts every connection and accepts no new one, as if the server were stopped.
    pub(crate) async fn go(&mut self) {
        self.passing.abort();
        assert!((&mut self.passing).await.unwrap_err().is_cancelled());
    }

    pub(crate) async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.passing = tokio::spawn(pass_all(listener, self.server.clone(), Arc::clone(&self.fatal)));
    }

    /// Loses the answer to the next statement that contains this text.
    pub(crate) fn lose_the_answer_to(&self, text: &str) {
        *self.fatal.lock().unwrap() = Some(text.to_owned());
    }

    pub(crate) fn has_lost(&self) -> bool {
        self.fatal.lock().unwrap().is_none()
    }
}

/// Cuts all connections when it is dropped.
async fn pass_all(listener: TcpListener, server: String, fatal: Arc<Mutex<Option<String>>>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        connections.spawn(pass(client, TcpStream::connect(&server).await.unwrap(), Arc::clone(&fatal)));
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, fatal: Arc<Mutex<Option<String>>>) {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut loses = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(read @ 1..) = read else { return };
                let holds = |text: &mut String| String::from_utf8_lossy(&asked[..read]).contains(text.as_str());
                loses |= fatal.lock().unwrap().take_if(holds).is_some();
                server.write_all(&asked[..read]).await.unwrap();
            }
            read = server.read(&mut answered) => match read {
                // PostgreSQL answers once it has committed.
                Ok(read @ 1..) if !loses => client.write_all(&answered[..read]).await.unwrap(),
                _ => return,
            }
        }
    }
}
