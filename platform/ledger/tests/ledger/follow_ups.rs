//! The follow-ups of a command, and its status meanwhile.

use crate::shop::{Act, Deliver, depot, shop};
use crate::world::{Hints, Running, World, id, until};
use kernel::MessageId;
use ledger::Status;
use use_case::Outgoing;

async fn status(node: &Running, id: MessageId) -> Status {
    node.ledger.command(id).await.unwrap().unwrap().status
}

/// Works for the shop alone, so that messages to the depot wait.
async fn shop_alone(world: &World) -> Running {
    let mut node = world.idle().await;
    node.work_where(4, |queue| queue.context == "shop").await;
    node
}

#[tokio::test]
async fn a_command_succeeds_when_all_that_it_set_in_motion_has() {
    for world in World::each().await {
        let mut node = world.idle().await;
        let subject = id();
        let command = node
            .accept(world.sell_about(subject, 1, Act::Send { breaks: false }).traced(Some("00-trace".to_owned())))
            .await;
        assert_eq!(status(&node, command).await, Status::Accepted);

        node.work_where(4, |queue| queue.context == "shop").await;
        world.until_status(command, "succeeded").await;
        let half = node.ledger.command(command).await.unwrap().unwrap();
        assert_eq!(
            (half.status, half.finished_at),
            (Status::Running, None),
            "{}: its follow-up is not done",
            world.kind()
        );
        assert_eq!(half.follow_ups.len(), 1);
        assert_eq!(half.follow_ups[0].name, "depot.deliver.v1");
        assert_eq!((half.follow_ups[0].context.as_str(), half.follow_ups[0].status), ("depot", Status::Accepted));
        let inherited = world
            .sql_on(command, "update ledger_messages set hinted_at = hinted_at where root = $1 and id <> $1 and principal = 'ada' \
                 and traceparent = '00-trace' and context = 'depot' and lane = 'fast' and route is null and idempotency_key is null")
            .await;
        assert_eq!(inherited, 1, "{}: a follow-up inherits root, principal and trace", world.kind());

        node.work_where(4, |queue| queue.context == "depot").await;
        let done = node.outcome(command).await;
        assert_eq!((done.status, done.follow_ups[0].status), (Status::Succeeded, Status::Succeeded));
        assert!(done.finished_at.is_some() && done.error.is_none());
        assert_eq!(world.effects(subject).await, [1, 1]);
    }
}

#[tokio::test]
async fn a_follow_up_that_fails_for_good_fails_the_command_and_committed_changes_stay() {
    for world in World::each().await {
        let node = world.node().await;
        let subject = id();
        let command = node.accept(world.sell_about(subject, 1, Act::Send { breaks: true })).await;
        let done = node.outcome(command).await;
        assert_eq!(done.status, Status::Failed, "{}", world.kind());
        assert_eq!(done.error.unwrap().code, "follow_up_failed");
        assert_eq!(done.follow_ups[0].status, Status::Failed);
        assert_eq!(world.row(command).await.status, "succeeded");
        assert_eq!(world.effects(subject).await, [1]);
        let kept = "select count(*) from ledger_messages where status = 'failed' and payload is not null";
        assert_eq!(world.number(kept).await, 1);
    }
}

#[tokio::test]
async fn a_message_to_an_unknown_context_rolls_back_and_the_command_becomes_a_dead_letter() {
    for world in World::each().await {
        let node = world.node().await;
        let command = node.accept(world.sell(Act::SendToUnknownContext)).await;
        let done = node.outcome(command).await;
        assert_eq!(done.status, Status::Failed, "{}", world.kind());
        assert_eq!(done.error.unwrap().code, "broken");
        let row = world.row(command).await;
        assert!(row.payload.is_some() && row.errors.contains("nowhere.do.v1"), "{row:?}");
        assert_eq!(world.number("select count(*) from effects").await, 0, "{}: nothing is kept", world.kind());
        assert_eq!(world.number("select count(*) from ledger_messages").await, 1);
    }
}

