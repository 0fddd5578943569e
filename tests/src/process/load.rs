//! Clients that sign up and keep a log of every answer. They send a request without an answer again, with the same
//! idempotency key.

use super::uuid;
use crate::{Answer, Request};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use uuid::Uuid;

/// How long one sign-up may stay without a final answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause before a client tries again.
const PAUSE: Duration = Duration::from_millis(50);
/// One in this many sign-ups uses the address of the one before it.
const DUPLICATE: usize = 20;
/// One in this many sign-ups chooses its user id.
const CHOSEN: usize = 3;

/// A client's request, and every answer to it.
#[derive(Debug, Clone)]
pub struct SignUp {
    pub email: String,
    pub password: String,
    /// The user id, if the client chose it.
    pub chosen: Option<Uuid>,
    /// The `Idempotency-Key`.
    pub key: String,
    /// The answers in order.
    pub heard: Vec<Heard>,
}

/// An answer that a client received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// 202, with the command's id and the user's id.
    Accepted { command: Uuid, user: Uuid },
    /// Any other answer to the sign-up: HTTP status and problem code.
    Refused(u16, String),
    /// No answer, or an incomplete one.
    Nothing,
    /// The status of the command, from `GET /commands/{id}`.
    Status(String),
    /// The HTTP status of `GET /commands/{id}` when it was not 200.
    NotShown(u16),
}

impl SignUp {
    /// The commands of all 202 answers, each with its user.
    pub fn accepted(&self) -> impl Iterator<Item = (Uuid, Uuid)> {
        self.heard.iter().filter_map(|heard| match heard {
            Heard::Accepted { command, user } => Some((*command, *user)),
            _ => None,
        })
    }

    fn new(number: usize, canary: &str) -> Self {
        // A duplicate uses the address of the sign-up before it.
        let person = if number % DUPLICATE == DUPLICATE - 1 { number - 1 } else { number };
        Self {
            email: format!("person-{person}@{canary}.example"),
            password: format!("{canary} umbrella {number}"),
            chosen: number.is_multiple_of(CHOSEN).then(uuid),
            key: uuid().to_string(),
            heard: Vec::new(),
        }
    }

    fn body(&self) -> Value {
        let mut body = json!({ "email": self.email, "password": self.password, "name": "Ada" });
        if let Some(id) = self.chosen {
            body["id"] = json!(id);
        }
        body
    }

    /// Sends the sign-up until there is an answer other than 503.
    async fn send(&mut self, at: SocketAddr) {
        let request = Request::post("/users", &self.body()).header("idempotency-key", &self.key);
        let give_up = Instant::now() + PATIENCE;
        loop {
            let answer = request.try_send(at).await;
            let heard = answer.map_or(Heard::Nothing, |answer| understand(&answer));
            let again = matches!(heard, Heard::Nothing | Heard::Refused(503, _));
            self.heard.push(heard);
            if !again {
                return;
            }
            assert!(Instant::now() < give_up, "it is not accepted: {self:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Asks once for the status of its commands. True when all of them have ended.
    async fn ask(&mut self, at: SocketAddr) -> bool {
        let commands: Vec<_> = self.accepted().map(|(command, _)| command).collect();
        let mut all_final = true;
        for command in commands {
            let Ok(answer) = Request::get(format!("/commands/{command}")).try_send(at).await else {
                all_final = false;
                continue;
            };
            let status = answer.json()["status"].as_str().unwrap_or_default().to_owned();
            all_final &= answer.status == 200 && !matches!(&*status, "accepted" | "running");
            self.heard.push(if answer.status == 200 { Heard::Status(status) } else { Heard::NotShown(answer.status) });
        }
        all_final
    }
}

fn understand(answer: &Answer) -> Heard {
    let body = answer.json();
    let id = |value: &Value| value.as_str().and_then(|text| Uuid::parse_str(text).ok());
    match (answer.status, id(&body["id"]), id(&body["target"]["id"])) {
        (202, Some(command), Some(user)) => Heard::Accepted { command, user },
        (status, ..) => Heard::Refused(status, body["code"].as_str().unwrap_or_default().to_owned()),
    }
}

/// Clients that are signing up.
pub struct Load {
    at: SocketAddr,
    canary: String,
    clients: JoinSet<Vec<SignUp>>,
    done: Arc<AtomicUsize>,
}

impl Load {
    /// Starts `clients` clients that sign up `people` people in total.
    #[must_use]
    pub fn start(at: SocketAddr, people: usize, clients: usize) -> Self {
        let canary = format!("canary{}", uuid().simple().to_string().split_at(12).1);
        let done = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for client in 0..clients {
            let mut mine: Vec<_> = (client..people).step_by(clients).map(|n| SignUp::new(n, &canary)).collect();
            let done = Arc::clone(&done);
            tasks.spawn(async move {
                for sign_up in &mut mine {
                    sign_up.send(at).await;
                    // After a 202 the command exists.
                    sign_up.ask(at).await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                mine
            });
        }
        Self { at, canary, clients: tasks, done }
    }

    /// A word that occurs in every password and every address, and nowhere else.
    #[must_use]
    pub fn canary(&self) -> &str {
        &self.canary
    }

    /// Waits until this many sign-ups have an answer.
    pub async fn reaches(&self, people: usize) {
        let far = async || (self.done.load(Ordering::Relaxed) >= people).then_some(());
        super::until(PATIENCE, "progress of the clients", far).await;
    }

    /// Waits until all sign-ups have an answer, and then until every command has ended.
    ///
    /// # Panics
    /// When that takes longer than `patience`.
    pub async fn settle(self, patience: Duration) -> Vec<SignUp> {
        let (at, give_up) = (self.at, Instant::now() + patience);
        let mut asking = JoinSet::new();
        for mut mine in self.clients.join_all().await {
            asking.spawn(async move {
                for sign_up in &mut mine {
                    while !sign_up.ask(at).await && Instant::now() < give_up {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
                mine
            });
        }
        asking.join_all().await.into_iter().flatten().collect()
    }
}

/// The number of lost answers, and of sign-ups that were accepted at a later try.
#[must_use]
pub fn lost_answers(log: &[SignUp]) -> (usize, usize) {
    let lost = |it: &SignUp| it.heard.iter().filter(|heard| **heard == Heard::Nothing).count();
    (log.iter().map(lost).sum(), log.iter().filter(|it| lost(it) > 0 && it.accepted().next().is_some()).count())
}

/// Every `one_in`th sign-up.
///
/// # Panics
/// When `one_in` is zero.
pub fn sample(log: &[SignUp], one_in: usize) -> impl Iterator<Item = &SignUp> {
    log.iter().step_by(one_in)
}

/// The number of sign-ups that got a 202.
#[must_use]
pub fn promised(log: &[SignUp]) -> usize {
    log.iter().map(SignUp::accepted).filter_map(|mut it| it.next()).count()
}

/// The last status of the command that the client saw.
#[must_use]
pub fn last_status(sign_up: &SignUp) -> Option<&str> {
    sign_up.heard.iter().rev().find_map(|heard| match heard {
        Heard::Status(status) => Some(status.as_str()),
        _ => None,
    })
}
