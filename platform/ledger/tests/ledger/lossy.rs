//! A way to the database that loses answers.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Stands before PostgreSQL. Once, it cuts the connection instead of answering: what was asked for is done by then,
/// and whoever asked cannot know.
pub(crate) struct Lossy {
    pub(crate) url: String,
    fatal: Arc<Mutex<Option<String>>>,
}

impl Lossy {
    pub(crate) async fn before(url: &str) -> Self {
        let (start, rest) = url.split_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("{start}@{}/{database}", listener.local_addr().unwrap());
        let fatal = Arc::new(Mutex::new(None));
        let (server, ours) = (server.to_owned(), Arc::clone(&fatal));
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(pass(client, TcpStream::connect(&server).await.unwrap(), Arc::clone(&ours)));
            }
        });
        Self { url, fatal }
    }

    /// The next statement that holds this text is answered to nobody.
    pub(crate) fn lose_the_answer_to(&self, text: &str) {
        *self.fatal.lock().unwrap() = Some(text.to_owned());
    }

    pub(crate) fn has_lost(&self) -> bool {
        self.fatal.lock().unwrap().is_none()
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
