//! Commands whose retention has ended.

use crate::shop::Act;
use crate::world::{World, until};
use futures::future::join_all;
use kernel::MessageId;
use persistence::sql;

/// Moves every finish time 31 days into the past.
const AGED: (&str, &str) =
    sql!("update ledger_messages set finished_at = finished_at - {31 d} where finished_at is not null");

#[tokio::test]
async fn old_commands_are_deleted_as_a_whole_and_failed_ones_are_kept() {
    for world in World::each().await {
        let node = world.node().await;
        let mut ids = Vec::new();
        let acts = [
            Act::Note,
            Act::Send { breaks: false },
            Act::Reject,
            Act::Break,
            Act::Send { breaks: true },
            Act::Send { breaks: false },
        ];
        for act in acts {
            let command = node.accept(world.sell(act)).await;
            node.outcome(command).await;
            ids.push(command);
        }
        let [old, old_with_follow_up, rejected, failed, failed_later, settled_lately] = ids[..] else { panic!() };
        drop(node);
        world.sql(AGED).await;
        let lately = sql!("update ledger_messages set finished_at = {now} where root = $1 and id <> $1");
        world.sql_on(settled_lately, lately).await;

        let node = world.node().await;
        let fresh = node.accept(world.sell(Act::Send { breaks: false })).await;
        node.outcome(fresh).await;
        let gone = async |id: MessageId| node.ledger.command(id).await.unwrap().is_none();
        for id in [old, old_with_follow_up, rejected] {
            until("it is deleted", async || gone(id).await).await;
        }
        for id in [failed, failed_later, settled_lately, fresh] {
            assert!(!gone(id).await, "{}", world.kind());
        }
        // Two rows for each command with a follow-up, and one for the failed command.
        assert_eq!(
            world.number("select count(*) from ledger_messages").await,
            7,
            "{}: whole or not at all",
            world.kind()
        );
    }
}

#[tokio::test]
async fn more_than_one_batch_is_deleted_at_once() {
    for world in World::each().await {
        let node = world.idle().await;
        let all = join_all((0..1_300).map(|_| node.accept(world.sell(Act::Note)))).await;
        assert_eq!(all.len(), 1_300);
        drop(node);
        world.sql("update ledger_messages set status = 'succeeded', payload = null, finished_at = accepted_at").await;
        world.sql(AGED).await;
        let _node = world.idle().await;
        until("all are deleted", async || world.number("select count(*) from ledger_messages").await == 0).await;
    }
}
