//! Fault tests: real processes on real servers are killed with -9 while people sign up or mails are sent. No accepted
//! command and no mail is lost.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

// The broker helper of the messaging crate's own tests.
#[path = "../../../platform/messaging/tests/messaging/broker.rs"]
#[expect(dead_code, reason = "not every fault is needed here")]
mod broker;
mod embedded;
mod mail;
mod scale_out;
mod verdict;
