//! Commands that cannot be executed in time are rejected before anything is promised.

use crate::shop::Act;
use crate::world::{MAX_DELAY, World, until};
use futures::future::join_all;
use ledger::AcceptError;
use persistence::sql;
use std::time::Duration;

const SELL: &[&str] = &["shop.sell.v1"];
const ENGRAVE: &[&str] = &["shop.engrave.v1"];

#[tokio::test]
async fn an_overloaded_lane_rejects_commands_and_says_when_to_retry() {
    for world in World::each().await {
        let node = world.idle().await;
        assert_eq!(node.ledger.admit(SELL).unwrap(), Duration::ZERO);
        // Sixty in thirty seconds are two per second.
        join_all((0..60).map(|_| node.accept(world.sell(Act::Note)))).await;
        let done =
            sql!("update ledger_messages set status = 'succeeded', accepted_at = {now} - {40 s}, finished_at = {now}");
        world.sql(done).await;
        let lately = sql!("update ledger_messages set finished_at = {now} where finished_at is not null");
        join_all((0..200).map(|_| node.accept(world.sell(Act::Note)))).await;
        let waiting = sql!("update ledger_messages set next_attempt_at = {now} - {40 s} where status = 'accepted'");
        world.sql(waiting).await;
        until("the lane is measured", async || {
            // The measurement may take long, so keep the finish times recent.
            world.sql(lately).await;
            node.ledger.admit(SELL).is_err()
        })
        .await;
        let Err(AcceptError::Overloaded { retry_after }) = node.ledger.admit(SELL) else { panic!("{}", world.kind()) };
        // 200 commands at two per second take 100 s, and 60 s are allowed.
        assert_eq!(retry_after, Duration::from_secs(100) - MAX_DELAY, "{}", world.kind());
        assert!(node.ledger.admit(ENGRAVE).is_ok(), "{}: the other lane is free", world.kind());
        assert!(node.ledger.admit(&["shop.engrave.v1", "shop.sell.v1"]).is_err(), "the fullest counts");

        world.sql("delete from ledger_messages where status = 'accepted'").await;
        until("there is room again", async || node.ledger.admit(SELL).is_ok()).await;
    }
}

#[tokio::test]
async fn the_rate_of_a_burst_after_a_quiet_time_counts_from_its_beginning() {
    for world in World::each().await {
        let node = world.idle().await;
        // The burst came three seconds ago, and sixty of it are done: twenty per second.
        join_all((0..200).map(|_| node.accept(world.sell(Act::Note)))).await;
        let burst = sql!("update ledger_messages set next_attempt_at = {now} - {3 s}");
        let done = sql!(
            "update ledger_messages set status = 'succeeded', finished_at = {now} where id in (select id from ledger_messages limit 60)"
        );
        world.sql(done).await;
        let lately = sql!("update ledger_messages set finished_at = {now} where finished_at is not null");
        until("the lane is measured", async || {
            // The measurement may take long, so keep the burst three seconds old.
            world.sql(burst).await;
            world.sql(lately).await;
            !node.ledger.admit(SELL).is_ok_and(|wait| wait.is_zero())
        })
        .await;
        // Over the last thirty seconds it would be two per second, and 100 s.
        assert!(node.ledger.admit(SELL).is_ok(), "{}: {:?}", world.kind(), node.ledger.admit(SELL));
    }
}
