//! A small context to test the ledger with, and a second one that it sends messages to.

use ledger::{HandlerFuture, MessageHandlers};
use persistence::{SqlError, Tx, execute};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tokio::sync::Semaphore;
use use_case::{
    CommandFailure, FollowUpFailure, Handle, HandledMessage, HandlerContext, HandlerRegistry, Message, MessageMeta,
    Port, Prepare, PrepareContext, Unavailable, async_trait,
};
use uuid::Uuid;

/// The counters and the gate of one test.
pub(crate) struct Script {
    pub(crate) id: Uuid,
    pub(crate) prepared: AtomicUsize,
    pub(crate) handled: AtomicUsize,
    pub(crate) overlaps: AtomicUsize,
    inside: Mutex<HashSet<Uuid>>,
    stopped: AtomicBool,
    /// A permit for each message that has come to the gate.
    pub(crate) arrived: Semaphore,
    /// A permit for each message that may pass the gate.
    pub(crate) pass: Semaphore,
}

static SCRIPTS: LazyLock<Mutex<HashMap<Uuid, Arc<Script>>>> = LazyLock::new(Mutex::default);

impl Script {
    pub(crate) fn new(id: Uuid) -> Arc<Self> {
        let zero = AtomicUsize::default;
        let script = Arc::new(Self {
            id,
            prepared: zero(),
            handled: zero(),
            overlaps: zero(),
            inside: Mutex::default(),
            stopped: AtomicBool::new(false),
            arrived: Semaphore::new(0),
            pass: Semaphore::new(0),
        });
        SCRIPTS.lock().unwrap().insert(id, Arc::clone(&script));
        script
    }

    fn of(id: Uuid) -> Arc<Self> {
        Arc::clone(&SCRIPTS.lock().unwrap()[&id])
    }

    async fn gate(&self) {
        self.arrived.add_permits(1);
        self.pass.acquire().await.unwrap().forget();
    }

    async fn gate_once(&self) {
        if !self.stopped.swap(true, SeqCst) {
            self.gate().await;
        }
    }

    /// Waits until one more message has come to the gate.
    pub(crate) async fn has_arrived(&self) {
        let arrived = tokio::time::timeout(crate::world::PATIENCE, self.arrived.acquire()).await;
        arrived.expect("a message comes to the gate").unwrap().forget();
    }

    /// Whether this attempt fails: the first `times` do.
    fn fails(&self, times: usize) -> bool {
        self.handled.load(SeqCst) <= times
    }
}

struct Inside<'a>(&'a Script, Uuid);

impl<'a> Inside<'a> {
    fn enter(script: &'a Script, subject: Uuid) -> Self {
        if !script.inside.lock().unwrap().insert(subject) {
            script.overlaps.fetch_add(1, SeqCst);
        }
        Self(script, subject)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.inside.lock().unwrap().remove(&self.1);
    }
}

#[async_trait]
pub(crate) trait Shop: Send {
    async fn note(&mut self, job: &Job, context: &str) -> Result<(), Unavailable>;
}

impl Port for dyn Shop {
    const CONTEXT: &'static str = "shop";
    type Tools = ();
}

pub(crate) struct SqlShop(Tx);

ledger::adapter!(SqlShop: dyn Shop);

#[async_trait]
impl Shop for SqlShop {
    async fn note(&mut self, job: &Job, context: &str) -> Result<(), Unavailable> {
        let sql = "insert into effects (context, subject, n) values ($1, $2, $3)";
        execute!(&mut self.0, sql, context, job.subject, job.n).map_err(|error: SqlError| error.into()).map(|_| ())
    }
}

/// What a message does, besides noting that it was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Act {
    Note,
    Reject,
    Break,
    Panic,
    /// Fails this often, and then works.
    BeUnavailable(usize),
    LoseARace(usize),
    /// Notes in so many steps.
    Continue(usize),
    /// Notes in two steps, the second half an hour later, though it asks for an hour.
    Pause,
    /// Sends a follow-up that its command does not wait for.
    SendUnawaited,
    StopAtTheGate,
    /// Only the first message stops.
    StopOnce,
    /// Sends `depot.deliver.v1`, which breaks if `breaks` is set.
    Send {
        breaks: bool,
    },
    SendToUnknownContext,
    Publish,
    /// The reaction sends `depot.deliver.v1`, which breaks.
    PublishAndBreakLater,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) script: Uuid,
    pub(crate) subject: Uuid,
    pub(crate) n: i64,
    pub(crate) act: Act,
}

macro_rules! job {
    ($name:ident, $wire:literal, $is_event:literal, $failure:ty) => {
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(transparent)]
        pub(crate) struct $name(pub(crate) Job);

        impl Message for $name {
            const NAME: &'static str = $wire;
            const IS_EVENT: bool = $is_event;
            type Failure = $failure;
            fn subject(&self) -> Uuid {
                self.0.subject
            }
        }
    };
}

job!(Sell, "shop.sell.v1", false, CommandFailure);
job!(Engrave, "shop.engrave.v1", false, CommandFailure);
job!(Deliver, "depot.deliver.v1", false, FollowUpFailure);
job!(Remind, "depot.remind.v1", false, FollowUpFailure);
job!(Sold, "shop.item_sold.v1", true, FollowUpFailure);
job!(Nowhere, "nowhere.do.v1", false, FollowUpFailure);

