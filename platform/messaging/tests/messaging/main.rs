//! Hints in process and by RabbitMQ pass the same suite; RabbitMQ passes one of its own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod broken;
mod broker;
mod queues;
mod rabbitmq;
mod suite;
mod world;
