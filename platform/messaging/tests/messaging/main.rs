//! Hints within one process and through RabbitMQ pass the same suite. RabbitMQ passes a further one.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod broken;
mod broker;
mod queues;
mod rabbitmq;
mod suite;
mod world;
