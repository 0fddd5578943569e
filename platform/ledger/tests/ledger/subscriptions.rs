//! Subscriptions follow from the handlers of a context.

use crate::shop::{Act, depot, shop};
use crate::world::{Hints, World, id, until};
use ledger::{Subscription, missing_subscriptions, subscribe};
use use_case::{HandledMessage, Lane};

fn of_the_depot() -> Vec<Subscription> {
    Subscription::of("depot", depot().messages())
}

#[tokio::test]
async fn a_context_subscribes_to_the_events_that_it_handles_and_to_nothing_else() {
    for world in World::each().await {
        assert_eq!(missing_subscriptions(&world.db, &of_the_depot()).await.unwrap(), 1, "it handles one event");
        for _ in 0..2 {
            subscribe(&world.db, &of_the_depot()).await.unwrap();
            assert_eq!(missing_subscriptions(&world.db, &of_the_depot()).await.unwrap(), 0);
            let sql = "select count(*) from ledger_subscriptions where event = 'shop.item_sold.v1' and context = 'depot' \
                 and lane = 'fast'";
            assert_eq!(world.number(sql).await, 1);
            assert_eq!(world.number("select count(*) from ledger_subscriptions").await, 1);
        }
    }
}

#[tokio::test]
async fn a_changed_handler_changes_its_subscription_and_a_missing_one_keeps_it() {
    for world in World::each().await {
        subscribe(&world.db, &of_the_depot()).await.unwrap();
        let slower = HandledMessage { name: "shop.item_sold.v1", lane: Lane::Slow, is_event: true, awaited: false };
        let slower = Subscription::of("depot", vec![slower]);
        assert_eq!(missing_subscriptions(&world.db, &slower).await.unwrap(), 0, "nodes of both versions are ready");
        subscribe(&world.db, &slower).await.unwrap();
        subscribe(&world.db, &[]).await.unwrap();
        let sql = "select count(*) from ledger_subscriptions where lane = 'slow' and not awaited";
        assert_eq!(world.number(sql).await, 1);
    }
}

#[tokio::test]
async fn a_node_without_a_handler_sends_the_event_to_the_nodes_that_have_it() {
    for world in World::each().await {
        subscribe(&world.db, &of_the_depot()).await.unwrap();
        let subject = id();
        let mut old = world.idle_with(Hints::default(), vec![shop()]).await;
        old.work(4).await;
        let command = old.accept(world.sell_about(subject, 1, Act::Publish)).await;
        world.until_status(command, "succeeded").await;
        assert_eq!(world.effects(subject).await, [1], "the old node has no reaction");
        old.node.stop().await;

        let new = world.node().await;
        until("the new node reacts", async || world.effects(subject).await == [1, 1]).await;
        new.node.stop().await;
    }
}
