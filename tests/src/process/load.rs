//! Clients that sign up, write down every request and answer, and never give up: what has no answer
//! is sent again under the same key.

use super::{http, uuid};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use uuid::Uuid;

/// For how long one sign-up may go without an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Before a client tries again.
const PAUSE: Duration = Duration::from_millis(50);
/// One sign-up in so many takes the address of the one before it.
const DUPLICATE: usize = 20;
/// One sign-up in so many chooses its id.
const CHOSEN: usize = 3;

/// What a client wanted, and everything that it heard.
#[derive(Debug, Clone)]
pub struct SignUp {
    /// Where mail reaches them.
    pub email: String,
    /// What they sign in with.
    pub password: String,
    /// The id that they chose.
    pub chosen: Option<Uuid>,
    /// Their `Idempotency-Key`.
    pub key: String,
    /// In order.
    pub heard: Vec<Heard>,
}

/// What a client heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// 202: the command, and the user that it is about.
    Accepted {
        /// The command.
        command: Uuid,
        /// The user that it is about.
        user: Uuid,
    },
    /// Any other answer to the request: its status and code.
    Refused(u16, String),
    /// No answer, or half of one.
    Nothing,
    /// Asked for: where the command stood.
    Status(String),
    /// Asked for the command: an answer that is none, with its status.
    NotTold(u16),
}

impl SignUp {
    /// The commands that it was told of.
    pub fn accepted(&self) -> impl Iterator<Item = (Uuid, Uuid)> {
        self.heard.iter().filter_map(|heard| match heard {
            Heard::Accepted { command, user } => Some((*command, *user)),
            _ => None,
        })
    }

    fn new(number: usize, canary: &str) -> Self {
        // The one before it, if this one is to be a duplicate.
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

    /// Asks until there is an answer that stands.
    async fn send(&mut self, at: SocketAddr) {
        let (body, give_up) = (self.body(), Instant::now() + PATIENCE);
        loop {
            let answer = http::send(at, "POST", "/users", &[("idempotency-key", &self.key)], Some(&body)).await;
            let heard = answer.map_or(Heard::Nothing, |answer| understand(&answer));
            let again = matches!(heard, Heard::Nothing | Heard::Refused(503, _));
            self.heard.push(heard);
            if !again {
                return;
            }
            assert!(Instant::now() < give_up, "nobody accepts: {self:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Asks once where its commands stand. True when there is nothing left to ask.
    async fn ask(&mut self, at: SocketAddr) -> bool {
        let commands: Vec<_> = self.accepted().map(|(command, _)| command).collect();
        let mut all_final = true;
        for command in commands {
            let Ok(answer) = http::send(at, "GET", &format!("/commands/{command}"), &[], None).await else {
                all_final = false;
                continue;
            };
            let status = answer.json()["status"].as_str().unwrap_or_default().to_owned();
            all_final &= answer.status == 200 && !matches!(&*status, "accepted" | "running");
            self.heard.push(if answer.status == 200 { Heard::Status(status) } else { Heard::NotTold(answer.status) });
        }
        all_final
    }
}

fn understand(answer: &http::Answer) -> Heard {
    let body = answer.json();
    let id = |value: &Value| value.as_str().and_then(|text| Uuid::parse_str(text).ok());
    match (answer.status, id(&body["id"]), id(&body["target"]["id"])) {
        (202, Some(command), Some(user)) => Heard::Accepted { command, user },
        (status, ..) => Heard::Refused(status, body["code"].as_str().unwrap_or_default().to_owned()),
    }
}

/// Sign-ups under way.
pub struct Load {
    at: SocketAddr,
    canary: String,
    clients: JoinSet<Vec<SignUp>>,
    done: Arc<AtomicUsize>,
}

impl Load {
    /// So many clients sign up so many people.
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
                    // A 202 is a promise: from here on, it can be asked for.
                    sign_up.ask(at).await;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                mine
            });
        }
        Self { at, canary, clients: tasks, done }
    }

    /// What stands in every password, in every address and nowhere else.
    #[must_use]
    pub fn canary(&self) -> &str {
        &self.canary
    }

    /// Waits until so many have an answer.
    pub async fn reaches(&self, people: usize) {
        let far = async || (self.done.load(Ordering::Relaxed) >= people).then_some(());
        super::until(PATIENCE, "progress of the clients", far).await;
    }

    /// Waits until all have an answer, and then until every command has reached its end.
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

/// How many answers were lost, and how many people got theirs only at a later try.
#[must_use]
pub fn trouble(log: &[SignUp]) -> (usize, usize) {
    let lost = |it: &SignUp| it.heard.iter().filter(|heard| **heard == Heard::Nothing).count();
    (log.iter().map(lost).sum(), log.iter().filter(|it| lost(it) > 0 && it.accepted().next().is_some()).count())
}

/// The people whose password is worth a look: one in so many.
///
/// # Panics
/// When `one_in` is zero.
pub fn sample(log: &[SignUp], one_in: usize) -> impl Iterator<Item = &SignUp> {
    log.iter().step_by(one_in)
}

/// The number of those who hold a promise.
#[must_use]
pub fn promised(log: &[SignUp]) -> usize {
    log.iter().map(SignUp::accepted).filter_map(|mut it| it.next()).count()
}

/// Where a command was seen to stand last.
#[must_use]
pub fn last_status(sign_up: &SignUp) -> Option<&str> {
    sign_up.heard.iter().rev().find_map(|heard| match heard {
        Heard::Status(status) => Some(status.as_str()),
        _ => None,
    })
}