#[tokio::test]
async fn an_event_becomes_a_row_for_each_context_that_subscribed_to_it() {
    for world in World::each().await {
        let mut node = shop_alone(&world).await;
        let unheard = node.accept(world.sell(Act::Publish)).await;
        assert_eq!(node.outcome(unheard).await.follow_ups.len(), 0, "no context has subscribed");

        world.subscribe("shop.item_sold.v1", "depot", "fast").await;
        world.subscribe("shop.item_returned.v1", "depot", "fast").await;
        let command = node.accept(world.sell(Act::Publish)).await;
        world.until_status(command, "succeeded").await;
        let half = node.ledger.command(command).await.unwrap().unwrap();
        assert_eq!(half.status, Status::Running);
        let to: Vec<_> = half.follow_ups.iter().map(|row| (row.name.as_str(), row.context.as_str())).collect();
        assert_eq!(to, [("shop.item_sold.v1", "depot")], "{}", world.kind());

        node.work_where(4, |queue| queue.context == "depot").await;
        assert_eq!(node.outcome(command).await.status, Status::Succeeded);
    }
}

#[tokio::test]
async fn a_subscriber_that_only_newer_nodes_know_gets_its_row_and_waits_for_them() {
    for world in World::each().await {
        world.subscribe("shop.item_sold.v1", "depot", "fast").await;
        // This node does not know the depot.
        let mut old = world.idle_with(Hints::default(), vec![shop()]).await;
        old.work(4).await;
        let command = old.accept(world.sell(Act::Publish)).await;
        world.until_status(command, "succeeded").await;
        assert_eq!(status(&old, command).await, Status::Running, "{}: the event is not lost", world.kind());
        let mut new = world.idle_with(Hints::default(), vec![shop(), depot()]).await;
        new.work(4).await;
        assert_eq!(new.outcome(command).await.status, Status::Succeeded, "{}", world.kind());
    }
}

#[tokio::test]
async fn a_failed_attempt_leaves_no_rows() {
    for world in World::each().await {
        let mut node = shop_alone(&world).await;
        let subject = id();
        // The handler runs to its end, follow-up and all, and the commit is refused.
        let guard = (
            "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not yet'; end $$",
            "create trigger refuse before insert on ledger_messages when new.context = 'depot' begin select raise(abort, 'not yet'); end",
        );
        world.sql(guard).await;
        if world.db.is_shared() {
            world.sql("create trigger refuse before insert on ledger_messages for each row when (new.context = 'depot') execute function refuse()").await;
        }
        let command = node.accept(world.sell_about(subject, 1, Act::Send { breaks: false })).await;
        until("it was tried", async || world.row(command).await.attempts >= 1).await;
        assert!(world.effects(subject).await.is_empty(), "{}", world.kind());
        world.sql(("drop trigger refuse on ledger_messages", "drop trigger refuse")).await;
        world.all_due().await;
        node.work_where(4, |queue| queue.context == "depot").await;
        assert_eq!(node.outcome(command).await.status, Status::Succeeded);
        assert_eq!(world.effects(subject).await, [1, 1], "{}", world.kind());
        assert_eq!(world.number("select count(*) from ledger_messages").await, 2);
    }
}

#[tokio::test]
async fn a_command_does_not_wait_for_a_follow_up_whose_handler_says_so() {
    for world in World::each().await {
        let mut node = shop_alone(&world).await;
        let command = node.accept(world.sell_about(id(), 1, Act::SendUnawaited)).await;
        let done = node.outcome(command).await;
        assert_eq!((done.status, done.follow_ups.len()), (Status::Succeeded, 1), "{}", world.kind());
        assert_eq!((done.follow_ups[0].awaited, done.follow_ups[0].status), (false, Status::Accepted));
        node.work_where(4, |queue| queue.context == "depot").await;
        until("it is handled later", async || world.number("select count(*) from effects").await == 2).await;
    }
}

#[tokio::test]
async fn a_follow_up_can_be_sent_outside_a_handler() {
    for world in World::each().await {
        let node = world.node().await;
        let subject = id();
        let message = Outgoing::new_message(&Deliver(world.job(subject, 1, Act::Note)));
        let mut undone = world.db.begin().await.unwrap();
        ledger::post(&mut undone, &message, "ada").await.unwrap();
        drop(undone);
        let mut tx = world.db.begin().await.unwrap();
        ledger::post(&mut tx, &message, "ada").await.unwrap();
        tx.commit().await.unwrap();
        until("it is handled", async || world.effects(subject).await == [1]).await;
        until("it has ended", async || {
            let sql =
                "select count(*) from ledger_messages where status = 'succeeded' and id = root and principal = 'ada'";
            world.number(sql).await == 1
        })
        .await;
        drop(node);
    }
}