#[derive(Debug, thiserror::Error)]
#[error("it is sold out")]
struct SoldOut;

impl kernel::DomainError for SoldOut {
    fn code(&self) -> &'static str {
        "sold_out"
    }
}

impl Handle<dyn Shop> for Sell {
    async fn handle(self, ctx: HandlerContext<'_, dyn Shop>) -> Result<(), CommandFailure> {
        act(self.0, ctx).await
    }
}

async fn act(job: Job, mut ctx: HandlerContext<'_, dyn Shop>) -> Result<(), CommandFailure> {
    let script = Script::of(job.script);
    script.handled.fetch_add(1, SeqCst);
    let _inside = Inside::enter(&script, job.subject);
    ctx.store.note(&job, "shop").await?;
    let further = |act| Job { act, ..job.clone() };
    match job.act {
        Act::Note => {}
        Act::Reject => Err(SoldOut)?,
        Act::Break => return Err(CommandFailure::Broken("out of order".into())),
        Act::Panic => panic!("as the test asks"),
        Act::BeUnavailable(times) if script.fails(times) => Err(Unavailable::retry_later("closed"))?,
        Act::LoseARace(times) if script.fails(times) => Err(Unavailable::retry_soon("another transaction was faster"))?,
        Act::BeUnavailable(_) | Act::LoseARace(_) => {}
        Act::Continue(steps) if script.fails(steps - 1) => ctx.continue_later(),
        Act::Continue(_) => {}
        Act::Pause if script.fails(1) => ctx.continue_after(Duration::from_secs(3_600)),
        Act::Pause => {}
        Act::SendUnawaited => ctx.send(&Remind(further(Act::Note))),
        Act::StopAtTheGate => script.gate().await,
        Act::StopOnce => script.gate_once().await,
        Act::Send { breaks } => ctx.send(&Deliver(further(if breaks { Act::Break } else { Act::Note }))),
        Act::SendToUnknownContext => ctx.send(&Nowhere(further(Act::Note))),
        Act::Publish => ctx.publish(&Sold(further(Act::Note))),
        Act::PublishAndBreakLater => ctx.publish(&Sold(further(Act::Send { breaks: true }))),
    }
    Ok(())
}

#[derive(Clone)]
pub(crate) struct Engraved(Job);

impl Prepare<dyn Shop> for Engrave {
    type Prepared = Engraved;

    async fn prepare(self, _: PrepareContext<'_, dyn Shop>) -> Result<Engraved, CommandFailure> {
        let script = Script::of(self.0.script);
        script.prepared.fetch_add(1, SeqCst);
        match self.0.act {
            Act::StopAtTheGate => script.gate().await,
            Act::StopOnce => script.gate_once().await,
            _ => return Ok(Engraved(self.0)),
        }
        Ok(Engraved(Job { act: Act::Note, ..self.0 }))
    }
}

impl Handle<dyn Shop> for Engraved {
    async fn handle(self, ctx: HandlerContext<'_, dyn Shop>) -> Result<(), CommandFailure> {
        act(self.0, ctx).await
    }
}

async fn react(job: Job, ctx: HandlerContext<'_, dyn Shop>) -> Result<(), FollowUpFailure> {
    ctx.store.note(&job, "depot").await?;
    if job.act == Act::Break { Err(FollowUpFailure::Broken("the van broke down".into())) } else { Ok(()) }
}

impl Handle<dyn Shop, FollowUpFailure> for Deliver {
    async fn handle(self, ctx: HandlerContext<'_, dyn Shop>) -> Result<(), FollowUpFailure> {
        react(self.0, ctx).await
    }
}

impl Handle<dyn Shop, FollowUpFailure> for Remind {
    const AWAITED: bool = false;

    async fn handle(self, ctx: HandlerContext<'_, dyn Shop>) -> Result<(), FollowUpFailure> {
        react(self.0, ctx).await
    }
}

impl Handle<dyn Shop, FollowUpFailure> for Sold {
    async fn handle(self, mut ctx: HandlerContext<'_, dyn Shop>) -> Result<(), FollowUpFailure> {
        if let Act::Send { .. } = self.0.act {
            ctx.send(&Deliver(Job { act: Act::Break, ..self.0.clone() }));
        }
        react(self.0, ctx).await
    }
}

pub(crate) fn shop() -> Arc<dyn MessageHandlers> {
    let does = HandlerRegistry::<dyn Shop>::default().on::<Sell>().on::<Engrave>();
    ledger::handlers(does, Arc::new(()), SqlShop)
}

pub(crate) fn depot() -> Arc<dyn MessageHandlers> {
    let does = HandlerRegistry::<dyn Shop>::default().on::<Deliver>().on::<Remind>().on::<Sold>();
    Arc::new(Depot(ledger::handlers(does, Arc::new(()), SqlShop)))
}

/// The handlers of another context with the same port.
struct Depot(Arc<dyn MessageHandlers>);

impl MessageHandlers for Depot {
    fn name(&self) -> &'static str {
        "depot"
    }

    fn messages(&self) -> Vec<HandledMessage> {
        self.0.messages()
    }

    fn prepare<'a>(&'a self, name: &str, payload: &'a str, origin: &'a MessageMeta) -> Option<HandlerFuture<'a>> {
        self.0.prepare(name, payload, origin)
    }
}
