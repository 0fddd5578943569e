//! More than can be done in time is turned away before anything is promised.

use crate::shop::Act;
use crate::world::{MAX_DELAY, World, until};
use futures::future::join_all;
use ledger::AcceptError;
use std::time::Duration;

const SELL: &[&str] = &["shop.sell.v1"];
const ENGRAVE: &[&str] = &["shop.engrave.v1"];

#[tokio::test]
async fn a_lane_that_holds_too_much_turns_commands_away_and_says_when_to_come_back() {
    for world in World::each().await {
        let node = world.idle().await;
        assert_eq!(node.ledger.admit(SELL).unwrap(), Duration::ZERO);
        // Sixty in thirty seconds: two in a second.
        join_all((0..60).map(|_| node.accept(world.sell(Act::Note)))).await;
        let done = (
            "update ledger_messages set status = 'succeeded', accepted_at = now() - interval '40 s', finished_at = now()",
            "update ledger_messages set status = 'succeeded', accepted_at = accepted_at - 40000000, finished_at = accepted_at",
        );
        world.sql(done).await;
        let lately = (
            "update ledger_messages set finished_at = now() where finished_at is not null",
            "update ledger_messages set finished_at = cast(unixepoch('subsec') * 1000000 as integer) where finished_at is not null",
        );
        join_all((0..200).map(|_| node.accept(world.sell(Act::Note)))).await;
        let waiting = (
            "update ledger_messages set next_attempt_at = now() - interval '40 s' where status = 'accepted'",
            "update ledger_messages set next_attempt_at = next_attempt_at - 40000000 where status = 'accepted'",
        );
        world.sql(waiting).await;
        until("the lane is measured", async || {
            // However long that takes: it was finished lately.
            world.sql(lately).await;
            node.ledger.admit(SELL).is_err()
        })
        .await;
        let Err(AcceptError::Overloaded { retry_after }) = node.ledger.admit(SELL) else { panic!("{}", world.kind()) };
        // 200 at two in a second are 100 s, and 60 s are allowed.
        assert_eq!(retry_after, Duration::from_secs(100) - MAX_DELAY, "{}", world.kind());
        assert!(node.ledger.admit(ENGRAVE).is_ok(), "{}: the other lane is free", world.kind());
        assert!(node.ledger.admit(&["shop.engrave.v1", "shop.sell.v1"]).is_err(), "the fullest counts");

        world.sql("delete from ledger_messages where status = 'accepted'").await;
        until("there is room again", async || node.ledger.admit(SELL).is_ok()).await;
    }
}

#[tokio::test]
async fn a_burst_after_a_quiet_time_is_judged_by_what_is_done_since_it_came() {
    for world in World::each().await {
        let node = world.idle().await;
        // A burst that came three seconds ago; sixty of it are done: twenty in a second.
        join_all((0..200).map(|_| node.accept(world.sell(Act::Note)))).await;
        let burst = (
            "update ledger_messages set next_attempt_at = now() - interval '3 s'",
            "update ledger_messages set next_attempt_at = cast(unixepoch('subsec') * 1000000 as integer) - 3000000",
        );
        let done = (
            "update ledger_messages set status = 'succeeded', finished_at = now() where id in (select id from ledger_messages limit 60)",
            "update ledger_messages set status = 'succeeded', finished_at = cast(unixepoch('subsec') * 1000000 as integer) \
             where id in (select id from ledger_messages limit 60)",
        );
        world.sql(done).await;
        let lately = (
            "update ledger_messages set finished_at = now() where finished_at is not null",
            "update ledger_messages set finished_at = cast(unixepoch('subsec') * 1000000 as integer) where finished_at is not null",
        );
        until("the lane is measured", async || {
            // However long that takes: it came three seconds ago.
            world.sql(burst).await;
            world.sql(lately).await;
            !node.ledger.admit(SELL).is_ok_and(|wait| wait.is_zero())
        })
        .await;
        // Over the last thirty seconds it would be two in a second, and 100 s.
        assert!(node.ledger.admit(SELL).is_ok(), "{}: {:?}", world.kind(), node.ledger.admit(SELL));
    }
}
