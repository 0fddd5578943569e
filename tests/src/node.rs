#![expect(clippy::expect_used, clippy::panic, reason = "a step that does not work fails the test")]

use crate::{Answer, Documented, Held, Open, PATIENCE, Request};
use kernel::MessageId;
use ledger::Ledger;
use roster::compose::{AppConfig, Roster};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// One process of Roster, composed as by `roster serve`, on a port of its own.
pub struct Node {
    pub ledger: Ledger,
    pub address: SocketAddr,
    /// The OpenAPI document. Every answer is checked against it.
    pub documented: Arc<Documented>,
    roster: Mutex<Roster>,
    closing: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Node {
    /// Composes and starts a process. It accepts commands, and executes them after [`Node::work`] is called.
    pub async fn start(config: AppConfig) -> Self {
        let roster = Roster::compose(config).unwrap_or_else(|why| panic!("the process cannot be composed: {why}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (closing, closed) = oneshot::channel();
        let serving =
            tokio::spawn(web::serve(listener, roster.app(), roster.connection_limits(), async { _ = closed.await }));
        let documented = Arc::new(Documented::new(&serde_json::to_value(&roster.document).expect("a document")));
        Self { ledger: roster.ledger(), address, documented, roster: Mutex::new(roster), closing, serving }
    }

    /// Starts the workers.
    pub async fn work(&self) {
        self.roster.lock().await.work().await.expect("the ledger can be read");
    }

    /// The first step of a stop, as at SIGTERM: no message is started any more, and waiting requests are answered.
    pub async fn begin_stop(&self) {
        self.roster.lock().await.begin_stop();
    }

    /// Stops the process as SIGTERM does.
    pub async fn stop(self) {
        self.begin_stop().await;
        _ = self.closing.send(());
        self.serving.await.expect("it has stopped serving");
        self.roster.into_inner().stop().await;
    }

    /// Sends a request. The OpenAPI document MUST allow the answer.
    ///
    /// If the server is overloaded or its database too slow, this sends the request again, as every client should: many
    /// tests run at once on a small machine. A test that counts rows gives such requests an idempotency key.
    pub async fn send(&self, request: &Request) -> Answer {
        send(self.address, &self.documented, request).await
    }

    /// Sends a request without the last byte of its body.
    pub async fn hold(&self, request: &Request) -> Held {
        request.hold(self.address).await
    }

    /// Sends a request with a streamed answer.
    pub async fn open(&self, request: &Request) -> Open {
        request.open(self.address).await
    }

    /// Sends a `GET` request.
    pub async fn get(&self, target: impl Into<String>) -> Answer {
        self.send(&Request::get(target)).await
    }

    /// Sends all requests at the same time, and returns the answers in the same order.
    pub async fn send_all(&self, requests: impl IntoIterator<Item = Request>) -> Vec<Answer> {
        let sending: Vec<_> = requests.into_iter().map(|request| self.begin(request)).collect();
        let mut answers = Vec::new();
        for sent in sending {
            answers.push(sent.await.expect("it is answered as documented"));
        }
        answers
    }

    /// Sends a request in the background.
    pub fn begin(&self, request: Request) -> JoinHandle<Answer> {
        let (address, documented) = (self.address, Arc::clone(&self.documented));
        tokio::spawn(async move { send(address, &documented, &request).await })
    }

    /// The present state of the command that a 202 points to.
    pub async fn command(&self, accepted: &Answer) -> Value {
        let answer = self.get(accepted.header("location").expect("a location")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Waits for the end of the command that a 202 points to, and returns it.
    pub async fn outcome(&self, accepted: &Answer) -> Value {
        assert_eq!(accepted.status, 202, "{accepted:?}");
        let id: MessageId = accepted.json()["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let command = self.ledger.command_by(id, Instant::now() + PATIENCE).await.expect("the ledger answers");
        assert!(command.is_some_and(|command| command.status.is_final()), "it has not ended: {accepted:?}");
        self.command(accepted).await
    }
}

async fn send(address: SocketAddr, documented: &Documented, request: &Request) -> Answer {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let answer = request.send(address).await;
        documented.check(request, &answer);
        let is_busy = request.target.starts_with("/auth/") && answer.body.contains("\"overloaded\"");
        let is_slow = answer.status == 503 && (is_busy || answer.body.contains("\"database_unavailable\""));
        if !is_slow || Instant::now() >= give_up {
            return answer;
        }
        let seconds = answer.header("retry-after").and_then(|it| it.parse().ok()).expect("when to come back");
        sleep(Duration::from_secs(seconds)).await;
    }
}
