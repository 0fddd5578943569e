//! Whatever is killed, no promise is broken: real processes on real servers, killed with -9 while
//! people sign up.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

// The same broker that the messaging's own tests kill.
#[path = "../../../platform/messaging/tests/messaging/broker.rs"]
#[expect(dead_code, reason = "not every fault is needed here")]
mod broker;
mod embedded;
mod scale_out;
mod verdict;
