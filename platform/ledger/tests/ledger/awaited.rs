//! Rows that a command does not wait for: they are shown and retried, and never change the command's outcome.

use crate::shop::{Act, shop};
use crate::world::{Hints, PATIENCE, World, until};
use kernel::MessageId;
use ledger::{Status, dead_letters};
use tokio::time::Instant;

const SOLD: &str = "shop.item_sold.v1";

/// The follow-ups of a command: name, context, status, whether awaited.
async fn parts(world: &World, command: MessageId) -> Vec<(String, String, String, bool)> {
    let rows = dead_letters::show(&world.db, command).await.unwrap();
    rows.into_iter().skip(1).map(|it| (it.name, it.context, it.status, it.awaited)).collect()
}

fn part(name: &str, context: &str, status: &str, awaited: bool) -> (String, String, String, bool) {
    (name.to_owned(), context.to_owned(), status.to_owned(), awaited)
}

#[tokio::test]
async fn a_reaction_that_is_not_awaited_never_changes_the_outcome_of_its_command() {
    for world in World::each().await {
        world.subscribe_unawaited(SOLD, "depot", "fast").await;
        let mut node = world.idle().await;
        node.work_where(4, |queue| queue.context == "shop").await;
        let command = node.accept(world.sell(Act::Publish)).await;
        let done = node.outcome(command).await;
        assert_eq!(done.status, Status::Succeeded, "{}: its reaction has not begun", world.kind());
        assert_eq!(
            done.follow_ups.iter().map(|it| (it.status, it.awaited)).collect::<Vec<_>>(),
            [(Status::Accepted, false)]
        );
        assert!(done.finished_at.is_some());

        let spoil = "update ledger_messages set payload = 'x' || payload where root = $1 and id <> $1";
        world.sql_on(command, spoil).await;
        node.work_where(4, |queue| queue.context == "depot").await;
        until("it has failed", async || parts(&world, command).await == [part(SOLD, "depot", "failed", false)]).await;
        let after = node.ledger.command(command).await.unwrap().unwrap();
        assert_eq!((after.status, after.finished_at, after.error), (Status::Succeeded, done.finished_at, None));
        assert_eq!(after.follow_ups[0].status, Status::Failed, "{}: it is shown", world.kind());

        let mend = "update ledger_messages set payload = substr(payload, 2) where root = $1 and id <> $1";
        world.sql_on(command, mend).await;
        assert_eq!(dead_letters::retry(&world.db, command).await.unwrap(), 1, "{}", world.kind());
        until("it has been done", async || parts(&world, command).await == [part(SOLD, "depot", "succeeded", false)])
            .await;
        assert_eq!(node.ledger.command(command).await.unwrap().unwrap().status, Status::Succeeded);
    }
}

#[tokio::test]
async fn a_failed_part_that_is_not_awaited_can_be_discarded() {
    for world in World::each().await {
        world.subscribe_unawaited(SOLD, "depot", "fast").await;
        let mut node = world.idle().await;
        node.work_where(4, |queue| queue.context == "shop").await;
        let command = node.accept(world.sell(Act::Publish)).await;
        node.outcome(command).await;
        world.sql_on(command, "update ledger_messages set payload = 'x' where root = $1 and id <> $1").await;
        node.work_where(4, |queue| queue.context == "depot").await;
        until("it has failed", async || parts(&world, command).await == [part(SOLD, "depot", "failed", false)]).await;
        let failed = dead_letters::list(&world.db, Some("failed"), 10).await.unwrap();
        assert_eq!(failed.iter().map(|it| (it.root, it.awaited)).collect::<Vec<_>>(), [(command, false)]);
        assert_eq!(dead_letters::discard(&world.db, command, "not worth it").await.unwrap(), 1);
        assert_eq!(dead_letters::retry(&world.db, command).await.unwrap(), 0);
        assert_eq!(node.ledger.command(command).await.unwrap().unwrap().status, Status::Succeeded);
    }
}

#[tokio::test]
async fn follow_ups_of_a_row_that_is_not_awaited_are_not_awaited_either() {
    for world in World::each().await {
        world.subscribe_unawaited(SOLD, "depot", "fast").await;
        let node = world.node().await;
        let command = node.accept(world.sell(Act::PublishAndBreakLater)).await;
        let all = [part(SOLD, "depot", "succeeded", false), part("depot.deliver.v1", "depot", "failed", false)];
        until("it has failed", async || parts(&world, command).await == all).await;
        assert_eq!(node.outcome(command).await.status, Status::Succeeded, "{}", world.kind());
    }
}

#[tokio::test]
async fn an_awaited_subscriber_of_the_same_event_is_waited_for() {
    for world in World::each().await {
        world.subscribe_unawaited(SOLD, "elsewhere", "fast").await;
        world.subscribe(SOLD, "depot", "fast").await;
        let mut node = world.idle().await;
        node.work_where(4, |queue| queue.context == "shop").await;
        let command = node.accept(world.sell(Act::PublishAndBreakLater)).await;
        world.until_status(command, "succeeded").await;
        assert_eq!(node.ledger.command(command).await.unwrap().unwrap().status, Status::Running, "{}", world.kind());
        node.work_where(4, |queue| queue.context == "depot").await;
        let done = node.outcome(command).await;
        assert_eq!(done.status, Status::Failed, "{}: a message that an awaited row sends is awaited", world.kind());
        assert_eq!(done.error.unwrap().code, "follow_up_failed");
        assert!(parts(&world, command).await.contains(&part(SOLD, "elsewhere", "accepted", false)));
    }
}

#[tokio::test]
async fn a_waiter_is_woken_before_unawaited_rows_are_done_even_when_the_wake_up_is_lost() {
    for world in World::each().await {
        world.subscribe_unawaited(SOLD, "depot", "fast").await;
        let node = world.idle_with(Hints::default(), vec![shop()]).await;
        let command = node.accept(world.sell(Act::Note)).await;
        let mut watch = node.ledger.watch(command);
        let deadline = Instant::now() + PATIENCE;
        assert_eq!(watch.next(deadline).await.unwrap().unwrap().status, Status::Accepted);
        // Another process has executed it, and this one gets no notification.
        let done = (
            "with it as (update ledger_messages set status = 'succeeded', payload = null, finished_at = now() where id = $1 returning *) \
             insert into ledger_messages (id, root, context, lane, name, subject, principal, awaited) \
             select gen_random_uuid(), root, 'depot', 'fast', 'shop.item_sold.v1', subject, principal, false from it",
            "insert into ledger_messages (id, root, context, lane, name, subject, principal, awaited) \
             select randomblob(16), root, 'depot', 'fast', 'shop.item_sold.v1', subject, principal, 0 from ledger_messages where id = $1",
        );
        world.sql_on(command, done).await;
        if !world.db.is_shared() {
            world
                .sql_on(
                    command,
                    "update ledger_messages set status = 'succeeded', payload = null, finished_at = 1 where id = $1",
                )
                .await;
        }
        let latest = watch.next(deadline).await.unwrap().expect("a change");
        assert_eq!(latest.status, Status::Succeeded, "{}", world.kind());
    }
}
