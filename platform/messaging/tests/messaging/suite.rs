//! The tests that both ways of sending hints pass.

use crate::world::{FAST, SLOW, World, connected, heard, hint};
use futures::FutureExt as _;
use ledger::{HintReceiver, HintSender, Queue};
use messaging::{InProcess, RabbitMq};

/// The common interface of both ways. Each has its own type of receiver.
trait Hints: HintSender {
    fn ear(&self, queue: &Queue) -> impl HintReceiver + use<Self>;
}

impl Hints for InProcess {
    fn ear(&self, queue: &Queue) -> impl HintReceiver + use<> {
        self.listen(queue)
    }
}

impl Hints for RabbitMq {
    fn ear(&self, queue: &Queue) -> impl HintReceiver + use<> {
        self.listen(queue)
    }
}

/// Makes two tests of each function: one within the process, and one through RabbitMQ.
macro_rules! both {
    ($($name:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&messaging::InProcess::default()).await;
            })*
        }
        mod by_rabbitmq {
            $(#[tokio::test]
            async fn $name() {
                let Some(world) = super::World::new().await else { return };
                let hints = world.worker();
                super::connected(&hints).await;
                super::$name(&hints).await;
                hints.shutdown().await;
                world.end().await;
            })*
        }
    };
}

both! {
    an_announced_hint_is_received,
    a_hint_that_came_before_a_listener_is_received,
    queues_do_not_mix,
    a_listener_that_gave_up_waiting_loses_nothing,
    a_burst_wakes_a_worker_and_swallows_no_later_hint,
    announcing_does_not_wait_for_a_listener,
    an_empty_list_wakes_the_workers_of_this_process,
}

async fn an_announced_hint_is_received(hints: &impl Hints) {
    let mut ear = hints.ear(&FAST);
    for _ in 0..10 {
        let hint = hint();
        hints.announce(&FAST, vec![hint.clone()]);
        let wake_up = heard(&mut ear).await;
        assert!(wake_up.id.is_none_or(|id| id == hint.id));
    }
}

async fn a_hint_that_came_before_a_listener_is_received(hints: &impl Hints) {
    hints.announce(&FAST, vec![hint()]);
    heard(&mut hints.ear(&FAST)).await;
}

async fn queues_do_not_mix(hints: &impl Hints) {
    let (mut fast, mut slow) = (hints.ear(&FAST), hints.ear(&SLOW));
    hints.announce(&FAST, vec![hint()]);
    heard(&mut fast).await;
    assert!(slow.next().now_or_never().is_none(), "the other queue was woken");
    let hint = hint();
    hints.announce(&SLOW, vec![hint.clone()]);
    let wake_up = heard(&mut slow).await;
    assert!(wake_up.id.is_none_or(|id| id == hint.id), "it heard the other queue's hint");
    assert!(fast.next().now_or_never().is_none(), "the other queue was woken");
}

async fn a_listener_that_gave_up_waiting_loses_nothing(hints: &impl Hints) {
    let mut ear = hints.ear(&FAST);
    for _ in 0..10 {
        assert!(ear.next().now_or_never().is_none());
        hints.announce(&FAST, vec![hint()]);
        // This may find the hint or not. In either case one wake-up is left, or was taken.
        if ear.next().now_or_never().is_none() {
            heard(&mut ear).await;
        }
    }
}

async fn a_burst_wakes_a_worker_and_swallows_no_later_hint(hints: &impl Hints) {
    let mut ear = hints.ear(&FAST);
    hints.announce(&FAST, (0..500).map(|_| hint()).collect());
    drop(heard(&mut ear).await);
    // Many hints may have become one wake-up, but a later hint is not swallowed.
    while ear.next().now_or_never().is_some() {}
    hints.announce(&FAST, vec![hint()]);
    heard(&mut ear).await;
}

/// The test has one thread, so nothing else runs meanwhile that announcing could wait for.
async fn announcing_does_not_wait_for_a_listener(hints: &impl Hints) {
    for _ in 0..100 {
        hints.announce(&SLOW, (0..100).map(|_| hint()).collect());
    }
    heard(&mut hints.ear(&SLOW)).await;
}

async fn an_empty_list_wakes_the_workers_of_this_process(hints: &impl Hints) {
    let mut ear = hints.ear(&FAST);
    hints.announce(&FAST, Vec::new());
    assert!(heard(&mut ear).await.id.is_none());
    assert!(ear.next().now_or_never().is_none());
}
