//! Sending hints to workers: within one process, or through RabbitMQ.
//!
//! Both implement the traits of [`ledger`]. A hint may be lost, duplicated, delayed or reordered. Only the ledger
//! decides what is to be done.

mod in_process;
mod rabbitmq;

pub use in_process::InProcess;
pub use rabbitmq::{Address, AddressError, BrokerState, RabbitMq};
#[cfg(feature = "testing")]
pub use rabbitmq::{HintEvent, delete_queues};
