//! Tests of every use case through HTTP, in one test per combination of database and hints.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a step that does not work fails the test")]

mod administration;
mod ahead;
mod authority;
mod bad_input;
mod caching;
mod commands;
mod deactivation;
mod duplicates;
mod guesses;
mod hang_ups;
mod idempotency;
mod last_administrator;
mod limits;
mod nodes;
mod on_record;
mod openapi;
mod pages;
mod permissions;
mod prefer;
mod refresh_grace;
mod service_keys;
mod session_races;
mod shares;
mod sign_in;
mod tolerance;
mod update_user;
mod user_lists;
mod users;
mod worlds;
